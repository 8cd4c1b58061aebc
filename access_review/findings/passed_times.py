"""Which times in kept rows passed a bound of a rule from one review to the next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import pyarrow as pa

from access_review.engine import Engine
from access_review.engine.sql import identifier
from access_review.model import AsOf


@dataclass(frozen=True, slots=True)
class PassedTimes:
    """Columns of kept tables in which some row has a time that passed a bound, by the bound: ``(table, column)``."""

    engine: Engine
    since: datetime
    until: datetime
    columns: Mapping[timedelta, frozenset[tuple[str, str]]]

    @classmethod
    def between(cls, engine: Engine, since: datetime, until: datetime, bounds: Iterable[AsOf]) -> Self:
        """Look for times that passed one of some bounds, in ``moments (name, time, due_at)``."""
        offsets = sorted({bound.offset for bound in bounds})
        scans = (
            f"SELECT DISTINCT {place} AS place, name, time FROM moments WHERE due_at BETWEEN :from_{place} AND :to_{place}"
            for place in range(len(offsets))
        )
        params = {f"from_{place}": since + offset for place, offset in enumerate(offsets)}
        params |= {f"to_{place}": until + offset for place, offset in enumerate(offsets)}
        found: dict[timedelta, set[tuple[str, str]]] = {offset: set() for offset in offsets}
        for row in engine.rows(" UNION ALL ".join(scans), **params):
            found[offsets[row["place"]]].add((row["name"], row["time"]))
        return cls(engine, since, until, {offset: frozenset(columns) for offset, columns in found.items()})

    def tables(self, bounds: Iterable[AsOf]) -> frozenset[str]:
        """Return the tables in which a time has passed one of some bounds."""
        return frozenset(name for bound in bounds for name, _ in self.columns[bound.offset])

    def rows(self, name: str, bounds: Iterable[AsOf], columns: Sequence[str], read: str = "") -> pa.Table | None:
        """Return some columns of the rows of a table with such a time, or nothing where it has none; they are ``read`` from another."""
        passed = sorted(
            {(time, bound.offset) for bound in bounds for table, time in self.columns[bound.offset] if table == name}
        )
        if not passed:
            return None
        tests = [
            f'"{identifier(time)}" BETWEEN :from_{place} AND :to_{place}' for place, (time, _) in enumerate(passed)
        ]
        params = {f"from_{place}": self.since + offset for place, (_, offset) in enumerate(passed)}
        params |= {f"to_{place}": self.until + offset for place, (_, offset) in enumerate(passed)}
        sql = f"SELECT DISTINCT {', '.join(columns)} FROM {identifier(read or name)} WHERE {' OR '.join(tests)}"
        return self.engine.query(sql, **params)
