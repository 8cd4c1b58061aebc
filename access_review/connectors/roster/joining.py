"""What another file says of the same people, jobs or places is added to the rows of a roster."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from access_review.connectors.roster.mapping import Join
from access_review.connectors.tabular.sheets import Cells, Sheet
from access_review.errors import Mistake, RosterFault

_Key = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Notes:
    """What was found when files were joined: by line of the main file, and of the rows of others that are nobody's."""

    lines: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    strangers: list[tuple[str, str]] = field(default_factory=list)


def joined(
    sheet: Sheet, other: Sheet, join: Join, mark: str, notes: Notes, people: set[str]
) -> tuple[Sheet, dict[str, str]]:
    """Add to each row what the other file says of its key; return the sheet and the new columns by target.

    ``mark`` is what the names of new columns begin with: no heading has it, so that two files may use one name. ``people``
    are the columns that are a person's id. Raises ``RosterFault`` where the files do not fit together.
    """
    found = _by_key(other, join.on.values())
    stored: dict[tuple[int, str], date] = dict(sheet.stored_dates)
    rows, asked = [], set[_Key]()
    for line, row in sheet.rows:
        key = _key(row, join.on)
        asked.add(key)
        at, match = found.get(key, (0, {})) if None not in key else (0, {})
        if not match and any(key):
            notes.lines[line].append(f"{', '.join(map(str, key))} is not in {other.file}")
        rows.append((line, {**row, **{mark + column: match.get(column) for column in join.columns.values()}}))
        stored |= {
            (line, mark + column): other.stored_dates[at, column]
            for column in join.columns.values()
            if (at, column) in other.stored_dates
        }
    lost = {key: line for key, (line, _) in found.items() if key not in asked}
    more = [sheet.more, other.more]
    if len(lost) == len(found):
        written = ", ".join(join.on.values())
        more.append(f"no row of {other.file} is of anybody in {sheet.file}: is {written} written otherwise?")
    # A list of places or jobs may hold some that nobody has; one of people may not.
    elif lost and people <= join.on.keys():
        stranger, line = next(iter(lost.items()))
        reason = f"{len(lost)} of {len(found)} rows are of nobody in {sheet.file}, the first of {', '.join(map(str, stranger))}"
        notes.strangers.append((f"{other.file}: {', '.join(join.on.values())}", f"{reason} on line {line}"))
    both = replace(
        sheet,
        rows=tuple(rows),
        stored_dates=stored,
        cut=sheet.cut or other.cut,
        more="; ".join(filter(None, more)),
    )
    return both, {target: mark + column for target, column in join.columns.items()}


def _key(row: Cells, columns: Iterable[str]) -> _Key:
    return tuple(row.get(column) for column in columns)


def _by_key(sheet: Sheet, columns: Iterable[str]) -> Mapping[_Key, tuple[int, Cells]]:
    """Return line and row by the key in some columns; raises ``RosterFault`` for each key that stands again."""
    columns = tuple(columns)
    found: dict[_Key, tuple[int, Cells]] = {}
    mistakes = []
    for line, row in sheet.rows:
        key = _key(row, columns)
        if key in found:
            said = f"the key {', '.join(map(str, key))} stands again (line {found[key][0]})"
            mistakes.append(Mistake(sheet.file, line, 0, said))
        else:
            found[key] = (line, row)
    if mistakes:
        raise RosterFault.of(mistakes)
    return found
