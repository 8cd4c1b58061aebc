import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access_review.errors import ArtifactError
from access_review.logbook.lines import FileMark, LogEntry, LogEvent, StoreMark
from access_review.logbook.tree import TreeHead
from access_review.revoke.journal import Note
from access_review.store import files, hash_chain
from access_review.store import logbook as book
from access_review.store import logbook_check as check
from access_review.store.journal import JournalFile
from access_review.store.rights import Right, holder

AT = datetime(2026, 11, 2, 6, tzinfo=UTC)
PLAN = "sha256:" + "a" * 64


@pytest.fixture
def workspace(tmp_path):
    book.begin(tmp_path, AT, new_id=lambda: "w1")
    return tmp_path


def put(workspace, path, data=b"what was decided", event=LogEvent.RUN, name=""):
    files.write(workspace / "runs" / path, data)
    entry = LogEntry(event, name or path, AT, {path: book.mark_of(workspace / "runs" / path)})
    return book.append(workspace, entry)


def kinds(found):
    return [(one.path, str(one.kind)) for one in found]


def test_all_of_a_line_is_on_disk_and_whoever_waits_is_told_by_whom_it_is_written(tmp_path, monkeypatch):
    synced, named, real = list[bool](), set[str](), os.fsync

    def sync(handle):
        synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        named.add(getattr(holder(tmp_path, Right.STORE), "command", ""))
        real(handle)

    monkeypatch.setattr(os, "fsync", sync)
    known = [LogEntry(LogEvent.RUN, name, AT) for name in "ab"]
    book.begin(tmp_path, AT, command="audit", known=known)
    assert (synced, named) == ([False, True], {"audit"})
    assert [entry.name for entry in book.read(tmp_path).entries[1:]] == ["a", "b"]
    synced.clear()
    book.append(tmp_path, LogEntry(LogEvent.RUN, "c", AT), command="plan")
    assert (synced, named) == ([False], {"audit", "plan"})
    book.replace_files(tmp_path, LogEntry(LogEvent.STATE, "state", AT), {"state.json": b"one"}, command="decide")
    assert named == {"audit", "plan", "decide"}
    assert check.check(tmp_path) == ()


def test_a_logbook_begins_once_with_a_random_id_and_belongs_to_its_owner(tmp_path):
    first = book.begin(tmp_path, AT)
    assert book.begin(tmp_path, AT + timedelta(days=1)) == first == book.read(tmp_path)
    assert len(first.workspace) == 32
    (tmp_path / "other").mkdir()
    assert first.workspace != book.begin(tmp_path / "other", AT).workspace
    assert book.path_of(tmp_path).stat().st_mode & 0o777 == 0o600
    assert book.path_of(tmp_path).parent.stat().st_mode & 0o777 == 0o700


def test_lines_follow_on_each_other(workspace):
    head = put(workspace, "r1/manifest.json")
    two = (LogEntry(LogEvent.DRAW, "r1", AT), LogEntry(LogEvent.PLAN, PLAN, AT, details={"requested by": "Zoë"}))
    after = book.append(workspace, *two)
    log = book.read(workspace)
    assert log.heads[2] == head
    assert log.head == after
    assert log.entries[2:] == two
    assert check.check(workspace, {"the mail": head}) == ()
    assert book.path_of(workspace).stat().st_mode & 0o777 == 0o600


def test_without_a_logbook_nothing_is_added_to_another(tmp_path):
    for does in (lambda: book.append(tmp_path, LogEntry(LogEvent.RUN, "r", AT)), lambda: book.read(tmp_path)):
        with pytest.raises(ArtifactError, match=r"logbook.jsonl is not there"):
            does()
    assert not book.path_of(tmp_path).exists()


@pytest.mark.parametrize("torn", [b'{"at":"2026', b"x" * 5_000], ids=["shorter than a line", "longer"])
def test_what_a_crash_left_of_a_line_is_taken_away_and_said(workspace, torn):
    head = put(workspace, "a")
    with book.path_of(workspace).open("ab") as file:
        file.write(torn)
    assert book.read(workspace).torn == len(torn)
    assert check.check(workspace, {"a signature": head}) == ()
    put(workspace, "b")
    log = book.read(workspace)
    assert log.torn == 0
    assert [entry.event for entry in log.entries[1:]] == [LogEvent.RUN, LogEvent.REPAIRED, LogEvent.RUN]
    assert (log.entries[2].name, log.entries[2].details) == (book.mark_of_bytes(torn).digest, {"bytes": str(len(torn))})
    assert check.check(workspace, {"a signature": head}) == ()


