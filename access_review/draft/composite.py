"""Columns that only together say who or what a row is about."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from access_review.draft.matrix import Indices

MOST = 0.75
"""Share of what all columns tell apart that two or three must, to stand for a person."""

_PAIRS = 12  # columns of which each two and three are tried


def identifying_columns(table: Any, names: Sequence[str], telling: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the fewest columns that tell apart nearly all that the given ones tell apart together.

    Without an id of people, ``[MGR_ID, ROLE_TITLE]`` is the nearest thing to one: two or three columns that tell most
    apart, those ``telling`` who somebody is before others. Where no few do, all that is told apart must be. Greedy:
    each further column is the one that tells most rows apart; columns that later ones make superfluous are dropped.
    """
    codes = {name: _codes(table.column(name)) for name in names}
    goal = _count(list(codes.values()))
    for few in (1, 2, 3) if len(names) <= _PAIRS else ():
        sets = [(c, _count([codes[n] for n in c])) for c in combinations(names, few)]
        good = [(len({*c} & {*telling}), told, c) for c, told in sets if told >= (MOST if few > 1 else 1) * goal]
        if good:
            return max(good, key=lambda one: one[:2])[2]
    chosen: list[str] = []
    while _count([codes[n] for n in chosen]) < goal:
        rest = [n for n in names if n not in chosen]
        chosen.append(max(rest, key=lambda n: _count([codes[c] for c in (*chosen, n)])))
    for name in list(chosen):
        without = [n for n in chosen if n != name]
        if without and _count([codes[n] for n in without]) == goal:
            chosen = without
    return tuple(sorted(chosen, key=list(names).index))


def pairs_repeat(table: Any) -> bool:
    """Say whether any two rows have the same values in the first two columns."""
    first, second = (_codes(table.column(name)) for name in table.column_names[:2])
    return _count([first, second]) < len(first)


def _codes(column: Any) -> Indices:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.fill_null(column.cast(pa.string()), "")
    whole = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    codes: Indices = whole.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _count(columns: Sequence[Indices]) -> int:
    """Count the different combinations."""
    if not columns:
        return 1
    combined = columns[0]
    for column in columns[1:]:
        _, combined = np.unique(combined * (int(column.max(initial=0)) + 1) + column, return_inverse=True)
    return len(np.unique(combined))
