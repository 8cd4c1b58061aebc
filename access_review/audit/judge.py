"""What the sample proves: how much access is wrong, and how much of it the machine missed.

A unit deviates when any of its items is to be revoked. It is *missed* when the machine
had found nothing about such an item. What nobody could say, or looked at, is given both
ways: as right and as wrong.

The reviewers are measured as well: by test rows (:mod:`access_review.audit.planted`),
which count in no rate, by how long they take, and by whether they ever say anything but keep.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from access_review.audit.decisions import Decision, Decisions, ReviewerAnswer
from access_review.audit.worklist import WorkItem
from access_review.sample.choice import Draw, Stratum, stratum
from access_review.sample.commitment import rank
from access_review.sample.draw import Sample
from access_review.sample.hypergeometric import upper_limit
from access_review.sample.population import ReviewUnit, in_order


@dataclass(frozen=True, slots=True)
class Rate:
    """How many units deviate, at least and at most, as rates of those drawn and as limits for all.

    The limits hold with the policy's confidence; ``None`` where none can be stated:
    nothing was drawn at random.
    """

    found_least: int
    found_most: int
    rate_least: float | None
    rate_most: float | None
    limit_least: float | None
    limit_most: float | None


@dataclass(frozen=True, slots=True)
class JudgementLine:
    """One stratum, or ``rest`` for all that is drawn from, as its census or its inference draw shows it.

    ``tested`` counts units with an answer to every item, ``untested`` those that
    nobody answered for or could judge: deviations of the control itself.
    """

    stratum: str
    population: int
    drawn: int
    tested: int
    untested: int
    wrong: Rate
    missed: Rate


class Sign(StrEnum):
    """What may show that somebody answers without looking."""

    KEPT_TEST_ROW = "kept a test row"
    ALWAYS_KEEPS = "keeps everything"
    QUICK = "answers within seconds"


ENOUGH = 10
"""Answers from which on a pattern in them says something of who gave them."""
QUICK_SECONDS = 5.0
"""Half of the answers in less than this: too short to read what a row says."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """How somebody answers: many answers and never a revoke may be a rubber stamp.

    ``answers``, ``revokes`` and ``cannot_say`` are those to real items; of the ``tested``
    test rows, ``caught`` were to be revoked. ``seconds`` is the median time of the
    ``timed`` answers, null where none was measured. ``days`` counts those on which they answered.
    """

    by: str
    answers: int
    revokes: int
    cannot_say: int
    days: int
    overruled_findings: int
    """Items kept although the machine had found something."""
    tested: int = 0
    caught: int = 0
    timed: int = 0
    seconds: float | None = None
    signs: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class AnsweredTestRow:
    """A test row that was answered: nobody has this access, so nothing is to be done about it."""

    item: str
    account: str
    entitlement: str | None
    by: str
    decision: ReviewerAnswer


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the sample of one run proves, and who is still to answer."""

    run: str
    confidence: float
    lines: tuple[JudgementLine, ...]
    reviewers: tuple[Reviewer, ...]
    reviewed: tuple[str, ...]
    """Units with an answer to every item, in every draw: they count as covered."""
    unanswered: int
    """Items without an answer."""
    within_tolerance: bool | None
    """The limit of wrong access in the rest is no more than is tolerable; unknown while the two bounds disagree."""
    test_rows: tuple[AnsweredTestRow, ...] = ()
    """The test rows answered so far."""


@dataclass(frozen=True, slots=True)
class _Unit:
    wrong: bool
    missed: bool
    open: bool
    answered: bool


# A unit drawn about which nothing was asked is one that nobody tested.
_NOT_ASKED = _Unit(wrong=False, missed=False, open=True, answered=False)


