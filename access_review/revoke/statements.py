"""Signed statements: one person says one thing of one digest, at one moment, in one workspace.

A statement of format ``approval@2`` names the run, the workspace and the head of the
logbook that was seen, so it counts nowhere else, and no logbook can be rolled back past it.
The envelope is DSSE (protocol 1.0) and the signature in it OpenSSH's own over :func:`message`, so
that anybody checks it with ``ssh-keygen -Y verify`` once it is written in its armour. Format
``@1``, which names none of these, is read as before. Pure.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import rfc8785

from access_review.errors import AccessReviewError, ArtifactError, PlanRefused
from access_review.logbook.lines import Logbook
from access_review.logbook.tree import TreeHead
from access_review.revoke import signatures, sshsig
from access_review.revoke.sshsig import Attended, PublicKeyLine

if TYPE_CHECKING:
    from access_review.revoke.sshsig import SigningKey

FORMAT_1 = "access-review/approval@1"
FORMAT = "access-review/approval@2"
PAYLOAD_TYPE = signatures.PAYLOAD_TYPE
LARGEST = 2**20
"""Bytes of an envelope; a statement is a few hundred."""
MOST_SIGNATURES = 16
"""How many signatures one envelope may hold."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class StatementKind(StrEnum):
    """What a statement says of a digest.

    ``request``, ``approval`` and ``execution`` are of a plan, ``standing`` of a standing
    approval or removal, ``notice`` says that a manager was told of a removal, ``stop`` that it is not to be, ``wind-down`` of a declared one, ``waiver`` of an exception, ``sign-off`` of an
    audit, ``attestation`` of what somebody states or does beside the check list; ``withdrawal`` takes back the statement with that digest (:attr:`Statement.id`).
    """

    REQUEST = "request"
    APPROVAL = "approval"
    STANDING = "standing"
    EXECUTION = "execution"
    WITHDRAWAL = "withdrawal"
    WAIVER = "waiver"
    WIND_DOWN = "wind-down"
    SIGN_OFF = "sign-off"
    ATTESTATION = "attestation"
    NOTICE = "notice"
    STOP = "stop"


def signed_digest(plain: Any) -> str:
    """Return the digest by which a value is signed: of its canonical JSON."""
    return "sha256:" + hashlib.sha256(rfc8785.dumps(plain)).hexdigest()


@dataclass(frozen=True, slots=True)
class Statement:
    """What one person says; without a ``head`` it is of format ``@1``, and has no run, workspace or role either.

    ``role`` is in which capacity they say it (``requester``, ``approver``, ``executor``, ``job``).
    """

    kind: StatementKind
    digest: str
    person: str
    at: datetime
    reason: str = ""
    role: str = ""
    run: str = ""
    workspace: str = ""
    head: TreeHead | None = None

    def payload(self) -> dict[str, str]:
        """Return what is signed, as plain values."""
        plain = {
            "format": FORMAT_1,
            "kind": str(self.kind),
            "digest": self.digest,
            "person": self.person,
            "at": self.at.isoformat(),
            "reason": self.reason,
        }
        if self.head is None:
            return plain
        at = self.at.astimezone(UTC).isoformat()
        seen = {"role": self.role, "run": self.run, "workspace": self.workspace, "head": str(self.head)}
        return plain | {"format": FORMAT, "at": at} | seen

    @property
    def id(self) -> str:
        """Digest of what is signed: the same however the envelope is written, and whoever signs."""
        return signed_digest(self.payload())


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement, the fingerprints of the known keys that truly signed it, and what their authenticators said."""

    statement: Statement
    keys: tuple[str, ...]
    attended: Mapping[str, Attended]


class Objection(StrEnum):
    """Why a signed statement does not count; each is passed over and said."""

    OTHER_FORMAT = "other format"
    OTHER_DIGEST = "other digest"
    OTHER_RUN = "other run"
    OTHER_WORKSPACE = "other workspace"
    OTHER_LOGBOOK = "other logbook"
    IN_FUTURE = "in the future"
    TOO_EARLY = "too early"
    TOO_LATE = "after the plan expired"
    WITHDRAWN = "withdrawn"


def message(statement: Statement) -> bytes:
    """Return the bytes that are signed: DSSE's encoding of what the statement says and of what type it is."""
    return _message(rfc8785.dumps(statement.payload()))


def sign(statement: Statement, key: "SigningKey") -> bytes:
    """Return an envelope with the signature of a key.

    Raises ``PlanRefused`` for a statement that could not be read again.
    """
    return envelope(statement, sshsig.public_line(key).fingerprint, sshsig.sign(key, message(statement)))


