"""Every kind of file that is read back, an example of each from a company that was audited and changed, and its reader."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from access_review import artifacts, runs, store, workspace
from access_review.audit import filled_sheets
from access_review.audit.decisions import ReviewerAnswer, Submission, SubmittedAnswer
from access_review.revoke import carried_out, statements
from access_review.revoke.sshsig import PublicKeyLine
from access_review.runs import Run
from access_review.scorecard.follow_up import FollowUp, FollowUpKind
from access_review.snapshot.watched import PendingAlarm, WatchedSource, WatchState
from access_review.stages import decide
from access_review.store import (
    audits,
    decisions,
    files,
    follow_ups,
    logbook,
    notified,
    plans,
    reviews,
    rights,
    rosters,
    snapshots,
    watching,
)
from access_review.store.journal import JournalFile
from tests.fuzz import damage
from tests.fuzz.damage import Damage
from tests.support.workspaces import Company

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
AUDITED, SIGNED, APPLIED = "2026-11-02T07:00:00Z", "2026-11-02T07:10:00Z", "2026-11-02T07:20:00Z"


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A file of the company, what reads it, and the damages that know its form."""

    path: Path
    read: Callable[[], object]
    damages: Sequence[Damage]

    def outcome(self, data: bytes) -> object:
        """Read the file as if it held this, and put it back."""
        whole = self.path.read_bytes()
        try:
            self.path.write_bytes(data)
            return self.read()
        finally:
            self.path.write_bytes(whole)


def laid_out(folder: Path) -> Path:
    """Return a company that was audited, whose plan is signed and carried out, and which can have a standing approval."""
    company = Company(folder)
    company.leave(12, "2026-10-20")
    commands: Sequence[tuple[str, ...]] = (("audit",), ("plan", "--requested-by", "00007", "--rule", "leaver-active"))
    for words in commands:
        assert company.run("-q", *words, at=AUDITED).code == 0
    for person, asked in ((7, "--request"), (8, ""), (8, "--standing")):
        assert company.sign(person, *asked.split(), at=SIGNED).code == 0
    assert company.run("apply", "--by", "00007", at=APPLIED).code in {0, 4}
    return folder


def read_back(folder: Path) -> Mapping[str, ReadBack]:
    """Return the files of a company, by what they are."""
    (run,) = runs.all_runs(folder)
    space = workspace.load(folder)
    plan = plans.find(run, "plan").plan
    keys = [PublicKeyLine.parse(one.key) for one in space.approvers.approvers]
    found = {
        **_of_a_run(run, keys),
        "standing approval": ReadBack(
            next((folder / "roles/approvals").glob("*.json")), lambda: plans.seen_standing(folder), JSON
        ),
        "decisions": ReadBack(
            _decided(folder, run), lambda: decisions.read_decisions(folder, run.id).standing, (damage.of_store,)
        ),
        "decisions from before there was a store": ReadBack(
            run.folder / artifacts.DECISIONS.path, _loader(run, artifacts.DECISIONS), JSON
        ),
        "state": ReadBack(folder / "runs/state.json", lambda: audits.sample_state(folder), JSON),
        "follow-ups": ReadBack(_followed(folder), lambda: follow_ups.read(folder), (damage.of_store,)),
        "state of watch": ReadBack(_watched(folder), lambda: watching.read(folder).files(), JSON),
        "note of who holds a right": ReadBack(
            _written(
                (folder / rights.FOLDER / "batch").with_name("batch.holder"),
                b'{"command":"apply","pid":1,"since":"2026-11-02T07:00:00+00:00"}',
            ),
            lambda: rights.holder(folder, rights.Right.BATCH),
            JSON,
        ),
        "what people were told": ReadBack(_told(folder), lambda: notified.read(folder), JSON),
        "what did not arrive": ReadBack(_untold(folder), lambda: notified.untold(folder), JSON),
        "log of the program": ReadBack(
            _written(folder / "carried-out.csv", _carried_out(run)),
            lambda: carried_out.read_log(files.content(folder / "carried-out.csv"), plan, NOW),
            (),
        ),
    }
    edited = (*folder.glob("roles/*.yaml"), *folder.glob("roles/templates/*.yaml"), *folder.glob("sources/*.yaml"))
    for path in sorted(edited):
        found[path.relative_to(folder).as_posix()] = ReadBack(path, lambda: workspace.load(folder), ())
    return found


JSON = (damage.of_json,)


