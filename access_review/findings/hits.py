"""Run the rules: what they report, held to their contract, without what rests on a source not wholly read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from access_review.engine import Engine
from access_review.errors import RuleError
from access_review.facts import ACCEPTED
from access_review.findings import sentences
from access_review.model import Remedy
from access_review.policy import Policy
from access_review.rules import ROSTER, Rule
from access_review.tables import Row


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What became of one rule: how many hits, how many withheld, and why where it was not evaluated."""

    rule: str
    evaluated: bool
    hits: int = 0
    withheld: int = 0
    reason: str = ""


NOTHING_ACCEPTED = "no run was accepted before this one (access-review sign-off) that it could be compared with"


@dataclass(frozen=True, slots=True)
class Gaps:
    """What was not read: tables nobody collected, per table the sources that are incomplete, and doubtful clocks.

    ``rests_on`` has the tables that a derived fact is made from; any other rests on itself.
    """

    missing: frozenset[str]
    incomplete: Mapping[str, Mapping[str, str]]
    rests_on: Mapping[str, Sequence[str]]  # no default: a forgotten lineage would pass what is short for whole
    clocks: Mapping[str, str] = field(default_factory=dict)

    def why_not(self, rule: Rule) -> str:
        """Return why a rule cannot be evaluated at all, or nothing."""
        for fact in dict.fromkeys((*rule.needs, *rule.whole)):
            for table in self.rests_on.get(fact, (fact,)):
                if fact in rule.needs and table in self.missing and not (rule.rosterless and self._unlisted(table)):
                    return f"no source provides {table}"
                if (fact in rule.whole or table in ROSTER) and self.incomplete.get(table):
                    source, reason = min(self.incomplete[table].items())
                    return f"{table} of {source} is incomplete: {reason}"
        if self.missing.intersection(ACCEPTED, rule.needs):
            return NOTHING_ACCEPTED
        if rule.either and self.missing.issuperset(rule.either):
            return f"no source provides {' or '.join(rule.either)}"
        return ""

    def _unlisted(self, table: str) -> bool:
        """Tell whether a table is missing because no source is a roster at all."""
        return table in ROSTER and "people" in self.missing

    def withheld_for(self, rule: Rule) -> Mapping[str, str]:
        """Return the sources about which a rule may conclude nothing, with the reason."""
        unread = {
            source: reason
            for fact in rule.needs
            for table in self.rests_on.get(fact, (fact,))
            for source, reason in self.incomplete.get(table, {}).items()
        }
        return {**self.clocks, **unread} if rule.timed else unread

    def silent_for(self, rule: Rule, reads: Collection[str]) -> frozenset[str]:
        """Return the sources about which it means nothing that a rule finds nothing; ``EVERY_SOURCE`` stands for all of them.

        It rests on what the rule ``reads``, too, without which it is evaluated. Of ``held`` it needs what it reads of it.
        Of other tables than those of :data:`_OF_THEIR_IDS` any source may have the rows that a finding rests on,
        whatever its ids: who owns it, who knows its secret, what it gives.
        """
        read = {*rule.needs, *reads} - {"held"}
        rests_on = {table for fact in read for table in self.rests_on.get(fact, (fact,))}
        # What is given through nesting is of any source, and so is what that is.
        told = rests_on & ({"accounts", "grants"} if "nesting" in rests_on else _OF_THEIR_IDS)
        every = {EVERY_SOURCE} if any(self.incomplete.get(table) for table in rests_on - told) else set()
        short = {source for table in told for source in self.incomplete.get(table, {})}
        return frozenset(self.withheld_for(rule)) | short | every


_OF_THEIR_IDS = frozenset({"accounts", "entitlements", "grants"})
"""Tables whose rows are of the source that the ids of a finding begin with."""

EVERY_SOURCE = ""
"""What stands for all sources where the ids of findings do not tell which of them they rest on."""


