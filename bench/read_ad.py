"""Reading one domain, side by side with other readers: same server, same account, same run.

``python -m bench.read_ad`` starts a Samba domain controller with 5,000 users, 500 nested
groups and 26,000 memberships (root and Samba's packages are needed) and prints wall time and
peak memory of a whole process for each reader, the median of so many runs, taken in turn.
``--peer-python`` names an interpreter that has ldapdomaindump, when it is not this one;
``--bloodhound-python`` one that has bloodhound-ce (MIT's ``kinit`` and ``kvno`` are needed
too), which is left out otherwise. What had to be replaced for it to sign in to Samba is
said in :mod:`bench.bloodhound_peer`. It reads three times: ``Group`` has the memberships and
little else, ``Group,ObjectProps`` also most of what we read of an account, ``DCOnly`` also
access control lists, which we do not read.

Seen on two cores, Samba 4.17, Python 3.11, bloodhound-ce 1.9.1, ldapdomaindump 0.10.0 (median of five runs):

===============================  =======  =======
reader                           seconds  peak MB
===============================  =======  =======
access-review                        4.2      248
access-review, unchecked             3.4      243
ldapdomaindump                       8.2      274
bloodhound-ce Group                  2.5       75
bloodhound-ce Group,ObjectProps      3.4       76
bloodhound-ce DCOnly                21.0      103
===============================  =======  =======

Of those that read no less, ours is the fastest. ``unchecked`` leaves out the second listing and the
comparison with the server's own closures, which no other reader has. bloodhound-ce without access control lists
reads less: no object GUID, manager, managedBy, group type, expiry, computed state or time of change.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.name_server import names
from tests.real import example_domain, kerberos, samba
from tests.real.authority import Authority
from tests.real.samba import Domain

_METHODS = ("Group", "Group,ObjectProps", "DCOnly")
_OURS = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from access_review.connectors import Source, ldap
from access_review.connectors.domain_reading import DomainReading
from access_review.tables import TABLES, frame
from access_review.workspace import options_of
given = options_of(ldap.connect).model_validate(json.loads(sys.argv[1]))
connector = ldap.connect(Source("ad", Path("/")), **{n: getattr(given, n) for n in type(given).model_fields})
if sys.argv[2:] == ["once"]:
    DomainReading.check = lambda self, found, listed=False: None
rows = {name: [] for name in TABLES}
for table, row in connector.collect(datetime.now(UTC)):
    rows[table].append(row)
tables = {name: frame(name, found) for name, found in rows.items()}
assert all(row["complete"] for row in tables["completeness"].to_pylist())
print(json.dumps({
    "users": sum(row["kind"] != "computer" for row in tables["accounts"].to_pylist()),
    "groups": len(tables["entitlements"]),
    "memberships": sum(row["via"] == "member" for row in tables["grants"].to_pylist()) + len(tables["nesting"]),
}))
"""


def ours(domain: Domain, folder: Path) -> list[str]:  # noqa: ARG001 - each reader has the same signature
    """Return the command that reads a domain into checked tables."""
    given = {
        "server": domain.url,
        "user": f"{example_domain.READER}@{domain.dns}",
        "password": {"env": "TEST_AD_SERVICE"},
        "ca_file": str(domain.authority.file),
    }
    return [sys.executable, "-c", _OURS, json.dumps(given)]


def ours_once(domain: Domain, folder: Path) -> list[str]:
    """Return the same without the second listing and the server's own closures, which no other reader has."""
    return [*ours(domain, folder), "once"]


def ldapdomaindump(python: str) -> Callable[[Domain, Path], list[str]]:
    """Return the command of ldapdomaindump: simple bind over TLS, JSON only."""

    def command(domain: Domain, folder: Path) -> list[str]:
        user, password = f"{domain.netbios}\\{example_domain.READER}", example_domain.SERVICE_PASSWORD
        login = ["--user", user, "--password", password, "--authtype", "SIMPLE"]
        return [python, "-m", "ldapdomaindump", *login, "--no-html", "--no-grep", "-o", str(folder), domain.url]

    return command


