"""The benchmark's own parts: recordings that collect to the same company, a table and a chart of what was measured."""

import xml.etree.ElementTree as ET

from access_review import snapshot, workspace
from access_review.store import snapshots
from bench import recordings, results
from bench.company import SIZES, Company, Size
from bench.snapshots import write

MEASURED = [
    {
        "size": "S",
        "way": "access-review, distinct pairs",
        "seconds": 1.0,
        "processor": 1.5,
        "memory": 10**9,
        "rows": 9,
        "digest": "1",
    },
    {"size": "S", "way": "a & b", "seconds": 8.0, "processor": 9.0, "memory": 2 * 10**9, "rows": 9, "digest": "1"},
    {"size": "S", "way": "wrong", "seconds": 8.0, "processor": 8.0, "memory": 2 * 10**9, "rows": 8, "digest": "2"},
]


def test_recordings_collect_to_the_company_they_were_written_from(tmp_path):
    run = write(tmp_path / "company", Company(Size("tiny", 200, 80, 3)))
    recordings.write(run.folder / "snapshot", tmp_path / "recorded")
    read = snapshot.collect(workspace.load(tmp_path / "recorded"), run.as_of).tables
    drawn = snapshots.load(run).tables
    assert len(read["problems"]) == 0
    for table in ("people", "accounts"):
        assert len(read[table]) == len(drawn[table]), table
    members = {"member", "primary"}
    held = sum(via in members for via in drawn["grants"]["via"].to_pylist())
    assert len(read["grants"]) == held


def test_the_groups_nest_as_deep_as_said_and_in_circles():
    company = Company(SIZES["S"])
    child, parent = company.nesting
    assert len(child) > company.size.groups
    assert (company.heights[child] < company.heights[parent]).mean() > 0.99
    assert (company.heights[child] > company.heights[parent]).any(), "some edges close a circle"


def test_another_answer_is_said_to_be_another():
    lines = results.table(MEASURED).splitlines()
    assert sum(line.endswith("| yes |") for line in lines) == 1
    assert sum(line.endswith("| NO |") for line in lines) == 1


def test_the_chart_is_a_picture_with_a_bar_for_each():
    drawn = ET.fromstring(results.chart(MEASURED))  # noqa: S314 - our own
    bars = [r for r in drawn.iter("{http://www.w3.org/2000/svg}rect") if r.get("fill") in ("#1f6f8b", "#a9a9a9")]
    assert len(bars) == len(MEASURED)
