"""Make findings of hits: compared with the run before, waived, scored, sorted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from access_review.engine import Engine, ParquetFile
from access_review.engine.sql import tables_read
from access_review.errors import RuleError
from access_review.facts import FINDINGS
from access_review.findings.hits import ABOUT, EVERY_SOURCE, OBJECT, SUBJECT, Evaluation, Gaps, finding_of
from access_review.model import AsOf, Family, Severity
from access_review.policy import Policy
from access_review.rules import Rule
from access_review.tables import settle


def conclude(
    engine: Engine,
    policy: Policy,
    evaluations: Sequence[Evaluation],
    gaps: Gaps,
    rules: Sequence[Rule],
    to: ParquetFile | None = None,
    *,
    only: Sequence[str] = (),
    spare: Sequence[str] = (),
) -> pa.Table | ParquetFile:
    """Make ``findings`` of ``hits``, ``waivers`` and ``previous_findings``, and return them, sorted.

    With ``to`` they are written there as Parquet and never held in memory; the engine forgets ``spare`` then, the
    tables that only rules read. They may have some columns ``only``, with ``finding`` and ``rule`` among them. Raises
    ``RuleError`` when a rule reports something twice.
    """
    reads = {rule.id: tables_read(rule.check(**policy.rule(rule.id).own).sql) for rule in rules}
    engine.register("uncertain", _uncertain(evaluations, gaps, rules, reads))
    # The first run has nothing to compare with: millions of hits need not be looked through for it.
    first = not engine.rows("SELECT 1 AS any FROM previous_findings LIMIT 1")
    if not first:
        engine.create("unsure", _UNSURE)
    of_use = [rule.id for rule in rules if rule.family is Family.STALE and "activity" not in rule.needs]
    of_owners = [rule.id for rule in rules if "owned" in reads[rule.id]]
    of_access = [rule.id for rule in rules if "grants" in rule.needs]
    concerned = {"of_use": of_use or [""], "of_owners": of_owners or [""], "of_access": of_access or [""]}
    engine.create("silent", _NOTHING_SILENT) if first else engine.create("silent", _SILENT, **concerned)
    _leave_out_moot(engine, [] if first else [rule.id for rule in rules if "previous_findings" in reads[rule.id]])
    engine.view("leaving", engine.referring("gone", ABOUT), steady=True)
    engine.create("powerful_holders", _POWERFUL_HOLDERS)
    for name, also in (("subject", ""), ("about", " UNION ALL SELECT account FROM accounts")):
        engine.create(f"every_{name}", _EVERY.format(name=name, also=also))
    params = {**_weights(policy), **_controls(rules)}
    statement = _FINDINGS.format(controls=_controls_of_rule(len(rules)))
    if only:
        statement = f"SELECT {', '.join(only)} FROM ({statement}) AS whole"
    found = _written(engine, statement, params, to, spare) if to else _found(engine, statement, params, whole=not only)
    engine.register("findings", found)
    engine.view(
        "identified", "SELECT finding, finding IN (SELECT finding FROM gone WHERE carried) AS carried FROM findings"
    )
    return found


def _leave_out_moot(engine: Engine, of_findings: Sequence[str]) -> None:
    """Make ``reported`` of ``hits``, and ``gone`` of ``silent``: what some rules say of a finding that is none any more is left out.

    The hits that are left out are ``moot``.
    """
    any_said = "SELECT 1 AS any FROM hits WHERE rule IN :of_findings LIMIT 1"
    if of_findings and engine.rows(any_said, of_findings=of_findings):
        engine.create("moot", _MOOT, of_findings=of_findings)
    else:
        engine.create("moot", _NOTHING_MOOT)
    engine.create("gone", _GONE)
    engine.view("reported", "SELECT * FROM hits WHERE finding NOT IN (SELECT finding FROM moot)")


def without_moot(engine: Engine, evaluations: Sequence[Evaluation]) -> tuple[Evaluation, ...]:
    """Return what became of every rule, when :func:`conclude` has left out what is said of findings that are none any more."""
    moot = {row["rule"]: row["hits"] for row in engine.rows("SELECT rule, count(*) AS hits FROM moot GROUP BY rule")}
    return tuple(replace(one, hits=one.hits - moot.get(one.rule, 0)) for one in evaluations)


def _controls(rules: Sequence[Rule]) -> Mapping[str, str]:
    ids = {f"rule_{place}": rule.id for place, rule in enumerate(rules)}
    return ids | {f"controls_{place}": " ".join(rule.controls) for place, rule in enumerate(rules)}


def _controls_of_rule(rules: int) -> str:
    # A join would be shorter, and undo the order in which findings are written.
    cases = " ".join(f"WHEN :rule_{place} THEN :controls_{place}" for place in range(rules))
    return f"CASE rule {cases} END" if rules else "NULL"


def _weights(policy: Policy) -> Mapping[str, Any]:
    """Return what scoring takes from the policy."""
    more = ("privileged", "tier0", "sensitive", "leaver", "enabled_unknown", "old")
    return {
        **{f"w_{name}": getattr(policy.risk, name) for name in (*Severity, *more)},
        "old_before": AsOf(-policy.risk.old_after),
        "red": policy.rag.red,
        "amber": policy.rag.amber,
        "now": AsOf(),
    }


def _found(engine: Engine, statement: str, params: Mapping[str, Any], *, whole: bool) -> pa.Table:
    table = _in_order(engine.query(statement, **params))
    _all_different(table.to_batches())
    return settle(FINDINGS, table, ordered=True) if whole else table


def _in_order(table: pa.Table) -> pa.Table:
    """Sort findings by their ids: handed over in memory, batches may come in any order.

    It is done a column at a time, each let go before the next: there may be millions.
    """
    ids = table["finding"].combine_chunks()
    if pc.all(pc.less_equal(ids[:-1], ids[1:])).as_py():
        return table
    order, columns = pc.sort_indices(ids), {}
    for name in table.schema.names:
        columns[name] = table[name].take(order)
        table = table.drop_columns([name])
    return pa.table(columns)


def _written(
    engine: Engine, statement: str, params: Mapping[str, Any], to: ParquetFile, spare: Sequence[str]
) -> ParquetFile:
    engine.drop(*spare)
    engine.write(statement, to, **params)
    _all_different(to.reader(["finding", "rule"]))
    return to


def _all_different(found: Iterable[pa.RecordBatch]) -> None:
    """Look through sorted findings for two alike, which one pass shows; raises ``RuleError``."""
    last = pa.array([], pa.string())
    for batch in found:
        ids = pa.concat_arrays([last, batch["finding"]])
        if pc.any(pc.less(ids[1:], ids[:-1])).as_py():
            raise ValueError("the engine did not sort the findings")  # and two alike could stand apart
        twice = pc.index(pc.equal(ids[1:], ids[:-1]), pa.scalar(True)).as_py()
        if twice >= 0:
            rule = batch["rule"][twice + 1 - len(last)].as_py()
            raise RuleError(rule, "reports one subject and about twice")
        last = ids[-1:]


def _uncertain(
    evaluations: Sequence[Evaluation], gaps: Gaps, rules: Sequence[Rule], reads: Mapping[str, frozenset[str]]
) -> pa.Table:
    """List the rules, or rules and sources, whose silence means nothing this time: no finding of theirs is closed."""
    by_id = {rule.id: rule for rule in rules}
    rows = [(e.rule, EVERY_SOURCE) for e in evaluations if not e.evaluated]
    asked = [by_id[e.rule] for e in evaluations if e.evaluated]
    rows += [(rule.id, source) for rule in asked for source in gaps.silent_for(rule, reads[rule.id])]
    return pa.table(
        {"rule": pa.array([r for r, _ in rows], pa.string()), "source": pa.array([s for _, s in rows], pa.string())}
    )


# Whoever's row cannot be read this time or is in no roster any more, and what is in quarantine, is not better than it was;
# nor is what they own, to a rule that reads whose something is; nor an account that was somebody's and is nobody's now (of
# a disabled one, only what it holds is in question); nor is a group that one read alone shows with fewer members, or of
# which members are nobody now, nor an account that is not listed any more and still named as a member, nor one used again
# of which nobody can read any more when it was used.
_UNSURE = """
    SELECT CAST(person AS VARCHAR) AS id, 'itself' AS why FROM people WHERE status IN ('unknown', 'missing')
    UNION SELECT CAST(accounts.account AS VARCHAR), 'itself'
    FROM accounts JOIN people ON people.person = accounts.person WHERE people.status IN ('unknown', 'missing')
    UNION SELECT CAST(object AS VARCHAR), 'owner' FROM owned WHERE status IN ('unknown', 'missing')
    UNION SELECT f.account, CASE WHEN coalesce(a.enabled, TRUE) THEN 'itself' ELSE 'access' END
    FROM former_owners AS f JOIN accounts AS a ON a.account = f.account
    WHERE a.person IS NULL AND NOT EXISTS (SELECT 1 FROM not_same AS n WHERE n.one = f.account AND n.two = f.person)
    UNION SELECT subject, 'itself' FROM problems WHERE kind IN ('quarantined', 'fewer-members', 'still-named', 'unknown-member')
      AND subject IS NOT NULL
    UNION SELECT CAST(closure.reached AS VARCHAR), 'itself'
    FROM problems JOIN closure ON closure.entitlement = problems.subject WHERE problems.kind IN ('fewer-members', 'unknown-member')
    UNION SELECT CAST(account AS VARCHAR), 'use' FROM accounts
    WHERE coalesce(enabled, TRUE) AND last_used_latest IS NULL AND never_used IS NULL
      AND NOT EXISTS (SELECT 1 FROM signins WHERE signins.account = accounts.account)
      AND NOT EXISTS (SELECT 1 FROM activity WHERE activity.account = accounts.account)
