"""Reduce an access matrix to the few cells that decide how many roles it needs.

Two cells (u, p) and (v, q) can lie in one role when (u, q) and (v, p) are granted too. A cell
*dominates* another when whatever shares a role with it could take the other in as well: then the
other needs no role of its own. After Ene, Horne, Milosavljevic, Rao, Schreiber and Tarjan,
"Fast exact and heuristic methods for role minimization problems", SACMAT 2008.

Bit sets are plain integers. Rows are people, columns entitlements; a cell is (row, column).
"""

from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

from access_review.draft.matrix import members

Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Kernel:
    """What is left after reduction: ``taken_in`` has the removed cells in order, each with the cell that takes it in."""

    isolated: tuple[Cell, ...]
    """Cells that share a role with no other that is left: one role each, and no two can share one."""
    contested: tuple[Cell, ...]
    """Cells that could share a role with some other that is left."""
    taken_in: tuple[tuple[Cell, Cell], ...]


class _Remaining:
    """The cells not yet taken in, by row and by column."""

    def __init__(self, rows: list[int], columns: list[int]) -> None:
        self.rows, self.columns = rows, columns
        self.in_row, self.in_column = list(rows), list(columns)
        self.columns_of = [members(row) for row in rows]
        self.rows_of = [members(column) for column in columns]
        self.taken_in: list[tuple[Cell, Cell]] = []

    def near_rows(self, row: int) -> int:
        """Rows that still have a cell in a column that ``row`` holds."""
        return reduce(or_, (self.in_column[c] for c in self.columns_of[row]), 0)

    def near_columns(self, column: int) -> int:
        """Columns that still have a cell in a row that holds ``column``."""
        return reduce(or_, (self.in_row[r] for r in self.rows_of[column]), 0)

    def take_in(self, cell: Cell, wide: int, high: int) -> int:
        """Remove every other remaining cell of the rows ``high`` and the columns ``wide``; return the columns that lost one."""
        thinner = 0
        for row in members(high):
            hits = self.in_row[row] & wide
            # A cell does not take in itself.
            if row == cell[0]:
                hits &= ~(1 << cell[1])
            if not hits:
                continue
            self.in_row[row] ^= hits
            thinner |= hits
            for column in members(hits):
                self.in_column[column] ^= 1 << row
                self.taken_in.append(((row, column), cell))
        return thinner


def reduce_matrix(rows: list[int], columns: list[int]) -> Kernel:
    """Take in every dominated cell until nothing changes; a pass costs about the grants times the grants of a person."""
    left = _Remaining(rows, columns)
    todo = (1 << len(rows)) - 1
    while todo:
        thinner = _one_pass(left, members(todo))
        # Only who holds a column that lost a cell can see a difference.
        todo = reduce(or_, (columns[c] for c in members(thinner)), 0)
    isolated: list[Cell] = []
    contested: list[Cell] = []
    for row in range(len(rows)):
        near = left.near_rows(row) if left.in_row[row] else 0
        for column in members(left.in_row[row]):
            alone = all(
                left.in_row[r] & rows[row] == (1 << column if r == row else 0) for r in members(near & columns[column])
            )
            (isolated if alone else contested).append((row, column))
    return Kernel(tuple(isolated), tuple(contested), tuple(left.taken_in))


def _one_pass(left: _Remaining, rows: list[int]) -> int:
    """Look at every remaining cell of some rows once, and return the columns that lost one.

    Which rows and columns are near is computed once a pass. Within the pass that may be too many,
    never too few, so at worst a cell waits for the next pass.
    """
    thinner = 0
    near_columns: dict[int, int] = {}
    for row in rows:
        if not left.in_row[row]:
            continue
        held = left.rows[row]
        near_rows = left.near_rows(row)
        for column in members(left.in_row[row]):
            if not left.in_row[row] >> column & 1:
                continue
            if column not in near_columns:
                near_columns[column] = left.near_columns(column)
            wide = _held_by_all(left, row, near_rows & left.columns[column])
            high = _holding_all(left, column, near_columns[column] & held)
            if wide != 1 << column or high != 1 << row:
                thinner |= left.take_in((row, column), wide, high)
    return thinner


def _held_by_all(left: _Remaining, row: int, sharing: int) -> int:
    """Columns held by all of the rows ``sharing``, of which ``row`` is one."""
    held = left.rows[row]
    if sharing.bit_count() < held.bit_count():
        return reduce(and_, (left.rows[r] for r in members(sharing)), held)
    # An entitlement that everybody holds is shared by all: asking its few neighbours is far cheaper.
    return sum(1 << c for c in left.columns_of[row] if not sharing & ~left.columns[c])


def _holding_all(left: _Remaining, column: int, shared: int) -> int:
    """Rows that hold all of the columns ``shared``, of which ``column`` is one."""
    holders = left.columns[column]
    if shared.bit_count() < holders.bit_count():
        return reduce(and_, (left.columns[c] for c in members(shared)), holders)
    return sum(1 << r for r in left.rows_of[column] if not shared & ~left.rows[r])
