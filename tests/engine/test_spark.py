"""Spark gives the findings that the embedded engine gives: slow to start, so once, for two thousand people."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from access_review import diff, runs, workspace
from access_review.engine import Engine, ParquetFile, open_engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.spark import SparkEngine
from access_review.errors import WorkspaceError
from access_review.export import Format
from access_review.policy import EngineSettings
from access_review.review import review
from access_review.stages.export import write_table
from access_review.store import reviews, snapshots
from bench.company import Company, Size
from bench.snapshots import write
from tests.support.programs import need
from tests.support.snapshots import AS_OF

pytestmark = pytest.mark.slow

sqlglot = pytest.importorskip("sqlglot")

# A short run of many small statements: what would make a long one faster costs more here than it gives.
SHORT = {
    "spark.driver.memory": "2g",
    "spark.driver.extraJavaOptions": (
        "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
    ),
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.lightweightPlanChangeValidation": "false",
    "spark.sql.parquet.compression.codec": "uncompressed",
    "spark.sql.maxMetadataStringLength": "1000",  # plans name the tables they read
}


def missing() -> str | None:
    """Return why Spark cannot run here, or None."""
    if importlib.util.find_spec("pyspark") is None:
        return "no pyspark (requirements-spark.txt)"
    if shutil.which("java") is None:
        return "no Java (apt-get install default-jre-headless)"
    told = subprocess.run(["java", "-version"], check=True, capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', told)
    return None if version and int(version[1]) >= 17 else f"Spark needs Java 17 or later, not {told.splitlines()[0]}"


def is_broadcast(table: str, plan: str) -> bool:
    """Return whether every worker is sent the table: whether that is the exchange above each place where it is read."""
    lines = plan.splitlines()
    read = [n for n, line in enumerate(lines) if re.search(rf"/{table}(\.parquet)?\]", line)]
    exchanges = [next((line for line in reversed(lines[:n]) if "Exchange" in line), "") for n in read]
    return bool(read) and all("BroadcastExchange" in line for line in exchanges)


class Keeping(SparkEngine):
    """Forgets nothing, so that plans can be looked at afterwards."""

    def drop(self, *names: str) -> None:
        pass


def exported(engine: Engine, folder: Path) -> dict[str, bytes]:
    """Return findings as people are given them: dates, nulls and quotes as text."""
    for form in Format:
        write_table(engine, "findings", folder / form, form)
    return {form: (folder / form).read_bytes() for form in Format if form != Format.PARQUET}


def test_the_findings_are_the_same_on_spark(tmp_path, capfd):
    need("spark", "the same findings on Spark", missing())
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    write(tmp_path, Company(Size("small", 2_000, 400, 15)))
    space, taken = workspace.load(tmp_path), snapshots.load(runs.find(tmp_path))
    with EmbeddedEngine(taken.as_of) as engine:
        embedded = review(taken, space, engine, to=ParquetFile(tmp_path / "embedded.parquet"))
        shown = exported(engine, tmp_path)
    with Keeping(taken.as_of, master="local[2]", options=SHORT, prefix="file://", scratch=scratch) as engine:
        distributed = review(taken, space, engine, to=ParquetFile(tmp_path / ".spark.parquet-being-written"))
        shown_by_spark = exported(engine, tmp_path)
        engine._spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")  # as if all were too large
        plans = {}
        for table, sql in {"closure": diff.VERDICTS_OF_PAIRS.sql, "verdicts": diff.HELD.sql}.items():
            capfd.readouterr()
            engine._run(sql, {}).explain()
            plans[table] = capfd.readouterr().out
    assert distributed.digest == embedded.digest
    assert distributed.evaluations == embedded.evaluations
    assert len(distributed.findings) > 5_000
    assert shown_by_spark == shown
    assert {table: is_broadcast(table, plan) for table, plan in plans.items()} == {"closure": True, "verdicts": True}
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("SELECT string_agg(r, ', ' ORDER BY r) AS x FROM t", "SORT_ARRAY(COLLECT_LIST(r))"),
        ("SELECT string_agg(DISTINCT r, ', ' ORDER BY r) AS x FROM t", "SORT_ARRAY(COLLECT_SET(r))"),
        ("SELECT strftime(a, '%Y-%m-%d') AS x FROM t", "DATE_FORMAT(a, 'yyyy-MM-dd')"),
        ("SELECT strftime(a, '%Y-%m-%dT%H:%MZ') AS x FROM t", r"DATE_FORMAT(a, 'yyyy-MM-dd\'T\'HH:mm\'Z\'')"),
        ("SELECT concat(a, 'b') AS x FROM t", "COALESCE(a, '')"),
        ('SELECT CAST(to_json(struct_pack("a" := a)) AS VARCHAR) AS x FROM t', "TO_JSON(STRUCT(a AS `a`))"),
    ],
)
def test_what_the_dialects_mean_differently_is_put_right(written, read):
    from access_review.engine.spark import translate

    assert read in translate(written)


def test_what_is_asked_after_a_review_on_spark_needs_no_spark(tmp_path):
    run = write(
        tmp_path, Company(Size("tiny", 300, 150, 5)), "engine: {kind: spark, master: 'spark://nowhere.example.test'}\n"
    )
    with reviews.engine_of(workspace.load(tmp_path), snapshots.load(run)) as engine:
        assert type(engine) is EmbeddedEngine


def test_a_folder_for_spark_that_is_not_there_is_a_mistake_of_the_workspace(tmp_path):
    settings = EngineSettings(kind="spark", scratch=str(tmp_path / "nowhere"))
    with pytest.raises(WorkspaceError, match="nowhere"):
        open_engine(AS_OF, settings)


def test_a_folder_that_workers_do_not_share_is_noticed_before_anything_is_concluded(tmp_path):
    need("spark", "a folder that Spark's workers do not share", missing())
    settings = EngineSettings(kind="spark", master="local[2]", options=SHORT, prefix=f"file://{tmp_path}/elsewhere")
    with pytest.raises(WorkspaceError, match="does not find what workers write"):
        open_engine(AS_OF, settings)


def test_a_machine_without_java_is_told_so(tmp_path):
    need("spark", "Spark without Java", missing())
    program = "from access_review.engine.spark import SparkEngine; SparkEngine(None)"
    nowhere = {**os.environ, "JAVA_HOME": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", program], env=nowhere, check=False, capture_output=True, text=True)
    assert "WorkspaceError: engine: Spark did not start" in told.stderr


def test_the_engine_is_the_one_the_policy_names():
    with pytest.raises(ValueError, match="embedded"):
        EngineSettings.model_validate({"kind": "flink"})
    with open_engine(AS_OF, EngineSettings()) as engine:
        assert type(engine) is EmbeddedEngine
