"""What is changed, and what reviewing that alone comes to; or why everything is to be reviewed."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import pyarrow as pa

from access_review.findings.hits import Evaluation


class WholeReason(StrEnum):
    """Why everything is to be reviewed: something cannot be narrowed, or nothing that can be used is kept of before."""

    SMALL = "small"
    KEPT = "kept"
    PAST = "past"
    DIFFERS = "differs"
    WORKSPACE = "workspace"
    CLOCK = "clock"
    SOURCES = "sources"
    TABLE = "table"
    RULE = "rule"
    MUCH = "much"


class WholeNeeded(Exception):
    """What changed cannot be reviewed alone: ``reason`` is why, and the message says it. What was kept is as it was.

    No error, so none of :mod:`access_review.errors`: whoever asks reviews everything then, and counts it.
    """

    def __init__(self, reason: WholeReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RowsChanged:
    """What became of a table: ``removed`` has the columns of its key, ``added`` all; a row with a key that was there replaces it."""

    removed: pa.Table
    added: pa.Table


@dataclass(frozen=True, slots=True)
class ReviewedChange:
    """What a review of a change found: the findings that are others now, and the digest of all of them.

    ``findings`` are rows of ``facts.FINDINGS`` as they are now, ``gone`` the ids of those that are no more, and ``before``
    the rows of both as they were. ``subjects`` are how many things were judged anew, ``whole`` the rules that were asked
    about everything, and ``evaluations`` say which rules were asked at all.
    """

    as_of: datetime
    digest: str
    findings: pa.Table = field(repr=False)
    before: pa.Table = field(repr=False)
    gone: tuple[str, ...] = ()
    subjects: int = 0
    whole: tuple[str, ...] = ()
    evaluations: tuple[Evaluation, ...] = field(repr=False, default=())
