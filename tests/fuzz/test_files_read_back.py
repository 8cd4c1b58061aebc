"""Whatever stands in a file of a run or of a workspace: an error of ours or a value, soon, and without much memory.

A few seeded damages of each kind of file in every run; ``make fuzz`` goes on for minutes.
"""

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType

import pytest

from access_review.errors import AccessReviewError
from tests.fuzz import damage
from tests.fuzz.damage import Chance
from tests.fuzz.keep_on import LONGEST, SECONDS
from tests.fuzz.readers import ReadBack, laid_out, read_back

DAMAGES = 10
SHARE = 0.4
MORE_MEMORY = 300 * 2**10
"""By how many KiB the process may grow while it reads one file of some kilobytes."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing ends here what hangs")


class TooSlow(BaseException):
    """Reading did not end in time: nothing may catch it."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, ReadBack]:
    return read_back(laid_out(tmp_path_factory.mktemp("fuzz") / "company"))


def test_no_damage_of_a_file_is_more_than_an_error_that_says_so(files: Mapping[str, ReadBack]) -> None:
    for file in files.values():
        file.read()
    wrong: dict[str, str] = {}
    until, number = time.monotonic() + SECONDS * SHARE, 0
    while number < DAMAGES or time.monotonic() < until:
        for name, file in files.items():
            if found := _tried(file, random.Random(f"{name} {number}")):  # noqa: S311 - damages, not secrets
                wrong.setdefault(f"{name}: {found.splitlines()[-1]}", f"{name}, seed {number}: {found}")
        number += 1
    assert not wrong, "\n".join(wrong.values())


def test_no_reader_waits_for_a_pipe_where_a_file_should_be(files: Mapping[str, ReadBack]) -> None:
    hung = []
    for name, file in files.items():
        aside = file.path.rename(file.path.with_name(f"{file.path.name}.aside"))
        os.mkfifo(file.path)
        try:
            with _at_most(5), suppress(AccessReviewError):
                file.read()
        except TooSlow:
            hung.append(name)
        finally:
            file.path.unlink()
            aside.rename(file.path)
    assert not hung


def _tried(file: ReadBack, chance: Chance) -> str:
    """Read a file damaged by chance; return what is wrong with how that ended, nothing where all is well."""
    import resource

    data = chance.choice((damage.plain, *file.damages, *file.damages))(file.path.read_bytes(), chance)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with _at_most(LONGEST), suppress(AccessReviewError):
            file.outcome(data)
    except TooSlow:
        return f"still not read after {LONGEST} s"
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        return traceback.format_exc(limit=-3)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return f"{grown} KiB of memory" if grown > MORE_MEMORY else ""


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def late(_: int, __: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
