"""Orders that are not to be carried out any more: whom they are about came back, or nothing that was found asks for them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from access_review import store
from access_review.artifacts import WORKLIST
from access_review.audit.reviewers import people_of
from access_review.changes import Change, is_decision
from access_review.errors import AccessReviewError
from access_review.model import CURRENT, Remedy, Status
from access_review.plan.request import DecidedRevoke, Scope
from access_review.plan.reviewed_revokes import decided_revokes
from access_review.revoke import recheck
from access_review.runs import Run
from access_review.store import audits, logged, reviews, snapshots
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
    _decided: Sequence[DecidedRevoke] | None = None

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
        """Say that neither the last review nor a reviewer asks for it any more; what is given back and a wind-down stand by themselves."""
        plan = self.stored.plan
        if change.action.restores or plan.scope.wind_down:
            return ""
        if any(map(is_decision, change.because)) and self._is_decided(change):
            return ""
        if self._last is None:
            self._last = _LastReview.of(self.workspace, self.now, plan.changes)
        since = ordered if plan.ahead else self.stored.run.as_of  # before that nobody had left
        return self._last.why(change, since)

    def _is_decided(self, change: Change) -> bool:
        """Tell whether reviewers want the same to go, by what each decided last."""
        if self._decided is None:
            asked = logged.known_with(self.workspace.folder, WORKLIST.path)
            answered = [(store.read(run, WORKLIST).items, audits.decisions(run).current) for run in asked]
            self._decided = decided_revokes(answered, people_of(()), Scope(reviewed=True))
        account, _, _, _ = change.target.key
        return any(
            one.account == account and one.entitlement in (None, "", change.target.key[1]) for one in self._decided
        )


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
        asking = pa.array(sorted({name for one in changes for name in one.because}), pa.string())
        about = pa.array(sorted({name for one in changes for name in one.target.key[:3] if name}), pa.string())
        found: dict[str, Row] = {}
        for piece in reviews.read(known[-1]).pieces():  # a piece at a time: there may be millions, and watch asks often
            wanted = pc.or_(pc.is_in(piece["finding"], asking), pc.is_in(piece["subject"], about))
            found |= {row["finding"]: row for row in piece.filter(wanted).select(_READ).to_pylist()}
        return cls(known[-1], found)

    def why(self, change: Change, since: datetime) -> str:
        """Say why a change is asked for no more; empty where something found asks for it, or no review is so new."""
        if self.run is None or self.run.as_of < since:
            return ""
        asking = [self.found[name] for name in change.because if name in self.found]
        if any(row["status"] in CURRENT for row in (*asking, *self._besides(change))):
            return ""
        if all(map(is_decision, change.because)):
            return "the decision that it was for was taken back"
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
