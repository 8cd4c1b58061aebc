"""Review what has changed alone: a few rows of kept facts are others, and what that touches is judged anew.

The statements are those of a whole review, run over the part of the company that a change touches, so the digest of the
findings is the same. Where that cannot be told, :class:`WholeNeeded` says why, and everything is to be reviewed.
"""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from access_review import declared
from access_review import review as reviewing
from access_review.engine import Engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.kept import KeptDatabase
from access_review.engine.sql import tables_read
from access_review.findings import again, buckets
from access_review.findings.hits import why_idle
from access_review.findings.moment import unlike_at_next, with_moment, without_moment
from access_review.findings.passed_times import PassedTimes
from access_review.findings.reviewed_change import ReviewedChange, RowsChanged, WholeNeeded, WholeReason
from access_review.findings.scope import ReviewScope, Touched, scope_of
from access_review.model import AsOf, Relation, Status
from access_review.review import gaps_of
from access_review.rules import Rule, load
from access_review.snapshot import Snapshot
from access_review.stages.kept_facts import (
    KeptState,
    KeptTables,
    establish_kept,
    index_facts,
    made_by,
    note_moments,
    read_state,
    write_state,
)
from access_review.tables import TABLES
from access_review.workspace import Workspace

MOST = 0.2
"""Up to this share of all grants is judged anew; of more a whole review takes hardly longer."""


_COMPARED: Mapping[str, tuple[str, ...]] = {
    "accounts": ("account", "person"),
    "twins": ("account", "twin"),
    "person_roles": ("person",),
    "doubts": ("account", "other"),
    "owned": ("object",),
    "ticketed": ("account",),
    "closure": ("entitlement",),
    "expected": ("entitlement", "role"),
    "separation": ("entitlement",),
    "courses_before": ("entitlement",),
    "powers": ("entitlement",),
    "applications": ("object",),
    "waivers": ("subject", "about"),
}
"""Facts that are compared when they were made anew, with the columns of what is touched by a row that is another."""

_GIVES = frozenset({"closure", "expected", "separation", "courses_before", "powers"})
_ITSELF = frozenset({"accounts", "twins", "applications"})

_BESIDE: Mapping[str, tuple[str, ...]] = {
    "grants": ("account",),
    "granters": ("account",),
    "custody": ("account",),
    "credentials": ("object",),
    "training": ("person",),
}
"""Tables of which no other fact is made."""

_UNCERTAIN = ("activity", "signins")
"""Such tables that say, too, whether it is known when an account was used, whatever is found about it."""

_ABOUT: Mapping[str, tuple[str, ...]] = {**_BESIDE, **dict.fromkeys(_UNCERTAIN, ("account",))}

_ESTABLISHED: Mapping[str, tuple[str, ...]] = {
    "people": ("person",),
    "assignments": ("person",),
    "accounts": ("account",),
    "aliases": ("id",),
    "entitlements": ("entitlement",),
    "nesting": ("child", "parent"),
    "owners": ("object",),
    "tickets": (),
}
"""Tables of which facts are made, with the columns of what a row is about; those facts are made anew."""


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
        return _Change(kept, workspace, as_of, most, note).reviewed(changes)