"""

# Findings of the run before that no rule reports now are closed, unless the silence means nothing. An account or an
# entitlement says which source it is of; what is found about a person, or about no id at all, may rest on any.
_SILENT = """
    WITH unheard AS (
        SELECT before.* FROM previous_findings AS before
        WHERE before.status <> 'closed' AND NOT EXISTS (SELECT 1 FROM hits WHERE hits.finding = before.finding)
    )
    SELECT finding, rule, subject, about, code, facts, NOT carried AS checked, remedy, severity, controls,
           CASE WHEN carried THEN 'open' ELSE 'closed' END AS status, first_seen, carried
    FROM (
        SELECT unheard.*, EXISTS (
            SELECT 1 FROM uncertain AS u
            WHERE u.rule = unheard.rule AND (u.source = '' OR unheard.subject LIKE concat(u.source, ':%')
                                            OR unheard.about LIKE concat(u.source, ':%')
                                            OR unheard.subject NOT LIKE '%:%:%' OR unheard.subject LIKE '%:person:%')
        ) OR EXISTS (
            SELECT 1 FROM unsure WHERE (unsure.id = unheard.subject OR unsure.id = unheard.about)
                                   AND (unsure.why = 'itself' OR (unsure.why = 'use' AND unheard.rule IN :of_use)
                                        OR (unsure.why = 'owner' AND unheard.rule IN :of_owners)
                                        OR (unsure.why = 'access' AND unheard.rule IN :of_access))
        ) AS carried
        FROM unheard
    ) AS told
