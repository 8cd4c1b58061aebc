"""How a domain is reached live: what of it is read, and who may write to it."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from access_review.connectors.ad.login import Login, SignIn
from access_review.connectors.secret import Named, Secret
from access_review.settings import Duration, OneOrMore


class DirectoryReach(BaseModel):
    """What of a domain is read live, in pages of ``page_size`` objects, and how much of the server's time that may take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bases: OneOrMore = ()
    deleted: StrictBool = True
    history: StrictBool = False
    page_size: Annotated[StrictInt, Field(ge=1, le=100_000)] = 1000
    answer_within: Duration = timedelta(minutes=1)
    read_within: Duration = timedelta(hours=1)
    closures_checked: Annotated[StrictInt, Field(ge=0)] = 25
    last_logon: Literal["one-server", "every-server"] = "one-server"
    incremental: StrictBool = False
    full_every: Duration = timedelta(days=7)


class WriterLogin(BaseModel):
    """The account that may write, apart from the one that reads; ``guard`` is an attribute of groups it may write.

    By Kerberos the user is a principal, with its ``keytab``, its ``tickets`` or a ticket that the machine holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: Named
    password: Secret | None = None
    sign_in: SignIn = "simple"
    keytab: Annotated[str, Field(min_length=1)] | None = None
    tickets: Annotated[str, Field(min_length=1)] | None = None
    guard: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")] | None = None

    @property
    def login(self) -> Login:
        """As whom a connection that writes signs in."""
        return Login(self.sign_in, self.user, self.password, self.keytab, self.tickets)
