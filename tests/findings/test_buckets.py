"""The digest of findings as a root over buckets, and findings as they are kept without the moment of the review."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from access_review.engine.duckdb import EmbeddedEngine
from access_review.facts import FINDINGS
from access_review.findings import buckets
from access_review.findings.moment import unlike_at_next, with_moment, without_moment

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NEXT = NOW + timedelta(hours=1)
EARLIER = NOW - timedelta(days=9)


def row(finding: str, status: str = "open", first_seen: datetime = EARLIER, **values: Any) -> dict[str, Any]:
    closed = {"closed_at": NOW} if status == "closed" else {}
    needed = {name: "x" for name in FINDINGS.schema.names if FINDINGS.schema.field(name).type == pa.string()}
    kept = {"finding": finding, "status": status, "first_seen": first_seen, "risk": 1, "checked": True}
    return needed | {"closed_at": None, "waiver": None} | kept | closed | values


ROWS = [
    row("a"),
    row("b", "new", NOW),
    row("c", "closed"),
    row("d", "waived", NOW),
    row("e", "new", EARLIER),
]


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, pa.schema([field.with_nullable(True) for field in FINDINGS.schema]))


def digest(rows: list[dict[str, Any]], at: datetime = NOW) -> str:
    with EmbeddedEngine(at) as engine:
        engine.register("found", table(rows))
        found = buckets.root_of(engine, "found")
        # The same from none on, a few findings at a time: the order in which they come is no part of it.
        marks = buckets.marks_of(engine, "found", at)
        known = buckets.BUCKETS.empty_table()
        for one in sorted(marks, reverse=True):
            known = buckets.with_others(known, {}, {one: marks[one]})
        engine.register("grown", known)
        assert buckets.root(engine, "grown", at) == found
        some = dict(list(marks.items())[:2])
        engine.register("shrunk", buckets.with_others(buckets.with_others(known, some, {}), {}, some))
        assert buckets.root(engine, "shrunk", at) == found
    return found


def test_the_order_of_findings_is_no_part_of_their_digest():
    assert digest(ROWS) == digest(ROWS[::-1])
    assert digest([]).startswith("sha256:")


@pytest.mark.parametrize("name", FINDINGS.schema.names)
def test_every_value_is_part_of_the_digest(name):
    other = {"risk": 2, "checked": False, "first_seen": NEXT, "closed_at": NEXT}.get(name, "y")
    assert digest([*ROWS[1:], ROWS[0] | {name: other}]) != digest(ROWS)
    if name != "finding":
        assert digest([*ROWS[1:], ROWS[0] | {name: None}]) != digest([*ROWS[1:], ROWS[0] | {name: other}])


def test_the_moment_is_part_of_the_digest_and_so_is_how_many_there_are():
    assert digest(ROWS, NOW) != digest(ROWS, NEXT)
    assert len({digest(ROWS[:number]) for number in range(6)}) == 6


def test_what_is_new_or_closed_at_the_moment_has_the_mark_that_it_has_at_the_next():
    later = [ROWS[1] | {"first_seen": NEXT}, ROWS[2] | {"closed_at": NEXT}, ROWS[3] | {"first_seen": NEXT}]
    with EmbeddedEngine(NOW) as engine:
        engine.register("now", table(ROWS))
        engine.register("later", table(later))
        before, after = buckets.marks_of(engine, "now", NOW), buckets.marks_of(engine, "later", NEXT)
    assert [one for one in "bcd" if before[one] == after[one]] == ["b", "c"]


def test_findings_are_kept_without_the_moment_and_read_with_it():
    previous = table([row("a"), row("c"), row("e", "closed")])
    with EmbeddedEngine(NOW) as engine:
        engine.register("found", table(ROWS))
        engine.register("previous_findings", previous)
        kept = engine.query(f"{without_moment('found')} ORDER BY finding", moment=NOW)
        unlike = engine.query(unlike_at_next("found"), moment=NOW)["finding"].to_pylist()
    assert with_moment(kept, NOW).to_pylist() == ROWS
    times = [(one["first_seen"], one["closed_at"]) for one in with_moment(kept, NEXT).to_pylist()]
    assert times == [(EARLIER, None), (NEXT, None), (EARLIER, NEXT), (NOW, None), (EARLIER, None)]
    assert unlike == ["d"]
