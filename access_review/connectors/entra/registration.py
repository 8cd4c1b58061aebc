"""How a tenant is reached: its cloud, and the application registrations that read it and write to it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from access_review.connectors.entra.tenant_parts import PARTS
from access_review.connectors.secret import Named, Secret
from access_review.settings import Duration, OneOrMore

CloudName = Literal["global", "us-government", "us-government-dod", "china"]


class Cloud(BaseModel):
    """Where a cloud signs in, and where its Graph is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sign_in: str = Field(pattern=r"^https://[^/]+$")
    graph: str = Field(pattern=r"^https://[^/]+$")


CLOUDS: Mapping[CloudName, Cloud] = {
    "global": Cloud(sign_in="https://login.microsoftonline.com", graph="https://graph.microsoft.com"),
    "us-government": Cloud(sign_in="https://login.microsoftonline.us", graph="https://graph.microsoft.us"),
    "us-government-dod": Cloud(sign_in="https://login.microsoftonline.us", graph="https://dod-graph.microsoft.us"),
    "china": Cloud(sign_in="https://login.partner.microsoftonline.cn", graph="https://microsoftgraph.chinacloudapi.cn"),
}


class Certificate(BaseModel):
    """A certificate with its private key in one PEM file, or the key apart (a keyring is a store)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    key: Secret | None = None
    password: Secret | None = None


class Registration(BaseModel):
    """An application registration: exactly one way to prove to be it.

    ``managed_identity`` is ``system``, or the client id of one that a user assigned.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_id: Named | None = None
    secret: Secret | None = None
    certificate: Certificate | None = None
    managed_identity: str | None = None
    device_code: StrictBool = False
    token_cache: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        ways = [self.secret, self.certificate, self.managed_identity, self.device_code or None]
        if sum(way is not None for way in ways) != 1:
            raise ValueError("name exactly one of secret, certificate, managed_identity and device_code")
        if self.client_id is None and self.managed_identity is None:
            raise ValueError("client_id is missing")
        if self.token_cache and not self.device_code:
            raise ValueError("token_cache is for device_code; applications keep no token on disk")
        return self


class TenantReach(BaseModel):
    """What of a tenant is read live, and how.

    ``without`` names parts that are deliberately not read; a part that is refused
    and not named there makes its tables incomplete. ``mirror`` is a folder that keeps
    groups and their members between reads, so that only changes are asked for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    without: OneOrMore = ()
    sign_ins: Duration = timedelta(days=30)
    source_of_authority: StrictBool = False
    parallel: Annotated[StrictInt, Field(ge=1, le=16)] = 4
    mirror: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        names = {part.name for part in PARTS if part.with_ != "always" or part.name == "signIns"}
        if wrong := sorted(set(self.without) - names):
            raise ValueError(f"{wrong[0]!r} cannot be left out; one of {', '.join(sorted(names))} can")
        return self
