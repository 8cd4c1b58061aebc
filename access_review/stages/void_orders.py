"""Orders that are not to be carried out any more: whom they are about came back, or nothing that was found asks for them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from access_review.changes import Change, is_decision
from access_review.errors import AccessReviewError
from access_review.findings.format_1 import of_today
from access_review.model import CURRENT, Remedy, Status
from access_review.revoke import recheck
from access_review.runs import Run
from access_review.snapshot import Stored
from access_review.store import logged, reviews, snapshots
from access_review.store.plans import StoredPlan
from access_review.tables import Row
from access_review.workspace import Workspace

_TAKING = frozenset({Remedy.DISABLE, Remedy.REMOVE, Remedy.CUT})
_READ = ["finding", "subject", "about", "remedy", "status", "waiver"]


@dataclass
class VoidOrders:
    """Says which orders of a plan are void, by the rosters as they are at this moment and by the last review, each read when first asked."""

    stored: StoredPlan
    workspace: Workspace
    now: datetime
    _status: Mapping[str, str] | None = None
    _last: "_LastReview | None" = None

    def why(self, change: Change, ordered: datetime) -> str:
        """Say why what was ordered at a moment is void; empty where it stands, or where nobody can say.

        Raises ``ArtifactError`` for files of a run that are damaged or gone.
        """
        return self._by_rosters(change) or self._by_review(change, ordered)

    def _by_rosters(self, change: Change) -> str:
        if not (change.leaver or change.action.restores):
            return ""
        if self._status is None:
            self._status = self._read()
        return recheck.why_void(change, self._status)

    def _read(self) -> Mapping[str, str]:
        taken = snapshots.load(self.stored.run)
        try:
            fresh = recheck.with_rosters(taken, self.workspace, self.now)
        except AccessReviewError:  # nothing is known of anybody, and what was ordered stands
            return {}
        people = fresh.tables["people"].select(["person", "status"]).to_pylist()
        return {row["person"]: row["status"] for row in people}

    def _by_review(self, change: Change, ordered: datetime) -> str:
        """Say that the last review asks for it no more, where a review did; a reviewer's decision and a wind-down stand by themselves."""
        plan = self.stored.plan
        if change.action.restores or plan.scope.wind_down or any(map(is_decision, change.because)):
            return ""
        if self._last is None:
            self._last = _LastReview.of(self.workspace, self.now, plan.changes)
        since = ordered if plan.ahead else self.stored.run.as_of  # before that nobody had left
        return self._last.why(change, since)


@dataclass(frozen=True, slots=True)
class _LastReview:
    """The newest run that was reviewed by a moment, and what is found in it that has to do with changes; no run where there is none."""

    run: Run | None
    found: Mapping[str, Row]

    @classmethod
    def of(cls, workspace: Workspace, now: datetime, changes: Collection[Change]) -> "_LastReview":
        known = [run for run in logged.known_runs(workspace.folder) if run.reviewed and run.as_of <= now]
        if not known:
            return cls(None, {})
        found = of_today(Stored({"findings": reviews.read(known[-1]).found})["findings"]).select(_READ)
        asking = pa.array(sorted({name for one in changes for name in one.because}), pa.string())
        about = pa.array(sorted({name for one in changes for name in one.target.key[:3] if name}), pa.string())
        found = found.filter(pc.or_(pc.is_in(found["finding"], asking), pc.is_in(found["subject"], about)))
        return cls(known[-1], {row["finding"]: row for row in found.to_pylist()})

    def why(self, change: Change, since: datetime) -> str:
        """Say why a change that findings asked for is asked for no more; empty where it is, or no review is so new."""
        if self.run is None or self.run.as_of < since:
            return ""
        asking = [self.found[name] for name in change.because if name in self.found]
        if any(row["status"] in CURRENT for row in (*asking, *self._besides(change))):
            return ""
        waivers = sorted({row["waiver"] or "" for row in asking if row["status"] == Status.WAIVED} - {""})
        at = f"{self.run.as_of:%Y-%m-%d %H:%M} UTC"
        if waivers:
            return f"{', '.join(waivers)} accepts it, by the review of {at}"
        return f"the review of {at} finds nothing any more that asks for it"

    def _besides(self, change: Change) -> Iterator[Row]:
        """Yield what else is found that would take the same away: a mover whose access was to go has left, say."""
        names = {name for name in change.target.key[:3] if name}
        return (row for row in self.found.values() if row["remedy"] in _TAKING and _names(row) <= names)


def _names(row: Row) -> frozenset[str]:
    return frozenset(filter(None, (row["subject"], row["about"])))
