"""What a small change costs beside a whole review: ``python -m bench.changes FOLDER 1 100 10000``.

``FOLDER`` holds a company that was drawn before (``python -m bench all S``). It is reviewed once, and kept; then so many
grants are others (half of them gone, half new), the change is reviewed alone and then everything, by turns, in this one
process. Both must have the same digest, or nothing is printed.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from access_review import runs, workspace
from access_review.engine import ParquetFile, open_engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.kept import KeptDatabase
from access_review.findings.buckets import root_of
from access_review.findings.reviewed_change import RowsChanged, WholeNeeded
from access_review.review import Previous, review
from access_review.snapshot import Snapshot, Stored
from access_review.stages.kept_facts import keep
from access_review.stages.review_change import review_change
from access_review.store import snapshots
from access_review.tables import TABLES
from bench.tables import AS_OF

say = partial(print, flush=True)

HEAD = "| changed rows | alone, s | processor, s | whole, s | processor, s | times faster (processor) | judged anew | findings |"


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and of the processor."""

    wall: float
    processor: float


def timed(call: Callable[[], Any]) -> tuple[Any, Cost]:
    """Call, and say what it cost."""
    wall, processor = time.perf_counter(), time.process_time()
    found = call()
    return found, Cost(time.perf_counter() - wall, time.process_time() - processor)


def other_grants(grants: Path, number: int, scratch: Path) -> tuple[RowsChanged, Path]:
    """Take out every so-manieth grant and put as many in, of the same accounts and what others of the taken were; write the rest."""
    with EmbeddedEngine(AS_OF, small=sys.maxsize) as engine:
        engine.register("grants", ParquetFile(grants))
        half = max(1, number // 2)
        sql = """
            WITH placed AS (SELECT *, row_number() OVER (ORDER BY hash(account || entitlement), account, entitlement) AS place FROM grants)
            SELECT * EXCLUDE (place) FROM placed WHERE place <= :half
        """
        gone = engine.query(sql, half=half).cast(TABLES["grants"].schema)
        engine.register("gone", gone)
        moved = """
            WITH one AS (SELECT *, row_number() OVER (ORDER BY account, entitlement) AS place FROM gone),
            two AS (SELECT entitlement, row_number() OVER (ORDER BY account, entitlement) % :half + 1 AS place FROM gone)
            SELECT one.* EXCLUDE (place) REPLACE (two.entitlement AS entitlement)
            FROM one JOIN two USING (place)
            WHERE NOT EXISTS (SELECT 1 FROM grants AS g WHERE g.account = one.account AND g.entitlement = two.entitlement)
        """
        new = engine.query(moved, half=half).cast(TABLES["grants"].schema) if number > 1 else gone.slice(0, 0)
        engine.register("fresh", new)
        path = scratch / f"grants-{number}.parquet"
        rest = """
            SELECT * FROM (
                SELECT * FROM grants ANTI JOIN gone USING (account, entitlement, mode) UNION ALL SELECT * FROM fresh
            ) AS every ORDER BY account, entitlement, mode
        """
        engine.write(rest, ParquetFile(path))
    return RowsChanged(gone.select(list(TABLES["grants"].key)), new), path


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="bench.changes", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("numbers", type=int, nargs="+")
    asked = parser.parse_args()
    scratch = asked.folder / "changes"
    scratch.mkdir(exist_ok=True)
    space, taken = workspace.load(asked.folder), snapshots.load(runs.find(asked.folder))
    first = scratch / "first.parquet"

    def whole(snapshot: Snapshot, known: Previous, out: Path) -> None:
        with open_engine(snapshot.as_of, space.policy.engine) as engine:
            review(snapshot, space, engine, known, to=ParquetFile(out))

    _, cost = timed(partial(whole, taken, Previous(), first))
    say(f"first whole review: {cost}")
    known, file, again = Previous(ParquetFile(first)), scratch / "kept.duckdb", scratch / "again.parquet"
    _, cost = timed(partial(whole, taken, known, again))
    say(f"reviewed again: {cost}")
    _, cost = timed(partial(keep, file, taken, space, known, ParquetFile(again)))
    say(f"kept: {cost}, {file.stat().st_size / 1e9:.2f} GB")
    say(HEAD, "|".join(["", *["---"] * 8, ""]), sep="\n")
    grants = runs.find(asked.folder).folder / "snapshot" / "grants.parquet"
    parts = {name: taken.tables.part(name) for name in taken.tables}  # type: ignore[attr-defined]
    at = taken.as_of
    back: RowsChanged | None = None
    for number in asked.numbers:
        change, path = other_grants(grants, number, scratch)
        with KeptDatabase(file, at, space.policy.engine.memory) as kept:
            # As drawn, much falls due at the very moment of the snapshot: that is over before anything is measured.
            at += timedelta(minutes=1)
            review_change(kept, space, at, {} if back is None else {"grants": back})
            at += timedelta(minutes=1)
            try:
                alone, little = timed(partial(review_change, kept, space, at, {"grants": change}))
            except WholeNeeded as why:
                say(f"| {number} | reviewed whole: {why} |" + " |" * 6)
                back = None
                continue
        changed = replace(taken, as_of=at, tables=Stored(parts | {"grants": ParquetFile(path)}))
        out = scratch / "whole.parquet"
        _, all_ = timed(partial(whole, changed, known, out))
        with EmbeddedEngine(at, small=sys.maxsize) as engine:
            engine.register("found", ParquetFile(out))
            same = root_of(engine, "found") == alone.digest
        if not same:
            sys.exit(f"with {number} rows changed the digests differ")
        cells = [
            number,
            f"{little.wall:.2f}",
            f"{little.processor:.2f}",
            f"{all_.wall:.1f}",
            f"{all_.processor:.1f}",
            f"{all_.processor / little.processor:.0f}",
            alone.subjects,
            len(alone.findings),
        ]
        say(f"| {' | '.join(map(str, cells))} |")
        back = undone(grants, change)
        path.unlink()
    say(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def undone(grants: Path, change: RowsChanged) -> RowsChanged:
    """Return the change that takes a change back."""
    key = list(TABLES["grants"].key)
    with EmbeddedEngine(AS_OF, small=sys.maxsize) as engine:
        engine.register("grants", ParquetFile(grants))
        engine.register("gone", change.removed)
        rows = engine.query(f"SELECT grants.* FROM grants SEMI JOIN gone USING ({', '.join(key)})")
    return RowsChanged(change.added.select(key), rows.cast(TABLES["grants"].schema))


if __name__ == "__main__":
    main()
