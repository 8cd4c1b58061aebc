"""What all tests share."""

import os
from pathlib import Path

import pytest

OUTSIDE_DATA = "ACCESS_REVIEW_OUTSIDE_DATA"
REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def outside_data() -> Path:
    """Return the folder of outside data, or say that these tests did not run."""
    folder = os.environ.get(OUTSIDE_DATA)
    if not folder:
        pytest.skip(f"outside data not tested: set {OUTSIDE_DATA} to its folder")
    return Path(folder).resolve(strict=True)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the checkout."""
    return REPOSITORY
