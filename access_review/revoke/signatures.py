"""Signatures: DSSE envelopes, made and checked with Ed25519 keys as OpenSSH keeps them.

People sign with the SSH key they have; a key is named by its OpenSSH fingerprint, which
``ssh-keygen -lf KEY.pub`` prints too. The envelope is DSSE (secure-systems-lab/dsse,
protocol 1.0): the type of what is signed is signed with it.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rfc8785

from access_review.errors import ArtifactError, PlanRefused
from access_review.model import JsonObject

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

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


def private_key(data: bytes, password: bytes | None = None, *, name: str) -> "CryptoSigner":
    """Read a private key as ``ssh-keygen -t ed25519`` writes it, or PKCS #8 PEM; raises ``ArtifactError``.

    What is wrong with it is said by its ``name``, without any of it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

    try:
        openssh = b"OPENSSH PRIVATE KEY" in data[:64]
        load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
        key = load(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ArtifactError(
            f"{name} is no private key that can be read, or its passphrase is wrong or missing",
            hint="name the private half of an ssh-ed25519 key",
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ArtifactError(f"{name} is no Ed25519 key", hint="make one: ssh-keygen -t ed25519")
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return CryptoSigner(key, public_key(public.decode()))


def sign(content: JsonObject, signer: "CryptoSigner") -> bytes:
    """Return an envelope around canonical JSON."""
    from securesystemslib.dsse import Envelope

    envelope = Envelope(rfc8785.dumps(dict(content)), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return rfc8785.dumps(envelope.to_dict()) + b"\n"


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
