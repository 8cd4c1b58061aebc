from dataclasses import replace
from datetime import UTC, datetime

from access_review.logbook import entries
from access_review.logbook.known import (
    KnownFile,
    KnownStore,
    UnshownCalls,
    compare_file,
    compare_store,
    known_things,
    unshown_calls,
)
from access_review.logbook.lines import FileMark, LogEntry, LogEvent, StoreMark, decode, encode
from access_review.logbook.tree import GrowingTree

AT = datetime(2026, 11, 2, 6, tzinfo=UTC)
RUN, DIGEST = "20261102T060000Z-0011aabb", "sha256:" + "a" * 64
MARK, STORE = FileMark(5, DIGEST), StoreMark(3, DIGEST)
JOURNAL, PLAN = f"{RUN}/plan/journal.sqlite", f"{RUN}/plan/plan.json"
FILES = {f"{RUN}/manifest.json": MARK}

AS_JSON_SORTS = {"\ufb01": "after, by code point", "\U0001f600": "before, by UTF-16"}
"""Names whose order in canonical JSON is not that of Python."""


def lines() -> list[tuple[LogEntry, LogEntry]]:
    """Return what each stage says, and what its line is."""
    signed = {"kind": "approval", "about": DIGEST, "person": "hr:person:2"}
    begun = {"journal": JOURNAL, "executor": "hr:person:1", "run": RUN}
    return [
        (entries.run_made(RUN, AT, FILES, rehearsal=False), LogEntry(LogEvent.RUN, RUN, AT, FILES)),
        (
            entries.run_made("other", AT, {}, rehearsal=True),
            LogEntry(LogEvent.RUN, "other", AT, details={"rehearsal": "yes"}),
        ),
        (entries.run_reviewed(RUN, AT, FILES), LogEntry(LogEvent.REVIEW, RUN, AT, FILES)),
        (
            entries.draw_committed(RUN, AT, DIGEST, held_by="the operator"),
            LogEntry(LogEvent.DRAW, RUN, AT, details={"commitment": DIGEST, "held by": "the operator"}),
        ),
        (entries.campaign_changed(RUN, AT, FILES), LogEntry(LogEvent.CAMPAIGN, RUN, AT, FILES)),
        (entries.state_kept(AT, FILES), LogEntry(LogEvent.STATE, "state", AT, FILES)),
        (entries.draw_revealed(RUN, AT, FILES), LogEntry(LogEvent.REVEAL, RUN, AT, FILES)),
        (
            entries.plan_made(DIGEST, AT, RUN, PLAN, MARK),
            LogEntry(LogEvent.PLAN, DIGEST, AT, {PLAN: MARK}, details={"run": RUN}),
        ),
        (
            entries.statement_signed(DIGEST, AT, f"{RUN}/plan/a.json", MARK, **signed),
            LogEntry(LogEvent.SIGNATURE, DIGEST, AT, {f"{RUN}/plan/a.json": MARK}, details=signed),
        ),
        (
            entries.batch_begun(DIGEST, AT, JOURNAL, executor="hr:person:1", run=RUN),
            LogEntry(LogEvent.BEGUN, DIGEST, AT, details=begun),
        ),
        (
            entries.batch_begun("other", AT, JOURNAL, executor="hr:person:1", run=RUN, standing=DIGEST),
            LogEntry(LogEvent.BEGUN, "other", AT, details=begun | {"standing": DIGEST}),
        ),
        (
            entries.journal_at(DIGEST, AT, JOURNAL, STORE),
            LogEntry(LogEvent.JOURNAL, DIGEST, AT, stores={JOURNAL: STORE}),
        ),
        (
            entries.journal_found(DIGEST, AT, JOURNAL, STORE),
            LogEntry(LogEvent.JOURNAL, DIGEST, AT, stores={JOURNAL: STORE}, details={"killed": "yes"}),
        ),
        (
            entries.journal_found("other", AT, JOURNAL, StoreMark(0, STORE.head)),
            LogEntry(LogEvent.JOURNAL, "other", AT, details={"killed": "yes"}),
        ),
        (
            entries.decisions_at(AT, "d.sqlite", STORE, run=RUN, read=4),
            LogEntry(
                LogEvent.DECISIONS, "decisions", AT, stores={"d.sqlite": STORE}, details={"run": RUN, "read": "4"}
            ),
        ),
        (
            entries.followed_up(AT, "f.sqlite", STORE, **signed),
            LogEntry(LogEvent.FOLLOW_UP, "follow-ups", AT, stores={"f.sqlite": STORE}, details=signed),
        ),
        (
            entries.signed_off(RUN, AT, "hr:person:1", FILES),
            LogEntry(LogEvent.SIGN_OFF, RUN, AT, FILES, details={"person": "hr:person:1"}),
        ),
        (
            entries.ran_unattended("daily", AT, run=RUN, made=2),
            LogEntry(LogEvent.OBSERVATION, "daily", AT, details={"run": RUN, "made": "2"}),
        ),
        (
            entries.observed(AT, AS_JSON_SORTS),
            LogEntry(LogEvent.OBSERVATION, "watch", AT, details=AS_JSON_SORTS),
        ),
        (
            entries.leavers_followed(RUN, AT),
            LogEntry(LogEvent.OBSERVATION, f"leavers {RUN}", AT, details={"run": RUN}),
        ),
        (
            entries.access_sealed("2026-11-02", AT, FILES),
            LogEntry(LogEvent.OBSERVATION, "2026-11-02", AT, FILES, details={"run": "", "made": "0"}),
        ),
        (
            entries.pruned_files("more", AT, why="old", removed={"b": DIGEST, "a": DIGEST}),
            LogEntry(LogEvent.PRUNE, "more", AT, removed=("a", "b"), details={"why": "old", "a": DIGEST, "b": DIGEST}),
        ),
        (
            entries.pruned(RUN, AT, why="old", removed=FILES),
            LogEntry(LogEvent.PRUNE, RUN, AT, removed=(RUN,), details={"why": "old", f"{RUN}/manifest.json": DIGEST}),
        ),
    ]


