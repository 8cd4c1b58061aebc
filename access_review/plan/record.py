"""A plan as a value and as a file, whose digest is that of the file's bytes and stands nowhere in it.

What is pinned in it is everything it was derived from, so that it can be derived again
(:mod:`.derive`) and need not be believed. Number of approvals, validity and pace are the policy's.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

import rfc8785
from pydantic import TypeAdapter, ValidationError

from access_review.changes import Change
from access_review.errors import ArtifactError, PlanRefused, StalePlan
from access_review.model import JsonObject, kept_form
from access_review.plan.ahead import Ahead
from access_review.plan.limits import Count, Higher
from access_review.plan.proof import Proof
from access_review.plan.request import Scope
from access_review.plan.withheld import ToPerson

FORMAT = "access-review/plan@2"
EARLIER = "access-review/plan@1"
"""What is still read: such a plan holds its own digest, and cannot be derived again."""

_LATER = ("wind_down", "standing_removal")
"""Parts of a scope that are written where they say something."""

GIVEN_BACK = "given back"
"""What the one count of an undo is a count of."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that are applied together, in this order."""

    id: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AppliedLimits:
    """The limits a plan keeps, what they count, which were raised for it and why; percent are of 100."""

    disable_percent: float
    disable_floor: int
    remove_percent: float
    remove_floor: int
    group_percent: float
    group_members: int
    batch: int
    counts: tuple[Count, ...]
    raised_because: str
    raised: tuple[Higher, ...] = ()


@dataclass(frozen=True, slots=True)
class NamedSystem:
    """Which system a source is of, as it was read: a domain's SID and DNS name, a tenant's id and name; null where unsaid."""

    identity: str | None
    name: str | None


@dataclass(frozen=True, slots=True)
class PinnedRun:
    """Something of a run, by the digest that it had."""

    run: str
    digest: str


@dataclass(frozen=True, slots=True)
class PinnedPosition:
    """How much there was ``of`` what only grows: its first rows, and their digest."""

    of: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class UndonePlan:
    """The plan that an undo gives back from: where it lies, its digest, and how far its journal had come."""

    run: str
    name: str
    digest: str
    journal: PinnedPosition


@dataclass(frozen=True, slots=True)
class PinnedInputs:
    """What a plan is derived from, beside its snapshot and its workspace; deriving it again reads this and nothing newer.

    ``findings`` and ``previous`` are digests of findings, ``owners`` of whose accounts were before, ``left_open`` of what
    earlier audits left open, ``accepted`` of the last snapshot signed off, ``decisions`` of reviewers' answers, ``taken``
    of the journals of batches that count toward its limits, ``logbook`` its head.
    """

    tool: str
    findings: str
    previous: PinnedRun | None
    left_open: str
    accepted: PinnedRun | None
    decisions: tuple[PinnedPosition, ...] = ()
    taken: tuple[PinnedPosition, ...] = ()
    logbook: str | None = None
    undoes: UndonePlan | None = None
    owners: PinnedRun | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be taken away, in which order, and what is left to a person.

    ``name`` is that of its folder in its run, and ``systems`` says of each source written to which system it is.
    ``valid_from`` is set where it may not be carried out before. ``digest`` is that of the file's
    bytes, and what an approver signs; it is not in the file, and empty until the plan is sealed.
    A plan of an earlier format has no ``inputs``.
    """

    format: str
    name: str
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
    systems: Mapping[str, NamedSystem] = field(default_factory=dict)
    inputs: PinnedInputs | None = None
    ahead: Ahead | None = None
    valid_from: datetime | None = None
    digest: str = ""

    @property
    def gives_back(self) -> bool:
        """Tell whether it undoes a batch."""
        return any(one.what == GIVEN_BACK for one in self.limits.counts)


@cache
def _form() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


@cache
def _kept() -> Callable[[object], Any]:
    return kept_form(_form())


def schema() -> JsonObject:
    """Return the form of ``plan.json`` as JSON Schema."""
    made = _form().json_schema(mode="serialization")
    del made["properties"]["digest"]
    made["properties"]["format"] = {"const": FORMAT}
    for part in (made, *made["$defs"].values()):
        if "properties" in part:
            part |= {"additionalProperties": False, "required": sorted({*part["properties"]} - set(_LATER))}
    return made


def plain(plan: Plan) -> JsonObject:
    """Return a plan as the JSON object that its file holds."""
    body: dict[str, Any] = _form().dump_python(plan, mode="json")
    del body["digest"]
    for name in _LATER:
        if not body["scope"][name]:
            del body["scope"][name]  # as plans were written before there were any
    if plan.format == EARLIER:
        return _as_earlier(body) | {"digest": plan.digest}
    return body


def _as_earlier(body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: part for name, part in body.items() if name not in {"name", "systems", "inputs", "ahead"}}
    limits = kept["limits"]
    counts = [{name: part for name, part in count.items() if name != "taken"} for count in limits["counts"]]
    return kept | {"limits": {**limits, "counts": counts, "approvals": 2 if limits["raised"] else 1}}


def seal(plan: Plan) -> Plan:
    """Return the plan with its digest: that of the bytes of its file."""
    return replace(plan, digest=_digest(write(plan)))


def write(plan: Plan) -> bytes:
    """Return a plan as ``plan.json``: canonical JSON (RFC 8785) and a line end."""
    return rfc8785.dumps(plain(plan)) + b"\n"


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def read(data: bytes) -> Plan:
    """Read a plan back, every byte of it as this tool writes it.

    Raises ``PlanRefused`` for anything else, and ``ArtifactError`` for a plan of another version of the format.
    """
    altered = PlanRefused("the plan is not as it was written", hint="plan again, or restore the file")
    try:
        content = json.loads(data)
        found = content["format"]
        if found not in {FORMAT, EARLIER}:
            raise ArtifactError(f"the plan has format {found!r}, not {FORMAT!r}", hint="use the version that wrote it")
        plan: Plan = _kept()(content | {"name": ""} if found == EARLIER else content)
        if found == EARLIER:
            body = {name: part for name, part in content.items() if name != "digest"}
            plan = replace(plan, digest=_digest(rfc8785.dumps(body)))
            if plan.digest != content["digest"]:
                raise altered
        else:
            plan = replace(plan, digest=_digest(data))
        if write(plan) != data:
            raise altered
    except (ValueError, ValidationError, KeyError, TypeError, AttributeError, RecursionError):
        raise altered from None
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
    """Raise ``StalePlan`` when a plan has expired or is yet to be made, or sources or roles have been edited since."""
    if not plan.as_of <= plan.made_at <= now:
        raise StalePlan(
            f"the plan says that it was made at {plan.made_at:%Y-%m-%d %H:%M:%S} UTC, on a run of "
            f"{plan.as_of:%Y-%m-%d %H:%M:%S} UTC; it is {now:%Y-%m-%d %H:%M:%S} UTC",
            hint="one comes after the other: set the clock right, and plan again",
        )
    if now >= plan.expires_at:
        raise StalePlan(f"the plan expired on {plan.expires_at:%Y-%m-%d %H:%M} UTC", hint="plan again")
    if workspace_digest != plan.workspace_digest:
        raise StalePlan("sources/ or roles/ have changed since the plan was made", hint="review and plan again")
