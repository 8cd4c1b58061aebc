"""What is measured, one way in one process: ours and the others, from a snapshot on disk to rows on disk."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from access_review import runs, workspace
from access_review.diff import VERDICTS_OF_PAIRS
from access_review.engine import ParquetFile, open_engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.plan.request import Scope
from access_review.policy import EngineSettings
from access_review.review import establish, review
from access_review.stages.plan import plan_run
from access_review.stages.rederive import require_derived
from access_review.stages.review import review_run
from access_review.store import plans, reviews, snapshots
from bench.peers import PEERS, Inputs
from bench.tables import AS_OF

FLAGGED = "SELECT account, entitlement, verdict FROM held WHERE verdict IN ('beyond', 'mixed')"
ALONE = "access-review, distinct pairs"
OURS = "access-review, with matching, roles and closure"
WHOLE = "access-review, whole review"
SPARK = "access-review, whole review on Spark"
DERIVED = "access-review, a plan derived again and compared"
TIMES_A_REVIEW = 2.5
"""How often a whole review's processor seconds a plan may take to be derived again and compared."""
PEOPLE = 5
"""For how many people the plan that is derived again is."""


def pairs_alone(folder: Path, out: Path) -> None:
    """Judge distinct pairs and join the verdicts back, handed what the others are handed."""
    inputs = prepare(folder)
    with EmbeddedEngine(AS_OF, "1500MB") as engine:
        for name in ("grants", "entitlements"):
            engine.register(name, ParquetFile(inputs.table(name)))
        for name in ("closure", "allowed", "owners"):
            engine.register(name, ParquetFile(inputs.facts / f"{name}.parquet"))
        engine.identify({"entitlements": "SELECT entitlement FROM entitlements"})
        for name, columns in _NARROWED.items():
            engine.narrow(name, f"SELECT * FROM {name}", ids=dict.fromkeys(columns, "entitlements"))
        for name, columns in _NOTHING_FORBIDDEN.items():
            engine.view(name, f"SELECT {columns} FROM allowed WHERE FALSE")
        engine.narrow("granted", _GRANTED, ids={"entitlement": "entitlements"})
        engine.create("pairs", "SELECT DISTINCT role_set, entitlement FROM granted")
        VERDICTS_OF_PAIRS.make(engine)
        engine.create("flagged", _FLAGGED_PAIRS)
        engine.write(_JOINED_BACK, ParquetFile(out))


_NARROWED = {"entitlements": ("entitlement",), "closure": ("entitlement", "reached"), "allowed": ("entitlement",)}

_NOTHING_FORBIDDEN = {
    "forbidden": "*",
    "role_sets": "role_set, '' AS role",
    "expected": "'' AS role, entitlement, '' AS allows",
}
"""What verdicts are made of besides: no role of these companies forbids anything, and no way finds it."""

_GRANTED = "SELECT role_set, entitlement FROM grants JOIN owners ON owners.account = grants.account"

_FLAGGED_PAIRS = """
    SELECT role_set, CAST(entitlement AS VARCHAR) AS entitlement, verdict FROM verdicts WHERE verdict <> 'within'
"""

_JOINED_BACK = """
    SELECT grants.account, grants.entitlement, verdict
    FROM grants JOIN owners ON owners.account = grants.account
    JOIN flagged AS f ON f.role_set = owners.role_set AND f.entitlement = grants.entitlement
"""


def distinct_pairs(folder: Path, out: Path) -> None:
    """Find who holds what beyond the roles: everything up to the verdicts, matching and closure included."""
    space = workspace.load(folder)
    taken = snapshots.load(runs.find(folder))
    with open_engine(taken.as_of, space.policy.engine) as engine:
        establish(taken.tables, space, engine)
        engine.write(FLAGGED, ParquetFile(out))


