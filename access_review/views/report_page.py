"""The report: one HTML file, without network, the same bytes for the same review.

Its one script, which the policy allows by its hash and nothing else, draws the findings from the data in the file on
demand (:mod:`access_review.views.report_data`), so that a browser is not asked to lay out what nobody looks at.

Everything that is written into the page is made visible (:func:`access_review.views.text.visible`)
and escaped, by the environment and not by the template, so that none can be forgotten.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from access_review.changes import Target
from access_review.offboarding.lag import LagState, lag_of
from access_review.plan.record import Plan
from access_review.views import changed_access, coverage, judged_share, predicted, scorecard, text
from access_review.views.families import family_of
from access_review.views.report_brief import brief
from access_review.views.report_contents import Contents
from access_review.views.report_data import island
from access_review.views.summary import RAGS, SEVERITIES
from access_review.views.summary import titles as every_title
from access_review.views.svg import Bar, bars

if TYPE_CHECKING:
    from jinja2 import Environment

_LISTED = 200
"""Rows of the smaller tables."""

_CHANGED = 12
"""Lines of each kind of change."""


def render(contents: Contents) -> bytes:
    """Set a report in type, as UTF-8."""
    environment = _environment()
    style = environment.get_template("report.css").render()
    script = environment.get_template("report.js").render()
    titles = every_title()
    page = environment.get_template("report.html.jinja").render(
        c=contents,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        data=island(contents.findings, titles, contents.group_of, contents.manager_of),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'",
        brief=brief(contents.summary, contents.leavers, _checked(contents)),
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
        changed_heading=changed_access.heading(contents.changed) if contents.changed else "",
        changed_sections=changed_access.sections(contents.changed, _CHANGED) if contents.changed else [],
        changed_remarks=changed_access.remarks(contents.changed) if contents.changed else [],
        score=scorecard.shown(contents.scorecard) if contents.scorecard else None,
        most=_LISTED,
    )
    return page.encode()


def _checked(contents: Contents) -> tuple[int, int] | None:
    """Return how many of the units drawn people have checked."""
    if contents.sample is None:
        return None
    tested = sum(line.tested for line in contents.judgement.lines) if contents.judgement else 0
    return tested, len(contents.sample.picks)


def _hash(text: str) -> str:
    """The digest by which the policy allows the page's one style sheet and one script, and nothing else."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("access_review.views"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "moment": text.moment,
        "day": text.day,
        "count": text.count,
        "span": text.span,
        "listed": text.listed,
        "at": datetime.fromisoformat,
        "family": family_of,
        "number": lambda value: f"{value:,}",
        "percent": lambda value: "not stated" if value is None else f"{value:.1%}",
    }
    environment.globals |= {"between": text.between, "name_of": _target_name}
    return environment


def _shown(value: Any) -> Any:
    return value if isinstance(value, Markup) else text.visible(str(value))


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