@settings(max_examples=40)
@given(st.data())
def test_any_other_damage_stops_the_next_line(data):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        book.begin(workspace, AT)
        put(workspace, "a")
        head = put(workspace, "b")
        path = book.path_of(workspace)
        written = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(written) - 1))
        written[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(written)
        found = check.check(workspace, {"a signature": head})
        assert found
        assert found[0].path == ""
        last = bytes(written).rfind(b"\n", 0, len(written) - 1) + 1
        if place < last - 1:  # what only the last line says is covered by the next one, and by heads known elsewhere
            with pytest.raises(ArtifactError, match="logbook"):
                book.append(workspace, LogEntry(LogEvent.RUN, "r", AT))


def test_a_logbook_cut_short_or_rolled_back_is_told_by_a_head_from_elsewhere(workspace):
    before = book.path_of(workspace).read_bytes()
    head = put(workspace, "a")
    book.path_of(workspace).write_bytes(before)
    assert check.check(workspace) == ()
    assert kinds(check.check(workspace, {"approval of hr:person:2": head})) == [("", "rolled-back")]
    put(workspace, "a", b"other")
    (found,) = check.check(workspace, {"approval of hr:person:2": head})
    assert found.message == "the logbook is not the one that approval of hr:person:2 saw: lines 1 to 2 were others"
    other = TreeHead(9, head.root)
    assert "there are 2 lines" in check.check(workspace, {"--head": other})[0].message
    (found,) = check.check(workspace, {"--head": other, "the mail": book.read(workspace).head})
    assert found.message.endswith("--head saw: lines 3 to 9 were others or are gone: there are 2 lines, not 9")


def test_each_file_that_is_gone_or_changed_is_named(workspace):
    for name in ("kept", "gone", "changed", "longer", "pipe", "link", "folder/x"):
        put(workspace, name)
    root = workspace / "runs"
    (root / "gone").unlink()
    (root / "changed").write_bytes(b"what was derided")
    with (root / "longer").open("wb") as longer:
        longer.truncate(2**40)  # without end, for who would read it to see that it is another
    (root / "pipe").unlink()
    os.mkfifo(root / "pipe")
    (root / "link").unlink()
    (root / "link").symlink_to(root / "kept")
    (root / "folder/x").unlink()
    (root / "folder").rmdir()
    (root / "folder").write_bytes(b"")
    named = [
        ("folder/x", "gone"),
        ("gone", "gone"),
        ("link", "unreadable"),
        ("longer", "different"),
        ("pipe", "unreadable"),
    ]
    assert kinds(check.glance(workspace, book.read(workspace))) == named
    assert kinds(check.check(workspace)) == sorted([*named, ("changed", "different")])


def test_a_file_counts_only_as_the_logbook_knows_it(workspace):
    put(workspace, "r/plan.json", b"plan")
    log = book.read(workspace)
    check.require(log, "r/plan.json", b"plan")
    with pytest.raises(ArtifactError, match=r"r/plan.json: was changed since line 2"):
        check.require(log, "r/plan.json", b"plen")
    with pytest.raises(ArtifactError, match=r"copy.json is not known to the logbook"):
        check.require(log, "r/copy.json", b"plan")


def test_files_that_no_line_names_are_listed_when_asked(workspace):
    put(workspace, "r/plan.json")
    (workspace / "runs/r/slipped in.json").write_bytes(b"")
    (workspace / "runs/r/a\\b").write_bytes(b"")
    (workspace / "runs/d.sqlite-journal").write_bytes(b"")
    book.append(workspace, LogEntry(LogEvent.DECISIONS, "d", AT, stores={"d.sqlite": StoreMark(0, hash_chain.START)}))
    (workspace / "runs/d.sqlite").write_bytes(b"")
    assert [one.path for one in check.check(workspace)] == ["d.sqlite"]
    assert [str(one) for one in check.check(workspace, unknown=True) if one.path != "d.sqlite"] == [
        "r/a\\b: has a name that no line can hold",
        "r/slipped in.json: is named by no line of the logbook",
    ]


def test_a_journal_of_a_batch_that_no_line_began_is_named(workspace):
    def journal(name, data=None):
        path = workspace / "runs/r" / name / "journal.sqlite"
        path.parent.mkdir(parents=True)
        path.write_bytes(data) if data else journal_with(path, 1)
        return f"r/{name}/journal.sqlite"

    damaged, strange = [[journal(f"{name}{n}", data) for n in range(3)] for name, data in (("x", b"?"), ("s", None))]
    begun = LogEntry(LogEvent.BEGUN, PLAN, AT, details={"journal": journal("begun"), "executor": ""})
    book.append(workspace, begun)
    found = check.check(workspace)
    assert kinds(found) == [(path, "unknown") for path in strange] + [(path, "unreadable") for path in damaged]
    assert "a batch that no line of the logbook began" in found[0].message


def test_a_file_replaced_is_known_as_it_is_now_and_a_crash_in_between_leaves_either(workspace, monkeypatch):
    entry = LogEntry(LogEvent.STATE, "state", AT, details={"weeks": "3"})
    book.replace_files(workspace, entry, {"state.json": b"one", "more.json": b"m"})
    book.replace_files(workspace, entry, {"state.json": b"two"})
    assert check.check(workspace) == ()
    state = workspace / "runs/state.json"
    state.write_bytes(b"one")
    assert kinds(check.check(workspace)) == [("state.json", "different")]
    state.write_bytes(b"two")

    class Crash(BaseException):
        pass

    real = files.write

    for dies_at in (0, 1):
        written: list[Path] = []

        def write(path, data, *, dies_at=dies_at, written=written):
            if len(written) == dies_at:
                raise Crash
            written.append(path)
            real(path, data)

        monkeypatch.setattr(files, "write", write)
        with pytest.raises(Crash):
            book.replace_files(workspace, entry, {"state.json": b"three", "new.json": b"n"})
        assert check.check(workspace) == ()
        monkeypatch.setattr(files, "write", real)
    book.replace_files(workspace, entry, {"state.json": b"four", "new.json": b"n"})
    assert check.check(workspace) == ()
    state.write_bytes(b"three")
    assert kinds(check.check(workspace)) == [("state.json", "different")]


def journal_with(path, rows):
    with JournalFile(path, PLAN) as journal:
        for number in range(rows):
            journal.note(Note("resumed", AT + timedelta(seconds=number)))
        journal.flush()
        return journal.head, len(journal.notes)


def test_a_growing_store_is_known_by_position_and_head(workspace):
    path = workspace / "runs/r/journal.sqlite"
    path.parent.mkdir()
    head, position = journal_with(path, 3)
    entry = LogEntry(LogEvent.JOURNAL, PLAN, AT, stores={"r/journal.sqlite": StoreMark(position, head)})
    book.append(workspace, entry)
    rolled_back = path.read_bytes()
    assert check.check(workspace) == check.glance(workspace, book.read(workspace)) == ()
    head, position = journal_with(path, 2)  # it may grow past what the logbook knows
    assert check.check(workspace) == ()
    grown = path.read_bytes()
    book.append(workspace, replace(entry, stores={"r/journal.sqlite": StoreMark(position, head)}))
    log = book.read(workspace)

    def seen():
        with pytest.raises(ArtifactError):
            check.require_store(log, workspace, "r/journal.sqlite")
        return [str(one.kind) for one in check.check(workspace)], [
            str(one.kind) for one in check.glance(workspace, log)
        ]

    check.require_store(log, workspace, "r/journal.sqlite")
    check.require_store(log, workspace, "r/new.sqlite")
    path.write_bytes(rolled_back)
    assert seen() == (["shorter"], ["shorter"])
    path.unlink()
    assert seen() == (["gone"], ["gone"])
    journal_with(path, 6)
    assert seen() == (["rewritten"], ["rewritten"])
    for statement, quick in (
        ("UPDATE rows SET reason = 'x' WHERE seq = 2", []),
        ("UPDATE rows SET reason = CAST(x'ff' AS TEXT) WHERE seq = 2", []),
        ("DELETE FROM rows WHERE seq = 2", []),
        ("CREATE TRIGGER t AFTER INSERT ON rows BEGIN DELETE FROM rows; END", ["unreadable"]),
        ("CREATE VIEW v AS SELECT 1", ["unreadable"]),
        ("DROP TABLE rows", ["unreadable"]),
    ):
        path.write_bytes(grown)
        with sqlite3.connect(path) as connection:
            connection.execute(statement)
        connection.close()
        assert seen() == (["unreadable"], quick), statement
    path.write_bytes(b"SQLite format 3\0" + bytes(900))
    assert seen() == (["unreadable"], ["unreadable"])


def test_what_was_pruned_may_be_gone(workspace):
    put(workspace, "r1/manifest.json")
    (workspace / "runs/r1/manifest.json").unlink()
    book.append(workspace, LogEntry(LogEvent.PRUNE, "r1", AT, removed=("r1",), details={"manifest": PLAN}))
    assert check.check(workspace) == ()


def test_a_full_disk_leaves_no_half_line(workspace, monkeypatch):
    head = put(workspace, "a")
    before = book.path_of(workspace).read_bytes()
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data[:7])))
    put(workspace, "short writes")
    assert len(book.read(workspace).entries) == 3
    book.path_of(workspace).write_bytes(before)
    calls = []

    def fills(handle, data):
        calls.append(data)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(handle, bytes(data[:7]))

    monkeypatch.setattr(os, "write", fills)
    with pytest.raises(ArtifactError, match="logbook cannot be written: No space left"):
        book.append(workspace, LogEntry(LogEvent.RUN, "r", AT))
    monkeypatch.setattr(os, "write", real)
    assert book.path_of(workspace).read_bytes() == before
    assert book.read(workspace).head == head


