import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from access_review.errors import ArtifactError
from access_review.logbook.known import Discrepancy, DiscrepancyKind, compare_file, compare_store, known_things
from access_review.logbook.lines import (
    FORMAT,
    REQUIRED,
    FileMark,
    LogEntry,
    LogEvent,
    StoreMark,
    decode,
    encode,
    first_line,
    grown,
    inside,
    proof_of,
    verified,
)
from access_review.logbook.tree import GrowingTree, TreeHead, head_of, included, leaf

AT = datetime(2026, 11, 2, 6, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
paths = st.lists(
    st.text("abc-0. é", min_size=1).filter(lambda part: part not in {".", ".."}), min_size=1, max_size=3
).map("/".join)
counts = st.integers(0, 2**53 - 1)
entries = st.builds(
    LogEntry,
    st.sampled_from([event for event in LogEvent if event is not LogEvent.WORKSPACE]),
    words,
    st.datetimes(timezones=st.just(UTC)),
    st.dictionaries(paths, st.builds(FileMark, counts, words), max_size=3),
    st.dictionaries(paths, st.builds(StoreMark, counts, words), max_size=2),
    st.lists(paths, max_size=2).map(tuple),
    st.dictionaries(words, words, max_size=3),
).map(lambda one: replace(one, details={**one.details, **dict.fromkeys(REQUIRED.get(one.event, ()), DIGEST)}))


def logbook(*added):
    """The bytes of a logbook with these entries."""
    tree = GrowingTree()
    lines = [first_line("w1", AT)]
    tree.add(leaf(lines[0]))
    for entry in added:
        lines.append(encode(entry, tree.head))
        tree.add(leaf(lines[-1]))
    return b"".join(line + b"\n" for line in lines)


FIVE = tuple(
    LogEntry(event, f"n{number}", AT + timedelta(minutes=number), details={"digest": DIGEST})
    for number, event in enumerate((LogEvent.RUN, LogEvent.DRAW, LogEvent.PLAN, LogEvent.REVIEW, LogEvent.JOURNAL))
)


@settings(max_examples=40)
@given(st.lists(entries, max_size=8))
def test_what_is_read_back_is_what_was_written(added):
    data = logbook(*added)
    book = verified(data)
    assert book.entries[1:] == tuple(added)
    assert book.workspace == "w1"
    assert book.torn == 0
    lines = data.splitlines()
    assert book.head == head_of(map(leaf, lines)) == grown(data).head
    for number, head in enumerate(book.heads):
        assert head == head_of(map(leaf, lines[:number]))
    for number, line in enumerate(lines, start=1):
        assert included(line, number - 1, book.head, proof_of(book, number))


@given(st.integers(1, 400), st.binary(max_size=300).filter(lambda rest: b"\n" not in rest))
def test_a_torn_last_line_counts_for_nothing_and_takes_nothing_away(cut, tail):
    whole = logbook(*FIVE)
    torn = logbook(*FIVE, LogEntry(LogEvent.PRUNE, "old", AT, removed=tuple("abcdefg")))
    assert verified(torn[: len(whole) + min(cut, len(torn) - len(whole) - 1)]).head == verified(whole).head
    book = verified(whole + tail)
    assert book.head == verified(whole).head == grown(whole + tail).head
    assert book.torn == len(tail)


@given(st.integers(0, len(logbook(*FIVE)) - 1), st.integers(1, 255))
def test_one_changed_byte_anywhere_is_found(place, by):
    data = bytearray(logbook(*FIVE))
    data[place] ^= by
    whole = verified(logbook(*FIVE))
    try:
        book = verified(bytes(data))
    except ArtifactError as error:
        assert "logbook" in error.message  # noqa: PT017 - or it is another logbook, which its heads say
    else:
        assert not book.holds(whole.head)


@given(st.data())
def test_what_was_read_before_changes_nothing_of_what_is_found(data):
    whole = logbook(*FIVE)
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    at_once = verified(logbook(LogEntry(LogEvent.PRUNE, "another", AT))), verified(whole)
    before = data.draw(st.sampled_from(ends[:-1]))
    verified(whole[: before + data.draw(st.integers(0, 3))])
    assert (verified(whole), grown(whole).head) == (at_once[1], at_once[1].head)
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, before - 2))] ^= 1
    with pytest.raises(ArtifactError, match="logbook"):
        verified(bytes(changed))
    cut = verified(whole[:before])
    assert cut.entries == at_once[1].entries[: len(cut.entries)]
    assert cut.head == at_once[1].heads[len(cut.entries)]


@pytest.mark.parametrize("number", range(5))
def test_a_line_left_out_moved_or_repeated_is_named(number):
    lines = logbook(*FIVE).splitlines(keepends=True)
    without = [*lines[:number], *lines[number + 1 :]]
    with pytest.raises(ArtifactError, match=f"logbook, line {number + 1}:"):
        verified(b"".join(without))
    with pytest.raises(ArtifactError, match=f"logbook, line {number + 2}:"):
        verified(b"".join([*lines[: number + 1], *lines[number:]]))
    moved = [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]
    with pytest.raises(ArtifactError, match=f"logbook, line {number + 1}:"):
        verified(b"".join(moved))


