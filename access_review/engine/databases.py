"""The databases behind the embedded engine: how one is opened, and those of small companies that are kept for the next.

One command often establishes the same facts several times: to review, to draw, to report, to look again before it takes
anything away. What was put into a database since is taken back before another engine gets it, so that it has the facts and
nothing else.
"""

import atexit
import warnings
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from access_review.engine import scratch

if TYPE_CHECKING:
    import duckdb

KEPT = 2
"""So many are kept; the one that was used longest ago is emptied."""

EMPTIED = 8
"""So often a database is emptied before it is closed: what DuckDB holds on to in an emptied one adds up, a megabyte each time."""


@dataclass(frozen=True, slots=True)
class SpareDatabase:
    """A database with what was made of something, and what its engine knows of its tables: kind, rows registered, rows."""

    made_of: object
    memory: str
    threads: int | None
    database: "duckdb.DuckDBPyConnection"
    scratch: Path
    known: dict[str, str]
    rows: dict[str, int]
    counts: dict[str, int]


_UNWANTED = ("cte_inlining", "common_subplan", "partitioned_execution", "build_side_probe_side")
"""What DuckDB does to plans and must not.

The first three copy every value of every enumeration for each operator: with a million
ids, planning took 50 of 180 processor seconds of a review, and 4 of its 7 GB; with ten
million, one statement took 17 GB. The last turns joins round by estimates that are far
too low once a few flags are filtered by; so statements name the many before JOIN, and
the few, of which a table is built, behind it.
"""


def connect(memory: str, threads: int | None) -> tuple["duckdb.DuckDBPyConnection", Path]:
    """Return an empty database in memory, and its scratch folder, to which it spills beyond what it may take.

    To open one takes ten times longer than to empty one that a small company had, so such a one is taken where there is one.
    """
    with _lock:
        ready = next((one for one in _emptied if (one.memory, one.threads) == (memory, threads)), None)
        if ready:
            _emptied.remove(ready)
    if ready:
        scratch.make_again(ready.scratch)
        return ready.database, ready.scratch
    folder = scratch.make()
    database = _open(":memory:", folder, memory, threads)
    _begin(database)
    return database, folder


BLOCK = 65_536
"""So many bytes of a file are read at once, a quarter of what is usual: what is looked up lies all over it, and with fewer it takes longer to write."""


def open_file(file: Path, memory: str, threads: int | None) -> tuple["duckdb.DuckDBPyConnection", Path]:
    """Return the database in a file, and its scratch folder; raises ``OSError`` for one that cannot be opened."""
    import duckdb

    folder = scratch.make()
    try:
        database = _open(str(file), folder, memory, threads, default_block_size=BLOCK)
        # Whoever has it open says when what was written ahead goes into the file: to close one often is to take no longer for that.
        database.execute("PRAGMA disable_checkpoint_on_shutdown")
    except duckdb.Error as error:
        scratch.remove(folder)
        raise OSError(str(error)) from error
    return database, folder


def _open(where: str, folder: Path, memory: str, threads: int | None, **more: Any) -> "duckdb.DuckDBPyConnection":
    import duckdb

    # Nothing is loaded from outside, and a statement in a snapshot's text can reach no file.
    settings: dict[str, Any] = {
        "memory_limit": memory,
        "temp_directory": str(folder / "duckdb"),
        "autoinstall_known_extensions": False,
        "preserve_insertion_order": False,
        **more,
    }
    if threads:
        settings["threads"] = threads
    database = duckdb.connect(where, config=settings)
    database.execute("SET TimeZone = 'UTC'")
    database.execute("SET enable_progress_bar = FALSE")
    return database


PARSED = 1_000
"""So many statements are remembered as DuckDB parsed them: to parse takes a fifth of a small review, and one process says much twice."""

_parsed: dict[str, "duckdb.Statement"] = {}


def parsed(database: "duckdb.DuckDBPyConnection", text: str) -> "duckdb.Statement":
    """Return a statement as DuckDB parsed it, which binds it anew each time; it is of no connection."""
    found = _parsed.get(text)
    if found is None:
        (found,) = database.extract_statements(text)
        if len(_parsed) >= PARSED:
            _parsed.clear()
        _parsed[text] = found
    return found


def copied(result: "duckdb.DuckDBPyConnection") -> pa.Table:
    """Return the rows of a result that is not many."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)
        return result.to_arrow_table()


_STANDING = """
    SELECT table_name, 'TABLE', estimated_size FROM duckdb_tables() WHERE schema_name = current_schema()
    UNION ALL SELECT view_name, 'VIEW', NULL FROM duckdb_views() WHERE schema_name = current_schema() AND NOT internal
"""


def standing(database: "duckdb.DuckDBPyConnection") -> tuple[dict[str, str], dict[str, int]]:
    """Return what is in a database: the kind of each table and view, and how many rows each table has, or had before some went."""
    found = database.execute(_STANDING).fetchall()
    return {name: kind for name, kind, _ in found}, {name: rows for name, _, rows in found if rows is not None}


def _begin(database: "duckdb.DuckDBPyConnection") -> None:
    """Make the schema in which everything of one engine stands."""
    database.execute(f"SET disabled_optimizers = '{','.join(_UNWANTED)}'")
    database.execute(f"CREATE SCHEMA {_SCHEMA}")
    database.execute(f"SET schema = '{_SCHEMA}'")


_SCHEMA = "review"


@dataclass(frozen=True, slots=True)
class _Emptied:
    database: "duckdb.DuckDBPyConnection"
    memory: str
    threads: int | None
    scratch: Path


def _empty(old: SpareDatabase) -> None:
    """Take everything out of a database, for the next; close it where enough are ready. The lock is held."""
    ((times,),) = old.database.execute("SELECT coalesce(getvariable('emptied'), 0) + 1").fetchall()
    if len(_emptied) >= KEPT or times >= EMPTIED:
        old.database.close()
        return
    old.database.execute("SET VARIABLE emptied = $times", {"times": times})
    old.database.execute(f"DROP SCHEMA {_SCHEMA} CASCADE")
    _begin(old.database)
    _emptied.append(_Emptied(old.database, old.memory, old.threads, old.scratch))


_emptied: list[_Emptied] = []
_spare: list[SpareDatabase] = []
_lock = Lock()


def take(made_of: object) -> SpareDatabase | None:
    """Return a database in which exactly this was made, which is its taker's then."""
    with _lock:
        for place, one in enumerate(_spare):
            if one.made_of == made_of:
                return _spare.pop(place)
    return None


def give(database: SpareDatabase) -> None:
    """Keep a database in which there is nothing but what was made; its scratch folder is gone."""
    with _lock:
        _spare.append(database)
        for old in _spare[:-KEPT]:
            _empty(old)
        del _spare[:-KEPT]


@atexit.register
def close() -> None:
    """Close those that nobody took."""
    with _lock:
        for database in [one.database for one in _spare] + [one.database for one in _emptied]:
            database.close()
        _spare.clear()
        _emptied.clear()
