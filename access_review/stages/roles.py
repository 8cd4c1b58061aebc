"""Roles: the templates as they are resolved in a run."""

from collections.abc import Mapping

import pyarrow as pa

from access_review import roles
from access_review.explain.coverage import Coverage, measure
from access_review.explain.role_members import RoleMembers, role_members
from access_review.explain.role_tests import RoleTestResult, TestedRun, run_tests
from access_review.findings.judged_share import Judged, measure_judged
from access_review.review import by_name_only, establish
from access_review.roles import Resolved
from access_review.runs import Run
from access_review.store import reviews, snapshots
from access_review.tables import TABLES
from access_review.workspace import Workspace


def resolve_templates(workspace: Workspace, run: Run) -> tuple[Mapping[str, Resolved], pa.Table]:
    """Return every template after inheritance, by role, and the entitlements that their patterns were matched with."""
    entitlements = snapshots.load(run).tables["entitlements"]
    return {one.template.role: one for one in roles.resolve(workspace.templates, entitlements)}, entitlements


def members_of(workspace: Workspace, run: Run) -> RoleMembers:
    """Say who has each role of a run, and which values under ``who`` nobody has."""
    snapshot = snapshots.load(run)
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine)
        return role_members(engine, workspace)


def run_role_tests(workspace: Workspace, run: Run | None) -> tuple[RoleTestResult, ...]:
    """Run the tests of the templates, against the entitlements, nestings and people of a run where there is one."""
    if run is None:
        empty = {name: TABLES[name].schema.empty_table() for name in ("entitlements", "nesting")}
        return run_tests(workspace, TestedRun(empty["entitlements"], empty["nesting"], {}, ()))
    snapshot = snapshots.load(run)
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine)
        by_name = by_name_only(engine, engine.query("SELECT * FROM separation"))
        people = engine.rows(_PEOPLE)
    tables = snapshot.tables
    return run_tests(workspace, TestedRun(tables["entitlements"], tables["nesting"], by_name, people))


def measure_coverage(workspace: Workspace, run: Run) -> tuple[Coverage, Judged]:
    """Say what the conclusions of a reviewed run rest on, with the workspace as it is now, and how much that judges.

    Raises ``ArtifactError``.
    """
    with reviews.opened(workspace, run) as facts:
        return measure(facts.engine), measure_judged(facts.engine)


_PEOPLE = """
    SELECT p.person, p.name, p.mail, p.kind, p.source, a.role, a.client, a.attributes
    FROM people AS p JOIN assignments AS a USING (person)
    WHERE p.status IN ('active', 'leave') AND a.status IN ('active', 'leave')
    ORDER BY ALL
"""