def judge(sample: Sample, work: Iterable[WorkItem], decisions: Decisions) -> Judgement:
    """Judge the sample by the decisions that stand; the items of its ``work`` list are looked at once, one after the other.

    Only the census and the inference draw are counted, coverage never: it is no random draw.
    """
    answered: list[WorkItem] = []
    unanswered = 0

    def told() -> Iterator[WorkItem]:
        nonlocal unanswered
        for item in work:
            if item.item in decisions.current:
                answered.append(item)
            else:
                unanswered += 1
            yield item

    units = _units(asked_of(told(), decisions))
    confidence = sample.policy.confidence
    lines = []
    for part in sample.parts:
        how = Draw.CENSUS if part.stratum.is_census else Draw.INFERENCE
        drawn = [units.get(p.unit, _NOT_ASKED) for p in sample.picks if p.stratum is part.stratum and p.draw is how]
        lines.append(_line(part.stratum, part.population, drawn, confidence))
    rest = sum(part.population for part in sample.parts if not part.stratum.is_census)
    inference = [units.get(p.unit, _NOT_ASKED) for p in sample.picks if p.draw is Draw.INFERENCE]
    whole = _line("rest", rest, inference, confidence)
    return Judgement(
        run=sample.run,
        confidence=confidence,
        lines=(*lines, whole),
        reviewers=measure_reviewers(answered, decisions.current),
        reviewed=tuple(sorted(name for name, unit in units.items() if unit.answered)),
        unanswered=unanswered,
        within_tolerance=_within(whole.wrong, sample.policy.tolerable),
        test_rows=tuple(_test_rows(answered, decisions.current)),
    )


@dataclass(frozen=True, slots=True)
class ClientStatement:
    """What a draw shows of one client alone, of those of its people who are drawn from; ``line`` counts them.

    ``holds`` is whether the limit of wrong access is no more than ``tolerable``, unknown while that cannot be said;
    ``week`` is the one in which its turn comes to be drawn from enough, where that is not this one.
    """

    client: str
    tolerable: float
    confidence: float
    line: JudgementLine
    holds: bool | None
    week: str | None


def judge_client(
    sample: Sample, frame: Iterable[ReviewUnit], work: Iterable[WorkItem], decisions: Decisions, client: str
) -> ClientStatement:
    """Judge one client by the units of it that were drawn at random, and the decisions that stand."""
    known = tuple(frame)
    part = sample.clients.of(client) if sample.clients else None
    sown = bytes.fromhex(sample.seed)
    own = in_order(known, client, {u.unit: rank(sown, u.unit) for u in known if not stratum(u).is_census})
    inference = {pick.unit for pick in sample.picks if pick.draw is Draw.INFERENCE}
    drawn = own[: part.drawn] if part else [unit for unit in own if unit in inference]
    aim = part.aim if part else sample.policy
    line = judge_part("rest", len(own), drawn, asked_of(work, decisions), aim.confidence)
    return ClientStatement(
        client,
        aim.tolerable,
        aim.confidence,
        line,
        _within(line.wrong, aim.tolerable),
        part.week if part and part.wait else None,
    )


