import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access_review.artifacts import DECISIONS, canonical
from access_review.audit import decisions as records
from access_review.audit.decisions import Decision, Decisions, ReviewerAnswer
from access_review.errors import ArtifactError, PlanRefused
from access_review.logbook.lines import LogEntry, LogEvent, StoreMark
from access_review.store import decisions, hash_chain
from access_review.store import logbook as book
from access_review.store import logbook_check as check
from access_review.store.decisions import (
    AskedDecisions,
    Assurance,
    NewDecision,
    RunDecisions,
    claimed,
    path_of,
    position,
    read_decisions,
    unread,
    write_all,
    write_decisions,
)
from access_review.store.rights import Right, holder

NOW, DAY = datetime(2026, 11, 4, 9, 30, tzinfo=UTC), date(2026, 11, 4)
RUN, OTHER = "20261102T060000Z-0011aabb", "20261109T060000Z-0011aabb"
LEA = "hr:person:1042"


def decision(item="i-1", answer=ReviewerAnswer.KEEP, day=DAY, **more):
    return Decision(item, "hr:person:7", "ad:user:7", "ad:group:é", None, answer, "Léa Lindqvist", day, **more)


def by_lea(*new):
    return [NewDecision(one, LEA, Assurance.AUTHENTICATED) for one in new]


def write(workspace, *new, run=RUN, now=NOW):
    return write_decisions(workspace, run, lambda _: by_lea(*new), now=now)


def test_what_was_written_is_read_back_with_who_when_and_how(tmp_path):
    first = decision(seconds=12, comment="still hers")
    second = decision(answer=ReviewerAnswer.REVOKE, day=DAY + timedelta(days=1))
    write(tmp_path, first)
    write(tmp_path, decision("i-2"), run=OTHER)
    mark = write(tmp_path, second, now=NOW + timedelta(days=1))
    found = read_decisions(tmp_path, RUN)
    assert [(row.seq, row.replaces) for row in found.history] == [(1, None), (3, 1)]
    assert found.decisions == Decisions(RUN, (first, second))
    row = found.history[1]
    assert (row.person, row.assurance, row.recorded_at) == (LEA, Assurance.AUTHENTICATED, NOW + timedelta(days=1))
    assert found.standing == {"i-1": row}
    assert position(tmp_path) == mark == StoreMark(3, mark.head)
    assert path_of(tmp_path).stat().st_mode & 0o777 == 0o600


def test_no_store_is_no_decisions(tmp_path):
    assert read_decisions(tmp_path, RUN) == RunDecisions(RUN)
    assert position(tmp_path) == StoreMark(0, hash_chain.START)
    assert read_decisions(tmp_path, RUN, upto=StoreMark(0, hash_chain.START)) == RunDecisions(RUN)
    assert not path_of(tmp_path).exists()


answers = st.builds(
    decision,
    st.sampled_from(["i-1", "i-2", "i-3"]),
    st.sampled_from(ReviewerAnswer),
    st.dates(DAY, DAY + timedelta(days=3)),
    comment=st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    seconds=st.none() | st.floats(0, 1e6) | st.integers(0, 999),
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sheets=st.lists(st.lists(answers, max_size=5), max_size=4))
def test_the_export_is_what_decisions_json_was(tmp_path_factory, sheets):
    workspace = tmp_path_factory.mktemp("w")
    before = Decisions(RUN)
    for sheet in sheets:
        before = records.record(before, sheet)

        def new(current, sheet=sheet):
            return claimed(unread(current, sheet), lambda _: LEA)

        write_decisions(workspace, RUN, new, now=NOW)
    found = read_decisions(workspace, RUN)
    assert DECISIONS.dump(found.decisions) == DECISIONS.dump(before) == canonical(DECISIONS.plain(before))
    standing = {item: row.decision for item, row in found.standing.items()}
    current = {item: one for item, one in standing.items() if one.decision is not ReviewerAnswer.WITHDRAWN}
    assert current == before.current
    # An answer of an earlier day takes the place of none; each other names the one it replaces.
    for number, row in enumerate(found.history):
        earlier = RunDecisions(RUN, found.history[:number]).standing.get(row.decision.item)
        takes_place = earlier is not None and earlier.decision.at <= row.decision.at
        assert row.replaces == (earlier.seq if takes_place else None)


def test_people_of_a_sheet_are_claimed_and_may_be_unknown(tmp_path):
    write_decisions(tmp_path, RUN, lambda _: claimed([decision()], lambda _: None), now=NOW)
    (row,) = read_decisions(tmp_path, RUN).history
    assert (row.person, row.assurance, row.decision.by) == ("", Assurance.CLAIMED, "Léa Lindqvist")


