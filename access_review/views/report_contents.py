"""What the report says, gathered once from the facts of a review: values in, values out.

Everything here is sorted and depends on nothing but its arguments; the report
(:mod:`access_review.views.report_page`) only sets it in type.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from markupsafe import Markup

from access_review.audit import inventory
from access_review.audit.inventory import ListedAgent, ListedApplication
from access_review.engine import Engine
from access_review.explain.explanation import Hop, ThingCard
from access_review.graph import paths
from access_review.model import Family
from access_review.offboarding.queries import LeftPerson, list_left
from access_review.policy import Targets
from access_review.review import Report
from access_review.tables import Row
from access_review.views import svg
from access_review.views.summary import CURRENT, SEVERITIES, highest, summary
from access_review.workspace import Workspace

MOST_FINDINGS = 2000
"""Findings that the report lists; all of them are in ``findings.parquet``."""

_MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Contents:
    """The report before it is set in type; rows are dictionaries with exact names and moments."""

    as_of: datetime
    run: str
    summary: Mapping[str, Any]
    findings: Sequence[Row]
    more_findings: int
    waived: Sequence[Row]
    leavers: Sequence[LeftPerson]
    targets: Targets
    applications: Sequence[ListedApplication]
    agents: Sequence[ListedAgent]
    problems: Sequence[Row]
    families: Sequence[Row]
    pictures: Mapping[str, Markup] = field(repr=False)
    plan: Mapping[str, Any] | None = None
    sample: Mapping[str, Any] | None = None
    judgement: Mapping[str, Any] | None = None


def contents(
    engine: Engine,
    workspace: Workspace,
    report: Report,
    manifest: Mapping[str, Any],
    *,
    run: str = "",
    leavers: Sequence[LeftPerson] | None = None,
    plan: Mapping[str, Any] | None = None,
    sample: Mapping[str, Any] | None = None,
    judgement: Mapping[str, Any] | None = None,
    most: int = MOST_FINDINGS,
) -> Contents:
    """Gather the report of a review whose facts and ``findings`` are in the engine.

    ``leavers`` are rows as :func:`access_review.offboarding.queries.list_left` gives, by default those of the snapshot
    alone, which proves nobody gone. ``plan``, ``sample`` and ``judgement`` are the JSON
    of those artifacts, where they are there.
    """
    told = summary(report, manifest, organisation=workspace.policy.organisation)
    current = report.findings.filter(pc.is_in(report.findings["status"], pa.array(CURRENT)))
    shown = highest(current, most)
    waived = highest(report.findings.filter(pc.equal(report.findings["status"], "waived")), _MOST_ROWS)
    return Contents(
        as_of=report.as_of,
        run=run,
        summary=told,
        findings=shown,
        more_findings=len(current) - len(shown),
        waived=waived,
        leavers=list_left(engine) if leavers is None else leavers,
        targets=workspace.policy.targets,
        applications=inventory.list_applications(engine),
        agents=inventory.list_agents(engine),
        problems=engine.rows(_PROBLEMS),
        families=_families(told),
        pictures=pictures(engine, shown),
        plan=plan,
        sample=sample,
        judgement=judgement,
    )


def _families(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    counted: dict[str, dict[str, int]] = {family: dict.fromkeys(SEVERITIES, 0) for family in Family}
    for rule in told["rules"]:
        for severity in SEVERITIES:
            counted[rule["family"]][severity] += rule[severity]
    named = [{"family": family, **of, "total": sum(of.values())} for family, of in counted.items()]
    return [row for row in named if row["family"] != Family.OTHER or row["total"]]


def pictures(engine: Engine, findings: Sequence[Row]) -> dict[str, Markup]:
    """Draw, for each finding about access, who holds what by which path; the finding's id is the key."""
    if not findings:
        return {}
    columns = {name: pa.array([f[name] for f in findings], pa.string()) for name in ("finding", "subject", "about")}
    engine.register("shown_findings", pa.table(columns))
    grants: dict[str, list[Row]] = defaultdict(list)
    for row in engine.rows(_WAYS):
        grants[row["finding"]].append(row)
    edges = {row["finding"] for row in engine.rows(_EDGES)}
    artist = _Artist(engine)
    drawn = {}
    for finding in findings:
        if held := grants.get(finding["finding"]):
            drawn[finding["finding"]] = artist.grants(finding, held)
        elif finding["finding"] in edges:
            drawn[finding["finding"]] = artist.edge(finding)
    return drawn


