"""Spark gives the findings that the embedded engine gives: slow to start, so once."""

import shutil

import pytest

from access_review import runs, snapshot, workspace
from access_review.engine import Engine, open_engine
from access_review.policy import EngineSettings
from access_review.review import review
from bench.company import SIZES, Company
from bench.snapshots import write
from tests.worlds import AS_OF

sqlglot = pytest.importorskip("sqlglot")

SETTINGS = {
    "kind": "spark",
    "master": "local[2]",
    "options": {
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.driver.memory": "2g",
        "spark.log.level": "ERROR",
    },
}


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_the_findings_are_the_same_on_spark(tmp_path):
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    write(tmp_path, Company(SIZES["XS"]))
    space, taken = workspace.load(tmp_path), snapshot.load(runs.find(tmp_path))
    with Engine(taken.as_of) as engine:
        embedded = review(taken, space, engine, to=tmp_path / "embedded.parquet")
    with open_engine(taken.as_of, EngineSettings.model_validate(SETTINGS)) as engine:
        distributed = review(taken, space, engine, to=tmp_path / "spark.parquet")
    assert distributed.digest == embedded.digest
    assert distributed.evaluations == embedded.evaluations
    assert len(distributed.findings) > 1000


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("SELECT string_agg(r, ', ' ORDER BY r) AS x FROM t", "SORT_ARRAY(COLLECT_LIST(r))"),
        ("SELECT string_agg(DISTINCT r, ', ' ORDER BY r) AS x FROM t", "SORT_ARRAY(COLLECT_SET(r))"),
        ("SELECT strftime(a, '%Y-%m-%d') AS x FROM t", "DATE_FORMAT(a, 'yyyy-MM-dd')"),
        ("SELECT concat(a, 'b') AS x FROM t", "COALESCE(a, '')"),
    ],
)
def test_what_the_dialects_mean_differently_is_put_right(written, read):
    from access_review.spark import translate

    assert read in translate(written)


def test_the_engine_is_the_one_the_policy_names():
    with pytest.raises(ValueError, match="embedded"):
        EngineSettings.model_validate({"kind": "flink"})
    with open_engine(AS_OF, EngineSettings()) as engine:
        assert type(engine) is Engine
