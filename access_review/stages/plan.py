"""Plans as they are made on disk: what is asked for is looked up, planned on a reviewed run, sealed and written down."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from access_review import runs, snapshot
from access_review.audit import reviewers, worklist
from access_review.errors import PlanRefused, StalePlan, Unclear
from access_review.plan import plan, record
from access_review.plan.ahead import RULES, Ahead, as_left, leaving
from access_review.plan.limits import Population, Raised, populations
from access_review.plan.record import Plan
from access_review.plan.request import Decided, Scope
from access_review.review import Report, review
from access_review.revoke.journal import begun
from access_review.rules import load as load_rules
from access_review.runs import Run
from access_review.snapshot import Snapshot
from access_review.stages import decisions, routine
from access_review.stages.audit import REVIEW, engine_of, previous_findings, read_report
from access_review.tables import Row
from access_review.views import plan_files, powershell
from access_review.views.text import listed
from access_review.workspace import Workspace

PLAN, AHEAD, STANDING = "plan", "ahead", "standing"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


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
    Raises ``Unclear`` for whoever or whatever is not there.
    """
    name = name or (AHEAD if ahead else PLAN)
    may_be_written(run, name)
    taken = snapshot.load(run)
    rows = taken.tables["people"].to_pylist()
    people = reviewers.people_of(rows)
    asks = people.who(requested_by) or _unclear(requested_by, rows, "works here, as far as the rosters say")
    scope = _meant(scope, people, rows, taken)
    if not ahead:
        decided = decisions.revokes(workspace.folder, people, scope, now) if scope.reviewed else ()
        made, report = planned(
            workspace, run, taken, requested_by=asks, now=now, scope=scope, raised=raised, decided=decided
        )
        return made, write(workspace, run, name, made, report, decided)
    policy = workspace.policy
    going = leaving(rows, scope.persons, now, policy.offboarding.prepare, policy.plan_valid)
    scope = replace(scope, rules=scope.rules or RULES, persons=going.persons)
    made = _planned_ahead(workspace, run, taken, going, requested_by=asks, now=now, scope=scope, raised=raised)
    said = f"is to leave by {going.since:%Y-%m-%d %H:%M} UTC"
    reasons = {finding: said for change in made.changes for finding in change.because}
    return made, write_files(workspace, run.folder / name, made, reasons)


def _planned_ahead(
    workspace: Workspace, run: Run, taken: Snapshot, going: Ahead, *, now: datetime, **asked: Any
) -> Plan:
    """Plan for people as if they had left already, with the facts of a snapshot as they are otherwise."""
    unchanged(run, workspace)
    gone = as_left(taken, going.persons)
    with engine_of(workspace, gone) as engine:
        report = review(gone, workspace, engine, previous_findings(workspace, run))
        return plan.plan(
            gone,
            workspace,
            engine,
            report,
            now=now,
            capabilities=workspace.capabilities(),
            ahead=going,
            accepted=accepted(workspace, run),
            **asked,
        )


def planned(
    workspace: Workspace,
    run: Run,
    taken: Snapshot,
    *,
    requested_by: str,
    now: datetime,
    scope: Scope,
    raised: Raised | None = None,
    decided: Sequence[Decided] = (),
) -> tuple[Plan, Report]:
    """Plan on a reviewed run; raises ``StalePlan`` when the workspace has changed since the review."""
    with engine_of(workspace, taken) as engine:
        report = review(taken, workspace, engine, previous_findings(workspace, run))
        if report.digest != read_report(run).digest:
            raise _changed(run)
        made = plan.plan(
            taken,
            workspace,
            engine,
            report,
            requested_by=requested_by,
            now=now,
            capabilities=workspace.capabilities(),
            scope=scope,
            accepted=accepted(workspace, run),
            raised=raised,
            decided=decided,
        )
        return made, report


