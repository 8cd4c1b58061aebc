"""Status: how the check list stands by the records, and what people state and do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access_review.errors import ArtifactError, PlanRefused, Unclear
from access_review.model import JsonObject, Rag
from access_review.runs import Run
from access_review.scorecard import checkpoints
from access_review.scorecard.checkpoints import CheckpointStatus, LadderCase
from access_review.scorecard.follow_up import FollowUp, FollowUpKind
from access_review.scorecard.ladder import LadderStep, RootCause
from access_review.scorecard.records import Records
from access_review.settings.checklist import Checkpoint
from access_review.stages import notify
from access_review.stages.records_at import records_at
from access_review.stages.statements import AttestedWords, WhoSays, as_signed, linked, make_statement, noted, record
from access_review.store import files, follow_ups, rosters
from access_review.views import incident
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class OperationStatus:
    """How every checkpoint stands at a moment, in the order of the file, with the records that say so."""

    at: datetime
    checkpoints: tuple[CheckpointStatus, ...]
    records: Records


def read_status(workspace: Workspace, now: datetime) -> OperationStatus:
    """Say how the check list stands; raises ``Unclear`` where there is none.

    Raises ``ArtifactError`` for damaged records, ``PlanRefused`` for a journal that is gone.
    """
    if not workspace.checklist.checkpoints:
        raise Unclear(
            "the workspace has no check list",
            hint="write roles/checklist.yaml; access-review init DIR --example lays out one to begin with",
        )
    records = records_at(workspace, now)
    return OperationStatus(now, checkpoints.assess(workspace.checklist, records, now), records)


@dataclass(frozen=True, slots=True)
class CheckpointHistory:
    """One checkpoint with everything recorded about it; ``assured`` says how it is known who said each, by number."""

    status: CheckpointStatus
    history: tuple[FollowUp, ...]
    assured: Mapping[int, str]


def read_checkpoint(workspace: Workspace, run: Run, name: str, now: datetime) -> CheckpointHistory:
    """Say how one checkpoint stands and what was recorded about it.

    Raises ``Unclear`` for none, ``ArtifactError`` for damaged records, ``PlanRefused`` for a journal that is gone.
    """
    found = find_checkpoint(workspace, name)
    records = records_at(workspace, now)
    (status,) = checkpoints.assess(workspace.checklist.model_copy(update={"checkpoints": (found,)}), records, now)
    history = tuple(said for said in records.follow_ups if said.about == found.checkpoint and said.at <= now)
    return CheckpointHistory(status, history, {said.seq: as_signed(workspace, run, said) for said in history})


def find_checkpoint(workspace: Workspace, name: str) -> Checkpoint:
    """Return a checkpoint by its name, or by the one beginning that fits; raises ``Unclear``."""
    every = workspace.checklist.checkpoints
    found = [one for one in every if one.checkpoint == name] or [
        one for one in every if one.checkpoint.startswith(name)
    ]
    if len(found) != 1:
        raise Unclear(
            f"{len(found)} checkpoints are called {name!r}", hint="known: " + ", ".join(one.checkpoint for one in every)
        )
    return found[0]


def attest(
    workspace: Workspace, run: Run, name: str, who: WhoSays, *, state: Rag, stated: AttestedWords, now: datetime
) -> FollowUp:
    """State how a checkpoint stands that no record measures.

    Raises ``Unclear`` for no checkpoint, ``PlanRefused`` for one that is measured, and as every statement does.
    """
    checkpoint = find_checkpoint(workspace, name)
    if checkpoint.attested is None:
        raise PlanRefused(
            f"{checkpoint.checkpoint} is measured from the records, so nobody states it",
            hint=f"access-review status show {checkpoint.checkpoint} says what it is made of",
        )
    said: JsonObject = {"state": str(state)}
    return make_statement(workspace, run, checkpoint.checkpoint, checkpoint.attested, who, said, stated, now)


def take_step(
    workspace: Workspace,
    run: Run,
    name: str,
    step: LadderStep,
    who: WhoSays,
    *,
    note: str,
    link: str,
    cause: RootCause | None,
    next_by: datetime | None,
    now: datetime,
) -> FollowUp:
    """Take the next step of the ladder for a checkpoint that is not green, or was red and is not finished.

    Raises ``Unclear`` for no checkpoint, ``PlanRefused`` for a step that is not next, for investigating without a root cause, and for isolating a red
    one of which nobody was told.
    """
    checkpoint = find_checkpoint(workspace, name)
    case = _open_case(workspace, checkpoint, now)
    if step is not case.next_step:
        raise PlanRefused(f"{step} is not next for {checkpoint.checkpoint}", hint=f"next is {case.next_step}")
    if (step is LadderStep.INVESTIGATE) is not (cause is not None):
        hint = f"--cause, one of {', '.join(RootCause)}, belongs to investigate and to no other step"
        raise PlanRefused("a root cause is what investigating finds", hint=hint)
    if step is LadderStep.REINFORCE and case.until is None:
        hint = "the next run that finds it green ends it"
        raise PlanRefused(f"{checkpoint.checkpoint} is not green yet, so nothing is to be reinforced", hint=hint)
    said: dict[str, str] = {"step": str(step), "note": noted(note), "link": linked(link) if link else ""}
    said |= {"cause": str(cause)} if cause else {}
    said |= {"halt": checkpoint.halt} if step is LadderStep.ISOLATE and case.is_red else {}
    said |= {"next_by": next_by.isoformat()} if next_by else {}
    person = rosters.person_now(run, who.by, now)
    return record(workspace, run, FollowUp(FollowUpKind.STEP, checkpoint.checkpoint, now, person, said), who)


def _open_case(workspace: Workspace, checkpoint: Checkpoint, now: datetime) -> LadderCase:
    records = records_at(workspace, now)
    known = checkpoints.cases_of(checkpoint, records, now)
    if not known or not known[-1].is_open:
        raise PlanRefused(f"{checkpoint.checkpoint} is green and nothing of it is open", hint="access-review status")
    return known[-1]


@dataclass(frozen=True, slots=True)
class ToldOfRed:
    """A red checkpoint of which people were told now: by id, where its incident record is, and who was not reached."""

    checkpoint: str
    people: tuple[str, ...]
    incident: Path
    failed: tuple[str, ...]


def tell_red(workspace: Workspace, run: Run, now: datetime, environment: Mapping[str, str]) -> tuple[ToldOfRed, ...]:
    """Open an incident record for each red checkpoint and tell who is to hear of it, once a case.

    Who was not reached is told again the next time. ``environment`` holds the secrets that the policy names.
    Raises ``Unclear`` without a check list, ``PlanRefused`` for a journal that is gone.
    """
    red = [one for one in read_status(workspace, now).checkpoints if one.reading.rag is Rag.RED]
    untold = [one for one in red if one.case and not any(told.said.get("reached") for told in one.case.told)]
    return tuple(_tell(workspace, run, one, now, environment) for one in untold)


def _tell(
    workspace: Workspace, run: Run, status: CheckpointStatus, now: datetime, environment: Mapping[str, str]
) -> ToldOfRed:
    checkpoint, people = status.checkpoint, rosters.people_now(run, now)
    asked = dict.fromkeys((*checkpoint.notify, *workspace.checklist.notify))
    known = {name: people.who(name) for name in asked}
    since = status.case.since if status.case else now
    place = f"incidents/{checkpoint.checkpoint}-{since:%Y%m%dT%H%M%SZ}.md"
    who = tuple(dict.fromkeys(person for person in known.values() if person))
    names = tuple(people.names.get(person, person) for person in who)
    text = incident.record(status, names, now, template=_template(workspace))
    path = workspace.folder / "runs" / place
    if not path.exists():  # whoever filled it in is not overwritten
        files.write(path, text.encode())
    notices = [incident.notice(status, one, people, place) for one in who]
    sent = notify.deliver(notices, workspace.policy.notify, environment, workspace.folder / notify.FOLDER, now)
    failed = (*(f"{name} is nobody who works here" for name, person in known.items() if person is None),)
    failed += tuple(why for one in sent for why in one.failed)
    reached = bool(sent) and not any(one.failed for one in sent)
    said: JsonObject = {"people": list(who), "incident": place, "reached": reached, "failed": list(failed)}
    told = FollowUp(FollowUpKind.TOLD, checkpoint.checkpoint, now, "", said, "")
    follow_ups.add(workspace.folder, lambda _: told, now, "status")
    return ToldOfRed(checkpoint.checkpoint, who, path, failed)


def _template(workspace: Workspace) -> str | None:
    """Return the workspace's own template of an incident record, where it has one."""
    path = workspace.folder / "roles/incident.md"
    try:
        return files.content(path).decode("utf-8") if path.is_file() else None
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{path} is not UTF-8 (byte {error.start})", hint="save it as UTF-8") from None
