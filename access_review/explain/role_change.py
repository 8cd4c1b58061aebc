"""What a change of role files does to the findings of one and the same run."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from access_review.model import CURRENT
from access_review.tables import Row


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What a plan for everything would hold before and after, in words; ``why_not`` says where it would be refused."""

    before: int
    after: int
    appear: tuple[str, ...]
    go: tuple[str, ...]
    why_not: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleChange:
    """Findings that appear and that go, highest risk first; those that stay are counted."""

    appear: tuple[Row, ...]
    go: tuple[Row, ...]
    stay: int
    plan: PlanChange | None = None

    @property
    def by_rule(self) -> tuple[tuple[str, int, int], ...]:
        """How many appear and go of each rule that has any, by its name."""
        appear, go = (Counter(row["rule"] for row in rows) for rows in (self.appear, self.go))
        return tuple((rule, appear[rule], go[rule]) for rule in sorted(appear | go))


def compare(before: pa.Table, after: pa.Table) -> RoleChange:
    """Compare the findings (``findings``) of two reviews; what is waived or closed calls for nothing."""
    former, later = (_current(table) for table in (before, after))
    return RoleChange(
        _sorted(later[finding] for finding in later.keys() - former.keys()),
        _sorted(former[finding] for finding in former.keys() - later.keys()),
        len(former.keys() & later.keys()),
    )


def _current(findings: pa.Table) -> dict[str, Row]:
    rows = findings.filter(pc.is_in(findings["status"], pa.array(CURRENT))).to_pylist()
    return {row["finding"]: row for row in rows}


def _sorted(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: (-row["risk"], row["rule"], row["subject"], row["finding"])))
