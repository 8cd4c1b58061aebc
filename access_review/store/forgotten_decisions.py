"""Decisions about runs that are gone: how many there are, and the store of decisions written anew without them."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from access_review.logbook.lines import StoreMark
from access_review.store import files, hash_chain
from access_review.store.decisions import FORM, all_rows, path_of


def count_of(workspace: Path, runs: Collection[str]) -> int:
    """Return how many decisions the store has of these runs; raises ``ArtifactError`` for a damaged store."""
    return sum(row["run"] in runs for row in all_rows(path_of(workspace)))


def forget(workspace: Path, runs: Collection[str]) -> StoreMark:
    """Write the store anew without the decisions of these runs, each row chained to the one now before it; return its mark.

    Whoever calls holds the right to write stores. Raises ``ArtifactError`` for a damaged store, or a full disk.
    """
    path, mark, numbers = path_of(workspace), StoreMark(0, hash_chain.START), dict[Any, int]()
    left = [dict(row) for row in all_rows(path) if row["run"] not in runs]
    with files.writing(path) as partial:
        with hash_chain.opened_to_write(partial, FORM) as connection:
            for row in left:
                numbers[row["seq"]] = mark.position + 1
                row |= {"seq": mark.position + 1, "replaces": numbers.get(row["replaces"]), "previous": mark.head}
                del row["digest"]
                mark = StoreMark(mark.position + 1, hash_chain.row_digest(row))
                values = [*row.values(), mark.head]
                connection.execute(f"INSERT INTO rows VALUES ({', '.join('?' * len(values))})", values)
            connection.execute("COMMIT")
        for beside in (partial, path):  # what is left of the way back from a broken write is not the new store's
            beside.with_name(f"{beside.name}-journal").unlink(missing_ok=True)
    return mark
