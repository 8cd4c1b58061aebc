"""Findings: what the rules report, with a stable identity across runs.

``finding`` is the hash of rule, subject and about, so the same thing wrong next week is
the same finding: new, open, waived or closed. What an incomplete source does not show
concludes nothing: findings that rest on it are withheld and said to be, and none is
closed by it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from access_review.engine import Engine
from access_review.errors import RuleError
from access_review.facts import FINDINGS, RESTS_ON
from access_review.model import AsOf, Remedy, Severity
from access_review.rules import COLUMNS, ROSTER, Rule
from access_review.settings import Policy
from access_review.tables import settle


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What became of one rule: how many hits, how many withheld, and why where it was not evaluated."""

    rule: str
    evaluated: bool
    hits: int = 0
    withheld: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Gaps:
    """What was not read: tables nobody collected, and per table the sources that are incomplete."""

    missing: frozenset[str]
    incomplete: Mapping[str, Mapping[str, str]]

    def why_not(self, rule: Rule) -> str:
        """Return why a rule cannot be evaluated at all, or nothing."""
        for fact in rule.needs:
            for table in RESTS_ON.get(fact, (fact,)):
                if table in self.missing:
                    return f"no source provides {table}"
                if (fact in rule.whole or table in ROSTER) and self.incomplete.get(table):
                    source, reason = min(self.incomplete[table].items())
                    return f"{table} of {source} is incomplete: {reason}"
        return ""

    def withheld_for(self, rule: Rule) -> Mapping[str, str]:
        """Return the sources about which a rule may conclude nothing, with the reason."""
        return {
            source: reason
            for fact in rule.needs
            for table in RESTS_ON.get(fact, (fact,))
            for source, reason in self.incomplete.get(table, {}).items()
        }


def evaluate(engine: Engine, rules: Sequence[Rule], policy: Policy, gaps: Gaps) -> tuple[Evaluation, ...]:
    """Run every rule and create ``hits``: rule, subject, about, reason, remedy, severity, controls."""
    evaluations = []
    hits: list[pa.Table] = [_NO_HITS]
    for rule in rules:
        settings = policy.rule(rule.id)
        if not settings.enabled:
            evaluations.append(Evaluation(rule.id, evaluated=False, reason="switched off in roles/policy.yaml"))
        elif reason := gaps.why_not(rule):
            evaluations.append(Evaluation(rule.id, evaluated=False, reason=reason))
        else:
            found = _hits_of(engine, rule, policy)
            kept, withheld = _withhold(found, gaps.withheld_for(rule))
            hits.append(kept)
            said = "; ".join(f"{s}: {r}" for s, r in sorted(gaps.withheld_for(rule).items()))
            evaluations.append(Evaluation(rule.id, evaluated=True, hits=len(kept), withheld=withheld, reason=said))
    engine.register("hits", pa.concat_tables(hits))
    return tuple(evaluations)


_NO_HITS = pa.schema([(name, pa.string()) for name in (*COLUMNS, "rule", "severity", "controls")]).empty_table()


def _hits_of(engine: Engine, rule: Rule, policy: Policy) -> pa.Table:
    """Run one rule and hold it to its contract."""
    try:
        found = engine.run(rule.check(**policy.rule(rule.id).own))
    except KeyError as error:
        raise RuleError(rule.id, f"the statement names {error} and the rule does not give it") from None
    if set(found.column_names) != set(COLUMNS):
        raise RuleError(rule.id, f"returns {found.column_names}", hint=f"return {', '.join(COLUMNS)}")
    found = found.select(list(COLUMNS)).cast(pa.schema([(name, pa.string()) for name in COLUMNS]))
    for required in ("subject", "reason", "remedy"):
        if found[required].null_count:
            raise RuleError(rule.id, f"returns {required} empty")
    if odd := set(found["remedy"].unique().to_pylist()) - set(Remedy):
        raise RuleError(rule.id, f"suggests {min(odd)!r}", hint=f"known: {', '.join(Remedy)}")
    if len(found.group_by(["subject", "about"]).aggregate([])) < len(found):
        raise RuleError(rule.id, "reports one subject and about twice")
    severity = policy.rule(rule.id).severity or rule.severity
    for name, value in (("rule", rule.id), ("severity", str(severity)), ("controls", " ".join(rule.controls))):
        found = found.append_column(name, pa.array([value] * len(found), pa.string()))
    return found


