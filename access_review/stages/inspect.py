"""Inspect: look at files before anything is configured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from access_review.draft.file_kinds import FileKind, KindGuess
from access_review.draft.inspection import FilesLook, TableLook, inspect_tables, missing
from access_review.draft.meanings import ColumnMeaning, Sureness
from access_review.draft.sources import foreign_letters
from access_review.draft.turned import turned
from access_review.stages.found_files import FoundExport, FoundFiles, read_files


@dataclass(frozen=True, slots=True)
class Inspection:
    """What files are, each and together. Accounts that a connector read are a table of their own."""

    found: FoundFiles
    look: FilesLook

    def table(self, name: str) -> TableLook:
        """Return the look at one table, or at the accounts of one export."""
        return next(table for table in self.look.tables if table.name == name)


def inspect_files(paths: Sequence[Path], as_of: datetime) -> Inspection:
    """Look at files and folders; raises ``Unclear`` for a path that is not there."""
    found = read_files(paths, as_of)
    across = {name: table for name, one in found.tables.items() if (table := turned(one.table)) is not None}
    found = replace(
        found,
        tables={n: replace(one, table=across.get(n, one.table), turned=n in across) for n, one in found.tables.items()},
    )
    tables = {name: one.table for name, one in found.tables.items()}
    accounts = {name: one.accounts for name, one in found.exports.items()}
    look = inspect_tables(tables | accounts, apart=accounts.keys())
    settled = tuple(
        _as_export(t, found.exports[t.name])
        if t.name in found.exports
        else _as_read(t, found.tables[t.name].reading.get("encoding"), across=t.name in across)
        for t in look.tables
    )
    listed = any(export.rows.get("grants") for export in found.exports.values())
    used = any(export.used for export in found.exports.values())
    lacks = missing(settled, look.series, listed=listed, used=used)
    return Inspection(found, replace(look, tables=settled, missing=lacks))


def _as_read(look: TableLook, encoding: str | None, *, across: bool) -> TableLook:
    """Say of a matrix that it was turned, and ask about letters where a file is read by an encoding that it does not name."""
    if across:
        because = f"people stand across, and it was turned: {look.guess.because}"
        look = replace(look, guess=replace(look.guess, because=because))
    return replace(look, questions=(*look.questions, foreign_letters(encoding))) if encoding else look


def _as_export(look: TableLook, export: FoundExport) -> TableLook:
    """Say of accounts what a connector says: nothing about them is a guess."""
    meanings = tuple(
        ColumnMeaning(name, (name,), Sureness.SURE, f"the connector {export.connector} reads it")
        for name in ("native_id", "mail", "employee_id", "display_name")
    )
    guess = KindGuess(FileKind.HOLDINGS, f"read by the connector {export.connector}", meanings)
    return replace(look, guess=guess, attributes=(), left_out=(), composite=(), questions=(), status=None)
