"""Signing in to Entra ID with msal: as an application, a managed identity, or a person at another screen.

Connections are made with a session of our own: TLS is verified against the system's
authorities or the one named, a proxy is used only when named. Environment variables
change neither.
"""

import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from access_review.connectors import Source
from access_review.connectors.entra.lost_connections import distrusts
from access_review.connectors.entra.registration import Certificate, Cloud, Registration
from access_review.connectors.entra.throttle import ThrottlePace, retry_after
from access_review.connectors.private_file import write_private
from access_review.connectors.secret import private_file, text_of
from access_review.errors import ConnectorError, Transient
from access_review.guarded_files.plain import followed, read_plain

LARGEST_CACHE = 2**24
LARGEST_CERTIFICATE = 2**20
"""Bytes."""

# What to do about the refusals that set-ups meet; the codes are listed in Microsoft's "AADSTS error codes".
ADVICE: Mapping[int, str] = {
    7000215: "the secret is wrong: copy its value, not its id, from the registration",
    7000222: "the secret has expired: add a new one to the registration, or better a certificate",
    7000112: "the application is disabled: enable its service principal",
    700016: "check client_id and tenant: the tenant has no such application",
    700027: "upload the certificate to the registration, and check that the key belongs to it",
    700024: "this machine's clock is off: synchronise it",
    700211: "the registration does not trust this issuer",
    700213: "the registration does not trust this subject",
    90002: "check tenant: there is no such tenant in this cloud (see cloud)",
    900023: "check tenant: it is neither a tenant's id nor one of its domains",
    50034: "the account does not exist in this tenant",
    50076: "sign in with a second factor: use device_code from a browser that can",
    50079: "register a second factor first",
    50105: "assign the account to the application, or drop the requirement",
    53003: "Conditional Access blocks this sign-in: exclude this application or sign in from an allowed place",
    65001: "an administrator has to consent to the application's permissions",
    7000218: "allow public client flows in the registration to use device_code",
    70043: "the session has expired: sign in again",
    70011: "the scope is not known to this cloud: check cloud",
    90094: "an administrator has to consent to the application's permissions",
}


@dataclass(frozen=True, slots=True)
class Network:
    """How connections are made; nothing of it comes from the environment."""

    authority: Path | None = None
    proxy: str | None = None

    def session(self, connections: int = 8) -> requests.Session:
        """Return a session that verifies TLS, keeps no cookies and follows no environment variable."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.authority) if self.authority else True
        session.proxies = {"https": self.proxy, "http": self.proxy} if self.proxy else {}
        session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=connections))
        return session


class Patient:
    """The HTTP client that msal uses: a session that repeats after throttling, server faults and lost connections."""

    def __init__(self, session: requests.Session, pace: ThrottlePace, attempts: int = 5) -> None:
        self._session, self._pace, self._attempts = session, pace, attempts

    def get(self, url: str, **more: Any) -> requests.Response:
        """Send a GET."""
        return self._send("GET", url, **more)

    def post(self, url: str, **more: Any) -> requests.Response:
        """Send a POST; asking for a token twice does no harm."""
        return self._send("POST", url, **more)

    def close(self) -> None:
        """End the connections."""
        self._session.close()

    def _send(self, method: str, url: str, **more: Any) -> requests.Response:
        for attempt in range(self._attempts):
            last = attempt == self._attempts - 1
            try:
                response = self._session.request(method, url, timeout=more.pop("timeout", 30), **more)
            except requests.ConnectionError as error:
                if last or distrusts(error):
                    raise
                self._pace.pause(self._pace.back_off(attempt))
                continue
            if last or (response.status_code != 429 and response.status_code < 500):
                return response
            seconds = retry_after(response.headers)
            self._pace.pause(self._pace.back_off(attempt) if seconds is None else seconds)
        raise AssertionError("the last attempt returns or raises")


@dataclass
class TokenProvider:
    """Gives access tokens for Graph, from msal's cache while they last. Threads may share it."""

    source: Source
    tenant: str
    registration: Registration
    cloud: Cloud
    network: Network
    pace: ThrottlePace = field(default_factory=ThrottlePace)
    say: Callable[[str], object] = field(default=lambda text: sys.stderr.write(f"{text}\n"))
    _app: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, fresh: bool = False) -> str:
        """Return a token; raises ``ConnectorError`` that says what to do."""
        with self._lock:
            if fresh:
                self._app = None
            try:
                answer = self._ask()
            except requests.RequestException as error:
                if distrusts(error):
                    hint = "name the authority of your network in ca_file"
                    raise self._fault("the sign-in service's certificate is not trusted", hint) from error
                raise Transient(self.source.name, f"sign-in got no answer: {type(error).__name__}") from error
            except ValueError as error:
                # msal has no class for it; nothing but the advice hangs on its words.
                hint = "check tenant and cloud" if "authority" in str(error).casefold() else ""
                raise self._fault(f"sign-in cannot be prepared: {_line(error)}", hint) from error
            except (AttributeError, KeyError, TypeError) as error:
                # msal takes it for granted that an answer is an object, with times that are numbers.
                message = "what answered is no sign-in service: its answer has another form"
                raise self._fault(message, "check cloud, and what stands between") from error
        token = answer.get("access_token")
        if not isinstance(token, str):
            raise self._refusal(answer)
        return token

    def _ask(self) -> Mapping[str, Any]:
        if self._app is None:
            self._app = self._made()
        if self.registration.managed_identity is not None:
            return dict(self._app.acquire_token_for_client(resource=self.cloud.graph))
        scopes = [f"{self.cloud.graph}/.default"]
        if self.registration.device_code:
            return self._at_another_screen(scopes)
        return dict(self._app.acquire_token_for_client(scopes=scopes))

    def _made(self) -> Any:
        import msal

        client = Patient(self.network.session(), self.pace)
        given = self.registration
        if given.managed_identity is not None:
            which = (
                msal.SystemAssignedManagedIdentity()
                if given.managed_identity == "system"
                else msal.UserAssignedManagedIdentity(client_id=given.managed_identity)
            )
            # The machine's own endpoint is never behind a proxy.
            return msal.ManagedIdentityClient(
                which, http_client=Patient(Network(self.network.authority).session(), self.pace)
            )
        options = {
            "authority": f"{self.cloud.sign_in}/{self.tenant}",
            "http_client": client,
            # A fixed list of clouds needs nobody to vouch for the address.
            "instance_discovery": False,
        }
        client_id = text_of(self.source, given.client_id or "")
        if given.device_code:
            return msal.PublicClientApplication(client_id, token_cache=self._cache(), **options)
        return msal.ConfidentialClientApplication(client_id, client_credential=self._credential(), **options)

    def _credential(self) -> Any:
        if self.registration.secret is not None:
            return self.registration.secret.read(self.source)
        assert self.registration.certificate is not None  # noqa: S101 - the model holds exactly one
        return _certificate(self.source, self.registration.certificate)

    def _at_another_screen(self, scopes: list[str]) -> Mapping[str, Any]:
        for account in self._app.get_accounts():
            found: Mapping[str, Any] | None = self._app.acquire_token_silent(scopes, account=account)
            if found:
                self._keep()
                return found
        flow = self._app.initiate_device_flow(scopes=scopes)
        if "user_code" not in flow:
            return dict(flow)
        self.say(flow["message"])
        found = dict(self._app.acquire_token_by_device_flow(flow))
        self._keep()
        return found

    def _cache(self) -> Any:
        import msal

        cache = msal.SerializableTokenCache()
        path = self._cache_path()
        if path and path.exists():
            try:
                cache.deserialize(private_file(self.source, path, LARGEST_CACHE).decode("utf-8"))
            except ValueError:
                raise self._fault(f"{path} is no token cache", "delete it, and sign in again") from None
        return cache

    def _keep(self) -> None:
        path = self._cache_path()
        if path and self._app.token_cache.has_state_changed:
            write_private(path, self._app.token_cache.serialize().encode())
            self._app.token_cache.has_state_changed = False

    def _cache_path(self) -> Path | None:
        path = self.registration.token_cache
        return self.source.folder / path if path else None

    def _refusal(self, answer: Mapping[str, Any]) -> ConnectorError:
        description = str(answer.get("error_description") or answer.get("error") or "no reason was given")
        found = re.search(r"AADSTS(\d+)", description)
        code = int(found[1]) if found else 0
        # What follows the first sentence are trace ids and times.
        first = re.split(r"\s+Trace ID:|\r?\n", description)[0]
        return self._fault(f"sign-in was refused: {first}", ADVICE.get(code, ""))

    def _fault(self, message: str, hint: str) -> ConnectorError:
        return ConnectorError(self.source.name, message, hint=hint)


def _certificate(source: Source, given: Certificate) -> Mapping[str, str]:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    path = source.folder / given.file
    if given.key:
        key = given.key.read(source).encode()
        try:
            held = read_plain(followed(path), LARGEST_CERTIFICATE)
        except OSError as error:
            raise ConnectorError(source.name, f"the certificate {path} cannot be read: {error.strerror}") from None
    else:
        key = held = private_file(source, path, LARGEST_CERTIFICATE)
    password = given.password.read(source).encode() if given.password else None
    try:
        private = serialization.load_pem_private_key(key, password)
        certificate = x509.load_pem_x509_certificate(held)
    except (ValueError, TypeError):
        hint = "one PEM file with certificate and key, or the key under key; password if it is encrypted"
        raise ConnectorError(source.name, f"{path} holds no usable certificate and key", hint=hint) from None
    plain = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return {"private_key": plain.decode(), "public_certificate": public}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
