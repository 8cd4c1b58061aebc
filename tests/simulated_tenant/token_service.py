"""An independent token service for tests: npm's ``oidc-provider``, a certified implementation, behind HTTPS.

It knows nothing of this tool: it checks secrets and signed assertions by the
standards, and signs tokens that the simulator verifies with its published key.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import jwt
import requests
from jwt.algorithms import RSAAlgorithm

from tests.real.authority import Authority
from tests.simulated_tenant.signin_stub import TENANT

FOLDER = Path(__file__).resolve().parent.parent / "oidc"
ENABLE = f"apt-get install nodejs npm && npm ci --prefix tests/{FOLDER.name}"


def missing() -> str | None:
    """Say why it cannot be started here; null when it can."""
    if shutil.which("node") is None:
        return f"node is not installed; enable with: {ENABLE}"
    if not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        return f"oidc-provider is not installed; enable with: {ENABLE}"
    return None


def by_secret(client: str, secret: str) -> dict[str, Any]:
    """Return a registration that proves itself with a secret."""
    return {"client_id": client, "client_secret": secret, "token_endpoint_auth_method": "client_secret_post"}


def by_certificate(client: str, key: Any, algorithm: str) -> dict[str, Any]:
    """Return a registration that proves itself with assertions signed by one algorithm, and no other."""
    public = {**RSAAlgorithm.to_jwk(key, as_dict=True), "use": "sig"}
    return {
        "client_id": client,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": algorithm,
        "jwks": {"keys": [public]},
    }


def by_code(client: str, secret: str, back: str) -> dict[str, Any]:
    """Return a registration to which people sign in, and are sent back to one address."""
    flow = {"grant_types": ["authorization_code"], "response_types": ["code"], "redirect_uris": [back]}
    return {**by_secret(client, secret), **flow}


@dataclass
class TokenService:
    """One tenant's service on a loopback port; its tokens are for ``resource`` and say ``roles``."""

    authority: Authority
    resource: str
    clients: list[dict[str, Any]]
    roles: frozenset[str]
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    tenant: str = TENANT
    port: int = 0
    _keys: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        certificate, key = self.authority.issue(self.authority.folder / "tokens", "localhost")
        settings = {
            "cert": str(certificate),
            "key": str(key),
            "tenant": self.tenant,
            "life": 3600,
            "resource": self.resource,
            "roles": sorted(self.roles),
            "clients": self.clients,
            "people": self.people,
        }
        log = self.authority.folder / "tokens.log"
        with log.open("w") as said:
            self._process = subprocess.Popen(
                ["node", FOLDER / "server.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
            )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(settings)}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, log.read_text()
        self.port = json.loads(line)["port"]
        return self

    def __exit__(self, *_: object) -> None:
        # It ends with its input.
        self._process.communicate(timeout=10)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def roles_of(self, token: str) -> frozenset[str] | None:
        """Return what a token allows, by its signature, audience, issuer and time; null when any of them is wrong."""
        if not self._keys:
            answer = requests.get(f"{self._place}/jwks", verify=str(self.authority.file), timeout=10)
            self._keys = {str(key.key_id): key.key for key in jwt.PyJWKSet.from_dict(answer.json()).keys}
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(token, key, algorithms=["RS256"], audience=self.resource, issuer=self._place)
        except (jwt.InvalidTokenError, KeyError):
            return None
        return frozenset(claims["roles"])

    @property
    def _place(self) -> str:
        return f"{self.url}/{self.tenant}/v2.0"
