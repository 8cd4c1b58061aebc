"""Derive a plan from what it is asked for and from pinned inputs: the same bytes whenever it is done.

A plan is made by this function, and derived by it again before it is carried out, so that nothing in
``plan.json`` need be believed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa

from access_review.audit.decisions import Decision
from access_review.audit.reviewers import people_of
from access_review.audit.worklist import WorkItem
from access_review.changes import Capabilities
from access_review.engine import Engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import StalePlan
from access_review.findings.judged_share import Judged
from access_review.findings.sentences import every_sentence
from access_review.plan.ahead import RULES, Ahead, as_left, leaving
from access_review.plan.limits import Population, Raised
from access_review.plan.plan import plan
from access_review.plan.recent_removals import RecentRemovals
from access_review.plan.record import PinnedInputs, Plan
from access_review.plan.request import DecidedRevoke, Scope
from access_review.plan.reviewed_revokes import decided_revokes
from access_review.review import Previous, find
from access_review.snapshot import Snapshot, run_name
from access_review.tables import Row
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """What is asked for: by whom, when, under which name, for which findings, and which limits are raised.

    With ``ahead`` it is for who is to leave.
    """

    requested_by: str
    made_at: datetime
    name: str
    scope: Scope = Scope()  # noqa: RUF009 - frozen
    raised: Raised | None = None
    ahead: bool = False

    @classmethod
    def of(cls, made: Plan) -> "PlanOrder":
        """Return the order that a plan says it follows."""
        limits = made.limits
        raised = Raised(limits.raised, limits.raised_because) if limits.raised or limits.raised_because else None
        return cls(made.requested_by, made.made_at, made.name, made.scope, raised, made.ahead is not None)


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """Everything that a plan is derived from, as it was read; ``pinned`` says which it was.

    ``answered`` are the items and the current decisions of each audit, oldest first.
    """

    snapshot: Snapshot
    workspace: Workspace
    previous: Previous
    pinned: PinnedInputs
    capabilities: Mapping[str, Capabilities]
    accepted: Mapping[str, Population]
    answered: Sequence[tuple[Iterable[WorkItem], Mapping[str, Decision]]] = ()
    taken: RecentRemovals = RecentRemovals()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class DerivedPlan:
    """A plan, and why it does what it does: in words, by what asks for it.

    ``judged`` is how much of what people hold was judged by the review that it was planned on. ``to_person`` are the
    findings of that review which are left to a person: who and what each is about.
    """

    plan: Plan
    reasons: Mapping[str, str]
    judged: Judged | None
    to_person: pa.Table = field(repr=False)

    def left(self) -> dict[str, Row]:
        """Return the findings that are left to a person, by id."""
        return {row["finding"]: row for row in self.to_person.to_pylist()}


def derive(order: PlanOrder, inputs: PlanInputs) -> DerivedPlan:
    """Review what was read and plan on it.

    Raises ``StalePlan`` when the review finds something else than the pinned one did, ``PlanRefused`` for one who is
    not to leave; else raises as :func:`access_review.plan.plan.plan` does.
    """
    snapshot, scope, going = inputs.snapshot, order.scope, None
    if order.ahead:
        going, scope = _going(order, inputs)
        snapshot = as_left(snapshot, going.persons)
    settings = inputs.workspace.policy.engine
    with EmbeddedEngine(snapshot.as_of, settings.memory, settings.threads) as engine:
        report = find(snapshot, inputs.workspace, engine, inputs.previous, aside=True)
        if not going and report.digest != inputs.pinned.findings:
            raise changed(run_name(snapshot.as_of, snapshot.digest))
        requests = decided_of(inputs, scope)
        made = plan(
            snapshot,
            inputs.workspace,
            engine,
            report,
            requested_by=order.requested_by,
            now=order.made_at,
            name=order.name,
            capabilities=inputs.capabilities,
            scope=scope,
            accepted=inputs.accepted,
            raised=order.raised,
            ahead=going,
            decided=requests,
            inputs=inputs.pinned,
            taken=inputs.taken,
        )
        to_person = engine.query(_TO_PERSON, named=sorted({name for left in made.to_person for name in left.findings}))
        because = sorted({finding for change in made.changes for finding in change.because})
        if going:
            reasons = dict.fromkeys(because, f"is to leave by {going.since:%Y-%m-%d %H:%M} UTC")
        else:
            reasons = _reasons(engine, because) | {request.name: request.words for request in requests}
    return DerivedPlan(made, reasons, report.judged, to_person)


# The findings of a large company are on disk for as long as the engine is open: those that a plan names are read back.
_TO_PERSON = """
    SELECT finding, subject, subject_name, about, about_name, person, person_name FROM findings
    WHERE finding IN :named ORDER BY finding
"""

_ASKING = "SELECT finding, rule, code, facts, checked FROM findings WHERE finding IN :named ORDER BY finding"


def _reasons(engine: Engine, because: Sequence[str]) -> dict[str, str]:
    """Say of each finding that a change is for what was found."""
    sentences = every_sentence()
    return {row["finding"]: sentences.reason(row) for row in engine.rows(_ASKING, named=because)}


def changed(run: str) -> StalePlan:
    """Say that a run was reviewed with another workspace than there is now."""
    hint = f"access-review review --run {run}"
    return StalePlan("the workspace has changed since the run was reviewed", hint=hint)


def _going(order: PlanOrder, inputs: PlanInputs) -> tuple[Ahead, Scope]:
    policy, rows = inputs.workspace.policy, inputs.snapshot.tables["people"].to_pylist()
    going = leaving(rows, order.scope.persons, order.made_at, policy.offboarding.prepare, policy.plan_valid)
    return going, replace(order.scope, rules=order.scope.rules or RULES, persons=going.persons)


def decided_of(inputs: PlanInputs, scope: Scope) -> tuple[DecidedRevoke, ...]:
    """Return what reviewers decided to revoke, where a plan is for that."""
    if not scope.reviewed:
        return ()
    return decided_revokes(inputs.answered, people_of(inputs.snapshot.tables["people"].to_pylist()), scope)
