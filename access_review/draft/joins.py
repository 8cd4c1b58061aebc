"""Which columns of two files name the same people, and how their spelling must be changed to see it.

Spelling is changed step by step, and each step is said with the rate it reaches: what joins only
after leading zeros are taken off is a different promise from what joins as it stands.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import meant, personal
from access_review.draft.shapes import Form, mask


class JoinStep(StrEnum):
    """How values are changed before they are compared."""

    EXACT = "exact"
    CASE = "case and blanks"
    ZEROS = "leading zeros"
    DOMAIN = "DOMAIN\\ taken off"
    LOCAL_PART = "the part before @"
    NAME_ORDER = "names in any order"


LEAST = 0.3
"""Share of a column's values that must be found in the other for the pair to be worth saying."""

_ID = re.compile(
    r"\b(id|no|num|number|nr|nummer|key|code|emp|employee|person|worker|user|account|login|\w*(kennung|nummer)|pers\w*nr)\b"
)
_BETTER = 0.02  # what a further step must add to be worth its risk
_FEWEST = 3
_KEYS = frozenset({Form.NUMBER, Form.CODE, Form.GUID, Form.SID, Form.MAIL, Form.DOMAIN_ACCOUNT, Form.DN})
_STEPS: Mapping[JoinStep, frozenset[Form]] = {
    JoinStep.EXACT: _KEYS | {Form.NAME},
    JoinStep.CASE: _KEYS | {Form.NAME},
    JoinStep.ZEROS: frozenset({Form.NUMBER, Form.CODE}),
    JoinStep.DOMAIN: frozenset({Form.CODE, Form.DOMAIN_ACCOUNT, Form.NUMBER}),
    JoinStep.LOCAL_PART: frozenset({Form.MAIL, Form.CODE, Form.NUMBER, Form.DOMAIN_ACCOUNT}),
    JoinStep.NAME_ORDER: frozenset({Form.NAME, Form.TEXT}),
}


@dataclass(frozen=True, slots=True)
class JoinRate:
    """How many of the different values of one column are found in the other after a step."""

    step: JoinStep
    found: int
    rate: float


@dataclass(frozen=True, slots=True)
class ColumnJoin:
    """Two columns of two files that name the same."""

    file: str
    column: str
    other_file: str
    other_column: str
    values: int
    """Different values of ``column``."""
    rates: tuple[JoinRate, ...]
    """Exact first, then every step that finds more."""
    unmatched: tuple[str, ...]
    """Some values not found, masked."""
    clashes: int
    """Values of the other column that the step makes the same: two people could be taken for one."""
    own_clashes: int
    """Values of the column itself that the step makes the same: accounts of two could be given to one."""

    @property
    def best(self) -> JoinRate:
        """The step that finds most."""
        return self.rates[-1]

    @property
    def sentence(self) -> str:
        """Say it."""
        steps = ", ".join(f"{100 * r.rate:.0f} % {_said(r.step)}" for r in self.rates)
        risk = f"; {self.clashes} values become ambiguous" if self.clashes else ""
        return f"{self.file} {self.column} is found in {self.other_file} {self.other_column}: {steps}{risk}"


def _said(step: JoinStep) -> str:
    return "exactly" if step is JoinStep.EXACT else f"after {step.value}"


class Spelling:
    """The different values of one column, respelled on demand, each way once."""

    def __init__(self, look: ColumnLook, column: Any) -> None:
        self.look = look
        self._column = column
        self._known: dict[JoinStep, Any] = {}

    def values(self, step: JoinStep) -> Any:
        """Return the different values after a step, as Arrow."""
        if step not in self._known:
            self._known[step] = _distinct(self._column if step is JoinStep.EXACT else self.values(JoinStep.EXACT), step)
        return self._known[step]


def _distinct(values: Any, step: JoinStep) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    respelled = _respell(step)(values)
    unique = pc.unique(respelled.combine_chunks() if isinstance(respelled, pa.ChunkedArray) else respelled)
    return unique.filter(pc.fill_null(pc.greater(pc.utf8_length(unique), 0), fill_value=False))


