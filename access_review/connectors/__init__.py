"""What a connector is, and how one is found.

A connector is one module with a function ``connect(source, *, …options)``. Its
keyword-only arguments *are* the options that ``sources/*.yaml`` may set: the
annotations say what is accepted, a misspelt option is an error with its line.
What ``connect`` returns is a :class:`~access_review.changes.Connector`; it declares in ``capabilities``
what a plan may ask of its kind of system, and is :class:`~access_review.changes.Writable` besides where
the source names an account to write with.

Connectors are registered as entry points of the group ``access_review.connectors``
and imported only when a source names them.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import rfc8785

from access_review.changes import Capabilities, Connector, capabilities_of, is_recorded
from access_review.errors import ConnectorError, WorkspaceError
from access_review.tables import Row

__all__ = [
    "GROUP",
    "Capabilities",
    "Connector",
    "Source",
    "capabilities_of",
    "complete",
    "incomplete",
    "is_recorded",
    "known",
    "load",
    "problem",
    "system",
]

GROUP = "access_review.connectors"

WHOLE_SOURCE = "source"
"""The subject of a verdict on a source that could not be read at all."""

SYSTEM = "part:system"
"""The subject of a verdict that says, as canonical JSON, which system was read: its ``identity`` and its ``name``."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a connector stands: the source's name (its file's stem) and the folder that relative paths start from."""

    name: str
    folder: Path

    def id(self, kind: str, native: str) -> str:
        """Return the id of something in this source."""
        return f"{self.name}:{kind}:{native}"


def complete(source: Source, subject: str, received: int, expected: int | None = None) -> tuple[str, Row]:
    """Return the verdict that everything of ``subject`` was read."""
    return "completeness", {
        "source": source.name,
        "subject": subject,
        "complete": True,
        "received": received,
        "expected": expected,
    }


def incomplete(
    source: Source, subject: str, reason: str, *, received: int | None = None, expected: int | None = None
) -> tuple[str, Row]:
    """Return the verdict that something of ``subject`` was not read, and why."""
    return "completeness", {
        "source": source.name,
        "subject": subject,
        "complete": False,
        "reason": reason,
        "received": received,
        "expected": expected,
    }


def not_there(source: Source, names: Iterable[str]) -> ConnectorError:
    """Return the error of files that are not there: like a server that does not answer, they say nothing of the others."""
    hint = f"looked in {source.folder}: was the export not made, or has it another name now?"
    return ConnectorError(source.name, f"{', '.join(sorted(names))}: no such file or folder", hint=hint)


def system(source: Source, identity: str | None, name: str | None) -> tuple[str, Row]:
    """Say which system was read: the SID and DNS name of a domain, the id and name of a tenant; null where unsaid.

    A plan names it, so that it is never carried out on another.
    """
    return stating(complete(source, SYSTEM, 1), {"identity": identity, "name": name})


def stating(verdict: tuple[str, Row], facts: Mapping[str, Any]) -> tuple[str, Row]:
    """Return a verdict that states facts, as canonical JSON, where others have a reason."""
    table, row = verdict
    return table, {**row, "reason": rfc8785.dumps(dict(facts)).decode()}


def problem(source: Source, locator: str, kind: str, reason: str, subject: str | None = None) -> tuple[str, Row]:
    """Return a row for input that could not be used; ``locator`` says where it stands."""
    return "problems", {"source": source.name, "locator": locator, "kind": kind, "reason": reason, "subject": subject}


def known() -> dict[str, EntryPoint]:
    """Return the registered connectors by name; nothing is imported."""
    return dict(_registered(tuple(sys.path)))


@lru_cache(maxsize=1)
def _registered(_path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Look through the packages on the path once: a workspace asks for each of its sources."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def load(name: str) -> Callable[..., Connector]:
    """Import one connector's ``connect``; raises ``WorkspaceError`` for a name nobody registered."""
    points = known()
    if name not in points:
        raise WorkspaceError(f"no connector is called {name!r}", hint=f"known: {', '.join(points)}")
    connect: Callable[..., Connector] = points[name].load()
    return connect
