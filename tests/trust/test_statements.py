import base64
import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access_review.errors import ArtifactError, PlanRefused
from access_review.guarded_files.private import read_private
from access_review.logbook.lines import LogEntry, LogEvent, encode, first_line, verified
from access_review.logbook.tree import TreeHead, leaf
from access_review.revoke import signatures, sshsig, statements
from access_review.revoke.sshsig import PublicKeyLine
from access_review.revoke.statements import Objection, Statement, StatementKind, objection, open_statement, withdrawals
from tests.support.first_envelopes import first_envelope
from tests.support.programs import need
from tests.trust.openssh import armored, dearmored, detached, signed_elsewhere

AT = datetime(2026, 11, 2, 6, 30, tzinfo=UTC)
PLAN, RUN, WHO = "sha256:" + "a" * 64, "20261102T060000Z-0011aabb", "hr:person:1042"
HEAD = TreeHead(12, "sha256:" + "b" * 64)
SAID = Statement(StatementKind.APPROVAL, PLAN, WHO, AT, "Leavers of October — geprüft", "approver", RUN, "w1", HEAD)
SITE, ORIGIN = "access.example.test", "https://access.example.test"

ED25519 = Ed25519PrivateKey.generate()
KEYS: "dict[str, sshsig.SigningKey]" = {
    "ed25519": ED25519,
    "ecdsa-256": ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-384": ec.generate_private_key(ec.SECP384R1()),
    "ecdsa-521": ec.generate_private_key(ec.SECP521R1()),
    "rsa-3072": rsa.generate_private_key(65537, 3072),
}


class Token:
    """An authenticator in software: a FIDO key, or a passkey where it signs for a site."""

    def __init__(self, application=SITE):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.application = application
        point = sshsig.public_line(self.key).blob[-65:]
        kind = sshsig._SK_ECDSA
        parts = (kind.encode(), b"nistp256", point, application.encode())
        self.line = PublicKeyLine.parse(f"{kind} {base64.b64encode(b''.join(map(sshsig._string, parts))).decode()}")

    def _ecdsa(self, data):
        both = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return sshsig._string(b"".join(map(sshsig._mpint, both)))

    def _around(self, inner, namespace):
        parts = (self.line.blob, namespace.encode(), b"", b"sha512", inner)
        return b"SSHSIG" + sshsig._u32(1) + b"".join(map(sshsig._string, parts))

    def touched(self, message, *, flags=0x01, counter=7, namespace=sshsig.NAMESPACE):
        signed = hashlib.sha256(sshsig.signed_bytes(message, namespace)).digest()
        around = hashlib.sha256(self.application.encode()).digest() + bytes([flags]) + sshsig._u32(counter)
        inner = sshsig._string(sshsig._SK_ECDSA.encode()) + self._ecdsa(around + signed)
        return self._around(inner + bytes([flags]) + sshsig._u32(counter), namespace)

    def asked(self, message, *, flags=0x05, counter=1, origin=ORIGIN, shown=None, extensions=b"", client=None, more=""):
        """What a browser makes of `navigator.credentials.get`; ``shown`` is the origin in the signature itself."""
        challenge = base64.urlsafe_b64encode(sshsig.signed_bytes(message)).decode().rstrip("=")
        client = client or f'{{"type":"webauthn.get","challenge":"{challenge}","origin":"{origin}"{more}}}'.encode()
        data = hashlib.sha256(self.application.encode()).digest() + bytes([flags]) + sshsig._u32(counter) + extensions
        inner = sshsig._string(sshsig._WEBAUTHN.encode()) + self._ecdsa(data + hashlib.sha256(client).digest())
        inner += bytes([flags]) + sshsig._u32(counter)
        inner += b"".join(map(sshsig._string, ((shown or origin).encode(), client, extensions)))
        return self._around(inner, sshsig.NAMESPACE)


TOKEN, PASSKEY = Token("ssh:"), Token()
MESSAGE = statements.message(SAID)
GOOD = {
    **{name: (sshsig.public_line(key), sshsig.sign(key, MESSAGE)) for name, key in KEYS.items()},
    "token": (TOKEN.line, TOKEN.touched(MESSAGE)),
    "token, verified": (TOKEN.line, TOKEN.touched(MESSAGE, flags=0x05)),
    "passkey": (PASSKEY.line, PASSKEY.asked(MESSAGE, more=',"crossOrigin":false')),
    "synced passkey": (PASSKEY.line, PASSKEY.asked(MESSAGE, flags=0x1D, counter=0)),
    "passkey, extensions": (PASSKEY.line, PASSKEY.asked(MESSAGE, flags=0x85, extensions=b"\xa1aa\x01")),
}


