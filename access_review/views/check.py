"""What a check of the workspace found, for the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from access_review.views.terminal import table
from access_review.views.text import count, visible


def text(result: Mapping[str, Any]) -> str:
    """Say per source what would be loaded and what could not be read, and which template lines match nothing."""
    return "\n".join(_lines(result))


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    yield f"The workspace is valid: {count(len(result['sources']), 'source')}, {count(result['templates'], 'role template')}."
    yield ""
    rows = [
        (
            visible(source["source"]),
            source["connector"],
            ", ".join(f"{number:,} {name}" for name, number in source["rows"].items()) or "nothing",
            "complete" if source["complete"] else "incomplete",
        )
        for source in result["sources"]
    ]
    yield table(("source", "connector", "would load", "read"), rows)
    for source in result["sources"]:
        yield from _unread(source)
        if source["problems"]:
            kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(source["problems"].items()))
            yield f"{visible(source['source'])}: input that could not be used: {kinds}"
    for line in result["unresolved"]:
        yield f"{line['place']}: {visible(line['pattern'])} matches nothing today"


def _unread(source: Mapping[str, Any]) -> Iterator[str]:
    """Say what was not read: optional parts apart from what makes the source incomplete."""
    for subject, verdict in sorted(source["verdicts"].items()):
        if not verdict["complete"]:
            state = "was not read" if subject.startswith("part:") else "is incomplete"
            what = visible(subject.removeprefix("part:"))
            yield f"{visible(source['source'])}: {what} {state}: {visible(verdict['reason'] or 'no reason given')}"
