"""The nouns that come in small numbers: enums, frozen values, and the clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import TypeAdapter

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
"""A value as JSON has them, for what is written whole or is signed; what is read field by field has a type of its own."""

JsonObject: TypeAlias = Mapping[str, Json]
"""An object in JSON; its fields stand where it is made: a dataclass, a format, a schema."""

Options = Mapping[str, Any]
"""Options by name, as a file sets them and as the arguments of a connector's ``connect`` or a rule's ``check`` allow."""


class Severity(StrEnum):
    """How bad a finding is, whoever it is about."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Position from 0 (low) to 3 (critical)."""
        return list(Severity).index(self)


class Family(StrEnum):
    """What kind of thing a rule looks for; reports list rules by family, in this order."""

    EXCESS = "Excess"
    STALE = "Stale"
    OFFBOARDING_LAG = "Offboarding lag"
    OWNERSHIP = "Ownership"
    AI_SHADOW_IT = "AI shadow IT"
    SIGN_INS = "Sign-ins"
    GOVERNANCE = "Governance"
    OTHER = "Other"


class Rag(StrEnum):
    """Traffic light of a finding or a source."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"


class Remedy(StrEnum):
    """What a rule suggests; only ``plan.py`` decides."""

    DISABLE = "disable"
    REMOVE = "remove"
    CUT = "cut"
    ROTATE = "rotate"
    ASSIGN_OWNER = "assign-owner"
    GRANT = "grant"
    TRAIN = "train"
    REVIEW = "review"
    FIX = "fix"


class Status(StrEnum):
    """Where a finding stands, compared with the run before."""

    NEW = "new"
    OPEN = "open"
    WAIVED = "waived"
    CLOSED = "closed"


CURRENT = (str(Status.NEW), str(Status.OPEN))
"""Findings that call for something: waived and closed ones do not."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """A moment relative to the time of the snapshot, filled in when the statement runs."""

    offset: timedelta = timedelta()

    def at(self, as_of: datetime) -> datetime:
        """Return the moment itself."""
        return as_of + self.offset


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows as a SELECT with named parameters, and for small shapes a function over what it returns.

    ``sql`` is in DuckDB's dialect, kept to what Spark SQL has too; ``:name`` stands
    for ``params["name"]`` (text, number, boolean, datetime, :class:`AsOf`, or a
    sequence of these for ``IN``).
    """

    sql: str
    params: Mapping[str, object]
    then: "Callable[[pd.DataFrame], pd.DataFrame] | None" = None


class Clock(Protocol):
    """Says what time it is, and lets time pass; the console script alone makes the machine's."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        ...


def kept_moment(text: str) -> datetime:
    """Read a moment that this tool wrote: with a zone, and one that UTC has; raises ``ValueError`` for any other text."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not _EARLIEST <= moment <= _LATEST:
        raise ValueError(f"{text!r} is no moment with a zone")
    return moment


_EARLIEST, _LATEST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
_BOUNDS: Mapping[str, Mapping[str, Any]] = {
    "datetime": {"tz_constraint": "aware", "ge": _EARLIEST, "le": _LATEST},
    "float": {"allow_inf_nan": False},
    "int": {"ge": 1 - 2**53, "le": 2**53 - 1},
}


def kept_form(adapter: "TypeAdapter[Any]") -> Callable[[object], Any]:
    """Return what reads values of a type back from a file: every time has a zone, and every number is one that JSON has.

    It raises ``ValidationError``.
    """
    from pydantic_core import SchemaValidator

    return SchemaValidator(_bounded(adapter.core_schema)).validate_python


def _bounded(schema: Any) -> Any:
    if isinstance(schema, dict):
        kind = schema.get("type")
        bounds = _BOUNDS.get(kind, {}) if isinstance(kind, str) else {}
        return {**bounds, **{name: _bounded(part) for name, part in schema.items()}}
    return [*map(_bounded, schema)] if isinstance(schema, list) else schema
