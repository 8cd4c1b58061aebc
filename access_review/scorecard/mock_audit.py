"""The mock audit: Review, Engage, Architect, Control, Test, as a case with root causes from the records, owners and dates.

Causes are counted, not guessed by people: each open finding has one by its rule, and by how many hold the same beyond
their role. What a source did not tell and what no rule could see are causes too.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from access_review.scorecard.follow_up import FollowUp, FollowUpKind
from access_review.scorecard.ladder import MockStep, RootCause
from access_review.tables import Row

SAME_FOR_MANY = 5
"""From how many findings on about one entitlement the template is the cause and not those who hold it."""
REPEATED = 2
"""From how many findings of one rule on within a quarter somebody is named."""

_CAUSES: Mapping[str, RootCause] = {
    "person-missing": RootCause.SOURCE,
    "owner-doubtful": RootCause.SOURCE,
    "account-unowned": RootCause.SOURCE,
    "mover-kept-access": RootCause.MOVER,
    "client-boundary": RootCause.MOVER,
    "nesting-escalates": RootCause.NESTING,
    "nesting-cycle": RootCause.NESTING,
    "template-overdue": RootCause.TEMPLATE,
    "template-unresolved": RootCause.TEMPLATE,
    "birthright-missing": RootCause.TEMPLATE,
    "leaver-active": RootCause.PEOPLE,
    "leaver-residue": RootCause.PEOPLE,
    "contract-ended": RootCause.PEOPLE,
    "not-reviewed": RootCause.PEOPLE,
    "not-reviewed-again": RootCause.PEOPLE,
    "kept-unlogged": RootCause.PEOPLE,
    "repeat-finding": RootCause.PEOPLE,
    "waiver-expired": RootCause.PEOPLE,
    "waiver-incomplete": RootCause.PEOPLE,
}


@dataclass(frozen=True, slots=True)
class CountedCause:
    """How many open findings one cause has, by rule; of sources and rules, what was not read or not evaluated is counted too."""

    cause: RootCause
    findings: int
    rules: Mapping[str, int]


def root_causes(open_findings: Iterable[Row], unread: Sequence[str], silent: Sequence[str]) -> tuple[CountedCause, ...]:
    """Count the causes of open findings (``rule``, ``about``), of sources not read whole and of rules not evaluated."""
    rows = list(open_findings)
    same = Counter((row["rule"], row["about"]) for row in rows if row["about"])
    by_cause: dict[RootCause, Counter[str]] = defaultdict(Counter)
    for row in rows:
        many = row["about"] and same[row["rule"], row["about"]] >= SAME_FOR_MANY
        beyond = RootCause.TEMPLATE if row["rule"] == "access-beyond-role" and many else RootCause.OTHER
        by_cause[_CAUSES.get(row["rule"], beyond)][row["rule"]] += 1
    by_cause[RootCause.SOURCE].update({f"{source} not read whole": 1 for source in unread})
    by_cause[RootCause.RULE].update({f"{rule} not evaluated": 1 for rule in silent})
    made = [
        CountedCause(cause, found.total(), dict(sorted(found.items()))) for cause, found in by_cause.items() if found
    ]
    return tuple(sorted(made, key=lambda one: (-one.findings, one.cause)))


@dataclass(frozen=True, slots=True)
class RepeatedFindings:
    """Somebody, or the team of a manager, who had several findings of a rule within the quarter; ``person`` is an id."""

    person: str
    team: bool
    rule: str
    findings: int
    people: int


def repeated_findings(
    seen: Iterable[Row], managers: Mapping[str, str], here: Collection[str]
) -> tuple[RepeatedFindings, ...]:
    """Name people and teams with repeated findings (``finding``, ``rule``, ``person``), each finding counted once.

    Of people only those who are ``here``: what is left of a leaver is their team's.
    """
    once = {row["finding"]: (row["rule"], row["person"]) for row in seen if row["person"]}
    own = Counter(once.values())
    made = [
        RepeatedFindings(person, False, rule, n, 1)
        for (rule, person), n in own.items()
        if n >= REPEATED and person in here
    ]
    teams: dict[tuple[str, str], set[str]] = defaultdict(set)
    found: Counter[tuple[str, str]] = Counter()
    for (rule, person), n in own.items():
        if manager := managers.get(person):
            teams[rule, manager].add(person)
            found[rule, manager] += n
    made += [
        RepeatedFindings(manager, True, rule, found[rule, manager], len(people))
        for (rule, manager), people in teams.items()
        if len(people) > 1
    ]
    return tuple(sorted(made, key=lambda one: (-one.findings, one.team, one.person, one.rule)))


@dataclass(frozen=True, slots=True)
class MockAudit:
    """A case: how it was opened, and the steps taken since."""

    opened: FollowUp
    steps: tuple[FollowUp, ...]

    @property
    def next_step(self) -> MockStep | None:
        """The first step that nobody has taken; null after the last."""
        taken = {MockStep.REVIEW, *(one.text("step") for one in self.steps)}
        return next((step for step in MockStep if step not in taken), None)

    @property
    def due(self) -> datetime | None:
        """By when the next step was promised; null where none is left, or nothing was promised."""
        return (self.steps[-1] if self.steps else self.opened).moment("next_by") if self.next_step else None


def newest_case(records: Sequence[FollowUp], at: datetime) -> MockAudit | None:
    """Return the mock audit that goes on, or the last; nothing where there was none."""
    opened = [one for one in records if one.kind is FollowUpKind.MOCK_AUDIT and one.at <= at]
    if not opened:
        return None
    about = opened[-1].about
    steps = (one for one in records if one.kind is FollowUpKind.MOCK_STEP and one.about == about and one.at <= at)
    return MockAudit(opened[-1], tuple(steps))


class TrainingState(StrEnum):
    """Where a training stands."""

    ASSIGNED = "assigned"
    DONE = "done"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class Training:
    """What somebody was asked to learn, by when, and whether they did."""

    person: str
    course: str
    due: datetime
    state: TrainingState
    link: str


def trainings(records: Iterable[FollowUp], at: datetime) -> tuple[Training, ...]:
    """Return every training as it stands: the last record about a person and a course."""
    last = {
        (one.about, one.text("course")): one for one in records if one.kind is FollowUpKind.TRAINING and one.at <= at
    }
    return tuple(
        Training(person, course, due, _state(one, due, at), one.text("link"))
        for (person, course), one in sorted(last.items())
        if (due := one.moment("due")) is not None
    )


def _state(record: FollowUp, due: datetime, at: datetime) -> TrainingState:
    if record.said.get("done") is True:
        return TrainingState.DONE
    return TrainingState.OVERDUE if due < at else TrainingState.ASSIGNED
