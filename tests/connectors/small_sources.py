"""Small inputs of every connector, read: rows by table, and the reasons of the verdicts."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import validate_call

from access_review import tables
from access_review.connectors import Source, load
from access_review.connectors.contradictions import believed
from access_review.tables import Row

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
HEADINGS = ["id", "name", "mail", "status", "start", "end"]
ROSTER: dict[str, Any] = {
    "dates": "%Y-%m-%d",
    "timezone": "UTC",
    "left_at_means": "end-of-day",
    "statuses": {"active": ["Active"], "left": ["Terminated"]},
    "columns": {
        "person": "id",
        "name": "name",
        "mail": "mail",
        "status": "status",
        "starts": "start",
        "left_at": "end",
    },
}
"""Options of a roster with these headings."""


class Found(dict[str, list[dict[str, Any]]]):
    """What a connector yielded, by table, each row made by its contract; ``reasons`` say why a subject is incomplete."""

    @property
    def reasons(self) -> dict[str, str]:
        """The reason of every verdict of incompleteness, by subject."""
        return {row["subject"]: row["reason"] for row in self["completeness"] if not row["complete"]}

    def texts(self) -> str:
        """Return every problem, a line each."""
        return "\n".join(f"{row['kind']}: {row['locator']}: {row['reason']}" for row in self.get("problems", []))


def read(connector: str, folder: Path, *, as_of: datetime = AS_OF, name: str = "app", **options: Any) -> Found:
    """Read a source as a workspace would: the options are checked, the rows held against their tables."""
    connect: Callable[..., Any] = validate_call(load(connector), config={"arbitrary_types_allowed": True})  # type: ignore[call-overload]
    rows: dict[str, list[Row]] = defaultdict(list)
    source = Source(name, folder)
    for table, row in believed(source, connect(source, **options).collect(as_of), as_of):
        rows[table].append(row)
    return Found({table: tables.frame(table, found).to_pylist() for table, found in rows.items()})


def read_table(folder: Path, text: str, **options: Any) -> Found:
    """Read a CSV of who holds what."""
    (folder / "export.csv").write_text(text, "utf-8")
    columns = {"account": "login", "entitlement": "role"}
    return read("table", folder, path="export.csv", **{"columns": columns, **options})
