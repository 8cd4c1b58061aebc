"""Orders that are not to be carried out any more: whoever was to lose access has not left after all, or whoever was to get it back has."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from access_review.changes import Change
from access_review.errors import AccessReviewError
from access_review.revoke import recheck
from access_review.store import snapshots
from access_review.store.plans import StoredPlan
from access_review.workspace import Workspace


@dataclass
class VoidOrders:
    """Says which orders of a plan are void, by the rosters as they are at this moment, read when that is first asked."""

    stored: StoredPlan
    workspace: Workspace
    now: datetime
    _status: Mapping[str, str] | None = None

    def why(self, change: Change) -> str:
        """Say why an order is void; empty where it stands, or where the rosters cannot be read whole.

        Raises ``ArtifactError`` for files of a run that are damaged or gone.
        """
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
