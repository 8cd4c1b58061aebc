"""Which list of who holds what names the accounts of another file, so that both are one system and not two.

A tenant or a domain is often exported twice: its users with their state, and the members of its groups. Taken apart, the
second would have accounts of its own, which belong to nobody, and what a leaver holds would be nobody's. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from access_review.draft.columns import ColumnLook
from access_review.draft.file_kinds import FileKind
from access_review.draft.headers import meant
from access_review.draft.inspection import FilesLook, TableLook
from access_review.draft.joins import ColumnJoin, JoinStep
from access_review.draft.shapes import Form

_SHARE = 0.9
"""Share of the accounts that a list names that must be in the other file: the rest are members of another kind."""

_IDS = (Form.GUID, Form.SID, Form.CODE, Form.NUMBER, Form.MAIL, Form.DOMAIN_ACCOUNT)
"""What may name an account, best first. A DN changes when somebody is renamed."""

_ID = re.compile(r"\bid$")

_NAMING = ("account", "mail", "employee_id", "display_name")


@dataclass(frozen=True, slots=True)
class AccountReference:
    """A list's ``column`` holds what accounts of another ``file`` have in a column, which is their ``login`` or an id."""

    column: str
    file: str
    other_column: str
    login: bool
    because: str
    certain: bool
    """Whether that is an id of one system alone."""


def account_column(look: TableLook) -> str | None:
    """Return the column that names the accounts of a list best."""
    return next((found for field in _NAMING if (found := look.column(field))), None)


def account_references(files: FilesLook, tables: Sequence[TableLook]) -> Mapping[str, AccountReference]:
    """Return, by file, which list of what is held names the accounts of which other file; no file names those of two."""
    listed = {look.name: look for look in tables if look.guess.kind in {FileKind.HOLDINGS, FileKind.MATRIX_LONG}}
    users = {name: look for name, look in listed.items() if not holds(look)}
    found = {}
    for name, look in listed.items():
        joins = [
            j for j in files.joins if j.file == name and j.other_file in users and _names(j, look, users[j.other_file])
        ]
        if name in users or not joins:
            continue
        best = min(joins, key=lambda join: _order(join, users[join.other_file]))
        login = best.other_column == account_column(users[best.other_file])
        because = f"{best.rates[0].rate:.0%} of its values are in {best.other_column} of {best.other_file}: one system, two files"
        named = next(c for c in users[best.other_file].columns if c.name == best.other_column)
        certain = _is_id(named, users[best.other_file])
        found[name] = AccountReference(best.column, best.other_file, best.other_column, login, because, certain)
    return found


def holds(look: TableLook) -> bool:
    """Tell whether a list says what somebody holds, and not only that there are accounts."""
    return look.column("entitlement") is not None


def _names(join: ColumnJoin, look: TableLook, other: TableLook) -> bool:
    first, column = join.rates[0], next(c for c in other.columns if c.name == join.other_column)
    mine = next((c for c in look.columns if c.name == join.column), None)
    return (
        first.step is JoinStep.EXACT
        and first.rate >= _SHARE
        and column.unique
        and column.form in _IDS
        and mine is not None
        and mine.filled == mine.rows
        and look.column("entitlement") != join.column
        and (_is_id(column, other) or not _states_accounts(look))
    )


def _is_id(column: ColumnLook, look: TableLook) -> bool:
    """Tell whether a column is an id of one service alone: a login, a mail and a number one person has in several."""
    if column.form in {Form.GUID, Form.SID}:
        return True
    peoples = map(look.column, ("mail", "employee_id"))
    return bool(_ID.search(meant(column.name))) and column.form is Form.CODE and column.name not in peoples


def _states_accounts(look: TableLook) -> bool:
    """Tell whether a list says itself how its accounts are: the same people have accounts of another service, too.

    What it says of members is of accounts elsewhere.
    """
    said = map(look.column, ("enabled", "used", "created_at"))
    return any(column and not re.search(r"\bmember\b", meant(column)) for column in said)


def _order(join: ColumnJoin, other: TableLook) -> tuple[float, bool, bool, int, str]:
    """Put first what finds most, then what never changes, then the login."""
    form = next(c.form for c in other.columns if c.name == join.other_column)
    lasting, login = form in {Form.GUID, Form.SID}, join.other_column == account_column(other)
    return -join.rates[0].rate, not lasting, not login, _IDS.index(form), join.other_column
