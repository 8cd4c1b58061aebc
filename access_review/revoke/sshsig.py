"""Signatures in OpenSSH's format (SSHSIG), made and checked so that stock ``ssh-keygen -Y`` agrees.

Keys are public key lines as OpenSSH writes them: Ed25519, ECDSA, RSA, and FIDO keys (``sk-…``).
A passkey of a browser is such a line too, with the name of the site as its application;
its signature carries what the browser signed around ours. ``ssh-keygen`` asks neither
whether the person was verified nor which site asked; :func:`check` does. Pure.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from access_review.errors import ArtifactError, PlanRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    SigningKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

NAMESPACE = "access-review-approval"
"""What a signature is for: one that was given for anything else (a commit, a file) counts for nothing here."""
HASH = "sha512"
SHORTEST_RSA = 3072
"""Bits, as ``ssh-keygen -t rsa`` makes them; NIST SP 800-57 calls that as strong as AES-128."""
LONGEST_RSA = 16384
"""Bits of an RSA key that is still checked: longer ones take long."""
LONGEST_KEY = 2**12
"""Characters of the line of a public key."""
LONGEST_SIGNATURE = 2**16
"""Bytes of a signature, with what an authenticator says."""

_MAGIC = b"SSHSIG"
_VERSION = 1

# Bits of an authenticator's flags (Web Authentication, 6.1).
PRESENT, VERIFIED, ATTESTED, EXTENDED = 0x01, 0x04, 0x40, 0x80

_ED25519, _SK_ED25519 = "ssh-ed25519", "sk-ssh-ed25519@openssh.com"
_RSA, _RSA_SIGNATURES = "ssh-rsa", {"rsa-sha2-512": "SHA512", "rsa-sha2-256": "SHA256"}
_SK_ECDSA, _WEBAUTHN = "sk-ecdsa-sha2-nistp256@openssh.com", "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
_CURVES = {
    "ecdsa-sha2-nistp256": "nistp256",
    "ecdsa-sha2-nistp384": "nistp384",
    "ecdsa-sha2-nistp521": "nistp521",
    _SK_ECDSA: "nistp256",
}
_CURVE_NAMES = {"nistp256": "secp256r1", "nistp384": "secp384r1", "nistp521": "secp521r1"}
_HASHES = {"nistp256": "SHA256", "nistp384": "SHA384", "nistp521": "SHA512"}


class _Malformed(ValueError):
    """Bytes that are no key or no signature."""


@dataclass(frozen=True, slots=True)
class PublicKeyLine:
    """One public key: its algorithm, its bytes as they are signed with, and of a FIDO key what it is for.

    ``origin`` is where a passkey is asked for: ``https://`` and its application where nothing is said.
    """

    algorithm: str
    blob: bytes
    application: str = ""
    origin: str = ""

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line as ``ssh-keygen`` writes it, with or without a comment; raises ``ArtifactError``."""
        algorithm, _, rest = line.strip().partition(" ")
        try:
            blob = base64.b64decode(rest.split(" ")[0], validate=True)
            return cls(algorithm, blob, _application(algorithm, blob))
        except (ValueError, binascii.Error):
            raise ArtifactError(
                f"{line[:40]!r} is no public key that can be used",
                hint="ssh-keygen -t ed25519 makes one; the line is in the file that ends in .pub",
            ) from None

    @property
    def fingerprint(self) -> str:
        """The fingerprint that ``ssh-keygen -lf`` prints, as ``SHA256:…``."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.algorithm} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True, slots=True)
class Attended:
    """What an authenticator says of the moment of signing: the person was there, was verified, and at which site."""

    present: bool
    verified: bool
    flags: int
    counter: int
    origin: str = ""


def sign(key: "SigningKey", message: bytes, namespace: str = NAMESPACE) -> bytes:
    """Return a signature over a message, without the armour that ``ssh-keygen`` writes around it."""
    blob = public_line(key).blob
    return b"".join((_MAGIC, _u32(_VERSION), *map(_string, (blob, namespace.encode(), b"", HASH.encode())))) + _string(
        _inner(key, signed_bytes(message, namespace))
    )


def signed_bytes(message: bytes, namespace: str = NAMESPACE) -> bytes:
    """Return the bytes that a key signs for a message; a browser is asked for a passkey's signature with them."""
    digest = hashlib.sha512(message).digest()
    return _MAGIC + b"".join(map(_string, (namespace.encode(), b"", HASH.encode(), digest)))


def public_line(key: "SigningKey") -> PublicKeyLine:
    """Return the public half of a private key."""
    from cryptography.hazmat.primitives import serialization

    form = serialization.PublicFormat.OpenSSH
    return PublicKeyLine.parse(key.public_key().public_bytes(serialization.Encoding.OpenSSH, form).decode())