def _of_a_run(run: Run, keys: Sequence[PublicKeyLine]) -> Mapping[str, ReadBack]:
    book, plan = run.workspace / "runs/logbook.jsonl", run.folder / "plan/plan.json"
    signed = next((run.folder / "plan/approvals").glob("*.json"))
    journal, digest = run.folder / "plan/journal.sqlite", plans.find(run, "plan").plan.digest
    kinds = (
        artifacts.MANIFEST, artifacts.REVIEWED, artifacts.CONTROL, artifacts.FRAME, artifacts.SAMPLE, artifacts.WORKLIST,
        artifacts.AUDIT, artifacts.LEAVERS, artifacts.DECLARED, artifacts.COUNTS,
    )  # fmt: skip
    found: dict[str, ReadBack] = {
        kind.path: ReadBack(run.folder / kind.path, _loader(run, kind), JSON)
        for kind in kinds
        if (run.folder / kind.path).exists()
    }
    sheets = sorted((*run.folder.glob("sample/*.csv"), *run.folder.glob("sample/*.xlsx")))
    assert {one.suffix for one in sheets} == {".csv", ".xlsx"}, "work sheets of both kinds"
    for sheet in sheets[:1] + sheets[-1:]:
        found[f"a work sheet in {sheet.suffix[1:]}"] = ReadBack(sheet, _sheet_reader(run, sheet), ())
    handed_in = artifacts.submission("person-9")
    store.write(
        run, handed_in, Submission(run.id, "hr:person:00009", NOW, (SubmittedAnswer("i", ReviewerAnswer.KEEP, 1),))
    )
    found[handed_in.path] = ReadBack(run.folder / handed_in.path, _loader(run, handed_in), JSON)
    return {
        **found,
        "logbook": ReadBack(book, lambda: logbook.read(run.workspace), JSON),
        "plan": ReadBack(plan, lambda: plans.find(run, "plan"), JSON),
        "approval": ReadBack(signed, _statement_reader(signed, keys), (damage.of_json, damage.of_statement)),
        "journal": ReadBack(journal, lambda: _journal(journal, digest), (damage.of_store,)),
        "table of people": ReadBack(run.folder / "snapshot/people.parquet", lambda: list(snapshots.people(run)), ()),
        "findings": ReadBack(run.folder / "findings.parquet", lambda: reviews.read(run), ()),
    }


def _loader(run: Run, kind: artifacts.Artifact[Any]) -> Callable[[], object]:
    return lambda: store.read(run, kind)


def _sheet_reader(run: Run, sheet: Path) -> Callable[[], object]:
    work, people = store.read(run, artifacts.WORKLIST), rosters.people_now(run)

    def read() -> object:
        sheets, unread = decide.open_sheets([sheet])
        return filled_sheets.read_decisions(sheets, work, today=NOW.date(), unread=unread, people=people).decisions

    return read


def _statement_reader(path: Path, keys: Sequence[PublicKeyLine]) -> Callable[[], object]:
    def read() -> object:
        data = files.content(path)
        statements.heads_seen(data)
        return statements.open_statement(data, keys)

    return read


def _journal(path: Path, digest: str) -> object:
    with JournalFile(path, digest) as journal:
        return journal.changes, journal.notes, journal.standings


def _decided(folder: Path, run: Run) -> Path:
    item = store.read(run, artifacts.WORKLIST).items[0]
    decide.answer_item(run, item, ReviewerAnswer.KEEP, by="Person 9", now=NOW, comment="", seconds=None)
    return folder / "runs" / decisions.STORE


def _followed(folder: Path) -> Path:
    said = FollowUp(FollowUpKind.ATTESTATION, "mfa", NOW, "hr:person:00007", {"note": "seen"}, "claimed")
    follow_ups.add(folder, lambda _: said, NOW, "status")
    return folder / "runs" / follow_ups.STORE


def _watched(folder: Path) -> Path:
    source = WatchedSource(parts={"accounts": "ledger.accounts.0.parquet"}, looked_at=NOW, read_at=NOW, reason="none")
    alarm = PendingAlarm("lost ledger", NOW, "Not seen", "since noon")
    watching.write(folder, WatchState(sources={"ledger": source}, alarms=(alarm,), acted={"hr:person:00012": "run"}))
    return watching.folder_of(folder) / artifacts.WATCHED.path


def _told(folder: Path) -> Path:
    notified.write(folder, {"sha256:0": NOW})
    return folder / "runs" / artifacts.NOTIFIED.path


def _untold(folder: Path) -> Path:
    notified.write_untold(folder, [artifacts.UntoldNotice("mail", "Ana", None, "1 change made", "u20", NOW)])
    return folder / "runs" / artifacts.UNTOLD.path


def _written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _carried_out(run: Run) -> bytes:
    plan = plans.find(run, "plan").plan
    first, batch = plan.changes[0], plan.batches[0].id
    row = ("2026-11-02T07:21:00Z", plan.digest, first.id, batch, str(first.action), "pending", "", "x", "y")
    text = [",".join(f'"{part}"' for part in one) for one in (carried_out.COLUMNS, row)]
    return "\r\n".join([*text, ""]).encode()
