"""A relation with a name: a step of the review as a value, from which its lineage can be told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from access_review.engine.sql import tables_read

if TYPE_CHECKING:
    from access_review.engine import Engine


@dataclass(frozen=True, slots=True)
class NamedRelation:
    """What a SELECT returns, known to later statements by its name.

    ``columns`` are those of the SELECT, in order. A ``view`` is run whenever it is read;
    anything else is kept as a table, of which ``ids``, ``few`` and ``among`` say what an
    engine may narrow (:meth:`access_review.engine.Engine.narrow`). Where a table of ``nothing_without``
    is known to be empty, so is this one, which has the columns of ``empty`` then and is not selected.
    """

    name: str
    about: str
    columns: tuple[str, ...]
    sql: str
    view: bool = False
    ids: Mapping[str, str] = field(default_factory=dict)
    few: tuple[str, ...] = ()
    among: Mapping[str, Sequence[str]] = field(default_factory=dict)
    nothing_without: tuple[str, ...] = ()
    empty: pa.Schema | None = None

    @property
    def reads(self) -> frozenset[str]:
        """The tables that the SELECT reads, from its text."""
        return tables_read(self.sql)

    def make(self, engine: "Engine", **params: Any) -> None:
        """Make it known to an engine; raises ``KeyError`` for a parameter that is not given."""
        if self.empty is not None and any(map(engine.is_empty, self.nothing_without)):
            engine.register(self.name, self.empty.empty_table())
        elif self.view:
            engine.view(self.name, self.sql)
        elif self.ids or self.few or self.among:
            engine.narrow(self.name, self.sql, ids=self.ids, few=self.few, among=self.among, **params)
        else:
            engine.create(self.name, self.sql, **params)


def lineage(
    relations: Iterable[NamedRelation],
    bases: Iterable[str],
    computed: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> Mapping[str, tuple[str, ...]]:
    """Return for each relation the base tables that it is made from, through however many others.

    ``computed`` has what is made without SQL, with what that reads. The base tables are in
    the order of ``bases``, and one of them rests on itself whatever is made under its name.
    """
    bases = tuple(bases)
    reads = {name: frozenset(parts) for name, parts in computed.items()}
    reads |= {relation.name: relation.reads for relation in relations}

    def below(name: str, seen: frozenset[str]) -> frozenset[str]:
        if name in bases:
            return frozenset((name,))
        parts = reads.get(name, frozenset()) - seen
        return frozenset().union(*(below(part, seen | {name}) for part in parts))

    made = {name: below(name, frozenset()) for name in reads if name not in bases}
    return {name: tuple(base for base in bases if base in found) for name, found in made.items()}