def test_each_line_says_what_its_stage_did_and_is_read_back_as_written():
    head = GrowingTree().head
    for made, expected in lines():
        assert made == expected
        assert decode(encode(made, head)) == (made, head)


def test_what_each_stage_made_is_known_until_it_is_pruned():
    made = [entry for entry, _ in lines()]
    known = known_things(made[:-1])
    assert set(known.files) == {f"{RUN}/manifest.json", PLAN, f"{RUN}/plan/a.json"}
    assert set(known.stores) == {JOURNAL, "d.sqlite", "f.sqlite"}
    after = known_things(made)
    assert (set(after.files), set(after.stores)) == (set(), {"d.sqlite", "f.sqlite"})


def test_a_later_line_of_one_name_takes_the_place_of_what_an_earlier_one_knew():
    moved = entries.journal_at(DIGEST, AT, "elsewhere.sqlite", STORE)
    known = known_things([entries.journal_at(DIGEST, AT, JOURNAL, STORE), moved])
    assert known.stores == {"elsewhere.sqlite": KnownStore(STORE, 2)}
    other = FileMark(6, DIGEST)
    announced = [LogEntry(LogEvent.ANNOUNCED, "state", AT, {"state.json": mark}) for mark in (MARK, other)]
    assert known_things(announced).files == {"state.json": KnownFile((MARK, other), 2, optional=True)}
    replaced = known_things([entries.state_kept(AT, {"state.json": MARK}), announced[1]])
    assert replaced.files == {"state.json": KnownFile((MARK, other), 2)}
    reviewed = [entries.run_reviewed(RUN, AT, {name: MARK}) for name in "ab"]
    assert known_things(reviewed).files == {"b": KnownFile((MARK,), 2)}


def test_what_differs_is_said_with_the_line_that_knows_it():
    twice = KnownFile((MARK, FileMark(6, DIGEST)), 3)
    said = [
        *compare_file("f", twice, None),
        *compare_file("f", replace(twice, optional=True), None),
        *compare_file("f", twice, FileMark(6, "sha256:other")),
        *compare_file("f", twice, FileMark(6, "sha256:other"), sizes_only=True),
        *compare_file("f", twice, FileMark(9, ""), sizes_only=True),
        *compare_store("s", KnownStore(STORE, 4), "sha256:other"),
        *compare_store("s", KnownStore(STORE, 4), None),
        *compare_store("s", KnownStore(STORE, 4), STORE.head),
    ]
    assert [(one.path, one.kind.value, one.message) for one in said] == [
        ("f", "gone", "is gone, line 3 of the logbook knows it"),
        ("f", "different", "was changed since line 3 of the logbook"),
        ("f", "different", "has 9 bytes, 5 or 6 in line 3 of the logbook"),
        ("s", "rewritten", "row 3 is not the one of line 4 of the logbook"),
        ("s", "shorter", "has fewer than 3 rows, which line 4 of the logbook counted"),
    ]


def test_a_plan_begun_with_one_journal_has_no_other():
    begun = entries.batch_begun(DIGEST, AT, JOURNAL, executor="hr:person:1", run=RUN)
    assert entries.begun_elsewhere(None, JOURNAL) == entries.begun_elsewhere(begun, JOURNAL) == ""
    assert entries.begun_elsewhere(begun, "copy/journal.sqlite") == JOURNAL


def test_what_a_killed_batch_called_is_shown_by_no_later_line():
    begun = entries.batch_begun(DIGEST, AT, JOURNAL, executor="hr:person:1", run=RUN)
    ended, found = (make(DIGEST, AT, JOURNAL, STORE) for make in (entries.journal_at, entries.journal_found))
    once, still = UnshownCalls(DIGEST, JOURNAL, 1, AT), UnshownCalls(DIGEST, JOURNAL, 1)
    assert unshown_calls([begun]) == (still,)
    assert unshown_calls([begun, ended, found]) == ()
    assert unshown_calls([begun, found]) == unshown_calls([begun, found, begun, ended]) == (once,)
    assert unshown_calls([begun, begun, ended]) == (once,)
    assert unshown_calls([begun, found, begun]) == (once, replace(still, line=3))
    gone = entries.pruned(RUN, AT, why="old", removed={})
    assert unshown_calls([begun, found, begun, gone]) == ()