def whole_review(folder: Path, out: Path, settings: EngineSettings | None = None) -> None:
    """Run every rule and write the findings, sorted, with their digest beside them."""
    space = workspace.load(folder)
    taken = snapshots.load(runs.find(folder))
    with open_engine(taken.as_of, settings or space.policy.engine) as engine:
        report = review(taken, space, engine, to=ParquetFile(out))
    out.with_suffix(".digest").write_text(report.digest)


def whole_review_on_spark(folder: Path, out: Path) -> None:
    """Do the same on Spark, on this machine, and wait for its JVM to end, so that its time and memory are counted."""
    from pyspark import SparkContext

    whole_review(folder, out, EngineSettings(kind="spark", options=_ONE_MACHINE))
    jvm = SparkContext._gateway.proc  # noqa: SLF001 - there is no other way to it
    jvm.stdin.close()
    jvm.wait()


_ONE_MACHINE = {"spark.driver.memory": "6g", "spark.sql.shuffle.partitions": "8"}


def prepare_plan(folder: Path) -> None:
    """Review the run and plan what a few people hold beyond their roles, once."""
    run, space = runs.find(folder), workspace.load(folder)
    if (run.folder / "plan").exists():
        return
    if not run.reviewed:
        review_run(space, run, run.as_of)
    run = runs.find(folder)
    with EmbeddedEngine(run.as_of, "1GB") as engine:
        engine.register("findings", reviews.read(run).found)
        engine.register("people", snapshots.table(run, "people"))
        persons = tuple(row["person"] for row in engine.rows(_ASKED_ABOUT, people=PEOPLE))
        (requester,) = (row["person"] for row in engine.rows(_REQUESTER))
    scope = Scope(rules=("access-beyond-role",), persons=persons)
    plan_run(space, run, requested_by=requester, now=run.as_of + timedelta(minutes=5), scope=scope)


_ASKED_ABOUT = """
    SELECT DISTINCT person FROM findings
    WHERE rule = 'access-beyond-role' AND remedy = 'remove' AND person IS NOT NULL ORDER BY person LIMIT :people
"""
_REQUESTER = "SELECT min(person) AS person FROM people WHERE status = 'active'"


def derive_again(folder: Path, out: Path) -> None:
    """Derive the plan on disk and compare its bytes, as ``apply`` does; write which grants it takes."""
    stored = plans.find(runs.find(folder), "plan")
    require_derived(stored, workspace.load(folder))
    taken = [one.target for one in stored.plan.changes]
    rows = [(t.account.id if t.account else "", t.entitlement.id if t.entitlement else "", "taken") for t in taken]
    names = ("account", "entitlement", "verdict")
    pq.write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), out)


def prepare(folder: Path) -> Inputs:
    """Write what the other ways are handed; returns where it is."""
    facts = folder / "facts"
    run = runs.find(folder)
    if not facts.exists():
        facts.mkdir()
        space, taken = workspace.load(folder), snapshots.load(run)
        with EmbeddedEngine(taken.as_of, "6GB") as engine:
            establish(taken.tables, space, engine)
            for name, sql in _FACTS.items():
                engine.write(sql, ParquetFile(facts / f"{name}.parquet"))
    return Inputs(run.folder / "snapshot", facts)


_FACTS = {
    "owners": "SELECT account, role_set FROM accounts JOIN person_role_sets USING (person)",
    "closure": "SELECT entitlement, reached FROM closure",
    "allowed": """
        SELECT role_set, entitlement FROM allowed AS a WHERE NOT EXISTS (
            SELECT 1 FROM forbidden AS f WHERE f.role_set = a.role_set AND f.entitlement = a.entitlement)
    """,
}


def run(way: str, folder: Path, out: Path) -> None:
    """Run one way."""
    own: Mapping[str, Callable[[], None]] = {
        ALONE: lambda: pairs_alone(folder, out),
        OURS: lambda: distinct_pairs(folder, out),
        WHOLE: lambda: whole_review(folder, out),
        SPARK: lambda: whole_review_on_spark(folder, out),
        DERIVED: lambda: derive_again(folder, out),
    }
    if way in own:
        own[way]()
    else:
        PEERS[way](prepare(folder), out)