def _withhold(found: pa.Table, sources: Mapping[str, str]) -> tuple[pa.Table, int]:
    """Keep the hits that do not touch a source of which something was not read."""
    touched = pa.array([False] * len(found), pa.bool_())
    for source in sources:
        for column in ("subject", "about"):
            touched = pc.or_(touched, pc.fill_null(pc.starts_with(found[column], f"{source}:"), fill_value=False))
    return found.filter(pc.invert(touched)), pc.sum(touched).as_py() or 0


def conclude(
    engine: Engine, policy: Policy, evaluations: Sequence[Evaluation], gaps: Gaps, rules: Sequence[Rule]
) -> pa.Table:
    """Create ``findings`` from ``hits``, ``waivers`` and ``previous_findings``, and return them."""
    engine.register("uncertain", _uncertain(evaluations, gaps, rules))
    engine.create("identified", _IDENTIFIED)
    weights = policy.risk
    params = {
        **{f"w_{severity}": getattr(weights, severity) for severity in Severity},
        **{
            f"w_{name}": getattr(weights, name)
            for name in ("privileged", "sensitive", "leaver", "enabled_unknown", "old")
        },
        "old_before": AsOf(-weights.old_after),
        "red": policy.rag.red,
        "amber": policy.rag.amber,
        "now": AsOf(),
    }
    engine.create("circumstances", _CIRCUMSTANCES, **params)
    engine.create("findings", _FINDINGS, **params)
    return settle(FINDINGS, engine.query(f"SELECT {', '.join(FINDINGS.schema.names)} FROM findings"))


def _uncertain(evaluations: Sequence[Evaluation], gaps: Gaps, rules: Sequence[Rule]) -> pa.Table:
    """List the rules, or rules and sources, whose silence means nothing this time: no finding of theirs is closed."""
    by_id = {rule.id: rule for rule in rules}
    rows = [(e.rule, "") for e in evaluations if not e.evaluated]
    rows += [(e.rule, source) for e in evaluations if e.evaluated for source in gaps.withheld_for(by_id[e.rule])]
    return pa.table(
        {"rule": pa.array([r for r, _ in rows], pa.string()), "source": pa.array([s for _, s in rows], pa.string())}
    )


# Findings of the run before that no rule reports now are closed, unless the silence means nothing.
_IDENTIFIED = """
    WITH now AS (
        SELECT sha256(concat(rule, chr(31), subject, chr(31), coalesce(about, ''))) AS finding, * FROM hits
    ),
    silent AS (
        SELECT before.* FROM previous_findings AS before
        WHERE before.status <> 'closed' AND NOT EXISTS (SELECT 1 FROM now WHERE now.finding = before.finding)
    )
    SELECT now.finding, now.rule, now.subject, now.about, now.reason, now.remedy, now.severity, now.controls,
           CASE WHEN before.status IS NULL OR before.status = 'closed' THEN 'new' ELSE 'open' END AS status,
           before.first_seen, FALSE AS carried
    FROM now LEFT JOIN previous_findings AS before USING (finding)
    UNION ALL
    SELECT finding, rule, subject, about,
           CASE WHEN carried AND reason NOT LIKE 'not checked%' THEN concat('not checked this time: ', reason) ELSE reason END
               AS reason,
           remedy, severity, controls, CASE WHEN carried THEN 'open' ELSE 'closed' END AS status, first_seen, carried
    FROM (
        SELECT silent.*, EXISTS (
            SELECT 1 FROM uncertain AS u
            WHERE u.rule = silent.rule AND (u.source = '' OR silent.subject LIKE concat(u.source, ':%')
                                            OR silent.about LIKE concat(u.source, ':%'))
        ) AS carried
        FROM silent
    ) AS gone
"""

