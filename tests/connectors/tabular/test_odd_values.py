"""Values that programs store and people do not write: hours of workbooks, moments beyond the calendar, files in a wrong coat."""

from datetime import UTC, datetime, time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from access_review.connectors.tabular import instants
from access_review.errors import WorkspaceError
from tests.connectors.small_sources import read, read_table


@pytest.mark.parametrize(
    ("text", "hour"),
    [("09:00", 9), ("09:00:00", 9), ("9:00 AM", 9), ("6:00 PM", 18), ("24:00", 0)],
)
def test_an_hour_is_read_as_workbooks_and_clocks_write_it(text, hour):
    assert instants.clock(text) == time(hour)
    with pytest.raises(instants.Unreadable):
        instants.clock("25:00")


def test_a_moment_beyond_the_calendar_is_none_and_no_crash(tmp_path):
    times = pa.array([2**62, -(2**62), None, 1_790_000_000_000_000], pa.timestamp("us", "UTC"))
    made = pa.array([2**30] * 4, pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"login": ["a", "b", "c", "d"], "used": times, "made": made}), tmp_path / "x.parquet")
    columns = {"account": "login", "last_used": "used", "created_at": "made"}
    found = read("table", tmp_path, path="x.parquet", columns=columns, timezone="UTC")
    assert [row["last_used_latest"] for row in found["accounts"]][:3] == [None, None, None]
    assert found["accounts"][3]["last_used_latest"] == datetime.fromtimestamp(1_790_000_000, UTC)
    assert not found.reasons


@pytest.mark.parametrize(
    ("start", "said"), [(b"PK\x03\x04..", ".xlsx"), (b"\x1f\x8b..", "unpack"), (b"%PDF-1", "as CSV")]
)
def test_a_file_that_is_no_text_is_called_what_it_is(start, said, tmp_path):
    (tmp_path / "export.csv").write_bytes(start)
    with pytest.raises(WorkspaceError) as raised:
        read("table", tmp_path, path="export.csv", columns={"account": "login"})
    (mistake,) = raised.value.mistakes
    assert said in str(mistake)


@pytest.mark.parametrize("odd", ["2031-01-01,", "2026-09-09,2020-01-01"])
def test_a_course_that_contradicts_itself_is_not_known_to_be_missing(odd, tmp_path):
    columns = {"person": "who", "course": "what", "done": "done", "until": "until"}
    text = f"who,what,done,until\n1,Card data,2026-09-09,\n2,Card data,{odd}\n"
    found = read_table(tmp_path, text, table="training", columns=columns, dates="%Y-%m-%d", timezone="UTC")
    assert [row["person"] for row in found["training"]] == ["ref:person-id:1"]
    assert "1 of 2 rows" in found.reasons["training"]
