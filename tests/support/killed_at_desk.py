"""Runs the command, and kills it without a word when a desk has opened a ticket and nothing has been noted of it."""

import os
import signal
import sys
from typing import Any

from access_review.cli import run
from access_review.stages.ticket_desks import _Jira
from tests.support.clocks import clock_at

_open = _Jira.open


def _killed(desk: Any, asked: Any) -> Any:
    _open(desk, asked)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    name = "open"
    setattr(_Jira, name, _killed)
    run(clock_at(None), sys.argv[1:])
