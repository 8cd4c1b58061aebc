"""The mock audit: Review, Engage, Architect, Control, Test, as a case with root causes from the records, owners and dates.

Causes are counted, not guessed by people: each open finding has one by its rule, by whether a nesting carries it, by how
many hold the same and by whether the holder moved. What a source did not tell and what no rule could see are causes too.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

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
    "lookalike-account": RootCause.SOURCE,
    "mover-kept-access": RootCause.MOVER,
    "client-boundary": RootCause.MOVER,
    "nesting-escalates": RootCause.NESTING,
    "nesting-cycle": RootCause.NESTING,
    "template-overdue": RootCause.TEMPLATE,
    "template-unresolved": RootCause.TEMPLATE,
    "birthright-missing": RootCause.TEMPLATE,
    **dict.fromkeys(
        (
            *("leaver-active", "leaver-residue", "contract-ended", "leave-active", "shared-unrotated"),
            *("account-dormant", "never-used", "guest-stale", "access-unused", "direct-grant", "standing-privilege"),
            *("grant-unauthorised", "access-outside-ticket", "app-consent-unapproved", "agent-unowned"),
            *("service-unowned", "signin-after-end", "signin-off-shift", "signin-outside-countries"),
            *("signin-outside-network", "signin-unmanaged-device", "training-missing", "access-untrained"),
            *("not-reviewed", "not-reviewed-again", "kept-unlogged", "repeat-finding"),
            *("waiver-expired", "waiver-incomplete"),
        ),
        RootCause.PEOPLE,
    ),
}

_BEYOND = frozenset({"access-beyond-role", "never-allowed", "toxic-pair", "agent-beyond-purpose"})
"""Rules about access that somebody holds and should not: the cause is how it came about."""
_CARRIED = frozenset({"carried", "held-in-part", "eligible-in-part"})
"""Their codes where a nesting, and no grant by itself, is what goes too far."""


@dataclass(frozen=True, slots=True)
class CountedCause:
    """How many open findings one cause has, by rule; of sources and rules, what was not read or not evaluated is counted too."""

    cause: RootCause
    findings: int
    rules: Mapping[str, int]


def root_causes(
    open_findings: Iterable[Row], unread: Sequence[str], silent: Sequence[str], movers: Collection[str] = ()
) -> tuple[CountedCause, ...]:
    """Count the causes of open findings (``rule``, ``about``, ``code``, ``person``), of sources not read whole and of silent rules.

    ``movers`` are people who had another job before, ``silent`` are rules that were not evaluated.
    """
    rows = list(open_findings)
    same = Counter((row["rule"], row["about"]) for row in rows if row["about"])
    by_cause: dict[RootCause, Counter[str]] = defaultdict(Counter)
    for row in rows:
        by_cause[_cause(row, same[row["rule"], row["about"]], movers)][row["rule"]] += 1
    by_cause[RootCause.SOURCE].update({f"{source} not read whole": 1 for source in unread})
    by_cause[RootCause.RULE].update({f"{rule} not evaluated": 1 for rule in silent})
    made = [
        CountedCause(cause, found.total(), dict(sorted(found.items()))) for cause, found in by_cause.items() if found
    ]
    return tuple(sorted(made, key=lambda one: (-one.findings, one.cause)))


def _cause(row: Row, same: int, movers: Collection[str]) -> RootCause:
    """Return where a finding came from; ``same`` is how many its rule has about the same thing."""
    if row["rule"] not in _BEYOND:
        return _CAUSES.get(row["rule"], RootCause.OTHER)
    if row["code"] in _CARRIED:
        return RootCause.NESTING
    if same >= SAME_FOR_MANY:
        return RootCause.TEMPLATE
    return RootCause.MOVER if row["person"] in movers else RootCause.PEOPLE


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