def signing_key(path, password=None):
    """Read a private key as a stage does."""
    return statements.signing_key(read_private(path), password, name=str(path))


def ssh_keygen(*arguments, **options):
    need("ssh-keygen", "signatures against OpenSSH", None if shutil.which("ssh-keygen") else "ssh-keygen is missing")
    return subprocess.run(["ssh-keygen", *map(str, arguments)], capture_output=True, check=False, **options)


def verifies(folder, line, signature, message, namespace=sshsig.NAMESPACE, who=WHO):
    (folder / "allowed").write_text(f'{WHO} namespaces="{sshsig.NAMESPACE}" {line}\n')
    (folder / "given.sig").write_text(armored(signature))
    arguments = ("-Y", "verify", "-f", folder / "allowed", "-I", who, "-n", namespace, "-s", folder / "given.sig")
    return ssh_keygen(*arguments, input=message).returncode == 0


@pytest.mark.parametrize("name", GOOD)
def test_stock_ssh_keygen_verifies_what_we_make_and_so_do_we(tmp_path, name):
    line, signature = GOOD[name]
    data = signed_elsewhere(SAID, signature, line)
    found = open_statement(data, [sshsig.public_line(Ed25519PrivateKey.generate()), line])
    assert found.statement == SAID
    assert found.keys == (line.fingerprint,)
    (one,) = detached(data)
    assert one.fingerprint == line.fingerprint
    assert dearmored(one.signature) == signature
    assert verifies(tmp_path, line, signature, one.message)
    assert not verifies(tmp_path, line, signature, one.message + b"x")
    assert not verifies(tmp_path, line, signature, one.message, namespace="git")
    assert not verifies(tmp_path, line, signature, one.message, who="hr:person:1")


@pytest.mark.parametrize("name", GOOD)
def test_fingerprints_are_those_of_ssh_keygen(tmp_path, name):
    line, _ = GOOD[name]
    (tmp_path / "k.pub").write_text(f"{line} somebody@somewhere\n")
    shown = ssh_keygen("-lf", tmp_path / "k.pub")
    assert shown.stdout.split()[1].decode() == line.fingerprint
    assert PublicKeyLine.parse(f"{line} a comment\n") == line


@pytest.mark.parametrize(
    ("kind", "bits", "passphrase"),
    [("ed25519", 256, ""), ("ed25519", 256, "open sesame"), ("ecdsa", 384, ""), ("rsa", 3072, "")],
)
def test_keys_of_ssh_keygen_sign_by_our_hand_and_by_its_own(tmp_path, kind, bits, passphrase):
    path = tmp_path / "k"
    assert ssh_keygen("-q", "-t", kind, "-b", bits, "-N", passphrase, "-C", "x", "-f", path).returncode == 0
    line = PublicKeyLine.parse((tmp_path / "k.pub").read_text())
    data = statements.sign(SAID, signing_key(path, passphrase.encode() or None))
    assert open_statement(data, [line]).keys == (line.fingerprint,)
    assert verifies(tmp_path, line, dearmored(detached(data)[0].signature), MESSAGE)
    if passphrase:
        for wrong in (None, b"", b"wrong"):
            with pytest.raises(ArtifactError, match="passphrase is wrong, missing"):
                signing_key(path, wrong)
        return
    (tmp_path / "message").write_bytes(MESSAGE)
    assert ssh_keygen("-Y", "sign", "-f", path, "-n", sshsig.NAMESPACE, tmp_path / "message").returncode == 0
    theirs = dearmored((tmp_path / "message.sig").read_text())
    assert open_statement(signed_elsewhere(SAID, theirs, line), [line]).statement == SAID
    if kind != "ecdsa":
        assert sshsig.sign(signing_key(path), MESSAGE) == theirs


def refused(signature, line, message=MESSAGE, **options):
    with pytest.raises(PlanRefused) as error:
        sshsig.check(signature, message, line, **options)
    return error.value.message


