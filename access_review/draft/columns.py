"""One column of a file: how full, how different, what its values look like, with samples that give nobody away."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from access_review.connectors import no_value
from access_review.draft.date_forms import DateLook, date_look, settle_order
from access_review.draft.headers import heads_status
from access_review.draft.level_words import is_level
from access_review.draft.shapes import Form, common_shapes, form_of, mask

EXAMINED = 20_000
"""Different values that are looked at closely, evenly spaced among all: a million ids look like each other."""

FEW_WORDS = 40
"""Different values up to which a column that repeats is one of words, counted and shown in full."""

_SHAPED = 2_000
_SAMPLES = 3
_PARTS = (";", "|", ",")
_REPEATS = 2.0  # rows a value at least, on average, to be a word and not somebody's own
_STATUSES = 5  # of a company of three people each may have a status, or a level of access, of its own


@dataclass(frozen=True, slots=True)
class WordCount:
    """A word of a column and in how many rows it stands."""

    word: str
    rows: int


@dataclass(frozen=True, slots=True)
class ColumnLook:
    """What a column is like."""

    name: str
    rows: int
    filled: int
    distinct: int
    blanks_around: int
    """Different values with blanks before or after them."""
    form: Form
    form_share: float
    """Share of the different values examined that have the form."""
    shapes: tuple[tuple[str, int], ...]
    """The commonest shapes of ids and codes, with how many of the values examined have each."""
    leading_zeros: int
    """Different values examined that are digits and begin with 0."""
    commas: float
    """Share of the values examined with a comma: names as ``Last, First``, or lists."""
    samples: tuple[str, ...]
    """Masked, unless the values are few words."""
    words: tuple[WordCount, ...]
    """All values with their rows, most frequent first, where they are few and repeat."""
    dates: DateLook | None
    typed: bool = False
    """Whether every value examined is the name of a type, which PowerShell writes in place of a list."""
    parted: str | None = None
    """What parts several values in one cell, where some cells have several and what they have repeats."""

    @property
    def unique(self) -> bool:
        """Whether every row has a value and no two the same."""
        return self.rows > 0 and self.filled == self.rows == self.distinct

    @property
    def keylike(self) -> bool:
        """Whether the values nearly never repeat."""
        return self.filled > 0 and self.distinct >= 0.95 * self.filled


def look_at_columns(table: Any) -> tuple[ColumnLook, ...]:
    """Look at every column of an Arrow table of text; a million rows take about a second a column.

    An empty text is a missing value. Columns of one file settle together whether days or months come first.
    """
    looks = [_look(name, table.column(name)) for name in table.column_names]
    settled = settle_order([(look.name, look.dates) for look in looks if look.dates])
    return tuple(replace(look, dates=settled[look.name]) if look.dates else look for look in looks)


def _look(name: str, column: Any) -> ColumnLook:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = column.cast(pa.string())
    counted = pc.value_counts(text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text)
    values, counts = counted.field("values"), counted.field("counts")
    trimmed = pc.utf8_trim_whitespace(values)
    # What every reader takes for nothing is nothing here: `N/A` and `0000-00-00` fill no column.
    nothing = pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(no_value.NOTHING), pa.string()))
    there = pc.fill_null(pc.invert(nothing), fill_value=False)
    values, counts, trimmed = values.filter(there), counts.filter(there), trimmed.filter(there)
    distinct, filled = len(values), pc.sum(counts).as_py() or 0
    examined = trimmed.take(_evenly(distinct, EXAMINED))
    dates = date_look(_meant_as_dates(examined))
    form, share = (Form.DATE, 1.0) if dates else form_of(examined)
    few = distinct <= _STATUSES and (heads_status(name) or any(map(is_level, trimmed.to_pylist())))
    repeat = filled >= _REPEATS * distinct or form is Form.FLAG or few
    words = _words(trimmed, counts, distinct, form) if repeat else ()
    shown = examined.take(_evenly(len(examined), _SAMPLES)).to_pylist()
    sample = [v for v in examined.take(_evenly(len(examined), _SHAPED)).to_pylist() if v]
    coded = form in {Form.NUMBER, Form.CODE, Form.DOMAIN_ACCOUNT}
    return ColumnLook(
        name=name,
        rows=len(column),
        filled=filled,
        distinct=distinct,
        blanks_around=pc.sum(pc.not_equal(values, trimmed)).as_py() or 0,
        form=form,
        form_share=share,
        shapes=common_shapes(sample) if coded else (),
        leading_zeros=pc.sum(pc.match_substring_regex(examined, r"^0\d+$")).as_py() or 0,
        commas=(pc.sum(pc.match_substring(examined, ",")).as_py() or 0) / max(len(examined), 1),
        samples=tuple(w.word for w in words[:_SAMPLES]) if words else tuple(mask(value) for value in shown),
        words=words,
        dates=dates,
        typed=bool(sample) and all(map(no_value.is_type_name, sample)),
        parted=_parted(sample, form),
    )


_NO_DATES = r"^(9999|2999|4712|0001|1601|1753|1899|1900)([-/.]|1231$|0101$)|^(1970-01-01|0+)$"
"""Zeros and ends of calendars as text: a column of last days has one in each row of those who work here."""


def _meant_as_dates(values: Any) -> Any:
    """Return the values without the words for never and without what is a date by its form alone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    never = pc.is_in(pc.utf8_lower(values), pa.array(sorted(no_value.NEVER), pa.string()))
    return values.filter(pc.invert(pc.or_(never, pc.match_substring_regex(values, _NO_DATES))))


def _parted(values: Sequence[str], form: Form) -> str | None:
    """Find what parts values: a part stands in several cells, and mostly without a blank before a comma, as in a name."""
    if form in {Form.DATE, Form.NUMBER, Form.MAIL, Form.GUID, Form.SID, Form.NAME}:
        return None
    for part in _PARTS if form is not Form.DN else ";":
        several = [value for value in values if part in value]
        parts = [one.strip() for value in values for one in value.split(part) if one.strip()]
        repeated = len(set(parts)) < len(parts) and (part != "," or not any(", " in value for value in several))
        if len(several) >= 0.2 * len(values) and several and (repeated or len(several) == len(values)):
            return part
    return None


def _words(values: Any, counts: Any, distinct: int, form: Form) -> tuple[WordCount, ...]:
    if not distinct or distinct > FEW_WORDS or form in {Form.DATE, Form.MAIL}:
        return ()
    pairs: dict[str, int] = {}
    for word, rows in zip(values.to_pylist(), counts.to_pylist(), strict=True):
        pairs[word] = pairs.get(word, 0) + rows
    return tuple(WordCount(w, r) for w, r in sorted(pairs.items(), key=lambda item: (-item[1], item[0])))


def _evenly(count: int, most: int) -> Any:
    """Return places spaced evenly among ``count``, ``most`` at most, as Arrow."""
    import pyarrow as pa

    places = range(count) if count <= most else (place * count // most for place in range(most))
    return pa.array(list(places), pa.int64())
