"""How much each source held when it was last read whole, or held less and somebody signed that off."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from access_review import store
from access_review.artifacts import AUDIT
from access_review.connectors.shrunk import counted, is_compared
from access_review.runs import Run
from access_review.store import snapshots

_FURTHEST = 60
"""How many runs are looked at: what has not been read whole for so long is not known any more."""


def of(earlier: Sequence[Run]) -> Mapping[str, Mapping[str, int]]:
    """Return by source and subject how much there was, from runs given oldest first.

    The newest run that read a subject whole counts; one that shrunk counts once its audit is signed off.
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    asked: set[tuple[str, str]] = set()
    for run in reversed(earlier[-_FURTHEST:]):
        manifest = snapshots.read_manifest(run)
        accepted = store.has(run, AUDIT) and store.read(run, AUDIT).signed_off_at is not None
        for name, source in manifest.sources.items():
            asked |= {(name, subject) for subject in source.verdicts if is_compared(subject)}
            rows = [{"subject": subject, **asdict(verdict)} for subject, verdict in source.verdicts.items()]
            for subject, count in counted(rows, accepted=accepted).items():
                found[name].setdefault(subject, count)
        if all(subject in found[name] for name, subject in asked):
            break
    return found
