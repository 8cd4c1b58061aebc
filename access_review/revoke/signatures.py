"""Signatures of the first format of statements: DSSE envelopes, checked with Ed25519 keys as OpenSSH keeps them.

A key is named by its OpenSSH fingerprint, which ``ssh-keygen -lf KEY.pub`` prints too. The envelope is DSSE
(secure-systems-lab/dsse, protocol 1.0): the type of what is signed is signed with it. Nothing writes them any more.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from access_review.errors import PlanRefused
from access_review.model import JsonObject

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

PAYLOAD_TYPE = "application/vnd.access-review.approval+json"


@dataclass(frozen=True, slots=True)
class Signed:
    """What an envelope says, and the fingerprints of the keys that truly signed it."""

    content: JsonObject
    keys: tuple[str, ...]


def fingerprint(line: str) -> str:
    """Return the OpenSSH fingerprint of a public key line, as ``SHA256:…``; raises ``ValueError``."""
    parts = line.split()
    if len(parts) < 2 or parts[0] != "ssh-ed25519":
        raise ValueError(f"{line[:40]!r} is no ssh-ed25519 public key")
    digest = hashlib.sha256(base64.b64decode(parts[1], validate=True)).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def public_key(line: str) -> "SSlibKey":
    """Read a public key line; raises ``ValueError`` for another kind of key or a damaged one."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

    key = load_ssh_public_key(line.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{line[:40]!r} is no ssh-ed25519 public key")  # noqa: TRY004 - a wrong value in a file
    return SSlibKey.from_crypto(key, keyid=fingerprint(line))


def open_envelope(data: bytes, keys: Iterable[str]) -> Signed:
    """Read an envelope, checking it against public key lines; raises ``PlanRefused`` when none of them signed it."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import UnverifiedSignatureError

    try:
        envelope = Envelope.from_dict(json.loads(data))
        content = json.loads(envelope.payload)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PlanRefused("a signature file is damaged", hint="sign again") from None
    if envelope.payload_type != PAYLOAD_TYPE or not isinstance(content, dict):
        raise PlanRefused("a signature file holds something else than an approval", hint="sign again")
    good = []
    for line in keys:
        key = public_key(line)
        if key.keyid in envelope.signatures:
            try:
                key.verify_signature(envelope.signatures[key.keyid], envelope.pae())
            except UnverifiedSignatureError:
                continue
            good.append(key.keyid)
    if not good:
        raise PlanRefused(
            "a signature file is signed by no key of roles/approvers.yaml, or was changed since",
            hint="enrol the key there, or sign again",
        )
    return Signed(content, tuple(sorted(good)))