"""

_NOTHING_SILENT = """
    SELECT finding, rule, subject, about, code, facts, checked, remedy, severity, controls, status, first_seen,
           FALSE AS carried
    FROM previous_findings WHERE FALSE
"""

_POWERFUL_HOLDERS = """
    WITH powerful AS (
        SELECT DISTINCT closure.entitlement
        FROM closure JOIN entitlements ON entitlements.entitlement = closure.reached
        WHERE entitlements.privileged
    )
    SELECT DISTINCT account, TRUE AS privileged FROM grants JOIN powerful USING (entitlement)
"""

_IDENTIFIED = """
    SELECT hits.finding, hits.rule, hits.subject, hits.subject_text, hits.about, hits.about_text, hits.code, hits.facts,
           TRUE AS checked, hits.remedy, hits.severity, CAST(NULL AS VARCHAR) AS controls,
           CASE WHEN before.status IS NULL OR before.status = 'closed' THEN 'new' ELSE 'open' END AS status,
           before.first_seen
    FROM reported AS hits LEFT JOIN previous_findings AS before ON before.finding = hits.finding
    UNION ALL
    SELECT finding, rule, subject, subject_text, about, about_text, code, facts, checked, remedy, severity, controls,
           status, first_seen
    FROM leaving
"""

# Few findings are about people or other accounts: only those concerned are looked up.
_EVERY = """
    SELECT DISTINCT {name} AS id FROM (SELECT {name} FROM reported UNION ALL SELECT {name} FROM leaving) AS every
    WHERE {name} IN (SELECT person FROM people{also})
