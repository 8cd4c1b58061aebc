"""What an ID token must be: every lie that a provider, or somebody in between, could tell is refused."""

import base64
import hmac
import json
import time

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from pydantic import ValidationError

from access_review.errors import Unclear
from access_review.settings.web import Web, WebSignIn
from access_review.stages.sign_in import Claims
from access_review.web.server import Listening, refuse_unsafe
from access_review.web.sign_in import OpenIdProvider, SignInFault, SignInRefused, checked

TENANT = "6f1b0f53-8f6e-4f0b-b6a7-0c1f6d1c3a10"
AT = WebSignIn(
    issuer=f"https://login.example.test/{TENANT}/v2.0",
    tenant=TENANT,
    client="review",
    secret_env="WEB_SECRET",  # noqa: S106 - the name of a variable
)
KEY, OTHER = RSAKey.generate_key(2048, {"kid": "1"}), RSAKey.generate_key(2048, {"kid": "1"})
KEYS = KeySet([RSAKey.import_key(KEY.as_pem(private=False), {"kid": "1"})])


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    told = {"iss": AT.issuer, "aud": "review", "tid": TENANT, "oid": "abc", "iat": now, "exp": now + 600, **changed}
    return {name: value for name, value in told.items() if value is not None}


def token(key: object = KEY, algorithm: str = "RS256", **changed: object) -> str:
    return jwt.encode({"alg": algorithm, "kid": "1"}, claims(**changed), key, algorithms=[algorithm])  # type: ignore[arg-type]


def unsigned() -> str:
    parts = ({"alg": "none", "kid": "1"}, claims())
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def by_public_key() -> str:
    """Sign with the public key as if it were a secret both sides know."""
    head, body, _ = token().split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"1"}').decode().rstrip("=")
    made = hmac.digest(KEY.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"


def after(seconds: int) -> int:
    return int(time.time()) + seconds


LIES = {
    "another key": lambda: token(OTHER),
    "the public key as a secret": by_public_key,
    "no signature": unsigned,
    "another algorithm": lambda: token(algorithm="RS512"),
    "another issuer": lambda: token(iss="https://evil.example.test/v2.0"),
    "no issuer": lambda: token(iss=None),
    "for somebody else": lambda: token(aud="other"),
    "for somebody else, and us": lambda: token(aud=["review", "other"]),
    "for nobody": lambda: token(aud=None),
    "another tenant": lambda: token(tid="other"),
    "no tenant": lambda: token(tid=None),
    "no object": lambda: token(oid=None),
    "an object that is no text": lambda: token(oid=["abc"]),
    "over": lambda: token(exp=after(-200)),
    "without an end": lambda: token(exp=None),
    "not yet": lambda: token(nbf=after(200)),
    "made later": lambda: token(iat=after(200)),
    "no token": lambda: "",
    "half a token": lambda: token()[:60],
    "changed": lambda: token()[:-8] + "AAAAAAAA",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_signs_nobody_in(lie):
    with pytest.raises(SignInRefused) as refused:
        checked(LIES[lie](), KEYS, AT)
    assert refused.value.fault is SignInFault.BAD_TOKEN


def test_the_truth_signs_in_and_a_clock_may_be_a_minute_off():
    for told in (token(), token(exp=after(-30)), token(iat=after(30)), token(aud=["review"])):
        assert checked(told, KEYS, AT).object_id == "abc"
    known = checked(token(employeeid="10042", amr=["mfa"]), KEYS, AT)
    assert isinstance(known, Claims)
    assert (known.tenant, known.others["employeeid"]) == (TENANT, "10042")
    assert "amr" not in known.others


def test_an_answer_that_names_another_provider_or_that_nobody_began_is_refused():
    provider = OpenIdProvider(AT, "https://review.example.test/callback", "secret")
    with pytest.raises(SignInRefused) as mixed:
        provider.finish({"state": "s"}, {"state": "s", "code": "c", "iss": "https://evil.example.test"})
    assert mixed.value.fault is SignInFault.OTHER_ISSUER
    with pytest.raises(SignInRefused) as none:
        provider.finish({}, {"state": "s", "code": "c"})
    assert none.value.fault is SignInFault.NOT_BEGUN


def test_a_provider_that_cannot_be_reached_is_said_in_a_sentence():
    nobody = AT.model_copy(update={"issuer": f"https://127.0.0.1:9/{TENANT}/v2.0"})
    with pytest.raises(SignInRefused) as refused:
        OpenIdProvider(nobody, "https://review.example.test/callback", "secret").begin()
    assert refused.value.fault is SignInFault.UNREACHABLE


@pytest.mark.parametrize("anybody", ["common", "organizations", "consumers"])
def test_an_issuer_that_signs_anybody_in_is_no_policy(anybody):
    with pytest.raises(ValidationError, match="your own tenant"):
        WebSignIn.model_validate({**AT.model_dump(), "issuer": f"https://login.microsoftonline.com/{anybody}/v2.0"})


def test_nothing_is_served_where_others_could_read_it(tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.touch()
    key.touch(mode=0o600)
    web = Web(address="https://review.example.test", sign_in=AT)
    plain = Web(address="http://localhost:8443", sign_in=AT)
    refuse_unsafe(web, Listening("0.0.0.0", 443, certificate, key))  # noqa: S104 - what is tested
    refuse_unsafe(web, Listening("127.0.0.1", 8443, behind_proxy=True))
    refuse_unsafe(plain, Listening("127.0.0.1", 8443))
    for declared, listening, told in (
        (web, Listening("127.0.0.1", 8443), "nothing says who ends TLS"),
        (web, Listening("0.0.0.0", 8443, behind_proxy=True), "loopback alone"),  # noqa: S104
        (web, Listening("127.0.0.1", 8443, certificate), "without its key"),
        (web, Listening("127.0.0.1", 8443, certificate, key, behind_proxy=True), "either TLS is ended here"),
        (plain, Listening("127.0.0.1", 8443, certificate, key), "not reached over TLS"),
        (Web(address="http://review.example.test", sign_in=AT), Listening("127.0.0.1", 80), "read by others"),
    ):
        with pytest.raises(Unclear, match=told):
            refuse_unsafe(declared, listening)
    from access_review.errors import ArtifactError

    key.chmod(0o644)
    with pytest.raises(ArtifactError):
        refuse_unsafe(web, Listening("127.0.0.1", 8443, certificate, key))