def open_statement(data: bytes, keys: Iterable[PublicKeyLine]) -> SignedStatement:
    """Read an envelope and check it against known keys; raises ``PlanRefused`` when none of them signed it.

    Whose the keys are, and whether they may say this, is for the caller to judge.
    """
    known = {key.blob: key for key in keys}
    payload, given = _parts(data)
    if statement_format(payload) == FORMAT_1:
        return _opened_1(data, known.values())
    statement = _statement(payload)
    good: dict[str, Attended | None] = {}
    refused = PlanRefused(
        "a signature file is signed by no key of roles/approvers.yaml", hint="enrol the key, or sign again"
    )
    for signature in given:
        try:
            key = known.get(sshsig.key_in(signature))
            if key is not None:
                good[key.fingerprint] = sshsig.check(signature, _message(payload), key)
        except PlanRefused as error:
            refused = error
    if not good:
        raise refused
    return SignedStatement(
        statement,
        tuple(sorted(good)),
        {key: attended for key, attended in sorted(good.items()) if attended is not None},
    )


def payload_of(data: bytes) -> Statement:
    """Return what an envelope says, unchecked: for what is known of it beside who signed. Raises ``PlanRefused``."""
    payload, _ = _parts(data)
    return _statement_1(json.loads(payload)) if statement_format(payload) == FORMAT_1 else _statement(payload)


def statement_or_none(data: bytes) -> Statement | None:
    """Return what an envelope says, unchecked; nothing of one that is damaged."""
    try:
        return payload_of(data)
    except PlanRefused:
        return None


def keys_in(data: bytes) -> frozenset[bytes]:
    """Return the keys that an envelope says it is signed with, unchecked; raises ``PlanRefused`` for a damaged one."""
    return frozenset(map(sshsig.key_in, _parts(data)[1]))


def heads_seen(data: bytes) -> TreeHead | None:
    """Return the head that a statement says was seen, unchecked; nothing of one that is damaged or names none."""
    try:
        payload, _ = _parts(data)
        return _statement(payload).head if statement_format(payload) == FORMAT else None
    except PlanRefused:
        return None


def signer_named(data: bytes) -> str:
    """Return who a statement says made it, unchecked; empty of one that is damaged."""
    try:
        return payload_of(data).person
    except (PlanRefused, ValueError):
        return ""


def objection(
    statement: Statement,
    *,
    digest: str,
    run: str,
    log: Logbook,
    line: int,
    now: datetime,
    withdrawn: Collection[tuple[str, str]] = (),
) -> Objection | None:
    """Say why a statement does not count for a digest in this workspace; nothing when it does.

    ``line`` is the number of the line that says that what it is about was made: nobody signs
    what is not there yet, and whoever signs has seen that line, so that it cannot be taken
    back. ``withdrawn`` comes from :func:`withdrawals`.
    """
    checks = (
        (Objection.OTHER_FORMAT, statement.head is None),
        (Objection.OTHER_DIGEST, statement.digest != digest),
        (Objection.OTHER_RUN, statement.run != run),
        (Objection.OTHER_WORKSPACE, statement.workspace != log.workspace),
        (Objection.OTHER_LOGBOOK, statement.head is not None and not log.holds(statement.head)),
        (Objection.IN_FUTURE, statement.at > now),
        (Objection.TOO_EARLY, statement.at < log.entries[line - 1].at),
        (Objection.TOO_EARLY, statement.head is not None and statement.head.size < line),
        (Objection.WITHDRAWN, (statement.person, statement.id) in withdrawn),
    )
    return next((reason for reason, holds in checks if holds), None)


def withdrawals(statements: Iterable[Statement]) -> frozenset[tuple[str, str]]:
    """Return who took back which statement; a person takes back only what they said themselves."""
    return frozenset((one.person, one.digest) for one in statements if one.kind is StatementKind.WITHDRAWAL)


