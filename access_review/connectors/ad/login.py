"""Who signs in to a directory, and how: a simple bind, or Kerberos with a ticket; both over verified TLS only."""

import getpass
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict

from access_review.connectors import Source
from access_review.connectors.secret import Named, SecretReference, private_file, text_of
from access_review.errors import ConnectorError

SignIn = Literal["simple", "kerberos"]


class LoginTerms(TypedDict, total=False):
    """What ldap3's ``Connection`` signs in with, by its own names; by Kerberos without ``password``."""

    authentication: str
    user: str
    password: str
    sasl_mechanism: str
    cred_store: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs in: with user and password, or by Kerberos.

    By Kerberos, ``user`` is the principal whose ticket is taken (whichever the machine holds, if none is named), and
    ``keytab`` or ``tickets`` the file, from the source's folder, with its key or with its tickets.
    """

    method: SignIn = "simple"
    user: Named | None = None
    password: SecretReference | None = None
    keytab: str | None = None
    tickets: str | None = None

    def credentials(self, source: Source) -> LoginTerms:
        """Return what a connection signs in with; raises ``ConnectorError`` where that is not there."""
        if self.method == "kerberos":
            return self._by_ticket(source)
        if self.user is None or self.password is None:
            raise ConnectorError(source.name, "a simple bind needs user and password")
        import ldap3  # the module that connects imports it first, and says nothing of old names

        user, password = text_of(source, self.user), self.password.read(source)
        return {"authentication": ldap3.SIMPLE, "user": user, "password": password}

    def _by_ticket(self, source: Source) -> LoginTerms:
        try:
            import ldap3
            import ldap3.protocol.sasl.kerberos  # gssapi, or winkerberos on Windows: it knows which
        except ImportError:
            hint = "pip install 'access-review[kerberos]'"
            raise ConnectorError(source.name, "Kerberos needs the extra kerberos", hint=hint) from None
        given: LoginTerms = {"authentication": ldap3.SASL, "sasl_mechanism": ldap3.KERBEROS}
        if self.user is None:
            return given
        principal = text_of(source, self.user)
        if sys.platform == "win32":
            check_runs_as(source, principal, getpass.getuser())
            return given
        return {**given, "user": principal, "cred_store": self._store(source)}

    def _store(self, source: Source) -> Mapping[str, str] | None:
        if self.keytab is not None:
            path = source.folder / self.keytab
            private_file(source, path)  # whoever has the key is the account
            # Of its own, so that the ticket of whoever reads is neither taken nor replaced.
            return {"client_keytab": str(path), "ccache": f"MEMORY:access-review-{source.name}"}
        if self.tickets is not None:
            path = source.folder / self.tickets
            private_file(source, path, 2**20)
            return {"ccache": f"FILE:{path}"}
        return None


def check_runs_as(source: Source, principal: str, user: str) -> None:
    """Raise ``ConnectorError`` unless the process runs as this principal: Windows signs in as nobody else."""
    if principal.partition("@")[0].casefold() != user.casefold():
        hint = f"run it as {principal}, for instance in a task of its own"
        raise ConnectorError(source.name, f"Windows signs in as {user}, not as {principal}", hint=hint)
