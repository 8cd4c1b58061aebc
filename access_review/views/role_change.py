"""What a change of role files does, in words, as JSON, and as SARIF for the checks of a pull request."""

from collections.abc import Iterator, Sequence
from typing import TypedDict

from access_review import rules
from access_review.explain.role_change import PlanChange, RoleChange
from access_review.model import JsonObject
from access_review.tables import Row
from access_review.views.terminal import table
from access_review.views.text import count, visible

FORMAT = "access-review/role-change@1"
_NAMED = 20
_COLUMNS = (
    "finding",
    "rule",
    "severity",
    "risk",
    "subject",
    "subject_name",
    "about",
    "about_name",
    "person_name",
    "remedy",
)
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}


class RuleChange(TypedDict):
    """How many findings of a rule appear and go."""

    appear: int
    go: int


class PlanChangeValue(TypedDict):
    """How many changes a plan for everything would hold before and after, and which; ``why_not`` if it would be refused."""

    before: int
    after: int
    appear: list[str]
    go: list[str]
    why_not: list[str]


class RoleChangeValue(TypedDict):
    """What a change of role files does; ``appear`` and ``go`` are findings, ``stay`` counts the others."""

    format: str
    appear: list[Row]
    go: list[Row]
    stay: int
    rules: dict[str, RuleChange]
    plan: PlanChangeValue | None


def value(change: RoleChange) -> RoleChangeValue:
    """Return it as the JSON that scripts read."""
    return {
        "format": FORMAT,
        "appear": [_plain(row) for row in change.appear],
        "go": [_plain(row) for row in change.go],
        "stay": change.stay,
        "rules": {rule: {"appear": appear, "go": go} for rule, appear, go in change.by_rule},
        "plan": _plan(change.plan) if change.plan else None,
    }


def _plan(of: PlanChange) -> PlanChangeValue:
    return {
        "before": of.before,
        "after": of.after,
        "appear": list(of.appear),
        "go": list(of.go),
        "why_not": list(of.why_not),
    }


def sarif(change: RoleChange, place: str) -> JsonObject:
    """Return the findings that appear as SARIF 2.1.0 (OASIS, 2020), at ``place``: the folder that was changed."""
    known = rules.load()
    named = sorted({row["rule"] for row in change.appear})
    return {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "access-review",
                        "rules": [
                            {"id": name, "shortDescription": {"text": known[name].title}}
                            for name in named
                            if name in known
                        ],
                    }
                },
                "results": [
                    {
                        "ruleId": row["rule"],
                        "level": _LEVELS[row["severity"]],
                        "message": {"text": _sentence(row)},
                        "partialFingerprints": {"finding": row["finding"]},
                        "locations": [{"physicalLocation": {"artifactLocation": {"uri": place}}}],
                    }
                    for row in change.appear
                ],
            }
        ],
    }


def text(change: RoleChange) -> str:
    """Say it: by rule, then the findings that appear and those that go."""
    return "\n".join(_lines(change))


def _lines(change: RoleChange) -> Iterator[str]:
    yield f"{count(len(change.appear), 'finding')} would appear, {len(change.go):,} would go, {change.stay:,} stay."
    if change.by_rule:
        yield table(
            ("rule", "appear", "go"), [(rule, f"{a:,}", f"{g:,}") for rule, a, g in change.by_rule], numbers=(1, 2)
        )
    yield from _named("Would appear:", change.appear)
    yield from _named("Would go:", change.go)
    if change.plan:
        yield from _planned(change.plan)


def _planned(of: PlanChange) -> Iterator[str]:
    yield f"A plan for everything: {count(of.before, 'change')} before, {of.after:,} after."
    for sign, changes in (("+", of.appear), ("-", of.go)):
        yield from (f"  {sign} {visible(one)}" for one in changes[:_NAMED])
        if len(changes) > _NAMED:
            yield f"  {sign} and {len(changes) - _NAMED:,} more; --json has them all"
    yield from (f"A plan for everything would be refused {visible(why)}" for why in of.why_not)


def _named(heading: str, rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        return
    yield heading
    yield from (f"  {_sentence(row)}" for row in rows[:_NAMED])
    if len(rows) > _NAMED:
        yield f"  and {len(rows) - _NAMED:,} more; --json has them all"


def _sentence(row: Row) -> str:
    subject = visible(row["subject_name"] or row["subject"])
    about = f" / {visible(row['about_name'] or row['about'])}" if row["about"] else ""
    return f"{row['rule']}: {subject}{about} ({row['severity']}, risk {row['risk']})"


def _plain(row: Row) -> Row:
    return {name: row[name] for name in _COLUMNS}
