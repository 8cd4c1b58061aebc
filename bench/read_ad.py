"""Reading one domain, side by side with ldapdomaindump: same server, same account, same run.

``python -m bench.read_ad`` starts a Samba domain controller with 5,000 users, 500 nested
groups and 26,000 memberships (root and Samba's packages are needed) and prints wall time and
peak memory of a whole process for each reader, the median of so many runs, taken in turn.
``--peer-python`` names an interpreter that has ldapdomaindump, when it is not this one.

bloodhound-ce-python is not in it: it signs in by NTLM, for which Samba closes the
connection, or by Kerberos found through DNS service records, which the test domain does not serve.
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

from tests.real import norwind_domain, samba
from tests.real.authority import Authority
from tests.real.samba import Domain

_OURS = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from access_review.connectors import Source, ldap
from access_review.tables import TABLES, frame
from access_review.workspace import options_of
given = options_of(ldap.connect).model_validate(json.loads(sys.argv[1]))
connector = ldap.connect(Source("ad", Path("/")), **{n: getattr(given, n) for n in type(given).model_fields})
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
        "user": f"{norwind_domain.READER}@{domain.dns}",
        "password": {"env": "TEST_AD_SERVICE"},
        "ca_file": str(domain.authority.file),
    }
    return [sys.executable, "-c", _OURS, json.dumps(given)]


def ldapdomaindump(python: str) -> Callable[[Domain, Path], list[str]]:
    """Return the command of ldapdomaindump: simple bind over TLS, JSON only."""

    def command(domain: Domain, folder: Path) -> list[str]:
        user, password = f"{domain.netbios}\\{norwind_domain.READER}", norwind_domain.SERVICE_PASSWORD
        login = ["--user", user, "--password", password, "--authtype", "SIMPLE"]
        return [python, "-m", "ldapdomaindump", *login, "--no-html", "--no-grep", "-o", str(folder), domain.url]

    return command


def measured(command: list[str], folder: Path) -> tuple[float, float, str]:
    """Run a command; return seconds, peak memory in MB, and what it printed."""
    out = folder / "out.txt"
    start = time.perf_counter()
    with out.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)  # noqa: S603 - built above
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer-python", default=sys.executable)
    given = parser.parse_args()
    if reason := samba.missing():
        raise SystemExit(f"not measured: {reason}")
    os.environ["TEST_AD_SERVICE"] = norwind_domain.SERVICE_PASSWORD
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        domain = Domain(folder / "state", samba.free_address(), Authority.make(folder / "ca"))
        domain.provision()
        domain.load(norwind_domain.large(domain.base).ldif())
        with domain.served():
            compare(
                domain, folder, {"access-review": ours, "ldapdomaindump": ldapdomaindump(given.peer_python)}, given.runs
            )


def compare(domain: Domain, folder: Path, readers: dict[str, Callable[[Domain, Path], list[str]]], runs: int) -> None:
    """Read with each in turn, and print the medians."""
    taken: dict[str, list[tuple[float, float, str]]] = {name: [] for name in readers}
    for _ in range(runs):
        for name, command in readers.items():
            taken[name].append(measured(command(domain, folder), folder))
    print(f"{'reader':<16}{'seconds':>9}{'peak MB':>9}   read")  # noqa: T201 - this is what it is for
    for name, found in taken.items():
        seconds, memory = (statistics.median(one[n] for one in found) for n in (0, 1))
        read = json.loads(found[-1][2]) if name == "access-review" else counted(folder)
        print(f"{name:<16}{seconds:>9.2f}{memory:>9.0f}   {json.dumps(read)}")  # noqa: T201


if __name__ == "__main__":
    main()
