"""What a small change costs beside a whole review: ``python -m bench.changes FOLDER 1 100 10000``.

``FOLDER`` holds a company that was drawn before (``python -m bench all S``). It is reviewed once, and kept; then so many
grants are others (half of them gone, half new), and the change is reviewed alone, and everything after it, each in a process
of its own. Both must have the same digest, or nothing is printed. What was reviewed and kept in the folder before is taken up.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from access_review import runs, workspace
from access_review.engine import ParquetFile, open_engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.kept import KeptDatabase
from access_review.findings.buckets import root_of
from access_review.findings.reviewed_change import ReviewedChange, RowsChanged, WholeNeeded
from access_review.review import Previous, review
from access_review.snapshot import Snapshot, Stored
from access_review.stages.kept_facts import forget, keep
from access_review.stages.review_change import review_change
from access_review.store import snapshots
from access_review.tables import TABLES
from access_review.workspace import Workspace
from bench.measure import peak
from bench.tables import AS_OF

say = partial(print, flush=True)

HEAD = "| changed rows | alone, processor s | memory, GB | whole, processor s | memory, GB | times faster | judged anew | findings |"
LATER = timedelta(minutes=1)
"""As drawn, much falls due at the very moment of the snapshot: that is over before anything is measured."""


@dataclass(frozen=True)
class Company:
    """A company that was drawn, and what is made of it here."""

    folder: Path

    @cached_property
    def space(self) -> Workspace:
        """Its workspace."""
        return workspace.load(self.folder)

    @cached_property
    def taken(self) -> Snapshot:
        """Its snapshot."""
        return snapshots.load(runs.find(self.folder))

    def read(self) -> None:
        """Read workspace and manifest, which are known before either way is measured."""
        self.space.policy, self.taken.as_of  # noqa: B018 - both are kept

    @property
    def grants(self) -> Path:
        """Its grants as drawn."""
        return runs.find(self.folder).folder / "snapshot" / "grants.parquet"

    def made(self, name: str) -> Path:
        """Where something that is made here lies."""
        return self.folder / "changes" / name

    @property
    def known(self) -> Previous:
        """What is known from the first review."""
        return Previous(ParquetFile(self.made("first.parquet")))


def review_first(company: Company) -> None:
    """Review the company, with nothing known from before."""
    _review(company, company.taken, Previous(), company.made("first.parquet"))


def keep_second(company: Company) -> None:
    """Keep what a second review of the same finds: all of the first, which is not new any more."""
    again = company.made("again.parquet")
    with EmbeddedEngine(AS_OF, "2GB", small=sys.maxsize) as engine:
        engine.register("first", ParquetFile(company.made("first.parquet")))
        engine.write("SELECT * REPLACE ('open' AS status) FROM first", ParquetFile(again))
    keep(company.made("kept.duckdb"), company.taken, company.space, company.known, ParquetFile(again))
    again.unlink()
    _look(company, company.made("kept.duckdb"), {}, 1)


def _look(company: Company, file: Path, changes: Mapping[str, RowsChanged], times: int) -> ReviewedChange:
    at = company.taken.as_of + times * LATER
    with KeptDatabase(file, at, company.space.policy.engine.memory) as kept:
        return review_change(kept, company.space, at, changes)


def review_alone(company: Company, number: int) -> Mapping[str, Any]:
    """Review a change alone, in a copy of what is kept; return what came of it."""
    file = company.made("changing.duckdb")
    kept = company.made("kept.duckdb")
    for part in kept.parent.glob(f"{kept.name}*"):  # with what was written ahead
        shutil.copyfile(part, part.with_name(part.name.replace(kept.stem, file.stem, 1)))
    company.read()
    change = RowsChanged(*(pq.read_table(company.made(f"{part}-{number}.parquet")) for part in ("removed", "added")))
    try:
        found, processor = timed(partial(_look, company, file, {"grants": change}, 2))
    except WholeNeeded as why:
        return {"why": str(why)}
    finally:
        forget(file)
    judged = {"subjects": found.subjects, "findings": len(found.findings)}
    return {"processor": processor, "digest": found.digest, **judged}


def review_whole(company: Company, number: int) -> Mapping[str, Any]:
    """Review everything after a change; return what that took, and the digest by buckets of what was found."""
    company.read()
    parts = {name: company.taken.tables.part(name) for name in company.taken.tables}  # type: ignore[attr-defined]
    parts["grants"] = ParquetFile(company.made(f"grants-{number}.parquet"))
    changed = replace(company.taken, as_of=company.taken.as_of + 2 * LATER, tables=Stored(parts))
    out = company.made(f"whole-{number}.parquet")
    _, processor = timed(partial(_review, company, changed, company.known, out))
    memory = peak()
    with EmbeddedEngine(changed.as_of, "2GB", small=sys.maxsize) as engine:
        engine.register("found", ParquetFile(out))
        return {"processor": processor, "digest": root_of(engine, "found"), "memory": memory}


def _review(company: Company, snapshot: Snapshot, known: Previous, out: Path) -> None:
    partial_ = out.with_suffix(".partial")
    with open_engine(snapshot.as_of, company.space.policy.engine) as engine:
        review(snapshot, company.space, engine, known, to=ParquetFile(partial_))
    partial_.replace(out)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Call, and say how many processor seconds it took."""
    began = time.process_time()
    found = call()
    return found, time.process_time() - began


