"""Export: any table of a run, or who has what effectively, as a file."""

import tempfile
from pathlib import Path
from typing import IO

from access_review import export
from access_review.engine import Engine
from access_review.export import Format
from access_review.runs import Run
from access_review.store import reviews
from access_review.workspace import Workspace


def export_table(workspace: Workspace, run: Run, table: str, path: Path, form: Format) -> int:
    """Write a table of a reviewed run to ``path``; return its number of rows. Raises ``Unclear`` for no table."""
    with reviews.opened(workspace, run) as facts:
        return write_table(facts.engine, table, path, form)


def pipe_table(workspace: Workspace, run: Run, table: str, to: IO[bytes], form: Format) -> int:
    """Write a table of a reviewed run to an open stream, as a pipe is; return its number of rows.

    Raises ``Unclear`` for no table, before anything is written.
    """
    with reviews.opened(workspace, run) as facts:
        rows = export.write(facts.engine, table, to, form)
    to.flush()
    return rows


def write_table(engine: Engine, table: str, path: Path, form: Format) -> int:
    """Write a table to ``path``, whole or not at all (0600), and return its number of rows; raises ``Unclear`` for no table."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".export-", delete=False) as file:
        partial = Path(file.name)
        try:
            rows = export.write(engine, table, file, form)
            file.flush()
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    return rows
