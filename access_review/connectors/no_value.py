"""What programs write where there is no value: the one list that every reader asks.

Three kinds are told apart. *Nothing* is a cell that holds no value whatever its column. *No date* is a value
that is a date by its form and none by its meaning: the zero of some calendar, or its end. The *name of a type*
stands where a program wrote what kind of thing it had in place of the thing, or a spreadsheet that a formula failed:
such a column is not empty but lost, so its reader doubts it. A source file adds words of its own with ``empty``. Pure.
"""

import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, date, datetime
from enum import StrEnum

NOTHING = frozenset(
    {
        *(
            "",
            "n/a",
            "#n/a",
            "#nv",
            "#n/d",
            "n.a.",
            "null",
            "<null>",
            "(null)",
            "[null]",
            "#null!",
            "\\n",
            "none",
            "<none>",
            "(none)",
            "[none]",
        ),
        *(
            "nan",
            "nil",
            "<nil>",
            "undefined",
            "unknown",
            "<unknown>",
            "(unknown)",
            "[unknown]",
            "(empty)",
            "<empty>",
            "(blank)",
        ),
        *(
            "not set",
            "<not set>",
            "(not set)",
            "not available",
            "not applicable",
            "no_information",
            "tbd",
            "t.b.d.",
            "?",
            "??",
            "???",
        ),
        *(
            "k.a.",
            "k. a.",
            "k.a",
            "keine angabe",
            "s/o",
            "s.o.",
            "sin datos",
            "brak",
            "n.v.t.",
            "inconnu",
            "non renseign\N{LATIN SMALL LETTER E WITH ACUTE}",
        ),
        *("-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", "\N{MINUS SIGN}"),
        *("0000-00-00", "0000-00-00 00:00:00", "0000-00-00t00:00:00", "0000-00-00t00:00:00z"),
    }
)
"""Texts for nothing, folded."""

NAMES = frozenset({"null", "nan", "none", "nil", "brak"})
"""Those of them that people are called."""

NEVER = frozenset(
    {
        *(
            "never",
            "(never)",
            "<never>",
            "never logged in",
            "never logged on",
            "never signed in",
            "never used",
            "no login",
        ),
        *("nie", "jamais", "nunca", "mai", "nooit", "nigdy"),
    }
)
"""Texts for *never*, folded: no value where a date is read, and said of a last use."""

BEFORE = 1901
"""Years before this one hold the zeros of calendars (0001, 1601, 1753, 1899-12-30, 1900-01-01) and no employment."""

FROM = 2999
"""From this year on a date means *never* or *until further notice* (2999, 4712, 9999)."""

