"""Half a year of audits over many seeds: draw, answers, silent reviewers and what is carried over, judged each week.

The world knows who is wrong; the audit only sees what its reviewers answer. What is
promised is measured: everyone is *reviewed*, not merely drawn, in time, and the limits
that the judgement states hold in at least the share of weeks that it states.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from access_review.audit import decisions, judge
from access_review.audit.decisions import Decisions, ReviewerAnswer, decision_on
from access_review.audit.judge import Judgement
from access_review.audit.worklist import WorkItem, Worklist, item_id
from access_review.policy import Sampling
from access_review.sample import draw as sample
from access_review.sample.choice import Draw, Stratum
from access_review.sample.draw import Sample, SampleState
from access_review.sample.population import ReviewUnit

pytestmark = pytest.mark.slow

START, WEEK = datetime(2026, 1, 5, 6, tzinfo=UTC), timedelta(weeks=1)
WEEKS, SEEDS, SIZE = 26, 24, 120
POLICY = Sampling(tolerable=0.1, coverage_weeks=24)
REVIEWERS = tuple(f"r{number}" for number in range(6))
QUIET = "r5"
"""Answers nothing for some weeks in the middle."""


@dataclass
class World:
    """A company over half a year: who is there, who of them holds something wrong, and what the machine saw of it."""

    rng: random.Random
    drift: int
    """How many become wrong each week: few, or so many that a limit can fail."""
    there: dict[str, ReviewUnit] = field(default_factory=dict)
    entered: dict[str, datetime] = field(default_factory=dict)
    wrong: dict[str, bool] = field(default_factory=dict)
    reviewed: dict[str, datetime] = field(default_factory=dict)
    state: SampleState = field(default_factory=SampleState)
    carried: frozenset[str] = frozenset()
    number: int = 0

    def join(self, at: datetime) -> None:
        self.number += 1
        name = f"u{self.number:04}"
        self.there[name] = ReviewUnit(name, "person", None, (), None, None, 1, 1)
        self.entered[name] = at

    def change(self, at: datetime) -> None:
        """Two leave, two come, and access drifts, among those looked at a week ago too; the machine sees some of it."""
        for gone in self.rng.sample(sorted(self.there), 2):
            del self.there[gone]
            self.wrong.pop(gone, None)
        self.join(at)
        self.join(at)
        for unit in self.rng.sample(sorted(self.there), self.drift):
            self.wrong.setdefault(unit, self.rng.random() < 0.4)


@dataclass(frozen=True)
class Week:
    """One audit as it ended, and the truth at its draw."""

    at: datetime
    drawn: Sample
    judged: Judgement
    there: frozenset[str]
    wrong: frozenset[str]
    unseen: frozenset[str]
    quiet: bool
    waiting: int
    """Who had not been reviewed for longer than promised when this was drawn."""
    carried: frozenset[str]


def reviewer(unit: str) -> str:
    return REVIEWERS[int(unit[1:]) % len(REVIEWERS)]


def question(run: str, unit: str, draw: Draw, found: str) -> WorkItem:
    names: dict[str, Any] = dict.fromkeys(
        ("person", "roles", "account_name", "system", "entitlement_name", "how", "last_used"), unit
    )
    return WorkItem(
        item=item_id(run, unit, f"ad:user:{unit}", "ad:group:x", "assigned"),
        reviewer=reviewer(unit),
        reviewer_name=reviewer(unit),
        unit=unit,
        stratum=Stratum.PEOPLE,
        draw=draw,
        clients=(),
        account=f"ad:user:{unit}",
        entitlement="ad:group:x",
        mode="assigned",
        found=found,
        own=(),
        **names,
    )


def audited(world: World, week: int, *, quiet: bool) -> Week:
    """Draw, ask, have it answered by those who answer, and judge; what was found wrong is put right."""
    at = START + week * WEEK
    run = f"run-{week}"
    units = list(world.there.values())
    carried = world.carried & world.there.keys()
    waiting = sum(world.reviewed.get(u, world.entered[u]) + POLICY.coverage_weeks * WEEK < at for u in world.there)
    pledge = sample.pledge(world.rng.randbytes(32))
    drawn, state = sample.draw(units, POLICY, world.state, run=run, as_of=at, next_pledge=pledge, carried=carried)
    items = [question(run, p.unit, p.draw, "seen" if world.wrong.get(p.unit) else "") for p in drawn.picks]
    given = [
        decision_on(
            item,
            ReviewerAnswer.REVOKE if item.unit in world.wrong else ReviewerAnswer.KEEP,
            by=item.reviewer,
            at=at.date(),
        )
        for item in items
        if not (quiet and item.reviewer == QUIET)
    ]
    judged = judge.judge(drawn, Worklist(run, at, tuple(items)), decisions.record(Decisions(run), given))
    told = Week(
        at,
        drawn,
        judged,
        frozenset(world.there),
        frozenset(world.wrong),
        frozenset(unit for unit, seen in world.wrong.items() if not seen),
        quiet,
        waiting,
        frozenset(carried),
    )
    world.reviewed |= dict.fromkeys(judged.reviewed, at)
    world.carried = frozenset(pick.unit for pick in drawn.picks) - set(judged.reviewed) | set(drawn.put_off or ())
    world.state = sample.not_reviewed(state, drawn, judged.reviewed)
    for decision in given:
        if decision.decision is ReviewerAnswer.REVOKE:
            del world.wrong[decision.unit]
    return told


def half_a_year(seed: int) -> list[Week]:
    rng = random.Random(seed)  # noqa: S311 - a world, not a secret
    world = World(rng, drift=(1, 4, 8)[seed % 3])
    for _ in range(SIZE):
        world.join(START)
    world.wrong = {unit: rng.random() < 0.4 for unit in rng.sample(sorted(world.there), rng.randint(0, 40))}
    silent = range(begins := rng.randint(3, 8), begins + rng.randint(2, 6))
    missed = rng.randint(10, 20)
    told = []
    for week in range(WEEKS):
        if week:
            world.change(START + week * WEEK)
        if week != missed:
            told.append(audited(world, week, quiet=week in silent))
    return told


def test_everyone_is_reviewed_in_time_and_the_stated_limits_hold_as_often_as_they_say():
    years = [half_a_year(seed) for seed in range(SEEDS)]
    assert all(len(told) == WEEKS - 1 for told in years)
    every = [week for told in years for week in told]

    for told in years:
        reviewed: set[str] = set()
        for before, week in zip([None, *told], told, strict=False):
            picked = {pick.unit for pick in week.drawn.picks}
            # What the audit says of its own delay is what the world knows: silence of some weeks broke no promise.
            assert week.drawn.overdue == week.waiting == 0
            put_off = set(week.drawn.put_off or ())
            assert week.carried - put_off <= picked
            assert not put_off & picked
            fresh = picked - week.carried
            assert len(picked & week.carried) <= max(len(fresh), len(picked) - len(week.carried - put_off))
            if before is not None:
                left = {pick.unit for pick in before.drawn.picks} - set(before.judged.reviewed)
                left |= set(before.drawn.put_off or ())
                assert week.carried == left & week.there
                assert all(reviewer(unit) == QUIET for unit in left)
                assert before.quiet or not left
            if not week.quiet:
                assert picked == set(week.judged.reviewed), (
                    "what was carried over is reviewed as soon as somebody answers"
                )
            reviewed |= set(week.judged.reviewed)
        # 24 weeks after the first draw, everyone who was there then has been reviewed.
        assert told[0].there & told[-1].there <= reviewed
        assert any(week.carried for week in told)

    for truth, stated in (("wrong", "wrong"), ("unseen", "missed")):
        held = [len(getattr(w, truth)) / len(w.there) <= rest(w, stated).limit_most for w in every]  # type: ignore[operator]
        confidence = POLICY.confidence
        margin = 3 * (confidence * (1 - confidence) / len(held)) ** 0.5
        assert sum(held) / len(held) >= confidence - margin, truth

    # The limits say something: with everything answered they are far from "all of them".
    answered = [rest(week, "wrong").limit_most for week in every if not week.quiet]
    assert sum(answered) / len(answered) < 0.4  # type: ignore[arg-type]
    # Silence never makes a better result: what nobody answered counts as wrong.
    for week in every:
        assert rest(week, "wrong").limit_most >= rest(week, "wrong").limit_least  # type: ignore[operator]


def rest(week: Week, what: str) -> judge.Rate:
    line = next(line for line in week.judged.lines if line.stratum == "rest")
    rate = {"wrong": line.wrong, "missed": line.missed}[what]
    assert rate is not None
    return rate