def check(
    signature: bytes,
    message: bytes,
    key: PublicKeyLine,
    *,
    namespace: str = NAMESPACE,
    origins: Collection[str] = (),
) -> Attended | None:
    """Check a signature; gives what an authenticator said, nothing for a key in a file. Raises ``PlanRefused``.

    A passkey counts only where the person was verified, and for one of ``origins``: the
    site that its key is for, over https, where none is named.
    """
    try:
        return _check(signature, message, key, namespace, origins)
    except _Malformed as error:
        raise PlanRefused(f"a signature is damaged: {error}", hint="sign again") from None


def key_in(signature: bytes) -> bytes:
    """Return the bytes of the key that a signature says it was made with; raises ``PlanRefused``."""
    try:
        return _parts(signature)[0]
    except _Malformed as error:
        raise PlanRefused(f"a signature is damaged: {error}", hint="sign again") from None


def _check(
    signature: bytes, message: bytes, key: PublicKeyLine, namespace: str, origins: Collection[str]
) -> Attended | None:
    blob, theirs, inner = _parts(signature)
    if blob != key.blob:
        raise PlanRefused("a signature was made with another key", hint="sign again, or enrol the key")
    if theirs != namespace.encode():
        raise PlanRefused("a signature was given for something else", hint=f"sign with -n {namespace}")
    wire = _Wire(inner)
    kind, raw = wire.text(), wire.string()
    signed = signed_bytes(message, namespace)
    attended = None
    if kind == _WEBAUTHN and key.algorithm == _SK_ECDSA:
        attended, signed = _by_browser(wire, signed, key, origins)
    elif kind not in (_RSA_SIGNATURES if key.algorithm == _RSA else {key.algorithm}):
        raise _Malformed("it is of another kind than its key")
    elif key.application:
        attended, signed = _by_token(wire, signed, key)
    wire.end()
    if not _holds(key, raw, signed, _RSA_SIGNATURES.get(kind, "")):
        raise PlanRefused("a signature does not fit what it is said to sign", hint="sign again")
    return attended


def _by_token(wire: "_Wire", signed: bytes, key: PublicKeyLine) -> tuple[Attended, bytes]:
    """Read what a FIDO token adds: that it was touched, and how often it has signed."""
    flags, counter = wire.byte(), wire.u32()
    if not flags & PRESENT:
        raise PlanRefused("a signature was given without anybody touching the key", hint="sign again")
    attended = Attended(present=True, verified=bool(flags & VERIFIED), flags=flags, counter=counter)
    around = hashlib.sha256(key.application.encode()).digest() + bytes([flags]) + _u32(counter)
    return attended, around + hashlib.sha256(signed).digest()


def _by_browser(wire: "_Wire", signed: bytes, key: PublicKeyLine, origins: Collection[str]) -> tuple[Attended, bytes]:
    """Read what a browser adds: which site asked for what, whether the person was there and was verified."""
    flags, counter = wire.byte(), wire.u32()
    origin, client, extensions = wire.text(), wire.string(), wire.string()
    if flags & ATTESTED or bool(flags & EXTENDED) != bool(extensions):
        raise _Malformed("its flags do not fit what it holds")
    challenge = base64.urlsafe_b64encode(signed).decode().rstrip("=")
    _require_client(client, challenge, origin)
    if flags & (PRESENT | VERIFIED) != PRESENT | VERIFIED:
        hint = "unlock the passkey with a fingerprint, a face or a PIN"
        raise PlanRefused("a signature was given without the person being verified", hint=hint)
    if origin not in (origins or {key.origin or f"https://{key.application}"}):
        raise PlanRefused(f"a signature was asked for by {origin!r}", hint="approve in this workspace's own web pages")
    attended = Attended(present=True, verified=True, flags=flags, counter=counter, origin=origin)
    around = hashlib.sha256(key.application.encode()).digest() + bytes([flags]) + _u32(counter) + extensions
    return attended, around + hashlib.sha256(client).digest()