# An id may be all zeros, so such a text is nothing only where a date is read.
_ZEROS = re.compile(r"(?=(?:\D*0){6})[0\s./:TZ+-]+")
_NUMBERS = frozenset({str(2**63 - 1), "0", "0.0", "-1"})
"""The numbers that are no date: the last of a counter, its zero, and what stands where nothing was counted."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The zero of Unix as clocks from Kiritimati to Baker Island show it.
_EPOCH_SHOWN = (datetime(1969, 12, 31, 12), datetime(1970, 1, 1, 14))  # noqa: DTZ001 - clocks of any zone
_EPOCH_DAYS = (date(1969, 12, 31), date(1970, 1, 1))
_TYPE = re.compile(
    r"""
      \[object\ \w+\]                                   # JavaScript
    | @\{.*\}                                           # PowerShell, below the depth that was asked for
    | (?:[A-Za-z_]\w*\.)+\w+(?:\[,*\]|`\d+\[.*\])       # .NET: System.Object[], System.Collections.Generic.List`1[…]
    | (?:[A-Za-z_]\w*\.){2,}\w*Collection(?:`\d+)?      # .NET: …ADPropertyValueCollection
    | System\.(?:Object|DBNull|Collections|Management|Xml|DirectoryServices)(?:\.\w+)*
    | Microsoft\.(?:ActiveDirectory\.Management|Graph\.PowerShell\.Models)\.\w+
    | \[L?[\w.]+;?@[0-9a-f]+ | (?:[a-z]\w*\.)+\w+@[0-9a-f]{5,8}  # Java
    | <.*\ object\ at\ 0x[0-9a-f]+>                     # Python
    | \#[¡¿]?(?:REF|VALUE|NAME|DIV/0|NUM|SPILL|CALC|BUSY|FIELD|BLOCKED|CONNECT|UNKNOWN)[!?]  # a failed formula
    | \#[¡¿]?(?:BEZUG|WERT|ZAHL|VALEUR|NOM|NOMBRE|VALOR|NOME|RIF|VALORE|VERW|WAARDE|NAAM|DEEL/0|GETAL|ADR|ARG|NAZWA)[!?]
    | \#{3,}                                           # and a column too narrow for its dates
    """,
    re.VERBOSE | re.DOTALL,
)


class NoDate(StrEnum):
    """Why a date is none."""

    ZERO = "zero"
    """The zero of a calendar: what a program has where nothing was ever set."""
    END = "end"
    """The end of a calendar: never."""


def bare(text: str) -> str:
    """Return a text without the blanks around it, of whatever kind: no-break, zero-width, control characters."""
    if text.isascii():
        return text.strip(_BLANKS)
    first, last = 0, len(text)
    while first < last and _blank(text[first]):
        first += 1
    while last > first and _blank(text[last - 1]):
        last -= 1
    return text[first:last]


_BLANKS = "".join(map(chr, range(ord(" ") + 1))) + "\x7f"


def _blank(letter: str) -> bool:
    return letter in _BLANKS if letter.isascii() else unicodedata.category(letter) in {"Zs", "Zl", "Zp", "Cc", "Cf"}


def is_nothing(text: str | None, further: Collection[str] = (), *, name: bool = False) -> bool:
    """Tell whether a text stands for nothing; ``further`` are the words of a source. A person's ``name`` may be Null."""
    if text is None or text in further:
        return True
    if len(text) > _LONGEST and not further:
        return not bare(text)
    folded = bare(text).casefold()
    return folded in NOTHING and not (name and folded in NAMES)


_LONGEST = max(map(len, NOTHING)) + 8


def something(text: str | None, further: Collection[str] = (), *, name: bool = False) -> str | None:
    """Return a text that says something, as it is; null for one that stands for nothing."""
    return None if is_nothing(text, further, name=name) else text


def is_mail(text: str | None) -> bool:
    """Tell whether a text can be somebody's address: what stands there else would join all who have it."""
    if text is None:
        return False
    before, at, after = bare(text).rpartition("@")
    if not at or is_nothing(before) or is_nothing(after) or not bare(text).isprintable():
        return False
    local, host = before.casefold(), after.casefold().partition(".")[0]
    return local not in _NO_ADDRESS and not (local == host and local in _FILLERS)


_NO_ADDRESS = frozenset(
    {*("noemail", "no-email", "no_email", "no.email"), *("nomail", "no-mail", "no_mail", "no.mail")}
)
"""What is written before the ``@`` where an address is demanded and there is none."""

_FILLERS = frozenset({"na", "test", "email", "mail", "x", "xx", "xxx", "a", "abc"})
"""What is so on both sides of it: ``na@na.com``."""


def is_nothing_dated(text: str | None, further: Collection[str] = ()) -> bool:
    """Tell whether a text stands for nothing where a date is read: zeros alone, and the last number of a counter."""
    if text is None or is_nothing(text, further) or is_never(text):
        return True
    stripped = bare(text)
    return stripped in _NUMBERS or _ZEROS.fullmatch(stripped) is not None


def is_never(text: str | None) -> bool:
    """Tell whether a text says never, where a date is read."""
    return text is not None and len(text) <= _LONGEST and bare(text).casefold() in NEVER


def is_reckoned(text: str) -> bool:
    """Tell whether an id is a number as a spreadsheet shows one that it reckoned with: ``123.0``, ``1.234,0``, ``1.2E+05``.

    What zeros and digits it had nobody knows any more. ``1E5`` may be an id and is none.
    """
    return _RECKONED.fullmatch(bare(text)) is not None


_RECKONED = re.compile(
    r"\d+[.,]0+|\d{1,3}(?:[.,' \u00a0\u202f]\d{3})+[.,]\d+|\d(?:[.,]\d+)?E\+\d+|\d[.,]\d+E\d+", re.IGNORECASE
)


def no_date(value: date) -> NoDate | None:
    """Say why a date is none; null for one that is meant."""
    if value.year < BEFORE:
        return NoDate.ZERO
    if value.year >= FROM:
        return NoDate.END
    if not isinstance(value, datetime):
        return NoDate.ZERO if value in _EPOCH_DAYS else None
    if value.tzinfo is not None:
        return NoDate.ZERO if value == _EPOCH else None
    first, last = _EPOCH_SHOWN
    shown = first <= value <= last and not (value.minute % 15 or value.second or value.microsecond)
    return NoDate.ZERO if shown else None


def meant(value: datetime | None) -> datetime | None:
    """Return a moment that is meant; null for the zeros and ends of calendars."""
    return None if value is None or no_date(value) else value


def is_type_name(text: str | None) -> bool:
    """Tell whether a text is the name of a type, written in place of a value."""
    if text is None or not ("." in text or "@" in text or "#" in text or "object " in text):
        return False
    return bool(_TYPE.fullmatch(bare(text)))
