"""Passkeys of browsers: what they are asked to sign, what comes back as a signature of OpenSSH's, and their public line.

The challenge is the very bytes that an SSH key would sign, so a passkey is one more line of
``roles/approvers.yaml`` and its signature is checked by stock ``ssh-keygen``. Pure.
"""

import base64
import struct
from collections.abc import Collection
from dataclasses import dataclass

from access_review.errors import PlanRefused
from access_review.revoke import sshsig, statements
from access_review.revoke.sshsig import Attended, PublicKeyLine
from access_review.revoke.statements import Statement

ALGORITHM = "sk-ecdsa-sha2-nistp256@openssh.com"
_SIGNATURES = b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
_CURVE = b"nistp256"
_HEAD = 37
"""Bytes of what an authenticator says before its extensions: digest of the site, flags, counter."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a browser gives back when a passkey has signed."""

    authenticator: bytes
    client: bytes
    signature: bytes


def challenge(statement: Statement) -> bytes:
    """Return what a passkey is asked to sign for a statement."""
    return sshsig.signed_bytes(statements.message(statement))


def signature_of(key: PublicKeyLine, assertion: Assertion, origin: str) -> bytes:
    """Return what a passkey signed as a signature of OpenSSH's; raises ``PlanRefused`` for what cannot be one."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    said = assertion.authenticator
    try:
        numbers = decode_dss_signature(assertion.signature)
        flags, counter = said[32], int.from_bytes(said[33:_HEAD])
    except (ValueError, IndexError):
        raise PlanRefused("what the passkey gave back is damaged", hint="sign again") from None
    if len(said) < _HEAD or min(numbers) <= 0:
        raise PlanRefused("what the passkey gave back is damaged", hint="sign again")
    raw = b"".join(_string(number.to_bytes(number.bit_length() // 8 + 1)) for number in numbers)
    parts = (_string(_SIGNATURES), _string(raw), struct.pack(">BI", flags, counter))
    inner = b"".join((*parts, _string(origin.encode()), _string(assertion.client), _string(said[_HEAD:])))
    around = (key.blob, sshsig.NAMESPACE.encode(), b"", sshsig.HASH.encode(), inner)
    return b"SSHSIG" + struct.pack(">I", 1) + b"".join(map(_string, around))


def sealed(statement: Statement, keys: Collection[PublicKeyLine], assertion: Assertion, origin: str) -> bytes:
    """Return the envelope of a statement that one of these passkeys signed at a site; raises ``PlanRefused`` where none did."""
    refused = PlanRefused("no passkey of yours is enrolled for this site", hint="enrol one: /passkey")
    for key in keys:
        signature = signature_of(key, assertion, origin)
        try:
            sshsig.check(signature, statements.message(statement), key, origins={origin})
        except PlanRefused as error:
            refused = error
            continue
        return statements.envelope(statement, key.fingerprint, signature)
    raise refused


def public_line(spki: bytes, site: str) -> PublicKeyLine:
    """Return the line of a new passkey, as browsers give its public key; raises ``PlanRefused`` for another kind of key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise PlanRefused("this passkey is of a kind that OpenSSH cannot check", hint="use a phone or a security key")
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    blob = b"".join(map(_string, (ALGORITHM.encode(), _CURVE, point, site.encode())))
    return PublicKeyLine.parse(f"{ALGORITHM} {base64.b64encode(blob).decode()}")


def proven(key: PublicKeyLine, message: bytes, assertion: Assertion, origin: str) -> Attended:
    """Return what the passkey of a new line says when it signs for the first time; raises ``PlanRefused``."""
    found = sshsig.check(signature_of(key, assertion, origin), message, key, origins={origin})
    assert found is not None  # noqa: S101 - a key with an application has something to say
    return found


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