class _Change:
    """One change while it is reviewed."""

    def __init__(
        self, kept: KeptDatabase, workspace: Workspace, as_of: datetime, most: float, note: Mapping[str, str] | None
    ) -> None:
        self.kept, self.workspace, self.as_of, self.most = kept, workspace, as_of, most
        self.engine = kept.engine
        state = read_state(kept)
        self.state = state if note is None else replace(state, note=dict(note))
        self.since, self.accepted = state.as_of, state.accepted
        if state.made_by != made_by(workspace):
            raise WholeNeeded(WholeReason.WORKSPACE, "the workspace, a rule or the tool is another")
        if as_of < self.since:
            raise WholeNeeded(WholeReason.CLOCK, "time went back")
        self.of_roles = (AsOf(), AsOf(-workspace.policy.mover_grace))
        self.old = AsOf(-workspace.policy.risk.old_after)
        self.gaps = self._gaps()
        self.rules = list(load().values())
        self.asked = {
            rule.id: rule.check(**workspace.policy.rule(rule.id).own)
            for rule in self.rules
            if not why_idle(rule, workspace.policy, self.gaps)
        }
        self.local = {
            rule.id for rule in self.rules if rule.id in self.asked and again.is_local(rule, self.asked[rule.id])
        }

    def _gaps(self) -> Any:
        verdicts = {"completeness": KeptTables(self.engine)["completeness"]}
        return gaps_of(Snapshot(self.as_of, verdicts, ""), self.workspace, accepted=self.accepted)

    def reviewed(self, changes: Mapping[str, RowsChanged]) -> ReviewedChange:
        """Change the rows, and review what that touches."""
        self.engine.as_of = self.as_of
        self.engine.register("moment", declared.moment(self.as_of))
        touched, changed = self._apply(changes)
        if self.kept.is_indexed("opened_since"):  # what opened or closed at a look before is known from before now
            changed.add("previous_findings")
        touched |= self._due()
        if changed & _ESTABLISHED.keys() or self._roles_due():
            touched |= self._establish()
        scope = scope_of(self.kept, touched)
        affected = [rule for rule in self.rules if rule.id in self.asked and self._is_affected(rule, changed)]
        whole = [rule for rule in affected if rule.id not in self.local]
        self.local = {rule.id for rule in affected} & self.local
        with EmbeddedEngine(self.as_of, small=sys.maxsize) as engine:
            part = again.ReviewedPart(self.kept, engine)
            local = self._of_scope(part, [rule for rule in affected if rule.id in self.local], scope)
            hits = pa.concat_tables([local, *self._of_everything(whole)])
            return self._concluded(part, scope, hits, frozenset(rule.id for rule in whole))

    # What changed

    def _apply(self, changes: Mapping[str, RowsChanged]) -> tuple[Touched, set[str]]:
        """Change the rows; return what they are about, and which tables have others."""
        touched, changed = Touched(), set()
        for name, change in changes.items():
            if not len(change.removed) and not len(change.added):
                continue
            if name == "completeness":
                self.kept.change(name, TABLES[name].key, change.removed, change.added)
                if self._gaps() != self.gaps:
                    raise WholeNeeded(WholeReason.SOURCES, "other sources were read whole than before")
                continue
            if name == "problems":
                self._keep_problems(change)
                continue
            if name not in _ABOUT and name not in _ESTABLISHED:
                raise WholeNeeded(WholeReason.TABLE, f"rows of {name} are others")
            taken = self.kept.change(
                "base_accounts" if name == "accounts" else name, TABLES[name].key, change.removed, change.added
            )
            parts = [part for part in (taken, change.added) if len(part)]
            changed |= {name, "accounts"} if name == "aliases" else {name}  # by which accounts are tied to one another
            columns = _ABOUT.get(name) or _ESTABLISHED[name]
            ids = frozenset().union(*(_ids(part, columns) for part in parts))
            touched |= Touched(beside=ids) if name in _BESIDE else Touched(itself=ids)
            note_moments(self.kept, name, change.added)
            if name in {"entitlements", "nesting"}:
                touched |= Touched(gives=ids)
            if name == "grants":
                given = frozenset().union(*(_ids(part, ("entitlement",)) for part in parts))
                found = self.engine.query("SELECT object FROM applications WHERE object IN :ids", ids=sorted(given))
                touched |= Touched(beside=_ids(found, ("object",)))
        return touched, changed

    def _keep_problems(self, change: RowsChanged) -> None:
        """Change rows that cannot be used; of what they are about is all that a review knows of them."""
        about = "SELECT DISTINCT subject, kind FROM problems WHERE subject IS NOT NULL ORDER BY ALL"
        before = self.engine.query(about)
        self.kept.change("problems", TABLES["problems"].key, change.removed, change.added)
        if not before.equals(self.engine.query(about)):
            raise WholeNeeded(WholeReason.TABLE, "rows of problems are others")

    def _due(self) -> Touched:
        """Return what has rows with a time that passed some bound of a rule since."""
        bounds = [*self.of_roles, *(bound for rule in self.local for bound in _bounds(self.asked[rule]))]
        touched = Touched()
        for name, columns in {**_ABOUT, **_ESTABLISHED, "waivers": ("subject", "about")}.items():
            if columns and (found := self.passed.rows(name, bounds, columns)):
                ids = _ids(found, columns)
                touched |= Touched(itself=ids) if name in _ESTABLISHED else Touched(beside=ids)
        if tickets := self.passed.rows("tickets", bounds, ["account"], read="ticketed"):
            touched |= Touched(beside=_ids(tickets, ["account"]))
        return touched

    @cached_property
    def passed(self) -> PassedTimes:
        """The times that have passed a bound since, of all bounds that are asked for."""
        bounds = [*self.of_roles, self.old, *(bound for one in self.asked.values() for bound in _bounds(one))]
        return PassedTimes.between(self.engine, self.since, self.as_of, bounds)

    def _roles_due(self) -> bool:
        """Tell whether somebody may begin, end or have handed over since."""
        return bool(self.passed.tables(self.of_roles) & {"people", "assignments"})

    def _establish(self) -> Touched:
        """Make the facts anew, and return what they say otherwise."""
        for name in _COMPARED:
            self.engine.create(f"before_{name}", f"SELECT * FROM {name}")
        establish_kept(self.kept, self.workspace)
        index_facts(self.kept)
        touched = Touched()
        for name, columns in _COMPARED.items():
            shown = ", ".join(columns)
            sql = f"""
                SELECT DISTINCT {shown} FROM (
                    (SELECT * FROM before_{name} EXCEPT ALL SELECT * FROM {name})
                    UNION ALL (SELECT * FROM {name} EXCEPT ALL SELECT * FROM before_{name})
                ) AS other
            """
            found = self.engine.query(sql)
            ids = _ids(found, [column for column in columns if column != "role"])
            if name in _GIVES:
                roles = frozenset(found["role"].to_pylist()) if "role" in columns else frozenset()
                touched |= Touched(gives=ids, roles=roles)
            else:
                touched |= Touched(itself=ids) if name in _ITSELF else Touched(beside=ids)
            self.engine.drop(f"before_{name}")
        return touched

    # What it means

    def _is_affected(self, rule: Rule, changed: set[str]) -> bool:
        """Tell whether a rule may find something else than before; what it reads is as it was where it may not."""
        asked = self.asked[rule.id]
        reads = _behind(tables_read(asked.sql))
        rests_on = {base for name in reads for base in reviewing.RESTS_ON.get(name, (name,))}
        due = self.passed.tables([AsOf(), *_bounds(asked)])
        affected = bool((rests_on | reads) & (changed | due) or not again.compares_directly(asked))
        affected = affected or (bool(rests_on & {"people", "assignments"}) and self._roles_due())
        if affected and rule.id not in self.local and (lacking := again.unkept(asked)):
            raise WholeNeeded(
                WholeReason.RULE, f"the rule {rule.id} reads {min(lacking)} of everybody, and is not local"
            )
        return affected

    def _of_scope(self, part: again.ReviewedPart, rules: Sequence[Rule], scope: ReviewScope) -> pa.Table:
        """Return what local rules report about the subjects of a scope."""
        some = part.establish(scope.context, [self.asked[rule.id] for rule in rules])
        (every,) = self.engine.rows("SELECT count(*) AS number FROM grants")
        if some > self.most * max(1, every["number"]):
            raise WholeNeeded(WholeReason.MUCH, f"{some} of {every['number']} grants would be judged anew")
        hits = again.hits_of(part.engine, rules, self.workspace.policy, self.gaps)
        return hits.filter(_among(hits["subject"], scope.subjects))

    def _of_everything(self, rules: Sequence[Rule]) -> Sequence[pa.Table]:
        if not rules:
            return ()
        hits = again.hits_of(self.engine, rules, self.workspace.policy, self.gaps)
        self.engine.drop("hits", "hitting", *(f"hits_{rule.id.replace('-', '_')}" for rule in rules))
        return (hits,)

    def _concluded(
        self, part: again.ReviewedPart, scope: ReviewScope, hits: pa.Table, whole: frozenset[str]
    ) -> ReviewedChange:
        """Compare what is found now with the last whole run, and keep it."""
        known, before = self._concerned(scope, hits, whole)
        reported = pc.and_(known["checked"], pc.not_equal(known["status"], Status.CLOSED))
        asked = pc.and_(_among(known["rule"], self.local), _among(known["subject"], scope.subjects))
        standing = known.filter(pc.and_not(reported, pc.or_(asked, _among(known["rule"], whole))))
        policy = self.workspace.policy
        now = again.conclude_again(part, standing, before, hits, self.rules, policy, self.gaps)
        was = with_moment(known, self.since)
        part.engine.register("findings_before", was)
        changed, gone, state = self._keep_others(part.engine, known)
        return ReviewedChange(
            self.as_of,
            state.digest,
            now.filter(_among(now["finding"], changed)),
            was.filter(_among(was["finding"], changed | gone)),
            tuple(sorted(gone)),
            len(scope.subjects),
            tuple(sorted(whole)),
            again.told(self.rules, policy, self.gaps),
        )

    def _keep_others(self, engine: Engine, known: pa.Table) -> tuple[frozenset[str], frozenset[str], KeptState]:
        """Keep what is another in ``findings`` than in ``findings_before``, ``known`` as they were kept.

        Returns which findings are new or others, which are no more, and the state.
        """
        kept = engine.query(without_moment("findings"), moment=AsOf())
        self.engine.register("asked_next", engine.query(unlike_at_next("findings"), moment=AsOf()))
        before = buckets.marks_of(engine, "findings_before", self.since)
        marks = buckets.marks_of(engine, "findings", self.as_of)
        gone = frozenset(before.keys() - marks.keys())
        unlike = {one for one, mark in marks.items() if before.get(one) != mark} | (_untimed(kept) ^ _untimed(known))
        changed = frozenset(unlike - gone)
        self.kept.remove("findings", "finding", sorted((changed | gone) & before.keys()))
        self.kept.add("findings", kept.filter(_among(kept["finding"], changed)))
        others = changed | gone
        was, now = ({one: some[one] for one in others & some.keys()} for some in (before, marks))
        there = self.kept.find("buckets", "bucket", sorted(set(map(buckets.bucket_of, others))))
        self.kept.change("buckets", ["bucket"], there, buckets.with_others(there, was, now))
        state = replace(self.state, as_of=self.as_of, digest=buckets.root(self.engine, "buckets", self.as_of))
        write_state(self.kept, state)
        return changed, gone, state

    def _concerned(self, scope: ReviewScope, hits: pa.Table, whole: frozenset[str]) -> tuple[pa.Table, pa.Table]:
        """Return the findings that may be others now, as they are kept, and when the last whole run saw them first."""
        ids = _set(self.engine.query("SELECT finding FROM asked_next")["finding"])
        ids |= _set(hits.filter(_among(hits["rule"], whole))["finding"])
        if old := self.passed.rows("findings", [self.old], ["finding"]):
            ids |= _set(old["finding"])
        if whole:
            found = self.engine.query("SELECT finding FROM findings WHERE rule IN :whole", whole=sorted(whole))
            ids |= _set(found["finding"])
        tables = []
        for name, columns in (("findings", ()), ("previous_findings", ("finding", "status", "first_seen"))):
            about = self.kept.find(name, "subject", sorted(scope.subjects), columns)
            more = self.kept.find(name, "finding", sorted(ids - _set(about["finding"])), columns)
            tables.append(pa.concat_tables([about, more]))
        return tables[0], tables[1]


def _bounds(asked: Relation) -> Sequence[AsOf]:
    """Return what a rule compares times with."""
    return [value for value in asked.params.values() if isinstance(value, AsOf)]


_MADE = {relation.name: relation.reads for relation in reviewing.RELATIONS}


def _behind(names: frozenset[str]) -> frozenset[str]:
    """Return what is read for some facts, through however many others."""
    found, new = names, names
    while new:
        new = frozenset().union(*(_MADE.get(name, frozenset()) for name in new)) - found
        found |= new
    return found


def _among(column: pa.ChunkedArray, values: Collection[str]) -> pa.ChunkedArray:
    return pc.is_in(column, pa.array(sorted(values), pa.string()))


def _ids(found: pa.Table, columns: Iterable[str]) -> frozenset[str]:
    return frozenset(i for column in columns for i in found[column].drop_null().to_pylist())


def _set(column: pa.ChunkedArray) -> frozenset[str]:
    return frozenset(column.to_pylist())


def _untimed(kept: pa.Table) -> frozenset[str]:
    """Return the findings that are kept without when they were first seen."""
    return _set(kept.filter(pc.is_null(kept["first_seen"]))["finding"])
