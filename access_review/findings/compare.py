"""What opened and what closed from one look to the next, when only observations are kept, and not whole runs.

A finding closes only where it was looked for and not found. What is silent because
something was not read stays open, and is told as open no second time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from access_review.facts import FINDINGS
from access_review.findings.hits import Evaluation
from access_review.model import CURRENT, Status
from access_review.tables import Row


@dataclass(frozen=True, slots=True)
class Compared:
    """What became of findings since the look before; ``open`` are all that are open now, with those that ``carried`` over.

    ``closed`` are rows as they were when they were last seen.
    """

    opened: Sequence[Row]
    closed: Sequence[Row]
    open: pa.Table
    carried: int = 0


def current(found: pa.Table) -> pa.Table:
    """Return the findings that call for something."""
    return found.filter(pc.is_in(found["status"], pa.array(CURRENT)))


def compare(
    before: pa.Table, found: pa.Table, evaluations: Sequence[Evaluation], unread: Collection[str] = ()
) -> Compared:
    """Compare what was ``open`` at the look before with all that a review found now.

    ``unread`` are the sources that could not be read for this one.
    """
    now = current(found)
    known = before["finding"].combine_chunks()
    # What was not looked for is open because it once was: that is nothing new, and nothing that closed comes back by it.
    is_known = pc.is_in(now["finding"], known)
    now = now.filter(pc.or_(is_known, now["checked"]))
    opened = now.filter(pc.invert(pc.is_in(now["finding"], known)))
    gone = before.filter(pc.invert(pc.is_in(before["finding"], now["finding"].combine_chunks())))
    states = _states(found, gone)
    idle = {one.rule for one in evaluations if not one.evaluated}
    kept = [_is_silent(row, states, idle, unread) for row in gone.to_pylist()]
    closed = gone.filter(pa.array([not one for one in kept], pa.bool_()))
    carried = gone.filter(pa.array(kept, pa.bool_()))
    after = pa.concat_tables([_columns(now), _columns(carried)])
    return Compared(_worst_first(opened), _worst_first(closed), after.sort_by("finding"), len(carried))


def with_opened(before: pa.Table, opened: pa.Table) -> pa.Table:
    """Return the findings of the last whole run with those that opened since: what a review is to hold open if it must."""
    more = opened.filter(pc.invert(pc.is_in(opened["finding"], before["finding"].combine_chunks())))
    return pa.concat_tables([_columns(before), _columns(more)]).sort_by("finding")


def none() -> pa.Table:
    """Return no findings."""
    return FINDINGS.schema.empty_table()


def _columns(found: pa.Table) -> pa.Table:
    loose = pa.schema([field.with_nullable(True) for field in FINDINGS.schema])
    return found.select(FINDINGS.schema.names).cast(loose)


def _states(found: pa.Table, gone: pa.Table) -> Mapping[str, str]:
    """Return what the review says of findings that are open no more."""
    told = found.filter(pc.is_in(found["finding"], gone["finding"].combine_chunks())).select(["finding", "status"])
    return {row["finding"]: row["status"] for row in told.to_pylist()}


def _is_silent(row: Row, states: Mapping[str, str], idle: Collection[str], unread: Collection[str]) -> bool:
    """Tell whether nothing is known of a finding: nobody closed it or waived it, and not everything was looked at."""
    said = states.get(row["finding"])
    if said in (str(Status.CLOSED), str(Status.WAIVED)):
        return False
    return bool(unread) or row["rule"] in idle


def _worst_first(found: pa.Table) -> Sequence[Row]:
    rows: list[Row] = found.to_pylist()
    return tuple(sorted(rows, key=lambda row: (-row["risk"], row["rule"], row["finding"])))