def test_a_logbook_cut_at_a_line_or_begun_anew_is_told_by_a_head_known_from_elsewhere():
    seen = verified(logbook(*FIVE))
    for size in range(5):
        cut = verified(logbook(*FIVE[:size]))
        assert not cut.holds(seen.head)
        assert seen.holds(cut.head)
    other = verified(logbook(*FIVE[:4], LogEntry(LogEvent.JOURNAL, "another", AT)))
    assert other.head.size == seen.head.size
    assert not other.holds(seen.head)
    assert not seen.holds(TreeHead(99, seen.head.root))
    assert seen.holds(seen.head)


LINE = json.loads(encode(FIVE[0], GrowingTree().head))
STRANGE = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 100_000,
    b'"' + b"x" * 99,
    rfc8785.dumps(LINE) + b" ",
    json.dumps(LINE, indent=1).replace("\n", "").encode(),
    rfc8785.dumps({**LINE, "more": "x"}),
    rfc8785.dumps({**LINE, "event": "other"}),
    rfc8785.dumps({**LINE, "event": "begun"}),
    rfc8785.dumps({**LINE, "event": "signature", "details": {"kind": "", "about": ""}}),
    rfc8785.dumps({**LINE, "at": "2026-11-02T06:00:00"}),
    rfc8785.dumps({**LINE, "at": "2026-11-02T07:00:00+01:00"}),
    rfc8785.dumps({**LINE, "at": 5}),
    rfc8785.dumps({**LINE, "head": "0"}),
    rfc8785.dumps({**LINE, "name": None}),
    rfc8785.dumps({**LINE, "files": {}}),
    rfc8785.dumps({**LINE, "files": {"../x": {"digest": "", "size": 1}}}),
    rfc8785.dumps({**LINE, "files": {"x": {"digest": "", "size": True}}}),
    rfc8785.dumps({**LINE, "files": {"x": {"digest": "", "size": -1}}}),
    rfc8785.dumps({**LINE, "files": {"x": {"digest": "", "size": 1.5}}}),
    rfc8785.dumps({**LINE, "files": ["x"]}),
    rfc8785.dumps({**LINE, "stores": {"x": {"head": 1, "position": 1}}}),
    rfc8785.dumps({**LINE, "details": {"x": 1}}),
    rfc8785.dumps({**LINE, "removed": "x"})[:-1] + b',"name":"y"}',
    b'{"at":' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("line", STRANGE)
def test_a_line_that_is_not_as_this_tool_writes_it_is_refused(line):
    with pytest.raises(ArtifactError, match="is not as this tool writes it"):
        decode(line)


@given(st.binary())
def test_no_bytes_give_a_traceback(data):
    for read in (verified, grown, decode):
        with pytest.raises(ArtifactError):
            read(data)
    with pytest.raises(ArtifactError):
        verified(data + b"\n")
    with pytest.raises(ArtifactError):
        verified(logbook() + data + b"\n")


def test_a_workspace_begins_once_and_first():
    head = verified(logbook()).head
    again = LogEntry(LogEvent.WORKSPACE, "w2", AT, details={"format": FORMAT})
    with pytest.raises(ArtifactError, match="line 2: a workspace begins in line 1"):
        verified(logbook(again))
    with pytest.raises(ArtifactError, match="line 1: a workspace begins in line 1"):
        verified(encode(FIVE[0], GrowingTree().head) + b"\n")
    other = encode(LogEntry(LogEvent.WORKSPACE, "w", AT, details={"format": "x@2"}), GrowingTree().head)
    with pytest.raises(ArtifactError, match=r"format 'x@2', not 'access-review/logbook@1'"):
        verified(other + b"\n")
    with pytest.raises(ArtifactError, match="a line before it was changed"):
        verified(encode(LogEntry(LogEvent.WORKSPACE, "w", AT, details={"format": FORMAT}), head) + b"\n")


def test_more_bytes_than_any_line_are_no_line(monkeypatch):
    monkeypatch.setattr("access_review.logbook.lines.LONGEST_LINE", 400)
    long = LogEntry(LogEvent.RUN, "x" * 400, AT)
    with pytest.raises(ArtifactError, match=r"line 2: .* bytes are more than any line"):
        verified(logbook(long))
    with pytest.raises(ArtifactError, match="more than any line"):
        grown(logbook(long))
    with pytest.raises(ArtifactError, match="401 bytes follow the last line"):
        verified(logbook() + b"x" * 401)


@pytest.mark.parametrize(
    ("path", "is_inside"),
    [
        ("a", True),
        ("a/b.json", True),
        (".rights/x", True),
        ("", False),
        ("/a", False),
        ("a/../b", False),
        ("a//b", False),
        ("./a", False),
        ("..", False),
        ("a\\b", False),
        ("C:/a", False),
        ("a\0", False),
        ("a/", False),
    ],
)
def test_a_path_stays_below_runs(path, is_inside):
    assert inside(path) is is_inside
    entry = LogEntry(LogEvent.RUN, "n", AT, removed=(path,))
    if is_inside:
        assert decode(encode(entry, TreeHead.parse("0:" + DIGEST))) == (entry, TreeHead(0, DIGEST))
    else:
        with pytest.raises(ValueError, match="not below runs/"):
            encode(entry, TreeHead(0, DIGEST))


