"""Rows that cannot be true are not believed: what they claim becomes unknown, and a problem says so.

A row may contradict itself, and a mail may be none: a word such as *unassigned* would join everybody who has it.

One place for every connector, third-party ones included: it stands between what a connector yields and the
snapshot. Rosters look at their own rows besides, since a person follows from several of them. Pure.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from access_review.connectors import Source, no_value, problem
from access_review.tables import TABLES, Row

SKEW = timedelta(days=1)
"""How far a clock elsewhere may be ahead of the reading: a zone that was left out, a clock that is wrong."""

_SPANS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "grants": (("since", "until"),),
    "custody": (("starts_at", "ends_at"),),
    "assignments": (("starts_earliest", "ends_latest"),),
}
"""Beginnings and ends, by table. An assignment whose end comes first says nothing of where somebody stands."""

_MAILED = frozenset({"accounts", "people"})
_MAILS = frozenset({"mail", "person-mail"})

_USE = ("last_used_earliest", "last_used_latest")


def believed(source: Source, rows: Iterable[tuple[str, Row]], as_of: datetime) -> Iterator[tuple[str, Row]]:
    """Yield the rows, each without what it contradicts itself in, and a problem for each such row."""
    ahead = 0
    for table, claimed in rows:
        row, reasons = claimed, list[str]()
        if table == "signins" and claimed["at"] > as_of + SKEW:
            ahead += 1
            continue
        if table == "aliases":
            if _joins_nobody(row["scheme"], row["value"]):
                continue
        elif table in _MAILED:
            row = _joined(claimed, reasons)
        if table in _SPANS:
            row = _spans(table, row, reasons)
        elif table in {"accounts", "activity"}:
            row = _use(row, as_of, reasons)
        yield table, row
        if reasons:
            key = " ".join(str(row[column]) for column in TABLES[table].key)
            subject = row.get("account") or row.get("person")
            yield problem(source, f"{table} {key}", "unusable", "; ".join(reasons), subject)
    if ahead:
        reason = f"{ahead:,} of them are after the moment of the review: they are not believed"
        yield problem(source, "signins", "unusable", reason)


TORN = "the object stands more than once, with different values"
"""Why an object is in quarantine of which two records differ."""

_TORN_PERCENT = 1


def are_many(torn: int, objects: int) -> bool:
    """Tell whether two records differ of more than one object, and of more than one in a hundred: then all are in doubt."""
    return torn > max(1, objects * _TORN_PERCENT / 100)


_IN_DOUBT = (*_USE, "enabled", "created_at", "never_used", "password_set_at")
"""What is unknown of an account of which two records differ."""


def without_doubtful(accounts: Sequence[pa.Table], problems: Sequence[pa.Table]) -> list[pa.Table]:
    """Return the accounts, what may be otherwise of those in quarantine made unknown: which record is right nobody knows."""
    told = [row["subject"] for part in problems for row in part.to_pylist() if row["kind"] == "quarantined"]
    if not told:
        return list(accounts)
    ids = pa.array(told, pa.string())
    return [_unsure(part, pc.is_in(part["account"], ids)) for part in accounts]


def _unsure(accounts: pa.Table, torn: pa.ChunkedArray) -> pa.Table:
    for name in _IN_DOUBT:
        field, column = accounts.schema.field(name), accounts[name]
        unknown = pc.if_else(torn, pa.scalar(None, column.type), column)
        accounts = accounts.set_column(accounts.schema.get_field_index(name), field, unknown)
    return accounts


def _joins_nobody(scheme: str, value: str) -> bool:
    return (scheme in _MAILS and not no_value.is_mail(value)) or (scheme == "upn" and no_value.is_nothing(value))


def _joined(row: Row, reasons: list[str]) -> Row:
    """Return the row with what joins it to others in the one form in which that is compared."""
    mail, number = row.get("mail"), row.get("employee_id")
    made = {"mail": _plain(mail) if no_value.is_mail(mail) else None}
    if mail is not None and made["mail"] is None and not no_value.is_nothing(mail):
        reasons.append(f"the mail {mail!r} is no address: it joins nobody")
    if number is not None and no_value.is_reckoned(number):
        reasons.append(f"the number {number!r} was reckoned with: leading zeros may be lost, and it joins nobody")
        number = None
    same = made["mail"] == mail and (number is None or _plain(number) == number) and number == row.get("employee_id")
    return row if same else {**row, **made, **({"employee_id": _plain(number)} if "employee_id" in row else {})}


def _plain(text: str | None) -> str | None:
    return None if text is None else unicodedata.normalize("NFC", no_value.bare(text))


def _spans(table: str, row: Row, reasons: list[str]) -> Row:
    for first, last in _SPANS[table]:
        start, end = row.get(first), row.get(last)
        if start is None or end is None or start <= end:
            continue
        reasons.append(f"it ends ({end:%Y-%m-%d}) before it begins ({start:%Y-%m-%d}): neither is believed")
        row = {**row, first: None, last: None}
        if table == "assignments":
            row |= {"starts_latest": None, "ends_earliest": None, "status": "unknown"}
    return row


def _use(row: Row, as_of: datetime, reasons: list[str]) -> Row:
    earliest, latest, made = (row.get(name) for name in (*_USE, "created_at"))
    known = latest or earliest
    if known is not None and made is not None and known < made:
        reasons.append(f"last used ({known:%Y-%m-%d}) before it was made ({made:%Y-%m-%d}): the last use is unknown")
    elif earliest is not None and earliest > as_of + SKEW:
        reasons.append(f"last used ({earliest:%Y-%m-%d}) after it was read: the last use is unknown")
    elif row.get("never_used") and known is not None:
        reasons.append("never used, and with a last use: the last use is unknown")
    else:
        return row
    return {**row, **dict.fromkeys(_USE), **({"never_used": None} if "never_used" in row else {})}
