"""bloodhound-ce-python against Samba, run by an interpreter that has it.

``python bloodhound_peer.py HOST DOMAIN ADDRESS [arguments of bloodhound-ce-python]``

Its reading is its own. What stands between it and Samba is how it signs in, and only
that is replaced, in four places:

- it leaves the key distribution centre's name to the machine's resolver: the name is mapped here;
- its Kerberos (impacket 0.13) asks for service tickets without the checksum of RFC 4120,
  section 7.2, and Samba's centre answers KRB_AP_ERR_INAPP_CKSUM: the ticket comes from the cache;
- it writes the realm in lower case into the authenticator, which Samba compares exactly
  and refuses as a wrong password (code 49, data 52e): it is written in upper case;
- it sends a SPNEGO token under the mechanism GSSAPI, after which Samba waits for a
  security layer (code 14, saslBindInProgress): the mechanism is named GSS-SPNEGO.

By NTLM Samba closes the connection (LDAPSessionTerminatedByServerError): ldap3 2.9.1
signs in the way that only Windows knows.
"""

import os
import socket
import sys
from typing import Any

from bloodhound import main
from impacket.krb5.ccache import CCache


def resolve_here(names: tuple[str, ...], address: str) -> None:
    """Let these names lead to an address in this process."""
    resolve = socket.getaddrinfo

    def mapped(host: Any, *more: Any, **also: Any) -> Any:
        return resolve(address if str(host).lower() in names else host, *more, **also)

    socket.getaddrinfo = mapped


def ticket(server: Any, domain: str, *_: Any) -> tuple[Any, ...]:
    """Return a service ticket of the cache, as impacket would fetch it."""
    cache = CCache.loadFile(os.environ["KRB5CCNAME"])
    found = cache.getCredential(f"{server}@{domain.upper()}").toTGS()
    return found["KDC_REP"], found["cipher"], found["sessionKey"], found["sessionKey"]


def sign_in_as_samba_wants(authentication: Any) -> None:
    """Replace the ticket, the realm and the mechanism."""
    authentication.getKerberosTGS = ticket
    given = authentication.ADAuthentication.ldap_kerberos

    def signed_in(self: Any, connection: Any, hostname: str) -> Any:
        self.userdomain = self.userdomain.upper()
        connection.sasl_mechanism = "GSS-SPNEGO"
        return given(self, connection, hostname)

    authentication.ADAuthentication.ldap_kerberos = signed_in


if __name__ == "__main__":
    name, realm, where = sys.argv[1:4]
    del sys.argv[1:4]
    resolve_here((f"{name}.{realm}", realm), where)
    sign_in_as_samba_wants(sys.modules["bloodhound.ad.authentication"])
    main()
