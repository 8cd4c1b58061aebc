import hashlib
import json
import sqlite3
from datetime import timedelta

import pytest

from access_review.errors import ArtifactError
from access_review.revoke.journal import JournalFull, Note
from access_review.revoke.states import State, Transition
from access_review.store.hash_chain import row_digest
from access_review.store.journal import _COLUMNS, JournalFile, begun
from access_review.store.journal import START as BEGINNING
from tests.support.fake_system import START

PLAN = "sha256:" + "a" * 64


def written(path, *states):
    with JournalFile(path, PLAN) as journal:
        for state in states:
            journal.add(Transition("c-1", state, START, 1))
        journal.flush()


def test_what_was_flushed_is_there_again_and_the_rest_is_not(tmp_path):
    path = tmp_path / "j.sqlite"
    with JournalFile(path, PLAN) as journal:
        journal.add(Transition("c-1", State.INTENT, START, 1))
        journal.flush()
        journal.add(Transition("c-1", State.ABSENT, START, 1))
    with JournalFile(path, PLAN) as journal:
        assert journal.standing("c-1").state is State.INTENT
        assert journal.plan == PLAN
    assert path.stat().st_mode & 0o777 == 0o600


SECOND = timedelta(seconds=1)
ROWS = (
    Transition("c-1", State.INTENT, START, 1),
    Transition("c-1", State.CALLING, START + 2 * SECOND, 1, "dc1", "", START + SECOND, START + 2 * SECOND),
    Transition("c-1", State.UNKNOWN, START + 3 * SECOND, 1, "dc2", "no answer", None, START + 2 * SECOND),
)
NOTE = Note("stopped", START + 4 * SECOND, "five failed in a row")


def test_what_is_read_back_is_what_was_written(tmp_path):
    path = tmp_path / "new/folder/j.sqlite"
    with JournalFile(path, PLAN) as journal:
        for row in ROWS:
            journal.add(row)
        journal.note(NOTE)
        journal.flush()
        before = journal.changes, journal.notes, journal.standings, journal.head, journal.plan
    assert path.parent.stat().st_mode & 0o777 == 0o700
    with JournalFile(path, PLAN) as journal:
        assert (journal.changes, journal.notes[1:]) == (ROWS, (NOTE,))
        assert before == (journal.changes, journal.notes, journal.standings, journal.head, journal.plan)


def test_anyone_can_recompute_the_chain(tmp_path):
    path = tmp_path / "j.sqlite"
    with JournalFile(path, PLAN) as journal:
        journal.note(NOTE)
        for row in ROWS:
            journal.add(row)
        journal.flush()
        head = journal.head
    with sqlite3.connect(path) as outside:
        outside.row_factory = sqlite3.Row
        found = [dict(row) for row in outside.execute("SELECT * FROM rows ORDER BY seq")]
    outside.close()
    first = {"seq": 1, "at": NOTE.at.isoformat(), "change": "", "state": "access-review/journal@1", "attempt": 0}
    first |= {"server": "", "reason": PLAN, "checked_at": None, "called_at": None, "previous": "sha256:" + "0" * 64}
    assert {name: value for name, value in found[0].items() if name != "digest"} == first
    assert [one["previous"] for one in found] == [BEGINNING, *(one["digest"] for one in found[:-1])]
    for one in found:
        body = {name: value for name, value in one.items() if name != "digest"}
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
        assert one["digest"] == "sha256:" + hashlib.sha256(canonical).hexdigest()
    assert found[-1]["digest"] == head


def test_a_row_is_on_disk_when_flushed_and_the_file_system_has_been_asked_to_keep_it(tmp_path):
    with JournalFile(tmp_path / "j.sqlite", PLAN) as journal:
        assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("persist",)
        journal.add(ROWS[0])
        outside = sqlite3.connect(tmp_path / "j.sqlite")
        assert outside.execute("SELECT count(*) FROM rows").fetchone() == (0,)
        journal.flush()
        assert outside.execute("SELECT count(*) FROM rows").fetchone() == (2,)
        outside.close()


def test_what_is_no_journal_is_refused_by_name(tmp_path):
    path = tmp_path / "j.sqlite"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 20)
    with pytest.raises(ArtifactError, match=r"j\.sqlite cannot be used: file is not a database"):
        JournalFile(path, PLAN)


def test_a_journal_has_begun_when_something_stands_in_it(tmp_path):
    path = tmp_path / "j.sqlite"
    assert not begun(path)
    assert not path.exists()
    with JournalFile(path, PLAN) as journal:
        assert not begun(path)
        journal.add(ROWS[0])
        journal.flush()
        assert begun(path)
    path.write_bytes(b"not a database, but long enough to be taken for one" * 20)
    with pytest.raises(ArtifactError, match=r"j\.sqlite cannot be used: file is not a database"):
        begun(path)


