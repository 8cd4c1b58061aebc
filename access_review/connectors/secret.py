"""Secrets by reference: a source file names where a secret is kept, never the secret.

::

    password: {env: AD_READER_PASSWORD}           # an environment variable
    password: {file: /etc/access-review/ad.pw}    # a file that only its owner may read
    password: {keyring: {service: ad, user: svc}} # the keyring of the machine (extra "keyring")
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from access_review.connectors import Source
from access_review.errors import ArtifactError, ConnectorError
from access_review.guarded_files.plain import followed
from access_review.guarded_files.private import read_private
from access_review.settings.secret_place import SecretPlace


class Keyring(BaseModel):
    """An entry of the machine's keyring."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str = Field(min_length=1)
    user: str = Field(min_length=1)


class SecretReference(BaseModel):
    """Where a secret is kept: exactly one of ``env``, ``file`` and ``keyring``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str | None = Field(default=None, min_length=1)
    file: str | None = Field(default=None, min_length=1)
    keyring: Keyring | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("name exactly one of env, file and keyring")
        if self.env is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.env):
            raise ValueError(
                "env is the name of a variable, of letters, digits and _: a secret does not stand in a file"
            )
        return self

    def read(self, source: Source) -> str:
        """Return the secret; raises ``ConnectorError``, which never holds any of it."""
        if self.env is not None:
            return _from_environment(source, self.env)
        if self.file is not None:
            return _from_file(source, source.folder / self.file)
        assert self.keyring is not None  # noqa: S101 - the model holds exactly one
        return _from_keyring(source, self.keyring)


def _not_the_secret_itself(value: Any) -> Any:
    # Pydantic would repeat a refused value in its message, and this one may be a password.
    if isinstance(value, SecretReference | dict):
        return value
    raise ValueError("a secret does not stand in a source file: write {env: NAME}, {file: PATH} or {keyring: …}")


Secret = Annotated[SecretReference, BeforeValidator(_not_the_secret_itself)]
"""The type of an option that is a secret."""

Named = str | SecretReference
"""The type of an option that may be written out or kept elsewhere, such as the name of an account."""


def kept_at(place: SecretPlace) -> SecretReference:
    """Return where the policy says that a secret is kept, to be read as those of sources are."""
    return SecretReference(**place.model_dump(exclude_none=True))


def text_of(source: Source, named: Named) -> str:
    """Return what is written out, or fetch it; raises ``ConnectorError``."""
    return named if isinstance(named, str) else named.read(source)


def _from_environment(source: Source, name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ConnectorError(source.name, f"the environment variable {name} is not set", hint=f"set {name} and repeat")
    return value


def private_file(source: Source, path: Path, most: int = 2**16) -> bytes:
    """Return the bytes of a file that nobody else may open; raises ``ConnectorError`` for one that is open, or none."""
    try:
        return read_private(followed(path), most)
    except ArtifactError as error:
        raise ConnectorError(source.name, error.message, hint=error.hint) from None


def _from_file(source: Source, path: Path) -> str:
    try:
        value = private_file(source, path).decode("utf-8")
    except UnicodeDecodeError:
        raise ConnectorError(source.name, f"the secret in {path} cannot be read: not UTF-8") from None
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise ConnectorError(source.name, f"{path} is empty")
    return value


def _from_keyring(source: Source, entry: Keyring) -> str:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        hint = "pip install 'access-review[keyring]'"
        raise ConnectorError(source.name, "secrets in a keyring need the extra keyring", hint=hint) from None
    try:
        value: str | None = keyring.get_password(entry.service, entry.user)
    except keyring.errors.KeyringError as error:
        raise ConnectorError(source.name, f"the keyring cannot be read: {type(error).__name__}") from None
    if not value:
        raise ConnectorError(source.name, f"the keyring has no entry {entry.service} for {entry.user}")
    return value
