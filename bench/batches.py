"""A thousand removals, by a batch and by a bare script, on the same server in the same run.

``python -m bench.batches`` starts a Samba domain controller (root and Samba's packages are needed) and the Graph
simulator, and takes members out of groups by turns of fifty: by ``apply`` with its journal on this disk, and by a
script that only looks, removes and looks again. It prints milliseconds for each change. Waits (pace, canary,
throttle) are counted and not waited for; the review again before each call is measured elsewhere.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ldap3
import requests

from access_review.changes import Action, Change, Executor, Expectation, Target, Thing, change
from access_review.connectors.ad import identifiers
from access_review.connectors.ad.writer import address_of
from access_review.policy import Applying
from access_review.revoke.apply import ApplyRun, apply
from access_review.revoke.states import Recheck
from access_review.store.journal import JournalFile
from tests.real import example_domain, samba
from tests.real.ad import connected, options
from tests.real.authority import Authority
from tests.real.conftest import CONTROL, GROUP, MEMBER, USER
from tests.real.example_domain import SERVICE_PASSWORD, WRITER
from tests.real.samba import Domain
from tests.simulated_tenant import tenants
from tests.simulated_tenant.machine import MachineClock
from tests.simulated_tenant.reading import simulate
from tests.simulated_tenant.signin_stub import CLIENT, TENANT, SignIn
from tests.simulated_tenant.transport import Server
from tests.simulation.test_crash_graph import opened as tenant_opened
from tests.support.fake_system import a_plan

TURN = 50
HEAD = (
    "| system | changes | whole, ms | journal | journal a transition | commit, in fsyncs | all else | bare script "
    "| all else / bare | of it outside looks and calls | processor, ms | bare, processor |"
)
Pair = tuple[str, str]
"""The ids of a member and of its group."""


@dataclass
class Clock:
    """Goes on with the machine; waits are counted, not waited for."""

    waited: float = 0.0

    def now(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)  # noqa: TID251 - a measurement

    def wait(self, seconds: float) -> None:
        """Count."""
        self.waited += seconds


@dataclass
class Spent:
    """Seconds by what they went into, and how often."""

    journal: float = 0.0
    system: float = 0.0
    whole: float = 0.0
    bare: float = 0.0
    transitions: int = 0
    commits: int = 0
    changes: int = 0
    processor: float = 0.0
    bare_processor: float = 0.0


class Timed(JournalFile):
    """A journal that counts what it takes."""

    spent: Spent

    def add(self, row: Any) -> Any:
        """Add, timed."""
        began = time.perf_counter()
        after = super().add(row)
        self.spent.journal += time.perf_counter() - began
        self.spent.transitions += 1
        return after

    def flush(self) -> None:
        """Flush, timed."""
        began = time.perf_counter()
        self.spent.commits += self._connection.in_transaction
        super().flush()
        self.spent.journal += time.perf_counter() - began


@dataclass
class Watched:
    """An executor whose looks and calls are timed."""

    inner: Executor
    spent: Spent

    def holds(self, change: Change, since: datetime) -> Any:
        """Look, timed."""
        return self._timed(self.inner.holds, change, since)

    def revoke(self, change: Change) -> Any:
        """Take, timed."""
        return self._timed(self.inner.revoke, change)

    def restore(self, change: Change) -> Any:
        """Give, timed."""
        return self._timed(self.inner.restore, change)

    def _timed(self, call: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        said = call(*arguments)
        self.spent.system += time.perf_counter() - began
        return said


def removal(source: str, connector: str, member: str, group: str) -> Change:
    """Return the change that takes a member out of a group."""
    account, held = (
        Thing(f"{source}:{kind}:{native}", native, native) for kind, native in (("user", member), ("group", group))
    )
    target = Target(source, connector, account=account, entitlement=held, mode="assigned")
    return change(Action.REMOVE_MEMBER, target, Expectation(present=True), "bench")


def measured(
    source: str,
    connector: str,
    writer: Executor,
    bare: Callable[[Pair], None],
    pairs: Sequence[tuple[Pair, Pair]],
    folder: Path,
) -> Spent:
    """Take the first of each pair by a batch, the second bare, by turns."""
    spent = Timed.spent = Spent()
    clock = Clock()
    pace = Applying(canary=0, per_minute=10_000_000)
    for start in range(0, len(pairs), TURN):
        turn = pairs[start : start + TURN]
        plan = a_plan(*(removal(source, connector, *ours) for ours, _ in turn), at=clock.now(), size=TURN)
        with Timed(folder / f"{source}-{start}.sqlite", plan.digest) as journal:
            began, processor = time.perf_counter(), time.thread_time()
            executors: dict[str, Executor] = {source: Watched(writer, spent)}
            done = apply(ApplyRun(plan, journal, executors, lambda *_: Recheck(), clock, pace))
            spent.whole += time.perf_counter() - began
            spent.processor += time.thread_time() - processor
        _check(ok={str(state) for state in done.states.values()} == {"pending"})
        began, processor = time.perf_counter(), time.thread_time()
        for _, pair in turn:
            bare(pair)
        spent.bare += time.perf_counter() - began
        spent.bare_processor += time.thread_time() - processor
        spent.changes += len(turn)
    return spent


def fsync(folder: Path, times: int = 200) -> float:
    """Return the median seconds that this disk takes to make four kilobytes durable."""
    took = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took)


def on_samba(count: int, folder: Path) -> Spent:
    """Measure on a domain controller."""
    authority = Authority.make(folder / "authority")
    domain = Domain(folder / "domain", samba.free_address(), authority)
    domain.provision()
    records = example_domain.Domain(domain.base)
    for unit in ("Staff", "Groups", "Service Accounts"):
        records.unit(unit)
    users = [records.user(f"u{n:05}") for n in range(count)]
    for start in range(0, count, TURN):
        for name in ("ours", "bare"):
            records.group(f"{name}-{start}", users[start : start + TURN])
    account = {"userPrincipalName": f"{WRITER}@{domain.dns}", "unicodePwd": SERVICE_PASSWORD}
    records.user(WRITER, "Service Accounts", **account)
    domain.load(records.ldif())
    sid = domain.sid(WRITER)
    domain.grant(f"OU=Groups,{domain.base}", f"(OA;CIIO;WP;{MEMBER};{GROUP};{sid})")
    domain.grant(f"OU=Staff,{domain.base}", f"(OA;CIIO;RPWP;{CONTROL};{USER};{sid})")
    os.environ["TEST_AD_SERVICE"] = SERVICE_PASSWORD
    login = {"user": f"{WRITER}@{domain.dns}", "password": {"env": "TEST_AD_SERVICE"}}
    connector: Any = connected(options(domain, WRITER, writer=login))
    with domain.served(), connector.writing() as writer, _connection(domain) as connection:
        ids = dict(_ids(connection, domain.base))
        pairs = [
            tuple((ids[f"u{n:05}"], ids[f"{who}-{n - n % TURN}"]) for who in ("ours", "bare")) for n in range(count)
        ]
        return measured("ad", "ldap", writer, lambda pair: _bare_ldap(connection, pair), pairs, folder)  # type: ignore[arg-type]


@contextmanager
def _connection(domain: Domain) -> Iterator[Any]:
    tls = ldap3.Tls(validate=2, ca_certs_file=str(domain.authority.file))
    server = ldap3.Server(domain.address, port=636, use_ssl=True, tls=tls, get_info=ldap3.NONE)
    connection = ldap3.Connection(server, f"{WRITER}@{domain.dns}", SERVICE_PASSWORD, auto_bind=True, check_names=False)
    yield connection
    connection.unbind()


def _ids(connection: Any, base: str) -> Iterator[Pair]:
    found = connection.extend.standard.paged_search(
        base, "(sAMAccountName=*)", attributes=["sAMAccountName", "objectGUID"], paged_size=1000
    )
    for one in found:
        if one["type"] == "searchResEntry":
            raw = one["raw_attributes"]
            yield raw["sAMAccountName"][0].decode(), identifiers.guid(raw["objectGUID"][0])


def _bare_ldap(connection: Any, pair: Pair) -> None:
    """Look, remove, look: what anybody would write who trusts the server and the network."""
    member, group = map(address_of, pair)
    for there in (True, False):
        connection.search(member, "(objectClass=*)", "BASE", attributes=["distinguishedName"])
        dn = connection.response[0]["dn"]
        connection.search(group, f"(member={dn})", "BASE", attributes=["objectGUID"])
        _check(ok=bool(connection.response) is there)
        if there:
            connection.modify(group, {"member": [(ldap3.MODIFY_DELETE, [member])]})
            _check(ok=connection.result["result"] == 0)


def on_graph(count: int, folder: Path) -> Spent:
    """Measure on the simulator, over HTTPS."""
    maker = tenants.Maker(5)
    users = [maker.tenant.add("users", tenants.user(maker, n), "user") for n in range(count)]
    pairs = []
    for start in range(0, count, TURN):
        mine, other = (
            maker.tenant.add("groups", tenants.group(maker.guid(), f"{name} {start}"), "group")
            for name in ("ours", "bare")
        )
        for group in (mine, other):
            maker.tenant.links["groups/members", group] = users[start : start + TURN]
        pairs += [((user, mine), (user, other)) for user in users[start : start + TURN]]
    clock = MachineClock()
    simulator = simulate(maker.tenant, clock=clock)
    simulator.judge = simulator.needs = simulator.granted = None
    sign_in = SignIn(clock, secret="s", roles=frozenset())  # noqa: S106 - of a tenant that lives for one run
    os.environ["ENTRA_SECRET"] = "s"  # noqa: S105
    with Server(simulator, folder, sign_in) as server:
        registration = {"client_id": CLIENT, "secret": {"env": "ENTRA_SECRET"}}
        cloud = {"sign_in": server.url, "graph": server.url}
        said = {"tenant": TENANT, "reader": registration, "writer": registration, "cloud": cloud}
        with tenant_opened({**said, "ca_file": str(server.ca)}) as writer, requests.Session() as session:
            session.verify, session.trust_env = str(server.ca), False
            paced = writer._graph.pace  # noqa: SLF001 - what was waited for is not the tool's
            paced.sized(10_000)
            bare = lambda pair: _bare_graph(session, simulator.base, pair)  # noqa: E731
            spent = measured("entra", "entra", writer, bare, pairs, folder)
            spent.system -= paced.waited
            spent.whole -= paced.waited
            return spent


def _bare_graph(session: requests.Session, base: str, pair: Pair) -> None:
    user, group = pair
    for there in (True, False):
        found = session.get(f"{base}/users/{user}/memberOf?$select=id&$top=999", timeout=60).json()["value"]
        _check(ok=any(one["id"] == group for one in found) is there)
        if there:
            gone = session.delete(f"{base}/groups/{group}/members/{user}/$ref", timeout=60)
            _check(ok=gone.status_code == 204)


def _check(*, ok: bool) -> None:
    if not ok:
        raise RuntimeError("the server did not do what was asked, so nothing is measured")


def line(name: str, spent: Spent, disk: float) -> str:
    """Return a row of the table."""
    each = 1000 / spent.changes
    transition, commit = spent.journal * 1000 / spent.transitions, spent.journal * 1000 / spent.commits
    rest = spent.whole - spent.journal
    values = (
        f"{spent.whole * each:.1f}",
        f"{spent.journal * each:.1f}",
        f"{transition:.2f}",
        f"{commit / (disk * 1000):.1f}",
        f"{rest * each:.1f}",
        f"{spent.bare * each:.1f}",
        f"{rest / spent.bare:.2f}",
        f"{(rest - spent.system) * each:.2f}",
        f"{spent.processor * each:.1f}",
        f"{spent.bare_processor * each:.1f}",
    )
    return f"| {name} | {spent.changes} | " + " | ".join(values) + " |"


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(prog="bench.batches", description=__doc__)
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        ways = {"Samba": on_samba, "Graph simulator": on_graph}
        for title, way in ways.items():
            (folder / title).mkdir()
            before = fsync(folder)
            spent = way(asked.changes, folder / title)
            disk = statistics.mean((before, fsync(folder)))
            said = f"a bare fsync of 4 kB: {disk * 1000:.2f} ms; {spent.transitions} transitions, {spent.commits} commits; load {os.getloadavg()[0]:.0f}"
            sys.stdout.write(f"{said}\n{HEAD}\n{line(title, spent, disk)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
