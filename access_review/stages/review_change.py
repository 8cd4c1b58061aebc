"""Review what has changed alone: a few rows of kept facts are others, and what that touches is judged anew.

The statements are those of a whole review, run over the part of the company that a change touches, so the digest of the
findings is the same. Where that cannot be told, :class:`WholeNeeded` says why, and everything is to be reviewed.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from access_review import declared
from access_review import review as reviewing
from access_review.engine import Engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.kept import KeptDatabase
from access_review.engine.sql import tables_read
from access_review.findings import again
from access_review.findings.asked_rules import AskedRules, bounds_of, compares_directly, unkept
from access_review.findings.moment import with_moment
from access_review.findings.passed_times import PassedTimes
from access_review.findings.reviewed_change import ReviewedChange, RowsChanged, WholeNeeded, WholeReason
from access_review.findings.scope import ReviewScope, scope_of
from access_review.model import CURRENT, AsOf
from access_review.policy import Policy
from access_review.rules import Rule
from access_review.stages.changed_rows import KeptRows, makes_facts, touched_by_time
from access_review.stages.kept_facts import KeptState, made_by, read_state
from access_review.stages.kept_findings import AskedAgain, KeptFindings, among
from access_review.workspace import Workspace

MOST = 0.2
"""Up to this share of all grants is judged anew; of more a whole review takes hardly longer."""


def review_change(
    kept: KeptDatabase,
    workspace: Workspace,
    as_of: datetime,
    changes: Mapping[str, RowsChanged],
    *,
    most: float = MOST,
    note: Mapping[str, str] | None = None,
) -> ReviewedChange:
    """Review what is kept with some rows changed, at a later moment; what is kept is so from then on.

    ``changes`` are by table, and ``note`` is what the state is to say then. Raises :class:`WholeNeeded` where a whole review
    is needed, and ``RuleError`` for a rule that breaks its contract; what is kept is as it was then.
    """
    with kept.at_once():
        state = _state_before(kept, workspace, as_of)
        rows = KeptRows(kept, workspace, as_of, state.accepted)
        asked = AskedRules.of(workspace.policy, rows.gaps())
        kept.engine.as_of = as_of
        kept.engine.register("moment", declared.moment(as_of))
        changed = rows.change(changes)
        passed = PassedTimes.between(kept.engine, state.as_of, as_of, _every_bound(asked))
        others = changed.tables | _others_by_time(kept, passed, workspace.policy)
        touched = changed.touched | touched_by_time(
            passed, [*_bounds_of_roles(workspace.policy), *asked.bounds(asked.local)]
        )
        if makes_facts(others):
            touched |= rows.establish()
        scope = scope_of(kept, touched)
        affected = [rule for rule in asked.among(asked.relations) if _is_affected(rule, asked, others, passed)]
        with EmbeddedEngine(as_of, small=sys.maxsize) as engine:
            part = again.ReviewedPart(kept, engine)
            answered = _ask_again(part, asked, affected, scope, most)
            before = state if note is None else replace(state, note=dict(note))
            return _concluded(part, asked, answered, KeptFindings(kept, before), passed)


def _state_before(kept: KeptDatabase, workspace: Workspace, as_of: datetime) -> KeptState:
    """Return the state of what is kept, where it can be gone on from."""
    state = read_state(kept)
    if state.made_by != made_by(workspace):
        raise WholeNeeded(WholeReason.WORKSPACE, "the workspace, a rule or the tool is another")
    if as_of < state.as_of:
        raise WholeNeeded(WholeReason.CLOCK, "time went back")
    return state


# What is another by time alone


def _bounds_of_roles(policy: Policy) -> tuple[AsOf, AsOf]:
    """Return the bounds by which somebody begins or ends, and has handed over."""
    return AsOf(), AsOf(-policy.mover_grace)


def _bound_of_age(policy: Policy) -> AsOf:
    """Return the bound from which an open finding is old."""
    return AsOf(-policy.risk.old_after)


def _every_bound(asked: AskedRules) -> list[AsOf]:
    return [*_bounds_of_roles(asked.policy), _bound_of_age(asked.policy), *asked.bounds(asked.relations)]


def _others_by_time(kept: KeptDatabase, passed: PassedTimes, policy: Policy) -> frozenset[str]:
    """Return the tables that say something else now, whether or not they have other rows."""
    others = frozenset[str]()
    if kept.is_indexed("opened_since"):  # what opened or closed at a look before is known from before now
        others |= {"previous_findings"}
    of_people = frozenset({"people", "assignments"})
    # By either somebody may begin, end or have handed over.
    return others | of_people if passed.tables(_bounds_of_roles(policy)) & of_people else others


# What is asked again


def _is_affected(rule: Rule, asked: AskedRules, others: frozenset[str], passed: PassedTimes) -> bool:
    """Tell whether a rule may find something else than before; what it reads is as it was where it may not."""
    relation = asked.relations[rule.id]
    reads = _behind(tables_read(relation.sql))
    rests_on = {base for name in reads for base in reviewing.RESTS_ON.get(name, (name,))}
    due = passed.tables([AsOf(), *bounds_of(relation)])
    affected = bool((rests_on | reads) & (others | due)) or not compares_directly(relation)
    if affected and rule.id not in asked.local:
        _require_kept(rule, asked)
    return affected


def _require_kept(rule: Rule, asked: AskedRules) -> None:
    """Raise ``WholeNeeded`` for a rule that is to be asked about everything, and reads what is not kept of everybody."""
    if lacking := unkept(asked.relations[rule.id]):
        raise WholeNeeded(WholeReason.RULE, f"the rule {rule.id} reads {min(lacking)} of everybody, and is not local")


_MADE = {relation.name: relation.reads for relation in reviewing.RELATIONS}


def _behind(names: frozenset[str]) -> frozenset[str]:
    """Return what is read for some facts, through however many others."""
    found, new = names, names
    while new:
        new = frozenset().union(*(_MADE.get(name, frozenset()) for name in new)) - found
        found |= new
    return found


def _ask_again(
    part: again.ReviewedPart, asked: AskedRules, rules: Sequence[Rule], scope: ReviewScope, most: float
) -> AskedAgain:
    """Ask rules again: those that are local about a scope, the others about everything."""
    local = [rule for rule in rules if rule.id in asked.local]
    whole = [rule for rule in rules if rule.id not in asked.local]
    grants = part.establish(scope.context, [asked.relations[rule.id] for rule in local])
    (every,) = part.kept.engine.rows("SELECT count(*) AS number FROM grants")
    if grants > most * max(1, every["number"]):
        raise WholeNeeded(WholeReason.MUCH, f"{grants} of {every['number']} grants would be judged anew")
    hits = again.hits_of(part.engine, local, asked)
    hits = hits.filter(among(hits["subject"], scope.subjects))
    if whole:
        hits = pa.concat_tables([hits, _of_everything(part.kept.engine, whole, asked)])
    return AskedAgain(scope.subjects, _names(local), _names(whole), hits)


def _of_everything(engine: Engine, rules: Sequence[Rule], asked: AskedRules) -> pa.Table:
    hits = again.hits_of(engine, rules, asked)
    engine.drop("hits", "hitting", *(f"hits_{rule.id.replace('-', '_')}" for rule in rules))
    return hits


def _names(rules: Sequence[Rule]) -> frozenset[str]:
    return frozenset(rule.id for rule in rules)


def _refuse_said_again(engine: Engine, asked: AskedRules, now: pa.Table, known: pa.Table, before: pa.Table) -> None:
    """Raise ``WholeNeeded`` where a finding of the last whole run is open again, and a rule that was not asked says something of it."""
    standing, were, are = (
        frozenset(some.filter(among(some["status"], CURRENT))["finding"].to_pylist()) for some in (known, before, now)
    )
    if not (again_open := (are & were) - standing):
        return
    telling = _telling_of_findings(engine, asked)
    for rule in telling:
        _require_kept(rule, asked)
    said = frozenset(_of_everything(engine, telling, asked)["subject"].to_pylist())
    if spoken := again_open & said:
        raise WholeNeeded(WholeReason.RULE, f"the finding {min(spoken)} is open again")


def _telling_of_findings(engine: Engine, asked: AskedRules) -> Sequence[Rule]:
    """Return the rules that speak of findings of the last whole run, where there is anything that they speak of."""
    return [
        rule
        for rule in asked.among(asked.relations)
        if "previous_findings" in tables_read(asked.relations[rule.id].sql)
        and all(engine.rows(f"SELECT 1 AS any FROM {table} LIMIT 1") for table in rule.nothing_without)
    ]


def _concluded(
    part: again.ReviewedPart, asked: AskedRules, answered: AskedAgain, findings: KeptFindings, passed: PassedTimes
) -> ReviewedChange:
    """Compare what is found now with the last whole run, and keep it."""
    aged = passed.rows("findings", [_bound_of_age(asked.policy)], ["finding"])
    known, before = findings.concerned(answered, frozenset(aged["finding"].to_pylist()) if aged else frozenset())
    now = again.conclude_again(part, asked, answered.standing(known), before, answered.hits)
    _refuse_said_again(part.kept.engine, asked, now, known, before)
    was = with_moment(known, passed.since)
    part.engine.register("findings_before", was)
    others = findings.replace(part.engine, known, passed.until)
    return ReviewedChange(
        passed.until,
        others.state.digest,
        now.filter(among(now["finding"], others.changed)),
        was.filter(among(was["finding"], others.changed | others.gone)),
        tuple(sorted(others.gone)),
        len(answered.subjects),
        tuple(sorted(answered.whole)),
        asked.evaluations(),
    )
