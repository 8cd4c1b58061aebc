"""What came out of the tests of role templates."""

from collections.abc import Iterator, Sequence
from typing import TypedDict

from access_review.explain.role_tests import RoleTestResult
from access_review.views.text import count, visible

FORMAT = "access-review/role-tests@1"


class RoleTestValue(TypedDict):
    """One test: where it stands, what it is about, what was expected and what came out."""

    place: str
    about: str
    holds: bool
    expected: str
    found: str


class RoleTestsValue(TypedDict):
    """Every test, and how many there are and fail."""

    format: str
    tests: int
    failed: int
    results: list[RoleTestValue]


def value(results: Sequence[RoleTestResult]) -> RoleTestsValue:
    """Return them as the JSON that scripts read."""
    return {
        "format": FORMAT,
        "tests": len(results),
        "failed": sum(not one.holds for one in results),
        "results": [
            {"place": r.place, "about": r.about, "holds": r.holds, "expected": r.expected, "found": r.found}
            for r in results
        ],
    }


def text(results: Sequence[RoleTestResult]) -> str:
    """Say which do not hold, and how many do."""
    return "\n".join(_lines(results))


def _lines(results: Sequence[RoleTestResult]) -> Iterator[str]:
    if not results:
        yield "There is no test: give templates tests, or write roles/expectations.yaml."
        return
    failed = [one for one in results if not one.holds]
    for one in failed:
        yield f"{one.place}: {visible(one.about)}: expected {visible(one.expected)}, found {visible(one.found)}"
    yield f"{len(results) - len(failed):,} of {count(len(results), 'test')} hold."
