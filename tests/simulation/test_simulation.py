"""Histories from seeds. ``SIMULATION_SEEDS`` sets how many; a seed that ever failed is kept in ``FAILED``."""

import os
from collections import Counter

import pytest

from tests.simulation.world import simulate

FAILED: tuple[int, ...] = ()
SEEDS = int(os.environ.get("SIMULATION_SEEDS", "500"))
PART = 50


@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_every_history_keeps_the_promises(first, tmp_path_factory):
    folder = tmp_path_factory.mktemp("histories")
    for seed in range(first, min(first + PART, SEEDS)):
        try:
            simulate(seed, folder)
        except AssertionError as broken:
            raise AssertionError(f"seed {seed}: {broken}") from broken
        for file in folder.iterdir():
            file.unlink()


@pytest.mark.parametrize("seed", FAILED)
def test_histories_that_once_failed(seed, tmp_path):
    simulate(seed, tmp_path)


def test_the_histories_are_not_all_alike(tmp_path):
    seen = Counter(state for seed in range(60) for state in simulate(seed, tmp_path).values())
    assert {"revoked", "absent", "skipped", "refused", "failed", "regranted"} <= {str(state) for state in seen}, seen
