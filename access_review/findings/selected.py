"""Some of many findings: those that have what is asked for, of which alone objects are made. Pure."""

from collections.abc import Collection, Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from access_review.tables import Row


def pieces_with(pieces: Iterable[pa.Table], **values: Collection[str]) -> Iterator[pa.Table]:
    """Yield of each piece of ``findings`` the rows that have one of some values in each of these columns."""
    wanted = {column: pa.array(sorted(some), pa.string()) for column, some in values.items()}
    for piece in pieces:
        kept = piece
        for column, some in wanted.items():
            kept = kept.filter(pc.is_in(kept[column], some))
        yield kept


def rows_with(pieces: Iterable[pa.Table], **values: Collection[str]) -> Iterator[Row]:
    """Yield the rows of :func:`pieces_with`: of a large company there are more ``findings`` than anybody makes objects of."""
    for piece in pieces_with(pieces, **values):
        yield from piece.to_pylist()