_CIRCUMSTANCES = """
    WITH powerful AS (
        SELECT DISTINCT closure.entitlement
        FROM closure JOIN entitlements ON entitlements.entitlement = closure.reached
        WHERE entitlements.privileged
    ),
    holders AS (SELECT DISTINCT account, TRUE AS privileged FROM grants JOIN powerful USING (entitlement))
    SELECT f.finding,
           coalesce(a.person, p.person, o.person) AS person,
           coalesce(a.name, e.name, p.name, f.subject) AS subject_name,
           coalesce(b.name, ba.name, bp.name, f.about) AS about_name,
           coalesce(b.client, e.client, a.client) AS client,
           coalesce(b.privileged, e.privileged, h.privileged, FALSE) AS privileged,
           coalesce(b.sensitivity, e.sensitivity) AS sensitivity,
           a.account IS NOT NULL AND a.enabled IS NULL AS enabled_unknown
    FROM identified AS f
    LEFT JOIN accounts AS a ON a.account = f.subject
    LEFT JOIN entitlements AS e ON e.entitlement = f.subject
    LEFT JOIN people AS p ON p.person = f.subject
    LEFT JOIN entitlements AS b ON b.entitlement = f.about
    LEFT JOIN accounts AS ba ON ba.account = f.about
    LEFT JOIN people AS bp ON bp.person = f.about
    LEFT JOIN accounts AS o ON o.account = f.about AND a.account IS NULL AND p.person IS NULL
    LEFT JOIN holders AS h ON h.account = f.subject AND f.about IS NULL
"""

_FINDINGS = """
    WITH scored AS (
        SELECT f.*, c.person, people.name AS person_name, c.subject_name, c.about_name, c.client,
               CASE f.severity WHEN 'critical' THEN :w_critical WHEN 'high' THEN :w_high
                               WHEN 'medium' THEN :w_medium ELSE :w_low END AS base,
               CASE WHEN c.privileged THEN :w_privileged ELSE 0 END AS for_privileged,
               CASE WHEN c.sensitivity IS NOT NULL THEN :w_sensitive ELSE 0 END AS for_sensitive,
               CASE WHEN people.status = 'left' THEN :w_leaver ELSE 0 END AS for_leaver,
               CASE WHEN c.enabled_unknown THEN :w_enabled_unknown ELSE 0 END AS for_unknown,
               CASE WHEN f.first_seen < :old_before THEN :w_old ELSE 0 END AS for_age,
               c.sensitivity, waived.waiver
        FROM identified AS f
        JOIN circumstances AS c USING (finding)
        LEFT JOIN people ON people.person = c.person
        LEFT JOIN (
            SELECT rule, subject, coalesce(about, '') AS about, min(waiver) AS waiver
            FROM waivers
            WHERE expires_at > :now AND reason IS NOT NULL AND approver IS NOT NULL
            GROUP BY rule, subject, coalesce(about, '')
        ) AS waived ON waived.rule = f.rule AND waived.subject = f.subject AND waived.about = coalesce(f.about, '')
    ),
    totalled AS (
        SELECT *, least(100, base + for_privileged + for_sensitive + for_leaver + for_unknown + for_age) AS total
        FROM scored
    )
    SELECT finding, rule, subject, about, subject_name, about_name, person, person_name, client,
           split_part(subject, ':', 1) AS source, severity,
           CASE WHEN total >= :red THEN 'red' WHEN total >= :amber THEN 'amber' ELSE 'green' END AS rag,
           CAST(total AS BIGINT) AS risk, reason,
           concat(severity, ' ', CAST(base AS VARCHAR),
                  CASE WHEN for_privileged > 0 THEN concat(', privileged ', CAST(for_privileged AS VARCHAR)) ELSE '' END,
                  CASE WHEN for_sensitive > 0 THEN concat(', ', sensitivity, ' data ', CAST(for_sensitive AS VARCHAR)) ELSE '' END,
                  CASE WHEN for_leaver > 0 THEN concat(', leaver ', CAST(for_leaver AS VARCHAR)) ELSE '' END,
                  CASE WHEN for_unknown > 0 THEN concat(', state unknown ', CAST(for_unknown AS VARCHAR)) ELSE '' END,
                  CASE WHEN for_age > 0 THEN concat(', long open ', CAST(for_age AS VARCHAR)) ELSE '' END) AS risk_reasons,
           remedy, controls,
           CASE WHEN status <> 'closed' AND waiver IS NOT NULL THEN 'waived' ELSE status END AS status,
           waiver, coalesce(first_seen, :now) AS first_seen, CASE WHEN status = 'closed' THEN :now END AS closed_at
    FROM totalled
"""
