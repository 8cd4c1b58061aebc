"""What ``roles/policy.yaml`` may say of the pages of `serve`: their address, who signs people in, who sees what."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from access_review.settings import Duration, File, Texts


def _issuer(address: str) -> str:
    """Hold who signs people in to one tenant: what says that anybody may is no issuer of ours."""
    if address.rstrip("/").split("/")[3:4] in (["common"], ["organizations"], ["consumers"]):
        raise ValueError("write your own tenant's id in place of common, organizations or consumers")
    return address


class WebSignIn(File):
    """Who signs people in: an OpenID Connect provider, one ``tenant`` of it, and this tool's registration (``client``) there.

    ``secret_env`` names the variable that holds the registration's secret, ``ca`` is a file of trusted certificates. A
    person is found by the object id (claim ``oid``) among the accounts of ``source``; where ``employee_claim`` is named
    and comes, it must be the id that the roster has. Mail addresses decide nothing.
    """

    issuer: Annotated[str, Field(pattern=r"^https://[^\s?#]+[^\s?#/]$"), AfterValidator(_issuer)]
    tenant: Annotated[str, Field(min_length=1)]
    client: Annotated[str, Field(min_length=1)]
    secret_env: Annotated[str, Field(min_length=1)]
    source: str = "entra"
    employee_claim: str = ""
    ca: str | None = None


class Overseer(File):
    """Who sees how the review and offboarding go, by id; of some ``clients`` alone where they are named."""

    person: str
    clients: Texts = ()


class Web(File):
    """The pages of `serve`: their ``address`` as it is typed, who signs people in, and who sees what beside their own items.

    ``auditors`` read everything and change nothing. A session ends ``idle`` after the last page, and ``longest`` after
    sign-in whatever is done.
    """

    address: Annotated[str, Field(pattern=r"^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$")]
    sign_in: WebSignIn
    operations: tuple[Overseer, ...] = ()
    auditors: Texts = ()
    idle: Duration = timedelta(minutes=30)
    longest: Duration = timedelta(hours=10)
