"""Mini-audit: draw the controls of a quarter, once, and keep what those who looked say of each."""

from dataclasses import dataclass
from datetime import datetime

from access_review import store
from access_review.artifacts import SAMPLE
from access_review.errors import PlanRefused, Unclear
from access_review.evidence.controls import CONTROLS
from access_review.logbook.known import known_things
from access_review.model import JsonObject
from access_review.runs import Run
from access_review.scorecard import mini_audit
from access_review.scorecard.follow_up import FollowUp, FollowUpKind, of_kind
from access_review.scorecard.mini_audit import Answer, MiniAudit, QuarterKey
from access_review.stages.statements import WhoSays, linked, noted, record
from access_review.store import follow_ups, logbook, logged, rosters
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ShownMiniAudit:
    """The mini-audit of a quarter as it was opened, and every answer so far, oldest first."""

    made: MiniAudit
    opened_at: datetime
    answers: tuple[FollowUp, ...]


def open_mini_audit(workspace: Workspace, now: datetime) -> ShownMiniAudit:
    """Open the mini-audit of the quarter, or return the one that is: a quarter is drawn once.

    Raises ``PlanRefused`` while no audit of the quarter has revealed its key.
    """
    quarter = mini_audit.quarter_of(now)
    records = follow_ups.read(workspace.folder)
    opened = next(of_kind(records, FollowUpKind.MINI_AUDIT, quarter, now), None)
    if opened is None:
        opened = follow_ups.add(workspace.folder, lambda _: _drawn(workspace, quarter, now), now, "mini-audit")
    made = mini_audit.draw_controls(quarter, _key_of(opened), CONTROLS, _known(workspace))
    answers = tuple(of_kind(records, FollowUpKind.ANSWER, quarter, now))
    if [one.control for one in made.controls] != opened.said.get("controls"):
        raise PlanRefused(
            f"the controls of {quarter} were drawn by another version of this tool",
            hint="use the version that drew them until the quarter is over",
        )
    return ShownMiniAudit(made, opened.at, answers)


def _drawn(workspace: Workspace, quarter: str, now: datetime) -> FollowUp:
    samples = [store.read(run, SAMPLE) for run in logged.known_runs(workspace.folder) if store.has(run, SAMPLE)]
    keys = [
        QuarterKey(one.run, one.key, one.committed)
        for one in samples
        if mini_audit.quarter_of(one.as_of) == quarter and one.as_of <= now
    ]
    key = mini_audit.first_key(keys)
    if key is None:
        raise PlanRefused(
            f"no audit was drawn in {quarter}, and by the key of its first the controls are drawn",
            hint="access-review audit",
        )
    made = mini_audit.draw_controls(quarter, key, CONTROLS, {})
    said: JsonObject = {
        "run": key.run,
        "key": key.key,
        "committed": key.committed,
        "root": made.root,
        "controls": [one.control for one in made.controls],
    }
    return FollowUp(FollowUpKind.MINI_AUDIT, quarter, now, "", said, "")


def _key_of(opened: FollowUp) -> QuarterKey:
    return QuarterKey(opened.text("run"), opened.text("key"), opened.said.get("committed") is True)


def _known(workspace: Workspace) -> dict[str, str]:
    """Return the digest that the logbook has of each file, and the head of each store, by path below the workspace."""
    log = logged.known(workspace.folder)
    if log is None:
        return {}
    known = known_things(log.entries)
    files = {f"runs/{path}": file.marks[-1].digest for path, file in known.files.items()}
    stores = {f"runs/{path}": one.mark.head for path, one in known.stores.items()}
    return {**files, **stores, f"runs/{logbook.LOGBOOK}": str(log.head)}


def answer(
    workspace: Workspace, run: Run, control: str, who: WhoSays, *, says: Answer, link: str, note: str, now: datetime
) -> FollowUp:
    """Keep what somebody who looked says of a drawn control; a later answer stands, and the earlier stays to be seen.

    Raises ``Unclear`` for a control that was not drawn, ``PlanRefused`` for who is nobody of a roster.
    """
    shown = open_mini_audit(workspace, now)
    drawn = [one.control for one in shown.made.controls]
    found = next((one for one in drawn if one.casefold() == " ".join(control.split()).casefold()), None)
    if found is None:
        raise Unclear(f"{control!r} was not drawn in {shown.made.quarter}", hint="drawn: " + ", ".join(drawn))
    person = rosters.person_now(run, who.by, now)
    said: JsonObject = {
        "control": found,
        "answer": str(says),
        "link": linked(link),
        "note": noted(note),
    }
    return record(workspace, run, FollowUp(FollowUpKind.ANSWER, shown.made.quarter, now, person, said), who)
