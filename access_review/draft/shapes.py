"""What values look like: ids, mail addresses, names, dates, words; and how to show one without giving it away."""

import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Any


class Form(StrEnum):
    """What most values of a column are."""

    EMPTY = "empty"
    MAIL = "mail"
    GUID = "guid"
    SID = "sid"
    DN = "dn"
    DOMAIN_ACCOUNT = "domain-account"
    DATE = "date"
    FLAG = "flag"
    NUMBER = "number"
    CODE = "code"
    """Letters, digits and signs without blanks: an id, a login, a code."""
    NAME = "name"
    """Two to five words that begin with capital letters."""
    TEXT = "text"


_REGEXES: tuple[tuple[Form, str], ...] = (
    (Form.GUID, r"^\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?$"),
    (Form.SID, r"^S-1-\d+(-\d+)+$"),
    (Form.MAIL, r"^[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+$"),
    (Form.DN, r"(?i)^(cn|ou|uid|dc)=.+,\s*(ou|dc|o|cn)=.+$"),
    (Form.DOMAIN_ACCOUNT, r"^[\w.-]+\\[^\\\s]+$"),
    (Form.NUMBER, r"^[+-]?\d*[.,]?\d+$"),
    (Form.CODE, r"^[^\s@\\,;]+$"),
    (Form.NAME, r"^\p{Lu}[\p{L}'’.-]*,?(\s*[\p{L}'’.-]+,?){1,5}$"),
)

YES = {
    *(
        "1",
        "true",
        "yes",
        "y",
        "on",
        "ja",
        "j",
        "x",
        "ok",
        "wahr",
        "t",
        "si",
        "sí",
        "s",
        "oui",
        "o",
        "tak",
        "はい",
        "有",
    ),
    *("✓", "✔", "●", "○", "◯", "☑", "■"),
}
NO = {
    *("0", "false", "no", "n", "off", "nein", "falsch", "f", "non", "nie", "いいえ", "無"),
    *("-", "×", "✗", "✘", "☐", "□"),
}
FLAG_WORDS = YES | NO | {"enabled", "disabled"}
"""What answers a header, or marks a cell, in small letters."""

_MOST = 0.9
"""Share of the values that must have a form for the column to have it."""


def form_of(values: Any) -> tuple[Form, float]:
    """Return the form of most of some different values (Arrow text), and the share that has it; dates are not seen here."""
    import pyarrow.compute as pc

    count = len(values)
    if not count:
        return Form.EMPTY, 1.0
    if count <= 3 and all(value.casefold() in FLAG_WORDS for value in values.to_pylist()):
        return Form.FLAG, 1.0
    for form, expression in _REGEXES:
        share = pc.sum(pc.match_substring_regex(values, expression)).as_py() / count
        if share >= _MOST:
            return form, share
    return Form.TEXT, 1.0


def common_shapes(values: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Return the three commonest shapes of values with their counts: ``MMK1532`` has the shape ``AAA9999``, long runs as ``9{8}``."""
    counted = Counter(_shape(value) for value in values)
    return tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:3])


def _shape(value: str) -> str:
    plain = re.sub(r"[^\W\d_]", lambda m: "A" if m[0].isupper() else "a", re.sub(r"\d", "9", value))
    return re.sub(r"(a|A|9)\1{4,}", lambda m: f"{m[1]}{{{len(m[0])}}}", plain)


def mask(value: str) -> str:
    """Show what a value looks like, and not whose it is: the first sign of each word or number stays."""
    return re.sub(r"(\w)(\w+)", lambda m: m[1] + "*" * len(m[2]), value)
