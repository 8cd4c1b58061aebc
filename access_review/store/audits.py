"""Audits on disk: each week's campaign, its sample, what is asked, and what reviewers answered."""

import threading
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from access_review import store
from access_review.artifacts import AUDIT, DECISIONS, SAMPLE, STATE, WORKLIST, WorkspaceState
from access_review.audit import judge
from access_review.audit.campaign import Campaign
from access_review.audit.decisions import Decisions
from access_review.audit.judge import ClientStatement, Judgement
from access_review.errors import ArtifactError
from access_review.logbook import entries
from access_review.logbook.known import known_things
from access_review.runs import Run
from access_review.sample.draw import SampleState
from access_review.store import files, logbook_check, logged
from access_review.store.decisions import (
    STORE,
    AskedDecisions,
    Decide,
    RunDecisions,
    head_at,
    read_decisions,
    write_all,
)
from access_review.store.recalled import read_again
from access_review.store.rights import Right, hold, is_held_here


def all_audits(workspace: Path) -> list[tuple[Run, Campaign]]:
    """Return every audit of a workspace with its run, oldest first.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    return [(run, read_again(run, AUDIT)) for run in logged.known_with(workspace, AUDIT.path)]


def newest(workspace: Path) -> tuple[Run, Campaign]:
    """Return the audit that goes on, or the last; raises ``ArtifactError`` when there is none."""
    known = all_audits(workspace)
    if not known:
        raise ArtifactError(f"{workspace} has no audit yet", hint="access-review audit")
    return known[-1]


def last_sampled(workspace: Path, run: Run) -> Run | None:
    """Return the newest run before this one that a sample was drawn for.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    sampled = logged.known_with(workspace, SAMPLE.path, run.as_of)
    return sampled[-1] if sampled else None


def decisions(run: Run) -> Decisions:
    """Return every answer read for a run so far; of a run from before there was a store, what its file says.

    Raises ``ArtifactError`` for a store that is damaged, or not as the logbook knows it.
    """
    log = logged.known(run.workspace)
    if log is None and store.has(run, DECISIONS):
        return store.read(run, DECISIONS)
    return recorded(run).decisions


def recorded(run: Run) -> RunDecisions:
    """Return every answer in the store for a run, with who gave it, how that is known, and which answer it replaced.

    Raises ``ArtifactError`` for a store that is damaged, or not as the logbook knows it.
    """
    if log := logged.known(run.workspace):
        logbook_check.require_store(log, run.workspace, STORE, lambda path, row: head_at(path, run.id, row))
    return read_decisions(run.workspace, run.id)


def write(run: Run, decide: Decide, now: datetime) -> RunDecisions:
    """Write the decisions that follow from those of a run as they stand, and the file that shows them.

    All of them or none, on disk when this returns. What several threads ask for while another
    program or thread writes is written together, each seeing what those before it wrote.
    Raises what :func:`access_review.store.decisions.write_decisions` does.
    """
    asked = AskedDecisions(decide, now)
    if is_held_here(run.workspace, Right.STORE):
        _write_all(run, [asked])  # whoever has the right waits for nobody
    else:
        _waiting_for(run).ask(asked)
    if asked.failed:
        raise asked.failed
    assert asked.stands is not None  # noqa: S101 - else it failed
    return asked.stands


class _AnswersTogether:
    """Those who want to write to one run: whoever's turn it is writes for all who wait."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._waiting: list[AskedDecisions] = []

    def ask(self, asked: AskedDecisions) -> None:
        """Return when it is written, or could not be."""
        with self._lock:
            self._waiting.append(asked)
        with self._turn:
            with self._lock:
                if asked not in self._waiting:
                    return  # whoever had the turn before did it
                those, self._waiting = self._waiting, []
            try:
                _write_all(self._run, those)
            except BaseException as error:
                for one in those:
                    one.failed = one.failed or error
                raise


@lru_cache(maxsize=64)
def _waiting_for(run: Run) -> _AnswersTogether:
    return _AnswersTogether(run)


def _write_all(run: Run, asked: Sequence[AskedDecisions]) -> None:
    """Write what was asked for in one transaction, with one line in the logbook; raises ``ArtifactError``."""
    folder, now = run.workspace, max(one.now for one in asked)
    logged.begin(folder, now, "decide")
    with hold(folder, Right.STORE, now=now, command="decide"):
        before = len(recorded(run).history)
        mark = write_all(folder, run.id, asked, command="decide")
        written = [one.stands for one in asked if one.stands is not None]
        if not written:
            return
        read = len(written[-1].history) - before
        logged.append(folder, entries.decisions_at(now, STORE, mark, run=run.id, read=read), command="decide")
        store.write(run, DECISIONS, written[-1].decisions)


def keep_campaign(run: Run, changed: Campaign, now: datetime, command: str) -> None:
    """Write an audit as it stands now; raises ``ArtifactError`` as :func:`access_review.store.logged.append` does."""
    line = entries.campaign_changed(run.id, now, logged.marks(run, logged.CAMPAIGN))
    logged.replace_files(run.workspace, line, {f"{run.id}/{AUDIT.path}": AUDIT.dump(changed)}, command)


def judgement(run: Run) -> Judgement:
    """Judge the sample of a run by the answers there are.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    return judge.judge(store.read(run, SAMPLE), store.each_item(run), decisions(run))


def client_statement(run: Run, client: str) -> ClientStatement:
    """Say what the sample of a run shows of one client alone, by the answers there are.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    units, work = store.units_drawn_from(run), store.each_item(run)
    return judge.judge_client(store.read(run, SAMPLE), units, work, decisions(run), client)


def not_reviewed(run: Run) -> frozenset[str]:
    """Return the units of a run's sample that nobody answered for completely, and those it carried on without asking.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    sample = store.read(run, SAMPLE)
    drawn = frozenset(pick.unit for pick in sample.picks) | frozenset(sample.put_off or ())
    return drawn - frozenset(judgement(run).reviewed)


def waited_on(run: Run) -> dict[str, str]:
    """Return by unit the name of one reviewer who has not answered all that was asked about it.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    answered = decisions(run).current
    waiting = [item for item in store.read(run, WORKLIST).items if item.item not in answered and not item.planted]
    return {
        item.unit: item.reviewer_name for item in sorted(waiting, key=lambda item: item.reviewer_name, reverse=True)
    }


def waited_for(run: Run) -> dict[str, int]:
    """Count the items without an answer, by reviewer.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    return judge.waiting(store.each_item(run), decisions(run))


def sample_state(workspace: Path) -> SampleState:
    """Return what reaches from one draw to the next: secret, since it holds the key of the next.

    Raises ``ArtifactError`` for a file that is not as the logbook knows it.
    """
    path = workspace / "runs" / STATE.path
    if (log := logged.known(workspace)) and STATE.path in known_things(log.entries).files:
        return STATE.load(logged.require_file(log, workspace, path), str(path)).sample
    return files.read(path, STATE).sample if path.exists() else SampleState()


def keep_sample_state(workspace: Path, state: SampleState, now: datetime) -> None:
    """Write what the next draw must know.

    Raises ``ArtifactError`` as :func:`access_review.store.logged.replace_files` does.
    """
    line = entries.state_kept(now, {})
    logged.replace_files(workspace, line, {STATE.path: STATE.dump(WorkspaceState(state))}, "audit")