def draw_change(company: Company, number: int) -> None:
    """Take out every so-manieth grant and put as many in, of the same accounts and what others of the taken were; write all grants."""
    with EmbeddedEngine(AS_OF, "2GB", small=sys.maxsize) as engine:
        engine.register("grants", ParquetFile(company.grants))
        half = max(1, number // 2)
        picked = "SELECT * FROM grants ORDER BY hash(account || entitlement), account, entitlement LIMIT :half"
        gone = engine.query(picked, half=half).cast(TABLES["grants"].schema)
        engine.register("gone", gone)
        moved = """
            WITH one AS (SELECT *, row_number() OVER (ORDER BY account, entitlement) AS place FROM gone),
            two AS (SELECT entitlement, row_number() OVER (ORDER BY account, entitlement) % :half + 1 AS place FROM gone)
            SELECT one.* EXCLUDE (place) REPLACE (two.entitlement AS entitlement)
            FROM one JOIN two USING (place)
            WHERE NOT EXISTS (SELECT 1 FROM grants AS g WHERE g.account = one.account AND g.entitlement = two.entitlement)
        """
        new = engine.query(moved, half=half).cast(TABLES["grants"].schema) if number > 1 else gone.slice(0, 0)
    pq.write_table(gone.select(list(TABLES["grants"].key)), company.made(f"removed-{number}.parquet"))
    pq.write_table(new, company.made(f"added-{number}.parquet"))
    keys = _keys(gone)
    with pq.ParquetWriter(company.made(f"grants-{number}.parquet"), TABLES["grants"].schema) as out:
        for batch in pq.ParquetFile(company.grants).iter_batches(1_000_000):
            rows = pa.Table.from_batches([batch]).cast(TABLES["grants"].schema)
            out.write_table(rows.filter(pc.invert(pc.is_in(_keys(rows), keys))))
        out.write_table(new)


def _keys(rows: pa.Table) -> pa.ChunkedArray:
    columns = [rows[name].combine_chunks() for name in TABLES["grants"].key]
    return pc.binary_join_element_wise(*columns, "\x1f")


STEPS: Mapping[str, Callable[..., Mapping[str, Any] | None]] = {
    "first": review_first,
    "keep": keep_second,
    "draw": draw_change,
    "whole": review_whole,
    "alone": review_alone,
}


def do(step: str, folder: Path, *numbers: int) -> Mapping[str, Any]:
    """Do a step in a process of its own; return what it says, and its processor seconds and memory where it says none."""
    command = [sys.executable, "-m", "bench.changes", str(folder), *map(str, numbers), "--step", step]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout  # noqa: S603 - our own module
    found: Mapping[str, Any] = json.loads(said.splitlines()[-1])
    return found


def once(company: Company, step: str, made: str) -> None:
    """Do a step whose outcome is taken up where it is there already."""
    if not company.made(made).exists():
        found = do(step, company.folder)
        say(f"{step}: {found['processor']:.1f} processor seconds, {found['memory'] / 1e9:.1f} GB")


def measure(company: Company, number: int) -> str:
    """Return a line of the table; leave where the digests differ."""
    do("draw", company.folder, number)
    alone = do("alone", company.folder, number)
    if "why" in alone:
        return f"| {number} | reviewed whole: {alone['why']} |" + " |" * 6
    whole = do("whole", company.folder, number)
    if alone["digest"] != whole["digest"]:
        sys.exit(f"with {number} rows changed the digests differ")
    costs = [f(one) for one in (alone, whole) for f in (_seconds, _gigabytes)]
    times = f"{whole['processor'] / alone['processor']:.0f}"
    return f"| {' | '.join(map(str, [number, *costs, times, alone['subjects'], alone['findings']]))} |"


def _seconds(found: Mapping[str, Any]) -> str:
    return f"{found['processor']:.2f}"


def _gigabytes(found: Mapping[str, Any]) -> str:
    return f"{found['memory'] / 1e9:.2f}"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="bench.changes", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("numbers", type=int, nargs="*")
    parser.add_argument("--step", choices=STEPS, help="do this alone, in this process")
    asked = parser.parse_args()
    company = Company(asked.folder)
    company.made("").mkdir(exist_ok=True)
    if asked.step:
        found, processor = timed(partial(STEPS[asked.step], company, *asked.numbers))
        say(json.dumps({"processor": processor, "memory": peak(), **(found or {})}))
        return
    once(company, "first", "first.parquet")
    once(company, "keep", "kept.duckdb")
    say(HEAD, "|".join(["", *["---"] * 8, ""]), sep="\n")
    for number in asked.numbers:
        say(measure(company, number))


if __name__ == "__main__":
    main()
