"""The findings that are kept: which of them a review of a change may find otherwise, and what it found in their place."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from access_review.engine import Engine
from access_review.engine.kept import KeptDatabase
from access_review.findings import buckets
from access_review.findings.moment import unlike_at_next, without_moment
from access_review.model import AsOf, Status
from access_review.stages.kept_facts import KeptState, write_state


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """What rules were asked again: those that are ``local`` about some subjects alone, others about the ``whole``; ``hits`` are what they say."""

    subjects: frozenset[str]
    local: frozenset[str]
    whole: frozenset[str]
    hits: pa.Table

    def standing(self, known: pa.Table) -> pa.Table:
        """Return those of some findings that a rule reported which was not asked about them again."""
        reported = pc.and_(known["checked"], pc.not_equal(known["status"], Status.CLOSED))
        local = pc.and_(among(known["rule"], self.local), among(known["subject"], self.subjects))
        return known.filter(pc.and_not(reported, pc.or_(local, among(known["rule"], self.whole))))


@dataclass(frozen=True, slots=True)
class OtherFindings:
    """Which findings are new or others than they were, which are no more, and what is kept since."""

    changed: frozenset[str]
    gone: frozenset[str]
    state: KeptState


@dataclass(frozen=True, slots=True)
class KeptFindings:
    """The findings that are kept, with the state in which a review left them."""

    kept: KeptDatabase
    state: KeptState

    def concerned(self, asked: AskedAgain, aged: frozenset[str]) -> tuple[pa.Table, pa.Table]:
        """Return the findings that may be others now, as they are kept, and when the last whole run saw them first.

        ``aged`` are those that have been open for so long since that their risk is another.
        """
        engine = self.kept.engine
        ids = aged | _set(engine.query("SELECT finding FROM asked_next")["finding"])
        ids |= _set(asked.hits.filter(among(asked.hits["rule"], asked.whole))["finding"])
        if asked.whole:
            found = engine.query("SELECT finding FROM findings WHERE rule IN :whole", whole=sorted(asked.whole))
            ids |= _set(found["finding"])
        # What is said of a finding by its id is no more, where that is none any more.
        concerned = self._about("findings", asked.subjects, ids, ("finding",))
        ids |= _set(self.kept.find("findings", "subject", sorted(_set(concerned["finding"])), ["finding"])["finding"])
        known = self._about("findings", asked.subjects, ids)
        return known, self._about("previous_findings", asked.subjects, ids, ("finding", "status", "first_seen"))

    def _about(
        self, name: str, subjects: frozenset[str], ids: frozenset[str], columns: tuple[str, ...] = ()
    ) -> pa.Table:
        about = self.kept.find(name, "subject", sorted(subjects), columns)
        more = self.kept.find(name, "finding", sorted(ids - _set(about["finding"])), columns)
        return pa.concat_tables([about, more])

    def replace(self, engine: Engine, known: pa.Table, as_of: datetime) -> OtherFindings:
        """Keep what is another in an engine's ``findings`` than in its ``findings_before``; ``known`` are these as they are kept."""
        now = engine.query(without_moment("findings"), moment=AsOf())
        self.kept.engine.register("asked_next", engine.query(unlike_at_next("findings"), moment=AsOf()))
        before = buckets.marks_of(engine, "findings_before", self.state.as_of)
        marks = buckets.marks_of(engine, "findings", as_of)
        gone = frozenset(before.keys() - marks.keys())
        unlike = {one for one, mark in marks.items() if before.get(one) != mark} | (_untimed(now) ^ _untimed(known))
        changed = frozenset(unlike - gone)
        others = changed | gone
        self.kept.remove("findings", "finding", sorted(others & before.keys()))
        self.kept.add("findings", now.filter(among(now["finding"], changed)))
        was, are = ({one: some[one] for one in others & some.keys()} for some in (before, marks))
        there = self.kept.find("buckets", "bucket", sorted(set(map(buckets.bucket_of, others))))
        self.kept.change("buckets", ["bucket"], there, buckets.with_others(there, was, are))
        state = replace(self.state, as_of=as_of, digest=buckets.root(self.kept.engine, "buckets", as_of))
        write_state(self.kept, state)
        return OtherFindings(changed, gone, state)


def among(column: pa.ChunkedArray, values: Collection[str]) -> pa.ChunkedArray:
    """Tell of each value whether it is one of some."""
    return pc.is_in(column, pa.array(sorted(values), pa.string()))


def _set(column: pa.ChunkedArray) -> frozenset[str]:
    return frozenset(column.to_pylist())


def _untimed(findings: pa.Table) -> frozenset[str]:
    """Return the findings that are kept without when they were first seen."""
    return _set(findings.filter(pc.is_null(findings["first_seen"]))["finding"])