@pytest.mark.parametrize("name", GOOD)
def test_any_byte_changed_or_missing_is_refused_here(name):
    line, signature = GOOD[name]
    for place in range(len(signature)):
        changed = bytearray(signature)
        changed[place] ^= 0x04
        refused(bytes(changed), line)
        refused(signature[:place], line)
    refused(signature + b"\0", line)
    refused(signature, line, MESSAGE + b"x")
    refused(signature, line, namespace="git")
    refused(signature, sshsig.public_line(Ed25519PrivateKey.generate()))


def test_a_signature_given_for_anything_else_counts_for_nothing():
    line = sshsig.public_line(ED25519)
    assert refused(sshsig.sign(ED25519, MESSAGE, "git"), line) == "a signature was given for something else"
    envelope = json.loads(statements.sign(SAID, ED25519))
    envelope["payloadType"] = "application/vnd.in-toto+json"
    with pytest.raises(PlanRefused, match="something else than a statement"):
        open_statement(rfc8785.dumps(envelope), [line])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"flags": 0x01}, "without the person being verified"),
        ({"flags": 0x04}, "without the person being verified"),
        ({"origin": "https://evil.test"}, "was asked for by 'https://evil.test'"),
        ({"origin": "http://access.example.test"}, "was asked for by"),
        ({"shown": ORIGIN, "origin": "https://evil.test"}, "does not fit"),
        ({"origin": 'https://a"'}, "does not fit"),
        ({"more": ',"crossOrigin":true'}, "inside another site's"),
        ({"more": ',"crossOrigin":0'}, "inside another site's"),
        ({"more": ',"crossOrigin":true,"crossOrigin":false'}, "cannot be read"),
        ({"more": ',"x":' + "[" * 20_000}, "cannot be read"),
        ({"more": ',"x"'}, "cannot be read"),
        ({"client": b'{"type":"webauthn.create"}'}, "does not fit"),
        ({"flags": 0x45}, "its flags do not fit"),
        ({"flags": 0x85}, "its flags do not fit"),
        ({"extensions": b"\xa0"}, "its flags do not fit"),
    ],
)
def test_a_passkey_counts_only_for_its_site_with_the_person_verified(options, reason):
    assert reason in refused(PASSKEY.asked(MESSAGE, **options), PASSKEY.line)


def test_what_an_authenticator_said_is_kept():
    found = open_statement(signed_elsewhere(SAID, PASSKEY.asked(MESSAGE, counter=3), PASSKEY.line), [PASSKEY.line])
    assert found.attended == {PASSKEY.line.fingerprint: sshsig.Attended(True, True, 0x05, 3, ORIGIN)}
    touched = sshsig.check(TOKEN.touched(MESSAGE), MESSAGE, TOKEN.line)
    assert touched == sshsig.Attended(present=True, verified=False, flags=0x01, counter=7)
    assert sshsig.check(sshsig.sign(ED25519, MESSAGE), MESSAGE, sshsig.public_line(ED25519)) is None
    assert "without anybody touching" in refused(TOKEN.touched(MESSAGE, flags=0x04), TOKEN.line)


def test_the_site_may_have_a_port_of_its_own_when_named():
    signature = PASSKEY.asked(MESSAGE, origin=f"{ORIGIN}:8443")
    assert "was asked for by" in refused(signature, PASSKEY.line)
    assert sshsig.check(signature, MESSAGE, PASSKEY.line, origins=[f"{ORIGIN}:8443"]).verified
    assert "was asked for by" in refused(PASSKEY.asked(MESSAGE), PASSKEY.line, origins=[f"{ORIGIN}:8443"])


def test_a_passkey_of_another_site_is_another_key():
    other = Token("evil.test")
    other.key = PASSKEY.key
    assert "another key" in refused(other.asked(MESSAGE), PASSKEY.line)


def rebuilt(line, inner):
    parts = (line.blob, sshsig.NAMESPACE.encode(), b"", b"sha512", inner)
    return b"SSHSIG" + sshsig._u32(1) + b"".join(map(sshsig._string, parts))


