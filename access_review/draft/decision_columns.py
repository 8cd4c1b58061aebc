"""Decisions and open items as columns to learn from: a table's, as far as they can tell anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import meant
from access_review.draft.inspection import TableLook
from access_review.draft.shapes import Form

MOST_COLUMNS = 10
"""Columns that are learned from: their pairs are, too."""

_TOLD = (
    "comment",
    "comments",
    "reason",
    "decided",
    "decision",
    "reviewed",
    "approved",
    "remark",
    "note",
    "justification",
)
"""What is written after or with a decision knows its answer."""

Column = list[str]


@dataclass(frozen=True, slots=True)
class DecidedItems:
    """Items in columns of equal length, with what was decided about each; null where nothing was."""

    columns: Mapping[str, Column] = field(repr=False)
    revoked: Sequence[bool | None] = field(repr=False)
    left_out: tuple[str, ...] = ()
    """Columns that are not learned from."""

    def decided(self) -> tuple[dict[str, Column], list[bool]]:
        """Return those that were decided."""
        kept = [place for place, answer in enumerate(self.revoked) if answer is not None]
        return {n: [c[p] for p in kept] for n, c in self.columns.items()}, [bool(self.revoked[p]) for p in kept]


def items_of_table(table: Any, look: TableLook, *, every: bool = False) -> DecidedItems:
    """Take items from a table of text; where it has decisions, those too.

    Only columns that may tell something are taken, unless ``every`` is asked for: a model knows which it wants.
    """
    column = look.guess.decision
    answers: list[bool | None] = [None] * table.num_rows
    if column is not None:
        means = dict.fromkeys(look.guess.kept, False) | dict.fromkeys(look.guess.revoked, True)
        answers = [means.get((word or "").strip()) for word in table.column(column).to_pylist()]
    telling = [one for one in look.columns if one.name != column and (every or _may_tell(one))]
    most = len(telling) if every else MOST_COLUMNS
    chosen = {one.name for one in sorted(telling, key=lambda one: (one.distinct, one.name))[:most]}
    names = [one.name for one in look.columns if one.name in chosen]
    left_out = tuple(one.name for one in look.columns if one.name not in chosen and one.name != column)
    columns = {name: [(value or "").strip() for value in table.column(name).to_pylist()] for name in names}
    return DecidedItems(columns, answers, left_out)


def like(items: Mapping[str, Column], names: Sequence[str]) -> dict[str, Column] | None:
    """Return the columns of these names, letter case apart, the unknown ones empty; nothing where none is known."""
    known = {name.casefold(): column for name, column in items.items()}
    if not any(name.casefold() in known for name in names):
        return None
    count = max((len(column) for column in items.values()), default=0)
    return {name: known.get(name.casefold(), [""] * count) for name in names}


def _may_tell(look: ColumnLook) -> bool:
    """Say whether a column may tell something of the next decision: its values come again, and it is no answer itself."""
    header = meant(look.name)
    if look.form in {Form.DATE, Form.EMPTY} or any(word in header.split() for word in _TOLD):
        return False
    return 1 < look.distinct <= 0.9 * look.filled or look.filled < 50