def accepted(workspace: Workspace, run: Run) -> Mapping[str, Population]:
    """Return what each source held at the newest sign-off that a run knows of; nothing before there is one."""
    signed = [
        known for known, one in routine.audits(workspace.folder) if one.signed_off_at and known.as_of <= run.as_of
    ]
    return populations(snapshot.load(signed[-1]).tables) if signed else {}


def unchanged(run: Run, workspace: Workspace) -> None:
    """Raise ``StalePlan`` when the workspace is not the one that a run was reviewed with."""
    if runs.read_json(run.folder / runs.REVIEWED, REVIEW)["workspace_digest"] != workspace.digest:
        raise _changed(run)


def _changed(run: Run) -> StalePlan:
    hint = f"access-review review --run {run.id}"
    return StalePlan("the workspace has changed since the run was reviewed", hint=hint)


def write(
    workspace: Workspace, run: Run, name: str, made: Plan, report: Report, decided: Sequence[Decided] = ()
) -> tuple[Path, ...]:
    """Write a plan into its folder, as the record and as the lists that people work by."""
    reasons = dict(zip(report.findings["finding"].to_pylist(), report.findings["reason"].to_pylist(), strict=True))
    return write_files(workspace, run.folder / name, made, reasons | {one.name: one.words for one in decided})


def write_files(workspace: Workspace, folder: Path, made: Plan, reasons: Mapping[str, str]) -> tuple[Path, ...]:
    """Write a plan as JSON, CSV, XLSX and PowerShell; ``reasons`` says why of each finding."""
    files = {
        "plan.json": record.write(made),
        "plan.csv": plan_files.csv(made, reasons),
        "plan.xlsx": plan_files.xlsx(made, reasons),
        "undo.ps1" if made.gives_back else "revoke.ps1": powershell.script(made, workspace.capabilities()),
    }
    for file, data in files.items():
        runs.write(folder / file, data)
    return tuple(folder / file for file in files)


def may_be_written(run: Run, name: str) -> None:
    """Refuse a name that is no folder's, and to replace a plan that is being carried out."""
    if not _NAME.fullmatch(name):
        raise Unclear(f"{name!r} is no name for a plan", hint="small letters, digits and -, as in leavers-tonight")
    if begun(run.folder / name / "journal.sqlite"):
        raise PlanRefused(
            f"the {name} of {run.id} is being carried out", hint="go on with it, or collect and review first"
        )


def _unclear(asked: str, rows: Iterable[Row], words: str) -> NoReturn:
    """Say that a name is nobody's, or whose it could be."""
    name = worklist.fold(asked)
    same = sorted(
        row["person"] for row in rows if name in {worklist.fold(row["name"] or ""), worklist.fold(row["mail"] or "")}
    )
    if len(same) > 1:
        raise Unclear(f"{len(same)} people are called {asked!r}", hint=f"give the id: {listed(same)}")
    raise Unclear(f"nobody called {asked!r} {words}", hint="give the id: access-review explain NAME")


def _meant(scope: Scope, people: reviewers.People, rows: Iterable[Row], taken: Snapshot) -> Scope:
    """Return a scope with persons by id; a rule or client that does not exist would silently plan nothing."""
    known = load_rules()
    if strange := sorted(set(scope.rules) - set(known)):
        near = get_close_matches(strange[0], known, 1)
        raise Unclear(
            f"no rule is called {strange[0]!r}", hint=f"is {near[0]!r} meant?" if near else f"known: {', '.join(known)}"
        )
    clients = {
        c
        for name in ("assignments", "entitlements", "accounts")
        for c in taken.tables[name]["client"].unique().to_pylist()
        if c
    }
    if strange := sorted(set(scope.clients) - clients):
        raise Unclear(f"no client is called {strange[0]!r}", hint=f"known: {', '.join(sorted(clients))}")
    persons = (
        people.known.get(worklist.fold(one)) or _unclear(one, rows, "is in the rosters") for one in scope.persons
    )
    return replace(scope, persons=tuple(persons))
