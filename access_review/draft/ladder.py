"""By which columns accounts find their people: a match ladder, proposed from what joins."""

from collections.abc import Mapping
from dataclasses import dataclass

from access_review.draft.inspection import FilesLook
from access_review.draft.joins import ColumnJoin, JoinStep
from access_review.settings import Ignored

LEAST = 0.5
"""Share of an account column's values that must be found for it to be a rung."""

_CERTAIN = frozenset({JoinStep.EXACT, JoinStep.CASE, JoinStep.ZEROS})
_RUNGS = 3
_STEPS = 10
_RISK = {step: number for number, step in enumerate(JoinStep)}
_NAMESAKES = 1.5  # steps: more than upper and lower case, less than zeros and domains
_IGNORED: Mapping[JoinStep, Ignored] = {
    JoinStep.CASE: Ignored.CASE,
    JoinStep.ZEROS: Ignored.LEADING_ZEROS,
    JoinStep.DOMAIN: Ignored.DOMAIN,
    JoinStep.LOCAL_PART: Ignored.MAIL_DOMAIN,
    JoinStep.NAME_ORDER: Ignored.NAME_ORDER,
}


@dataclass(frozen=True, slots=True)
class LadderRung:
    """One rung: a column of the accounts beside a column of the roster."""

    join: ColumnJoin
    field: str
    """What the roster's column is taken for (``person``, ``mail``, ``name``), or its own name."""
    certain: bool
    """Whether a change may rest on it: ids of people that nothing makes ambiguous."""
    because: str

    @property
    def ignoring(self) -> Ignored | None:
        """What the two columns differ in where they are the same; of ids alone upper and lower case count."""
        step = self.join.best.step
        return None if step is JoinStep.CASE and self.field != "person" else _IGNORED.get(step)


def suggest_ladder(files: FilesLook, accounts: str, roster: str) -> tuple[LadderRung, ...]:
    """Propose rungs from one file to a roster, the certain ones first, then those that find most; a column once."""
    look = next(t for t in files.tables if t.name == roster)
    fields = {m.label: m.field for m in look.guess.meanings}
    rungs = [
        _rung(join, fields.get(join.other_column, join.other_column))
        for join in files.joins
        if join.file == accounts and join.other_file == roster and join.best.rate >= LEAST
    ]
    # Of what finds nearly the same the one that ignores less is the safer; that two mails are one is surer than two names.
    rungs.sort(key=lambda r: (not r.certain, -round(_STEPS * r.join.best.rate), _risk(r), r.join.column))
    chosen: list[LadderRung] = []
    for rung in rungs:
        if all(rung.join.column != c.join.column and rung.field != c.field for c in chosen):
            chosen.append(rung)
    return tuple(chosen[:_RUNGS])


def _risk(rung: LadderRung) -> float:
    return _RISK[rung.join.best.step] + (_NAMESAKES if rung.field == "name" else 0.0)


def _rung(join: ColumnJoin, field: str) -> LadderRung:
    certain = field == "person" and join.best.step in _CERTAIN and not join.clashes and not join.own_clashes
    best = join.best
    said = "exactly" if best.step is JoinStep.EXACT else f"after {best.step.value}"
    doubt = f"; {join.own_clashes} of them become another's" if field == "person" and join.own_clashes else ""
    return LadderRung(join, field, certain, f"{best.found:,} of {join.values:,} values are found {said}{doubt}")
