"""msal and an independent token service, and what its tokens open: the service judges secrets and assertions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msal
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from pydantic import TypeAdapter

from access_review.connectors import Source
from access_review.connectors.entra.authentication import Network
from access_review.connectors.entra.connector import connect
from access_review.connectors.entra.permissions import READING
from access_review.connectors.entra.registration import Cloud, Registration
from access_review.errors import ConnectorError
from tests.simulated_tenant import token_service
from tests.simulated_tenant.credentials import certificate
from tests.simulated_tenant.reading import collected, simulate
from tests.simulated_tenant.signin_stub import TENANT
from tests.simulated_tenant.token_service import TokenService, by_certificate, by_secret
from tests.simulated_tenant.transport import Server
from tests.support.programs import need

pytestmark = pytest.mark.slow

SECRET = "not-a-real-secret-4K~canary"  # noqa: S105 - of a service that lives for one test
LOST = "Policy.Read.All"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, x509.Certificate, bytes]:
    """Return the reader's certificate with its key, in one file."""
    return certificate(tmp_path_factory.mktemp("reader"))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, held: Any) -> Iterator[tuple[TokenService, Server]]:
    """Return the token service and the simulated tenant that trusts its tokens, and nothing else."""
    need("oidc-provider", "an independent token service", token_service.missing())
    simulator = simulate()
    key = held[1].public_key()
    clients = [
        by_secret("secret", SECRET),
        by_certificate("ps256", key, "PS256"),
        by_certificate("rs256", key, "RS256"),
    ]
    with (
        Server(simulator, tmp_path_factory.mktemp("tokens")) as server,
        TokenService(server.authority, server.url, clients, READING - {LOST}) as tokens,
    ):
        simulator.tokens, simulator.granted = tokens.roles_of, None
        yield tokens, server


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTRA_SECRET", SECRET)


def reader(service: tuple[TokenService, Server], client: str, **proof: Any) -> Any:
    tokens, server = service
    said = TypeAdapter(Registration).validate_python({"client_id": client, **proof})
    cloud = Cloud(sign_in=tokens.url, graph=server.url)
    return connect(Source("entra", server.folder), tenant=TENANT, reader=said, cloud=cloud, ca_file=str(server.ca))


def assert_reads(connector: Any, server: Server) -> None:
    """What the token's roles allow is read; what they leave out is named."""
    made = collected(connector)
    assert {r["account"] for r in made.rows["accounts"]} >= {
        f"entra:user:{n}" for n in server.simulator.tenant.of("users")
    }
    assert set(made.short) - OPTIONAL_PARTS == (
        {"part:conditionalAccessPolicies", "entitlements", "grants"} if server.simulator.needs else set()
    )


OPTIONAL_PARTS = {"part:groups/onPremisesSyncBehavior"}


def test_a_secret_opens_what_the_roles_of_the_token_allow(service: tuple[TokenService, Server]) -> None:
    assert_reads(reader(service, "secret", secret={"env": "ENTRA_SECRET"}), service[1])


def test_a_certificate_opens_it_with_a_ps256_assertion(service: tuple[TokenService, Server], held: Any) -> None:
    assert_reads(reader(service, "ps256", certificate={"file": str(held[0])}), service[1])


def test_msal_with_a_thumbprint_signs_rs256(service: tuple[TokenService, Server], held: Any) -> None:
    tokens, server = service
    thumbprint = held[1].fingerprint(hashes.SHA1()).hex()  # noqa: S303 - the service names certificates by it
    app = msal.ConfidentialClientApplication(
        "rs256",
        client_credential={"private_key": held[2].decode(), "thumbprint": thumbprint},
        authority=f"{tokens.url}/{TENANT}",
        http_client=Network(server.ca).session(),
        instance_discovery=False,
    )
    answer = app.acquire_token_for_client(scopes=[f"{server.url}/.default"])
    assert tokens.roles_of(answer["access_token"]) == tokens.roles


@pytest.mark.parametrize("client", ["rs256", "nobody"])
def test_an_assertion_of_another_kind_or_client_is_refused(
    service: tuple[TokenService, Server], held: Any, client: str
) -> None:
    with pytest.raises(ConnectorError, match="sign-in was refused"):
        collected(reader(service, client, certificate={"file": str(held[0])}))


def test_another_certificate_or_secret_is_refused(
    service: tuple[TokenService, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConnectorError, match="sign-in was refused"):
        collected(reader(service, "ps256", certificate={"file": str(certificate(tmp_path)[0])}))
    monkeypatch.setenv("ENTRA_SECRET", "another-secret-4K~canary")
    with pytest.raises(ConnectorError, match="sign-in was refused") as caught:
        collected(reader(service, "secret", secret={"env": "ENTRA_SECRET"}))
    assert "another-secret" not in f"{caught.value!r}"


def test_a_token_that_was_changed_opens_nothing(service: tuple[TokenService, Server]) -> None:
    tokens, server = service
    app = msal.ConfidentialClientApplication(
        "secret",
        client_credential=SECRET,
        authority=f"{tokens.url}/{TENANT}",
        http_client=Network(server.ca).session(),
        instance_discovery=False,
    )
    token = app.acquire_token_for_client(scopes=[f"{server.url}/.default"])["access_token"]
    head, claims, signature = token.split(".")
    assert tokens.roles_of(token)
    assert tokens.roles_of(f"{head}.{claims}.{signature[::-1]}") is None