def test_whoever_writes_sees_what_stands_and_may_refuse(tmp_path):
    write(tmp_path, decision())

    def refuses(current):
        assert current.standing["i-1"].seq == 1
        assert holder(tmp_path, Right.STORE)
        raise PlanRefused("somebody answered meanwhile")

    with pytest.raises(PlanRefused, match="meanwhile"):
        write_decisions(tmp_path, RUN, refuses, now=NOW)
    assert position(tmp_path).position == 1
    write(tmp_path, decision("i-2"))
    assert len(read_decisions(tmp_path, RUN).history) == 2


def test_of_several_who_wait_each_sees_those_before_and_stops_none(tmp_path):
    seen: list[str] = []

    def fourth(current):
        seen.extend(row.decision.item for row in current.history)
        raise PlanRefused("somebody answered meanwhile")

    asked = [
        AskedDecisions(lambda _: by_lea(decision()), NOW),
        AskedDecisions(lambda _: by_lea(decision("i-2", comment="\ud800")), NOW),
        AskedDecisions(lambda _: by_lea(decision(answer=ReviewerAnswer.REVOKE)), NOW),
        AskedDecisions(fourth, NOW),
    ]
    assert write_all(tmp_path, RUN, asked).position == 2
    assert seen == ["i-1", "i-1"]
    assert [(row.seq, row.replaces) for row in read_decisions(tmp_path, RUN).history] == [(1, None), (2, 1)]
    assert [type(one.failed) for one in asked] == [type(None), ArtifactError, type(None), PlanRefused]


