"""How old a file may be: an export that nobody renewed says nothing about who has access now."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from access_review.connectors import Source, incomplete
from access_review.connectors.tabular.sheets import Sheet
from access_review.settings import duration
from access_review.tables import Row

AGE = "part:age"
"""The subject of a verdict that a source is older than it may be."""


def _written(age: str) -> str:
    duration(age)
    return age


Age = Annotated[str, Field(pattern=r"^[1-9][0-9]*[mhdw]$"), AfterValidator(_written)]


def span(age: Age | None) -> timedelta | None:
    """Return a length of time written as ``30m``, ``24h``, ``2d`` or ``1w``."""
    return duration(age) if age else None


def stale(sheet: Sheet, max_age: timedelta | None, as_of: datetime) -> str | None:
    """Say that a file is older than it may be, or that nobody knows how old it is; nothing where no age is set."""
    if max_age is None:
        return None
    if sheet.modified is None:
        return f"the age of {sheet.file} is unknown, and `max_age` limits it"
    if sheet.modified < as_of - max_age:
        return f"{sheet.file} was last written {sheet.modified:%Y-%m-%d %H:%M} UTC, longer ago than `max_age` allows"
    return None


def verdict(source: Source, why: str | None) -> Iterator[tuple[str, Row]]:
    """Yield the verdict on the age of a source that is too old."""
    if why:
        yield incomplete(source, AGE, why)
