"""Keys on disk: the private halves that people sign with."""

from pathlib import Path
from typing import TYPE_CHECKING

from access_review.guarded_files.private import read_private
from access_review.revoke import statements

if TYPE_CHECKING:
    from access_review.revoke.sshsig import SigningKey


def private_key(path: Path, password: bytes | None = None) -> "SigningKey":
    """Read a private key as ``ssh-keygen -t ed25519`` writes it, or PKCS #8 PEM; raises ``ArtifactError``.

    One that others may open too is no longer its owner's alone, and is refused.
    """
    return statements.signing_key(read_private(path), password, name=str(path))


def needs_passphrase(path: Path) -> bool:
    """Tell whether a private key asks for a passphrase.

    Raises ``ArtifactError`` for a file that is not there, or open to others.
    """
    return statements.is_locked(read_private(path))
