"""Plan: look up what is asked for, plan it on a reviewed run, and write the plan down."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from access_review import store
from access_review.artifacts import WORKLIST
from access_review.audit import reviewers, worklist
from access_review.errors import Unclear
from access_review.plan import plan
from access_review.plan.ahead import RULES, Ahead, as_left, leaving
from access_review.plan.limits import Population, Raised, populations
from access_review.plan.record import Plan
from access_review.plan.request import Decided, Scope
from access_review.plan.reviewed import decided
from access_review.review import Report, review
from access_review.rules import load as load_rules
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.store import audits, plans, reviews, snapshots
from access_review.store.plans import AHEAD, PLAN
from access_review.tables import Row
from access_review.views import plan_folder
from access_review.views.text import listed
from access_review.workspace import Workspace

_DECIDED = timedelta(days=35)
"""How long a reviewer's decision asks for a change: the access may have another reason later."""


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
) -> tuple[Plan, tuple[Path, ...]]:
    """Plan the removals of a reviewed run and write them as JSON (the record), CSV, XLSX and PowerShell.

    ``requested_by`` and the persons of ``scope`` are given by id, name or mail, ``name`` is that of the
    folder in the run. With ``ahead``, the plan is for who is to leave, and holds from then on.
    Raises ``Unclear`` for whoever or whatever is not there, and ``PlanRefused``.
    """
    name = name or (AHEAD if ahead else PLAN)
    plans.refuse_name(run, name)
    snapshot = snapshots.load(run)
    rows = snapshot.tables["people"].to_pylist()
    people = reviewers.people_of(rows)
    asks = people.who(requested_by) or _unclear(requested_by, rows, "works here, as far as the rosters say")
    scope = _resolve(scope, people, rows, snapshot)
    if not ahead:
        requests = _decided(workspace.folder, people, scope, now) if scope.reviewed else ()
        made, report = plan_snapshot(
            workspace, run, snapshot, requested_by=asks, now=now, scope=scope, raised=raised, decided=requests
        )
        return made, write_plan(workspace, run, name, made, report, requests)
    policy = workspace.policy
    going = leaving(rows, scope.persons, now, policy.offboarding.prepare, policy.plan_valid)
    scope = replace(scope, rules=scope.rules or RULES, persons=going.persons)
    made = _plan_ahead(workspace, run, snapshot, going, requested_by=asks, now=now, scope=scope, raised=raised)
    reason = f"is to leave by {going.since:%Y-%m-%d %H:%M} UTC"
    reasons = {finding: reason for change in made.changes for finding in change.because}
    return made, plans.write(run, name, plan_folder.files(made, reasons, workspace.capabilities()))


def plan_snapshot(
    workspace: Workspace,
    run: Run,
    snapshot: Snapshot,
    *,
    requested_by: str,
    now: datetime,
    scope: Scope,
    raised: Raised | None = None,
    decided: Sequence[Decided] = (),
) -> tuple[Plan, Report]:
    """Plan on a reviewed run; raises ``StalePlan`` when the workspace has changed since the review."""
    with reviews.engine_of(workspace, snapshot) as engine:
        report = review(snapshot, workspace, engine, reviews.previous(workspace.folder, run))
        if report.digest != reviews.read(run).digest:
            raise reviews.changed(run)
        made = plan.plan(
            snapshot,
            workspace,
            engine,
            report,
            requested_by=requested_by,
            now=now,
            capabilities=workspace.capabilities(),
            scope=scope,
            accepted=_accepted(workspace, run),
            raised=raised,
            decided=decided,
        )
        return made, report


def write_plan(
    workspace: Workspace, run: Run, name: str, made: Plan, report: Report, decided: Sequence[Decided] = ()
) -> tuple[Path, ...]:
    """Write a plan into its folder, as the record and as the lists that people work by."""
    reasons = dict(zip(report.findings["finding"].to_pylist(), report.findings["reason"].to_pylist(), strict=True))
    reasons |= {request.name: request.words for request in decided}
    return plans.write(run, name, plan_folder.files(made, reasons, workspace.capabilities()))


def _plan_ahead(
    workspace: Workspace, run: Run, snapshot: Snapshot, going: Ahead, *, now: datetime, **asked: Any
) -> Plan:
    """Plan for people as if they had left already, with the facts of a snapshot as they are otherwise."""
    reviews.refuse_changed(run, workspace)
    gone = as_left(snapshot, going.persons)
    with reviews.engine_of(workspace, gone) as engine:
        report = review(gone, workspace, engine, reviews.previous(workspace.folder, run))
        return plan.plan(
            gone,
            workspace,
            engine,
            report,
            now=now,
            capabilities=workspace.capabilities(),
            ahead=going,
            accepted=_accepted(workspace, run),
            **asked,
        )


def _accepted(workspace: Workspace, run: Run) -> Mapping[str, Population]:
    """Return what each source held at the newest sign-off that a run knows of; nothing before there is one."""
    signed = [
        known
        for known, audit in audits.all_audits(workspace.folder)
        if audit.signed_off_at and known.as_of <= run.as_of
    ]
    return populations(snapshots.load(signed[-1]).tables) if signed else {}


def _decided(folder: Path, people: reviewers.People, scope: Scope, now: datetime) -> tuple[Decided, ...]:
    """Return what reviewers decided to revoke in the latest audits, within a scope."""
    recent = [run for run, _ in audits.all_audits(folder) if now - run.as_of <= _DECIDED]
    answered = ((store.read(run, WORKLIST).items, audits.decisions(run).current) for run in recent)
    return decided(answered, people, scope)


def _resolve(scope: Scope, people: reviewers.People, rows: Iterable[Row], snapshot: Snapshot) -> Scope:
    """Return a scope with persons by id; a rule or client that does not exist would silently plan nothing."""
    known = load_rules()
    if strange := sorted(set(scope.rules) - set(known)):
        near = get_close_matches(strange[0], known, 1)
        raise Unclear(
            f"no rule is called {strange[0]!r}", hint=f"is {near[0]!r} meant?" if near else f"known: {', '.join(known)}"
        )
    clients = {
        client
        for name in ("assignments", "entitlements", "accounts")
        for client in snapshot.tables[name]["client"].unique().to_pylist()
        if client
    }
    if strange := sorted(set(scope.clients) - clients):
        raise Unclear(f"no client is called {strange[0]!r}", hint=f"known: {', '.join(sorted(clients))}")
    persons = (
        people.known.get(worklist.fold(name)) or _unclear(name, rows, "is in the rosters") for name in scope.persons
    )
    return replace(scope, persons=tuple(persons))


def _unclear(asked: str, rows: Iterable[Row], words: str) -> NoReturn:
    """Say that a name is nobody's, or whose it could be."""
    name = worklist.fold(asked)
    same = sorted(
        row["person"] for row in rows if name in {worklist.fold(row["name"] or ""), worklist.fold(row["mail"] or "")}
    )
    if len(same) > 1:
        raise Unclear(f"{len(same)} people are called {asked!r}", hint=f"give the id: {listed(same)}")
    raise Unclear(f"nobody called {asked!r} {words}", hint="give the id: access-review explain NAME")
