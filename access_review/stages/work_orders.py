"""Work orders beside a plan: by when each is to be done, and the lists that people, ticket systems and mails take."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from access_review.changes import Change
from access_review.revoke.states import ChangeStatus, State
from access_review.stages import offboarding
from access_review.store import files
from access_review.store.plans import StoredPlan
from access_review.views import work_orders
from access_review.workspace import Workspace


@dataclass
class OrdersDue:
    """By when orders of a plan are to be done: a leaver's as `offboarding` says it, looked up when first asked."""

    workspace: Workspace
    stored: StoredPlan
    _of: Mapping[str, datetime] | None = None

    def of(self, change: Change, ordered: datetime) -> datetime:
        """Return by when: for whoever has not left, within the time that is a failure for those who have.

        Raises ``PlanRefused`` as :func:`access_review.stages.offboarding.when_due` does.
        """
        person = change.target.person
        if not change.leaver or person is None:
            return ordered + self.workspace.policy.targets.failure
        if self._of is None:
            self._of = offboarding.when_due(self.workspace, self.stored.run)
        return self._of.get(person, ordered + self.workspace.policy.targets.others)


def write_orders(
    stored: StoredPlan, workspace: Workspace, standings: Mapping[str, ChangeStatus], now: datetime
) -> None:
    """Write what a person is asked to do of a plan; nothing where there is nothing. What is done is not in it any more."""
    due, ordered = OrdersDue(workspace, stored), []
    for change in stored.plan.changes:
        status = standings.get(change.id, ChangeStatus())
        if status.state is State.ORDERED:
            ordered.append((change, due.of(change, status.at or now)))
    if ordered:
        run = stored.run.id
        files.write(stored.folder / "orders.csv", work_orders.as_csv(ordered))
        files.write(stored.folder / "orders.json", work_orders.as_json(ordered, run=run))
        files.write(stored.folder / "orders.txt", work_orders.as_text(ordered, run=run).encode())