def signing_key(data: bytes, password: bytes | None = None, *, name: str) -> "SigningKey":
    """Read a private key as ``ssh-keygen -t ed25519`` (or ``ecdsa``, ``rsa``) writes it, or PKCS #8 PEM; raises ``ArtifactError``.

    What is wrong with it is said by its ``name``, without any of it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    openssh = b"OPENSSH PRIVATE KEY" in data[:64]
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        key = load(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ArtifactError(
            f"{name} is no private key that can be read, or its passphrase is wrong, missing or not asked for",
            hint="name the private half, as ~/.ssh/id_ed25519",
        ) from None
    curves = {"secp256r1", "secp384r1", "secp521r1"}
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in curves:
        return key
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= sshsig.SHORTEST_RSA:
        return key
    raise ArtifactError(
        f"{name} is a key of a kind or length that is not used here", hint="make one: ssh-keygen -t ed25519"
    )


def is_locked(data: bytes) -> bool:
    """Tell whether a private key is encrypted; what is no key is not."""
    from cryptography.hazmat.primitives import serialization

    openssh = b"OPENSSH PRIVATE KEY" in data[:64]
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    try:
        load(data, None)
    except TypeError:  # how both say that a password is needed
        return True
    except Exception:  # noqa: BLE001 - what is wrong with it is said when it is used
        return False
    return False


def statement_format(payload: bytes) -> str:
    """Return the format that a payload says it has; raises ``PlanRefused`` for one that says none."""
    try:
        plain = json.loads(payload)
    except (ValueError, RecursionError):
        plain = None
    form = plain.get("format") if isinstance(plain, dict) else None
    if not isinstance(form, str) or form not in {FORMAT, FORMAT_1}:
        raise PlanRefused("a signature file holds something else than a statement", hint="sign again")
    return form


def _statement(payload: bytes) -> Statement:
    """Return what a payload of format ``@2`` says; raises ``PlanRefused`` for one that :func:`sign` does not write."""
    try:
        plain = json.loads(payload)
        statement = Statement(
            kind=StatementKind(plain["kind"]),
            digest=plain["digest"],
            person=plain["person"],
            at=datetime.fromisoformat(plain["at"]).astimezone(UTC),
            reason=plain["reason"],
            role=plain["role"],
            run=plain["run"],
            workspace=plain["workspace"],
            head=TreeHead.parse(plain["head"]),
        )
        texts = (statement.person, statement.reason, statement.role, statement.run, statement.workspace)
        whole = all(isinstance(text, str) for text in texts) and bool(_DIGEST.fullmatch(statement.digest))
        # Written back alike, there is no second reading: no key twice, no field that only some programs see.
        whole = whole and rfc8785.dumps(statement.payload()) == payload
    except (ArtifactError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        whole = False
    if not whole:
        raise PlanRefused("a signed statement is not as this tool writes it", hint="sign again")
    return statement


def _opened_1(data: bytes, keys: Iterable[PublicKeyLine]) -> SignedStatement:
    """Read a statement of format ``@1``, whose signature is Ed25519 alone."""
    lines = [str(key) for key in keys if key.algorithm == "ssh-ed25519"]
    try:
        signed = signatures.open_envelope(data, lines)
    except AccessReviewError:
        raise
    except Exception:  # noqa: BLE001 - the envelope is another library's to read, and the bytes are anybody's
        raise PlanRefused("a signed statement is not one of this tool", hint="sign again") from None
    return SignedStatement(_statement_1(signed.content), signed.keys, {})


def _statement_1(content: Mapping[str, Any]) -> Statement:
    try:
        at = datetime.fromisoformat(content["at"]).astimezone(UTC)
        texts = [str(content[name]) for name in ("digest", "person", "reason")]
        whole = content["format"] == FORMAT_1 and texts == [content[name] for name in ("digest", "person", "reason")]
        statement = Statement(StatementKind(content["kind"]), texts[0], texts[1], at, texts[2])
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError):
        whole = False
    if not whole:
        raise PlanRefused("a signed statement is not one of this tool", hint="sign again")
    return statement


def _message(payload: bytes) -> bytes:
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def envelope(statement: Statement, fingerprint: str, signature: bytes) -> bytes:
    """Return an envelope with a signature that was made elsewhere; raises ``PlanRefused`` for what could not be read again."""
    payload = rfc8785.dumps(statement.payload())
    _statement(payload)  # what could not be read again is not written
    signed = {"keyid": fingerprint, "sig": base64.b64encode(signature).decode()}
    plain: dict[str, Any] = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [signed],
    }
    return rfc8785.dumps(plain) + b"\n"


def _parts(data: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the payload and the signatures of an envelope; raises ``PlanRefused`` for a damaged one."""
    if len(data) > LARGEST:
        raise PlanRefused(f"a signature file has {len(data)} bytes", hint="sign again")
    try:
        plain = json.loads(data)
        payload = base64.b64decode(plain["payload"], validate=True)
        given = tuple(_signatures(plain["signatures"]))
        right = plain["payloadType"] == PAYLOAD_TYPE
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise PlanRefused("a signature file is damaged", hint="sign again") from None
    if not right:
        raise PlanRefused("a signature file holds something else than a statement", hint="sign again")
    return payload, given


def _signatures(plain: Any) -> Iterator[bytes]:
    if not isinstance(plain, list) or len(plain) > MOST_SIGNATURES:
        raise TypeError
    for one in plain:
        yield base64.b64decode(one["sig"], validate=True)
