"""What operations heads and auditors see: figures with their rows, one client's part alone, and nothing to change."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from access_review import store
from access_review.artifacts import SAMPLE, WORKLIST
from access_review.store import audits
from tests.evidence.verifiers import second
from tests.support.command import access_review
from tests.web.company import Served, served_copy

HEAD, CLIENT_HEAD, AUDITOR = 3, 4, 5
"""Which reviewers, by how many items they have, are given another role too."""


@pytest.fixture(scope="module")
def served(audited_example: Path) -> Iterator[Served]:
    made = served_copy(audited_example)
    who = made.reviewers()
    path = audited_example / "roles/policy.yaml"
    roles = (
        f"  operations:\n    - {{person: '{who[HEAD]}'}}\n    - {{person: '{who[CLIENT_HEAD]}', clients: [HARBOR]}}\n"
        f"  auditors: ['{who[AUDITOR]}']\n"
    )
    path.write_text(path.read_text("utf-8") + roles, encoding="utf-8")
    yield made
    made.site.close()


def test_a_head_sees_who_left_who_is_waited_for_and_how_the_weeks_go(served):
    page = served.signed_in(served.reviewers()[HEAD]).get("/status")
    assert page.status_code == 200, page.text
    for name in ("iwona.kos", "adm-bruno.zych", "Bruno Zych", "the account is enabled"):
        assert name in page.text
    waiting = audits.waited_for(served.run)
    assert f"<strong>{sum(waiting.values())}</strong>" in page.text
    assert "2026-W45" in page.text
    assert "red, open" in page.text


def test_a_client_head_sees_their_client_alone(served):
    page = served.signed_in(served.reviewers()[CLIENT_HEAD]).get("/status").text
    items = store.read(served.run, WORKLIST).items
    theirs = [one for one in items if "HARBOR" in one.clients]
    others = {one.reviewer_name for one in items} - {one.reviewer_name for one in theirs}
    assert f"<strong>{len(theirs)}</strong>" in page
    assert others
    assert not {name for name in others if f'"row">{name}<' in page}
    assert "red, open" not in page
    assert "The weeks" not in page


def test_an_auditor_sees_runs_draws_and_everything_and_changes_nothing(served):
    auditor = served.signed_in(served.reviewers()[AUDITOR])
    page = auditor.get("/auditor").text
    assert served.run.id in page
    assert store.read(served.run, SAMPLE).run == served.run.id
    assert "No draw was committed to" in page  # the first, which the report calls uncommitted
    assert "grants: " in page
    sample = store.read(served.run, SAMPLE)
    assert sample.commitment in page
    assert sample.root in page
    assert sample.key not in page, "before sign-off"
    assert auditor.get("/status").status_code == 200
    assert auditor.get("/plans").status_code == 200
    assert auditor.post("/passkey", {}).status_code == 403
    other = served.signed_in(served.reviewers()[0])
    assert [other.get(place).status_code for place in ("/status", "/auditor", "/plans")] == [403, 403, 403]


def test_an_auditor_takes_evidence_away_that_both_verifiers_believe_and_nobody_else_does(served, tmp_path):
    auditor, place = served.signed_in(served.reviewers()[AUDITOR]), f"/auditor/{served.run.id}/evidence"
    there = {path for path in served.folder.rglob("*") if "web" not in path.parts}
    sent = auditor.post(place, {"period": "run"})
    assert (sent.status_code, sent.headers["content-type"]) == (200, "application/zip")
    assert sent.headers["content-disposition"] == f'attachment; filename="evidence-{served.run.id}.zip"'
    assert int(sent.headers["content-length"]) == len(sent.content)
    with zipfile.ZipFile(io.BytesIO(sent.content)) as archive:
        archive.extractall(tmp_path)
    head = re.search(r"--head (\d+:sha256:\w+)", auditor.get("/auditor").text)
    assert head
    checked = access_review(served.folder, "evidence", "check", str(tmp_path), "--head", head[1])
    assert checked.code == 0, checked.err
    again = second(tmp_path, "--head", head[1])
    assert again.returncode == 0, again.stdout
    assert {path for path in served.folder.rglob("*") if "web" not in path.parts} == there, "nothing is left here"
    assert auditor.post("/auditor/20200101T000000Z-00000000/evidence", {}).status_code == 404
    assert served.signed_in(served.reviewers()[HEAD]).post(place, {}).status_code == 403
