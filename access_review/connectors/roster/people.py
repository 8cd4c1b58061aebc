"""All rows of a roster together: who is in it, where each person stands, what is in quarantine. Pure."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations

from access_review.connectors import Source, same_name
from access_review.connectors.roster.assignments import Spell, contradictions, in_order, person_status, spell_status
from access_review.connectors.roster.mapping import Reference, RosterColumns
from access_review.connectors.roster.rows import as_number, folded
from access_review.tables import Row, ref

TOLERATED = 0.01
"""Share of rows that may be in quarantine before the whole source counts as incomplete; one row always may."""


ALL_AT_ONCE = (
    "more than half of the roster ends on this one day, and nothing else says that they left: programs write such a day "
    "where there is none (`left_together` says that it is right)"
)
"""Why nobody leaves by a last day that most of a roster without statuses share."""

_FEWEST = 5


@dataclass(frozen=True, slots=True)
class RosterPeople:
    """The people of one roster at one time: their rows by native id, and why a row is in quarantine, by line."""

    source: Source
    as_of: datetime
    spells: Mapping[str, Sequence[Spell]]
    faults: Mapping[int, Sequence[str]]
    natives: Mapping[int, str | None]

    @classmethod
    def of(
        cls, source: Source, spells: Sequence[Spell], as_of: datetime, together: date | None = None
    ) -> "RosterPeople":
        """Group rows by person, and put in quarantine what contradicts itself and ids that are mistaken for others.

        ``together`` is the day on which most are known to have left, where the source file says so.
        """
        people: dict[str, list[Spell]] = defaultdict(list)
        faults: dict[int, list[str]] = defaultdict(list)
        alike: dict[str, set[str]] = defaultdict(set)
        same: dict[tuple[str, str | None], set[str]] = defaultdict(set)
        for spell in spells:
            if spell.faults:
                faults[spell.line] += spell.faults
            if spell.native is not None:
                people[spell.native].append(spell)
                alike[folded(spell.native)].add(spell.native)
                for text in (spell.name, spell.mail):
                    same[as_number(spell.native), text].add(spell.native)
        for line in _all_at_once(spells, as_of, together):
            faults[line].append(ALL_AT_ONCE)
        for native, own in people.items():
            for line, reason in contradictions(own, as_of).items():
                faults[line].append(reason)
            if others := _other_people(own):
                for spell in own:
                    faults[spell.line].append(f"the id {native!r} is that of several people: {', '.join(others)}")
            # k7 and K7 may be one person or two: the rows of both wait until somebody says. So may 00123 and 123, and
            # these are only taken for one another where they have a name or a mail in common.
            called = {word for spell in own for word in (spell.name, spell.mail) if word}
            twins = alike[folded(native)].union(*(same[as_number(native), word] for word in called)) - {native}
            for spell in own if twins else ():
                faults[spell.line].append(f"the id {native!r} differs only in form from {', '.join(sorted(twins))}")
        return cls(source, as_of, people, faults, {spell.line: spell.native for spell in spells})

    def person(self, native: str) -> str:
        """Return the id of a person."""
        return self.source.id("person", native)

    def id_if_known(self, native: str | None) -> str | None:
        """Return the id of a person who is in the roster, or ``None``."""
        return self.person(native) if native is not None and native in self.spells else None

    def rows(self, columns: RosterColumns) -> Iterator[tuple[str, Row]]:
        """Yield a row of ``people`` for everyone whose id is known."""
        names = self._names()
        for native in sorted(self.spells):
            spells = self.spells[native]
            found = person_status(spells, self.as_of, unsure=any(spell.line in self.faults for spell in spells))
            main = found.main
            yield (
                "people",
                {
                    "person": self.person(native),
                    "source": self.source.name,
                    "native_id": native,
                    "name": main.name,
                    "mail": main.mail,
                    "kind": main.kind,
                    "status": found.status,
                    "manager": self._resolve(main.manager, columns.manager, names),
                    "left_at_earliest": found.left_at.earliest,
                    "left_at_latest": found.left_at.latest,
                    "notified_at": main.notified_at,
                    "sponsor": self._resolve(main.sponsor, columns.sponsor, names),
                    "purpose": main.purpose,
                    "data_class": main.data_class,
                    "approved_until": main.approved_until,
                },
            )

    def strangers(self, columns: RosterColumns) -> Iterator[tuple[str, str]]:
        """Yield the columns that name people by name and find nobody, or several, with how often."""
        names = self._names()
        for target in ("manager", "sponsor"):
            spec = getattr(columns, target)
            if not isinstance(spec, Reference) or spec.by != "name":
                continue
            said = [value for own in self.spells.values() for spell in own if (value := getattr(spell, target))]
            lost = [value for value in said if len(_people_called(value, names)) != 1]
            if lost:
                several = sum(len(_people_called(value, names)) > 1 for value in lost)
                more = f", {several} of them as several people are called so" if several else ""
                yield spec.column, f"{len(lost)} of {len(said)} names in {spec.column} are those of no one person{more}"

    def assignments(self, former: Iterable[Spell]) -> Iterator[tuple[str, Row]]:
        """Yield every spell, numbered from 1 by start and end; ``former`` ones do not bear on where a person stands."""
        spells: dict[str, list[Spell]] = {native: list(own) for native, own in self.spells.items()}
        for spell in former:
            if spell.native is not None:
                spells[spell.native].append(spell)
        for native in sorted(spells):
            for seq, spell in enumerate(in_order(spells[native]), 1):
                yield "assignments", self._assignment(native, seq, spell, doubted=spell in self.spells[native])

    def _assignment(self, native: str, seq: int, spell: Spell, *, doubted: bool) -> Row:
        faulty = doubted and spell.line in self.faults
        return {
            "person": self.person(native),
            "seq": seq,
            "source": self.source.name,
            "starts_earliest": spell.starts.earliest,
            "starts_latest": spell.starts.latest,
            "ends_earliest": spell.ends.earliest,
            "ends_latest": spell.ends.latest,
            "status": "unknown" if faulty else spell_status(spell, self.as_of),
            "client": spell.client,
            "role": spell.role,
            "attributes": spell.attributes,
        }

    def aliases(self) -> Iterator[tuple[str, Row]]:
        """Yield the id and every mail of each person, by which other sources name them."""
        for native in sorted(self.spells):
            yield "aliases", {"scheme": "person-id", "value": native, "id": self.person(native)}
            for mail in sorted({same_name.folded(spell.mail) for spell in self.spells[native] if spell.mail}):
                yield "aliases", {"scheme": "person-mail", "value": mail, "id": self.person(native)}

    def _names(self) -> Mapping[str, set[str]]:
        names: dict[str, set[str]] = defaultdict(set)
        for native, spells in self.spells.items():
            for spell in spells:
                if spell.name:
                    names[called(spell.name)].add(native)
                    names[in_any_order(spell.name)].add(native)
        return names

    def _resolve(self, value: str | None, spec: str | Reference | None, names: Mapping[str, set[str]]) -> str | None:
        """Name a manager or sponsor: someone of this roster at once, others by an alias; a name is only good here."""
        if value is None:
            return None
        match spec.by if isinstance(spec, Reference) else "id":
            case "mail":
                return ref("person-mail", same_name.folded(value))
            case "name":
                found = _people_called(value, names)
                return self.person(next(iter(found))) if len(found) == 1 else None
            case _:
                return self.person(value) if value in self.spells else ref("person-id", value)


def _all_at_once(spells: Sequence[Spell], as_of: datetime, together: date | None) -> list[int]:
    """Return the lines of those whom only a last day makes leavers that is also that of most others."""
    ended = [spell for spell in spells if spell.word is None and spell.ends.past(as_of)]
    days = Counter(spell.ends.latest for spell in ended)
    last, most = next(iter(days.most_common(1)), (None, 0))
    if last is None or most < _FEWEST or most * 2 <= len(spells):
        return []
    if together is not None and abs(last.date() - together) <= timedelta(days=1):
        return []
    return [spell.line for spell in ended if spell.ends.latest == last]


def _other_people(own: Sequence[Spell]) -> list[str]:
    """Return the names of an id whose rows are of people with neither a part of their names nor a mail in common."""
    people = {(spell.name, spell.mail and same_name.folded(spell.mail)) for spell in own if spell.name}
    for (one, mail), (other, another) in combinations(sorted(people, key=str), 2):
        apart = not set(in_any_order(one or "")[1:].split()) & set(in_any_order(other or "")[1:].split())
        if apart and (mail is None or mail != another):
            return sorted({str(one), str(other)})
    return []


def called(name: str) -> str:
    """Return a name in the form in which two are compared: one that is composed otherwise, or set apart otherwise, is it."""
    return unicodedata.normalize("NFC", " ".join(name.split()))


def in_any_order(name: str) -> str:
    """Return a name whose first and last may stand in any order: ``Cruz, Ana`` and ``Ana Cruz`` are one."""
    return "~" + " ".join(sorted(re.sub(r"[\s,.]+", " ", called(name)).casefold().split()))


def _people_called(name: str, names: Mapping[str, set[str]]) -> set[str]:
    """Return who is called so; where nobody is, those who are so in another order."""
    return names.get(called(name)) or names.get(in_any_order(name), set())


def too_many(faulty: int, rows: int, what: str) -> str | None:
    """Say that too many rows cannot be used, or return ``None``: one row always may, above it 1 %."""
    if faulty > 1 and faulty > TOLERATED * rows:
        return f"{faulty} of {rows} {what} cannot be used, {TOLERATED:.0%} may"
    return None
