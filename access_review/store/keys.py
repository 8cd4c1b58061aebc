"""Keys on disk: the private halves that people sign with."""

from pathlib import Path
from typing import TYPE_CHECKING

from access_review.errors import ArtifactError
from access_review.revoke import signatures

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]


def private_key(path: Path, password: bytes | None = None) -> "CryptoSigner":
    """Read a private key as ``ssh-keygen -t ed25519`` writes it, or PKCS #8 PEM; raises ``ArtifactError``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}") from None
    return signatures.private_key(data, password, name=str(path))


def needs_passphrase(path: Path) -> bool:
    """Tell whether a private key asks for a passphrase."""
    try:
        private_key(path)
    except ArtifactError:
        return path.is_file()
    return False