def evaluate(engine: Engine, rules: Sequence[Rule], policy: Policy, gaps: Gaps) -> tuple[Evaluation, ...]:
    """Run every rule and make ``hits`` known: finding, rule, subject, about, code, facts, remedy, severity.

    Hits stay in the engine: a rule may have millions. What rules returned is looked at
    all at once. Raises ``RuleError`` for a rule that breaks its contract.
    """
    idle = {rule.id: why_idle(rule, policy, gaps) for rule in rules}
    running = [rule for rule in rules if not idle[rule.id]]
    unread = {rule.id: gaps.withheld_for(rule) for rule in running}
    found = {rule.id: _run(engine, rule, policy) for rule in running}
    _check_columns(engine, [rule for rule in running if not _is_silent(engine, rule)])
    hitting = [rule for rule in running if found[rule.id]]
    withheld = _withheld(engine, hitting, unread)
    _name_hits(engine, hitting, policy)
    return tuple(
        Evaluation(rule.id, evaluated=False, reason=idle[rule.id])
        if idle[rule.id]
        else Evaluation(
            rule.id,
            True,
            found[rule.id] - withheld.get(rule.id, 0),
            withheld.get(rule.id, 0),
            why_withheld(unread[rule.id]),
        )
        for rule in rules
    )


def why_idle(rule: Rule, policy: Policy, gaps: Gaps) -> str:
    """Return why a rule is not evaluated at all, or nothing."""
    return gaps.why_not(rule) if policy.rule(rule.id).enabled else "switched off in roles/policy.yaml"


def why_withheld(unread: Mapping[str, str]) -> str:
    """Return why findings about some sources are withheld, if there are any; ``unread`` has the reason of each source."""
    return "; ".join(f"{source}: {reason}" for source, reason in sorted(unread.items()))


def _run(engine: Engine, rule: Rule, policy: Policy) -> int:
    """Keep what a rule reports as a table of its own; return the number of its hits."""
    relation = rule.check(**policy.rule(rule.id).own)
    if _is_silent(engine, rule):
        return 0
    try:
        if relation.then is None:
            return engine.create(_table_of(rule), relation.sql, **relation.params)
        found = engine.run(relation)
    except KeyError as error:
        raise RuleError(rule.id, f"the statement names {error} and the rule does not give it") from None
    engine.register(_table_of(rule), found)
    return len(found)


def _is_silent(engine: Engine, rule: Rule) -> bool:
    """Tell whether a rule can find nothing, since there is none of what it finds; such a rule has no table."""
    return any(engine.is_empty(table) for table in rule.nothing_without)


def _table_of(rule: Rule) -> str:
    return "hits_" + rule.id.replace("-", "_")


def _check_columns(engine: Engine, rules: Sequence[Rule]) -> None:
    columns = engine.columns(*map(_table_of, rules))
    for rule in rules:
        names, wanted = list(columns[_table_of(rule)]), sentences.columns_of(rule)
        if set(names) != set(wanted):
            raise RuleError(rule.id, f"returns {names}", hint=f"return {', '.join(wanted)}")


# Subject and about are ids, which the engine may keep as numbers, or text that is no id, beside them.
ABOUT = ("subject", "about")
SUBJECT, OBJECT = (f"coalesce(CAST({name} AS VARCHAR), {name}_text)" for name in ABOUT)
_HIT = ("subject", "subject_text", "about", "about_text", "code", "facts", "remedy")
_SPELLED = ", ".join(_HIT[:4])


