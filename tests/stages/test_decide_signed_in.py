"""Answers of people who signed in: kept once, never over one that was not seen, and never replaced by a name in a cell."""

import csv
import io
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from access_review import runs, store, workspace
from access_review.artifacts import AUDIT, WORKLIST
from access_review.audit.decisions import ReviewerAnswer
from access_review.audit.worklist import UNASSIGNED, WorkItem
from access_review.errors import AccessReviewError, PlanRefused, Unclear
from access_review.runs import Run
from access_review.settings.web import Web, WebSignIn
from access_review.stages import decide_signed_in as signed_in
from access_review.stages.sign_in import Claims, NotKnown, certain_owners, find_person
from access_review.store import audits, logbook, reviews
from access_review.store.decisions import Assurance
from access_review.store.rights import Right, hold
from access_review.views.worksheet import as_csv, ordered
from tests.support.command import access_review

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
KEEP, REVOKE = ReviewerAnswer.KEEP, ReviewerAnswer.REVOKE
TENANT = "6f1b0f53-8f6e-4f0b-b6a7-0c1f6d1c3a10"


@pytest.fixture(scope="module")
def run(audited_example: Path) -> Run:
    return runs.find(audited_example)


@pytest.fixture(scope="module")
def reviewers(run: Run) -> list[str]:
    """Return the reviewers with most items first."""
    sheets = store.read(run, WORKLIST).by_reviewer()
    return sorted((who for who in sheets if who != UNASSIGNED), key=lambda who: (-len(sheets[who]), who))


def answer(
    run: Run, item: WorkItem, given: ReviewerAnswer, person: str, seen: int, comment: str = "the month end"
) -> None:
    signed_in.answer_own_item(run, item.item, given, person=person, comment=comment, seen=seen, now=NOW)


def version(run: Run, person: str, item: str) -> int:
    return next(one.version for one in signed_in.own_items(run, person).items if one.item.item == item)