"""
_PERSON = "SELECT person, name FROM people JOIN every_{0} AS every ON every.id = people.person"
_OTHER = "SELECT account, person, name FROM accounts JOIN every_about AS every ON every.id = accounts.account"

# What is not checked this time weighs as it did, and is called as it was, wherever nothing says now what it is.
_WEIGHED = "coalesce(risk_parts NOT LIKE '%\"{0}\":0,%', FALSE) AS {0}"
_BEFORE = f"""
    SELECT finding AS known, person AS whose, person_name, subject_name AS called, about_name AS about_called,
           client AS of_client, sensitivity AS of_data,
           {", ".join(map(_WEIGHED.format, ("privileged", "tier0", "leaver")))}
    FROM previous_findings
"""

_CIRCUMSTANCES = f"""
    SELECT f.*, split_part({SUBJECT}, ':', 1) AS source,
           coalesce(a.person, p.person, CASE WHEN a.account IS NULL AND p.person IS NULL THEN o.person END,
                    CASE WHEN a.account IS NULL THEN k.whose END) AS person,
           k.person_name AS was_called, k.leaver AS was_leaver,
           coalesce(a.name, e.name, p.name, k.called) AS subject_name,
           coalesce(b.name, o.name, bp.name, k.about_called) AS about_name,
           coalesce(b.client, e.client, a.client, k.of_client) AS client,
           coalesce(b.privileged, e.privileged, h.privileged, k.privileged, FALSE) AS privileged,
           coalesce(bt.tier0, et.tier0, k.tier0, FALSE) AS tier0,
           coalesce(b.sensitivity, e.sensitivity, k.of_data) AS sensitivity,
           a.account IS NOT NULL AND a.enabled IS NULL AS enabled_unknown
    FROM ({_IDENTIFIED}) AS f
    LEFT JOIN ({_BEFORE}) AS k ON k.known = f.finding AND NOT f.checked
    LEFT JOIN accounts AS a ON a.account = f.subject
    LEFT JOIN entitlements AS e ON e.entitlement = f.subject
    LEFT JOIN ({_PERSON.format("subject")}) AS p ON p.person = f.subject
    LEFT JOIN entitlements AS b ON b.entitlement = f.about
    LEFT JOIN ({_OTHER}) AS o ON o.account = f.about
    LEFT JOIN ({_PERSON.format("about")}) AS bp ON bp.person = f.about
    LEFT JOIN powers AS et ON et.entitlement = f.subject
    LEFT JOIN powers AS bt ON bt.entitlement = f.about
    LEFT JOIN powerful_holders AS h ON h.account = f.subject AND f.about IS NULL AND f.about_text IS NULL
"""

_WAIVED = f"""
    SELECT finding, min(waiver) AS waiver
    FROM (
        SELECT {finding_of("subject", "about")}, waiver FROM valid_waivers
    ) AS valid
    GROUP BY finding