class _Artist:
    """Draws findings over one nesting."""

    def __init__(self, engine: Engine) -> None:
        self._paths = paths(engine.query("SELECT child, parent, mode, why, reach FROM nesting ORDER BY 1, 2, 3"))
        self._known: dict[str, Mapping[str, Any]] = {}
        sql = "SELECT entitlement, name, kind, coalesce(privileged, FALSE) AS privileged FROM entitlements"
        self._things = {
            row["entitlement"]: ThingCard(row["entitlement"], row["name"], row["kind"], row["privileged"])
            for row in engine.rows(sql)
        }

    def _hops(self, start: str, goal: str) -> list[Hop]:
        if start not in self._known:
            self._known[start] = self._paths.all_from(start)
        steps = self._known[start].get(goal, ())
        return [Hop(self._thing(s.child), self._thing(s.parent), s.why, s.mode) for s in steps]

    def _thing(self, entitlement: str) -> ThingCard:
        return self._things.get(entitlement) or ThingCard(entitlement, entitlement)

    def grants(self, finding: Row, held: Sequence[Row]) -> Markup:
        """Draw the grants of one account that reach what the finding is about."""
        goals = frozenset({finding["about"]})
        drawing = svg.Drawing()
        account = ThingCard(finding["subject"], finding["subject_name"] or finding["subject"], held[0]["kind"])
        if finding["person"]:
            owner = ThingCard(finding["person"], finding["person_name"] or finding["person"], "person")
            drawing.own(owner, account, certain=held[0]["certain"] is not False)
        drawing.add(svg.account_box(account))
        for grant in held:
            cut = finding["remedy"] in {"remove", "disable"} and grant["removable"]
            thing = self._thing(grant["entitlement"])
            drawing.hold(account, thing, grant["via"], goals, eligible=grant["mode"] == "eligible", cut=cut)
            drawing.walk(self._hops(grant["entitlement"], finding["about"]), goals)
        return svg.draw(drawing, title=f"How {account.name} has {finding['about_name'] or finding['about']}")

    def edge(self, finding: Row) -> Markup:
        """Draw the nesting from one entitlement to another."""
        hops = self._hops(finding["subject"], finding["about"])
        cuts = frozenset((hop.child.id, hop.parent.id) for hop in hops if finding["remedy"] == "cut")
        drawing = svg.Drawing()
        drawing.walk(hops, frozenset({finding["about"]}), cuts)
        return svg.draw(drawing, title=f"How {finding['subject_name']} carries {finding['about_name']}")


_WAYS = """
    SELECT f.finding, g.entitlement, g.mode, g.via, g.removable, a.kind, a.certain
    FROM shown_findings AS f
    JOIN grants AS g ON g.account = f.subject
    JOIN closure AS c ON c.entitlement = g.entitlement AND c.reached = f.about
    JOIN accounts AS a ON a.account = f.subject
    ORDER BY f.finding, g.entitlement, g.mode
"""

_EDGES = """
    SELECT f.finding FROM shown_findings AS f
    JOIN closure AS c ON c.entitlement = f.subject AND c.reached = f.about AND c.reached <> c.entitlement
"""

_PROBLEMS = """
    SELECT source, kind, count(*) AS rows, min(reason) AS example, min(locator) AS place
    FROM problems GROUP BY source, kind ORDER BY source, kind
"""
