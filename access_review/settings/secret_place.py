"""Where the policy says that a secret is kept, and addresses as it may hold them."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from access_review.settings import File

MailAddress = Annotated[str, Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$")]
HttpsAddress = Annotated[str, Field(pattern=r"^https://[^/\s@]+$")]


class SecretPlace(File):
    """Where a secret is kept: an environment variable, or a file that only its owner may read."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    file: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("name exactly one of env and file")
        return self


def _no_secret(value: object) -> object:
    # Pydantic would repeat a refused value in its message, and this one may be a password.
    if isinstance(value, dict | SecretPlace):
        return value
    raise ValueError("a secret does not stand in the policy: write {env: NAME} or {file: PATH}")


KeptSecret = Annotated[SecretPlace, BeforeValidator(_no_secret)]
"""The type of a setting that is a secret."""