def test_a_time_without_a_zone_is_not_written():
    with pytest.raises(ValueError, match="without a zone"):
        encode(LogEntry(LogEvent.RUN, "n", AT.replace(tzinfo=None)), TreeHead(0, DIGEST))


def file(event, name, *files, at=AT, removed=(), **stores):
    marks = {path: FileMark(size, DIGEST) for path, size in files}
    return LogEntry(event, name, at, marks, {k: StoreMark(*v) for k, v in stores.items()}, removed)


def sizes(*added):
    known = known_things(added)
    return {path: [mark.size for mark in one.marks] for path, one in known.files.items()}


def test_a_later_line_takes_the_place_of_one_of_its_event_and_name():
    first = file(LogEvent.RUN, "r1", ("a", 1), ("b", 1))
    assert sizes(first, file(LogEvent.RUN, "r1", ("a", 2))) == {"a": [2]}
    assert sizes(first, file(LogEvent.RUN, "r2", ("c", 2))) == {"a": [1], "b": [1], "c": [2]}
    assert sizes(first, file(LogEvent.REVIEW, "r1", ("b", 2))) == {"a": [1], "b": [2]}
    # What another line has since said of a file is not forgotten with the first.
    assert sizes(first, file(LogEvent.REVIEW, "r1", ("b", 2)), file(LogEvent.RUN, "r1", ("a", 3))) == {
        "a": [3],
        "b": [2],
    }


def test_what_was_pruned_is_known_no_more_with_all_below_it():
    first = file(LogEvent.RUN, "r1", ("r1/a", 1), ("r1/b/c", 1), ("r1x", 1), s=(1, DIGEST))
    assert sizes(first, file(LogEvent.PRUNE, "p", removed=("r1",))) == {"r1x": [1]}
    assert known_things([first, file(LogEvent.PRUNE, "p", removed=("s",))]).stores == {}


def test_while_a_file_is_being_replaced_either_is_right():
    first, announced = file(LogEvent.STATE, "s", ("a", 1)), file(LogEvent.ANNOUNCED, "s", ("a", 2), ("new", 5))
    assert sizes(first, announced) == {"a": [1, 2], "new": [5]}
    known = known_things([first, announced])
    assert not known.files["a"].optional
    assert known.files["new"].optional
    assert sizes(first, announced, file(LogEvent.STATE, "s", ("a", 2), ("new", 5))) == {"a": [2], "new": [5]}
    assert not known_things([first, announced, file(LogEvent.STATE, "s", ("new", 5))]).files["new"].optional


def test_an_entry_that_holds_is_found_by_event_and_name():
    book = verified(logbook(*FIVE, LogEntry(LogEvent.PLAN, "n2", AT, details={"second": "yes"})))
    assert book.latest(LogEvent.PLAN, "n2").details == {"second": "yes"}
    assert book.line_of(LogEvent.PLAN, "n2") == 7
    assert book.line_of(LogEvent.DRAW, "n1") == 3
    assert book.latest(LogEvent.PLAN, "n1") is None
    assert book.line_of(LogEvent.PLAN, "n1") is None
    assert len(list(book.of(LogEvent.PLAN))) == 2


def test_each_way_to_differ_has_its_word():
    known = known_things([file(LogEvent.RUN, "r", ("a", 1), s=(3, DIGEST)), file(LogEvent.ANNOUNCED, "r", ("n", 4))])
    a, store, new = known.files["a"], known.stores["s"], known.files["n"]
    assert list(compare_file("a", a, FileMark(1, DIGEST))) == []
    assert list(compare_file("a", a, FileMark(1, "sha256:b"), sizes_only=True)) == []
    assert list(compare_file("n", new, None)) == []
    assert list(compare_store("s", store, DIGEST)) == []
    assert [*compare_file("a", a, None)] == [
        Discrepancy("a", DiscrepancyKind.GONE, "is gone, line 1 of the logbook knows it")
    ]
    assert [*compare_file("a", a, FileMark(1, "sha256:b"))] == [
        Discrepancy("a", DiscrepancyKind.DIFFERENT, "was changed since line 1 of the logbook")
    ]
    assert [*compare_file("a", a, FileMark(2, ""), sizes_only=True)] == [
        Discrepancy("a", DiscrepancyKind.DIFFERENT, "has 2 bytes, 1 in line 1 of the logbook")
    ]
    assert [*compare_store("s", store, None)] == [
        Discrepancy("s", DiscrepancyKind.SHORTER, "has fewer than 3 rows, which line 1 of the logbook counted")
    ]
    assert [one.kind for one in compare_store("s", store, "sha256:b")] == [DiscrepancyKind.REWRITTEN]
    assert str(Discrepancy("", DiscrepancyKind.DAMAGED, "x")) == "x"
    assert str(Discrepancy("a", DiscrepancyKind.GONE, "x")) == "a: x"
