"""The facts of a whole review, kept in a database on disk, so that a change of a few rows can be reviewed alone.

What everybody holds, compared with the roles, is not kept: it is most of a review, and made for those alone whom a change
touches (:mod:`access_review.stages.review_change`).
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from access_review import __version__, declared
from access_review import review as reviewing
from access_review.engine import ParquetFile
from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.kept import MANY, KeptDatabase
from access_review.facts import FACTS, FINDINGS, FORMER_OWNERS
from access_review.findings import buckets, register
from access_review.findings.moment import unlike_at_next, without_moment
from access_review.guarded_files.private import private_folder
from access_review.model import AsOf
from access_review.review import Previous, establish_past
from access_review.rules import load
from access_review.snapshot import Snapshot, stored
from access_review.tables import TABLES, TIME
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class KeptState:
    """What is kept, and of when: ``made_by`` is :func:`made_by` then, ``accepted`` tells whether a run was accepted before.

    ``marks`` is of all findings, and ``note`` is whatever else somebody who keeps them is to be told again.
    """

    as_of: datetime
    made_by: str
    accepted: bool
    digest: str
    note: Mapping[str, str]


def keep(
    file: Path,
    snapshot: Snapshot,
    workspace: Workspace,
    known: Previous,
    found: pa.Table | ParquetFile,
    *,
    beside: Mapping[str, pa.Table] = MappingProxyType({}),
    note: Mapping[str, str] = MappingProxyType({}),
    many: int = MANY,
) -> str:
    """Keep a review in a database, in place of what the file has; return the digest of its findings.

    ``known`` is what the review was given and ``found`` what it found; ``beside`` are tables with a column ``finding``
    that are kept with them: ``opened_since`` those of the previous findings that a look had, and not the last whole run.
    Tables of so ``many`` rows have indexes. Raises ``OSError``.
    """
    settings = workspace.policy.engine
    with (
        _in_place_of(file) as partial,
        KeptDatabase(partial, snapshot.as_of, settings.memory, settings.threads, many) as kept,
    ):
        engine, tables = kept.engine, stored(snapshot.tables)
        for name in snapshot.tables:
            engine.register("base_accounts" if name == "accounts" else name, tables.part(name))
        engine.register("former_owners", FORMER_OWNERS.schema.empty_table() if known.owners is None else known.owners)
        establish_past(engine, known)
        establish_kept(kept, workspace)
        for name, table in beside.items():
            engine.register(name, table)
        register(engine, "found", found)
        engine.register("buckets", buckets.buckets_of(engine, "found"))
        engine.create("findings", f"{without_moment('found')} ORDER BY finding", moment=AsOf())
        unlike = unlike_at_next("found") + (_SINCE if "opened_since" in beside else "")
        engine.create("asked_next", unlike, moment=AsOf())
        engine.drop("found")
        engine.create("moments", " UNION ".join(_moments(name) for name in TIMED) + " ORDER BY due_at")
        for name, columns in _LISTS.items():
            kept.index(name, columns, "" if name == "grants" else columns[0])
        for name in beside:
            kept.index(name, ["finding"])
        index_facts(kept)
        root = buckets.root(engine, "buckets", snapshot.as_of)
        write_state(kept, KeptState(snapshot.as_of, made_by(workspace), known.accepted is not None, root, dict(note)))
        kept.settle()  # the file alone is given its name
    return root


@contextmanager
def _in_place_of(file: Path) -> Iterator[Path]:
    """Yield where a new file is made; once that went well it takes the place of the old one."""
    partial = file.with_name(f"{file.name}.partial")
    private_folder(file.parent)
    forget(partial)
    try:
        yield partial
        forget(file)  # with what a process that was ended had written ahead, which is no part of the new one
        partial.replace(file)
    except BaseException:
        forget(partial)  # it may be what filled the disk
        raise


def forget(file: Path) -> None:
    """Remove what was kept in a file; raises ``OSError``."""
    for one in (file, file.with_name(f"{file.name}.wal")):
        one.unlink(missing_ok=True)


_LISTS: Mapping[str, tuple[str, ...]] = {
    "findings": ("subject", "finding", "about", "person"),
    "previous_findings": ("subject", "finding"),
    "grants": ("account",),
    "assignments": ("person",),
    "people": ("person",),
    "activity": ("account",),
    "signins": ("account",),
}
"""Tables of many rows that are changed row by row, with the columns by which few of them are looked up."""

_FACTS: Mapping[str, tuple[str, ...]] = {
    "accounts": ("account", "person"),
    "twins": ("account", "twin"),
    "person_roles": ("person",),
    "person_role_sets": ("person",),
}
"""The same of facts that are made anew where they are others."""


def index_facts(kept: KeptDatabase) -> None:
    """Let facts that were just made be found by what they are about."""
    for name, columns in _FACTS.items():
        kept.index(name, columns)


_SINCE = " UNION SELECT finding FROM opened_since"

TIMED: Mapping[str, tuple[str, ...]] = {
    name: times
    for name in (*TABLES, "findings", "previous_findings", "waivers", "templates")
    if (times := tuple(c.name for c in (FINDINGS if name == "findings" else FACTS[name]).columns if c.type == TIME))
}
"""Every time that may pass a bound, by table."""


def _moments(name: str) -> str:
    """Return the SELECT of the moments in a table: an index that says in which columns anything falls due."""
    return " UNION ".join(
        f"""SELECT '{name}' AS name, '{time}' AS time, "{time}" AS due_at FROM {name} WHERE "{time}" IS NOT NULL"""
        for time in TIMED[name]
    )


def made_by(workspace: Workspace) -> str:
    """Return what is another where the workspace, a rule, the tool or its database is, and nothing that is kept holds."""
    import duckdb

    rules = []
    for rule in load().values():
        asked = rule.check(**workspace.policy.rule(rule.id).own)
        rules.append([rule.id, asked.sql, repr(asked.params), rule.severity, rule.needs, rule.controls, rule.local])
    said = json.dumps([workspace.digest, __version__, duckdb.__version__, rules])
    return hashlib.sha256(said.encode()).hexdigest()


def write_state(kept: KeptDatabase, state: KeptState) -> None:
    """Note what is kept, and of when."""
    said = {**asdict(state), "as_of": state.as_of.isoformat()}
    kept.engine.register("state", pa.table({"state": [json.dumps(said)]}))


def read_state(kept: KeptDatabase) -> KeptState:
    """Return what was noted."""
    said = json.loads(kept.engine.rows("SELECT state FROM state")[0]["state"])
    return KeptState(**{**said, "as_of": datetime.fromisoformat(said["as_of"])})


def hold_open(kept: KeptDatabase, ids: Collection[str], found: pa.Table) -> None:
    """Let what a look found of some findings be known from before at the next: ``found`` are those that are open now.

    What the last whole run had stays as it had it.
    """
    sought = sorted(ids)
    since = _ids(kept.find("opened_since", "finding", sought, ["finding"]))
    base = _ids(kept.find("previous_findings", "finding", sought, ["finding"])) - since
    rows = found.filter(pc.invert(pc.is_in(found["finding"], pa.array(sorted(base), pa.string()))))
    for name, now in (("heard", found), ("opened_since", rows), ("previous_findings", rows)):
        kept.remove(name, "finding", sought if name == "heard" else sorted(since))
        kept.add(name, now if name == "previous_findings" else now.select(["finding"]))
    others = since | _ids(rows)
    kept.add("asked_next", pa.table({"finding": pa.array(sorted(others), pa.string())}))
    for name in ("findings", "previous_findings"):
        note_moments(kept, name, rows)


def _ids(found: pa.Table) -> frozenset[str]:
    return frozenset(found["finding"].to_pylist())


def note_moments(kept: KeptDatabase, name: str, added: pa.Table) -> None:
    """Put the times of rows into the index of what falls due, in which they may be twice."""
    for time in TIMED.get(name, ()):
        due = pc.unique(added[time].drop_null())
        if len(due):
            said = {one: pa.repeat(one, len(due)) for one in (name, time)}
            kept.add("moments", pa.table({"name": said[name], "time": said[time], "due_at": due}))


class KeptTables(Mapping[str, pa.Table]):
    """The tables of the snapshot, read from where they are kept when one is asked for."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self._engine = engine

    def __getitem__(self, name: str) -> pa.Table:
        kept = "base_accounts" if name == "accounts" else name
        return self._engine.query(f"SELECT * FROM {kept}").cast(TABLES[name].schema)

    def __iter__(self) -> Iterator[str]:
        return iter(TABLES)

    def __len__(self) -> int:
        return len(TABLES)


def establish_kept(kept: KeptDatabase, workspace: Workspace) -> None:
    """Make every fact but what everybody holds compared with the roles."""
    engine = kept.engine
    engine.view("read_accounts", "SELECT * FROM base_accounts")
    engine.register("moment", declared.moment(engine.as_of))
    for step in reviewing.STEPS_OF_FACTS:
        step(KeptTables(engine), workspace, engine)