"""

# A rule that reads the findings of before may speak of one that this run closes, or that is waived since: there is
# nothing to be said of it any more.
_MOOT = f"""
    WITH said AS (
        SELECT finding, rule, {SUBJECT} AS target FROM hits WHERE rule IN :of_findings
    ), standing AS (
        SELECT finding FROM hits WHERE finding IN (SELECT target FROM said)
        UNION SELECT finding FROM silent WHERE carried
        EXCEPT SELECT finding FROM ({_WAIVED}) AS waived
    )
    SELECT said.finding, said.rule
    FROM said JOIN previous_findings AS before ON before.finding = said.target
    WHERE said.target NOT IN (SELECT finding FROM standing)
"""

_NOTHING_MOOT = "SELECT finding, rule FROM previous_findings WHERE FALSE"

_GONE = """
    SELECT * FROM silent
    UNION ALL
    SELECT finding, rule, subject, about, code, facts, TRUE AS checked, remedy, severity, controls,
           'closed' AS status, first_seen, FALSE AS carried
    FROM previous_findings WHERE status <> 'closed' AND finding IN (SELECT finding FROM moot)
"""

_SORTED = f"""
    SELECT f.*, coalesce(people.name, f.was_called) AS person_name,
           coalesce(CASE WHEN coalesce(people.status, 'unknown') = 'unknown' THEN f.was_leaver ELSE people.status = 'left' END,
                    FALSE) AS leaver,
           waived.waiver
    FROM ({_CIRCUMSTANCES}) AS f
    LEFT JOIN people ON people.person = f.person
    LEFT JOIN ({_WAIVED}) AS waived ON waived.finding = f.finding
    ORDER BY f.finding
"""

# Text that follows from a few flags, or from the rule, is put together after sorting, which then need not move it.
# The source is short, and is cut off before, while the text of the subject is at hand: after sorting each lies elsewhere.
_SCORED = f"""
    SELECT *, {SUBJECT} AS spelled_subject, {OBJECT} AS spelled_about,
           CASE severity WHEN 'critical' THEN :w_critical WHEN 'high' THEN :w_high
                         WHEN 'medium' THEN :w_medium ELSE :w_low END AS base,
           CASE WHEN privileged THEN :w_privileged ELSE 0 END AS for_privileged,
           CASE WHEN tier0 THEN :w_tier0 ELSE 0 END AS for_tier0,
           CASE WHEN sensitivity IS NOT NULL THEN :w_sensitive ELSE 0 END AS for_sensitive,
           CASE WHEN leaver THEN :w_leaver ELSE 0 END AS for_leaver,
           CASE WHEN enabled_unknown THEN :w_enabled_unknown ELSE 0 END AS for_unknown,
           CASE WHEN first_seen < :old_before THEN :w_old ELSE 0 END AS for_age
    FROM ({_SORTED}) AS sorted
"""

_FINDINGS = f"""
    SELECT finding, rule, spelled_subject AS subject, spelled_about AS about,
           coalesce(subject_name, spelled_subject) AS subject_name, coalesce(about_name, spelled_about) AS about_name,
           person, person_name, client, source, severity,
           CASE WHEN total >= :red THEN 'red' WHEN total >= :amber THEN 'amber' ELSE 'green' END AS rag,
           CAST(total AS BIGINT) AS risk, sensitivity, remedy, coalesce(controls, {{controls}}) AS controls,
           CASE WHEN status <> 'closed' AND waiver IS NOT NULL THEN 'waived' ELSE status END AS status,
           waiver, coalesce(first_seen, :now) AS first_seen, CASE WHEN status = 'closed' THEN :now END AS closed_at,
           code, checked, facts,
           concat('{{{{"severity":', base, ',"privileged":', for_privileged, ',"tier0":', for_tier0,
                  ',"sensitive":', for_sensitive, ',"leaver":', for_leaver, ',"enabled_unknown":', for_unknown,
                  ',"old":', for_age, '}}}}') AS risk_parts
    FROM (
        SELECT *, least(100, base + for_privileged + for_tier0 + for_sensitive + for_leaver + for_unknown + for_age) AS total
        FROM ({_SCORED}) AS scored
    ) AS totalled
"""

READS = tables_read(_FINDINGS)
"""The tables that findings are made of."""
