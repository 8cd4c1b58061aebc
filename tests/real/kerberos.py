"""Kerberos tickets of a test domain: a private configuration and cache, and MIT's own tools.

Nothing of the machine's configuration is read or changed. The controller is found by its
name, which the machine does not resolve: whoever connects must map it to the address.
"""

import os
import subprocess
from pathlib import Path

from tests.real.samba import Domain

_CONFIG = """[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  {realm} = {{
    kdc = {address}
  }}
[domain_realm]
  .{dns} = {realm}
"""


def configured(domain: Domain, folder: Path) -> dict[str, str]:
    """Write a configuration for a domain; return the environment in which programs find it and an empty cache."""
    file = folder / "krb5.conf"
    file.write_text(_CONFIG.format(realm=domain.realm, address=domain.address, dns=domain.dns))
    return {"KRB5_CONFIG": str(file), "KRB5CCNAME": str(folder / "tickets")}


def sign_in(domain: Domain, user: str, password: str, environment: dict[str, str]) -> None:
    """Fetch the ticket of an account and its ticket for the controller's LDAP."""
    everything = {**os.environ, **environment}
    _run(["kinit", f"{user}@{domain.realm}"], everything, password + "\n")
    _run(["kvno", "-q", f"ldap/{domain.host}.{domain.dns}@{domain.realm}"], everything)


def keytab(domain: Domain, user: str, password: str, environment: dict[str, str], file: Path) -> None:
    """Write the key of an account to a file, as ``ktutil`` makes it of its password."""
    everything = {**os.environ, **environment}
    said = (
        f"addent -password -p {user}@{domain.realm} -k 1 -e aes256-cts-hmac-sha1-96 -f\n{password}\nwkt {file}\nquit\n"
    )
    _run(["ktutil"], everything, said)
    file.chmod(0o600)


def _run(command: list[str], environment: dict[str, str], said: str = "") -> None:
    done = subprocess.run(command, input=said, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{command[0]} failed: {done.stdout}{done.stderr}"
