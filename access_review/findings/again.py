"""Judge a part of a company again, from kept facts, as if all of it had been reviewed.

Facts that are about an account, a person or an object are narrowed to those of a scope, nesting to what carries what they
hold, entitlements to those that any of these name; the others are taken whole. What everybody holds is compared with the
roles for the scope alone, and the rules that are ``local`` are run on that.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from access_review import diff
from access_review.declared import VALID_WAIVERS
from access_review.engine import Engine
from access_review.engine.sql import identifier, tables_read
from access_review.facts import FACTS
from access_review.findings.asked_rules import MADE, AskedRules
from access_review.findings.conclusion import conclude
from access_review.findings.hits import OBJECT, SUBJECT, evaluate
from access_review.findings.scope import KeptFacts
from access_review.model import Relation, Status
from access_review.roles import TIMED_ASSIGNMENTS
from access_review.rules import Rule

VIEWS = (TIMED_ASSIGNMENTS, VALID_WAIVERS)
"""What is known by name and made of other facts whenever it is read."""

_BY: Mapping[str, str] = {
    **dict.fromkeys(
        ("accounts", "grants", "activity", "signins", "granters", "ticketed", "doubts", "twins"), "account"
    ),
    **dict.fromkeys(("custody", "accepted_grants", "former_owners"), "account"),
    **dict.fromkeys(("people", "assignments", "person_roles", "person_role_sets", "training"), "person"),
    **dict.fromkeys(("owned", "owners", "credentials"), "object"),
}
"""The column by which a fact is about an account, a person or an object."""

_NAMING = ("entitlement", "reached", "child", "parent", "object")
"""Columns that name entitlements: of those alone that are named a part has the rows."""

_OF_ROLES: Mapping[str, str] = {
    "role_sets": "SELECT * FROM role_sets WHERE role_set IN (SELECT role_set FROM person_role_sets WHERE person IN :ids)",
    "expected": "SELECT * FROM expected WHERE role IN (SELECT role FROM person_roles WHERE person IN :ids)",
}

_REACHED = "SELECT * FROM closure WHERE entitlement IN (SELECT reached FROM closure WHERE entitlement IN :given)"


@dataclass(frozen=True, slots=True)
class ReviewedPart:
    """A part of a company, in an engine of its own: facts narrowed to the rows about some ids, others whole."""

    kept: KeptFacts
    engine: Engine
    _taken: dict[str, frozenset[str]] = field(init=False, default_factory=dict)

    def establish(self, ids: Collection[str], relations: Iterable[Relation]) -> int:
        """Put what some relations read into the engine, narrowed to the rows about ``ids``; ``held`` is made there.

        Returns how many grants that is.
        """
        wanted = set().union(*(tables_read(one.sql) for one in relations))
        wanted |= set().union(*(one.reads for one in MADE.values()))
        views = [view for view in VIEWS if view.name in wanted]
        wanted |= set().union(*(view.reads for view in views))
        number = self.take(sorted(wanted - MADE.keys() - {view.name for view in VIEWS}), ids)
        self.engine.identify({})  # of what is that small nothing is numbered, and plans are run as they are written
        for view in views:
            view.make(self.engine)
        diff.diff(self.engine)
        return number

    def take(self, names: Iterable[str], ids: Collection[str]) -> int:
        """Put facts into the engine, or of those that are there the rows about more ids; return how many grants came."""
        asked, wanted = frozenset(ids), set(names)
        grants = self._add("grants", "account", asked)
        for name in sorted(wanted - {"entitlements"}):
            if name == "closure":
                self._add_closure(grants["entitlement"])
            elif name == "nesting":
                self._add("nesting", "parent", asked | _set(grants["entitlement"]))
            elif name in _BY:
                self._add(name, _BY[name], asked)
            elif name not in self._taken:
                sql = _OF_ROLES.get(name, f"SELECT * FROM {identifier(name)}")
                self.engine.register(name, self.kept.engine.query(sql, ids=sorted(asked)))
                self._taken[name] = asked
        if "entitlements" in wanted:
            self._add("entitlements", "entitlement", asked | self._named())
        return len(grants)

    def _named(self) -> frozenset[str]:
        """Return what other facts that are there name as an entitlement."""
        naming = sorted(self._taken.keys() - {"entitlements"})
        columns = [(name, column) for name in naming for column in _NAMING if column in _columns(name)]
        sql = " UNION ".join(f"SELECT {column} AS id FROM {name}" for name, column in columns)
        return _set(self.engine.query(sql)["id"])

    def _add(self, name: str, column: str, values: frozenset[str]) -> pa.Table:
        """Put the rows in which a column has one of some values beside those that are there; return them."""
        new = values - self._taken.get(name, frozenset())
        if name in self._taken and not new:
            return self.engine.query(f"SELECT * FROM {identifier(name)} LIMIT 0")
        rows = self.kept.find(name, column, sorted(new))
        self._put(name, rows)
        self._taken[name] = self._taken.get(name, frozenset()) | new
        return rows

    def _put(self, name: str, rows: pa.Table) -> None:
        if name not in self._taken:
            self.engine.register(name, rows)
        elif len(rows):
            columns = ", ".join(f'"{identifier(one)}"' for one in rows.column_names)
            self.engine.register("more_rows", rows)
            self.engine.create(name, f"SELECT {columns} FROM {name} UNION ALL SELECT {columns} FROM more_rows")

    def _add_closure(self, given: pa.ChunkedArray) -> None:
        """Add what is reached from what is given or was not read whole, and from there."""
        if "closure" in self._taken and not len(given):
            return
        unread = self.kept.engine.query("SELECT DISTINCT subject FROM problems WHERE subject IS NOT NULL")
        rows = self.kept.engine.query(_REACHED, given=sorted(_set(given) | _set(unread["subject"])))
        there = self._taken.get("closure", frozenset())
        if there:
            rows = rows.filter(pc.invert(pc.is_in(rows["entitlement"], pa.array(there, pa.string()))))
        self._put("closure", rows)
        self._taken["closure"] = there | _set(rows["entitlement"])

    @property
    def ids(self) -> frozenset[str]:
        """The ids whose rows are there."""
        return self._taken["grants"]

    def accounts_among(self, ids: Collection[str]) -> frozenset[str]:
        """Return those of some ids that may be of accounts and persons not yet in the engine, with these persons."""
        new = frozenset(ids) - self.ids
        new -= _set(self._add("entitlements", "entitlement", new)["entitlement"])
        known = self.engine.query("SELECT entitlement FROM entitlements WHERE entitlement IN :ids", ids=sorted(new))
        new -= _set(known["entitlement"])
        return (new | _set(self.kept.find("accounts", "account", sorted(new), ["person"])["person"])) if new else new


def hits_of(engine: Engine, rules: Sequence[Rule], asked: AskedRules) -> pa.Table:
    """Run some of the rules over the facts in an engine; return what they report, as :data:`HITS`."""
    evaluate(engine, rules, asked.policy, asked.gaps)
    return engine.query(
        f"SELECT finding, rule, {SUBJECT} AS subject, {OBJECT} AS about, code, facts, remedy, severity FROM hits"
    )


HITS = ("finding", "rule", "subject", "about", "code", "facts", "remedy", "severity")


def conclude_again(
    part: ReviewedPart, asked: AskedRules, standing: pa.Table, before: pa.Table, hits: pa.Table
) -> pa.Table:
    """Return findings as they are now; those that are none any more are not among them.

    ``hits`` are what the rules say that were asked again, ``standing`` the findings that other rules still report, and
    ``before`` is ``finding, status, first_seen`` of all these as the last whole run found them. Raises ``RuleError`` as concluding does.
    """
    every = pa.concat_tables([standing.select(HITS).cast(hits.schema), hits])
    # Of what is still reported no more is asked than when it was first seen.
    reported = pc.is_in(before["finding"], every["finding"].combine_chunks())
    silent = before.filter(pc.invert(pc.or_(reported, pc.equal(before["status"], Status.CLOSED))))
    gone = part.kept.find("previous_findings", "finding", sorted(_set(silent["finding"])))
    others = before.filter(pc.invert(pc.is_in(before["finding"], silent["finding"].combine_chunks())))
    more = part.accounts_among(_named_by(every) | _named_by(gone))
    part.take(_CONCLUDED, part.ids | more)
    engine = part.engine
    VALID_WAIVERS.make(engine)
    engine.register("previous_findings", pa.concat_tables([gone, others], promote_options="default"))
    for name in ("subject_text", "about_text"):
        every = every.append_column(name, pa.nulls(len(every), pa.string()))
    engine.register("hits", every)
    found = conclude(engine, asked.policy, asked.evaluations(), asked.gaps, asked.rules)
    assert isinstance(found, pa.Table)  # noqa: S101 - no file was given
    return found


_CONCLUDED = (
    "accounts",
    "people",
    "entitlements",
    "powers",
    "closure",
    "problems",
    "signins",
    "activity",
    "owned",
    "former_owners",
    "not_same",
    "waivers",
    "moment",
)


def _columns(name: str) -> Sequence[str]:
    return FACTS[name].schema.names if name in FACTS else ()


def _named_by(found: pa.Table) -> frozenset[str]:
    return _set(found["subject"]) | _set(found["about"])


def _set(ids: pa.ChunkedArray) -> frozenset[str]:
    return frozenset(pc.unique(ids.drop_null()).to_pylist())