def test_a_signature_of_another_kind_than_its_key_is_refused():
    line = GOOD["ecdsa-256"][0]
    for kind in (sshsig._WEBAUTHN, "ssh-ed25519", sshsig._SK_ECDSA, ""):
        assert "of another kind" in refused(rebuilt(line, sshsig._string(kind.encode()) + sshsig._string(b"")), line)


@pytest.mark.parametrize("lie", [(0, 5), (5, 0), (-5, 5), (1 << 256, 1), (1, 1)])
def test_numbers_that_are_none_of_the_curve_are_refused(lie):
    line = GOOD["ecdsa-256"][0]
    inner = b"".join(sshsig._string(number.to_bytes(40, signed=True) if number else b"") for number in lie)
    refused(rebuilt(line, sshsig._string(line.algorithm.encode()) + sshsig._string(inner)), line)


def test_a_signature_of_another_version_or_hash_is_refused():
    signature = GOOD["ed25519"][1]
    for before, after in ((b"\0\0\0\x01", b"\0\0\0\x02"), (b"sha512", b"sha256")):
        assert "is damaged" in refused(signature.replace(before, after, 1), GOOD["ed25519"][0])
    assert "too long" in refused(signature + bytes(2**16), GOOD["ed25519"][0])


def off_the_curve(blob):
    """The point with the last bit of y turned: whatever the key, the curve has no such point."""
    return blob[:-1] + bytes([blob[-1] ^ 1])


RSA = rsa.generate_private_key(65537, 2048)
BAD_LINES = [
    "",
    "ssh-ed25519",
    "ssh-ed25519 AAAA",
    "ssh-ed25519 ????",
    "ssh-rsa " + base64.b64encode(sshsig._string(b"ssh-rsa") + bytes(30)).decode(),
    RSA.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
    f"ssh-rsa {str(GOOD['ed25519'][0]).split()[1]}",
    f"{GOOD['ed25519'][0]}AAAA",
    f"ssh-ed25519 {base64.b64encode(GOOD['ed25519'][0].blob[:-1]).decode()}",
    f"ssh-ed25519 {base64.b64encode(GOOD['ed25519'][0].blob + b'x').decode()}",
    f"ecdsa-sha2-nistp256 {base64.b64encode(GOOD['ecdsa-384'][0].blob).decode()}",
    f"ecdsa-sha2-nistp256 {base64.b64encode(off_the_curve(GOOD['ecdsa-256'][0].blob)).decode()}",
    f"{sshsig._SK_ECDSA} {base64.b64encode(PASSKEY.line.blob[: -len(SITE) - 4] + bytes(4)).decode()}",
    "ssh-ed25519 " + "A" * 9000,
    f"{sshsig._SK_ECDSA} {base64.b64encode(PASSKEY.line.blob[: -len(SITE) - 4] + sshsig._string(b'a' * 5000)).decode()}",
]


