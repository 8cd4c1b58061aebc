"""Which domain was read: what its objects say, since a recording need not hold the domain's own."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from access_review.connectors import Source, system
from access_review.connectors.ad import identifiers
from access_review.tables import Row


@dataclass(slots=True)
class DomainsSeen:
    """The domains whose objects were read, by SID, with the DNS name that the objects give."""

    _names: dict[str, set[str]] = field(default_factory=dict)

    def see(self, sid: str | None, name: str | None) -> None:
        """Note the SID of an object and the DNS name of where it stands."""
        if sid and identifiers.is_domain(sid):
            self._names.setdefault(sid.rpartition("-")[0], set()).update([name.lower()] if name else [])

    def rows(self, source: Source) -> Iterator[tuple[str, Row]]:
        """Yield which domain it is: nothing where there are several, or none that says its SID."""
        if len(self._names) == 1:
            ((sid, names),) = self._names.items()
            yield system(source, sid, names.pop() if len(names) == 1 else None)
