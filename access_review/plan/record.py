"""A plan as a value and as a file: sealed by its digest, refused when one byte differs."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import rfc8785
from pydantic import TypeAdapter, ValidationError

from access_review.changes import Change
from access_review.errors import ArtifactError, PlanRefused, StalePlan
from access_review.plan.limits import Count, Higher
from access_review.plan.proof import Proof
from access_review.plan.request import Scope
from access_review.plan.withheld import ToPerson

FORMAT = "access-review/plan@1"
GIVEN_BACK = "given back"
"""What the one count of an undo is a count of."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that are applied together, in this order."""

    id: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AppliedLimits:
    """The limits a plan keeps, what they count, which were raised for it and why, and how many must approve it."""

    disable_percent: float
    disable_floor: int
    remove_percent: float
    remove_floor: int
    group_percent: float
    group_members: int
    batch: int
    counts: tuple[Count, ...]
    raised_because: str
    approvals: int
    raised: tuple[Higher, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be taken away, in which order, and what is left to a person.

    ``digest`` is that of everything else, and what an approver signs; it is empty
    until the plan is sealed. ``valid_from`` is set where it may not be carried out before.
    """

    format: str
    snapshot: str
    run: str
    workspace_digest: str
    as_of: datetime
    made_at: datetime
    expires_at: datetime
    requested_by: str
    scope: Scope
    limits: AppliedLimits
    batches: tuple[Batch, ...]
    changes: tuple[Change, ...]
    to_person: tuple[ToPerson, ...]
    proof: Proof
    digest: str = ""
    valid_from: datetime | None = None

    @property
    def gives_back(self) -> bool:
        """Tell whether it undoes a batch."""
        return any(one.what == GIVEN_BACK for one in self.limits.counts)


@cache
def _form() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def _body(plan: Plan) -> dict[str, Any]:
    body: dict[str, Any] = _form().dump_python(plan, mode="json")
    del body["digest"]
    return body


def _digest(body: Mapping[str, Any]) -> str:
    return "sha256:" + hashlib.sha256(rfc8785.dumps(dict(body))).hexdigest()


def seal(plan: Plan) -> Plan:
    """Return the plan with its digest: the hash of everything else as canonical JSON (RFC 8785)."""
    return replace(plan, digest=_digest(_body(plan)))


def write(plan: Plan) -> bytes:
    """Return a sealed plan as ``plan.json``: canonical JSON and a line end."""
    return rfc8785.dumps(_body(plan) | {"digest": plan.digest}) + b"\n"


def read(data: bytes) -> Plan:
    """Read a plan back, every byte of it as it was sealed.

    Raises ``PlanRefused`` for anything altered, and ``ArtifactError`` for a plan of
    another version of the format.
    """
    altered = PlanRefused("the plan is not as it was sealed", hint="plan again, or restore the file")
    try:
        content = json.loads(data)
        body = {key: value for key, value in content.items() if key != "digest"}
        if content["digest"] != _digest(body):
            raise altered
        if content["format"] != FORMAT:
            raise ArtifactError(
                f"the plan has format {content['format']!r}, not {FORMAT!r}", hint="use the version that wrote it"
            )
        plan = _form().validate_json(data)
    except (ValueError, ValidationError, KeyError, TypeError, AttributeError):
        raise altered from None
    if write(plan) != data:
        raise altered
    return plan


def batches(changes: Iterable[Change], size: int) -> tuple[Batch, ...]:
    """Split changes in order into batches of at most ``size``; no batch mixes leavers with others."""
    every = tuple(changes)
    groups = (tuple(c.id for c in every if c.leaver), tuple(c.id for c in every if not c.leaver))
    parts = [group[at : at + size] for group in groups for at in range(0, len(group), size)]
    return tuple(Batch(f"batch-{number}", part) for number, part in enumerate(parts, start=1))


def refuse_early(plan: Plan, *, now: datetime) -> None:
    """Raise ``StalePlan`` for a plan that was made ahead, and whose hour has not come."""
    if plan.valid_from and now < plan.valid_from:
        raise StalePlan(
            f"the plan holds from {plan.valid_from:%Y-%m-%d %H:%M} UTC, when the employment ends", hint="apply it then"
        )


def refuse_stale(plan: Plan, *, now: datetime, workspace_digest: str) -> None:
    """Raise ``StalePlan`` when a plan has expired, or sources or roles have been edited since."""
    if now >= plan.expires_at:
        raise StalePlan(f"the plan expired on {plan.expires_at:%Y-%m-%d %H:%M} UTC", hint="plan again")
    if workspace_digest != plan.workspace_digest:
        raise StalePlan("sources/ or roles/ have changed since the plan was made", hint="review and plan again")
