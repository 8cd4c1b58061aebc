"""What files are, for the terminal and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

from access_review.draft.columns import ColumnLook
from access_review.draft.date_forms import DateLook
from access_review.draft.inspection import FilesLook, TableLook
from access_review.draft.joins import ColumnJoin
from access_review.draft.meanings import ColumnMeaning
from access_review.views.terminal import table
from access_review.views.text import count, listed, visible

FORMAT = "access-review/inspection@1"
_JOINS = 3  # of two files
_COLUMNS = 40
_UNREAD = 5
_BRIEF = 160


class ExportLook(TypedDict):
    """A system's own export: its connector, how many rows of each table it gives, and what was not read whole."""

    connector: str
    rows: dict[str, int]
    unread: list[str]


class MeaningValue(TypedDict):
    """Columns that are taken for a field, how sure that is and why."""

    field: str
    columns: list[str]
    sureness: str
    because: str


class DatesValue(TypedDict):
    """How dates are written, whether day or month comes first, and what shows it."""

    format: str | None
    order: str
    evidence: str


class ColumnValue(TypedDict):
    """A column: ``filled``, ``different`` and the counts are of values; ``samples`` are masked.

    ``parted`` is what parts several values in one cell, if anything does.
    """

    column: str
    form: str
    filled: int
    different: int
    blanks_around: int
    leading_zeros: int
    shapes: dict[str, int]
    words: dict[str, int]
    samples: list[str]
    dates: DatesValue | None
    parted: str | None


class DecisionColumn(TypedDict):
    """The column that says what was decided about a row, and its words for kept and revoked."""

    column: str
    kept: list[str]
    revoked: list[str]


class TableValue(TypedDict):
    """A file; what it does not have is null. ``statuses`` counts the words of each status."""

    file: str
    kind: str
    because: str
    rows: int
    export: ExportLook | None
    meanings: list[MeaningValue]
    attributes: list[str]
    left_out: list[str]
    statuses: dict[str, dict[str, int]] | None
    names: str | None
    manager_by: str | None
    composite: list[str]
    entitlement_columns: int
    decision: DecisionColumn | None
    questions: list[str]
    columns: list[ColumnValue]


class StepRate(TypedDict):
    """How many values are found after a step, and as a share (0 to 1)."""

    step: str
    found: int
    rate: float


class JoinValue(TypedDict):
    """A column whose values stand in a column of another file; ``unmatched`` are some of those that do not."""

    file: str
    column: str
    other_file: str
    other_column: str
    values: int
    rates: list[StepRate]
    ambiguous: int
    unmatched: list[str]


class IgnoredValue(TypedDict):
    """A file that was not looked at, and why."""

    file: str
    reason: str


class InspectionValue(TypedDict):
    """A look at files: ``series`` are files of the same columns, ``missing`` is what none of them tells."""

    format: str
    files: list[TableValue]
    joins: list[JoinValue]
    series: list[list[str]]
    missing: list[str]
    ignored: list[IgnoredValue]


def value(look: FilesLook, exports: Mapping[str, ExportLook], ignored: Sequence[tuple[str, str]]) -> InspectionValue:
    """Return a look at files as JSON; samples are masked."""
    return {
        "format": FORMAT,
        "files": [_table_value(one, exports.get(one.name)) for one in look.tables],
        "joins": [_join_value(join) for join in look.joins],
        "series": [list(files) for files in look.series],
        "missing": list(look.missing),
        "ignored": [{"file": file, "reason": reason} for file, reason in ignored],
    }


def _table_value(look: TableLook, export: ExportLook | None) -> TableValue:
    return {
        "file": look.name,
        "kind": str(look.guess.kind),
        "because": look.guess.because,
        "rows": look.rows,
        "export": export,
        "meanings": [
            {"field": m.field, "columns": list(m.columns), "sureness": str(m.sureness), "because": m.because}
            for m in look.guess.meanings
        ],
        "attributes": list(look.attributes),
        "left_out": list(look.left_out),
        "statuses": {
            name: {w.word: w.rows for w in getattr(look.status, name)}
            for name in ("active", "leave", "left", "unknown")
        }
        if look.status
        else None,
        "names": look.names,
        "manager_by": look.manager_by,
        "composite": list(look.composite),
        "entitlement_columns": len(look.guess.marked),
        "decision": {
            "column": look.guess.decision,
            "kept": list(look.guess.kept),
            "revoked": list(look.guess.revoked),
        }
        if look.guess.decision
        else None,
        "questions": list(look.questions),
        "columns": [_column_value(column) for column in look.columns],
    }


def _dates(look: DateLook) -> DatesValue:
    return {"format": look.format, "order": str(look.order), "evidence": look.sentence}


