"""What the report says, gathered once from the facts of a review: values in, values out.

Everything here is sorted and depends on nothing but its arguments; the report
(:mod:`access_review.views.report_page`) only sets it in type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow.compute as pc
from markupsafe import Markup

from access_review.audit import inventory
from access_review.audit.inventory import ListedAgent, ListedApplication
from access_review.audit.judge import Judgement
from access_review.draft.peers_in_review import most_unusual_of
from access_review.draft.predicted import PredictedRisk
from access_review.draft.review_input import names_of
from access_review.engine import Engine
from access_review.explain.cards import Cards, find_cards
from access_review.explain.changed_access import ChangedAccess
from access_review.explain.coverage import Coverage, measure
from access_review.explain.finding_paths import AccountPaths, NestingPath, find_paths
from access_review.explain.reports_to import keep_findings_about, reporting_to
from access_review.findings.control import CONTROL_RULES
from access_review.findings.groups import count_and_group, groups_of
from access_review.findings.judged_share import measure_judged
from access_review.model import Family
from access_review.offboarding.queries import LeftPerson, list_left
from access_review.plan.record import Plan
from access_review.policy import Targets
from access_review.review import Report
from access_review.sample.draw import Sample
from access_review.scorecard.score import Scorecard
from access_review.snapshot import Manifest
from access_review.tables import Row
from access_review.views import svg
from access_review.views.report_trend import RunFindings
from access_review.views.summary import (
    SEVERITIES,
    FindingCounts,
    Summary,
    counts_of,
    current_findings,
    finding_counts,
    highest,
    summary,
)
from access_review.workspace import Workspace

MOST_FINDINGS = 100_000
"""Findings that the report lists; all of them are in ``findings.parquet``."""

MOST_PICTURES = 300
"""Findings of which the path is drawn, the highest risk first."""

MOST_CARDS = 150
"""People, and entitlements, of whom there is a card, the highest risk first."""

_MOST_ROWS = 200
_MOST_UNUSUAL = 20


@dataclass(frozen=True, slots=True)
class FamilyCounts:
    """The findings of a family that are new or open, by severity."""

    family: Family
    severities: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.severities.values())


@dataclass(frozen=True, slots=True)
class UnusableKind:
    """One kind of input of a source that could not be used: how many rows, one of the reasons and one of the places."""

    source: str
    kind: str
    rows: int
    example: str
    place: str


@dataclass(frozen=True, slots=True)
class UnusualLine:
    """A grant that few peers have: whose, what, how many of how many hold it, and why it stands out; by name.

    ``place`` is that among all grants, the most unusual first, and ``score`` the rank, from 0 to 1.
    """

    place: int
    score: float
    person: str
    entitlement: str
    holders: int
    people: int
    reason: str


@dataclass(frozen=True, slots=True)
class Contents:
    """The report before it is set in type; ``findings`` and ``waived`` are rows of findings, with their sentences."""

    as_of: datetime
    run: str
    summary: Summary
    access: FindingCounts
    """Findings without those that say that the review itself fell short."""
    findings: Sequence[Row]
    more_findings: int
    waived: Sequence[Row]
    leavers: Sequence[LeftPerson]
    targets: Targets
    families: Sequence[FamilyCounts]
    coverage: Coverage
    pictures: Mapping[str, Markup] = field(repr=False)
    group_of: Mapping[str, str] = field(repr=False)
    """By finding, the group that it is of."""
    manager_of: Mapping[str, str] = field(repr=False)
    """By person, what their manager or sponsor is called."""
    cards: Cards = field(default=Cards(), repr=False)
    cardless: int = 0
    applications: Sequence[ListedApplication] = ()
    agents: Sequence[ListedAgent] = ()
    problems: Sequence[UnusableKind] = ()
    unusual: Sequence[UnusualLine] | None = None
    plan: Plan | None = None
    sample: Sample | None = None
    judgement: Judgement | None = None
    predicted: PredictedRisk | None = None
    changed: ChangedAccess | None = None
    """What changed since the run before; nothing where there is none."""
    scorecard: Scorecard | None = None
    """How the operation stood at the moment of the run; nothing for a trial, and where there is too much to read."""
    earlier: Sequence[RunFindings] = ()
    """The runs before, oldest first."""
    manager: str = ""
    """Whose people the page is about alone, by name; empty where it is about all."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """On whose clock each person works, where it is known."""
    rehearsal: bool = False
    """Whether nothing rests on the run: it is a trial, or a live source is called another moment."""


def contents(
    engine: Engine,
    workspace: Workspace,
    report: Report,
    manifest: Manifest,
    *,
    run: str = "",
    leavers: Sequence[LeftPerson] | None = None,
    plan: Plan | None = None,
    sample: Sample | None = None,
    judgement: Judgement | None = None,
    predicted: PredictedRisk | None = None,
    changed: ChangedAccess | None = None,
    earlier: Sequence[Report] = (),
    manager: str = "",
    most: int = MOST_FINDINGS,
) -> Contents:
    """Gather the report of a review whose facts and ``findings`` are in the engine.

    ``leavers`` are rows as :func:`access_review.offboarding.queries.list_left` gives, by default those of the snapshot
    alone, which proves nobody gone. With ``manager`` (an id, number, mail or name) the page is about those who report to
    them alone, and names nobody else; raises ``Unclear`` for nobody. ``plan``, ``sample`` and ``judgement`` are those
    of the run, where they are there; ``predicted`` is what enough past decisions say of what is held, ``changed``
    what changed since the run before, ``earlier`` are the reviews before, oldest first.
    """
    if report.judged is None:
        report = replace(report, judged=measure_judged(engine))
    gone = list_left(engine) if leavers is None else leavers
    whose = reporting_to(engine, manager) if manager else None
    if whose:
        report = replace(report, found=keep_findings_about(engine, whose.people))
        gone = [row for row in gone if row["person"] in whose.people]
    report = replace(report, groups=count_and_group(engine))
    summarised = summary(report, manifest, organisation=workspace.policy.organisation)
    shown = highest(current_findings(report), most)
    waived = (piece.filter(pc.equal(piece["status"], "waived")) for piece in report.pieces())
    made = Contents(
        as_of=report.as_of,
        run=run,
        summary=summarised,
        access=summarised["access"],
        findings=shown,
        more_findings=summarised["findings"]["current"] - len(shown),
        waived=highest(waived, _MOST_ROWS) if summarised["findings"]["status"]["waived"] else [],
        leavers=gone,
        targets=workspace.policy.targets,
        families=_families(summarised),
        coverage=measure(engine),
        pictures=pictures(engine, shown[:MOST_PICTURES]),
        group_of=groups_of(engine, [row["finding"] for row in shown]),
        manager_of={row["person"]: row["name"] for row in engine.rows(_MANAGERS)},
        cards=_cards(engine, workspace, shown, alone=whose is not None),
        cardless=sum(max(0, len({row[one] for row in shown if row[one]}) - MOST_CARDS) for one in ("person", "about")),
        changed=_of_people(changed, whose.people) if changed and whose else changed,
        earlier=[_counted(one, whose.people if whose else None) for one in earlier],
        rehearsal=manifest.rehearsal,
    )
    if whose:
        return replace(made, manager=whose.name)
    return replace(
        made,
        applications=inventory.list_applications(engine),
        agents=inventory.list_agents(engine),
        problems=[UnusableKind(**row) for row in engine.rows(_PROBLEMS)],
        unusual=_unusual(engine),
        predicted=predicted,
        plan=plan,
        sample=sample,
        judgement=judgement,
    )


def _cards(engine: Engine, workspace: Workspace, findings: Sequence[Row], *, alone: bool) -> Cards:
    """Return the cards of what the first findings are about; where a page goes out ``alone``, they name nobody else."""
    people = dict.fromkeys(row["person"] for row in findings if row["person"])
    things = dict.fromkeys(row["about"] for row in findings if row["about"])
    nested = [(row["subject"], row["about"]) for row in findings if row["remedy"] == "cut" and row["about"]]
    cards = find_cards(engine, workspace, list(people)[:MOST_CARDS], list(things)[:MOST_CARDS], nested[:MOST_CARDS])
    if not alone:
        return cards
    elsewhere = ("named in the whole report",)
    return replace(cards, entitlements=[replace(one, owners=one.owners and elsewhere) for one in cards.entitlements])


def _unusual(engine: Engine) -> list[UnusualLine] | None:
    """Return the grants that stand out most, by name; nothing where there are too many people for a report to wait."""
    found = most_unusual_of(engine, _MOST_UNUSUAL)
    if found is None:
        return None
    names = names_of(engine)
    return [
        UnusualLine(
            place=one.place,
            score=one.score,
            person=names.get(one.person, one.person),
            entitlement=names.get(one.entitlement, one.entitlement),
            holders=one.holders,
            people=one.people,
            reason=one.reason,
        )
        for one in found
    ]


def _counted(report: Report, people: frozenset[str] | None) -> RunFindings:
    columns = (
        ("rule", "status", "severity", "rag") if people is None else ("rule", "status", "severity", "rag", "person")
    )
    counted = (row for row in report.count_by(*columns) if row["rule"] not in CONTROL_RULES)
    theirs = (row for row in counted if people is None or row["person"] in people)
    return RunFindings(report.as_of, **finding_counts(theirs)["rag"])


def _of_people(changed: ChangedAccess, people: frozenset[str]) -> ChangedAccess:
    """Leave the changes of some people; tickets that are unclear may name others."""
    kept = tuple(change for change in changed.changes if change.person in people)
    return replace(changed, changes=kept, unclear=(), unmatched=0)


def _families(summarised: Summary) -> list[FamilyCounts]:
    counted: dict[str, dict[str, int]] = {family: dict.fromkeys(SEVERITIES, 0) for family in Family}
    for rule in summarised["rules"]:
        for severity in SEVERITIES:
            counted[rule["family"]][severity] += counts_of(rule)[severity]
    named = [FamilyCounts(Family(family), of) for family, of in counted.items()]
    return [one for one in named if one.family != Family.OTHER or one.total]


def pictures(engine: Engine, findings: Sequence[Row]) -> dict[str, Markup]:
    """Draw, for each finding about access, who holds what by which path; the finding's id is the key."""
    drawn = find_paths(engine, findings)
    return {f["finding"]: _picture(f, drawn[f["finding"]]) for f in findings if f["finding"] in drawn}


