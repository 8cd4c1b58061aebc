"""The source that reads a matrix of marks as it stands: people down, a column for each thing, a mark where it is held. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from access_review.draft.file_kinds import is_held, marks_of
from access_review.draft.inspection import TableLook
from access_review.draft.sources import OptionLine, RungLine, SourceDraft, about_table, as_written, privileged


def matrix_source(
    name: str,
    look: TableLook,
    path: str,
    reading: Mapping[str, Any],
    person: str,
    ladder: Sequence[RungLine],
    powerful: Sequence[str],
) -> SourceDraft:
    """Describe a matrix of marks, which a source reads as it stands."""
    marks = marks_of([column for column in look.columns if column.name in look.guess.marked])
    apart = [column.name for column in look.columns if column.name not in {person, *look.guess.marked}]
    words = {
        "held": [mark for mark in marks if is_held(mark)],
        "not_held": [mark for mark in marks if not is_held(mark)],
    }
    options, doubts = as_written(look, path, reading)
    options.append(
        OptionLine("matrix", {**words, "apart": apart}, "each other column is a thing that is held where it is marked")
    )
    marked, named = privileged(powerful)
    columns = (OptionLine("account", person, "it names somebody"),)
    return SourceDraft(name, "table", about_table(look), (*options, *marked), columns, tuple(ladder), (*doubts, *named))
