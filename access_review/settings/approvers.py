"""What ``roles/approvers.yaml`` may say: whose keys sign, how each was enrolled, and what they may."""

import re
from datetime import date
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from access_review.settings import File, unique

_KEY = re.compile(r"(ssh-ed25519|(?:sk-)?ecdsa-sha2-nistp[235]\d\d(?:@openssh\.com)?|ssh-rsa) ([A-Za-z\d+/]+=*)( .*)?")
_LEAST_RSA = 3072 // 8


def _public_key(line: str) -> str:
    """Accept what ``ssh-keygen`` writes into a ``.pub`` file; what its bytes are is checked where it signs."""
    found = _KEY.fullmatch(line)
    if not found:
        raise ValueError("must be a public key as ssh-keygen writes it: ssh-ed25519, ecdsa-sha2-nistp… or ssh-rsa")
    if found[1] == "ssh-rsa" and len(found[2]) * 3 // 4 < _LEAST_RSA:
        raise ValueError("the RSA key is too short: 3072 bits at least, or better ssh-keygen -t ed25519")
    return line


class Approver(File):
    """One key of a person: a public key as OpenSSH writes it, how it was enrolled, and by whom.

    Or, with ``job`` in place of ``person``, that of an unattended job, which signs what it carries out and that a manager was told of it, and may nothing else.
    """

    person: str = ""
    job: Literal["standing"] | None = None
    key: Annotated[str, AfterValidator(_public_key), Field(json_schema_extra={"pattern": f"^{_KEY.pattern}$"})]
    enrolled: Annotated[str, Field(min_length=1)]
    may: Annotated[tuple[Literal["request", "approve"], ...], Field(min_length=1)] = ("request", "approve")
    until: date | None = None

    @model_validator(mode="after")
    def _one_holder(self) -> Self:
        """A key is a person's or a job's; what a job may do is nobody's to widen."""
        if bool(self.person.strip()) == (self.job is not None):
            raise ValueError("whose key it is: either person, or job: standing")
        if self.job and "may" in self.model_fields_set:
            raise ValueError("may: the key of a job signs what the job carries out, and may nothing else")
        return self


class Approvers(File):
    """``roles/approvers.yaml``: who may ask for a batch and who may approve one."""

    approvers: tuple[Approver, ...] = ()
    _address: str = PrivateAttr("")

    @model_validator(mode="after")
    def _once(self) -> Self:
        unique("key", [" ".join(one.key.split()[:2]) for one in self.approvers])
        return self

    def served_at(self, address: str) -> Self:
        """Return the same with the address of the pages where passkeys are asked for, as the policy says it."""
        made = self.model_copy()
        made._address = address  # noqa: SLF001 - a copy of our own
        return made

    def origin_of(self, host: str) -> str:
        """Return where a passkey for a host is asked for: another port than the usual one is part of that. Empty where it is no page of ours."""
        return self._address if host and urlsplit(self._address).hostname == host else ""
