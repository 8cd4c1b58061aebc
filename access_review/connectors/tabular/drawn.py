"""Lists drawn with bars and rules, as SAP saves them and databases print them. Pure.

Each row stands between two bars, its cells padded with blanks; rules of dashes stand around the headings and at the
end. Titles stand above, and both may stand again on each page. What is neither is reported with its line.
"""

import re
from collections.abc import Iterator, Sequence

from access_review.connectors.tabular.cells import Raw
from access_review.errors import Mistake

_LOOKED_AT = 50
"""Lines among which the first row of a list is looked for, below its titles."""
_RULE = re.compile(r"(?=.*[-=]{3})[-=+|: ]+")


def is_drawn(lines: Sequence[str]) -> bool:
    """Tell whether most lines below the first one between bars stand between bars too, or are rules."""
    inside = [line.strip() for line in lines[:_LOOKED_AT] if line.strip()]
    first = next((at for at, line in enumerate(inside) if _is_row(line)), None)
    if first is None:
        return False
    below = inside[first:]
    ruled = any(map(_is_rule, inside[max(0, first - 1) : first + 2]))
    return 5 * sum(_is_row(line) or _is_rule(line) for line in below) >= 4 * len(below) and (ruled or len(below) > 1)


def read_drawn(lines: Sequence[str], file: str) -> Raw:
    """Read a list that :func:`is_drawn`; headings and titles that stand again on a further page are left out."""
    drawn = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    at = next(place for place, (_, line) in enumerate(drawn) if _is_row(line))
    titles = {line for _, line in drawn[:at]}
    heading_line, headings = drawn[at]
    rows = []
    mistakes = list(_unclosed(drawn, at, file))
    for number, line in drawn[at + 1 :]:
        if _is_rule(line) or line == headings or line in titles:
            continue
        if _is_row(line):
            rows.append((number, _cells(line)))
        else:
            mistakes.append(Mistake(file, number, 0, "stands between no bars, as the rows of this list do"))
    columns = _cells(headings)
    kept = [place for place, heading in enumerate(columns) if heading or any(_filled(row, place) for _, row in rows)]
    whole = tuple((n, tuple(row[place] for place in kept) if len(row) == len(columns) else row) for n, row in rows)
    return Raw(heading_line, tuple(columns[place] for place in kept), whole, tuple(mistakes))


def _unclosed(drawn: Sequence[tuple[int, str]], at: int, file: str) -> Iterator[Mistake]:
    """Yield that no rule closes a list that a rule opened: whatever would follow is not there."""
    number, last = drawn[-1]
    if at and _is_rule(drawn[at - 1][1]) and not _is_rule(last):
        yield Mistake(file, number, 0, "no rule closes the list, as one opens it: was the file cut?", "export it whole")


def _is_row(line: str) -> bool:
    return line.startswith("|") and line.endswith("|") and line.count("|") > 2 and not _is_rule(line)


def _is_rule(line: str) -> bool:
    return bool(_RULE.fullmatch(line))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line[1:-1].split("|"))


def _filled(row: tuple[str, ...], place: int) -> bool:
    return place < len(row) and bool(row[place])
