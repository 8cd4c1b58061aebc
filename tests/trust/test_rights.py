import os
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from access_review.errors import ArtifactError, PlanRefused
from access_review.store import rights
from access_review.store.rights import Right, RightHeld, hold, holder

NOW = datetime(2026, 11, 2, 6, 0, 1, tzinfo=UTC)

HOLDS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from access_review.store.rights import Right, hold
with hold(Path(sys.argv[1]), Right(sys.argv[2]), now=datetime(2026, 11, 2, 6, 0, 1, tzinfo=UTC), command="apply 1"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def elsewhere(tmp_path):
    """Another process that takes a right, and lets go (or dies) when told."""
    started = []

    def takes(right):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDS, str(tmp_path), right],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield takes
    for process in started:
        with process:
            process.kill()


@pytest.mark.parametrize("right", Right)
def test_a_right_held_elsewhere_is_refused_and_names_its_holder(tmp_path, elsewhere, right):
    process = elsewhere(right)
    with pytest.raises(RightHeld) as refused, hold(tmp_path, right, now=NOW, wait=0.05):
        pass
    assert f"apply 1 (process {process.pid}, since 2026-11-02 06:00:01 UTC)" in refused.value.message
    assert refused.value.exit_code == PlanRefused.exit_code
    assert refused.value.hint
    for other in set(Right) - {right}:
        with hold(tmp_path, other, now=NOW):
            pass


@pytest.mark.parametrize("right", Right)
def test_a_right_ends_with_its_process_however_that_ends(tmp_path, elsewhere, right):
    process = elsewhere(right)
    process.kill()
    process.wait()
    assert holder(tmp_path, right).pid == process.pid  # the note informs and decides nothing
    with hold(tmp_path, right, now=NOW, command="plan"):
        assert holder(tmp_path, right) == rights.Holder(os.getpid(), "plan", NOW)
    assert holder(tmp_path, right) is None


def test_only_the_store_is_waited_for_and_for_ten_seconds(tmp_path, elsewhere):
    process = elsewhere("store")
    slept: list[float] = []
    elsewhere("batch")
    with pytest.raises(RightHeld), hold(tmp_path, Right.STORE, now=NOW, pause=slept.append):
        pass
    assert 9.99 <= sum(slept) <= 10.02
    slept.clear()
    with pytest.raises(RightHeld), hold(tmp_path, Right.BATCH, now=NOW, pause=slept.append):
        pass
    assert slept == []

    def ends(_):
        process.kill()
        process.wait()

    with hold(tmp_path, Right.STORE, now=NOW, pause=ends):
        pass


def test_a_thread_takes_its_own_right_again_and_another_thread_does_not(tmp_path):
    refused = []

    def other():
        try:
            with hold(tmp_path, Right.BATCH, now=NOW):
                pass
        except RightHeld as error:
            refused.append(error)

    with hold(tmp_path, Right.BATCH, now=NOW), hold(tmp_path, Right.BATCH, now=NOW):
        pass
    with hold(tmp_path, Right.BATCH, now=NOW):
        with hold(tmp_path, Right.BATCH, now=NOW):
            pass
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert len(refused) == 1
        assert holder(tmp_path, Right.BATCH)
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert len(refused) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_have_its_parents_right(tmp_path):
    with hold(tmp_path, Right.BATCH, now=NOW):
        child = os.fork()
        if child == 0:
            try:
                with hold(tmp_path, Right.BATCH, now=NOW):
                    os._exit(1)
            except RightHeld:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


NO_NOTES = (
    b"",
    b"\xff",
    b"[]",
    b"{}",
    b'{"pid": "x", "command": "", "since": "2026-01-01T00:00:00Z"}',
    b"[" * 9999,
    b"9" * 9999,
)


def test_a_note_that_cannot_be_read_is_no_holder(tmp_path, elsewhere):
    elsewhere("batch")
    for note in NO_NOTES:
        (tmp_path / "runs/.rights/batch.holder").write_bytes(note)
        with (
            pytest.raises(RightHeld, match=r"another batch is being carried out in this workspace$"),
            hold(tmp_path, Right.BATCH, now=NOW),
        ):
            pass


def test_what_a_note_says_reaches_no_terminal_as_control(tmp_path, elsewhere):
    elsewhere("batch")
    text = '{"pid": 1, "command": "a\\u001b[2J\\n\\u202eb", "since": "2026-01-01T00:00:00+00:00"}'
    (tmp_path / "runs/.rights/batch.holder").write_text(text)
    with pytest.raises(RightHeld, match=r"a \[2J  b \(process 1"), hold(tmp_path, Right.BATCH, now=NOW):
        pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
def test_neither_a_pipe_nor_a_link_takes_the_place_of_a_lock(tmp_path, elsewhere):
    folder = tmp_path / "runs/.rights"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "batch.lock")
    (folder / "store.lock").symlink_to(tmp_path / "elsewhere")
    for right in (Right.BATCH, Right.STORE):
        with pytest.raises(ArtifactError, match="cannot be locked"), hold(tmp_path, right, now=NOW):
            pass
    assert not (tmp_path / "elsewhere").exists()
    elsewhere("campaign")
    (folder / "campaign.holder").unlink()
    os.mkfifo(folder / "campaign.holder")
    with pytest.raises(RightHeld), hold(tmp_path, Right.CAMPAIGN, now=NOW):
        pass


def test_all_of_it_is_its_owners_alone(tmp_path):
    with hold(tmp_path, Right.STORE, now=NOW):
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "runs/.rights").iterdir()}
    assert modes == {"store.lock": 0o600, "store.holder": 0o600}
    assert (tmp_path / "runs").stat().st_mode & 0o777 == 0o700
