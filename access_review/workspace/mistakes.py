"""What pydantic found wrong with a file of the workspace, in plain words, at its place."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from access_review.documents import Document
from access_review.errors import Mistake

_PLAIN_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "date_type": "must be a date, as 2027-06-30",
    "date_from_datetime_parsing": "must be a date, as 2027-06-30",
    "less_than_equal": "must be at most {le}",
    "greater_than_equal": "must be at least {ge}",
}

_LONGEST = 1000
"""Signs of one mistake; of more the middle is left out, which is what somebody wrote there."""


def mistake_of(
    document: Document, prefix: tuple[str | int, ...], error: Mapping[str, Any], model: type[BaseModel]
) -> Mistake:
    """Turn one of pydantic's errors into a mistake in plain words, at the key it is about."""
    loc: tuple[str | int, ...] = error["loc"]
    path = _path(document.data, prefix, loc)
    kind = error["type"]
    # Only our own words have places to fill in: a message may hold braces.
    plain = _PLAIN_WORDS.get(kind)
    words = plain.format(**error.get("ctx", {})) if plain else error["msg"].removeprefix("Value error, ")
    hint = ""
    if kind == "string_type" and isinstance(error["input"], int | float):
        hint = "it is read as a number or a yes/no: write it in quotes"
    if kind == "extra_forbidden" and len(loc) == 1:
        hint = "known: " + ", ".join(field.alias or name for name, field in model.model_fields.items())
    line, column = document.places.get((*path, ""), document.place(path))
    return Mistake(document.file, line, column, f"{_cut(_name(loc))}: {_cut(words)}" if loc else _cut(words), hint)


def _cut(words: str) -> str:
    half = _LONGEST // 2
    return words if len(words) <= _LONGEST else f"{words[:half]}…{words[-half:]}"


def _name(loc: Sequence[str | int]) -> str:
    """Name the last step of a path: a key by itself, an item by its list and position."""
    names = [step for step in loc if isinstance(step, str)]
    return f"{names[-1]}[{loc[-1]}]" if isinstance(loc[-1], int) and names else str(loc[-1])


def _path(data: Any, prefix: Iterable[str | int], loc: Iterable[str | int]) -> tuple[str | int, ...]:
    """Follow pydantic's path through the data, leaving out its names for the branches of a union."""
    path: list[str | int] = []
    for step in (*prefix, *loc):
        inside = step in data if isinstance(data, dict) else isinstance(data, list) and step in range(len(data))
        if inside:
            path.append(step)
            data = data[step]
    return tuple(path)
