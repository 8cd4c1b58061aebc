from datetime import UTC, datetime

import pytest

from access_review.logbook import entries
from access_review.logbook.known import known_things
from access_review.logbook.lines import FileMark, LogEvent, StoreMark, decode, encode
from access_review.logbook.tree import GrowingTree

AT = datetime(2026, 11, 2, 6, tzinfo=UTC)
RUN, DIGEST = "20261102T060000Z-0011aabb", "sha256:" + "a" * 64
MARK, STORE = FileMark(5, DIGEST), StoreMark(3, DIGEST)
JOURNAL = f"{RUN}/plan/journal.sqlite"
FILES = {f"{RUN}/manifest.json": MARK}

LINES = [
    entries.run_made(RUN, AT, FILES, rehearsal=False),
    entries.run_made("other", AT, {}, rehearsal=True),
    entries.run_reviewed(RUN, AT, FILES),
    entries.draw_committed(RUN, AT, DIGEST, held_by="the operator"),
    entries.draw_revealed(RUN, AT, FILES),
    entries.plan_made(DIGEST, AT, RUN, f"{RUN}/plan/plan.json", MARK),
    entries.statement_signed(
        DIGEST, AT, f"{RUN}/plan/a.json", MARK, kind="approval", about=DIGEST, person="hr:person:2"
    ),
    entries.batch_begun(DIGEST, AT, JOURNAL, executor="hr:person:1", run=RUN),
    entries.journal_at(DIGEST, AT, JOURNAL, STORE),
    entries.decisions_at(AT, "decisions.sqlite", STORE, run=RUN, read=4),
    entries.signed_off(RUN, AT, "hr:person:1", FILES),
    entries.pruned(RUN, AT, why="older than six years", removed=FILES),
]


@pytest.mark.parametrize("entry", LINES, ids=lambda entry: entry.event)
def test_each_line_is_read_back_as_written(entry):
    head = GrowingTree().head
    assert decode(encode(entry, head)) == (entry, head)


def test_what_each_stage_made_is_known_until_it_is_pruned():
    known = known_things(LINES[:-1])
    assert set(known.files) == {f"{RUN}/manifest.json", f"{RUN}/plan/plan.json", f"{RUN}/plan/a.json"}
    assert set(known.stores) == {JOURNAL, "decisions.sqlite"}
    after = known_things(LINES)
    assert (set(after.files), set(after.stores)) == (set(), {"decisions.sqlite"})
    assert LINES[-1].details[f"{RUN}/manifest.json"] == DIGEST
    assert {entry.event for entry in LINES} < set(LogEvent)


def test_a_plan_begun_with_one_journal_has_no_other():
    begun = LINES[7]
    assert entries.begun_elsewhere(None, JOURNAL) == entries.begun_elsewhere(begun, JOURNAL) == ""
    assert entries.begun_elsewhere(begun, "copy/journal.sqlite") == JOURNAL
