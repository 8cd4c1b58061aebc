"""Control findings: they say that the review fell short, and nothing about access.

They are shown apart, one line a campaign and reviewer, and are never among the highest risks.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from access_review.model import CURRENT
from access_review.tables import Row

CONTROL_RULES = ("kept-unlogged", "not-reviewed", "not-reviewed-again", "repeat-finding")
"""The rules of such findings."""


class Shortfall(StrEnum):
    """How the review fell short."""

    NOT_REVIEWED = "not-reviewed"
    KEPT_UNLOGGED = "kept-unlogged"
    REPEATED = "repeat-finding"


@dataclass(frozen=True, slots=True)
class ControlLine:
    """Control findings of one kind, campaign and reviewer; both are null where the kind has none.

    Of people and accounts not reviewed, ``again`` were missed more than once, one of them in ``most`` audits in a row;
    a campaign without a reviewer put them off. Of findings that stay open, ``since`` is the day of the oldest.
    """

    kind: Shortfall
    campaign: str | None
    reviewer: str | None
    findings: int
    again: int = 0
    most: int = 0
    since: str | None = None


def control_lines(findings: Iterable[Row]) -> tuple[ControlLine, ...]:
    """Return what the current control findings among these rows say, as lines: the most missed first."""
    found: dict[tuple[Shortfall, str | None, str | None], list[Row]] = defaultdict(list)
    for finding in findings:
        if finding["rule"] in CONTROL_RULES and finding["status"] in CURRENT:
            facts = json.loads(finding["facts"])
            kind = _kind(finding["rule"])
            found[kind, facts.get("week"), facts.get("reviewer")].append(facts)
    lines = [_line(key, facts) for key, facts in found.items()]
    order = list(Shortfall)
    return tuple(
        sorted(
            lines,
            key=lambda line: (
                order.index(line.kind),
                -line.most,
                -line.findings,
                line.campaign or "",
                line.reviewer or "",
            ),
        )
    )


def _kind(rule: str) -> Shortfall:
    return Shortfall.NOT_REVIEWED if rule == "not-reviewed-again" else Shortfall(rule)


def _line(key: tuple[Shortfall, str | None, str | None], facts: list[Row]) -> ControlLine:
    times = [int(one.get("times") or 1) for one in facts] if key[0] is Shortfall.NOT_REVIEWED else [0]
    days = [one["since"] for one in facts if one.get("since")]
    return ControlLine(*key, len(facts), sum(n > 1 for n in times), max(times), min(days, default=None))