def waiting(work: Iterable[WorkItem], decisions: Decisions) -> dict[str, int]:
    """Count the items without an answer, by reviewer."""
    return dict(Counter(item.reviewer for item in work if item.item not in decisions.current))


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked about a unit and how it was answered (null: not yet); ``found`` is whether the machine had found it."""

    unit: str
    answer: ReviewerAnswer | None
    found: bool


def asked_of(work: Iterable[WorkItem], decisions: Decisions) -> Iterator[Asked]:
    """Yield what was asked in earnest, with the answers that stand."""
    current = decisions.current
    for item in work:
        if not item.planted:
            yield Asked(item.unit, current[item.item].decision if item.item in current else None, bool(item.found))


def judge_part(
    name: str, population: int, drawn: Iterable[str], asked: Iterable[Asked], confidence: float
) -> JudgementLine:
    """Judge a part of which ``drawn`` were drawn at random, or all are there."""
    units = _units(asked)
    return _line(name, population, [units.get(unit, _NOT_ASKED) for unit in drawn], confidence)


def _units(asked_of_them: Iterable[Asked]) -> dict[str, _Unit]:
    # One of each kind says all that a unit needs of what was asked, and a unit has thousands where much is held.
    by_unit: dict[str, set[tuple[ReviewerAnswer | None, bool]]] = defaultdict(set)
    for one in asked_of_them:
        by_unit[one.unit].add((one.answer, one.found))
    return {
        name: _Unit(
            wrong=any(answer is ReviewerAnswer.REVOKE for answer, _ in asked),
            missed=(ReviewerAnswer.REVOKE, False) in asked,
            open=any(answer in {None, ReviewerAnswer.CANNOT_SAY} for answer, _ in asked),
            answered=all(answer is not None for answer, _ in asked),
        )
        for name, asked in by_unit.items()
    }


def _line(stratum: Stratum | str, population: int, drawn: list[_Unit], confidence: float) -> JudgementLine:
    wrong = sum(unit.wrong for unit in drawn)
    missed = sum(unit.missed for unit in drawn)
    # An open unit that is wrong already cannot become more wrong, but it may yet turn out to be missed.
    open_wrong = sum(unit.open and not unit.wrong for unit in drawn)
    open_missed = sum(unit.open and not unit.missed for unit in drawn)
    untested = sum(unit.open for unit in drawn)
    return JudgementLine(
        stratum=str(stratum),
        population=population,
        drawn=len(drawn),
        tested=len(drawn) - untested,
        untested=untested,
        wrong=_rate(population, len(drawn), wrong, open_wrong, confidence),
        missed=_rate(population, len(drawn), missed, open_missed, confidence),
    )


def _rate(population: int, drawn: int, found: int, unsure: int, confidence: float) -> Rate:
    if not drawn:
        return Rate(0, 0, None, None, None if population else 0.0, None if population else 0.0)
    most = found + unsure
    return Rate(
        found,
        most,
        found / drawn,
        most / drawn,
        upper_limit(population, drawn, found, confidence),
        upper_limit(population, drawn, most, confidence),
    )


def _within(wrong: Rate, tolerable: float) -> bool | None:
    if wrong.limit_least is None or wrong.limit_most is None:
        return None
    if wrong.limit_least > tolerable:
        return False
    return True if wrong.limit_most <= tolerable else None


def measure_reviewers(items: Iterable[WorkItem], current: Mapping[str, Decision]) -> tuple[Reviewer, ...]:
    """Measure everybody who answered, by the name they wrote; items and answers may be those of many runs."""
    by_id = {item.item: item for item in items}
    by_name: dict[str, list[Decision]] = defaultdict(list)
    for decision in current.values():
        if decision.item in by_id:
            by_name[decision.by].append(decision)
    return tuple(_reviewer(name, given, by_id) for name, given in sorted(by_name.items()))


def _reviewer(name: str, given: list[Decision], by_id: Mapping[str, WorkItem]) -> Reviewer:
    real = Counter(d.decision for d in given if not by_id[d.item].planted)
    tests = Counter(d.decision for d in given if by_id[d.item].planted)
    times = [d.seconds for d in given if d.seconds is not None]
    seconds = median(times) if times else None
    signs = (
        (Sign.KEPT_TEST_ROW, tests[ReviewerAnswer.KEEP] > 0),
        (Sign.ALWAYS_KEEPS, (real + tests)[ReviewerAnswer.KEEP] == len(given) >= ENOUGH),
        (Sign.QUICK, seconds is not None and len(times) >= ENOUGH and seconds < QUICK_SECONDS),
    )
    return Reviewer(
        by=name,
        answers=real.total(),
        revokes=real[ReviewerAnswer.REVOKE],
        cannot_say=real[ReviewerAnswer.CANNOT_SAY],
        days=len({d.at for d in given}),
        overruled_findings=sum(d.decision is ReviewerAnswer.KEEP and bool(by_id[d.item].found) for d in given),
        tested=tests.total(),
        caught=tests[ReviewerAnswer.REVOKE],
        timed=len(times),
        seconds=seconds,
        signs=tuple(sign for sign, shown in signs if shown),
    )


def _test_rows(items: Iterable[WorkItem], current: Mapping[str, Decision]) -> Iterator[AnsweredTestRow]:
    for item in items:
        if item.planted and (given := current.get(item.item)):
            yield AnsweredTestRow(item.item, item.account, item.entitlement, given.by, given.decision)
