"""Exports of learning systems: who was to do which course by when, and did; and the source that reads one."""

from collections.abc import Mapping
from typing import Any

from access_review.draft.columns import ColumnLook
from access_review.draft.inspection import TableLook
from access_review.draft.meanings import ColumnMeaning
from access_review.draft.sources import OptionLine, SourceAnswers, SourceDraft

_TIMES = ("assigned", "due", "done", "until")


def training_source(
    name: str, look: TableLook, path: str, reading: Mapping[str, Any], answers: SourceAnswers
) -> SourceDraft:
    """Describe an export of courses; people stand in it by their number, or by their mail."""
    found = {meaning.field: meaning for meaning in look.guess.meanings}
    by_mail = "employee_id" not in found
    person = found["mail" if by_mail else "employee_id"]
    columns = [_line("person", person), _line("course", found["course"])]
    form = _form(_column(look, found["done"].columns[0]))
    doubts = list(look.unread)
    for one in _TIMES:
        if one not in found:
            continue
        if form is not None and _form(_column(look, found[one].columns[0])) in {form, ""}:
            columns.append(_line(one, found[one]))
        else:
            doubts.append(
                f"{found[one].label} is left out: its dates are not clear, or written otherwise than the others"
            )
    options = [
        OptionLine("path", path),
        *(OptionLine(key, value, "seen in the file") for key, value in reading.items()),
    ]
    options.append(OptionLine("table", "training", look.guess.because))
    if form:
        options.append(OptionLine("dates", form, _sentence(look, found["done"])))
        options.append(OptionLine("timezone", answers.zone, "asked for, or UTC"))
    if by_mail:
        options.append(OptionLine("references", {"person": "person-mail"}, "no column has the numbers of people"))
    about = (f"{look.name}: {look.guess.kind}, {look.rows:,} rows: {look.guess.because}.",)
    return SourceDraft(name, "table", about, tuple(options), tuple(columns), (), tuple(doubts))


def _line(name: str, meaning: ColumnMeaning) -> OptionLine:
    return OptionLine(name, meaning.columns[0], f"{meaning.sureness}: {meaning.because}")


def _column(look: TableLook, name: str) -> ColumnLook:
    return next(column for column in look.columns if column.name == name)


def _form(column: ColumnLook) -> str | None:
    """Return how the dates of a column are written; empty where there are none, nothing where that is not clear."""
    if not column.filled:
        return ""
    if column.dates is None or column.dates.format is None or (column.dates.timed and column.dates.clock is None):
        return None
    return column.dates.format + (column.dates.clock or "")


def _sentence(look: TableLook, meaning: ColumnMeaning) -> str:
    dates = _column(look, meaning.columns[0]).dates
    return dates.sentence if dates else ""
