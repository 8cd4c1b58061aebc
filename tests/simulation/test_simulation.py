"""Histories from seeds. ``SIMULATION_SEEDS`` sets how many; a seed that ever failed is kept in ``FAILED``."""

import os
from collections import Counter

import pytest

from tests.simulation.history import simulate

pytestmark = pytest.mark.slow

SEEDS = int(os.environ.get("SIMULATION_SEEDS", "500"))
PART = 50
FAILED: tuple[int, ...] = ()
PARTS = [range(first, min(first + PART, SEEDS)) for first in range(0, SEEDS, PART)]


@pytest.mark.sweep(share=1 / 4)
@pytest.mark.parametrize("seeds", [*PARTS, *((seed,) for seed in FAILED)], ids=lambda seeds: f"from {seeds[0]}")
def test_every_history_keeps_the_promises(seeds, tmp_path):
    for seed in seeds:
        try:
            simulate(seed, tmp_path)
        except AssertionError as broken:
            raise AssertionError(f"seed {seed}: {broken}") from broken
        for file in tmp_path.iterdir():
            file.unlink()


def test_the_histories_are_not_all_alike(tmp_path):
    seen = Counter(state for seed in range(60) for state in simulate(seed, tmp_path).values())
    assert {"revoked", "absent", "skipped", "refused", "failed", "regranted"} <= {str(state) for state in seen}, seen
