"""Starts the command in a process of its own with another clock: ``python -m tests.support.launcher TIME WORDS``.

``FILE_SIZE`` in the environment limits how large a file it may write.
"""

import os
import sys

from access_review.cli import run
from tests.support.clocks import clock_at

if __name__ == "__main__":
    if size := os.environ.get("FILE_SIZE"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    run(clock_at(sys.argv[1]), sys.argv[2:])
