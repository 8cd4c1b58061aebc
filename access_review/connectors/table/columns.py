"""Which column of an application's export is what, and which of them each table needs."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from access_review.connectors.tabular.sheets import COMPOSED

Named = Annotated[str, Field(min_length=1)]
Filled = Literal["grants", "signins", "custody", "owners", "activity", "tickets", "training"]

OF_ACCOUNTS = (
    *("id", "display_name", "mail", "employee_id", "enabled", "client"),
    *("created_at", "last_used", "password_set_at", "expires_at"),
)
OF_ENTITLEMENTS = ("entitlement", "entitlement_id", "description")

NEEDED: Mapping[Filled, tuple[str, ...]] = {
    "grants": ("account",),
    "signins": ("account", "at"),
    "custody": ("account", "person"),
    "owners": ("object", "owner"),
    "activity": ("account", "entitlement", "used"),
    "tickets": ("ticket", "person", "approved_by"),
    "training": ("person", "course", "done"),
}
ALLOWED: Mapping[Filled, tuple[str, ...]] = {
    "grants": (*OF_ACCOUNTS, *OF_ENTITLEMENTS, "since", "until", "used", "granted_by"),
    "signins": (
        *OF_ACCOUNTS,
        "signin",
        "success",
        "country",
        "device",
        "application",
        "address",
        "managed",
        "compliant",
    ),
    "custody": ("starts", "ends"),
    "owners": (),
    "activity": (*OF_ACCOUNTS, *OF_ENTITLEMENTS),
    "tickets": ("client", "entitlement", "system", "approved", "since", "until"),
    "training": ("assigned", "due", "until"),
}
TIMES = frozenset(
    {
        *("created_at", "last_used", "password_set_at", "expires_at", "since", "until", "used", "at", "starts", "ends"),
        *("assigned", "due", "done"),
    }
)
LAST_USED = "last_used"
IDS = frozenset(
    {"account", "id", "employee_id", "entitlement", "entitlement_id", "signin", "person", "object", "owner", "ticket"}
)
REFERABLE: Mapping[Filled, tuple[str, ...]] = {
    "grants": ("account", "entitlement"),
    "signins": ("account",),
    "custody": ("account", "person"),
    "owners": ("object", "owner"),
    "activity": ("account", "entitlement"),
    "tickets": (),
    "training": ("person",),
}
ELSEWHERE: Mapping[Filled, Mapping[str, str]] = {
    "custody": {"person": "person-id"},
    "owners": {"owner": "person-id"},
    "training": {"person": "person-id"},
}
"""What is never this source's own, and the scheme taken when none is named."""


class TableColumns(BaseModel):
    """The columns of an export, by what they hold; which are wanted depends on the table that is filled."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: Named | tuple[Named, ...] | None = None
    id: Named | None = None
    display_name: Named | None = None
    mail: Named | None = None
    employee_id: Named | None = None
    enabled: Named | None = None
    client: Named | None = None
    created_at: Named | None = None
    last_used: Named | tuple[Named, ...] | None = None
    password_set_at: Named | None = None
    expires_at: Named | None = None
    entitlement: Named | None = None
    entitlement_id: Named | None = None
    description: Named | None = None
    since: Named | None = None
    until: Named | None = None
    used: Named | None = None
    at: Named | None = None
    signin: Named | None = None
    success: Named | None = None
    country: Named | None = None
    device: Named | None = None
    application: Named | None = None
    address: Named | None = None
    managed: Named | None = None
    compliant: Named | None = None
    person: Named | None = None
    starts: Named | None = None
    ends: Named | None = None
    object: Named | None = None
    owner: Named | None = None
    granted_by: Named | None = None
    ticket: Named | None = None
    system: Named | None = None
    approved_by: Named | None = None
    approved: Named | None = None
    course: Named | None = None
    assigned: Named | None = None
    due: Named | None = None
    done: Named | None = None

    def mapped(self) -> dict[str, str]:
        """Return the columns that are set, by what they hold; several that are one id are as one column.

        Of several last uses the first is ``last_used``, the others are ``last_used 2`` and so on.
        """
        uses = (self.last_used,) if isinstance(self.last_used, str) else self.last_used or ()
        return (
            self.model_dump(exclude_none=True, exclude={"last_used"})
            | ({"account": self.composed[0]} if self.composed else {})
            | {f"{LAST_USED} {number}" if number > 1 else LAST_USED: column for number, column in enumerate(uses, 1)}
        )

    @property
    def composed(self) -> tuple[str, tuple[str, ...]] | None:
        """The column that the account is of, where several are one id together, and those several."""
        return (COMPOSED.join(self.account), self.account) if isinstance(self.account, tuple) else None


class ColumnWords(BaseModel):
    """The export's own words for yes and no; upper and lower case alike. ``blank`` says that an empty cell is yes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    yes: tuple[Named, ...] = ("true",)
    no: tuple[Named, ...] = ("false",)
    blank: Literal["yes"] | None = None

    def read(self, word: str) -> bool | None:
        """Return what a word means; null when it is neither."""
        folded = word.casefold()
        if folded in {yes.casefold() for yes in self.yes}:
            return True
        return False if folded in {no.casefold() for no in self.no} else None


class MarkedColumns(BaseModel):
    """A matrix: people down, a column for each thing, a mark where it is held. All columns but those ``apart`` are things."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    held: Annotated[tuple[Named, ...], Field(min_length=1)]
    not_held: tuple[Named, ...] = ()
    apart: tuple[Named, ...] = ()

    @cached_property
    def marks(self) -> Mapping[str, bool]:
        """Whether something is held, by mark in small letters."""
        return {mark.casefold(): mark in self.held for mark in (*self.not_held, *self.held)}


def field_of(name: str) -> str:
    """Return what a mapped column holds: of ``last_used 2`` that is ``last_used``."""
    return LAST_USED if name.startswith(f"{LAST_USED} ") else name


def misfits(table: Filled, columns: TableColumns, references: Mapping[str, str]) -> Iterator[str]:
    """Yield what does not fit the table that is filled."""
    mapped = {field_of(name): column for name, column in columns.mapped().items()}
    allowed = {*NEEDED[table], *ALLOWED[table]}
    for name in NEEDED[table]:
        if name not in mapped:
            yield f"`columns` lacks {name}, which `table: {table}` needs"
    for name in mapped.keys() - allowed:
        near = get_close_matches(name, allowed, 1)
        yield f"`columns`: {name} has no place in `table: {table}`" + (f": is {near[0]} meant?" if near else "")
    for name in references.keys() - set(REFERABLE[table]):
        yield f"`references`: {name} is none of {', '.join(REFERABLE[table])}"
    for name in ("entitlement_id", "description"):
        if name in mapped and ("entitlement" not in mapped or "entitlement" in references):
            yield f"`columns`: {name} goes with an entitlement of this source's own"
    if table == "tickets":
        if not mapped.keys() & {"entitlement", "system"}:
            yield "`columns` lacks entitlement or system, of which `table: tickets` needs one"
        return
    own = sorted(mapped.keys() & set(OF_ACCOUNTS))
    if own and "account" in references:
        yield f"`columns`: {', '.join(own)} describe accounts of this source, and `references` has them elsewhere"
