"""How much one plan may change: the same limits when it is made and when it is applied.

Two counters for each source: accounts disabled against enabled accounts, and grants
removed, what falls away through nesting included, against grants. And for each group
the members it loses. Computers are nobody's accounts: they and what they hold make no
share of people's larger.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from access_review.engine import Engine
from access_review.errors import LimitExceeded, PlanRefused
from access_review.plan.recent_removals import ANYTHING
from access_review.policy import Ceiling, GroupCeiling, Limits
from access_review.tables import Row


@dataclass(frozen=True, slots=True)
class Count:
    """How many of a population a plan changes, how many it may, and how many batches took lately."""

    what: str
    where: str
    changed: int
    population: int
    allowed: int
    taken: int = 0

    @property
    def exceeded(self) -> bool:
        """Tell whether the plan goes too far."""
        return self.changed + self.taken > self.allowed


WOUND_DOWN = "people wound down"
"""What is counted under a declared wind-down, in place of all others."""

KINDS = {
    "accounts disabled": "disable",
    "grants removed": "remove",
    "direct members": "group",
    "members": "group",
}
"""What each count is a count of, as a limit is called where it is set or raised."""


@dataclass(frozen=True, slots=True)
class Higher:
    """One limit as one plan has it: how many may be disabled or removed in a source, or leave a group."""

    where: str
    kind: str
    to: int


@dataclass(frozen=True, slots=True)
class Raised:
    """Limits raised for one plan, and why. It takes a second approver."""

    limits: tuple[Higher, ...]
    reason: str


def higher(text: str) -> Higher:
    """Read ``SOURCE.disable=N``, ``SOURCE.remove=N`` or ``GROUP-ID.group=N``; raises ``ValueError``."""
    place, _, number = text.rpartition("=")
    where, _, kind = place.rpartition(".")
    if not where or kind not in KINDS.values() or not re.fullmatch(r"[1-9]\d{0,8}", number):
        raise ValueError(f"{text!r} raises no limit; write ad.disable=40, ad.remove=200 or ad:group:ID.group=12")
    return Higher(where, kind, int(number))


@dataclass(frozen=True, slots=True)
class Population:
    """What a source held when it was last accepted, computers aside: enabled accounts and grants; null where that is not known."""

    accounts: int | None
    grants: int | None


def populations(tables: Mapping[str, pa.Table]) -> dict[str, Population]:
    """Count what each source of a snapshot holds, computers aside."""
    computer = pc.equal(tables["accounts"]["kind"], "computer")
    machines, accounts = tables["accounts"].filter(computer), tables["accounts"].filter(pc.invert(computer))
    enabled = Counter(accounts.filter(accounts["enabled"])["source"].to_pylist())
    held = tables["grants"].filter(
        pc.invert(pc.is_in(tables["grants"]["account"], machines["account"].combine_chunks()))
    )
    prefixes = pc.list_element(pc.split_pattern(held["entitlement"], ":", max_splits=1), 0)
    grants = Counter({one["values"]: one["counts"] for one in pc.value_counts(prefixes).to_pylist()})
    return {source: Population(enabled[source], grants[source]) for source in sorted({*enabled, *grants})}


def counted(counts: Sequence[Count]) -> dict[str, Population]:
    """Return the populations that a plan's counts are shares of, so that they are the same when it is applied."""
    populations = {(count.what, count.where): count.population for count in counts}
    return {
        where: Population(populations.get(("accounts disabled", where)), populations.get(("grants removed", where)))
        for where in sorted({where for _, where in populations})
    }


def allowed_of(ceiling: Ceiling, population: int) -> int:
    """Return how many may change: the share, but never stopping below the floor; zero percent is zero."""
    if ceiling.percent == 0:
        return 0
    return max(ceiling.floor, math.floor(population * ceiling.percent / 100))


def allowed_of_group(ceiling: GroupCeiling, members: int) -> int:
    """Return how many members a group may lose: stopped only when both share and number are exceeded."""
    if ceiling.percent == 0:
        return 0
    return max(ceiling.members, math.floor(members * ceiling.percent / 100))


def count(
    engine: Engine,
    limits: Limits,
    accepted: Mapping[str, Population] | None = None,
    taken: Mapping[tuple[str, str], int] | None = None,
) -> tuple[Count, ...]:
    """Count what a plan changes, from what :func:`access_review.plan.consequences.foresee` made.

    The population is the smaller one of the last accepted and that in the engine. ``taken`` is
    what batches took from each lately.
    """
    populations = dict(accepted or {})
    counts = []
    for row in engine.rows(_DISABLED):
        known = populations.get(row["source"])
        population = _smaller(known.accounts if known else None, row["population"])
        allowed = allowed_of(limits.disable, population)
        counts.append(Count("accounts disabled", row["source"], row["changed"], population, allowed))
    for row in engine.rows(_REMOVED):
        known = populations.get(row["source"])
        population = _smaller(known.grants if known else None, row["population"])
        allowed = allowed_of(limits.remove, population)
        counts.append(Count("grants removed", row["source"], row["changed"], population, allowed))
    for row in engine.rows(_GROUPS):
        allowed = allowed_of_group(limits.group, row["population"])
        counts.append(Count(row["what"], row["entitlement"], row["changed"], row["population"], allowed))
    return with_taken(counts, taken or {})


