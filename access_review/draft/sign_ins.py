"""Logs of sign-ins, a row each time: the source that reads one, and whose accounts stand in it. Pure.

A log is no list of accounts: read as one it would hold each application that somebody opened, and whether an attempt
went well would be whether the account can be used. It belongs to the accounts of another file, which it names by an id
or a login; without that file nothing can be said by it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import meant
from access_review.draft.inspection import FilesLook, TableLook
from access_review.draft.joins import ColumnJoin, JoinStep
from access_review.draft.meanings import ColumnMeaning
from access_review.draft.shapes import NO, YES
from access_review.draft.sources import OptionLine, SourceAnswers, SourceDraft

_FIELDS = ("signin", "at", "success", "country", "device", "application", "address", "managed", "compliant")
_WORDED = ("success", "managed", "compliant")
_LEAST = 0.8
"""Share of the accounts in a log that another file must have: some are deleted since."""
_WELL = YES | frozenset(
    ["success", "successful", "succeeded", "passed", "allow", "allowed", "granted", "erfolg", "erfolgreich"]
)
_ILL = NO | frozenset(
    [
        "failure",
        "failed",
        "fail",
        "denied",
        "deny",
        "blocked",
        "interrupted",
        "error",
        "rejected",
        "fehler",
        "fehlgeschlagen",
    ]
)


@dataclass(frozen=True, slots=True)
class SignInAccounts:
    """The ``column`` of a log that names accounts, by the ``scheme`` of aliases that a source gives them."""

    column: str
    scheme: str
    because: str


def accounts_of_log(log: TableLook, files: FilesLook, schemes: Mapping[tuple[str, str], str]) -> SignInAccounts | None:
    """Return how a log names the accounts of one other file; ``schemes`` are by that file and its column, the surest first.

    Nothing where no file has them, or two have what the log names them by: then it is nobody's.
    """
    order = list(dict.fromkeys(schemes.values()))
    fits = [join for join in files.joins if join.file == log.name and _fits(join, schemes)]
    for scheme in order:
        found = [join for join in fits if schemes[join.other_file, join.other_column] == scheme]
        for column in dict.fromkeys(join.column for join in found):
            if len(alone := [join for join in found if join.column == column]) == 1:
                (join,) = alone
                because = f"{join.best.rate:.0%} of its values are {join.other_column} of {join.other_file}"
                return SignInAccounts(column, scheme, because)
    return None


def _fits(join: ColumnJoin, schemes: Mapping[tuple[str, str], str]) -> bool:
    return (
        (join.other_file, join.other_column) in schemes
        and join.best.rate >= _LEAST
        and join.best.step in {JoinStep.EXACT, JoinStep.CASE}
    )


def sign_in_source(
    name: str, look: TableLook, path: str, reading: Mapping[str, Any], answers: SourceAnswers, accounts: SignInAccounts
) -> SourceDraft:
    """Describe a log whose accounts are known."""
    found = {m.field: m for m in look.guess.meanings if m.columns[0] != accounts.column}
    columns = [OptionLine("account", accounts.column, accounts.because)]
    columns += [_line(one, found[one]) for one in _FIELDS if one in found]
    options = [
        OptionLine("path", path),
        *(OptionLine(key, value, "seen in the file") for key, value in reading.items()),
        OptionLine("table", "signins", look.guess.because),
        OptionLine("references", {"account": accounts.scheme}, "a log has no accounts of its own"),
    ]
    doubts = list(look.unread)
    at = _column(look, found["at"])
    if at.dates and at.dates.format:
        form = at.dates.format + (at.dates.clock or "")
        options.append(OptionLine("dates", form, at.dates.sentence))
        if not form.endswith("%z"):
            utc = re.search(r"\b(utc|gmt)\b", meant(at.name))
            options.append(
                OptionLine("timezone", "UTC" if utc else answers.zone, "its header" if utc else "asked for, or UTC")
            )
    else:
        doubts.append(f"{at.name} is written in no form that is known: say it under dates")
    for one in _WORDED:
        words, unknown = _words(_column(look, found[one])) if one in found else ({}, [])
        if words and one != "compliant":
            options.append(OptionLine(one, words, "by the words of the column"))
        if unknown:
            doubts.append(
                f"what {', '.join(unknown)} mean under {found[one].columns[0]} is not known: put them under {one}"
            )
    about = (f"{look.name}: {look.guess.kind}, {look.rows:,} rows: {look.guess.because}.",)
    return SourceDraft(name, "table", about, tuple(options), tuple(columns), (), tuple(doubts))


def _words(column: ColumnLook) -> tuple[dict[str, list[str]], list[str]]:
    """Return which words of a column say yes and no, and those that say neither."""
    said = [one.word for one in column.words]
    yes, no = ([word for word in said if word.casefold() in known] for known in (_WELL, _ILL))
    words = {"yes": yes or ["true"], "no": no or ["false"]} if said else {}
    return words, [word for word in said if word not in {*yes, *no}]


def _line(name: str, meaning: ColumnMeaning) -> OptionLine:
    return OptionLine(name, meaning.columns[0], f"{meaning.sureness}: {meaning.because}")


def _column(look: TableLook, meaning: ColumnMeaning) -> ColumnLook:
    return next(column for column in look.columns if column.name == meaning.columns[0])