def _picture(finding: Row, found: AccountPaths | NestingPath) -> Markup:
    goals = frozenset({finding["about"]})
    drawing = svg.Drawing()
    if isinstance(found, NestingPath):
        cuts = frozenset((hop.child.id, hop.parent.id) for hop in found.path if finding["remedy"] == "cut")
        drawing.walk(found.path, goals, cuts)
        return svg.draw(drawing, title=f"How {finding['subject_name']} carries {finding['about_name']}")
    if found.owner:
        drawing.own(found.owner, found.account, certain=found.certain)
    drawing.add(svg.account_box(found.account))
    for grant in found.grants:
        cut = finding["remedy"] in {"remove", "disable"} and grant.removable
        eligible = grant.mode == "eligible"
        drawing.hold(found.account, grant.entitlement, grant.via, goals, eligible=eligible, cut=cut)
        drawing.walk(grant.path, goals)
    # What lies between may be held by ways that do not lead to the goal.
    drawing.still = frozenset(hop.parent.id for grant in found.grants for hop in grant.path) - goals
    return svg.draw(drawing, title=f"How {found.account.name} has {finding['about_name'] or finding['about']}")


_MANAGERS = """
    SELECT p.person, coalesce(m.name, m.person) AS name
    FROM people AS p JOIN people AS m ON m.person = CASE WHEN p.kind = 'agent' THEN p.sponsor ELSE p.manager END
"""

_PROBLEMS = """
    SELECT source, kind, count(*) AS rows, min(reason) AS example, min(locator) AS place
    FROM problems GROUP BY source, kind ORDER BY source, kind
"""
