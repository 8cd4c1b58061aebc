"""One object of an LDAP directory, and the text, numbers, times and names in its values.

Pure: recordings and live reads make the same entries. A value that is absent or
not what it should be is null, which is *unknown*.
"""

import re
import string
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from access_review.connectors import no_value
from access_review.connectors.same_name import folded

_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d{1,6})\d*)?(Z|[+-]\d{4}|[+-]\d\d)")
_WHOLE = re.compile(r"[+-]?\d{1,20}")
_RANGE = re.compile(r"(.+);range=(\d+)-(\d+|\*)")
_UNUSUAL_DN = re.compile(r'["\\;\x00-\x1f]|[,=+] | [,=+]|^ | $')
_ATTRIBUTE = re.compile(r"[a-z0-9.-]+")
_SPECIAL = frozenset(',+"\\<>;=')

_Letter = tuple[str, bool]  # a character, and whether it stood behind a backslash


@dataclass(frozen=True, slots=True)
class Range:
    """A piece of a long list of values: those from ``first`` to ``last`` (null: to the end), and how many came."""

    first: int
    last: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One object: its DN as written, its values by attribute name in lower case, and where it stands."""

    dn: str
    values: Mapping[str, Sequence[bytes]]
    place: str
    continues: bool = False
    """It only adds values to an object that was read before, as ldifde writes large groups."""

    @classmethod
    def of(cls, dn: str, attributes: Mapping[str, Sequence[bytes]], place: str) -> "Entry":
        """Make an entry of attributes in any case; the same name in two cases is one attribute."""
        values: dict[str, list[bytes]] = {}
        for name, found in attributes.items():
            values.setdefault(name.lower(), []).extend(found)
        return cls(dn, values, place)

    def first(self, name: str) -> bytes | None:
        """Return the first value, as it is."""
        found = self.values.get(name.lower())
        return found[0] if found else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return all values as text, the empty ones left out."""
        found = self.values.get(name.lower())
        return tuple([value.decode("utf-8", "backslashreplace") for value in found if value]) if found else ()

    def text(self, *names: str) -> str | None:
        """Return the first text found under the first of these names that has one."""
        for name in names:
            if texts := self.texts(name):
                return texts[0]
        return None

    def whole(self, name: str) -> int | None:
        """Return a value as a whole number."""
        text = self.text(name)
        return int(text) if text and _WHOLE.fullmatch(text) else None

    def flag(self, name: str) -> bool | None:
        """Return a value as true or false."""
        return {"TRUE": True, "FALSE": False}.get((self.text(name) or "").upper())

    def time(self, *names: str) -> datetime | None:
        """Return a generalized time as UTC; null for the zeros and ends of calendars."""
        text = self.text(*names)
        return no_value.meant(generalized_time(text)) if text else None

    def saying(self, names: Collection[str], empty: Collection[str]) -> "Entry":
        """Return the entry without what stands for nothing, or is the name of a type, in these attributes."""
        if not any(name in self.values for name in names):
            return self
        kept = {
            name: found if name not in names else tuple(value for value in found if not _says_nothing(value, empty))
            for name, found in self.values.items()
        }
        return Entry(self.dn, kept, self.place)

    def fingerprint(self) -> int:
        """Return a number that entries of the same values share, in this process."""
        return hash(tuple(sorted((name, *values) for name, values in self.values.items())))

    def classes(self) -> frozenset[str]:
        """Return the object classes in lower case."""
        return frozenset(text.lower() for text in self.texts("objectclass"))

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values as text, those that arrived as ranges included."""
        ranged = (key for key in self.values if (m := _RANGE.fullmatch(key)) and m[1] == name.lower())
        return self.texts(name) + tuple(text for key in ranged for text in self.texts(key))

    def ranges(self, name: str) -> tuple[Range, ...]:
        """Return the pieces in which an attribute arrived, none when it arrived whole."""
        found = ((m, self.values[key]) for key in self.values if (m := _RANGE.fullmatch(key)))
        return tuple(
            Range(int(m[2]), None if m[3] == "*" else int(m[3]), len(values))
            for m, values in found
            if m[1] == name.lower()
        )


def _says_nothing(value: bytes, empty: Collection[str]) -> bool:
    text = value.decode("utf-8", "backslashreplace")
    return no_value.is_nothing(text, empty) or no_value.is_type_name(text)


def missing(ranges: Sequence[Range]) -> int | None:
    """Return the place from which values are missing, null when the pieces make the whole list.

    Active Directory hands out long lists in pieces (MS-ADTS 3.1.1.3.1.3.3); the last one ends in ``*``.
    """
    at = 0
    for piece in sorted(ranges, key=lambda r: r.first):
        if piece.first > at:
            return at
        if piece.last is None:
            return None
        if piece.count != piece.last - piece.first + 1:
            return piece.first + piece.count
        at = max(at, piece.last + 1)
    return at


def generalized_time(text: str) -> datetime | None:
    """Return a generalized time (RFC 4517, 3.3.13) as UTC, null for anything else."""
    found = _TIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    zone = found[8]
    offset = timedelta() if zone == "Z" else timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5] or 0))
    try:
        at = datetime(year, month, day, hour, minute, second, int((found[7] or "0").ljust(6, "0")), tzinfo=UTC)
        return at + offset if zone[0] == "-" else at - offset
    except (ValueError, OverflowError):
        return None


def canonical(dn: str) -> str:
    """Return a DN in the one form used to compare: lower case, no spaces around separators, escapes as in AD.

    Never fails: what cannot be read as a DN (RFC 4514) is folded as it stands.
    """
    if not _UNUSUAL_DN.search(dn):
        return folded(dn)
    parts: list[str] = []
    for letters in _split(list(_letters(dn)), ",;"):
        pairs = [_pair(pair) for pair in _split(letters, "+")]
        if None in pairs:
            return folded(dn.strip())
        parts.append("+".join(pair for pair in pairs if pair))
    return folded(",".join(parts))


def _letters(dn: str) -> Iterator[_Letter]:
    at = 0
    while at < len(dn):
        data = bytearray()
        while dn[at : at + 1] == "\\" and len(pair := dn[at + 1 : at + 3]) == 2 and set(pair) <= set(string.hexdigits):
            data.append(int(pair, 16))
            at += 3
        if data:
            yield from ((letter, True) for letter in data.decode("utf-8", "replace"))
        elif dn[at] == "\\" and at + 1 < len(dn):
            yield dn[at + 1], True
            at += 2
        else:
            yield dn[at], False
            at += 1


def _split(letters: Sequence[_Letter], separators: str) -> Iterator[list[_Letter]]:
    part: list[_Letter] = []
    for letter, escaped in letters:
        if letter in separators and not escaped:
            yield part
            part = []
        else:
            part.append((letter, escaped))
    yield part


def _pair(letters: list[_Letter]) -> str | None:
    """Return one attribute and value, trimmed and re-escaped; null when it is no such pair."""
    if ("=", False) not in letters:
        return None
    at = letters.index(("=", False))
    name = "".join(f"\\{letter}" if escaped else letter for letter, escaped in letters[:at]).strip()
    if not _ATTRIBUTE.fullmatch(name.casefold()):
        return None
    value = letters[at + 1 :]
    while value and value[0] == (" ", False):
        value = value[1:]
    while value and value[-1] == (" ", False):
        value = value[:-1]
    return f"{name}={_escaped(''.join(letter for letter, _ in value))}"


def _escaped(value: str) -> str:
    last = len(value) - 1
    return "".join(_escaped_letter(letter, outside=n in {0, last}, first=n == 0) for n, letter in enumerate(value))


def _escaped_letter(letter: str, *, outside: bool, first: bool) -> str:
    if letter < " ":
        return f"\\{ord(letter):02x}"
    special = letter in _SPECIAL or (letter == " " and outside) or (letter == "#" and first)
    return f"\\{letter}" if special else letter


def domain(dn: str) -> str | None:
    """Return the DNS domain that the ``DC`` parts of a canonical DN spell, null without one."""
    labels = re.findall(r"(?:^|,)dc=([^,]+)(?=,dc=|$)", dn)
    return ".".join(labels) or None
