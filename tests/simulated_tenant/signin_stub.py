"""A token endpoint that checks what it is given: secrets, signed assertions, device codes; and fails on demand."""

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509

from tests.simulated_tenant.wire import Response, VirtualClock

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
_MESSAGES = {
    7000215: ("invalid_client", "Invalid client secret provided."),
    7000222: ("invalid_client", "The provided client secret keys are expired."),
    700016: ("unauthorized_client", "Application was not found in the directory."),
    700027: ("invalid_client", "The certificate with identifier used to sign the client assertion is not registered."),
    90002: ("invalid_request", "Tenant not found."),
    53003: ("access_denied", "Access has been blocked by Conditional Access policies."),
}


@dataclass
class SignIn:
    """One tenant's sign-in service; ``others`` are registrations beside the first, and what they may."""

    clock: VirtualClock
    secret: str = ""
    certificate: x509.Certificate | None = None
    roles: frozenset[str] = frozenset({"User.Read.All"})
    others: dict[str, frozenset[str]] = field(default_factory=dict)
    base: str = ""
    life: int = 3600
    faults: list[Response] = field(default_factory=list)
    device_waits: int = 1
    given: dict[str, float] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def roles_of(self, token: str) -> frozenset[str] | None:
        """Return what a token allows; null when it is unknown or has expired."""
        until = self.given.get(token)
        client = token.partition(".")[0]
        return self.others.get(client, self.roles) if until is not None and self.clock.now() < until else None

    def refuse(self, code: int) -> Response:
        """Return a refusal as the service words it."""
        error, message = _MESSAGES[code]
        said = f"AADSTS{code}: {message} Trace ID: 1 Correlation ID: 2 Timestamp: 2026-11-24 09:00:00Z"
        return Response(
            401 if error == "invalid_client" else 400,
            {"error": error, "error_description": said, "error_codes": [code]},
        )

    def answer(self, method: str, url: str, body: str) -> Response:
        path = urlsplit(url).path
        if not path.startswith(f"/{TENANT}/"):
            return self.refuse(90002)
        if path.endswith("/.well-known/openid-configuration"):
            return Response(200, self._discovery())
        if path.endswith("/devicecode"):
            code = {"device_code": "d", "user_code": "ABCD", "verification_uri": f"{self.base}/device", "interval": 1}
            return Response(200, {**code, "expires_in": 900, "message": "open the page and enter ABCD"})
        if method != "POST" or not path.endswith("/token"):
            return Response(404, {})
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.asked.append(form)
        if self.faults:
            return self.faults.pop(0)
        return self._token(form)

    def _token(self, form: dict[str, str]) -> Response:
        client = form.get("client_id", "")
        if client != CLIENT and client not in self.others:
            return self.refuse(700016)
        if form.get("grant_type") == "urn:ietf:params:oauth:grant-type:device_code" or "device_code" in form:
            if self.device_waits:
                self.device_waits -= 1
                return Response(400, {"error": "authorization_pending", "error_description": "AADSTS70016: pending"})
            return self._give(delegated=True)
        if form.get("grant_type") == "refresh_token":
            return self._give(delegated=True) if form.get("refresh_token") == "r" else self.refuse(7000215)
        if "client_assertion" in form:
            return self._give() if self._signed(form["client_assertion"]) else self.refuse(700027)
        known = self.secret and form.get("client_secret") == self.secret
        return self._give(client) if known else self.refuse(7000215)

    def _signed(self, assertion: str) -> bool:
        if self.certificate is None:
            return False
        key: Any = self.certificate.public_key()
        endpoint = f"{self.base}/{TENANT}/oauth2/v2.0/token"
        try:
            claims = jwt.decode(
                assertion,
                key,
                algorithms=["RS256", "PS256"],
                audience=endpoint,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return False
        return bool(claims["iss"] == claims["sub"] == CLIENT)

    def _give(self, client: str = CLIENT, *, delegated: bool = False) -> Response:
        token = f"{client}.{secrets.token_urlsafe(16)}"
        self.given[token] = self.clock.now() + self.life
        more: dict[str, Any] = {"token_type": "Bearer", "expires_in": self.life, "access_token": token}
        if delegated:
            claims = {
                "iss": f"{self.base}/{TENANT}/v2.0",
                "sub": "s",
                "aud": CLIENT,
                "oid": "o",
                "tid": TENANT,
                "exp": 9_999_999_999,
                "iat": 1,
                "preferred_username": "ana@norwind.example.test",
            }
            info = json.dumps({"uid": "o", "utid": TENANT}).encode()
            more["client_info"] = base64.urlsafe_b64encode(info).decode().rstrip("=")
            more |= {"refresh_token": "r", "id_token": jwt.encode(claims, "k" * 32), "scope": "User.Read.All"}
        return Response(200, more)

    def _discovery(self) -> dict[str, Any]:
        root = f"{self.base}/{TENANT}"
        said = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "device_authorization_endpoint": "devicecode",
        }
        return {"issuer": f"{root}/v2.0", **{name: f"{root}/oauth2/v2.0/{last}" for name, last in said.items()}}

    @property
    def log(self) -> str:
        return json.dumps(self.asked)
