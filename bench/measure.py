"""Time, processor time and memory of a way, in a process of its own, and a digest of the rows it wrote."""

import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """One way at one size: medians over the runs. Seconds and bytes."""

    size: str
    way: str
    seconds: float
    processor: float
    memory: int
    rows: int
    digest: str
    runs: int


def once(way: str, folder: Path, out: Path, limit: float) -> tuple[float, float, int] | None:
    """Run one way; return seconds, processor seconds and greatest memory, or None when it failed or took too long.

    What the system says of a process that has ended counts what its parent held when it was made: a way that took 0.2 GB
    was said to take the 5 GB of a company drawn before it. So each says itself what it held at most, once it is done.
    """
    command = [sys.executable, "-m", "bench", "run", way, str(folder), str(out)]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - our own module
        while True:
            found, status, used = os.wait4(process.pid, os.WNOHANG)
            if found:
                process.returncode = os.waitstatus_to_exitcode(status)
                break
            if time.monotonic() - began > limit:
                process.kill()
            time.sleep(0.02)
        seconds = time.monotonic() - began
        said = process.stdout.read().decode() if process.stdout else ""
    if process.returncode:
        return None
    return seconds, used.ru_utime + used.ru_stime, int(said.split()[-1])


def peak() -> int:
    """Return how many bytes this process held at most since it began to run its program, or the largest that it started."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = Path("/proc/self/status")
    if status.is_file():
        (own,) = (int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return 1024 * max(own, _largest_started())


def _largest_started() -> int:
    """Return the kilobytes of the largest process that this one waited for; 0 where it started none, as most ways do."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def digest(path: Path) -> tuple[int, str]:
    """Return how many rows a file has and a digest of them in whatever order they stand."""
    import duckdb

    names = "account, entitlement, verdict" if "verdict" in _columns(path) else "finding, status, risk, facts"
    rows = f"SELECT hash({names}) AS h FROM read_parquet('{path}')"
    found = (
        duckdb.connect().execute(f"SELECT count(*), coalesce(CAST(sum(h) AS VARCHAR), '0') FROM ({rows})").fetchall()
    )
    return int(found[0][0]), str(found[0][1])


def _columns(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    names: list[str] = pq.read_schema(path).names
    return names


def measure(size: str, folder: Path, ways: list[str], repeat: int, limit: float) -> list[Measured]:
    """Run all ways in turn, ``repeat`` times over, so that a slow hour of the machine is slow for all."""
    seen: dict[str, list[tuple[float, float, int]]] = {way: [] for way in ways}
    written: dict[str, tuple[int, str]] = {}
    failed: set[str] = set()
    for number in range(repeat):
        for way in ways:
            out = folder / "out.parquet"
            out.unlink(missing_ok=True)
            found = None if way in failed else once(way, folder, out, limit)
            if found is None:
                failed.add(way)
                continue
            seen[way].append(found)
            written[way] = digest(out)
            print(f"{size} {number + 1}/{repeat} {way}: {found[0]:.1f} s, {found[2] / 1e9:.1f} GB", flush=True)  # noqa: T201
            out.unlink()
    return [_median(size, way, seen[way], *written[way]) for way in ways if seen[way]]


def _median(size: str, way: str, found: list[tuple[float, float, int]], rows: int, of: str) -> Measured:
    seconds, processor, memory = (statistics.median(column) for column in zip(*found, strict=True))
    return Measured(size, way, round(seconds, 2), round(processor, 2), int(memory), rows, of, len(found))


def start_up(repeat: int = 7) -> float:
    """Return the median seconds of ``access-review --help``."""
    times = []
    for _ in range(repeat):
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "access_review", "--help"], check=True, capture_output=True)
        times.append(time.monotonic() - began)
    return round(statistics.median(times), 2)


def as_json(found: list[Measured]) -> list[dict[str, Any]]:
    """Return measurements as plain values."""
    return [asdict(one) for one in found]
