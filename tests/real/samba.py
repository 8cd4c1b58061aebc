"""A real Active Directory domain controller for tests: Samba, provisioned into a folder, on a loopback address.

Ports are compiled into Samba, so every controller has an address of its own in
127.0.0.0/8. A folder that is not being served may be copied: that is how each module
that writes gets a domain of its own within a second.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.real.authority import Authority

PACKAGES = (
    "samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind ldb-tools krb5-user ldap-utils"
)
ENABLE = f"sudo apt-get install -y --no-install-recommends {PACKAGES}"
ADMIN_PASSWORD = "Vorlaeufig-2026!"  # noqa: S105 - of a domain that lives for one test run
_PORTS = (389, 636, 3268)
_CONFIG = """[global]
  netbios name = {host}
  realm = {realm}
  workgroup = {netbios}
  server role = active directory domain controller
  private dir = {state}/private
  state directory = {state}/state
  cache directory = {state}/cache
  lock directory = {state}/lock
  pid directory = {state}/run
  ncalrpc dir = {state}/run/ncalrpc
  winbindd socket directory = {state}/run/winbindd
  ntp signd socket directory = {state}/run/ntp_signd
  interfaces = {address}/8
  bind interfaces only = yes
  server services = ldap, kdc
  dsdb:schema update allowed = false
  tls keyfile = {state}/private/tls/key.pem
  tls certfile = {state}/private/tls/cert.pem
  tls cafile = {state}/private/tls/ca.pem
  ldap server require strong auth = allow_sasl_over_tls
"""


def missing() -> str | None:
    """Say why no controller can be started here; null when it can."""
    for program in ("samba", "samba-tool", "ldbadd"):
        if shutil.which(program, path=_path()) is None:
            return f"{program} is not installed; enable with: {ENABLE}"
    if os.geteuid() != 0:
        return "only root may open ports 389 and 636; run the tests as root, or in: unshare -r -n"
    return None


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def free_address() -> str:
    """Return a loopback address on which nothing listens; sessions side by side start at different ones."""
    start = 2 + os.getpid() % 200
    for number in range(250 * 250):
        address = f"127.{1 + (start + number // 250) % 250}.0.{2 + number % 250}"
        if _taken(address):
            continue
        return address
    raise AssertionError("no loopback address is free")


_given: set[str] = set()


def _taken(address: str) -> bool:
    if address in _given:
        return True
    for port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return True
    _given.add(address)
    return False


@dataclass
class Domain:
    """One controller: its state, where it listens, and the process when it runs."""

    state: Path
    address: str
    authority: Authority
    realm: str = "NORWIND.TEST"
    host: str = "dc1"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def dns(self) -> str:
        return self.realm.lower()

    @property
    def netbios(self) -> str:
        return self.realm.split(".", maxsplit=1)[0]

    @property
    def base(self) -> str:
        return ",".join(f"DC={label}" for label in self.dns.split("."))

    @property
    def url(self) -> str:
        return f"ldaps://{self.address}"

    @property
    def config(self) -> Path:
        return self.state / "etc" / "smb.conf"

    @property
    def database(self) -> Path:
        return self.state / "private" / "sam.ldb"

    def provision(self) -> None:
        """Make an empty domain."""
        _run(
            ["samba-tool", "domain", "provision", "-d", "0", "-s", "/dev/null", "--use-rfc2307"],
            "--server-role=dc",
            "--dns-backend=NONE",
            f"--realm={self.realm}",
            f"--domain={self.netbios}",
            f"--adminpass={ADMIN_PASSWORD}",
            f"--host-name={self.host}",
            f"--host-ip={self.address}",
            f"--targetdir={self.state}",
            f"--option=interfaces={self.address}/8",
            "--option=bind interfaces only=yes",
        )
        for name in ("run", "log", "cache", "lock"):
            (self.state / name).mkdir(exist_ok=True)
        self._configure()
        self.tool("spn", "add", f"ldap/{self.host}.{self.dns}", f"{self.host.upper()}$", "-H", str(self.database))

    def _configure(self) -> None:
        (self.state / "private").chmod(0o700)
        tls = self.state / "private" / "tls"
        self.authority.issue(tls, f"{self.host}.{self.dns}", "localhost", self.address)
        shutil.copy(self.authority.file, tls / "ca.pem")
        self.config.write_text(
            _CONFIG.format(
                host=self.host.upper(),
                realm=self.realm,
                netbios=self.netbios,
                state=self.state,
                address=self.address,
            )
        )

    def tool(self, *arguments: str) -> str:
        """Run samba-tool on the state, which should not be served meanwhile."""
        return _run(["samba-tool", *arguments, "-s", str(self.config)])

    def load(self, ldif: str) -> None:
        """Add records while the domain is not served: a thousand a second."""
        file = self.state / "load.ldif"
        file.write_text(ldif, encoding="utf-8")
        _run(["ldbadd", "-o", "batch_mode:1", "-H", str(self.database), f"--configfile={self.config}", str(file)])
        file.unlink()

    def modify(self, ldif: str, *options: str) -> None:
        """Change records while the domain is not served."""
        file = self.state / "modify.ldif"
        file.write_text(ldif, encoding="utf-8")
        _run(["ldbmodify", "-H", str(self.database), f"--configfile={self.config}", *options, str(file)])
        file.unlink()

    def grant(self, dn: str, sddl: str) -> None:
        """Add an access control entry to an object."""
        self.tool("dsacl", "set", "-H", str(self.database), f"--objectdn={dn}", f"--sddl={sddl}")

    def sid(self, account: str) -> str:
        """Return the SID of an account by its sAMAccountName."""
        found = _run(
            ["ldbsearch", "-H", str(self.database), f"--configfile={self.config}"],
            f"(sAMAccountName={account})",
            "objectSid",
        )
        return next(line.split()[1] for line in found.splitlines() if line.startswith("objectSid:"))

    def copy(self, folder: Path) -> "Domain":
        """Return the same domain in another folder on an address of its own; ``self`` must not be served."""
        assert self.process is None, "the state is in use"
        shutil.copytree(self.state, folder, ignore=shutil.ignore_patterns("ncalrpc", "*.sock", "winbindd"))
        made = Domain(folder, free_address(), self.authority, self.realm, self.host)
        made._configure()
        return made

    def start(self) -> None:
        """Serve; returns when LDAPS answers."""
        with (self.state / "log" / "samba.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["samba", "-i", "-s", str(self.config), "--debug-stdout", "--model=single"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PATH": _path()},
            )
        _wait(self.process, self.address, self.state / "log" / "samba.log")

    def stop(self) -> None:
        """End the process that :meth:`start` began."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @contextlib.contextmanager
    def served(self) -> Iterator["Domain"]:
        self.start()
        try:
            yield self
        finally:
            self.stop()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    patience = time.monotonic() + 90  # a large domain on a machine that does much else
    while process.poll() is None and time.monotonic() < patience:
        try:
            socket.create_connection((address, 636), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    process.wait()
    raise AssertionError(f"samba did not start on {address}: {log.read_text(errors='replace')[-2000:]}")


def _run(command: Sequence[str], *more: str) -> str:
    done = subprocess.run(
        [*command, *more], capture_output=True, text=True, check=False, env={**os.environ, "PATH": _path()}
    )
    assert done.returncode == 0, f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout
