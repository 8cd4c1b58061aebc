"""Signing in at an OpenID Connect provider: msal carries the flow (code, PKCE, state, nonce), we check the token.

msal compares the nonce and nothing else of an ID token, so signature, algorithm, issuer,
audience, times, tenant and object id are held here to what the policy says.
"""

import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from urllib.request import getproxies

import requests
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from access_review.errors import AccessReviewError
from access_review.model import Options
from access_review.settings.web import WebSignIn
from access_review.stages.sign_in import Claims

LEEWAY = 60
"""Seconds that the provider's clock and ours may differ by."""
_SECONDS = 10
"""Seconds until an answer of the provider is given up."""
_ALGORITHMS = ["RS256"]


class SignInFault(StrEnum):
    """Why somebody could not be signed in; what the provider wrote about it is never shown or logged."""

    UNREACHABLE = "the provider cannot be reached"
    NOT_BEGUN = "this sign-in was not begun in this browser, or took too long"
    OTHER_ISSUER = "the answer is of another provider"
    REFUSED = "the provider refused"
    BAD_TOKEN = "what the provider says of you does not hold"  # noqa: S105 - a sentence


class SignInRefused(AccessReviewError):
    """Nobody is signed in; ``fault`` says why."""

    def __init__(self, fault: SignInFault) -> None:
        super().__init__(str(fault), hint="sign in again")
        self.fault = fault


class IdentityProvider(Protocol):
    """Who signs people in."""

    def begin(self) -> tuple[str, Options]:
        """Return the address to send a browser to, and what must be remembered until it comes back."""

    def finish(self, flow: Options, query: Mapping[str, str]) -> Claims:
        """Return who came back; raises ``SignInRefused``."""


@dataclass
class OpenIdProvider:
    """One provider, and our registration there; ``redirect`` is where it sends browsers back to."""

    at: WebSignIn
    redirect: str
    secret: str

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: KeySet | None = None

    def begin(self) -> tuple[str, Options]:
        """Return the address to send a browser to, with fresh state, nonce and verifier; raises ``SignInRefused``."""
        with warnings.catch_warnings():
            # It would have the answer posted across sites, where no session cookie comes along.
            warnings.filterwarnings("ignore", message=".*response_mode='form_post'.*")
            flow = self._client().initiate_auth_code_flow([], redirect_uri=self.redirect)
        if "auth_uri" not in flow:
            raise SignInRefused(SignInFault.REFUSED)
        return str(flow["auth_uri"]), flow

    def finish(self, flow: Options, query: Mapping[str, str]) -> Claims:
        """Return who came back; raises ``SignInRefused``."""
        if not flow:
            raise SignInRefused(SignInFault.NOT_BEGUN)
        if query.get("iss", self.at.issuer) != self.at.issuer:
            raise SignInRefused(SignInFault.OTHER_ISSUER)
        try:
            answer = self._client().acquire_token_by_auth_code_flow(dict(flow), dict(query))
        except ValueError:  # another state or nonce; its words quote both
            raise SignInRefused(SignInFault.NOT_BEGUN) from None
        if "id_token" not in answer:
            raise SignInRefused(SignInFault.REFUSED)
        return self._checked(str(answer["id_token"]))

    def _checked(self, token: str) -> Claims:
        try:
            return checked(token, self._known_keys(), self.at)
        except InvalidKeyIdError:
            pass
        try:
            return checked(token, self._known_keys(again=True), self.at)
        except JoseError:
            raise SignInRefused(SignInFault.BAD_TOKEN) from None

    def _client(self) -> Any:
        import msal

        try:
            return msal.ConfidentialClientApplication(
                self.at.client,
                client_credential=self.secret,
                oidc_authority=self.at.issuer,
                http_client=self._session(),
                token_cache=msal.TokenCache(),  # a new one each time: no token is kept
                exclude_scopes=["offline_access"],
                instance_discovery=False,
            )
        except (requests.RequestException, ValueError):
            raise SignInRefused(SignInFault.UNREACHABLE) from None

    def _session(self) -> requests.Session:
        session = _Patient()
        # What stands in the environment must not decide whom we trust; where a proxy is, it may.
        session.trust_env = False
        session.proxies.update(getproxies())
        session.verify = self.at.ca or True
        return session

    def _known_keys(self, *, again: bool = False) -> KeySet:
        with self._lock:
            if self._keys is None or again:
                self._keys = self._read_keys()
            return self._keys

    def _read_keys(self) -> KeySet:
        session = self._session()
        try:
            described = session.get(f"{self.at.issuer}/.well-known/openid-configuration").json()
            if described["issuer"] != self.at.issuer:
                raise SignInRefused(SignInFault.OTHER_ISSUER)
            return KeySet.import_key_set(session.get(described["jwks_uri"]).json())
        except (requests.RequestException, ValueError, KeyError, TypeError, JoseError):
            raise SignInRefused(SignInFault.UNREACHABLE) from None


class _Patient(requests.Session):
    """A session in which no request waits for ever."""

    def request(self, *words: Any, **settings: Any) -> requests.Response:
        settings.setdefault("timeout", _SECONDS)
        return super().request(*words, **settings)


def checked(token: str, keys: KeySet, at: WebSignIn) -> Claims:
    """Return what an ID token says, held to the policy; raises ``SignInRefused``, and joserfc's error for an unknown key."""
    registry = jwt.JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": at.issuer},
        aud={"essential": True, "value": at.client},
        exp={"essential": True},
        iat={"essential": True},
        tid={"essential": True, "value": at.tenant},
        oid={"essential": True},
    )
    try:
        claims = jwt.decode(token, keys, algorithms=_ALGORITHMS).claims
        registry.validate(claims)
    except InvalidKeyIdError:
        raise
    except (JoseError, ValueError, TypeError, KeyError):
        raise SignInRefused(SignInFault.BAD_TOKEN) from None
    alone = claims["aud"] in (at.client, [at.client])
    if not alone or not isinstance(claims["oid"], str) or not claims["oid"]:
        raise SignInRefused(SignInFault.BAD_TOKEN)
    others = {name: value for name, value in claims.items() if isinstance(value, str)}
    return Claims(at.tenant, claims["oid"], others)