def test_a_journal_of_a_later_version_is_refused(tmp_path):
    path = tmp_path / "j.sqlite"
    with JournalFile(path, PLAN) as journal:
        journal._insert({**dict.fromkeys(_COLUMNS, ""), "attempt": 0, "state": "access-review/journal@2"} | {"seq": 1})
        journal.flush()
    with pytest.raises(ArtifactError, match=r"has format 'access-review/journal@2', not 'access-review/journal@1'"):
        JournalFile(path, PLAN)


def test_a_step_that_cannot_be_is_refused(tmp_path):
    with JournalFile(tmp_path / "j.sqlite", PLAN) as journal, pytest.raises(ArtifactError, match="cannot be"):
        journal.add(Transition("c-1", State.CALLING, START, 1))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE rows SET state = 'skipped' WHERE seq = 3",
        "UPDATE rows SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 2",
        "DELETE FROM rows WHERE seq = 2",
        "UPDATE rows SET reason = 'x' WHERE seq = 1",
    ],
)
def test_a_row_changed_or_left_out_is_seen(tmp_path, sql):
    path = tmp_path / "j.sqlite"
    written(path, State.INTENT, State.ABSENT)
    with sqlite3.connect(path) as outside:
        outside.execute(sql)
    outside.close()
    with pytest.raises(ArtifactError, match="not as it was written"):
        JournalFile(path, PLAN)


def test_the_journal_of_another_plan_is_refused(tmp_path):
    path = tmp_path / "j.sqlite"
    written(path, State.INTENT)
    with pytest.raises(ArtifactError, match="another plan"):
        JournalFile(path, "sha256:" + "b" * 64)


def test_a_disk_that_is_full_is_said_before_anything_is_called(tmp_path):
    with JournalFile(tmp_path / "j.sqlite", PLAN) as journal:
        journal._connection.execute("PRAGMA max_page_count=2")
        with pytest.raises(JournalFull, match="nothing is called"):  # noqa: PT012 - the row that fills it is not known
            for number in range(200):
                journal.add(Transition(f"c-{number}", State.INTENT, START, 1, reason="x" * 100))
                journal.flush()
        with pytest.raises(JournalFull):
            journal.add(Transition("c-later", State.INTENT, START, 1))


def test_a_row_forged_with_a_digest_of_its_own_breaks_the_chain(tmp_path):
    path = tmp_path / "j.sqlite"
    written(path, State.INTENT, State.ABSENT)
    with sqlite3.connect(path) as outside:
        columns = ", ".join(_COLUMNS)
        row = dict(zip(_COLUMNS, outside.execute(f"SELECT {columns} FROM rows WHERE seq = 2").fetchone(), strict=True))
        forged = row_digest(row | {"reason": "forged"})
        outside.execute("UPDATE rows SET reason = 'forged', digest = ? WHERE seq = 2", (forged,))
    outside.close()
    with pytest.raises(ArtifactError, match="row 3 is not as it was written"):
        JournalFile(path, PLAN)


def test_a_trigger_that_would_swallow_rows_is_refused(tmp_path):
    path = tmp_path / "j.sqlite"
    written(path, State.INTENT)
    with sqlite3.connect(path) as attacker:
        attacker.execute("CREATE TRIGGER silent BEFORE INSERT ON rows BEGIN SELECT RAISE(IGNORE); END")
    attacker.close()
    with pytest.raises(ArtifactError, match="holds more than a journal"):
        JournalFile(path, PLAN)


def test_a_row_that_was_chained_again_and_is_none_is_an_error(tmp_path):
    for column, value in (("state", "gone"), ("at", "2026-02-02T08:00:00"), ("attempt", 2**60), ("checked_at", "soon")):
        path = tmp_path / f"{column}.sqlite"
        written(path, State.INTENT)
        with sqlite3.connect(path) as attacker:
            attacker.execute(f"UPDATE rows SET {column} = ? WHERE seq = 2", (value,))
            row = dict(
                zip(
                    _COLUMNS,
                    attacker.execute(f"SELECT {', '.join(_COLUMNS)} FROM rows WHERE seq = 2").fetchone(),
                    strict=True,
                )
            )
            if column != "attempt":
                attacker.execute("UPDATE rows SET digest = ? WHERE seq = 2", (row_digest(row),))
        attacker.close()
        with pytest.raises(ArtifactError, match=r"is none|not as it was"):
            JournalFile(path, PLAN)
