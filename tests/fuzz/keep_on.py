"""A property tried on a few examples in every run, and for minutes where ``FUZZ_MINUTES`` says so (``make fuzz``)."""

import os
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis.strategies import SearchStrategy

SECONDS = float(os.environ.get("FUZZ_MINUTES", "0")) * 60
"""How long all fuzzing together may take; nothing means the share of every run, whose examples are always the same."""

LONGEST = 30
"""Seconds of processor time that one small file may take: a reader that takes longer hangs, however busy the machine is."""


def keep_on(strategy: SearchStrategy[Any], holds: Callable[[Any], None], *, examples: int, share: float) -> None:
    """Try a property on some examples, and on others for its share of the time that there is."""

    def timed(example: Any) -> None:
        begun = time.process_time()
        holds(example)
        assert time.process_time() - begun < LONGEST

    tried = settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=False
    )
    until, number = time.monotonic() + SECONDS * share, 0
    while number == 0 or time.monotonic() < until:
        seed(number)(tried(given(strategy)(timed)))()
        number += 1
