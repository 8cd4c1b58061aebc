"""Connections to LDAP servers: encrypted and verified, or none at all.

``ldaps://`` is TLS from the start, ``ldap://`` is StartTLS before anything else is
said; there is no third way. The certificate is verified by OpenSSL itself, names and
IP addresses alike, on every Python (ldap3's own check knows no IP addresses from 3.12
on). Referrals are never followed, nobody binds anonymously or by NTLM.

Servers are tried in the order given, and only while that is harmless: a server that
does not answer is passed over, a wrong certificate or a refused password ends it, since
the next server might be as wrong and the account locked. A session stays with its
server: what one server began, no other continues.
"""

import ipaddress
import ssl
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from access_review.connectors import Source
from access_review.connectors.ad.login import Login
from access_review.connectors.ad.result_codes import PASSING, SUCCESS, explain_bind, explain_result
from access_review.errors import ConnectorError, Transient, WorkspaceError

with warnings.catch_warnings():
    # ldap3 2.9.1 (2021) uses names that pyasn1 has since changed; it says so once, at this import.
    warnings.filterwarnings("ignore", r"(tagMap|typeMap) is deprecated", DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import LDAPException
    from ldap3.utils.asn1 import compute_ber_size, decode_message_fast

_PORTS = {"ldaps": 636, "ldap": 389}
_PAGED = "1.2.840.113556.1.4.319"
# What ldap3's decoder raises when a server's bytes are no LDAP message.
_UNDECODABLE = (IndexError, KeyError, MemoryError, OverflowError, TypeError, ValueError, UnboundLocalError)
# The operation of a message that is one entry of a search (RFC 4511, 4.5.2).
_SEARCH_ENTRY = 4


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens; ``upgrade`` says that TLS begins with StartTLS."""

    host: str
    port: int
    upgrade: bool

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldap' if self.upgrade else 'ldaps'}://{host}:{self.port}"


def parse_address(source: Source, url: str) -> Address:
    """Read ``ldaps://host[:port]`` or ``ldap://host[:port]`` (StartTLS); raises ``WorkspaceError``."""
    hint = "write ldaps://dc1.example.test, or ldap://dc1.example.test for StartTLS"
    if "@" in url:  # a password may stand before it
        raise WorkspaceError(f"{source.name}: a server is named without an account", hint=hint)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise WorkspaceError(f"{source.name}: {url!r} is no server", hint=hint) from None
    if parts.scheme not in _PORTS or not host or parts.path.strip("/") or parts.query or parts.username:
        raise WorkspaceError(f"{source.name}: {url!r} is no server", hint=hint)
    return Address(host, port or _PORTS[parts.scheme], parts.scheme == "ldap")


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of one directory, in the order in which they are tried. ``timeout`` is in seconds, per answer."""

    source: Source
    addresses: Sequence[Address]
    login: Login
    ca_file: Path | None = None
    timeout: int = 60

    @classmethod
    def at(cls, source: Source, urls: Iterable[str], login: Login, ca_file: Path | None, timeout: int) -> "Servers":
        """Return the servers at some addresses; raises ``WorkspaceError`` for what is none."""
        return cls(source, tuple(parse_address(source, url) for url in urls), login, ca_file, timeout)

    @contextmanager
    def session(self) -> Iterator["Session"]:
        """Open a session with the first server that takes one.

        Raises ``Transient`` when none answers, ``ConnectorError`` when a server must not be trusted or refuses the login.
        """
        session = self.open_session()
        try:
            yield session
        finally:
            session.close()

    def open_session(self) -> "Session":
        """Open a session as :meth:`session` does, for the caller to close.

        Raises as :meth:`session` does.
        """
        failures = []
        for address in self.addresses:
            try:
                return self._open(address)
            except Transient as error:
                failures.append(error.message.removeprefix(f"{self.source.name}: "))
        raise Transient(self.source.name, "; ".join(failures), hint="check the network, or name more servers")

    def each(self) -> Iterator["Servers"]:
        """Yield every server alone."""
        for address in self.addresses:
            yield Servers(self.source, (address,), self.login, self.ca_file, self.timeout)

    def _open(self, address: Address) -> "Session":
        credentials = self.login.credentials(self.source)
        tls = VerifiedTls(self.source, address, self.ca_file)
        server = ldap3.Server(
            address.host,
            port=address.port,
            use_ssl=not address.upgrade,
            tls=tls,
            get_info=ldap3.NONE,
            # A server that is down must not cost the time that a slow answer may take.
            connect_timeout=min(self.timeout, 15),
        )
        connection = ldap3.Connection(
            server,
            **credentials,
            # A referral would take the password to a server that nobody named.
            auto_referrals=False,
            # ldap3 would fetch the rest of long lists by itself, and not say where it broke off.
            auto_range=False,
            return_empty_attributes=False,
            check_names=False,
            receive_timeout=self.timeout,
        )
        session = Session(self.source, address, connection)
        try:
            session.begin(tls)
        except BaseException:
            # An interrupt in the middle of a handshake leaves a socket that nobody else knows of.
            session.close()
            raise
        return session


class VerifiedTls(ldap3.Tls):  # type: ignore[misc]  # ldap3 has no types
    """TLS whose certificate and name are verified by OpenSSL; what went wrong is kept in ``failure``."""

    def __init__(self, source: Source, where: Address, ca_file: Path | None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self.failure: ConnectorError | None = None
        self._source = source
        self._where = where
        self._context = _context(source, ca_file)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002 - ldap3's signature
        """Encrypt the socket of a connection, or raise."""
        try:
            connection.socket = self._context.wrap_socket(connection.socket, server_hostname=self._where.host)
        except ssl.SSLCertVerificationError as error:
            message, hint = _untrusted(self._where, error)
            self.failure = ConnectorError(self._source.name, message, hint=hint)
            raise


def _context(source: Source, ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror if isinstance(error, FileNotFoundError) else "not a PEM file of certificates"
        raise ConnectorError(source.name, f"the CA file {ca_file} cannot be used: {reason}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _untrusted(where: Address, error: ssl.SSLCertVerificationError) -> tuple[str, str]:
    """Say why a certificate was refused and what to do; no credential has been sent."""
    reason = error.verify_message or str(error)
    if error.verify_code in {62, 64}:  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
        hint = "connect by a name that the certificate holds"
        if _is_ip(where.host):
            hint += ": certificates of domain controllers hold DNS names and seldom IP addresses"
        return f"the certificate of {where} is for another name: {reason}", hint
    return f"the certificate of {where} is not trusted: {reason}", "name the authority that issued it under ca_file"


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


Controls = dict[str, Any]
"""The controls of an answer by OID, as ldap3 decodes them."""


@dataclass(frozen=True, slots=True)
class LdapResult:
    """What a server said to one request: entries as (DN, values by attribute), and its result.

    Entries are decoded apart from receiving them: ``undecoded`` are those still to be decoded.
    """

    code: int
    message: str
    entries: Sequence[tuple[str, dict[str, list[bytes]]]] = ()
    cookie: bytes | None = None
    controls: Controls = field(default_factory=dict)
    undecoded: Sequence[bytes] = field(default=(), repr=False)

    @property
    def fault(self) -> str | None:
        """Say what went wrong, null when nothing did."""
        return None if self.code == SUCCESS else explain_result(self.code, self.message).what


class EntriesApart:
    """Keeps the entries that come for a connection as they came; ldap3 decodes each twice, at once."""

    def __init__(self, strategy: Any) -> None:
        self._receive: Callable[[], list[bytes]] = strategy.receiving
        self._entries: list[bytes] = []
        strategy.receiving = self._receiving

    def _receiving(self) -> list[bytes]:
        while messages := self._receive():
            rest: list[bytes] = []
            for message in messages:
                (self._entries if _operation(message) == _SEARCH_ENTRY else rest).append(message)
            if rest:
                return rest
        return []

    def take(self) -> list[bytes]:
        """Return the entries that came since the last call."""
        taken, self._entries = self._entries, []
        return taken


def _operation(message: bytes) -> int:
    """Return which operation a message is: the tag behind its length and its number (RFC 4511, 4.1.1)."""
    _, at = compute_ber_size(message[:10])
    return int(message[at + 2 + message[at + 1]] & 0x1F)


def _entry(message: bytes) -> tuple[str, dict[str, list[bytes]]]:
    dn, attributes = decode_message_fast(message)["payload"]
    named = (attribute[3] for attribute in attributes[3])
    values = {str(name[3], "utf-8"): [bytes(value[3]) for value in found[3]] for name, found in named}
    return str(dn[3], "utf-8", "backslashreplace"), values


def _result(said: Mapping[str, Any]) -> LdapResult:
    code, message = int(said["result"]), said["message"]
    controls = said.get("controls") or {}
    paged = controls.get(_PAGED)
    return LdapResult(code, message, (), paged and paged["value"]["cookie"], controls)


class Session:
    """One bound connection to one server."""

    def __init__(self, source: Source, where: Address, connection: Any) -> None:
        self.source = source
        self.address = where
        self._connection = connection
        self._apart = EntriesApart(connection.strategy)
        self.requests = 0

    def begin(self, tls: VerifiedTls) -> None:
        """Open, encrypt and bind, in this order.

        Raises ``Transient`` when nobody answers, ``ConnectorError`` when the server must not be trusted or refuses the
        login.
        """
        try:
            self._connection.open(read_server_info=False)
            if self.address.upgrade:
                self._connection.start_tls(read_server_info=False)
            self._connection.bind(read_server_info=False)
        except LDAPException as error:
            raise self._not_opened(tls, error) from None
        except Exception as error:
            # Their errors can only be imported where the extra is installed.
            if type(error).__module__.startswith(("gssapi", "winkerberos")):
                hint = "kinit, or name a keytab: in KRB5_CLIENT_KTNAME, of a writer in its source file"
                raise ConnectorError(self.source.name, f"no Kerberos ticket: {error}", hint=hint) from None
            if isinstance(error, _UNDECODABLE):
                raise self._undecodable(error) from None
            raise
        self._check_bind()

    def _not_opened(self, tls: VerifiedTls, error: LDAPException) -> ConnectorError:
        if tls.failure is not None:
            return tls.failure
        reason = self._connection.last_error or str(error) or type(error).__name__
        return Transient(self.source.name, f"{self.address} cannot be reached: {reason}", hint="is it up?")

    def _check_bind(self) -> None:
        result = self._connection.result
        code, message = int(result["result"]), str(result["message"])
        if code in PASSING:
            raise Transient(self.source.name, f"{self.address}: {explain_result(code, message).what}")
        if code != SUCCESS or not self._connection.bound:
            found = explain_bind(code, message)
            raise ConnectorError(self.source.name, f"{self.address} refused the login: {found.what}", hint=found.advice)

    def search(
        self,
        base: str,
        query: str,
        attributes: Sequence[str],
        *,
        scope: str = ldap3.BASE,
        controls: Sequence[Any] = (),
    ) -> LdapResult:
        """Search once; raises ``Transient`` when the connection is lost."""
        return self.decoded(self.receive(base, query, attributes, scope=scope, controls=controls))

    def receive(
        self,
        base: str,
        query: str,
        attributes: Sequence[str],
        *,
        scope: str = ldap3.BASE,
        page: tuple[int, bytes] | None = None,
        controls: Sequence[Any] = (),
    ) -> LdapResult:
        """Search as :meth:`search` does, and leave the entries undecoded; ``page`` is size and cookie.

        So the next page can be asked for before this one is decoded. Raises ``Transient`` when the connection is lost.
        """
        size, cookie = page or (None, None)
        options = {"search_scope": scope, "attributes": list(attributes), "controls": list(controls) or None}
        paging = {} if size is None else {"paged_size": size, "paged_cookie": cookie, "paged_criticality": True}
        self._apart.take()
        answer = self._call("search", base, query, dereference_aliases=ldap3.DEREF_NEVER, **options, **paging)
        return replace(answer, undecoded=self._apart.take())

    def decoded(self, answer: LdapResult) -> LdapResult:
        """Return an answer with its entries decoded; raises ``Transient`` when they cannot be."""
        try:
            return replace(answer, entries=[_entry(message) for message in answer.undecoded], undecoded=())
        except _UNDECODABLE as error:
            raise self._undecodable(error) from None

    def modify(self, dn: str, changes: dict[str, Any]) -> LdapResult:
        """Modify one object; raises ``Transient`` when the answer is lost, so that nobody knows what happened."""
        return self._call("modify", dn, changes)

    def _call(self, name: str, *arguments: Any, **options: Any) -> LdapResult:
        self.requests += 1
        try:
            getattr(self._connection, name)(*arguments, **options)
            return _result(self._connection.result)
        except LDAPException as error:
            reason = self._connection.last_error or str(error) or type(error).__name__
            raise Transient(self.source.name, f"the connection to {self.address} was lost: {reason}") from None
        except _UNDECODABLE as error:
            # What is left of such an answer would be taken for that to the next request.
            self.close()
            raise self._undecodable(error) from None

    def _undecodable(self, error: Exception) -> Transient:
        return Transient(self.source.name, f"the answer of {self.address} cannot be decoded: {type(error).__name__}")

    def close(self) -> None:
        """End the session; never fails."""
        with suppress(LDAPException, OSError, *_UNDECODABLE):
            self._connection.unbind()
        # ldap3 forgets sockets that did not connect, and those it could not say goodbye on.
        if self._connection.socket is not None:
            self._connection.socket.close()
