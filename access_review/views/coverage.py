"""What conclusions rest on, for the terminal: who finds whom, what templates judge, who has no role."""

from collections.abc import Iterator
from typing import TypedDict

from access_review.explain.coverage import Coverage, SourceMatch
from access_review.views.terminal import fitted, wrapped
from access_review.views.text import count, parted, visible

_NAMED = 10


class BetterPair(TypedDict):
    """A column of accounts and one of people by which more accounts find their person, and how many."""

    account: str
    person: str
    found: int
    ignoring: str | None


class MatchedSource(TypedDict):
    """How the accounts of a source that belong to people find them; ``better`` is null where no pair is."""

    source: str
    accounts: int
    found: int
    by_rung: dict[str, int]
    ambiguous: int
    few: bool
    better: BetterPair | None


class JudgedGrants(TypedDict):
    """Direct grants, and how many of them a template judges."""

    grants: int
    judged: int


class CoverageValue(TypedDict):
    """What conclusions rest on: ``grants`` by source, ``without_role`` the people who have none, by id."""

    sources: list[MatchedSource]
    grants: dict[str, JudgedGrants]
    people: int
    without_role: list[str]


def value(coverage: Coverage) -> CoverageValue:
    """Return it as the JSON that scripts read."""
    return {
        "sources": [
            {
                "source": one.source,
                "accounts": one.accounts,
                "found": one.found,
                "by_rung": dict(one.rungs),
                "ambiguous": one.ambiguous,
                "few": one.few,
                "better": {
                    "account": one.better.account,
                    "person": one.better.person,
                    "found": one.better.found,
                    "ignoring": one.better.ignoring,
                }
                if one.better
                else None,
            }
            for one in coverage.matches
        ],
        "grants": {one.source: {"grants": one.grants, "judged": one.judged} for one in coverage.judged},
        "people": coverage.people,
        "without_role": [person for person, _ in coverage.roleless],
    }


def warnings(coverage: Coverage) -> Iterator[str]:
    """Say of each source of which too few accounts find their person that it is so, and what would do better."""
    for one in coverage.few:
        said = (
            f"{visible(one.source)}: only {one.found:,} of {count(one.accounts, 'account')} that belong to people "
            f"{'finds its' if one.accounts == 1 else 'find their'} person: what is said of the others is about nobody."
        )
        if one.better:
            said += f" {visible(one.better.rung)} under match would find {one.better.found:,}."
        yield said


def text(coverage: Coverage, width: int = 100) -> str:
    """Say it, what is wrong first, in lines of ``width`` columns."""
    return "\n".join((*(wrapped(line, width) for line in warnings(coverage)), *by_source(coverage, width)))


def by_source(coverage: Coverage, width: int = 100) -> Iterator[str]:
    """Say how many accounts of each source find their person by which rung, what templates judge, and who has no role."""
    if lines := rows(coverage):
        yield fitted(("source", "find their person", "by", "grants a template judges"), lines, width)
    if coverage.roleless:
        named = parted([visible(name or person) for person, name in coverage.roleless[:_NAMED]])
        more = len(coverage.roleless) - _NAMED
        rest = f" and {more:,} more" if more > 0 else ""
        whose = f"{count(len(coverage.roleless), 'person', 'people')} of {coverage.people:,}"
        have = "has" if len(coverage.roleless) == 1 else "have"
        yield wrapped(f"{whose} {have} no role: {named}{rest}.", width)


def _matched(one: SourceMatch | None) -> str:
    if one is None:
        return ""
    several = f", {one.ambiguous:,} find several" if one.ambiguous else ""
    return f"{one.found:,} of {one.accounts:,}{several}"


def _rungs(one: SourceMatch | None) -> str:
    return ", ".join(f"{visible(rung)} {number:,}" for rung, number in one.rungs) if one else ""


def rows(coverage: Coverage) -> list[tuple[str, str, str, str]]:
    """Return a line for each source: its name, accounts that find their person, by what, grants that are judged."""
    judged = {one.source: one for one in coverage.judged}
    matches = {one.source: one for one in coverage.matches}
    return [
        (
            visible(source),
            _matched(matches.get(source)),
            _rungs(matches.get(source)),
            f"{judged[source].judged:,} of {judged[source].grants:,}" if source in judged else "",
        )
        for source in sorted(judged.keys() | matches.keys())
    ]
