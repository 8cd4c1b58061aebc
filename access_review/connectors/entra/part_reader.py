"""Reading one part of a tenant after another: each object is translated as it comes, and each part gets a verdict."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from access_review.connectors import problem
from access_review.connectors.contradictions import TORN
from access_review.connectors.entra.pages import PagedCollection, Pages
from access_review.connectors.entra.properties import Object, UnusableError, without
from access_review.connectors.entra.tenant_objects import TableRow, TenantObjects
from access_review.connectors.entra.tenant_parts import Verdict

_SOFT_DELETED = frozenset({"users", "groups", "servicePrincipals", "agentIdentities"})
"""Parts whose objects Graph keeps for 30 days after they were deleted; no other type has that property."""

UNREAD = 100
"""One object in so many may have a property that cannot be read and that decides nothing; one always may."""

_BESIDE = frozenset(
    {
        *("accountEnabled", "createdDateTime", "lastPasswordChangeDateTime", "displayName"),
        *("lastSuccessfulSignInDateTime", "lastSignInDateTime", "lastNonInteractiveSignInDateTime"),
        *("department", "jobTitle", "companyName", "employeeType", "externalUserState"),
    }
)
"""Properties of which unknown is an answer: by the others an object is known, or says what it holds."""

Translate = Callable[[Object], Iterable[TableRow]]
AfterEach = Callable[[str, PagedCollection], Iterable[TableRow]]
"""What is said of one object's collection once it was read."""


@dataclass(slots=True)
class PartReader:
    """Reads the parts of a tenant through its pages; what cannot be used of them is ``unusable``.

    ``torn`` are the objects that arrived twice and differ.
    """

    pages: Pages
    directory: TenantObjects
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    unusable: list[TableRow] = field(default_factory=list)
    torn: set[str] = field(default_factory=set)

    def each(self, part: str, translate: Translate, *, remembered: bool = False) -> Iterator[TableRow]:
        """Read one collection and translate its objects as they come; ``remembered`` ones are principals."""
        reading = PagedCollection(part, self.pages(part), alone=remembered)
        for thing in reading.objects():
            if part in _SOFT_DELETED and thing.get("deletedDateTime"):
                self.unusable.append(self.directory.unusable(f"{part}/{thing['id']}", "deleted object"))
                continue
            rows = self._translated(reading, thing, translate, in_part=remembered)
            if rows is None and remembered:
                self.directory.forget(thing["id"])
            yield from rows or ()
        self._note_nameless(reading)
        if reading.unread > max(1, reading.received // UNREAD):
            reading.faults.append(f"{reading.unread} of {reading.received} objects have a property that cannot be read")
        if remembered:
            self._note_torn(reading)
        self.verdicts[part] = _verdict([reading])

    def kept(self, part: str, check: Callable[[Object], Any]) -> list[Object]:
        """Read one collection whole, keeping the objects that ``check`` can use."""
        kept = []

        def keep(thing: Object) -> Iterable[TableRow]:
            check(thing)
            kept.append(thing)
            return ()

        for _ in self.each(part, keep):
            raise AssertionError("keeping yields nothing")
        return kept

    def of_each(
        self,
        part: str,
        natives: Iterable[str],
        translate: Callable[[str, Object], Iterable[TableRow]],
        after: AfterEach = lambda *_: (),
    ) -> Iterator[TableRow]:
        """Read one collection of each object."""
        folder, _, last = part.partition("/")
        readings = []
        for native in natives:
            reading = PagedCollection(f"{folder}/{native}/{last}", self.pages(f"{folder}/{native}/{last}"))
            for thing in reading.objects():
                yield from self._translated(reading, thing, partial(translate, native)) or ()
            self._note_nameless(reading)
            readings.append(reading)
            yield from after(native, reading)
        self.verdicts[part] = _verdict(readings)

    def _translated(
        self, reading: PagedCollection, thing: Object, translate: Translate, *, in_part: bool = False
    ) -> list[TableRow] | None:
        """Translate an object; ``in_part``, without a property that cannot be read, which is unknown then."""
        place, rest = f"{reading.collection}/{thing['id']}", thing
        odd: list[UnusableError] = []
        while True:
            try:
                rows = list(translate(rest))
                break
            except UnusableError as error:
                shorter = without(rest, error.name) if in_part else None
                if shorter is None:
                    # One odd object makes its collection incomplete, and the rest of it is still read.
                    reading.faults.append("an object could not be used")
                    self.unusable.append(self.directory.unusable(place, str(error)))
                    return None
                rest = shorter
                odd.append(error)
        reading.unread += bool(odd)
        reading.faults += [f"{one.name} of an object could not be used" for one in odd if one.name not in _BESIDE]
        row_id = self.directory.row_id(thing["id"])
        # Two properties of one name may be odd, where one is inside another: both are unknown.
        self.unusable += [
            self.directory.unusable(f"{place}/{name}", f"{one}: it is unknown", row_id)
            for name, one in {one.name: one for one in odd}.items()
        ]
        return rows

    def _note_torn(self, reading: PagedCollection) -> None:
        """Put in quarantine the objects that arrived twice and differ: the first record counts, and nothing is planned on it."""
        self.torn.update(reading.torn)
        for native in reading.torn:
            row_id = self.directory.row_id(native)
            place = f"{reading.collection}/{native}"
            self.unusable.append(problem(self.directory.source, place, "quarantined", TORN, row_id))

    def _note_nameless(self, reading: PagedCollection) -> None:
        if reading.nameless:
            place, reason = f"{reading.collection}/?", f"{reading.nameless} objects without a usable id"
            self.unusable.append(self.directory.unusable(place, reason))


def _verdict(readings: Sequence[PagedCollection]) -> Verdict:
    """Sum up the readings of a part: one collection, or one per object."""
    short = [reading for reading in readings if not reading.complete]
    received = sum(reading.received for reading in readings)
    counts = [reading.expected for reading in readings]
    expected = None if None in counts else sum(count for count in counts if count is not None)
    if not short:
        return Verdict(True, received=received, expected=expected)
    reason = short[0].reason
    if len(readings) > 1:
        reason = f"{len(short)} of {len(readings)} not whole, {short[0].collection} first: {reason}"
    absent = len(short) == len(readings) and all(reading.absent for reading in readings)
    return Verdict(False, reason, received, expected, absent)