def _column_value(column: ColumnLook) -> ColumnValue:
    return {
        "column": column.name,
        "form": str(column.form),
        "filled": column.filled,
        "different": column.distinct,
        "blanks_around": column.blanks_around,
        "leading_zeros": column.leading_zeros,
        "shapes": dict(column.shapes),
        "words": {word.word: word.rows for word in column.words},
        "samples": list(column.samples),
        "dates": _dates(column.dates) if column.dates else None,
        "parted": column.parted,
    }


def _join_value(join: ColumnJoin) -> JoinValue:
    return {
        "file": join.file,
        "column": join.column,
        "other_file": join.other_file,
        "other_column": join.other_column,
        "values": join.values,
        "rates": [{"step": str(r.step), "found": r.found, "rate": round(r.rate, 4)} for r in join.rates],
        "ambiguous": join.clashes,
        "unmatched": list(join.unmatched),
    }


def text(
    look: FilesLook, exports: Mapping[str, ExportLook], ignored: Sequence[tuple[str, str]], *, width: int = 100
) -> str:
    """Say what files are, how sure that is, how they join, and what they do not tell."""
    parts = ["\n".join(_table_lines(one, exports.get(one.name), width)) for one in look.tables]
    parts += [
        f"{listed(files, 12)} have the same columns: one list at several times, or in several parts."
        for files in look.series
    ]
    joins = [join.sentence for join in _best(look.joins)]
    if joins:
        parts.append("\n".join(("What joins", *(f"  {visible(sentence)}" for sentence in joins))))
    if look.missing:
        parts.append("\n".join(("What these files do not tell", *(f"  {sentence}" for sentence in look.missing))))
    if ignored:
        parts.append("\n".join(("Ignored", *(f"  {visible(file)}: {visible(reason)}" for file, reason in ignored))))
    return "\n\n".join(parts) if parts else "No file is named, or the folders are empty."


def _best(joins: Sequence[ColumnJoin]) -> Iterator[ColumnJoin]:
    """Yield the joins worth reading: the best few of each two files."""
    shown: dict[tuple[str, str], int] = {}
    for join in joins:
        pair = (join.file, join.other_file)
        shown[pair] = shown.get(pair, 0) + 1
        if shown[pair] <= _JOINS:
            yield join


def _table_lines(look: TableLook, export: ExportLook | None, width: int) -> Iterator[str]:
    rows = count(look.rows, "row")
    if export:
        inside = ", ".join(f"{number:,} {name}" for name, number in export["rows"].items())
        yield f"{visible(look.name)}: {look.guess.because}: {inside}"
        yield f"  accounts of people: {look.rows:,}"
        yield from (f"  not read whole: {_brief(visible(reason))}" for reason in export["unread"][:_UNREAD])
        if len(export["unread"]) > _UNREAD:
            yield f"  not read whole: {len(export['unread']) - _UNREAD} more; all of them: inspect --json"
    else:
        yield f"{visible(look.name)}: {look.guess.kind}, {rows}: {look.guess.because}"
    meant = {column: m for m in look.guess.meanings for column in m.columns}
    lines = [
        (
            visible(column.name),
            _meaning(look, column.name, meant),
            f"{column.form}, parted by {column.parted}" if column.parted else str(column.form),
            f"{column.filled:,}",
            f"{column.distinct:,}",
            listed(column.samples, 3),
        )
        for column in look.columns[:_COLUMNS]
        if column.name not in look.guess.marked
    ]
    if lines:
        drawn = table(("column", "taken for", "form", "filled", "different", "such as"), lines, numbers=(3, 4))
        yield from (f"  {line[: max(width, 60) - 2].rstrip()}" for line in drawn.splitlines())
    if look.guess.marked:
        yield f"  entitlements: {listed(look.guess.marked, 5)}"
    yield from (
        f"  {visible(column.name)}: {visible(column.dates.sentence)}" for column in look.columns if column.dates
    )
    if look.status:
        yield f"  {visible(look.status.column)}: {visible(look.status.sentence)}"
    if look.guess.decision:
        yield f"  kept: {listed(look.guess.kept)}; revoked: {listed(look.guess.revoked)}"
    if look.names:
        said = {"split": "first and last name apart", "joined": "in one column"}
        yield f"  names of people: {said.get(look.names, look.names)}"
    if look.manager_by:
        yield f"  managers are named by {look.manager_by}"
    if look.composite:
        yield f"  no column says who: {' + '.join(map(visible, look.composite))} tell people apart best"
    yield from (f"  ? {visible(question)}" for question in look.questions)


def _brief(reason: str) -> str:
    return reason if len(reason) <= _BRIEF else f"{reason[: _BRIEF - 1].rstrip()}…"


def _meaning(look: TableLook, column: str, meant: Mapping[str, ColumnMeaning]) -> str:
    if column in meant:
        meaning = meant[column]
        return meaning.field if meaning.sureness == "sure" else f"{meaning.field} ({meaning.sureness})"
    if column == look.guess.decision:
        return "the decision"
    if column in look.left_out:
        return "left out: personal"
    return "attribute" if column in look.attributes else "·"
