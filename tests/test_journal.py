import sqlite3

import pytest

from access_review.errors import ArtifactError, PlanRefused
from access_review.revocation.journal import _COLUMNS, Journal, JournalFull, _digest, single_writer
from access_review.revocation.protocol import Row, State
from tests.fake import START

PLAN = "sha256:" + "a" * 64


def written(path, *states):
    with Journal(path, PLAN) as journal:
        for state in states:
            journal.add(Row("c-1", state, START, 1))
        journal.flush()


def test_what_was_flushed_is_there_again_and_the_rest_is_not(tmp_path):
    path = tmp_path / "j.sqlite"
    with Journal(path, PLAN) as journal:
        journal.add(Row("c-1", State.INTENT, START, 1))
        journal.flush()
        journal.add(Row("c-1", State.ABSENT, START, 1))
    with Journal(path, PLAN) as journal:
        assert journal.standing("c-1").state is State.INTENT
        assert journal.plan == PLAN
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_step_that_cannot_be_is_refused(tmp_path):
    with Journal(tmp_path / "j.sqlite", PLAN) as journal, pytest.raises(ArtifactError, match="cannot be"):
        journal.add(Row("c-1", State.CALLING, START, 1))


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
        Journal(path, PLAN)


def test_the_journal_of_another_plan_is_refused(tmp_path):
    path = tmp_path / "j.sqlite"
    written(path, State.INTENT)
    with pytest.raises(ArtifactError, match="another plan"):
        Journal(path, "sha256:" + "b" * 64)


def test_a_disk_that_is_full_is_said_before_anything_is_called(tmp_path):
    with Journal(tmp_path / "j.sqlite", PLAN) as journal:
        journal._connection.execute("PRAGMA max_page_count=2")
        with pytest.raises(JournalFull, match="nothing is called"):  # noqa: PT012 - the row that fills it is not known
            for number in range(200):
                journal.add(Row(f"c-{number}", State.INTENT, START, 1, reason="x" * 100))
                journal.flush()
        with pytest.raises(JournalFull):
            journal.add(Row("c-later", State.INTENT, START, 1))


def test_only_one_process_may_write(tmp_path):
    path = tmp_path / "lock"
    with single_writer(path), pytest.raises(PlanRefused, match="another batch"), single_writer(path):
        pass
    with single_writer(path):
        pass


def test_a_row_forged_with_a_digest_of_its_own_breaks_the_chain(tmp_path):
    path = tmp_path / "j.sqlite"
    written(path, State.INTENT, State.ABSENT)
    with sqlite3.connect(path) as outside:
        columns = ", ".join(_COLUMNS)
        row = dict(zip(_COLUMNS, outside.execute(f"SELECT {columns} FROM rows WHERE seq = 2").fetchone(), strict=True))
        forged = _digest(row | {"reason": "forged"})
        outside.execute("UPDATE rows SET reason = 'forged', digest = ? WHERE seq = 2", (forged,))
    outside.close()
    with pytest.raises(ArtifactError, match="row 3 is not as it was written"):
        Journal(path, PLAN)
