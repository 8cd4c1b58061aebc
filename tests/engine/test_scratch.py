"""What a killed process left on disk is taken away by the next; what a living one uses is not."""

import signal
import subprocess
import sys

from access_review.engine import scratch

HOLDS = """
import sys, time
from pathlib import Path
from access_review.engine import scratch as spill
print(spill.make(Path(sys.argv[1])), flush=True)
time.sleep(600)
"""


def test_a_folder_outlives_neither_its_process_nor_its_use(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True) as other:
        theirs = tmp_path / other.stdout.readline().strip()
        mine = scratch.make(tmp_path)
        assert theirs.is_dir()
        assert mine.stat().st_mode & 0o777 == 0o700
        (theirs / "spilled").write_bytes(b"rows")
        other.send_signal(signal.SIGKILL)
        other.wait()
    scratch.sweep(tmp_path)
    assert not theirs.exists()
    assert mine.is_dir()
    scratch.remove(mine)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_known_to_be_ours_stays(tmp_path):
    (tmp_path / "access-review-1-strange").mkdir()
    (tmp_path / "access-review-2-link").symlink_to(tmp_path / "access-review-1-strange")
    scratch.sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
