"""Records of JSON as a table of text: which lists a file has, and a list in a record as one cell."""

import re
from collections.abc import Mapping
from typing import Any

from access_review.connectors.tabular.cells import Raw, cell_text
from access_review.draft.meanings import heads_held

_OF_OBJECTS = re.compile(r"((?:(?!\.\d+\.).)+?)(?:\.value)?\.\d+\.([^.]+)")
"""A column that is a value of one object of a list, with the names of the list and of the value."""
_ITEM = re.compile(r"((?:(?!\.\d+\.).)+?)(?:\.value)?\.\d+")
"""A column that is one value of a list, with the name of the list: a source reads it by that."""
_BETWEEN = ";"


def record_lists(value: Any) -> Mapping[str, int]:
    """Return the lists of records that an object has, with their lengths."""
    if not isinstance(value, dict):
        return {}
    return {k: len(v) for k, v in value.items() if isinstance(v, list) and v and isinstance(v[0], dict)}


def empty_lists(value: Any) -> list[str]:
    """Return the lists that an object has beside those of records, and in which there is nothing."""
    return [name for name, one in value.items() if one == []] if isinstance(value, dict) else []


def as_table(raw: Raw) -> Any:
    """Return records as an Arrow table of text; the values of a list stand in one cell, with semicolons between.

    So do those of a list of objects where their heading is that of what is held: the first of several roles is not all.
    """
    import pyarrow as pa

    columns: dict[str, list[int]] = {}
    for place, heading in enumerate(raw.columns):
        name = cell_text(heading, strip=False) or ""
        columns.setdefault(_list_of(name) or name, []).append(place)
    return pa.table(
        {
            name: pa.array([_BETWEEN.join(_filled(row, places)) for _, row in raw.rows], pa.string())
            for name, places in columns.items()
        }
    )


def _list_of(name: str) -> str | None:
    if item := _ITEM.fullmatch(name):
        return item[1]
    found = _OF_OBJECTS.fullmatch(name)
    return whole if found and heads_held(whole := f"{found[1]}.{found[2]}") else None


def _filled(row: tuple[Any, ...], places: list[int]) -> list[str]:
    return [text for place in places if (text := cell_text(row[place], strip=False))]
