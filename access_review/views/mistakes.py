"""Mistakes of a workspace: those of one kind are said a few times, and all of them in JSON."""

import re
from collections.abc import Iterator, Sequence
from typing import TypedDict

from access_review.errors import Mistake

_SHOWN = 5  # of one kind


class MistakeValue(TypedDict):
    """One mistake and its place; lines and columns start at 1, 0 is unknown."""

    file: str
    line: int
    column: int
    message: str
    hint: str


def value(mistakes: Sequence[Mistake]) -> list[MistakeValue]:
    """Return all mistakes as JSON."""
    return [
        {"file": one.file, "line": one.line, "column": one.column, "message": one.message, "hint": one.hint}
        for one in mistakes
    ]


def folded(mistakes: Sequence[Mistake]) -> Iterator[str]:
    """Yield a line for each mistake; of many that differ in their place and what they name, the first and how many more."""
    kinds: dict[tuple[str, str], list[Mistake]] = {}
    for one in mistakes:
        kinds.setdefault((one.file, _kind(one.message)), []).append(one)
    for (file, _), alike in kinds.items():
        few = alike if len(alike) <= _SHOWN + 1 else alike[:_SHOWN]
        yield from map(str, few)
        if len(few) < len(alike):
            yield f"{file}: {len(alike) - len(few)} more like these; all of them: --json"


def _kind(message: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"|\d+", "…", message)
