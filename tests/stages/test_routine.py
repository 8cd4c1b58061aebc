"""The routine through the command line: one audit a week, no stale roster, one client alone."""

import hashlib
import html
import json
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from access_review import runs, store
from access_review import workspace as workspaces
from access_review.artifacts import WORKLIST
from access_review.audit import client_extract as one_client
from access_review.audit.decisions import ReviewerAnswer, decision_on
from access_review.sample import population
from access_review.stages.client import write_client
from access_review.store import reviews, snapshots
from tests.support.command import access_review
from tests.support.example import REPOSITORY

pytestmark = pytest.mark.slow

AT = ("--as-of", "2026-11-02T06:00:00Z")


@pytest.fixture(scope="module")
def audited(audited_example):
    return audited_example


def test_a_second_audit_in_the_week_draws_nothing_and_says_which_one_it_has(audited):
    again = access_review(audited, "--as-of", "2026-11-04T06:00:00Z", "audit")
    assert "none is drawn now: 2026-W45 was drawn in run 20261102T060000Z" in again.out
    told = access_review(audited, "--as-of", "2026-11-04T06:00:00Z", "--json", "remind")
    assert {sent["kind"] for sent in told.json["sent"]} == {"reminder"}
    assert list((audited / "runs/notices").iterdir())
    early = access_review(audited, "--as-of", "2026-11-05T06:00:00Z", "sign-off", "--yes", "--by", "10001")
    assert early.code == 4
    assert "items of 2026-W45 are open" in early.err or "in no roster" in early.err


@pytest.mark.parametrize(
    ("source", "said"), [("hr", "people of hr is incomplete"), ("ledger", "ledger is stale: ")], ids=["roster", "table"]
)
def test_nothing_is_drawn_from_a_stale_source(audited, tmp_path, source, said):
    shutil.copytree(audited / "sources", tmp_path / "sources")
    shutil.copytree(audited / "roles", tmp_path / "roles")
    file = tmp_path / f"sources/{source}.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("\noptions:\n", "\noptions:\n  max_age: 1d\n"), encoding="utf-8"
    )
    stale = access_review(tmp_path, "--as-of", "2099-01-05T06:00:00Z", "audit")
    assert stale.code == 1
    assert f"none is drawn now: {said}" in stale.out
    assert "longer ago than `max_age` allows" in stale.out


def text_of(folder):
    """Return everything that the files of a folder say, those inside workbooks included."""
    said = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                said += [book.read(name).decode("utf-8-sig", errors="replace") for name in book.namelist()]
        elif path.is_file():
            said.append(path.read_text(encoding="utf-8-sig"))
        said.append(path.name)
    return html.unescape("\n".join(said))


