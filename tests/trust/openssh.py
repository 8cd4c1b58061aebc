"""Signatures in the armour of ``ssh-keygen``, and envelopes around those that something else made."""

import base64
import json
from dataclasses import dataclass

import rfc8785

from access_review.revoke import sshsig, statements
from access_review.revoke.sshsig import PublicKeyLine
from access_review.revoke.statements import Statement

BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


@dataclass(frozen=True, slots=True)
class Detached:
    """One signature as ``ssh-keygen -Y verify -n access-review-approval -s SIGNATURE < MESSAGE`` takes it."""

    fingerprint: str
    message: bytes
    signature: str


def signed_elsewhere(statement: Statement, signature: bytes, key: PublicKeyLine) -> bytes:
    """Return an envelope around a signature that an agent, a token or a browser made over the message."""
    sshsig.check(signature, statements.message(statement), key)
    payload = base64.b64encode(rfc8785.dumps(statement.payload())).decode()
    signed = {"keyid": key.fingerprint, "sig": base64.b64encode(signature).decode()}
    return rfc8785.dumps({"payload": payload, "payloadType": statements.PAYLOAD_TYPE, "signatures": [signed]}) + b"\n"


def detached(data: bytes) -> tuple[Detached, ...]:
    """Return the signatures of an envelope for ``ssh-keygen``, unchecked."""
    message = statements.message(statements.payload_of(data))
    given = json.loads(data)["signatures"]
    return tuple(Detached(one["keyid"], message, armored(base64.b64decode(one["sig"]))) for one in given)


def armored(signature: bytes) -> str:
    """Return the text that ``ssh-keygen -Y verify -s`` reads."""
    text = base64.b64encode(signature).decode()
    return "\n".join((BEGIN, *(text[at : at + 70] for at in range(0, len(text), 70)), END, ""))


def dearmored(text: str) -> bytes:
    """Return the signature in what ``ssh-keygen -Y sign`` writes."""
    lines = text.strip().splitlines()
    assert (lines[0], lines[-1]) == (BEGIN, END)
    return base64.b64decode("".join(lines[1:-1]), validate=True)
