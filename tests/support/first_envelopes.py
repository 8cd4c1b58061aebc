"""Envelopes as the first versions signed statements: they are still read, and nothing else writes them any more."""

from collections.abc import Mapping
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from access_review.revoke import signatures
from access_review.revoke.sshsig import public_line


def first_envelope(content: Mapping[str, Any], private: bytes) -> bytes:
    """Return an envelope around canonical JSON, signed with the private half of an Ed25519 key as OpenSSH writes it."""
    key: Any = load_ssh_private_key(private, None)
    envelope = Envelope(rfc8785.dumps(dict(content)), signatures.PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key, signatures.public_key(str(public_line(key)))))
    return rfc8785.dumps(envelope.to_dict()) + b"\n"
