"""What a column means: guessed from its header and held against what its values look like.

The names of the fields are those that sources/*.yaml takes. A guess says why it was made, so
that a wrong one can be seen; what fits nothing is an attribute or is left out, and said to be.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import meant, personal
from access_review.draft.hints import ROSTER_HINTS, TABLE_HINTS, Hint
from access_review.draft.shapes import Form
from access_review.draft.sign_in_words import says_sign_in
from access_review.draft.status_words import asks_status


class Sureness(StrEnum):
    """How sure a guess is."""

    SURE = "sure"
    """Header and values both say it."""
    LIKELY = "likely"
    """The header says it, or nothing else can be meant."""
    GUESS = "guess"


@dataclass(frozen=True, slots=True)
class ColumnMeaning:
    """What one column, or several joined, is taken for."""

    field: str
    columns: tuple[str, ...]
    sureness: Sureness
    because: str

    @property
    def label(self) -> str:
        """The columns as one name."""
        return " + ".join(self.columns)


def guess_meanings(looks: Sequence[ColumnLook], hints: Sequence[Hint]) -> tuple[ColumnMeaning, ...]:
    """Take each field from the column that fits best; a column has one meaning.

    Where several fit a field, those whose header is the field's own word win, then fuller ones, then the first.
    """
    taken: set[str] = set()
    found: list[ColumnMeaning] = []
    for hint in hints:
        fitting = [c for c in looks if c.name not in taken and not personal(c.name) and _fits(hint, c)]
        if not fitting or any(m.field == hint.field for m in found):
            continue
        best = max(
            fitting,
            key=lambda c: (
                c.distinct != 1 or hint.field != "entitlement",
                hint.field != "account" or c.form not in {Form.NAME, Form.TEXT},
                hint.field != "enabled" or says_sign_in(c),
                _plain(hint, c),
                _exact(hint, c),
                _ends_so(hint.header, c.name),
                _text_over_code(hint, c),
                c.filled,
                -looks.index(c),
            ),
        )
        taken.add(best.name)
        found.append(ColumnMeaning(hint.field, (best.name,), _sureness(hint, best), _because(best)))
    return _joined_names(found)


def headed_like(field: str, names: Sequence[str]) -> str | None:
    """Return the column whose header says a field of a roster best, whatever its values are; codes say who as words do."""
    (header, *_) = (hint.header for hint in ROSTER_HINTS if hint.field == field)
    found = [name for name in names if re.search(header, meant(name))]
    return max(found, key=lambda name: _ends_so(header, name), default=None)


def undated(looks: Sequence[ColumnLook], found: Sequence[ColumnMeaning], hints: Sequence[Hint]) -> dict[str, str]:
    """Return the columns that are headed like a day that counts and have no dates in a form that is known, with its field."""
    taken = {c for m in found for c in m.columns}
    return {
        look.name: hint.field
        for hint in hints
        if hint.field in _COUNTING
        for look in looks
        if look.name not in taken
        and look.filled
        and look.form is not Form.DATE
        and all(map(_DIGIT.search, look.samples))
        if _headed(hint, look) and not personal(look.name)
    }


_COUNTING = frozenset({"starts", "left_at", "notified", "used"})
_DIGIT = re.compile(r"\d")


def unplaced_status(looks: Sequence[ColumnLook], found: Sequence[ColumnMeaning]) -> ColumnLook | None:
    """Return the column that is headed like a status and was not taken for one, since too few of its words are known."""
    taken = {c for m in found for c in m.columns}
    if any(m.field == "status" for m in found):
        return None
    (hint, *_) = (one for one in ROSTER_HINTS if one.field == "status")
    asked = [c for c in looks if c.words and c.name not in taken and not personal(c.name) and c.form in hint.forms]
    alike = [c for c in asked if asks_status(c.name) or _exact(hint, c)] or [c for c in asked if _headed(hint, c)]
    return next(iter(alike), None)


def further_uses(looks: Sequence[ColumnLook], found: Sequence[ColumnMeaning]) -> tuple[str, ...]:
    """Return the columns of last uses that were not taken for it, since another was; those where nobody has one yet too."""
    (hint,) = (one for one in TABLE_HINTS if one.field == "used")
    taken = {c for m in found for c in m.columns}
    if not any(m.field == "used" for m in found):
        return ()
    return tuple(c.name for c in looks if c.name not in taken and c.form in hint.forms and _headed(hint, c))


def dated_alike(one: ColumnLook, other: ColumnLook) -> bool:
    """Say whether the dates of two columns are written in one form that is known."""
    if one.dates is None or other.dates is None or one.dates.format is None:
        return False
    return (one.dates.format, one.dates.clock) == (other.dates.format, other.dates.clock)


def heads_held(name: str) -> bool:
    """Say whether a header is that of what somebody holds, and of nothing that says who."""
    said = meant(name)
    held, who = (next(hint for hint in TABLE_HINTS if hint.field == field) for field in ("entitlement", "account"))
    return bool(re.search(rf"{held.header}|\bsystems?\b", said)) and not re.search(rf"{held.but}|{who.header}", said)


def further_entitlements(looks: Sequence[ColumnLook], found: Sequence[ColumnMeaning]) -> tuple[str, ...]:
    """Return the columns that are headed like what is held and were not taken for it, since another was."""
    if not any(m.field == "entitlement" for m in found):
        return ()
    (hint,) = (one for one in TABLE_HINTS if one.field == "entitlement")
    taken = {c for m in found for c in m.columns}
    labels = hint.forms - {Form.NUMBER}
    return tuple(c.name for c in looks if c.name not in taken and c.form in labels and _fits(hint, c))


def _fits(hint: Hint, look: ColumnLook) -> bool:
    return (
        look.form in hint.forms
        and (look.filled > 0 or look.form is Form.EMPTY)
        and _headed(hint, look)
        and hint.fits(look)
    )


def _headed(hint: Hint, look: ColumnLook) -> bool:
    return bool(re.search(hint.header, meant(look.name))) and not re.search(hint.but, meant(look.name))


def _exact(hint: Hint, look: ColumnLook) -> bool:
    return bool(re.fullmatch(hint.header, meant(look.name)))


def _plain(hint: Hint, look: ColumnLook) -> bool:
    return look.filled > 0 and bool(re.search(hint.plainly, meant(look.name)))


def _ends_so(header: str, name: str) -> bool:
    """Of ``role title`` and ``role family`` the first is a title: its last words are the field's."""
    words = meant(name).split()
    return any(re.fullmatch(header, " ".join(words[at:])) for at in range(1, len(words)))


