"""The facts of a whole review, kept in a database on disk, so that a change of a few rows can be reviewed alone.

What everybody holds, compared with the roles, is not kept: it is most of a review, and made for those alone whom a change
touches (:mod:`access_review.stages.review_change`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from access_review import __version__, declared
from access_review import review as reviewing
from access_review.engine import open_engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.kept import KeptDatabase
from access_review.facts import FACTS, FINDINGS, FORMER_OWNERS
from access_review.findings import buckets, register
from access_review.model import JsonObject
from access_review.review import Previous, establish_past, find
from access_review.rules import load
from access_review.snapshot import Snapshot, stored
from access_review.tables import TABLES, TIME
from access_review.workspace import Workspace


def keep(file: Path, snapshot: Snapshot, workspace: Workspace, known: Previous) -> str:
    """Review everything and keep it in a database, in place of what the file has; return the digest of the findings.

    ``known`` is what a whole review of the same would be given. Raises as :func:`access_review.review.review` does, and
    ``OSError``.
    """
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    with open_engine(snapshot.as_of, workspace.policy.engine) as engine:
        found = find(snapshot, workspace, engine, known, digested=False).found
    settings = workspace.policy.engine
    with KeptDatabase(partial, snapshot.as_of, settings.memory, settings.threads) as kept:
        engine = kept.engine
        for name in snapshot.tables:
            engine.register("base_accounts" if name == "accounts" else name, stored(snapshot.tables).part(name))
        engine.register("former_owners", FORMER_OWNERS.schema.empty_table() if known.owners is None else known.owners)
        establish_past(engine, known)
        establish_kept(kept, workspace)
        register(engine, "found", found)
        engine.create("findings", f"SELECT {COLUMNS} FROM found ORDER BY finding")
        engine.drop("found")
        engine.create("moving", _MOVING)
        engine.create("moments", " UNION ".join(_moments(name) for name in TIMED) + " ORDER BY due_at")
        engine.create("digests", f"{buckets.digested('findings')} ORDER BY finding")
        digests = buckets.bucket_digests(engine, "digests")
        engine.register("buckets", as_table(digests))
        for name, columns in _LISTS.items():
            kept.index(name, columns, "" if name == "grants" else columns[0])
        index_facts(kept)
        write_state(kept, workspace, accepted=known.accepted is not None)
    partial.replace(file)
    return buckets.root(digests)


_LISTS: Mapping[str, tuple[str, ...]] = {
    "findings": ("subject", "finding"),
    "previous_findings": ("subject", "finding"),
    "digests": ("finding",),
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
    "closure": ("entitlement",),
}
"""The same of facts that are made anew where they are others."""


def index_facts(kept: KeptDatabase) -> None:
    """Let facts that were just made be found by what they are about."""
    for name, columns in _FACTS.items():
        kept.index(name, columns)


# What is new since the last whole run, or closed now, bears the moment of the review: it is another with each.
_MOVING = """
    SELECT finding FROM findings AS f
    WHERE status = 'closed' OR NOT EXISTS (SELECT 1 FROM previous_findings AS p WHERE p.finding = f.finding)
"""

TIMED: Mapping[str, tuple[str, ...]] = {
    name: times
    for name in (*TABLES, "findings", "previous_findings", "waivers", "templates")
    if (times := tuple(c.name for c in (FINDINGS if name == "findings" else FACTS[name]).columns if c.type == TIME))
}
"""Every time that may pass a bound, by table."""


def _moments(name: str) -> str:
    """Return the SELECT of the moments in a table: an index that says in which tables anything falls due."""
    return " UNION ".join(
        f"""SELECT '{name}' AS name, "{time}" AS due_at FROM {name} WHERE "{time}" IS NOT NULL"""
        for time in TIMED[name]
    )


COLUMNS = ", ".join(f'"{name}"' for name in FINDINGS.schema.names)
"""Those of findings, in order, as SQL."""


def as_table(digests: Mapping[str, str]) -> pa.Table:
    """Return the digests of buckets as the table they are kept in."""
    names = ("bucket", "digest")
    return pa.table([pa.array(column, pa.string()) for column in (list(digests), list(digests.values()))], names=names)


def made_by(workspace: Workspace) -> str:
    """Return what is another where the workspace, a rule, the tool or its database is, and nothing that is kept holds."""
    import duckdb

    rules = []
    for rule in load().values():
        asked = rule.check(**workspace.policy.rule(rule.id).own)
        rules.append([rule.id, asked.sql, repr(asked.params), rule.severity, rule.needs, rule.controls, rule.local])
    said = json.dumps([workspace.digest, __version__, duckdb.__version__, rules])
    return hashlib.sha256(said.encode()).hexdigest()


def write_state(kept: KeptDatabase, workspace: Workspace, *, accepted: bool) -> None:
    """Note what is kept, and of when; ``accepted`` tells whether a run was accepted before it."""
    state = {"as_of": kept.engine.as_of.isoformat(), "made_by": made_by(workspace), "accepted": accepted}
    kept.engine.register("state", pa.table({"state": [json.dumps(state)]}))


def read_state(kept: KeptDatabase) -> JsonObject:
    """Return what was noted."""
    return dict(json.loads(kept.engine.rows("SELECT state FROM state")[0]["state"]))


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