def test_neither_a_pipe_nor_a_link_is_a_logbook(workspace):
    path = book.path_of(workspace)
    path.rename(path.with_name("other"))
    path.symlink_to(path.with_name("other"))
    with pytest.raises(ArtifactError, match="cannot be read"):
        book.append(workspace, LogEntry(LogEvent.RUN, "r", AT))
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ArtifactError, match="cannot be read"):
        book.begin(workspace, AT)


def test_a_logbook_without_end_is_not_read(workspace, monkeypatch):
    monkeypatch.setattr(book, "LARGEST", 100)
    with pytest.raises(ArtifactError, match="more than 100"):
        book.read(workspace)


def test_a_line_too_long_is_not_written(workspace, monkeypatch):
    monkeypatch.setattr(book, "LONGEST_LINE", 300)
    with pytest.raises(ArtifactError, match="too long"):
        book.append(workspace, LogEntry(LogEvent.RUN, "r" * 300, AT))
    assert len(book.read(workspace).entries) == 1
    monkeypatch.undo()
    book.append(workspace, LogEntry(LogEvent.RUN, "r", AT))
    as_long = len(book.path_of(workspace).read_bytes().splitlines()[-1])
    monkeypatch.setattr(book, "LONGEST_LINE", as_long)
    book.append(workspace, LogEntry(LogEvent.RUN, "r", AT))


