"""A process without threads that has imported everything, and forks one for each run it reads."""

import gc
import os
import pickle
import sys
import traceback

import access_review.connectors.ad.connector  # noqa: F401
from access_review.connectors.entra import authentication, live  # noqa: F401
from tests.simulation import crash


def serve() -> None:
    """Read runs until there are no more, and say of each how its process ended."""
    gc.freeze()
    while True:
        try:
            run = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the test that started this
        except EOFError:
            return
        child = os.fork()
        if child == 0:
            _live(run)
        sys.stdout.write(f"{os.waitpid(child, 0)[1]}\n")
        sys.stdout.flush()


def _live(run: crash.Run) -> None:
    try:
        crash.main(run)
    except BaseException:  # noqa: BLE001 - whatever it is, the test is to see it
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    serve()