def _text_over_code(hint: Hint, look: ColumnLook) -> bool:
    """A manager named by id is surer than one by name; of titles and departments the words say more than their codes."""
    if hint.field == "manager":
        return look.form in {Form.NUMBER, Form.CODE, Form.GUID}
    return look.form is not Form.NUMBER


def _sureness(hint: Hint, look: ColumnLook) -> Sureness:
    if look.form is Form.EMPTY:
        return Sureness.GUESS
    telling = {"mail": Form.MAIL, "name": Form.NAME, "starts": Form.DATE, "left_at": Form.DATE, "used": Form.DATE}
    if look.form is telling.get(hint.field) or _exact(hint, look) or (hint.field == "person" and look.unique):
        return Sureness.SURE
    return Sureness.LIKELY


def _because(look: ColumnLook) -> str:
    repeated = "each once" if look.unique else f"{look.distinct:,} different in {look.filled:,} rows"
    return f"its header, and its values: {look.form.value}, {repeated}"


def _joined_names(found: Sequence[ColumnMeaning]) -> tuple[ColumnMeaning, ...]:
    """Make one name of a first and a last name; one half alone is no name."""
    halves = {m.field: m for m in found if m.field in {"name.first", "name.last"}}
    half = next((m for m in found if m.field == "name.half" or (m.field == "name" and meant(m.label) == "name")), None)
    lacks = [field for field in ("name.first", "name.last") if field not in halves]
    if half and len(lacks) == 1:
        halves[lacks[0]] = half
        found = [m for m in found if m is not half]
    found = [m for m in found if m.field != "name.half"]
    rest = [m for m in found if m.field not in halves]
    if len(halves) < 2 or any(m.field == "name" for m in rest):
        return tuple(rest)
    columns = halves["name.first"].columns + halves["name.last"].columns
    return (*rest, ColumnMeaning("name", columns, Sureness.SURE, "first and last name, joined by a space"))
