"""The lines that each stage adds to the logbook, so that their names and details are written in one place; pure.

Files are there before their line is: a file that no line names counts for nothing, and the
stage makes it again. Of what is about to happen (a batch begins) the line comes first.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from access_review.logbook.lines import FileMark, LogEntry, LogEvent, StoreMark

DECISIONS = "decisions"
"""The name of the lines about the one store of decisions."""
FOLLOW_UPS = "follow-ups"
"""The name of the lines about the one store of what people record beside the check list."""
WATCH = "watch"
"""The name of the lines about what was seen between whole runs."""
STATE = "state"
"""The name of the lines about what reaches from draw to draw."""


def run_made(
    run: str, at: datetime, files: Mapping[str, FileMark], *, rehearsal: bool, machine: bool = False
) -> LogEntry:
    """A run was collected; a rehearsal read a live source under another clock and is never built on.

    ``machine``: its moment is that of the machine's clock, and was not asked for.
    """
    details = ({"rehearsal": "yes"} if rehearsal else {}) | ({"clock": "machine"} if machine else {})
    return LogEntry(LogEvent.RUN, run, at, files=files, details=details)


def run_reviewed(run: str, at: datetime, files: Mapping[str, FileMark]) -> LogEntry:
    """A run was reviewed; a later review of it takes the place of this one."""
    return LogEntry(LogEvent.REVIEW, run, at, files=files)


def draw_committed(run: str, at: datetime, commitment: str, *, held_by: str) -> LogEntry:
    """A draw's key was committed to before its population was known; ``held_by`` says who has the key."""
    return LogEntry(LogEvent.DRAW, run, at, details={"commitment": commitment, "held by": held_by})


def campaign_changed(run: str, at: datetime, files: Mapping[str, FileMark]) -> LogEntry:
    """The audit of a run was drawn, or went on: its sample, its work list, who was told."""
    return LogEntry(LogEvent.CAMPAIGN, run, at, files=files)


def state_kept(at: datetime, files: Mapping[str, FileMark]) -> LogEntry:
    """What reaches from one draw to the next was written: known by digest alone, since it is secret."""
    return LogEntry(LogEvent.STATE, STATE, at, files=files)


def draw_revealed(run: str, at: datetime, files: Mapping[str, FileMark]) -> LogEntry:
    """A draw's key was published, at sign-off."""
    return LogEntry(LogEvent.REVEAL, run, at, files=files)


def plan_made(digest: str, at: datetime, run: str, path: str, mark: FileMark) -> LogEntry:
    """A plan was made; ``digest`` is that of the bytes of ``plan.json``, which lies at ``path`` and nowhere else."""
    return LogEntry(LogEvent.PLAN, digest, at, files={path: mark}, details={"run": run})


def statement_signed(
    statement: str, at: datetime, path: str, mark: FileMark, *, kind: str, about: str, person: str
) -> LogEntry:
    """A person signed a statement (by its id) about a digest; a withdrawal is one too."""
    details = {"kind": kind, "about": about, "person": person}
    return LogEntry(LogEvent.SIGNATURE, statement, at, files={path: mark}, details=details)


def batch_begun(plan: str, at: datetime, journal: str, *, executor: str, run: str, standing: str = "") -> LogEntry:
    """A batch begins, or goes on, before its first call: one plan digest has one journal, for ever.

    ``standing`` is the digest of the standing approval, where it is carried out under that.
    """
    details = {"journal": journal, "executor": executor, "run": run}
    return LogEntry(LogEvent.BEGUN, plan, at, details=details | ({"standing": standing} if standing else {}))


def journal_at(plan: str, at: datetime, journal: str, mark: StoreMark) -> LogEntry:
    """A batch stopped or ended with its journal at a position; a later line takes the place of this one."""
    return LogEntry(LogEvent.JOURNAL, plan, at, stores={journal: mark})


def journal_found(plan: str, at: datetime, journal: str, mark: StoreMark) -> LogEntry:
    """A batch was killed, and its journal found at a position: whether rows were taken away since, nobody can say."""
    stores = {journal: mark} if mark.position else {}
    return LogEntry(LogEvent.JOURNAL, plan, at, stores=stores, details={KILLED: "yes"})


KILLED = "killed"
"""What a line about a journal says besides, where nothing but the journal says what was called before it."""