# Keys are new in every process, so the names of the cases must not hold them.
@pytest.mark.parametrize("line", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_damaged_key_line_is_an_error_of_ours(line):
    with pytest.raises(ArtifactError, match="is no public key"):
        PublicKeyLine.parse(line)


@given(st.text() | st.binary().map(lambda data: "ssh-ed25519 " + base64.b64encode(data).decode()))
def test_no_text_is_a_key_line(text):
    with pytest.raises(ArtifactError):
        PublicKeyLine.parse(text)


def test_a_token_of_ed25519_is_known(tmp_path):
    key = Ed25519PrivateKey.generate()
    kind = sshsig._SK_ED25519.encode()
    blob = b"".join(map(sshsig._string, (kind, sshsig.public_line(key).blob[-32:], b"ssh:")))
    line = PublicKeyLine.parse(f"{kind.decode()} {base64.b64encode(blob).decode()}")
    around = hashlib.sha256(b"ssh:").digest() + b"\x01" + sshsig._u32(9)
    raw = key.sign(around + hashlib.sha256(sshsig.signed_bytes(MESSAGE)).digest())
    inner = sshsig._string(kind) + sshsig._string(raw) + b"\x01" + sshsig._u32(9)
    parts = (blob, sshsig.NAMESPACE.encode(), b"", b"sha512", inner)
    signature = b"SSHSIG" + sshsig._u32(1) + b"".join(map(sshsig._string, parts))
    assert sshsig.check(signature, MESSAGE, line).counter == 9
    assert verifies(tmp_path, line, signature, MESSAGE)


def test_several_signatures_of_one_statement_count_and_others_take_nothing_away():
    envelope = json.loads(statements.sign(SAID, ED25519))
    (good,) = envelope["signatures"]
    other = json.loads(statements.sign(SAID, KEYS["ecdsa-256"]))["signatures"][0]
    lines = [sshsig.public_line(ED25519), sshsig.public_line(KEYS["ecdsa-256"])]
    envelope["signatures"] = [{"sig": "AAAA"}, other, {"sig": base64.b64encode(GOOD["passkey"][1]).decode()}, good]
    data = json.dumps(envelope).encode()
    assert open_statement(data, lines).keys == tuple(sorted(line.fingerprint for line in lines))
    assert open_statement(data, lines[:1]).keys == (lines[0].fingerprint,)
    with pytest.raises(PlanRefused):
        open_statement(data, [])
    assert open_statement(data, lines).attended == {}, "no authenticator said anything"
    envelope["signatures"] = [good] * 16
    assert open_statement(json.dumps(envelope).encode(), lines).keys == (lines[0].fingerprint,)
    envelope["signatures"] = [{**good, "sig": f"*{good['sig']}"}]
    with pytest.raises(PlanRefused, match="is damaged"):
        open_statement(json.dumps(envelope).encode(), lines)
    envelope["signatures"] = [good] * 17
    with pytest.raises(PlanRefused, match="is damaged"):
        open_statement(json.dumps(envelope).encode(), lines)


def signed_payload(payload):
    signature = sshsig.sign(ED25519, statements._message(payload))
    plain = {"payload": base64.b64encode(payload).decode(), "payloadType": statements.PAYLOAD_TYPE}
    return rfc8785.dumps({**plain, "signatures": [{"sig": base64.b64encode(signature).decode()}]})


SIGNED = SAID.payload()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"format":"access-review/approval@2"}',
        rfc8785.dumps({**SIGNED, "format": "access-review/approval@3"}),
        rfc8785.dumps({**SIGNED, "format": ["x"]}),
        rfc8785.dumps({**SIGNED, "format": {}}),
        rfc8785.dumps({**SIGNED, "person": 1042}),
        rfc8785.dumps({**SIGNED, "reason": None}),
        rfc8785.dumps({**SIGNED, "kind": "wish"}),
        rfc8785.dumps({**SIGNED, "digest": "sha256:x"}),
        rfc8785.dumps({**SIGNED, "digest": 5}),
        rfc8785.dumps({**SIGNED, "at": "0001-01-01T00:00:00+14:00"}),
        rfc8785.dumps({**SIGNED, "at": "2026-11-02T06:30:00"}),
        rfc8785.dumps({**SIGNED, "at": 7}),
        rfc8785.dumps({**SIGNED, "head": "1"}),
        rfc8785.dumps({**SIGNED, "more": ""}),
        rfc8785.dumps({name: value for name, value in SIGNED.items() if name != "role"}),
        json.dumps(SIGNED).encode(),
        rfc8785.dumps(SIGNED)[:-1] + b',"workspace":"w2"}',
    ],
)
def test_a_statement_signed_rightly_but_written_otherwise_is_refused(payload):
    with pytest.raises(PlanRefused):
        open_statement(signed_payload(payload), [sshsig.public_line(ED25519)])
    if b"approval@1" not in payload:
        with pytest.raises((PlanRefused, ArtifactError)):
            statements._statement(payload)


def old(**changed):
    plain = {**replace(SAID, head=None).payload(), **changed}
    return first_envelope(plain, ED25519.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))


