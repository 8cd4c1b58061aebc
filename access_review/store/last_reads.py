"""How much each source held when it was last read whole, or held less and somebody signed that off."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from access_review import store
from access_review.artifacts import AUDIT
from access_review.connectors import emptied_groups
from access_review.connectors.shrunk import counted, is_compared
from access_review.runs import Run
from access_review.store import snapshots

_FURTHEST = 60
"""How many runs are looked at: what has not been read whole for so long is not known any more."""


def of(earlier: Sequence[Run], live: Collection[str] = ()) -> Mapping[str, Mapping[str, int]]:
    """Return by source and subject how much there was, and in which group, from runs given oldest first.

    The newest run that read a subject whole counts; one that shrunk counts once its audit is signed off.
    Of sources read ``live`` nobody asks about groups.
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    asked: set[tuple[str, str]] = set()
    members: dict[str, Run] = {}
    for run in reversed(earlier[-_FURTHEST:]):
        manifest = snapshots.read_manifest(run)
        accepted = store.has(run, AUDIT) and store.read(run, AUDIT).signed_off_at is not None
        for name, source in manifest.sources.items():
            asked |= {(name, subject) for subject in source.verdicts if is_compared(subject)}
            rows = [{"subject": subject, **asdict(verdict)} for subject, verdict in source.verdicts.items()]
            for subject, count in counted(rows, accepted=accepted).items():
                found[name].setdefault(subject, count)
            if "grants" in found[name] and name not in live:
                members.setdefault(name, run)
        if all(subject in found[name] for name, subject in asked):
            break
    opened = {run.id: snapshots.load(run).tables for run in members.values()}
    return {
        name: {**counts, **(emptied_groups.remembered(name, opened[members[name].id]) if name in members else {})}
        for name, counts in found.items()
    }
