"""Programs from elsewhere that some tests use: skipped where they are missing, and said; never where they must run."""

import os

import pytest

MUST_RUN = "ACCESS_REVIEW_MUST_RUN"


def need(program: str, what: str, missing: str | None) -> None:
    """Skip ``what`` when ``missing`` says why it cannot run; fail instead where the machine promised the program."""
    if missing is None:
        return
    if program in os.environ.get(MUST_RUN, "").split(","):
        pytest.fail(f"{MUST_RUN} names {program}, but {missing}")
    pytest.skip(f"{what} not tested: {missing}")