def write_csv(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows((header, *rows))


def test_an_answer_is_kept_once_known_by_id_and_never_over_one_that_was_not_seen(run, reviewers):
    me, other = reviewers[:2]
    item = signed_in.own_items(run, me).open[0].item
    answer(run, item, KEEP, me, 0)
    answer(run, item, KEEP, me, 0)  # sent twice
    (row,) = [row for row in audits.recorded(run).history if row.decision.item == item.item]
    assert (row.person, row.assurance, row.decision.decision) == (me, Assurance.AUTHENTICATED, KEEP)
    with pytest.raises(signed_in.AnsweredMeanwhile) as late:
        answer(run, item, REVOKE, me, 0)
    assert late.value.standing == row
    answer(run, item, REVOKE, me, row.seq)
    assert audits.decisions(run).current[item.item].decision is REVOKE
    signed_in.take_back(run, item.item, person=me, seen=version(run, me, item.item), now=NOW)
    assert item.item not in audits.decisions(run).current
    with pytest.raises(Unclear, match="no such item"):
        answer(run, item, KEEP, other, version(run, me, item.item))


def test_answers_that_wait_for_another_program_are_written_together_in_one_line(run, reviewers):
    me = reviewers[1]
    items = [one.item for one in signed_in.own_items(run, me).open[:4]]
    known, held = len(logbook.read(run.workspace).entries), threading.Event()
    with ThreadPoolExecutor(8) as pool:
        with hold(run.workspace, Right.STORE, now=NOW, command="the other"):
            given = [pool.submit(answer, run, item, KEEP, me, 0) for item in items]
            wrong = pool.submit(answer, run, items[0], REVOKE, me, 77)
            held.wait(0.3)
            assert not any(one.done() for one in given)
        assert [one.result() for one in given] == [None] * 4
        assert isinstance(wrong.exception(), signed_in.AnsweredMeanwhile)
    assert {one.item for one in items} <= audits.decisions(run).current.keys()
    # Whoever came first waits alone, those who came while it wrote are written with each other.
    assert len(logbook.read(run.workspace).entries) - known <= 3


def test_what_is_not_kept_or_objected_to_needs_a_word(run, reviewers):
    items = [one.item for one in signed_in.own_items(run, reviewers[1]).open]
    for given, item in ((REVOKE, items[0]), (ReviewerAnswer.CANNOT_SAY, items[0])):
        with pytest.raises(signed_in.ReasonNeeded):
            answer(run, item, given, reviewers[1], 0, comment=" ")
    with pytest.raises(Unclear, match="characters"):
        answer(run, items[0], REVOKE, reviewers[1], 0, comment="x" * 2001)


def test_a_late_sheet_is_refused_item_by_item_with_what_happened_meanwhile(run, reviewers, tmp_path):
    me = reviewers[2]
    items = ordered([one.item for one in signed_in.own_items(run, me).items])  # as they stand on the sheet
    assert len(items) >= 3
    for item in items[:2]:
        answer(run, item, KEEP, me, version(run, me, item.item))
    sheet = tmp_path / "late.csv"
    header, *asked = csv.reader(io.StringIO(as_csv(run.id, items[:3]).decode("utf-8-sig")))
    rows = [
        [*row[:-5], given, "by sheet", me, "2026-11-03", run.id]
        for row, given in zip(asked[:3], ("revoke", "keep", "keep"), strict=True)
    ]
    write_csv(sheet, header, rows)
    before = audits.recorded(run)
    words = ("--as-of", "2026-11-03T10:00:00Z", "decide", str(sheet))
    refused = access_review(run.workspace, *words)
    assert refused.code == 2
    assert "late.csv:2" in refused.err
    assert "answered keep signed in, on 2026-11-03 09:00 UTC" in refused.err
    assert "late.csv:3" not in refused.err
    assert audits.recorded(run) == before
    write_csv(sheet, header, rows[1:])
    taken = access_review(run.workspace, *words)
    assert taken.code == 0, taken.err
    standing = audits.recorded(run).standing
    assert standing[items[1].item].assurance is Assurance.AUTHENTICATED
    assert standing[items[2].item].assurance is Assurance.CLAIMED


def test_an_item_is_handed_on_and_is_then_the_others_alone(run, reviewers):
    me, other = reviewers[3:5]
    item = next(one.item for one in signed_in.own_items(run, me).open if other not in one.item.own)

    def to(name: str, why: str = "their team") -> str:
        return signed_in.hand_on(run, item.item, person=me, to=name, reason=why, now=NOW)

    refused: list[tuple[str, str, type[AccessReviewError]]] = [
        ("Nobody Known", "their team", Unclear),
        (me, "their team", Unclear),
        (other, " ", signed_in.ReasonNeeded),
    ]
    for name, why, error in refused:
        with pytest.raises(error):
            to(name, why)
    assert to(other) == other
    assert item.item not in {one.item.item for one in signed_in.own_items(run, me).items}
    theirs = next(one.item for one in signed_in.own_items(run, other).items if one.item.item == item.item)
    assert theirs.handed_on.endswith("on 2026-11-03 09:00 UTC: their team")
    assert access_review(run.workspace, "logbook", "--check").code == 0


def test_submitting_keeps_what_stood_and_says_when_it_changed(run, reviewers):
    me = reviewers[-1]
    with pytest.raises(PlanRefused, match="not everything"):
        signed_in.submit(run, person=me, seen=(), now=NOW)
    for one in signed_in.own_items(run, me).open:
        answer(run, one.item, KEEP, me, one.version)
    seen = tuple(one.version for one in signed_in.own_items(run, me).items)
    with pytest.raises(PlanRefused, match="changed"):
        signed_in.submit(run, person=me, seen=(*seen[1:], 0), now=NOW)
    made = signed_in.submit(run, person=me, seen=seen, now=NOW)
    own = signed_in.own_items(run, me)
    assert own.submitted == made
    assert [one.row for one in made.answers] == list(seen)
    assert not own.changed_since
    item = own.items[0].item
    answer(run, item, REVOKE, me, seen[0])
    assert signed_in.own_items(run, me).changed_since
    assert access_review(run.workspace, "logbook", "--check").code == 0


def test_nothing_is_answered_once_the_audit_is_signed_off(audited_once, tmp_path):
    folder = Path(shutil.copytree(audited_once, tmp_path / "workspace"))
    run = runs.find(folder)
    items = store.read(run, WORKLIST).items
    me = next(one.reviewer for one in items if one.reviewer != UNASSIGNED)
    later = "2026-11-10T09:00:00Z"
    assert access_review(folder, "--as-of", later, "remind").code == 0
    done = access_review(folder, "--as-of", later, "sign-off", "--by", me, "--yes")
    assert done.code == 0, done.err
    assert store.read(run, AUDIT).signed_off_at is not None
    item = signed_in.own_items(run, me).items[0]
    tries: list[Callable[[], object]] = [
        lambda: answer(run, item.item, KEEP, me, 0),
        lambda: signed_in.take_back(run, item.item.item, person=me, seen=0, now=NOW),
        lambda: signed_in.hand_on(run, item.item.item, person=me, to="x", reason="y", now=NOW),
        lambda: signed_in.submit(run, person=me, seen=(), now=NOW),
    ]
    for one in tries:
        with pytest.raises(PlanRefused, match="signed off"):
            one()


def test_a_person_is_found_by_tenant_and_object_id_alone(run):
    owners = reviews.owners(run)
    assert owners is not None
    account, person = next(
        (row["account"], row["person"])
        for row in owners.read().to_pylist()
        if row["account"].startswith("entra:user:") and row["person"].startswith("hr:")
    )
    tenant = next(iter(_systems(run))) or TENANT
    web = Web(
        address="https://review.example.test",
        sign_in=WebSignIn(
            issuer=f"https://login.example.test/{tenant}/v2.0",
            tenant=tenant,
            client="review",
            secret_env="X",  # noqa: S106 - the name of a variable
            employee_claim="employeeid",
        ),
    )
    object_id = account.rpartition(":")[2]
    owned = certain_owners(run, workspace.load(run.workspace), "entra")

    def find(tenant: str = tenant, object_id: str = object_id, **others: str) -> str:
        return str(find_person(run, web, Claims(tenant, object_id, others), owned))

    mail = next(row["mail"] for row in owners.read().to_pylist() if row["person"] == person)
    assert find() == find(object_id=object_id.upper()) == find(employeeid=person.rpartition(":")[2]) == person
    assert find(tenant="another") == NotKnown.OTHER_TENANT
    assert find(object_id="0" * 36, mail=mail, preferred_username=mail) == NotKnown.NO_ACCOUNT
    assert find(employeeid="99999") == NotKnown.CONTRADICTED
    assert str(find_person(None, web, Claims(tenant, object_id, {}), {})) == NotKnown.NO_RUN


def _systems(run: Run) -> list[str]:
    from access_review.store import snapshots

    return [identity or "" for source, (identity, _) in snapshots.load(run).systems.items() if source == "entra"] or [
        ""
    ]
