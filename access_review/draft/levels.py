"""Columns of a matrix whose cells say how much somebody may: ``CRM: Admin``, ``ERP: RW``, or the name of a role there."""

import re
from collections.abc import Iterator, Sequence

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import meant, names_somebody, personal
from access_review.draft.hints import ROSTER_HINTS, TABLE_HINTS
from access_review.draft.languages import folded
from access_review.draft.level_words import HELD, NOT_HELD, is_level, tells_level
from access_review.draft.shapes import Form

_LEAST = 0.5
"""Share of the cells that say a level, from which on a column is one of levels."""
_FEW = 2
"""Columns of levels that make a matrix, or one beside as many of plain marks."""
_KINDS = re.compile(
    r"\b(type|kind|class|category|severity|language|locale|issuer|source|version|message|event|synced|state|grade)\b"
)
"""Headers of what something is, and of nothing that is held."""
_ELSEWHERE = frozenset({"name", "person", "account", "mail", "status", "department", "site", "country", "kind", "unit"})


def level_columns(looks: Sequence[ColumnLook], marked: Sequence[str]) -> tuple[str, ...]:
    """Return the columns whose cells are levels, ``marked`` being those of plain marks; none where they make no matrix.

    Beside them, and not before the first, whatever has few words and a header that means nothing else has the names of roles.
    """
    open_ = [look for look in looks if look.name not in marked and _may_be(look)]
    levels = [look.name for look in open_ if _says_levels(look)]
    if len(levels) < _FEW and not (levels and len(marked) >= _FEW):
        return ()
    first = next(place for place, look in enumerate(looks) if look.name in {*levels, *marked})
    named = {look.name for look in looks[first:] if look in open_ and not _is_headed(look.name)}
    return tuple(look.name for look in looks if look.name in {*levels, *named})


def level_doubts(looks: Sequence[ColumnLook], levels: Sequence[str]) -> Iterator[str]:
    """Say of each column of levels which words are no level that is known, and what they are read as."""
    for look in looks:
        unknown = [word for word in _words(look) if not is_level(word) and folded(word.casefold()) not in HELD]
        if look.name in levels and unknown:
            shown = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
            yield f"{look.name} says {shown}: is that access? It is read as {look.name}: {unknown[0]}"


def _may_be(look: ColumnLook) -> bool:
    return bool(look.words) and look.form not in {Form.NUMBER, Form.DATE} and not _about_people(look.name)


def _about_people(header: str) -> bool:
    if personal(header) or names_somebody(header) or _KINDS.search(meant(header)):
        return True
    fields = {hint.field for hint in ROSTER_HINTS if hint.header and re.search(hint.header, meant(header))}
    return bool(fields & _ELSEWHERE) or _is_whole_field(header)


def _is_headed(header: str) -> bool:
    return any(hint.header and re.search(hint.header, meant(header)) for hint in (*ROSTER_HINTS, *TABLE_HINTS))


def _is_whole_field(header: str) -> bool:
    """Say whether a header is a field and nothing more: *Role* is one, *SAP role* is of SAP."""
    return any(hint.header and re.fullmatch(hint.header, meant(header)) for hint in (*ROSTER_HINTS, *TABLE_HINTS))


def _says_levels(look: ColumnLook) -> bool:
    rows = sum(one.rows for one in look.words if all(map(is_level, _parts(look, one.word))))
    return rows >= _LEAST * look.filled and any(map(tells_level, _words(look)))


def _words(look: ColumnLook) -> list[str]:
    words = dict.fromkeys(part for one in look.words for part in _parts(look, one.word))
    return [word for word in words if folded(word.casefold()) not in NOT_HELD]


def _parts(look: ColumnLook, cell: str) -> list[str]:
    return [part.strip() for part in cell.split(look.parted) if part.strip()] if look.parted else [cell]
