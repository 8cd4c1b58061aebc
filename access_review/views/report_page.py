"""The report: one HTML file, without network, the same bytes for the same review.

Its one script, which the policy allows by its hash and nothing else, draws the findings from the data in the file on
demand (:mod:`access_review.views.report_data`), so that a browser is not asked to lay out what nobody looks at.

Everything that is written into the page is made visible and escaped by what sets it in type
(:mod:`access_review.views.typeset`).
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from markupsafe import Markup

from access_review.changes import Target
from access_review.explain.new_findings import why_new
from access_review.offboarding.lag import LagState, lag_of
from access_review.plan.record import Plan
from access_review.views import changed_access, coverage, judged_share, predicted, report_trend, scorecard, text
from access_review.views.charts import Bar, bars
from access_review.views.report_brief import brief
from access_review.views.report_cards import set_cards
from access_review.views.report_contents import Contents
from access_review.views.report_data import cards_island, island
from access_review.views.report_trend import RunFindings
from access_review.views.summary import RAGS, SEVERITIES
from access_review.views.summary import titles as every_title
from access_review.views.typeset import typesetter

_LISTED = 200
"""Rows of the smaller tables."""

_CHANGED = 12
"""Lines of each kind of change."""


def render(contents: Contents) -> bytes:
    """Set a report in type, as UTF-8."""
    environment = typesetter("access_review.views")
    style = environment.get_template("report.css").render()
    script = environment.get_template("report.js").render()
    titles = every_title()
    cards = set_cards(contents.cards, contents.zones)
    page = environment.get_template("report.html.jinja").render(
        c=contents,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        data=island(contents.findings, titles, contents.group_of, contents.manager_of),
        cards=cards,
        cards_data=cards_island(cards),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'",
        brief=brief(
            contents.summary,
            contents.access,
            contents.findings,
            contents.leavers,
            as_of=contents.as_of,
            zones=contents.zones,
            earlier=contents.earlier,
            because=why_new(contents.findings, contents.changed) if contents.changed else {},
            group_of=contents.group_of,
            checked=_checked(contents),
        ),
        trend=report_trend.picture([*contents.earlier, _this_run(contents)]) if contents.earlier else "",
        name_of=_target_name,
        severities=SEVERITIES,
        rags=RAGS,
        judged=judged_share.sentence(contents.summary["judged"]) if contents.summary["judged"] else "",
        nothing_found=judged_share.nothing_found(contents.summary),
        coverage_warnings=[] if contents.manager else list(coverage.warnings(contents.coverage)),
        coverage_rows=coverage.rows(contents.coverage),
        severity_chart=bars(
            "Findings by family and severity",
            [Bar(one.family, [(s, one.severities[s]) for s in SEVERITIES]) for one in contents.families],
        ),
        lags=[lag_of(row, contents.as_of) for row in contents.leavers],
        lag_chart=bars("Leavers by how long their access has been open", lag_bars(contents)),
        actions=_actions(contents.plan),
        risks=[(name, groups) for name, groups in contents.predicted.riskiest.items() if name in predicted.LISTED]
        if contents.predicted
        else [],
        learned=predicted.sentence(contents.predicted.learned) if contents.predicted else "",
        changed_heading=changed_access.heading(contents.changed, run=False) if contents.changed else "",
        changed_sections=changed_access.sections(contents.changed, _CHANGED) if contents.changed else [],
        changed_remarks=changed_access.remarks(contents.changed) if contents.changed else [],
        score=scorecard.shown(contents.scorecard) if contents.scorecard else None,
        most=_LISTED,
    )
    return page.encode()


def _this_run(contents: Contents) -> RunFindings:
    return RunFindings(contents.as_of, **contents.access["rag"])


def _checked(contents: Contents) -> tuple[int, int] | None:
    """Return how many of the units drawn people have answered for, each question of them, whatever they were drawn for."""
    if contents.sample is None:
        return None
    return len(contents.judgement.reviewed) if contents.judgement else 0, len(contents.sample.picks)


def _hash(text: str) -> str:
    """The digest by which the policy allows the page's one style sheet and one script, and nothing else."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def lag_bars(contents: Contents) -> list[Bar]:
    """Count leavers by the least time their access was open, coloured by the targets of the policy."""
    targets = contents.targets
    steps = (
        (f"up to {text.span(targets.privileged)}", targets.privileged, "green"),
        (f"up to {text.span(targets.others)}", targets.others, "green"),
        (f"up to {text.span(targets.failure)}", targets.failure, "amber"),
        ("up to 7 d", timedelta(days=7), "red"),
        ("up to 30 d", timedelta(days=30), "red"),
        ("longer", timedelta.max, "red"),
    )
    lags = [lag_of(row, contents.as_of) for row in contents.leavers]
    counted = Counter(_step(lag.least, steps) for lag in lags if lag.least is not None)
    found = [Bar(label, [(look, counted[label])]) for label, _, look in steps]
    others = Counter(lag.state for lag in lags if lag.least is None)
    return [
        Bar("nothing is left", [("closed", others[LagState.CLOSED])]),
        Bar("disabled, grants left", [("amber", others[LagState.DISABLED])]),
        *found,
        Bar("unknown", [("unknown", others[LagState.UNKNOWN])]),
    ]


def _step(least: timedelta, steps: Iterable[tuple[str, timedelta, str]]) -> str:
    return next(label for label, limit, _ in steps if least <= limit)


def _actions(plan: Plan | None) -> Sequence[tuple[str, int]]:
    counted = Counter(change.action for change in plan.changes) if plan else Counter()
    return sorted(counted.items())


def _target_name(target: Target) -> str:
    """Say in words what a planned change is about."""
    things = (target.account, target.child, target.entitlement)
    return " → ".join(thing.name for thing in things if thing) or target.source
