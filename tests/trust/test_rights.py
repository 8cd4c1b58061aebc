import os
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest

from access_review.errors import ArtifactError, PlanRefused
from access_review.store import rights
from access_review.store.rights import Right, RightHeld, hold, hold_instance, holder, is_held_here

NOW = datetime(2026, 11, 2, 6, 0, 1, tzinfo=UTC)
SAID = {
    Right.BATCH: "another batch is being carried out in this workspace",
    Right.CAMPAIGN: "another run or audit is being made in this workspace",
    Right.STORE: "another program is writing the workspace's records",
    Right.SERVE: "another web server of this workspace is running",
}

HOLDS = """
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from access_review.store.rights import Right, hold
with ExitStack() as held:
    for right in Right:
        now = datetime(2026, 11, 2, 6, 0, 1, tzinfo=UTC)
        held.enter_context(hold(Path(sys.argv[1]), right, now=now, command="apply 1"))
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(workspace):
    """Let another process hold every right, and die when the block ends, if not before."""
    held = [sys.executable, "-c", HOLDS, str(workspace)]
    with subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture
def elsewhere(tmp_path):
    """Another thread, whose rights are as little this one's as another process's; what is returned lets go of one."""
    with ExitStack() as letting_go:

        def takes(right):
            has, may_end = threading.Event(), threading.Event()

            def holds():
                with hold(tmp_path, Right(right), now=NOW, command="apply 1"):
                    has.set()
                    may_end.wait(60)

            thread = threading.Thread(target=holds)
            thread.start()
            assert has.wait(60)

            def lets_go(_=0.0):
                may_end.set()
                thread.join()

            letting_go.callback(lets_go)
            return lets_go

        yield takes


@pytest.mark.parametrize("right", Right)
def test_a_right_held_elsewhere_is_refused_and_names_its_holder(tmp_path, elsewhere, right):
    elsewhere(right)
    with pytest.raises(RightHeld) as refused, hold(tmp_path, right, now=NOW, wait=0.05):
        pass
    held = f"(process {os.getpid()}, since 2026-11-02 06:00:01 UTC)"
    assert refused.value.message == f"{SAID[right]}: apply 1 {held}"
    assert refused.value.exit_code == PlanRefused.exit_code
    assert refused.value.hint
    for other in set(Right) - {right}:
        with hold(tmp_path, other, now=NOW):
            pass


def test_a_right_ends_with_its_process_however_that_ends(tmp_path):
    with another_process(tmp_path) as process:
        for right in Right:
            with (
                pytest.raises(RightHeld, match=f"process {process.pid}, since"),
                hold(tmp_path, right, now=NOW, wait=0),
            ):
                pass
    for right in Right:
        assert holder(tmp_path, right).pid == process.pid  # the note informs and decides nothing
        with hold(tmp_path, right, now=NOW, command="plan"):
            assert holder(tmp_path, right) == rights.Holder(os.getpid(), "plan", NOW)
        assert holder(tmp_path, right) is None


def test_a_long_running_program_is_one_and_holds_no_right(tmp_path):
    refused = []

    def other():
        with pytest.raises(RightHeld) as error, hold_instance(tmp_path, "watch", now=NOW, command="watch"):
            pass
        refused.append(error.value.message)

    with hold_instance(tmp_path, "watch", now=NOW, command="watch"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert [is_held_here(tmp_path, right) for right in Right] == [False] * len(Right)
        with hold(tmp_path, Right.STORE, now=NOW):
            assert [right for right in Right if is_held_here(tmp_path, right)] == [Right.STORE]
    held = f"(process {os.getpid()}, since 2026-11-02 06:00:01 UTC)"
    assert refused == [f"watch runs in this workspace already: watch {held}"]


def test_who_only_decides_is_not_stopped_by_a_note_that_cannot_be_written(tmp_path, monkeypatch):
    real = os.open

    def full(path, flags, *mode):
        if flags & os.O_EXCL:
            raise OSError(28, "No space left on device")
        return real(path, flags, *mode)

    monkeypatch.setattr(os, "open", full)
    with hold(tmp_path, Right.BATCH, now=NOW):
        assert is_held_here(tmp_path, Right.BATCH)
        assert holder(tmp_path, Right.BATCH) is None


def test_only_the_store_is_waited_for_and_for_ten_seconds(tmp_path, elsewhere):
    lets_go = elsewhere("store")
    slept: list[float] = []
    elsewhere("batch")
    with pytest.raises(RightHeld), hold(tmp_path, Right.STORE, now=NOW, pause=slept.append):
        pass
    assert 9.99 <= sum(slept) <= 10.02
    slept.clear()
    with pytest.raises(RightHeld), hold(tmp_path, Right.BATCH, now=NOW, pause=slept.append):
        pass
    assert slept == []

    with hold(tmp_path, Right.STORE, now=NOW, pause=lets_go):
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
        assert holder(tmp_path, Right.STORE) == rights.Holder(os.getpid(), "another program", NOW)
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "runs/.rights").iterdir()}
    assert modes == {"store.lock": 0o600, "store.holder": 0o600}
    assert (tmp_path / "runs").stat().st_mode & 0o777 == 0o700