def test_statements_of_the_first_format_are_read_as_before():
    line = sshsig.public_line(ED25519)
    found = open_statement(old(), [line, PASSKEY.line])
    assert found.statement == Statement(StatementKind.APPROVAL, PLAN, WHO, AT, SAID.reason)
    assert (found.keys, found.attended) == ((line.fingerprint,), {})
    assert found.statement.payload()["format"] == "access-review/approval@1"
    with pytest.raises(PlanRefused):
        open_statement(old(), [PASSKEY.line])
    envelope = json.loads(old())
    for damage, said in (
        ({"payloadType": "text/plain"}, "something else than an approval"),
        ({"payload": base64.b64encode(b"[]").decode()}, "something else than an approval"),
        ({"payload": base64.b64encode(b"{").decode()}, "is damaged"),
        ({"signatures": None}, "is damaged"),
    ):
        with pytest.raises(PlanRefused, match=said):
            signatures.open_envelope(json.dumps({**envelope, **damage}).encode(), [str(line)])
    other = Ed25519PrivateKey.generate()
    wrongly = {
        **envelope,
        "signatures": [{**envelope["signatures"][0], "keyid": sshsig.public_line(other).fingerprint}],
    }
    wrongly["signatures"] += envelope["signatures"]
    lines = [str(sshsig.public_line(other)), str(line)]
    assert signatures.open_envelope(json.dumps(wrongly).encode(), lines).keys == (line.fingerprint,)
    assert signatures.fingerprint(str(line)) == line.fingerprint
    for strange in (
        "",
        "ssh-ed25519",
        "ssh-ed25519 AA!A=",
        f"ssh-rsa {str(line).split()[1]}",
        str(GOOD["rsa-3072"][0]),
    ):
        with pytest.raises(ValueError, match=r"no ssh-ed25519 public key|base64|padding|character|data"):
            signatures.fingerprint(strange)
    with pytest.raises(ValueError, match="no ssh-ed25519 public key"):
        signatures.public_key(str(GOOD["rsa-3072"][0]))
    wrong: list[dict[str, object]] = [{"person": 5}, {"at": "x"}, {"at": None}, {"kind": "wish"}, {"digest": []}]
    for changed in wrong:
        with pytest.raises(PlanRefused):
            open_statement(old(**changed), [line])


@given(st.binary() | st.binary().map(lambda data: b'{"payload":"' + base64.b64encode(data) + b'"}'))
def test_no_bytes_give_a_traceback(data):
    with pytest.raises(PlanRefused):
        open_statement(data, [GOOD["ed25519"][0]])
    with pytest.raises(PlanRefused):
        sshsig.check(data, MESSAGE, PASSKEY.line)
    with pytest.raises(PlanRefused):
        sshsig.check(b"SSHSIG\0\0\0\1" + data, MESSAGE, PASSKEY.line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NEW = json.loads(statements.sign(SAID, ED25519))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([NEW, json.loads(old())]),
    st.sampled_from(["payload", "payloadType", "signatures", "sig"]),
    json_values,
)
def test_no_value_in_an_envelope_gives_a_traceback(envelope, name, value):
    changed = json.loads(json.dumps(envelope))
    if name == "sig":
        changed["signatures"][0]["sig"] = value
    else:
        changed[name] = value
    with pytest.raises(PlanRefused):
        open_statement(json.dumps(changed).encode(), [GOOD["ed25519"][0]])


@given(st.sampled_from(sorted(SIGNED)), json_values)
def test_no_value_in_a_statement_gives_a_traceback(name, value):
    line = GOOD["ed25519"][0]
    for plain in (SIGNED, replace(SAID, head=None).payload()):
        payload = json.dumps({**plain, name: value}).encode()
        try:
            open_statement(signed_payload(payload), [line])
        except PlanRefused:
            continue
        assert rfc8785.dumps({**plain, name: value}) == payload


def test_an_envelope_too_large_is_not_read():
    with pytest.raises(PlanRefused, match="1048577 bytes"):
        open_statement(b" " * (2**20 + 1), [])
    line, data = GOOD["ed25519"][0], statements.sign(SAID, ED25519)
    assert open_statement(data.ljust(2**20), [line]).statement == SAID


def test_what_a_statement_says_can_be_asked_unchecked():
    said, former, junk = statements.sign(SAID, ED25519), old(), b"{}"
    assert [statements.heads_seen(data) for data in (said, former, junk)] == [HEAD, None, None]
    assert [statements.signer_named(data) for data in (said, former, junk)] == [WHO, WHO, ""]
    assert statements.keys_in(said) == {GOOD["ed25519"][0].blob}


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
def test_a_key_is_locked_where_it_takes_a_passphrase(form):
    assert statements.is_locked(ED25519.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"pw")))
    assert not statements.is_locked(ED25519.private_bytes(Encoding.PEM, form, NoEncryption()))
    assert not statements.is_locked(b"no key")


