"""Reading one tenant beside Microsoft's own SDK: same service, same objects and properties, same run.

``python -m bench.read_graph --sdk-python PYTHON`` serves the simulated tenant from a
process of its own over HTTPS, with throttling off, and lets each reader read it in a
process of its own, in turn; PYTHON is an interpreter that has ``msgraph-sdk``. ``--delay``
is the time a request is under way, in milliseconds. The SDK reads as its documentation shows it (one request after the
other, pages of a hundred), and as somebody would write it who knows the limits: the
largest pages, as many requests side by side as ours.

Seconds are those of the reading, without starting Python and importing. Ours makes rows with references and
verdicts, the SDK its objects. Units are Microsoft's published prices, counted by the service.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.read_ad import measured
from tests.simulated_tenant import tenants
from tests.simulated_tenant.metering import units
from tests.simulated_tenant.side_by_side import SCRIPT, own, plan
from tests.simulated_tenant.simulator import Simulator
from tests.simulated_tenant.transport import Server

SIZE = tenants.Size(users=1_000, groups=120, memberships=3_000, applications=10, largest=400)
SEED = 5
SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Reader:
    """One way to read: a command, and what stands on its input."""

    name: str
    command: list[str]
    given: str = ""


def readers(base: str, ca: str, sdk: str) -> list[Reader]:
    """Return the ways to read."""
    tenant = tenants.make(SEED, SIZE)
    asked = [sdk, str(SCRIPT), base, ca]
    return [
        Reader("access-review", [sys.executable, "-m", "bench.read_graph", "--ours", base, ca]),
        Reader("msgraph-sdk, as documented", [*asked, "1"], json.dumps(plan(tenant))),
        Reader(
            "msgraph-sdk, large pages, four at once", [*asked, str(SIDE_BY_SIDE)], json.dumps(plan(tenant, top=True))
        ),
    ]


def serve(delay: float) -> None:
    """Serve the tenant; each line of input is answered by what was asked since the last one."""
    simulator = Simulator(tenants.make(SEED, SIZE))
    with tempfile.TemporaryDirectory() as folder, Server(simulator, Path(folder), delay=delay / 1000) as server:
        print(json.dumps([simulator.base, str(server.ca)]), flush=True)  # noqa: T201 - the other process reads it
        for _ in sys.stdin:
            # The parts of a batch are priced one by one; on the wire they are one request.
            said = {"units": sum(units(r) for r in simulator.asked if r.method == "GET"), "requests": len(server.seen)}
            simulator.asked.clear()
            server.seen.clear()
            print(json.dumps(said), flush=True)  # noqa: T201 - likewise


def compare(sdk: str, delay: float, runs: int) -> None:
    """Read with each in turn, and print the medians."""
    here = [sys.executable, "-m", "bench.read_graph", "--serve", "--delay", str(delay)]
    with (
        tempfile.TemporaryDirectory() as name,
        subprocess.Popen(here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service,  # noqa: S603
    ):
        assert service.stdin  # noqa: S101 - a pipe was asked for
        assert service.stdout  # noqa: S101 - likewise
        base, ca = json.loads(service.stdout.readline())
        taken: dict[str, list[tuple[float, float, int, int]]] = {}
        for _ in range(runs):
            for reader in readers(base, ca, sdk):
                _, memory, out = measured(reader.command, Path(name), reader.given)
                service.stdin.write("\n")
                service.stdin.flush()
                cost = json.loads(service.stdout.readline())
                seconds = json.loads(out)["seconds"]
                taken.setdefault(reader.name, []).append((seconds, memory, cost["units"], cost["requests"]))
        service.stdin.close()
    for reader_name, found in taken.items():
        seconds, memory, spent, asked = (statistics.median(one[n] for one in found) for n in range(4))
        cost = f"{memory:>6.0f} MB{spent:>7.0f} units{asked:>6.0f} requests"
        print(f"{delay:>5.0f} ms  {reader_name:<40}{seconds:>8.2f} s{cost}")  # noqa: T201


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sdk-python")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--delay", type=float, nargs="+", default=[0])
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--ours", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.delay[0])
    elif given.ours:
        made, _, took = own(given.ours[0], Path(given.ours[1]))
        print(json.dumps({"seconds": took, "rows": {table: len(rows) for table, rows in made.rows.items()}}))  # noqa: T201
    elif given.sdk_python:
        for delay in given.delay:
            compare(given.sdk_python, delay, given.runs)
    else:
        raise SystemExit("not measured: --sdk-python names an interpreter that has msgraph-sdk")


if __name__ == "__main__":
    main()
