"""Whole histories with an attacker between any two steps. ``TAMPERED_HISTORIES`` sets how many (``make simulate``)."""

import os
import random
from collections import Counter

import pytest

from access_review import workspace
from access_review.errors import AccessReviewError
from tests.attacks.believing import believed, tampered
from tests.attacks.tampering import TAKEN, History, Prepared

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forged_plans")]

HISTORIES = int(os.environ.get("TAMPERED_HISTORIES", "60"))
TAMPERED = int(os.environ.get("TAMPERED_FILES", "100"))
ENOUGH = 60
"""Of so many histories some end in each way; of a share perhaps not."""
FAILED: tuple[int, ...] = ()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return Prepared(tmp_path_factory.mktemp("tampering"))


def test_nothing_is_done_that_two_people_did_not_ask_for_and_a_review_does_not_justify(prepared, sweep):
    ended: Counter[int] = Counter()
    seeds = sweep.seeds("tampered histories", HISTORIES, 1 / 4)
    for seed in (*seeds, *FAILED):
        history = History(prepared, random.Random(seed))  # noqa: S311 - a history, not a secret
        try:
            history.live()
        except AssertionError as broken:
            raise AssertionError(f"seed {seed}: {broken}") from broken
        except Exception as broken:
            raise AssertionError(
                f"seed {seed}: {type(broken).__name__}: {broken}\n" + "\n".join(history.told)
            ) from broken
        ended[len(history.before) - len(history.company.system["there"])] += 1
    if len(seeds) < ENOUGH:
        return
    assert ended[0], "some attacks prevent everything"
    assert ended[len(TAKEN)], "and some change nothing: the honest batch goes through"
    assert ended[-len(TAKEN)], "and so does its undo"


def test_what_lies_on_disk_is_believed_as_it_once_was_or_not_at_all(prepared, sweep):
    """A whole rollback to a moment that was is noticed only by a head kept elsewhere, as the runbook says."""
    with prepared.company.installed():
        space = workspace.load(prepared.company.folder)
        once = []
        for stage in ("approved", "applied", "proven"):
            prepared.at(stage)
            once.append(believed(prepared, space))
        refused = 0
        seeds = sweep.seeds("tampered files", TAMPERED, 1 / 4)
        for seed in seeds:
            told = tampered(prepared, random.Random(seed))  # noqa: S311 - a history, not a secret
            try:
                found = believed(prepared, space)
            except AccessReviewError:
                refused += 1
                continue
            except Exception as broken:
                raise AssertionError(f"seed {seed}: {type(broken).__name__}: {broken}\n" + "\n".join(told)) from broken
            assert found in once, f"seed {seed}: {found}\n" + "\n".join(told)
    assert refused > len(seeds) / (3 if len(seeds) >= ENOUGH else 6)