def test_what_another_program_wrote_is_seen_though_all_was_known(tmp_path):
    write(tmp_path, decision())
    first = path_of(tmp_path).read_bytes()
    write(tmp_path, decision("i-2"))
    second = path_of(tmp_path).read_bytes()
    for there, rows in ((first, 1), (second, 2), (first, 1)):
        path_of(tmp_path).write_bytes(there)
        assert len(read_decisions(tmp_path, RUN).history) == rows
    write(tmp_path, decision("i-3"))
    assert [row.decision.item for row in read_decisions(tmp_path, RUN).history] == ["i-1", "i-3"]
    hidden = first.replace(b"Lindqvist", b"Lundqvist")  # in the same tick, or put back as old as it was
    about = path_of(tmp_path).stat()
    path_of(tmp_path).write_bytes(hidden)
    os.utime(path_of(tmp_path), ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(ArtifactError, match="row 1 is not as it was written"):
        read_decisions(tmp_path, RUN)


def test_what_was_known_at_a_position_is_known_for_ever(tmp_path):
    write(tmp_path, decision())
    mark = write(tmp_path, decision("i-2"))
    was = read_decisions(tmp_path, RUN)
    write(tmp_path, decision("i-1", ReviewerAnswer.WITHDRAWN), decision("i-3"))
    assert read_decisions(tmp_path, RUN, upto=mark) == was
    for wrong in (StoreMark(9, mark.head), StoreMark(1, mark.head), StoreMark(0, mark.head)):
        with pytest.raises(ArtifactError, match=f"does not hold its first {wrong.position} rows"):
            read_decisions(tmp_path, RUN, upto=wrong)


WRITES = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from access_review.audit.decisions import Decision, ReviewerAnswer
from access_review.store.decisions import Assurance, NewDecision, write_decisions
NOW = datetime(2026, 11, 4, tzinfo=UTC)
for number in range(int(sys.argv[3])):
    one = Decision(f"{sys.argv[2]}-{number}", "u", "a", None, None, ReviewerAnswer.KEEP, "x", NOW.date())
    write_decisions(Path(sys.argv[1]), "r", lambda _: [NewDecision(one, "p", Assurance.CLAIMED)], now=NOW)
    print(number, flush=True)
"""


def started(workspace, name, count):
    arguments = [sys.executable, "-c", WRITES, str(workspace), str(name), str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_four_processes_writing_ten_answers_each_lose_none(tmp_path):
    processes = [started(tmp_path, name, 10) for name in range(4)]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    found = {row.decision.item for row in read_decisions(tmp_path, "r").history}
    assert found == {f"{name}-{number}" for name in range(4) for number in range(10)}
    assert position(tmp_path).position == 40


@pytest.mark.slow
def test_a_killed_writer_loses_nothing_that_was_said_to_be_written(tmp_path):
    process = started(tmp_path, "x", 10**6)
    for _ in range(12):
        said = int(process.stdout.readline())
    process.kill()
    process.communicate()
    write(tmp_path, decision())
    assert len(read_decisions(tmp_path, "r").history) > said
    assert len(read_decisions(tmp_path, RUN).history) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rows SET decision = 'revoke' WHERE seq = 2",
        "UPDATE rows SET person = 'hr:person:9' WHERE seq = 2",
        "UPDATE rows SET seconds = 1e999 WHERE seq = 2",
        "UPDATE rows SET replaces = 9223372036854775807 WHERE seq = 2",
        "UPDATE rows SET comment = CAST(x'ff' AS TEXT) WHERE seq = 2",
        "DELETE FROM rows WHERE seq = 2",
        "UPDATE rows SET seq = seq + 10",
        "CREATE TRIGGER t AFTER INSERT ON rows BEGIN DELETE FROM rows; END",
        "CREATE INDEX i ON rows (run)",
        "ALTER TABLE rows ADD COLUMN more TEXT",
        "PRAGMA user_version=2",
        "DROP TABLE rows",
    ],
)
def test_no_row_is_changed_moved_or_left_out_unseen(tmp_path, statement):
    write(tmp_path, decision(), decision("i-2"), decision("i-3"))
    with sqlite3.connect(path_of(tmp_path)) as connection:
        connection.execute(statement)
    connection.close()
    for reads in (lambda: read_decisions(tmp_path, RUN), lambda: position(tmp_path)):
        with pytest.raises(ArtifactError):
            reads()


def test_nothing_is_added_to_a_damaged_end_or_another_store(tmp_path):
    write(tmp_path, decision())
    good = path_of(tmp_path).read_bytes()
    for statement in ("UPDATE rows SET comment = 'x'", "UPDATE rows SET seconds = 1e999", "PRAGMA user_version=2"):
        path_of(tmp_path).write_bytes(good)
        with sqlite3.connect(path_of(tmp_path)) as connection:
            connection.execute(statement)
        connection.close()
        with pytest.raises(ArtifactError):
            write(tmp_path, decision("i-2"))
    path_of(tmp_path).write_bytes(b"no store of anything, but long enough to be one" * 30)
    for does in (lambda: write(tmp_path, decision("i-2")), lambda: position(tmp_path)):
        with pytest.raises(ArtifactError, match="cannot be used"):
            does()
    path_of(tmp_path).unlink()
    os.mkfifo(path_of(tmp_path))
    for does in (lambda: write(tmp_path, decision("i-2")), lambda: position(tmp_path)):
        with pytest.raises(ArtifactError):
            does()


def test_a_row_that_is_rightly_chained_and_no_decision_is_an_error_of_ours(tmp_path):
    write(tmp_path, decision())
    with sqlite3.connect(path_of(tmp_path)) as connection:
        names = list(decisions._COLUMNS)
        row = dict(zip(names, connection.execute("SELECT * FROM rows").fetchone(), strict=True))
        for changed in ({"decision": "perhaps"}, {"decided_on": "x"}, {"recorded_at": "x"}, {"assurance": "sworn"}):
            body = {name: value for name, value in {**row, **changed}.items() if name != "digest"}
            connection.execute("DELETE FROM rows")
            connection.execute(decisions._INSERT, [*body.values(), hash_chain.row_digest(body)])
            connection.commit()
            with pytest.raises(ArtifactError, match="a row is no decision"):
                read_decisions(tmp_path, RUN)
            with pytest.raises(ArtifactError, match="a row is no decision"):
                write(tmp_path, decision("i-2"))
    connection.close()


def test_what_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    write(tmp_path, decision())
    for bad in (decision("i-2", comment="\ud800"), decision("i-2", seconds=float("inf"))):
        with pytest.raises(ArtifactError, match="cannot be written"):
            write(tmp_path, decision("i-0"), bad)
    assert position(tmp_path).position == 1
    monkeypatch.setattr(decisions, "_INSERT", "INSERT INTO nothing")
    with pytest.raises(ArtifactError, match="cannot be written"):
        write(tmp_path, decision("i-2"))
    assert position(tmp_path).position == 1


def test_a_crash_while_the_store_is_made_leaves_one_that_can_be(tmp_path):
    (tmp_path / "runs").mkdir()
    path_of(tmp_path).touch()
    assert read_decisions(tmp_path, RUN).history == ()
    write(tmp_path, decision())
    assert position(tmp_path).position == 1


def test_the_logbook_knows_the_store_by_position_and_head(tmp_path):
    book.begin(tmp_path, NOW)
    mark = write(tmp_path, decision())
    rolled_back = path_of(tmp_path).read_bytes()
    mark = write(tmp_path, decision("i-2"))
    entry = LogEntry(LogEvent.DECISIONS, "decisions", NOW, stores={decisions.STORE: mark})
    book.append(tmp_path, entry)
    assert check.check(tmp_path) == ()
    write(tmp_path, decision("i-3"))
    assert check.check(tmp_path) == ()
    path_of(tmp_path).write_bytes(rolled_back)
    assert [str(one.kind) for one in check.check(tmp_path)] == ["shorter"]
    write(tmp_path, replace(decision("i-2"), comment="another"))
    assert [str(one.kind) for one in check.check(tmp_path)] == ["rewritten"]