def decisions_at(at: datetime, store: str, mark: StoreMark, *, run: str, read: int) -> LogEntry:
    """Reviewers' decisions were written; ``read`` is how many, ``mark`` the store's position after them."""
    return LogEntry(LogEvent.DECISIONS, DECISIONS, at, stores={store: mark}, details={"run": run, "read": str(read)})


def followed_up(at: datetime, store: str, mark: StoreMark, *, kind: str, about: str, person: str) -> LogEntry:
    """Somebody stated something, took a step or was told; ``mark`` is the store's position after it."""
    details = {"kind": kind, "about": about, "person": person}
    return LogEntry(LogEvent.FOLLOW_UP, FOLLOW_UPS, at, stores={store: mark}, details=details)


def signed_off(run: str, at: datetime, person: str, files: Mapping[str, FileMark]) -> LogEntry:
    """An audit was signed off by a person, and its run accepted with it."""
    return LogEntry(LogEvent.SIGN_OFF, run, at, files=files, details={"person": person})


def ran_unattended(job: str, at: datetime, *, run: str, made: int) -> LogEntry:
    """An unattended job ended with as many changes made: one that is not heard of did not run."""
    return LogEntry(LogEvent.OBSERVATION, job, at, details={"run": run, "made": str(made)})


REMOVAL = "removal"
"""The name of the lines about what the standing removal waits for, and of plans under it."""


def removals_waiting(at: datetime, *, run: str, made: int, waiting: Iterable[str]) -> LogEntry:
    """A look of the standing removal ended: changes made, and which of those announced are still to go."""
    details = {"run": run, "made": str(made), "waiting": " ".join(sorted(waiting))}
    return LogEntry(LogEvent.OBSERVATION, REMOVAL, at, details=details)


def removal_stopped(change: str, at: datetime, *, person: str, assured: str, reason: str) -> LogEntry:
    """Somebody stopped an announced removal, for good; ``assured`` tells whether they signed it."""
    details = {"change": change, "person": person, "assured": assured, "reason": reason}
    return LogEntry(LogEvent.OBSERVATION, f"{STOPPED}{change}", at, details=details)


STOPPED = "stopped "
"""How the names of the lines begin that say that a removal was stopped."""


def observed(at: datetime, details: Mapping[str, str]) -> LogEntry:
    """`watch` saw something: what opened and closed, which source shows itself and which does not."""
    return LogEntry(LogEvent.OBSERVATION, WATCH, at, details=details)


def leavers_followed(run: str, at: datetime) -> LogEntry:
    """What was open for those who leave was written down in a run; a later line takes the place of this one."""
    return LogEntry(LogEvent.OBSERVATION, f"leavers {run}", at, details={"run": run})


def access_certified(run: str, at: datetime, person: str, files: Mapping[str, FileMark]) -> LogEntry:
    """It was certified of a leaver that access is gone; a later line of a run and person takes the place of this one."""
    details = {"run": run, "person": person}
    return LogEntry(LogEvent.OBSERVATION, f"certificate {run} {person}", at, files=files, details=details)


def access_sealed(day: str, at: datetime, files: Mapping[str, FileMark]) -> LogEntry:
    """A day of the web's access log is over: its file does not change any more."""
    return LogEntry(LogEvent.OBSERVATION, day, at, files=files, details={"run": "", "made": "0"})


def pruned(folder: str, at: datetime, *, why: str, removed: Mapping[str, FileMark]) -> LogEntry:
    """A folder is about to be removed; what was in it stays known by its digests."""
    digests = {path: mark.digest for path, mark in removed.items()}
    return LogEntry(LogEvent.PRUNE, folder, at, removed=(folder,), details={"why": why, **digests})


def pruned_files(name: str, at: datetime, *, why: str, removed: Mapping[str, str]) -> LogEntry:
    """Files, or the former rows of a store, are about to be removed, by path below ``runs/`` with what was known of each."""
    return LogEntry(LogEvent.PRUNE, name, at, removed=tuple(sorted(removed)), details={"why": why, **removed})


def begun_elsewhere(begun: LogEntry | None, journal: str) -> str:
    """Return where a plan was begun with another journal than this, by its ``begun`` line; empty where it was not."""
    known = begun.details["journal"] if begun else journal
    return "" if known == journal else known
