"""How much each source held when it was last read whole, or held less and somebody signed that off; and what batches took since."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from access_review import store
from access_review.artifacts import AUDIT, MANIFEST
from access_review.changes import Change, Target
from access_review.connectors import emptied_groups
from access_review.connectors.own_removals import LastRead, OwnRemovals
from access_review.connectors.shrunk import counted, is_compared
from access_review.errors import AccessReviewError
from access_review.revoke.same_place import sources_of
from access_review.revoke.states import PROVEN, State
from access_review.runs import Run
from access_review.snapshot import accounts_of
from access_review.store import logged, plans, snapshots
from access_review.workspace import Workspace

_TAKEN = PROVEN | {State.ORDERED}


def of(
    earlier: Sequence[Run], watched: Collection[str] = (), expected: Sequence[Change] = ()
) -> Mapping[str, LastRead]:
    """Return by source and subject how much there was, and in which group, from runs given oldest first.

    The newest run that read a subject whole counts; one that shrunk counts once its audit is signed off.
    Of sources that are ``watched`` nobody asks about groups: they are looked at again in a moment. With it goes what
    batches took from the source since, and what is ``expected`` to be gone of what it showed.
    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    since: dict[str, datetime] = {}
    members: dict[str, Run] = {}
    accounts: dict[str, Run] = {}
    for run, counts in _counts(earlier):
        for name, known in counts.items():
            for subject, count in known.items():
                found[name].setdefault(subject, count)
                since.setdefault(name, run.as_of)
            if "grants" in found[name] and name not in watched:
                members.setdefault(name, run)
            if found[name].get("accounts") and name not in watched:
                accounts.setdefault(name, run)
    needed = {run.id: run for run in (*members.values(), *accounts.values())}
    opened = {name: snapshots.load(run).tables for name, run in needed.items()}
    held = {name: (opened[accounts[name].id], opened[run.id]) for name, run in members.items() if name in accounts}
    removed = _removals(earlier[-1].workspace, since, held, expected) if earlier else {}
    return {
        name: LastRead(
            {**counts, **(emptied_groups.remembered(name, opened[members[name].id]) if name in members else {})},
            removed.get(name, OwnRemovals()),
            partial(accounts_of, opened[accounts[name].id], name) if name in accounts else None,
        )
        for name, counts in found.items()
    }


def of_touched(workspace: Workspace, changes: Sequence[Change]) -> Mapping[str, LastRead]:
    """Return the same of the sources that changes are made in or name, by the runs that the logbook knows.

    What they take away is expected to be gone, whoever carried it out. Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    others = {entry.name for entry in workspace.sources} - sources_of(changes)
    return of(logged.known_runs(workspace.folder), others, changes)


def _counts(earlier: Sequence[Run]) -> Iterator[tuple[Run, Mapping[str, Mapping[str, int]]]]:
    """Yield runs, the newest first, with how much they say that each source held, until everything that was asked is known.

    However long ago that was: a source that is cut for a year is no less cut, and would else be believed one day.
    """
    asked: set[tuple[str, str]] = set()
    known: set[tuple[str, str]] = set()
    log = logged.known(earlier[0].workspace) if earlier else None
    for run in reversed(earlier):
        logged.holds(log, run, MANIFEST.path)
        manifest = snapshots.read_manifest(run)
        accepted = logged.holds(log, run, AUDIT.path) and store.read(run, AUDIT).signed_off_at is not None
        found = {}
        for name, source in manifest.sources.items():
            asked |= {(name, subject) for subject in source.verdicts if is_compared(subject)}
            rows = [{"subject": subject, **asdict(verdict)} for subject, verdict in source.verdicts.items()]
            found[name] = counted(rows, accepted=accepted)
        yield run, found
        known |= {(name, subject) for name, counts in found.items() for subject in counts}
        if asked <= known:
            return


def rests_on(earlier: Sequence[Run]) -> Mapping[str, str]:
    """Return the runs that the next read is held against, by id, with a source that was read whole last in each.

    Raises ``ArtifactError`` for files of a run that are damaged or gone.
    """
    known: set[tuple[str, str]] = set()
    used: dict[str, str] = {}
    for run, counts in _counts(earlier):
        fresh = {(name, subject) for name, found in counts.items() for subject in found} - known
        if fresh:
            used[run.id] = min(fresh)[0]
        known |= fresh
    return used


_Held = tuple[Mapping[str, pa.Table], Mapping[str, pa.Table]]
"""The tables in which a source's accounts, and its grants, were read last."""


def _removals(
    workspace: Path, since: Mapping[str, datetime], held: Mapping[str, _Held], expected: Iterable[Change]
) -> Mapping[str, OwnRemovals]:
    """Return what batches took from each source since a moment of its own, as their journals say.

    Of what was ordered before it, and done after it, that is what ``held`` shows: what was read last, by source; so
    with what is ``expected`` besides.
    Where these are damaged nothing is explained: whoever plans or applies hears of that. A journal that merely lies
    there explains nothing either: what it says to be gone would not be missed.
    """
    lately: dict[str, list[Target]] = defaultdict(list)
    before: dict[str, list[Target]] = defaultdict(list)
    for change in expected:
        if not change.action.restores:
            before[change.target.source].append(change.target)
    with suppress(AccessReviewError):
        for plan, journal in plans.logged_journals(workspace):
            for change in plan.changes:
                status, source = journal.standing(change.id), change.target.source
                if change.action.restores or status.state not in _TAKEN or not status.intended_at:
                    continue
                if start := since.get(source):
                    (lately if status.intended_at >= start else before)[source].append(change.target)
    found = {source: _named(targets) for source, targets in lately.items()}
    for source, targets in before.items():
        if source in held:
            more, known = _still_held(_named(targets), held[source]), found.get(source, OwnRemovals())
            found[source] = OwnRemovals(known.accounts | more.accounts, known.grants | more.grants)
    return found


def _named(targets: Iterable[Target]) -> OwnRemovals:
    every = list(targets)
    return OwnRemovals(
        frozenset(one.account.id for one in every if one.account),
        frozenset((one.account.id, one.entitlement.id) for one in every if one.account and one.entitlement),
    )


def _still_held(removed: OwnRemovals, held: _Held) -> OwnRemovals:
    """Return the part of it that was there when the source was read last."""
    names = pa.array(sorted(removed.accounts), pa.string())
    accounts, grants = held[0]["accounts"], held[1]["grants"]
    listed = accounts.filter(pc.is_in(accounts["account"], names))["account"].to_pylist()
    near = grants.filter(pc.is_in(grants["account"], names)).select(["account", "entitlement"]).to_pylist()
    pairs = {(row["account"], row["entitlement"]) for row in near}
    return OwnRemovals(frozenset(listed), removed.grants & pairs)
