"""A matrix in which people stand across and what they hold down: read with both exchanged. Pure."""

from typing import Any

from access_review.draft.columns import look_at_columns
from access_review.draft.file_kinds import FileKind, guess_kind
from access_review.draft.meanings import heads_held

PEOPLE = "account"
"""The heading of the people of a matrix that was turned."""

_MOST_HELD = 10_000
"""Rows of what is held: more are a list of something else, and are not looked at twice."""


def turned(table: Any) -> Any | None:
    """Return a matrix with people down, or nothing where it is none, or has them down already.

    Its first column, the only one without marks, says by its header what they are that stand in it.
    """
    import pyarrow as pa

    if table.num_rows > _MOST_HELD or not heads_held(table.column_names[0] if table.column_names else ""):
        return None
    looks = look_at_columns(table)
    guess = guess_kind(looks)
    down = [look.name for look in looks if look.name not in guess.marked]
    if guess.kind is not FileKind.MATRIX_WIDE or down != table.column_names[:1]:
        return None
    held = [(text or "").strip() for text in table.column(down[0]).to_pylist()]
    if PEOPLE in held or "" in held or len({*held}) < len(held):
        return None
    marks = list(zip(*(table.column(name).to_pylist() for name in guess.marked), strict=True))
    people = {PEOPLE: pa.array(list(guess.marked), pa.string())}
    return pa.table(people | {name: pa.array(list(row), pa.string()) for name, row in zip(held, marks, strict=True)})