def with_taken(counts: Iterable[Count], taken: Mapping[tuple[str, str], int]) -> tuple[Count, ...]:
    """Return the counts with what batches took from each lately."""
    return tuple(replace(one, taken=_taken_of(one, taken)) for one in counts)


def _taken_of(count: Count, taken: Mapping[tuple[str, str], int]) -> int:
    return taken.get((count.what, count.where), 0) + taken.get(ANYTHING, 0)


def _smaller(accepted: int | None, found: int) -> int:
    return found if accepted is None else min(accepted, found)


MOST_PERCENT, MOST_OF_FEW = 20, 10
"""What no policy and no raised limit passes in 24 hours: of a source's enabled accounts, and of its grants."""


def check_day(counts: Sequence[Count], taken: Mapping[tuple[str, str], int]) -> None:
    """Raise ``LimitExceeded`` for more of a source than may go in 24 hours, whatever the policy says; ``taken`` went in these."""
    for one in counts:
        if KINDS[one.what] == "group":
            continue
        most = _most_in_a_day(one)
        before = _taken_of(one, taken)
        if one.changed + before > most:
            already = f" and {before} taken" if before else ""
            raise LimitExceeded(
                f"{one.where}: {one.changed} {one.what}{already} in 24 hours, and no more than {most} of "
                f"{one.population} may be, whatever the policy allows",
                hint="look whether a source or template is wrong; then plan for fewer people, and the rest on another day; "
                "or declare that a client or site ends, in roles/wind-downs/, signed by two",
            )


