"""The sources of a workspace: what each is, when it was last read, and whether all of it was."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypedDict

from access_review.views.terminal import table
from access_review.views.text import count, moment, visible

FORMAT = "access-review/sources@1"


class ListedSource(TypedDict):
    """One source: ``read_from`` is ``live`` or ``files``, and empty with ``connector`` where no file declares it any more.

    ``last_read`` and ``complete`` are those of the newest run that read it, null where none did.
    """

    source: str
    connector: str
    read_from: str
    last_read: str | None
    complete: bool | None
    retired: str | None


class ListedSources(TypedDict):
    """Every source of a workspace, by name."""

    format: str
    sources: list[ListedSource]


def value(sources: Sequence[ListedSource]) -> ListedSources:
    """Return it as the JSON that scripts read."""
    return {"format": FORMAT, "sources": list(sources)}


def text(sources: Sequence[ListedSource]) -> str:
    """Draw a line for each source, and say what to do about those that no file declares."""
    return "\n".join(_lines(sources))


def _lines(sources: Sequence[ListedSource]) -> Iterator[str]:
    yield f"{count(len(sources), 'source')}."
    yield ""
    rows = [
        (
            visible(one["source"]),
            one["connector"] or "not declared",
            one["read_from"],
            moment(datetime.fromisoformat(one["last_read"]) if one["last_read"] else None, unknown="never"),
            {True: "complete", False: "incomplete", None: ""}[one["complete"]],
            one["retired"] or "",
        )
        for one in sources
    ]
    yield table(("source", "connector", "from", "last read", "read", "retired"), rows)
    for one in sources:
        if not one["connector"]:
            name = visible(one["source"])
            yield f"{name}: sources/{name}.yaml is gone: put it back, and if the source is no more: access-review sources retire {name}"
