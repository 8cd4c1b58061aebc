"""Audits on disk: each week's campaign, its sample, what is asked, and what reviewers answered."""

from pathlib import Path

from access_review import runs, store
from access_review.artifacts import AUDIT, DECISIONS, SAMPLE, STATE, WORKLIST, WorkspaceState
from access_review.audit import judge
from access_review.audit.campaign import Campaign
from access_review.audit.decisions import Decisions
from access_review.audit.judge import Judgement
from access_review.errors import ArtifactError
from access_review.runs import Run
from access_review.sample.draw import SampleState
from access_review.store import files


def all_audits(workspace: Path) -> list[tuple[Run, Campaign]]:
    """Return every audit of a workspace with its run, oldest first."""
    return [(run, store.read(run, AUDIT)) for run in runs.all_runs(workspace) if store.has(run, AUDIT)]


def newest(workspace: Path) -> tuple[Run, Campaign]:
    """Return the audit that goes on, or the last; raises ``ArtifactError`` when there is none."""
    known = all_audits(workspace)
    if not known:
        raise ArtifactError(f"{workspace} has no audit yet", hint="access-review audit")
    return known[-1]


def last_sampled(workspace: Path, run: Run) -> Run | None:
    """Return the newest run before this one that a sample was drawn for."""
    sampled = [one for one in runs.before(workspace, run) if store.has(one, SAMPLE)]
    return sampled[-1] if sampled else None


def decisions(run: Run) -> Decisions:
    """Return every answer read for a run so far."""
    return store.read(run, DECISIONS) if store.has(run, DECISIONS) else Decisions(run.id)


def judgement(run: Run) -> Judgement:
    """Judge the sample of a run by the answers there are."""
    return judge.judge(store.read(run, SAMPLE), store.read(run, WORKLIST), decisions(run))


def not_reviewed(run: Run) -> frozenset[str]:
    """Return the units of a run's sample that nobody answered for completely."""
    drawn = frozenset(pick.unit for pick in store.read(run, SAMPLE).picks)
    return drawn - frozenset(judgement(run).reviewed)


def waited_for(run: Run) -> dict[str, int]:
    """Count the items without an answer, by reviewer."""
    return judge.waiting(store.read(run, WORKLIST), decisions(run))


def sample_state(workspace: Path) -> SampleState:
    """Return what reaches from one draw to the next: secret, since it holds the key of the next."""
    path = workspace / "runs" / STATE.path
    return files.read(path, STATE).sample if path.exists() else SampleState()


def keep_sample_state(workspace: Path, state: SampleState) -> None:
    """Write what the next draw must know."""
    files.write(workspace / "runs" / STATE.path, STATE.dump(WorkspaceState(state)))