def _respell(step: JoinStep) -> Callable[[Any], Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    def folded(values: Any) -> Any:
        return pc.utf8_lower(pc.utf8_trim_whitespace(values))

    match step:
        case JoinStep.EXACT:
            return lambda values: values.cast(pa.string())
        case JoinStep.CASE:
            return folded
        case JoinStep.ZEROS:
            return lambda values: pc.utf8_ltrim(folded(values), "0")
        case JoinStep.DOMAIN:
            return lambda values: pc.replace_substring_regex(folded(values), r"^[^\\]*\\", "")
        case JoinStep.LOCAL_PART:
            return lambda values: pc.replace_substring_regex(folded(values), r"^[^\\]*\\|@.*$", "")
        case _:
            return lambda values: pa.array([name_key(v) for v in folded(values).to_pylist() if v], pa.string())


def name_key(name: str) -> str:
    """Return a name with its words sorted, commas and full stops gone: ``Adinolfi, Wilson  K`` and ``Wilson K Adinolfi`` are one."""
    return " ".join(sorted(name.replace(",", " ").replace(".", " ").casefold().split()))


def joins_between(
    file: str, columns: Sequence[Spelling], other_file: str, other_columns: Sequence[Spelling]
) -> tuple[ColumnJoin, ...]:
    """Find the columns of ``other_file`` that have the values of a column of ``file``, best first.

    Only columns that identify are asked: of the other file those whose values hardly repeat.
    """
    found = []
    for column in columns:
        for other in other_columns:
            if worth_joining(column.look) and worth_joining(other.look) and other.look.keylike:
                join = join_columns(file, column, other_file, other)
                if join:
                    found.append(join)
    return tuple(sorted(found, key=lambda j: (-j.best.rate, len(j.rates), j.column, j.other_column)))


def worth_joining(look: ColumnLook) -> bool:
    """Say whether a column may name somebody: measures, dates and words do not."""
    if look.form not in _KEYS | {Form.NAME} or look.distinct < _FEWEST or personal(look.name):
        return False
    # Small whole numbers are ranks and codes: 1 to 40 are found everywhere.
    if look.form is not Form.NUMBER or look.keylike or any(len(shape) > 3 for shape, _ in look.shapes):
        return True
    return bool(_ID.search(meant(look.name)))


def join_columns(
    file: str, column: Spelling, other_file: str, other: Spelling, *, fewest: int = _FEWEST
) -> ColumnJoin | None:
    """Compare two columns step by step, or return nothing where too little is found at the end."""
    import pyarrow.compute as pc

    rates: list[JoinRate] = []
    clashes = own = 0
    unmatched: tuple[str, ...] = ()
    total = len(column.values(JoinStep.EXACT))
    for step, forms in _STEPS.items():
        if not (column.look.form in forms and other.look.form in forms):
            continue
        mine, theirs = column.values(step), other.values(step)
        if not len(mine):
            continue
        hits = pc.is_in(mine, value_set=theirs)
        found = pc.sum(hits).as_py() or 0
        rate = found / len(mine)
        # Steps that find nearly nothing more are not said: each is a risk.
        if not rates or rate >= rates[-1].rate + _BETTER:
            rates.append(JoinRate(step, found, rate))
            clashes = len(other.values(JoinStep.EXACT)) - len(theirs)
            own = total - len(mine)
            unmatched = tuple(mask(value) for value in mine.filter(pc.invert(hits)).slice(0, 3).to_pylist())
        if rate == 1:
            break
    if not rates or rates[-1].rate < LEAST or rates[-1].found < fewest:
        return None
    return ColumnJoin(
        file,
        column.look.name,
        other_file,
        other.look.name,
        total,
        tuple(rates),
        unmatched,
        max(clashes, 0),
        max(own, 0),
    )
