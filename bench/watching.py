"""From a change to its alarm, at default settings: ``python -m bench.watching --times 20``, or ``make watch-bench``.

A Samba domain of 5,000 users, 500 nested groups and 26,000 memberships, a simulated tenant that follows it, and a roster of
everybody in it are audited once and watched then. Memberships are added by turns on the domain and in the tenant, and
somebody is entered as having left in the roster; each is taken back before the next. Printed are medians, the longest
wait, and the processor seconds of one look that finds something.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from access_review.cli.clocks import MachineClock
from access_review.stages.watch import Watch
from tests.real import example_domain, hybrid, samba
from tests.real.authority import Authority
from tests.real.conftest import PASSWORDS, servers
from tests.real.live_company import POLICY, LiveCompany, live_company
from tests.real.samba import Domain

say = partial(print, flush=True)

JOINS, LEAVES = "h04", "h10"
"""Who is put into groups that no role has, and who leaves."""
BARS = {"domain": 5.0, "tenant": 10.0, "roster": 2.0}


@dataclass
class Waits:
    """Seconds from changes to their alarms, on the clock and of the processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


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


def until(watch: Watch, what: str) -> float:
    """Look as the service does until something opens or closes; return the processor seconds of the look that saw it."""
    for _ in range(120):
        before = time.process_time()
        seen = watch.look()
        if getattr(seen, what):
            return time.process_time() - before
        time.sleep(watch.workspace.policy.watch.files)
    raise SystemExit(f"nothing {what} within 120 looks")


def measured(watch: Watch, change: Callable[[], object], back: Callable[[], object], waits: Waits) -> None:
    """Make a change, wait for its alarm, and take it back."""
    began = time.perf_counter()
    change()
    waits.processor.append(until(watch, "opened"))
    waits.clock.append(time.perf_counter() - began)
    back()
    until(watch, "closed")


def measure(company: LiveCompany, domain: Domain, folder: Path, times: int) -> dict[str, Waits]:
    """Watch, and make changes by turns."""
    group, user = f"CN=Payments,OU=Groups,{domain.base}", f"CN={JOINS},OU=Staff,{domain.base}"
    tenant, delta, board = company.simulator.tenant, company.simulator.delta, company.board
    (native,) = (name for name, one in tenant.of("users").items() if one["displayName"] == JOINS)
    people = company.folder / "sources/people.csv"
    waits = {name: Waits() for name in BARS}
    watch = Watch(company.folder, MachineClock(), {})
    watch.look()
    with servers(folder, domain, "Administrator").session() as admin:

        def member(how: str) -> None:
            admin._connection.modify(group, {"member": [(how, [user])]})  # noqa: SLF001 - what writes for us may not add

        def in_cloud(*, added: bool) -> None:
            (board.append if added else board.remove)(native)
            delta.linked("groups", company.cloud_group, "members", native, added=added)

        for _ in range(times):
            measured(watch, lambda: member("MODIFY_ADD"), lambda: member("MODIFY_DELETE"), waits["domain"])
            measured(watch, lambda: in_cloud(added=True), lambda: in_cloud(added=False), waits["tenant"])
            measured(
                watch, lambda: people.write_text(roster(LEAVES)), lambda: people.write_text(roster()), waits["roster"]
            )
            say(
                "  ".join(f"{n} {w.clock[-1]:.1f} s ({w.processor[-1]:.1f} of the processor)" for n, w in waits.items())
            )
    say(f"reviews: {watch.state.reviews}")
    return waits


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    if reason := samba.missing():
        raise SystemExit(f"not measured: {reason}")
    os.environ |= PASSWORDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
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
            company.done("audit")
            waits = measure(company, domain, folder, given.times)
    say(f"load of the machine: {os.getloadavg()[1]:.0f}")
    say(f"{'a change of the':<18}{'median, s':>10}{'longest':>9}{'bar':>6}{'processor of the look':>23}")
    for name, found in waits.items():
        median, most = statistics.median(found.clock), max(found.clock)
        say(f"{name:<18}{median:>10.1f}{most:>9.1f}{BARS[name]:>6.0f}{statistics.median(found.processor):>23.1f}")


if __name__ == "__main__":
    main()