def _require_client(client: bytes, challenge: str, origin: str) -> None:
    """Hold what the browser says it did against what it was asked; raises ``_Malformed`` and ``PlanRefused``."""
    # The browser writes these three first, in this order; OpenSSH compares the bytes, so there is one reading.
    begins = f'{{"type":"webauthn.get","challenge":"{challenge}","origin":"{origin}"'
    if '"' in origin or not client.startswith(begins.encode()):
        raise PlanRefused("a signature does not fit what it is said to sign", hint="sign again")
    try:
        plain = json.loads(client, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _Malformed("what the browser says cannot be read") from None
    if not isinstance(plain, dict) or plain.get("crossOrigin", False) is not False:
        raise PlanRefused("a signature was asked for by a page inside another site's", hint="sign again")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _holds(key: PublicKeyLine, raw: bytes, signed: bytes, hashed: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    public, curve = _public(key.algorithm, key.blob)
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(raw, signed)
        elif isinstance(public, rsa.RSAPublicKey):
            public.verify(raw, signed, padding.PKCS1v15(), getattr(hashes, hashed)())
        else:
            public.verify(_der(raw), signed, ec.ECDSA(_hash(curve)))
    except InvalidSignature:
        return False
    return True


def _public(algorithm: str, blob: bytes) -> tuple[Any, str]:
    """Return the key of a blob and its curve; raises ``ValueError`` unless it is that algorithm's, to the last byte."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    wire = _Wire(blob)
    if wire.text() != algorithm:
        raise _Malformed("the key is of another kind than it says")
    curve = _CURVES.get(algorithm, "")
    if algorithm in {_ED25519, _SK_ED25519}:
        public: Any = ed25519.Ed25519PublicKey.from_public_bytes(wire.string())
    elif algorithm == _RSA:
        exponent, modulus = (int.from_bytes(wire.string(), signed=True) for _ in range(2))
        if not SHORTEST_RSA <= modulus.bit_length() <= LONGEST_RSA or modulus < 0:
            raise _Malformed("the key is too short")
        public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    elif curve and wire.text() == curve:
        known = {one.name: one for one in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())}
        public = ec.EllipticCurvePublicKey.from_encoded_point(known[_CURVE_NAMES[curve]], wire.string())
    else:
        raise _Malformed("the key is of a kind that is not known")
    if algorithm in {_SK_ED25519, _SK_ECDSA} and not wire.text():
        raise _Malformed("the key does not say what it is for")
    wire.end()
    return public, curve


def _application(algorithm: str, blob: bytes) -> str:
    """Return what a FIDO key is for, empty of another key; raises ``ValueError`` for a damaged key."""
    if len(blob) > LONGEST_KEY:
        raise _Malformed("the key is too long")
    _public(algorithm, blob)
    wire, fields = _Wire(blob), {_SK_ED25519: 2, _SK_ECDSA: 3}.get(algorithm)
    if fields is None:
        return ""
    for _ in range(fields):
        wire.string()
    return wire.text()


def _inner(key: "SigningKey", signed: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    algorithm = public_line(key).algorithm
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _string(algorithm.encode()) + _string(key.sign(signed))
    if isinstance(key, rsa.RSAPrivateKey):
        return _string(b"rsa-sha2-512") + _string(key.sign(signed, padding.PKCS1v15(), hashes.SHA512()))
    both = decode_dss_signature(key.sign(signed, ECDSA(_hash(_CURVES[algorithm]))))
    return _string(algorithm.encode()) + _string(b"".join(_mpint(number) for number in both))


def _parts(signature: bytes) -> tuple[bytes, bytes, bytes]:
    """Return key, namespace and inner signature; raises ``_Malformed`` for anything but a whole SSHSIG of ours."""
    if len(signature) > LONGEST_SIGNATURE:
        raise _Malformed("it is too long")
    if not signature.startswith(_MAGIC):
        raise _Malformed("it is none of OpenSSH")
    wire = _Wire(signature[len(_MAGIC) :])
    version, blob, namespace, reserved = wire.u32(), wire.string(), wire.string(), wire.string()
    algorithm, inner = wire.string(), wire.string()
    wire.end()
    if version != _VERSION or reserved or algorithm != HASH.encode():
        raise _Malformed("it is of a kind that is not known")
    return blob, namespace, inner


def _der(raw: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    wire = _Wire(raw)
    both = [int.from_bytes(wire.string(), signed=True) for _ in range(2)]
    wire.end()
    if min(both) <= 0:
        raise _Malformed("a number in it is not positive")
    return encode_dss_signature(*both)


def _hash(curve: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return getattr(hashes, _HASHES[curve])()


@dataclass(slots=True)
class _Wire:
    """SSH's wire format (RFC 4251 §5), read from the front; raises ``_Malformed`` where it ends too early."""

    rest: bytes

    def take(self, count: int) -> bytes:
        if count > len(self.rest):
            raise _Malformed("it ends too early")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def u32(self) -> int:
        return int.from_bytes(self.take(4))

    def byte(self) -> int:
        return self.take(1)[0]

    def string(self) -> bytes:
        return self.take(self.u32())

    def text(self) -> str:
        try:
            return self.string().decode()
        except UnicodeDecodeError:
            raise _Malformed("a name in it is no text") from None

    def end(self) -> None:
        if self.rest:
            raise _Malformed("bytes follow its end")


def _u32(number: int) -> bytes:
    return number.to_bytes(4)


def _string(data: bytes) -> bytes:
    return _u32(len(data)) + data


def _mpint(number: int) -> bytes:
    return _string(number.to_bytes(number.bit_length() // 8 + 1))