def bloodhound(python: str, methods: str) -> Callable[[Domain, Path], list[str]]:
    """Return the command of bloodhound-ce-python: a ticket over LDAPS; tickets and names must be served."""

    def command(domain: Domain, folder: Path) -> list[str]:  # noqa: ARG001 - each reader has the same signature
        where = [domain.host, domain.dns, domain.address]
        login = ["-k", "-no-pass", "--auth-method", "kerberos", "--use-ldaps", "-u", example_domain.READER]
        server = ["-d", domain.dns, "-ns", domain.address, "-dc", f"{domain.host}.{domain.dns}"]
        prefix = ["-op", methods]  # files are named by the second
        return [
            python,
            str(Path(__file__).with_name("bloodhound_peer.py")),
            *where,
            *login,
            *server,
            "-c",
            methods,
            *prefix,
        ]

    return command


def measured(command: list[str], folder: Path, given: str = "") -> tuple[float, float, str]:
    """Run a command, ``given`` on its input; return seconds, peak memory in MB, and what it printed."""
    out, into = folder / "out.txt", folder / "in.txt"
    into.write_text(given)
    start = time.perf_counter()
    with out.open("w") as file, into.open() as standard:
        process = subprocess.Popen(  # noqa: S603 - built above
            command, cwd=folder, stdin=standard, stdout=file, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed: {out.read_text()[-2000:]}")
    return seconds, used.ru_maxrss / 1024, out.read_text()


def counted(folder: Path) -> dict[str, int]:
    """Return what ldapdomaindump wrote: a membership is a member value of a group, or a user's own word for it."""
    users = json.loads((folder / "domain_users.json").read_text())
    groups = json.loads((folder / "domain_groups.json").read_text())
    own = sum(len(entry["attributes"].get("memberOf", [])) for entry in users)
    nested = sum(len(entry["attributes"].get("memberOf", [])) for entry in groups)
    return {"users": len(users), "groups": len(groups), "memberships": own + nested}


def ingested(folder: Path, methods: str) -> dict[str, int]:
    """Return what bloodhound-ce-python wrote last; a membership is a member of a group, primary groups apart."""
    users, groups = (
        json.loads(max(folder.glob(f"{methods}_*_{kind}.json")).read_text())["data"] for kind in ("users", "groups")
    )
    members = sum(len(group["Members"]) for group in groups)
    return {"users": len(users), "groups": len(groups), "memberships": members}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--bloodhound-python")
    given = parser.parse_args()
    if reason := samba.missing():
        raise SystemExit(f"not measured: {reason}")
    os.environ["TEST_AD_SERVICE"] = example_domain.SERVICE_PASSWORD
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        domain = Domain(folder / "state", samba.free_address(), Authority.make(folder / "ca"))
        domain.provision()
        domain.load(example_domain.large(domain.base).ldif())
        readers = {
            "access-review": ours,
            "access-review, unchecked": ours_once,
            "ldapdomaindump": ldapdomaindump(given.peer_python),
        }
        with domain.served(), names(domain.host, domain.dns, domain.address):
            if given.bloodhound_python:
                environment = kerberos.configured(domain, folder)
                kerberos.sign_in(domain, example_domain.READER, example_domain.SERVICE_PASSWORD, environment)
                os.environ.update(environment)
                readers |= {f"bloodhound-ce {m}": bloodhound(given.bloodhound_python, m) for m in _METHODS}
            compare(domain, folder, readers, given.runs)


def compare(domain: Domain, folder: Path, readers: dict[str, Callable[[Domain, Path], list[str]]], runs: int) -> None:
    """Read with each in turn, and print the medians."""
    taken: dict[str, list[tuple[float, float, str]]] = {name: [] for name in readers}
    for _ in range(runs):
        for name, command in readers.items():
            taken[name].append(measured(command(domain, folder), folder))
    print(f"{'reader':<32}{'seconds':>9}{'peak MB':>9}   read")  # noqa: T201 - this is what it is for
    for name, found in taken.items():
        seconds, memory = (statistics.median(one[n] for one in found) for n in (0, 1))
        read = (
            {} if name.startswith("blood") else json.loads(found[-1][2]) if name == "access-review" else counted(folder)
        )
        if name.startswith("bloodhound-ce "):
            read = ingested(folder, name.split()[1])
        print(f"{name:<32}{seconds:>9.2f}{memory:>9.0f}   {json.dumps(read)}")  # noqa: T201


if __name__ == "__main__":
    main()