def _withheld(engine: Engine, rules: Sequence[Rule], unread: Mapping[str, Mapping[str, str]]) -> Mapping[str, int]:
    """Take out the hits that touch a source not wholly read; return how many of each rule they were."""
    params: dict[str, Any] = {"remedies": tuple(map(str, Remedy))}
    counts = []
    for place, rule in enumerate(rules):
        params |= {f"rule_{place}": rule.id, f"unread_{place}": sorted(unread[rule.id])}
        params |= {f"codes_{place}": tuple(rule.sentences)}
        reason = f"CASE WHEN code IN :codes_{place} THEN 1 END" if rule.sentences else "reason"
        touching = _touching(f"unread_{place}") if unread[rule.id] else "FALSE"
        counts.append(_COUNTED.format(place=place, table=_table_of(rule), touching=touching, reason=reason))
    counted = {row["rule"]: row for row in engine.rows(" UNION ALL ".join(counts), **params)} if counts else {}
    for rule in rules:
        _hold_to_contract(rule, counted[rule.id])
        if counted[rule.id]["withheld"]:
            kept = f"SELECT * FROM {_table_of(rule)} WHERE NOT ({_touching('unread')})"
            engine.create(_table_of(rule), kept, unread=sorted(unread[rule.id]))
    return {rule: row["withheld"] for rule, row in counted.items()}


def _touching(sources: str) -> str:
    """Return the condition that a hit is about something of one of the sources in a parameter: ids begin with them."""
    return " OR ".join(
        f"coalesce({text} LIKE '%:%' AND split_part({text}, ':', 1) IN :{sources}, FALSE)"
        for text in (f"CAST({column} AS VARCHAR)" for column in ABOUT)
    )


def _hold_to_contract(rule: Rule, counted: Row) -> None:
    """Raise ``RuleError`` when some hits of a rule are not what a rule may report."""
    for required in ("subject", "reason", "remedy"):
        if counted[required] < counted["hits"]:
            told = "a code that has no sentence" if required == "reason" and rule.sentences else f"{required} empty"
            raise RuleError(rule.id, f"returns {told}")
    if counted["odd"] is not None:
        raise RuleError(rule.id, f"suggests {counted['odd']!r}", hint=f"known: {', '.join(Remedy)}")


_COUNTED = """
    SELECT :rule_{place} AS rule, count(*) AS hits, count(subject) AS subject, count({reason}) AS reason,
           count(remedy) AS remedy, min(CASE WHEN remedy NOT IN :remedies THEN remedy END) AS odd,
           CAST(coalesce(sum(CASE WHEN {touching} THEN 1 ELSE 0 END), 0) AS BIGINT) AS withheld
    FROM {table}
"""


def finding_of(subject: str, about: str) -> str:
    """Return the column ``finding``: the hash of rule, subject and about."""
    return f"sha256(concat(rule, chr(31), {subject}, chr(31), coalesce({about}, ''))) AS finding"


def _name_hits(engine: Engine, rules: Sequence[Rule], policy: Policy) -> None:
    """Make ``hits`` of the tables of the rules, each with the rule's id and severity, which are data and not text."""
    severities = [str(policy.rule(rule.id).severity or rule.severity) for rule in rules]
    columns = {"place": pa.array(range(len(rules)), pa.int32()), "rule": pa.array([r.id for r in rules], pa.string())}
    engine.register("hitting", pa.table({**columns, "severity": pa.array(severities, pa.string())}))
    tables = [
        f"SELECT {_SPELLED}, {sentences.found_by(rule, engine.as_of)}, remedy, {place} AS place "
        f"FROM ({engine.referring(_table_of(rule), ABOUT)}) AS found"
        for place, rule in enumerate(rules)
    ]
    named = (
        f"SELECT {', '.join(_HIT)}, rule, severity FROM ({' UNION ALL '.join(tables)}) AS t JOIN hitting USING (place)"
    )
    sql = f"SELECT {finding_of(SUBJECT, OBJECT)}, * FROM ({named if tables else _NO_HITS}) AS found"
    engine.view("hits", sql, steady=True)


_NO_HITS = f"SELECT {', '.join(f'CAST(NULL AS VARCHAR) AS {name}' for name in (*_HIT, 'rule', 'severity'))} WHERE FALSE"