WRITES = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from access_review.store import logbook as book
from access_review.logbook.lines import LogEntry, LogEvent
for number in range(10):
    entry = LogEntry(LogEvent.OBSERVATION, f"{sys.argv[2]}-{number}", datetime(2026, 11, 2, tzinfo=UTC))
    book.append(Path(sys.argv[1]), entry)
"""


@pytest.mark.slow
def test_four_processes_lose_no_line(workspace):
    started = [subprocess.Popen([sys.executable, "-c", WRITES, workspace, str(one)]) for one in range(4)]
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    names = [entry.name for entry in book.read(workspace).entries[1:]]
    assert sorted(names) == sorted(f"{one}-{number}" for one in range(4) for number in range(10))


@pytest.mark.slow
def test_a_killed_writer_leaves_a_logbook_that_goes_on(workspace):
    code = WRITES.replace("range(10)", "range(10**9)")
    process = subprocess.Popen([sys.executable, "-c", code, workspace, "x"])
    while len(book.read(workspace).entries) < 20:
        assert process.poll() is None
    process.kill()
    process.wait()
    known = len([one for one in book.read(workspace).entries if one.event is LogEvent.OBSERVATION])
    put(workspace, "a")
    log = book.read(workspace)
    assert len([one for one in log.entries if one.event is LogEvent.OBSERVATION]) == known
    assert log.entries[-1].files == {"a": FileMark(16, book.mark_of_bytes(b"what was decided").digest)}
