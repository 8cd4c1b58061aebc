"""What earlier audits left open, as facts for the rules: who was not reviewed, and what was kept against a finding.

Pure. A run keeps what it was told (``control.json``), so that reviewing it again gives the
same findings, whatever is answered late.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from access_review import artifacts
from access_review.audit.campaign import Campaign
from access_review.audit.decisions import Decision, ReviewerAnswer
from access_review.audit.worklist import WorkItem
from access_review.facts import FACTS
from access_review.tables import frame

CONTROL = "access-review/control@1"


@dataclass(frozen=True, slots=True)
class Unreviewed:
    """A unit that ``times`` audits in a row drew and nobody reviewed; ``week`` is that of the last."""

    unit: str
    week: str
    times: int


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """Access that a reviewer kept though the machine had found something that no waiver accepted then."""

    finding: str
    account: str
    entitlement: str | None
    by: str
    at: date


@dataclass(frozen=True, slots=True)
class CarryForward:
    """What the audits before a run left open."""

    unreviewed: tuple[Unreviewed, ...] = ()
    kept: tuple[KeptFinding, ...] = ()


def unreviewed_units(
    last: Campaign, open_units: Collection[str], *, week: str, now: datetime, close: timedelta
) -> tuple[Unreviewed, ...]:
    """Return who is not reviewed, from the newest audit and the units in it without all answers.

    Once its wait is over that is everyone without; until then those whom the audit before
    it had left, unless they were reviewed meanwhile. ``week`` is that of ``now``.
    """
    over = not last.going_on or last.week != week or now - last.opened_at >= close
    missed = {unit: last.missed.get(unit, 0) + over for unit in open_units}
    return tuple(Unreviewed(unit, last.week, times) for unit, times in sorted(missed.items()) if times)


def kept_findings(audits: Iterable[tuple[Iterable[WorkItem], Mapping[str, Decision]]]) -> tuple[KeptFinding, ...]:
    """Return what reviewers keep against findings, by the latest answer to each question; audits come oldest first."""
    latest: dict[tuple[str, str | None, str | None], tuple[WorkItem, Decision]] = {}
    for items, current in audits:
        for item in items:
            if item.item in current and not item.planted:
                latest[item.account, item.entitlement, item.mode] = item, current[item.item]
    found = {
        (finding, item.account, item.entitlement): KeptFinding(
            finding, item.account, item.entitlement, said.by, said.at
        )
        for item, said in latest.values()
        if said.decision is ReviewerAnswer.KEEP
        for finding in item.findings
    }
    return tuple(one for _, one in sorted(found.items(), key=lambda pair: tuple(part or "" for part in pair[0])))


def tables(control: CarryForward) -> dict[str, pa.Table]:
    """Return the facts ``unreviewed`` and ``kept``."""
    kept_rows = [
        {
            "finding": one.finding,
            "account": one.account,
            "object": one.entitlement or one.account,
            "reviewer": one.by,
            "kept_at": datetime.combine(one.at, time(), UTC),
        }
        for one in control.kept
    ]
    missed = [{"unit": one.unit, "week": one.week, "times": one.times} for one in control.unreviewed]
    return {"unreviewed": frame(FACTS["unreviewed"], missed), "kept": frame(FACTS["kept"], kept_rows)}


def to_json(control: CarryForward) -> dict[str, Any]:
    """Return it as a JSON object."""
    return artifacts.dump(CONTROL, control)


def from_json(plain: Mapping[str, Any]) -> CarryForward:
    """Return the value of a JSON object; raises ``ArtifactError``."""
    return artifacts.load(CONTROL, CarryForward, plain)