def names(name, text):
    """Tell whether a text has a name as a word; an id as short as ``NO`` counts only as it is written."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE if len(name) > 3 else 0)


@pytest.mark.parametrize("client", ["HARBOR", "PINEWAY"])
def test_one_clients_part_has_no_trace_of_anothers_people(audited, client):
    run = runs.find(audited, "20261102T060000Z")
    space = workspaces.load(audited)
    made = write_client(space, run, client, run.as_of)
    card, folder = made.card, made.folder
    with reviews.opened(space, run) as facts:
        engine = facts.engine
        within = one_client.draw_borders(engine, client)
        people = engine.rows("SELECT person, native_id, name, mail FROM people")
        accounts = engine.rows(
            "SELECT person, account, native_id, name, principal_name, mail, display_name FROM accounts"
        )
        units = population.of_client(population.list_units(engine), client)
    assert card["units"] == len(units) > 10
    assert len(within.others) > 50
    called: dict[str, set[str]] = {"foreign": set(), "allowed": set()}
    for row in (*people, *accounts):
        whose = "foreign" if row["person"] in within.others else "allowed"
        called[whose] |= {str(value) for value in row.values() if value}
    # The company's own managers and the client's people may share a name with somebody else.
    hidden = called["foreign"] - called["allowed"]
    assert len(hidden) > 200
    said = text_of(folder)
    folded = said.casefold()
    found = [name for name in sorted(hidden) if name.casefold() in folded and names(name, said)]
    assert found == []
    assert any(row["name"] in said for row in people if row["person"] in within.own)
    assert {path.suffix for path in folder.iterdir()} == {".json", ".csv", ".xlsx"}


def test_the_evidence_names_every_byte_handed_over_and_what_it_rests_on(audited):
    run = runs.find(audited, "20261102T060000Z")
    folder = write_client(workspaces.load(audited), run, "HARBOR", run.as_of).folder
    told = json.loads((folder / "evidence.json").read_bytes())
    there = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "evidence.json"}
    assert told["files"] == {name: f"sha256:{hashlib.sha256(data).hexdigest()}" for name, data in sorted(there.items())}
    assert {"population.json", "findings.csv", "decisions.json", "scorecard.json"} < set(there)
    assert told["format"] == one_client.EVIDENCE
    assert told["snapshot"] == snapshots.read_manifest(run).digest
    assert told["sources"]["hr"]["people"]["complete"] is True
    assert told["sample"]["root"].startswith("sha256:")


def test_an_answer_of_another_clients_reviewer_is_kept_without_the_name(audited):
    run = runs.find(audited, "20261102T060000Z")
    with reviews.opened(workspaces.load(audited), run) as facts:
        engine = facts.engine
        within = one_client.draw_borders(engine, "HARBOR")
        foreign = [row for row in engine.rows("SELECT * FROM people ORDER BY person") if row["person"] in within.others]
    asked = one_client.select_items(store.read(run, WORKLIST).items, within)
    name = next(row["name"] for row in foreign if within.strike(row["name"]) != row["name"])
    said = [
        decision_on(asked[0], ReviewerAnswer.KEEP, by=name, at=date(2026, 11, 3), comment=f"as {name} says"),
        decision_on(replace(asked[0], item="of-another-client"), ReviewerAnswer.KEEP, by=name, at=date(2026, 11, 3)),
    ]
    assert [(one.by, one.comment) for one in one_client.select_decisions(said, asked, within)] == [
        (one_client.STRUCK_OUT, f"as {one_client.STRUCK_OUT} says")
    ]


def test_a_client_that_nobody_works_for_has_no_part(audited):
    assert access_review(audited, *AT, "client", "NOBODY").code == 2
    told = access_review(audited, *AT, "--run", "20261102T060000Z", "--json", "client", "HARBOR")
    assert told.code == 0, told.err
    assert told.json["units"] > 10


def test_the_trend_has_every_week_and_the_coverage_clock(audited):
    told = access_review(audited, "--as-of", "2026-11-06T06:00:00Z", "--json", "trend")
    assert told.code == 0, told.err
    first = told.json["weeks"][0]
    assert (first["week"], first["findings"]) == ("2026-W45", 101)
    # Nobody has answered, so everything may be wrong.
    assert first["wrong"] == first["missed"] == 1.0
    assert told.json["coverage"]["units"] > 100
    assert told.json["coverage"]["overdue"] == 0
    shown = access_review(audited, "--as-of", "2026-11-06T06:00:00Z", "trend").out
    assert "100%" in shown
    assert "none asked" in shown
    assert told.json["reviewers"] == []
    assert "Limits hold with 95% confidence" in shown


SCHEDULE = REPOSITORY / "runbooks/schedule"


def scheduled():
    """Yield the words after the program of every command that the examples of schedules run."""
    for file in sorted(SCHEDULE.iterdir()):
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".xml":
            root = ET.fromstring(text)  # noqa: S314 - our own file
            found = [node.text for node in root.iter() if node.tag.endswith("}Arguments")]
        else:
            found = re.findall(r"^(?!#).*/bin/access-review (?:-C \S+ )?(.*)$", text, re.MULTILINE)
        yield from ((file.name, words.split()) for words in found)


def test_what_the_schedules_run_is_what_there_is(audited):
    ran = list(scheduled())
    assert {name for name, _ in ran} == {
        "access-review-daily.service",
        "access-review-standing.service",
        "access-review-watch.service",
        "access-review-web.service",
        "access-review-weekly.service",
        "access-review-daily.xml",
        "access-review-standing.xml",
        "access-review-weekly.xml",
        "crontab",
    }
    lasting = {tuple(words) for _, words in ran if {"watch", "serve"} & {*words}}
    assert len(lasting) == 2  # each is run by tests of its own
    for words in {tuple(words) for _, words in ran} - lasting:
        done = access_review(audited, "--as-of", "2026-11-06T06:00:00Z", *words)
        # The example has no standing approval, which is a refusal in its own right.
        assert done.code == (4 if "--standing" in words else 0), (words, done.err)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_the_timers_name_a_time_that_systemd_reads():
    for timer in sorted(SCHEDULE.glob("*.timer")):
        when = re.search(r"OnCalendar=(.*)", timer.read_text(encoding="utf-8"))[1]  # type: ignore[index]
        subprocess.run(["systemd-analyze", "calendar", when], check=True, capture_output=True)
