"""From a change to its alarm, at default settings: ``python -m bench.watching --times 20``, or ``make watch-bench``.

A Samba domain of 5,000 users, 500 nested groups and 26,000 memberships, a simulated tenant that follows it, and a roster of
everybody in it are audited once, and `watch` runs in a process of its own then. Memberships are added by turns on the domain
and in the tenant, and somebody is entered as having left in the roster; each is taken back before the next. Printed are
medians and the longest wait until the notice lies there, and the processor seconds that `watch` took from the change on.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.real import example_domain, hybrid, samba
from tests.real.authority import Authority
from tests.real.conftest import PASSWORDS, servers
from tests.real.live_company import POLICY, LiveCompany, live_company
from tests.real.samba import Domain

say = partial(print, flush=True)

JOINS, LEAVES = "h04", "h10"
"""Who is put into groups that no role has, and who leaves."""
BARS = {"domain": 5.0, "tenant": 10.0, "roster": 2.0}
MOMENT = 3.0
"""Seconds up to which is waited between two changes, so that none is made at a certain moment between two looks."""


@dataclass
class Waits:
    """Seconds from changes to their alarms, on the clock and of the processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


@dataclass
class Service:
    """`watch` in a process of its own."""

    folder: Path
    process: "subprocess.Popen[str]"

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator["Service"]:
        """Start it, and wait until it has looked once."""
        words = [Path(sys.executable).with_name("access-review"), "-C", folder, "--json", "watch"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
            try:
                service = cls(folder, process)
                service.wait("read")
                yield service
            finally:
                process.terminate()

    def wait(self, what: str) -> None:
        """Wait for a look that opened, closed or read something."""
        for line in self.process.stdout or ():
            if json.loads(line)[what]:
                return
        raise SystemExit("watch has ended")

    def notices(self) -> set[Path]:
        """Return what lies there to be read."""
        return set(self.folder.glob("runs/notices/*.txt"))

    def processor(self) -> float:
        """Return how many seconds of the processor it has taken so far."""
        said = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


def records(domain: Domain) -> str:
    """Return the domain that batches are tried on, and 5,000 more."""
    small, large = hybrid.records(domain.base, domain.dns), example_domain.large(domain.base)
    more = [record for record in large.records if record.startswith(("dn: CN=p", "dn: CN=G"))]
    return "\n\n".join([*small.records, *more]) + "\n"


def roster(*left: str) -> str:
    """Return everybody, as HR lists them."""
    departments = ("Finance", "Audit")
    more = (f"{n:06},Person p{n:05},Active,,{departments[n % 2]}\n" for n in range(5000))
    return hybrid.roster(left) + "".join(more)


def measured(service: Service, change: Callable[[], object], back: Callable[[], object], waits: Waits) -> None:
    """Make a change, wait for its alarm, and take it back."""
    known, began, taken = service.notices(), time.time(), service.processor()
    change()
    service.wait("opened")
    waits.clock.append(min(path.stat().st_mtime for path in service.notices() - known) - began)
    waits.processor.append(service.processor() - taken)
    back()
    service.wait("closed")


def measure(company: LiveCompany, domain: Domain, folder: Path, times: int) -> dict[str, Waits]:
    """Watch, and make changes by turns."""
    chance = random.Random(times)  # noqa: S311 - repeatable, not secret
    group, user = f"CN=Payments,OU=Groups,{domain.base}", f"CN={JOINS},OU=Staff,{domain.base}"
    tenant, delta, board = company.simulator.tenant, company.simulator.delta, company.board
    (native,) = (name for name, one in tenant.of("users").items() if one["displayName"] == JOINS)
    people = company.folder / "sources/people.csv"
    waits = {name: Waits() for name in BARS}
    with servers(folder, domain, "Administrator").session() as admin, Service.running(company.folder) as service:

        def member(how: str) -> None:
            admin._connection.modify(group, {"member": [(how, [user])]})  # noqa: SLF001 - what writes for us may not add

        def in_cloud(*, added: bool) -> None:
            (board.append if added else board.remove)(native)
            delta.linked("groups", company.cloud_group, "members", native, added=added)

        def staff(*left: str) -> None:
            people.with_suffix(".new").write_text(roster(*left))
            people.with_suffix(".new").replace(people)

        changes = {
            "domain": (partial(member, "MODIFY_ADD"), partial(member, "MODIFY_DELETE")),
            "tenant": (partial(in_cloud, added=True), partial(in_cloud, added=False)),
            "roster": (partial(staff, LEAVES), staff),
        }
        for _ in range(times):
            for name, (change, back) in changes.items():
                time.sleep(chance.uniform(0, MOMENT))
                measured(service, change, back, waits[name])
            say(
                "  ".join(f"{n} {w.clock[-1]:.1f} s ({w.processor[-1]:.1f} of the processor)" for n, w in waits.items())
            )
    say(f"reviews: {json.loads((company.folder / 'runs/watch/health.json').read_text())['reviews']}")
    return waits


@contextmanager
def large_company(folder: Path) -> Iterator[tuple[LiveCompany, Domain]]:
    """Serve the domain and the tenant, and audit them and the roster."""
    if reason := samba.missing():
        raise SystemExit(f"not measured: {reason}")
    os.environ |= PASSWORDS
    authority = Authority.make(folder / "ca")
    domain = Domain(folder / "state", samba.free_address(), authority)
    domain.provision()
    domain.load(records(domain))
    with (
        domain.served(),
        servers(folder, domain, "Administrator").session() as admin,
        live_company(domain, admin, authority, folder, left=[], policy=POLICY) as company,
    ):
        (company.folder / "sources/people.csv").write_text(roster())
        ad = company.folder / "sources/ad.yaml"  # without the proxy that writes down what goes over the wire
        ad.write_text(ad.read_text().replace(company.proxy.url, domain.url))
        company.done("audit")
        yield company, domain


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, large_company(Path(name)) as (company, domain):
        waits = measure(company, domain, Path(name), given.times)
    say(f"load of the machine: {os.getloadavg()[1]:.0f}")
    say(f"{'a change of the':<18}{'median, s':>10}{'longest':>9}{'bar':>6}{'processor of the look':>23}")
    for name, found in waits.items():
        median, most = statistics.median(found.clock), max(found.clock)
        say(f"{name:<18}{median:>10.1f}{most:>9.1f}{BARS[name]:>6.0f}{statistics.median(found.processor):>23.1f}")


if __name__ == "__main__":
    main()
