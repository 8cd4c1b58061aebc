"""Accounts that stand under other ids than when they were read last: one export names them otherwise than the one before.

A login becomes a GUID, or gets its domain before it, and every account is gone and as many are new. What was found about
the former ids would end, and begin anew: nothing of it happened. An account that was deleted and one that was made look
like this too, so only many at once are doubted. One place for every connector. Pure.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

COLUMNS = ("account", "employee_id", "mail", "principal_name", "name", "display_name")
"""What is read of the accounts of before."""

FEW = 3
"""As many accounts may be deleted and made anew on any day."""

_SHARE = 10
_WRAPPING = r"^.*\\|@.*$"


class Renamed(NamedTuple):
    """How many accounts kept their ids, of how many; how many of the others are there under other ids, and one of them."""

    kept: int
    then: int
    found: int
    example: tuple[str, str] | None


def compared(before: pa.Table, now: Sequence[pa.Table]) -> Renamed | None:
    """Return what became of the ids; nothing where most are as they were.

    Doubted are more than half of the ids, gone while others came, and a tenth of them whose mail, number or name stands
    under another id.
    """
    then = len(before)
    accounts = pa.concat_tables(part.select(list(COLUMNS)) for part in now)
    gone = before.filter(pc.invert(pc.is_in(before["account"], accounts["account"].combine_chunks())))
    new = accounts.filter(pc.invert(pc.is_in(accounts["account"], before["account"].combine_chunks())))
    if len(gone) <= FEW or len(new) <= FEW:
        return None
    found = pa.array([False] * len(gone))
    for column in COLUMNS[1:]:
        is_there = pc.fill_null(pc.is_in(_bare(gone, column), _bare(new, column), skip_nulls=True), False)
        found = pc.or_(found, is_there)
    again = pc.sum(found).as_py() or 0
    if len(gone) * 2 <= then and (again <= FEW or again * 100 < then * _SHARE):
        return None
    return Renamed(then - len(gone), then, again, _example(gone.filter(found), new))


def _bare(accounts: pa.Table, column: str) -> pa.Array:
    """Return what is compared: a login without the domain before it or behind it, lower case, blanks and nothing apart."""
    text = pc.utf8_lower(pc.utf8_trim_whitespace(accounts[column].combine_chunks()))
    if column in ("name", "principal_name"):
        text = pc.replace_substring_regex(text, _WRAPPING, "")
    return pc.if_else(pc.equal(text, ""), None, text)


def _example(gone: pa.Table, new: pa.Table) -> tuple[str, str] | None:
    """Return the first id that is gone, with the one under which the account stands now."""
    if not len(gone):
        return None
    first = gone.sort_by("account").slice(0, 1)
    for column in COLUMNS[1:]:
        (value,) = _bare(first, column).to_pylist()
        position = -1 if value is None else pc.index(_bare(new, column), value).as_py()
        if position >= 0:
            return first["account"][0].as_py(), new["account"][position].as_py()
    return None


def sentence(found: Renamed) -> str:
    """Say how many ids are gone, and under which they stand now."""
    said = f"{found.then - found.kept:,} of the {found.then:,} accounts that were read last are gone, and others came"
    if not found.found:
        return f"{said} that have nothing of theirs: is this an export of the same system?"
    example = f", as {found.example[1]} for {found.example[0]}" if found.example else ""
    return f"{said}: {found.found:,} have the mail, number or name of one that is gone{example}. Nothing about the former ids ends by it"