LOG_LINES = [first_line("w1", AT - timedelta(days=1))]
LOG = verified(LOG_LINES[0] + b"\n")
SECOND = encode(LogEntry(LogEvent.PLAN, PLAN, AT - timedelta(hours=1)), LOG.head)
LOG = verified(b"\n".join((LOG_LINES[0], SECOND, b"")))
COUNTS = replace(SAID, head=LOG.head)


def test_a_statement_counts_for_what_it_says_and_nothing_else():
    def why(statement=COUNTS, **changed):
        given = {"digest": PLAN, "run": RUN, "log": LOG, "line": 2, "now": AT, **changed}
        return objection(statement, **given)

    assert why() is None
    assert why(replace(COUNTS, head=LOG.heads[1]), line=1) is None
    assert why(replace(COUNTS, head=LOG.heads[1])) is Objection.TOO_EARLY
    assert why(replace(COUNTS, head=LOG.heads[0]), line=1) is Objection.TOO_EARLY
    assert why(replace(COUNTS, head=None)) is Objection.OTHER_FORMAT
    assert why(digest="sha256:" + "0" * 64) is Objection.OTHER_DIGEST
    assert why(run="another") is Objection.OTHER_RUN
    assert why(replace(COUNTS, workspace="w2")) is Objection.OTHER_WORKSPACE
    assert why(replace(COUNTS, head=HEAD)) is Objection.OTHER_LOGBOOK
    rolled_back = verified(LOG_LINES[0] + b"\n")
    assert why(log=rolled_back, line=1) is Objection.OTHER_LOGBOOK
    assert why(now=AT - timedelta(seconds=1)) is Objection.IN_FUTURE
    assert why(replace(COUNTS, at=AT - timedelta(hours=1))) is None
    assert why(replace(COUNTS, at=AT - timedelta(hours=1, seconds=1))) is Objection.TOO_EARLY
    taken_back = withdrawals([COUNTS, replace(COUNTS, kind=StatementKind.WITHDRAWAL, digest=COUNTS.id)])
    assert why(withdrawn=taken_back) is Objection.WITHDRAWN
    by_another = replace(COUNTS, kind=StatementKind.WITHDRAWAL, digest=COUNTS.id, person="hr:person:7")
    assert why(withdrawn=withdrawals([by_another])) is None
    assert leaf(SECOND) == LOG.leaves[1]


def test_a_statement_keeps_its_id_however_its_envelope_is_written():
    data = statements.sign(SAID, ED25519)
    spaced = json.dumps(json.loads(data), indent=2).encode()
    assert (
        open_statement(spaced, [GOOD["ed25519"][0]]).statement.id
        == SAID.id
        == open_statement(data, [GOOD["ed25519"][0]]).statement.id
    )
    assert SAID.id == "sha256:" + hashlib.sha256(base64.b64decode(json.loads(data)["payload"])).hexdigest()


def test_what_could_not_be_read_again_is_not_written():
    for changed in ({"digest": "x"}, {"person": 5}):
        with pytest.raises(PlanRefused):
            statements.sign(replace(SAID, **changed), ED25519)


def test_only_private_keys_of_a_known_kind_are_read(tmp_path):
    path = tmp_path / "k"
    for key in KEYS.values():
        for form, way in (
            (PrivateFormat.OpenSSH, NoEncryption()),
            (PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")),
        ):
            path.write_bytes(key.private_bytes(Encoding.PEM, form, way))
            path.chmod(0o600)
            password = b"pw" if form is PrivateFormat.PKCS8 else None
            assert sshsig.public_line(signing_key(path, password)) == sshsig.public_line(key)
    others = (RSA, ec.generate_private_key(ec.SECP256K1()))
    for other in others:
        path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        with pytest.raises(ArtifactError, match="a key of a kind or length that is not used here"):
            signing_key(path)
    for junk in (b"", b"-----BEGIN OPENSSH PRIVATE KEY-----\n\n-----END OPENSSH PRIVATE KEY-----", bytes(2**16 + 1)):
        path.write_bytes(junk)
        with pytest.raises(ArtifactError):
            signing_key(path)
    with pytest.raises(ArtifactError, match="cannot be read"):
        signing_key(tmp_path / "none")
    path.write_bytes(ED25519.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o640)
    with pytest.raises(ArtifactError, match="is open to others: its group may read"):
        signing_key(path)
