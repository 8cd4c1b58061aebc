"""Plan: look up what is asked for, plan it on a reviewed run, and write the plan down."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from access_review.audit import reviewers, worklist
from access_review.errors import PlanRefused, Unclear, no_such
from access_review.plan.derive import DerivedPlan, PlanOrder, derive
from access_review.plan.limits import Raised
from access_review.plan.record import UndonePlan
from access_review.plan.request import Scope
from access_review.plan.wind_down_scope import belonging
from access_review.revoke.signed_wind_down import find_wind_down
from access_review.rules import load as load_rules
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.stages.other_batches import require_room
from access_review.store import files, plans, reviews, snapshots
from access_review.store import pinned as pin
from access_review.store.plans import AHEAD, PLAN, StoredPlan
from access_review.tables import Row
from access_review.views import plan_folder
from access_review.views.text import listed
from access_review.workspace import Workspace


def plan_run(
    workspace: Workspace,
    run: Run,
    *,
    requested_by: str,
    now: datetime,
    scope: Scope = Scope(),  # noqa: B008 - frozen
    name: str = "",
    ahead: bool = False,
    raised: Raised | None = None,
) -> tuple[DerivedPlan, tuple[Path, ...]]:
    """Plan the removals of a reviewed run and write them as JSON (the record), CSV, XLSX and PowerShell.

    ``requested_by`` and the persons of ``scope`` are given by id, name or mail, ``name`` is that of the
    folder in the run. With ``ahead``, the plan is for who is to leave, and holds from then on.
    Raises ``Unclear`` for whoever or whatever is not there, and ``PlanRefused``.
    """
    usual = AHEAD if ahead else PLAN
    plans.refuse_chosen(name, usual)
    name = name or usual
    snapshots.refuse_rehearsal(run)
    plans.refuse_name(run, name)
    made = _derived(workspace, run, requested_by, now, scope, name, ahead=ahead, raised=raised)
    return made, write_plan(run, made)


def preview_plan(workspace: Workspace, run: Run, *, requested_by: str, now: datetime, scope: Scope) -> DerivedPlan:
    """Return the plan that :func:`plan_run` would write, and write nothing.

    Raises ``PlanRefused``, ``StalePlan``, ``LimitExceeded`` and ``Unclear`` as planning does.
    """
    snapshots.refuse_rehearsal(run)
    return _derived(workspace, run, requested_by, now, scope, PLAN, ahead=False, raised=None)


def _derived(
    workspace: Workspace,
    run: Run,
    requested_by: str,
    now: datetime,
    scope: Scope,
    name: str,
    *,
    ahead: bool,
    raised: Raised | None,
) -> DerivedPlan:
    reviews.refuse_changed(run, workspace)
    snapshot = snapshots.load(run)
    rows = snapshot.tables["people"].to_pylist()
    people = reviewers.people_of(rows)
    if scope.wind_down:
        scope = _of_wind_down(workspace, run, scope, snapshot, now)
    asks = people.who(requested_by) or _nobody_here(requested_by, people, rows)
    scope = _resolve(scope, people, rows, snapshot)
    return derive_plan(workspace, run, PlanOrder(asks, now, name, scope, raised, ahead))


def derive_plan(workspace: Workspace, run: Run, order: PlanOrder) -> DerivedPlan:
    """Plan on a reviewed run from what is there now; raises ``StalePlan`` when the workspace has changed since.

    Raises ``PlanRefused``, ``LimitExceeded`` and ``Unclear`` as planning does.
    """
    name = order.scope.wind_down
    declared = workspace.wind_downs[name] if name else None
    pinned = pin.pin(workspace.folder, run, now=order.made_at, reviewed=order.scope.reviewed, wind_down=declared)
    made = derive(order, pin.load(workspace, run, pinned, made_at=order.made_at, wind_down=name))
    require_room(StoredPlan(run, made.plan.name, made.plan), workspace, order.made_at)
    return made


def write_plan(run: Run, made: DerivedPlan) -> tuple[Path, ...]:
    """Write a plan into its folder, as the record and as the lists that people work by."""
    files = plan_folder.files(made.plan, made.reasons)
    return plans.write(run, made.plan.name, made.plan, files, obsolete=plan_folder.obsolete(files))


def require_lists(stored: StoredPlan, workspace: Workspace) -> None:
    """Refuse a plan whose lists for people are not what would be written from it now.

    One that is not there misleads nobody, and neither does a plan of an older version, which is not begun.
    Raises ``PlanRefused``, and ``StalePlan``, ``LimitExceeded`` and ``Unclear`` where nothing follows from its inputs now.
    """
    made = stored.plan
    if made.inputs is None:
        return
    reasons = _reasons(stored, workspace)
    for name, data in plan_folder.files(made, reasons).items():
        path = stored.folder / name
        if path.suffix in {".csv", ".xlsx"} and path.exists() and files.content(path) != data:
            hint = "plan again, and look at the new lists"
            raise PlanRefused(f"{path} is not what follows from plan.json", hint=hint)


def _reasons(stored: StoredPlan, workspace: Workspace) -> Mapping[str, str]:
    """Return why each change of a plan is there, in the words that its lists have."""
    made = stored.plan
    if made.inputs is None:
        return {}
    if made.inputs.undoes:
        return dict.fromkeys((name for change in made.changes for name in change.because), undone(made.inputs.undoes))
    return derive(PlanOrder.of(made), pin.inputs_of(stored, workspace)).reasons


def undone(taken: UndonePlan) -> str:
    """Say why something is given back."""
    return f"taken by {taken.digest}"


def _of_wind_down(workspace: Workspace, run: Run, scope: Scope, snapshot: Snapshot, now: datetime) -> Scope:
    """Return a scope of the people that a wind-down is about; raises ``PlanRefused`` unless two people signed it."""
    name = scope.wind_down
    declared = find_wind_down(workspace.wind_downs, name)
    plans.require_wind_down(workspace, name, plans.signatories(run), now)
    rows = snapshot.tables["assignments"].to_pylist()
    belong = sorted(belonging(rows, declared, snapshot.as_of))
    if not belong:
        raise PlanRefused(
            f"nobody is of {declared.of} alone, so the wind-down {name} is about nobody",
            hint="look how the rosters call it: access-review export assignments",
        )
    return scope if scope.persons else replace(scope, persons=tuple(belong))


def _resolve(scope: Scope, people: reviewers.People, rows: Iterable[Row], snapshot: Snapshot) -> Scope:
    """Return a scope with persons by id; a rule or client that does not exist would silently plan nothing."""
    known = load_rules()
    if strange := sorted(set(scope.rules) - set(known)):
        raise no_such("no rule is called", strange[0], known)
    clients = {
        client
        for name in ("assignments", "entitlements", "accounts")
        for client in snapshot.tables[name]["client"].unique().to_pylist()
        if client
    }
    if strange := sorted(set(scope.clients) - clients):
        raise no_such("no client is called", strange[0], clients)
    persons = (
        people.known.get(worklist.fold(name)) or _unclear(name, rows, "is in the rosters") for name in scope.persons
    )
    return replace(scope, persons=tuple(persons))


def _nobody_here(asked: str, people: reviewers.People, rows: Iterable[Row]) -> NoReturn:
    """Say of a name that it is of somebody who left, or whose it could be of those who work here."""
    if worklist.fold(asked) in people.known:
        message, hint = people.why_nobody(asked)
        raise Unclear(message, hint=hint)
    _unclear(asked, rows, "works here, as far as the rosters say,", of=people.here)


def _unclear(asked: str, rows: Iterable[Row], words: str, *, of: Collection[str] | None = None) -> NoReturn:
    """Say that a name is nobody's, or whose it could be; the nearest names are those ``of`` some people alone, where given."""
    name = worklist.fold(asked)
    same = sorted(
        row["person"] for row in rows if name in {worklist.fold(row["name"] or ""), worklist.fold(row["mail"] or "")}
    )
    if len(same) > 1:
        raise Unclear(f"{len(same)} people are called {asked!r}", hint=f"give the id: {listed(same)}")
    names = {row["name"] for row in rows if row["name"] and (of is None or row["person"] in of)}
    raise no_such(f"nobody who {words} is called", asked, names, all_of_them="access-review export people")
