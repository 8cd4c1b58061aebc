"""Rows of kept tables become others, by what was read or by time that passed; each step says what that touches."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from access_review.engine.kept import KeptDatabase
from access_review.findings.hits import Gaps
from access_review.findings.passed_times import PassedTimes
from access_review.findings.reviewed_change import RowsChanged, WholeNeeded, WholeReason
from access_review.findings.scope import Touched
from access_review.model import AsOf
from access_review.review import gaps_of
from access_review.snapshot import Snapshot
from access_review.stages.kept_facts import KeptTables, establish_kept, index_facts, note_moments
from access_review.tables import TABLES
from access_review.workspace import Workspace

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


def makes_facts(tables: Collection[str]) -> bool:
    """Tell whether facts are made of any of some tables."""
    return not _ESTABLISHED.keys().isdisjoint(tables)


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """Which tables have other rows, and what those are about."""

    tables: frozenset[str]
    touched: Touched


@dataclass(frozen=True, slots=True)
class KeptRows:
    """The rows that are kept, while they become those of a later moment; ``accepted`` tells whether a run was accepted before."""

    kept: KeptDatabase
    workspace: Workspace
    as_of: datetime
    accepted: bool

    def gaps(self) -> Gaps:
        """Return what a review goes without."""
        verdicts = {"completeness": KeptTables(self.kept.engine)["completeness"]}
        return gaps_of(Snapshot(self.as_of, verdicts, ""), self.workspace, accepted=self.accepted)

    def change(self, changes: Mapping[str, RowsChanged]) -> ChangedRows:
        """Change rows, by table; raises :class:`WholeNeeded` where nobody can tell what that touches."""
        tables, touched = set[str](), Touched()
        for name, change in changes.items():
            if not len(change.removed) and not len(change.added):
                continue
            if name == "completeness":
                self._change_verdicts(change)
            elif name == "problems":
                self._change_problems(change)
            elif name in _ABOUT or name in _ESTABLISHED:
                touched |= self._change_table(name, change)
                # By aliases accounts are tied to one another.
                tables |= {name, "accounts"} if name == "aliases" else {name}
            else:
                raise WholeNeeded(WholeReason.TABLE, f"rows of {name} are others")
        return ChangedRows(frozenset(tables), touched)

    def _change_verdicts(self, change: RowsChanged) -> None:
        before = self.gaps()
        self._replace("completeness", change)
        if self.gaps() != before:
            raise WholeNeeded(WholeReason.SOURCES, "other sources were read whole than before")

    def _change_problems(self, change: RowsChanged) -> None:
        """Change rows that cannot be used; of what they are about is all that a review knows of them."""
        about = "SELECT DISTINCT subject, kind FROM problems WHERE subject IS NOT NULL ORDER BY ALL"
        before = self.kept.engine.query(about)
        self._replace("problems", change)
        if not before.equals(self.kept.engine.query(about)):
            raise WholeNeeded(WholeReason.TABLE, "rows of problems are others")

    def _change_table(self, name: str, change: RowsChanged) -> Touched:
        taken = self._replace(name, change)
        note_moments(self.kept, name, change.added)
        rows = [part for part in (taken, change.added) if len(part)]
        ids = _ids(rows, _ABOUT.get(name) or _ESTABLISHED[name])
        match name:
            case "entitlements" | "nesting":
                return Touched(itself=ids, gives=ids)
            case "grants":
                return Touched(beside=ids | self._applications(_ids(rows, ("entitlement",))))
            case _:
                return Touched(beside=ids) if name in _BESIDE else Touched(itself=ids)

    def _replace(self, name: str, change: RowsChanged) -> pa.Table:
        """Put rows in the place of those with their keys; return those that were there."""
        kept = "base_accounts" if name == "accounts" else name
        return self.kept.change(kept, TABLES[name].key, change.removed, change.added)

    def _applications(self, entitlements: frozenset[str]) -> frozenset[str]:
        sql = "SELECT object FROM applications WHERE object IN :ids"
        return _ids([self.kept.engine.query(sql, ids=sorted(entitlements))], ("object",))

    def establish(self) -> Touched:
        """Make the facts anew; return what is touched by what they say otherwise."""
        engine = self.kept.engine
        for name in _COMPARED:
            engine.create(f"before_{name}", f"SELECT * FROM {name}")
        establish_kept(self.kept, self.workspace)
        index_facts(self.kept)
        touched = Touched()
        for name, columns in _COMPARED.items():
            touched |= _touched_by_fact(name, engine.query(_others(name, columns)))
            engine.drop(f"before_{name}")
        return touched


def touched_by_time(passed: PassedTimes, bounds: Sequence[AsOf]) -> Touched:
    """Return what has rows with a time that passed one of some bounds."""
    touched = Touched()
    for name, columns in {**_ABOUT, **_ESTABLISHED, "waivers": ("subject", "about")}.items():
        if columns and (found := passed.rows(name, bounds, columns)):
            ids = _ids([found], columns)
            touched |= Touched(itself=ids) if name in _ESTABLISHED else Touched(beside=ids)
    if tickets := passed.rows("tickets", bounds, ["account"], read="ticketed"):
        touched |= Touched(beside=_ids([tickets], ["account"]))
    return touched


def _others(name: str, columns: Sequence[str]) -> str:
    """Return the SELECT of some columns of the rows that a fact has and had not before, or had and has no more."""
    return f"""
        SELECT DISTINCT {", ".join(columns)} FROM (
            (SELECT * FROM before_{name} EXCEPT ALL SELECT * FROM {name})
            UNION ALL (SELECT * FROM {name} EXCEPT ALL SELECT * FROM before_{name})
        ) AS other
    """


def _touched_by_fact(name: str, others: pa.Table) -> Touched:
    ids = _ids([others], [column for column in others.column_names if column != "role"])
    if name in _GIVES:
        roles = frozenset(others["role"].to_pylist()) if "role" in others.column_names else frozenset()
        return Touched(gives=ids, roles=roles)
    return Touched(itself=ids) if name in _ITSELF else Touched(beside=ids)


def _ids(rows: Iterable[pa.Table], columns: Iterable[str]) -> frozenset[str]:
    columns = tuple(columns)
    return frozenset(i for part in rows for column in columns for i in part[column].drop_null().to_pylist())