def _most_in_a_day(count: Count) -> int:
    return max(MOST_OF_FEW, count.population * MOST_PERCENT // 100)


def as_raised(counts: Sequence[Count], raised: Sequence[Higher]) -> tuple[Count, ...]:
    """Return the counts with what is allowed by the limits raised for one plan."""
    to = {(count.where, count.kind): count.to for count in raised}
    return tuple(replace(c, allowed=max(c.allowed, to.get((c.where, KINDS[c.what]), 0))) for c in counts)


def lifted(counts: Sequence[Count]) -> tuple[Count, ...]:
    """Return the counts as they are under a wind-down, whose own number holds instead."""
    return tuple(replace(one, allowed=max(one.allowed, one.changed + one.taken)) for one in counts)


def check_raised(counts: Sequence[Count], raised: Sequence[Higher]) -> None:
    """Raise ``PlanRefused`` for a limit that is raised to no purpose, from zero, or so far that it would be none."""
    for higher_limit in raised:
        _may_raise(
            higher_limit,
            [known for known in counts if (known.where, KINDS[known.what]) == (higher_limit.where, higher_limit.kind)],
        )


def _may_raise(higher_limit: Higher, counts: Sequence[Count]) -> None:
    hint = "leave this --raise out, or plan again with another number"
    if not counts:
        raise PlanRefused(f"the plan takes nothing that {higher_limit.where}.{higher_limit.kind} limits", hint=hint)
    if all(higher_limit.to <= known.allowed for known in counts):
        raise PlanRefused(
            f"{higher_limit.where}.{higher_limit.kind}: {higher_limit.to} is not more than is allowed anyway", hint=hint
        )
    if any(known.allowed == 0 for known in counts):
        raise PlanRefused(
            f"{higher_limit.where}.{higher_limit.kind}: roles/policy.yaml allows none, and zero means zero",
            hint="change the policy, in a reviewed change",
        )
    most = max(known.population for known in counts)
    if higher_limit.to > most or (higher_limit.to == most and higher_limit.kind != "group"):
        raise PlanRefused(
            f"{higher_limit.where}.{higher_limit.kind}: {higher_limit.to} of {most} is all: a limit cannot be switched off",
            hint=hint,
        )


SHOWN = 5
"""So many limits are named in a refusal, those of whole sources first."""


def check(counts: Sequence[Count], names: Mapping[str, str]) -> None:
    """Raise ``LimitExceeded`` when a limit is exceeded; ``names`` says what groups are called."""
    over = [count for count in counts if count.exceeded]
    if over:
        message = "; ".join(_exceeded(one, counts, names) for one in over[:SHOWN])
        # A group may lose more than it may of those in it directly, and of all: it is one group.
        rest = {one.where for one in over[SHOWN:]} - {one.where for one in over[:SHOWN]}
        more = f"; and {len(rest)} more of which too much goes" if rest else ""
        raise LimitExceeded(
            f"the plan goes beyond its limits: {message}{more}",
            hint="look whether a source or template is wrong; then narrow the plan with --rule, --person or --client, "
            f"{_instead(over)}",
        )


def _exceeded(over: Count, counts: Sequence[Count], names: Mapping[str, str]) -> str:
    """Say which limit is exceeded, by what; of a source also how much of that people hold directly."""
    said = f"{names.get(over.where, over.where)}: {over.changed} {over.what}{_lately(over)}, "
    said += f"{over.allowed} of {over.population} allowed"
    if KINDS[over.what] != "remove":
        return said
    held = sum(c.changed for c in counts if c.what == "direct members" and c.where.startswith(f"{over.where}:"))
    if not 0 < held < over.changed:
        return said
    return (
        f"{said} ({held} of the {over.changed} are held directly, the others are reached through these and count too)"
    )


def _instead(over: Sequence[Count]) -> str:
    """Say with which words the limits are raised, where they may be: not further than any limit goes."""
    to = {(one.where, KINDS[one.what]): 0 for one in over}
    for one in over:
        to[one.where, KINDS[one.what]] = max(to[one.where, KINDS[one.what]], one.changed + one.taken)
    if len(to) > SHOWN or not all(_may_be_raised(one) for one in over):
        return "until it is within what limits may be raised to"
    words = " ".join(f"--raise {where}.{kind}={number}" for (where, kind), number in to.items())
    limit = "limit" if len(to) == 1 else "limits"
    return f"or raise the {limit} for this plan: {words} --reason WHY; two people must then approve it"


def _may_be_raised(over: Count) -> bool:
    to = over.changed + over.taken
    if KINDS[over.what] == "group":
        return over.allowed > 0 and to <= over.population
    return over.allowed > 0 and to < over.population and to <= _most_in_a_day(over)


def _lately(count: Count) -> str:
    return f" and {count.taken} taken lately" if count.taken else ""


def cuts_beyond(engine: Engine, counts: Sequence[Count]) -> Sequence[Row]:
    """Return the nesting cuts that contribute to a group's going beyond its limit: change, name."""
    over = sorted({count.where for count in counts if count.exceeded})
    return engine.rows(_CUTS, over=over)


_CUTS = """
    SELECT l.change, min(e.name) AS name
    FROM losses AS l JOIN planned_edges AS p ON p.change = l.change
    JOIN entitlements AS e ON e.entitlement = l.entitlement
    WHERE l.entitlement IN :over
    GROUP BY l.change ORDER BY l.change
"""

_DISABLED = """
    SELECT a.source, count(DISTINCT d.account) AS changed, coalesce(max(known.population), 0) AS population
    FROM disabled_after AS d JOIN accounts AS a ON a.account = d.account
    LEFT JOIN (
        SELECT source, count(*) AS population FROM accounts WHERE enabled AND kind <> 'computer' GROUP BY source
    ) AS known ON known.source = a.source
    WHERE coalesce(a.enabled, TRUE)
    GROUP BY a.source ORDER BY a.source
"""

# A synced account and its copy are one holder: what both lose is lost once.
_REMOVED = """
    WITH gone AS (
        SELECT coalesce(twins.twin, account) AS holder, entitlement
        FROM (SELECT account, entitlement FROM taken_grants UNION SELECT account, entitlement FROM lost) AS every
        LEFT JOIN twins USING (account)
    ),
    known AS (
        SELECT e.source, count(*) AS population
        FROM grants AS g JOIN entitlements AS e ON e.entitlement = g.entitlement
        WHERE NOT EXISTS (SELECT 1 FROM accounts AS a WHERE a.account = g.account AND a.kind = 'computer')
        GROUP BY e.source
    )
    SELECT e.source, count(DISTINCT (holder, gone.entitlement)) AS changed, coalesce(max(known.population), 0) AS population
    FROM gone JOIN entitlements AS e ON e.entitlement = gone.entitlement
    LEFT JOIN known ON known.source = e.source
    GROUP BY e.source ORDER BY e.source
"""

# A group may be emptied of its direct members while many are nested in it, or the other way around.
_GROUPS = """
    WITH direct AS (
        SELECT entitlement, count(DISTINCT account) AS changed FROM taken_grants GROUP BY entitlement
    ),
    members AS (
        SELECT entitlement, count(DISTINCT account) AS population
        FROM grants WHERE entitlement IN (SELECT entitlement FROM direct) GROUP BY entitlement
    ),
    reached AS (
        SELECT entitlement, count(DISTINCT coalesce(twins.twin, account)) AS changed
        FROM lost LEFT JOIN twins USING (account) GROUP BY entitlement
    ),
    holders AS (
        SELECT c.reached AS entitlement, count(DISTINCT coalesce(twins.twin, g.account)) AS population
        FROM closure AS c JOIN grants AS g ON g.entitlement = c.entitlement LEFT JOIN twins ON twins.account = g.account
        WHERE c.reached IN (SELECT entitlement FROM reached) GROUP BY c.reached
    )
    SELECT 'direct members' AS what, entitlement, changed, population FROM direct JOIN members USING (entitlement)
    UNION ALL
    SELECT 'members' AS what, entitlement, changed, population FROM reached JOIN holders USING (entitlement)
    ORDER BY what, entitlement
"""
