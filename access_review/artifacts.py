"""Every JSON file that is kept: where it lies, its format with version, and what it holds.

Pure: values to bytes and back. The store (:mod:`access_review.store`) carries the bytes to
and from disk, and nothing else reads or writes these files. Where a file has another shape
than the value it holds, or once had, that stands here beside it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Generic, TextIO, TypeVar

import rfc8785
from pydantic import TypeAdapter, ValidationError

from access_review.audit.campaign import Campaign
from access_review.audit.decisions import Decision, Decisions, Submission
from access_review.audit.judge import Judgement
from access_review.audit.worklist import Worklist
from access_review.errors import ArtifactError, PlanRefused
from access_review.evidence.declared import DeclaredValues
from access_review.evidence.figures import EvidenceFigures
from access_review.evidence.pack import EvidencePack
from access_review.facts import CarryForward
from access_review.findings import Evaluation, format_1
from access_review.findings.counts import ReviewCounts
from access_review.model import JsonObject, kept_form
from access_review.offboarding.certificate import CERTIFICATE, RemovalCertificate
from access_review.offboarding.leaver import Leavers
from access_review.plan import record
from access_review.plan.record import Plan
from access_review.revoke.work_tickets import WorkTickets
from access_review.sample.draw import Sample, SampleState
from access_review.sample.population import SamplingFrame
from access_review.snapshot import Manifest
from access_review.snapshot.watch_health import WatchHealth
from access_review.snapshot.watched import HaltedWatch, WatchState

T = TypeVar("T")
U = TypeVar("U")

_PIECE = 2**22
_MOST_OF_ONE = 2**25
"""So much of a file is read at once where its list is read item by item, and so long may one item be."""


def _as_it_is(plain: Any) -> Any:
    return plain


# Made once for each kind of file: that takes longer than reading one.
_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
_form: Callable[[Any], Callable[[object], Any]] = cache(lambda kind: kept_form(_adapter(kind)))


@dataclass(frozen=True, slots=True)
class Artifact(Generic[T]):
    """One kind of file: its place in the folder of its run, its format, and the dataclass it holds.

    ``to_file`` and ``from_file`` turn the fields of the dataclass into those of the file, and back;
    ``former`` are the formats that are read too; ``to_bytes`` is a quicker way to the same bytes.
    """

    path: str
    format: str
    type: type[T]
    to_file: Callable[[Any], JsonObject] = _as_it_is
    from_file: Callable[[Any], JsonObject] = _as_it_is
    former: tuple[str, ...] = ()
    to_bytes: Callable[[Any], bytes] | None = None

    def plain(self, value: T) -> JsonObject:
        """Return a value as the JSON object that the file holds."""
        return {"format": self.format, **self.to_file(_adapter(self.type).dump_python(value, mode="json"))}

    def dump(self, value: T) -> bytes:
        """Return the bytes of the file: canonical, so that equal values are equal bytes."""
        return self.to_bytes(value) if self.to_bytes else canonical(self.plain(value))

    def load(self, data: bytes, place: str = "") -> T:
        """Return the value of a file found at ``place``.

        Raises ``ArtifactError`` for another format and for anything that does not fit the dataclass.
        """
        place = place or self.path
        try:
            plain = json.loads(data)
            if b"\\u" in data:  # none of ours has a half of a pair, which no text can hold
                json.dumps(plain, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise ArtifactError(
                f"{place} cannot be read: {error}", hint="restore the file or run the stage again"
            ) from None
        return self.value(plain, place)

    def value(self, plain: object, place: str = "") -> T:
        """Return the value of a JSON object; raises ``ArtifactError`` as :meth:`load` does."""
        place = place or self.path
        found = plain.get("format") if isinstance(plain, dict) else None
        if not isinstance(plain, dict) or found not in (self.format, *self.former):
            raise ArtifactError(
                f"{place} has format {found!r}, not {self.format!r}", hint="use the version that wrote it"
            )
        try:
            fields = self.from_file({name: part for name, part in plain.items() if name != "format"})
            made: T = _form(self.type)(fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise self.damaged(
                place, f"{where}: {first['msg']}"
            ) from None  # the input may hold a secret: not in tracebacks
        except (KeyError, TypeError, AttributeError):
            raise self.damaged(place, "it has not the shape of the format") from None
        return made

    def damaged(self, place: str, why: str) -> ArtifactError:
        """Return the error that says what of a file found at ``place`` does not fit."""
        return ArtifactError(
            f"{place} ({self.format}) is damaged: {why}", hint="restore the file or run the stage again"
        )


def each(artifact: Artifact[Any], file: TextIO, field: str, kind: type[U], place: str) -> Iterator[U]:
    """Yield what stands in ``field`` of a file, its only list of many, one at a time: the file is never held whole.

    One that is not written as :meth:`Artifact.dump` writes is read whole. Raises ``ArtifactError`` as
    :meth:`Artifact.load` does: for what stands beside the list once that has come to its end.
    """
    try:
        yield from _each(artifact, file, field, kind, place)
    except UnicodeDecodeError as error:
        raise artifact.damaged(place, str(error)) from None


def _each(artifact: Artifact[Any], file: TextIO, field: str, kind: type[U], place: str) -> Iterator[U]:
    mark = f'"{field}":['
    head, begun, held = file.read(_PIECE).partition(mark)
    if not begun or head.count("{") != 1 or f'"format":"{artifact.format}"' not in head:
        yield from getattr(artifact.load((head + begun + held + file.read()).encode(), place), field)
        return
    form, decode, at, comma = _form(kind), json.JSONDecoder().raw_decode, 0, False
    while not held.startswith("]", at):
        try:
            plain, end = decode(held, held.index(",{" if comma else "{", at, at + 1 + comma) + comma)
            if "\\u" in held[at:end]:  # none of ours has a half of a pair, which no text can hold
                json.dumps(plain, ensure_ascii=False).encode()
            made: U = form(plain)
        except ValidationError as error:
            raise artifact.damaged(place, f"{field}: {error.errors(include_url=False)[0]['msg']}") from None
        except (ValueError, RecursionError) as error:
            # The item may go on in the next piece.
            if len(held) - at > _MOST_OF_ONE or not (more := file.read(_PIECE)):
                raise artifact.damaged(place, f"{field} is no list of records to its end: {error}") from None
            held, at = held[at:] + more, 0
            continue
        yield made
        at, comma = end, True
    tail = held[at:] + file.read()
    if mark in tail or getattr(artifact.load((head + mark + tail).encode(), place), field):
        raise artifact.damaged(place, f"{field} stands twice")


def canonical(plain: Mapping[str, object]) -> bytes:
    """Return canonical JSON (RFC 8785) and a line end, so that equal values are equal bytes."""
    fields: dict[str, Any] = dict(plain)
    return rfc8785.dumps(fields) + b"\n"


def _offset(plain: Any) -> JsonObject:
    return {**plain, "as_of": plain["as_of"].removesuffix("Z") + "+00:00"}


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a review of a run concluded, beside its findings: ``digest`` is that of their rows, ``file`` of the bytes.

    ``owners`` and ``owners_file`` are the same of whose each account is, empty in a review from before that was kept.
    ``findings`` is the format of the findings, which a review from before there were two does not name.
    Its file is written last: a run that has it is reviewed.
    """

    run: str
    snapshot: str
    workspace_digest: str
    digest: str
    rules: tuple[Evaluation, ...]
    file: str = ""
    owners: str = ""
    owners_file: str = ""
    findings: str = format_1.FORMER


def _if_any(*names: str) -> Callable[[Any], JsonObject]:
    """Leave out of a file what there is nothing of: files from before there could be stay what they were."""
    return lambda plain: {name: said for name, said in plain.items() if said or name not in names}


def _without_clients(plain: Any) -> JsonObject:
    """Leave out what a sample for which no client is named does not have: such samples stay what they were."""
    if plain["clients"] is not None:
        return dict(plain)
    parts = [{name: said for name, said in part.items() if name != "client"} for part in plain["parts"]]
    return {**{name: said for name, said in plain.items() if name != "clients"}, "parts": parts}


@dataclass(frozen=True, slots=True)
class DeclaredFiles:
    """The files of ``sources/`` and ``roles/`` that a run was reviewed with, by path; ``digest`` is the workspace's."""

    digest: str
    files: Mapping[str, str]


def _by_rule(plain: Any) -> JsonObject:
    rules = {rule["rule"]: {name: said for name, said in rule.items() if name != "rule"} for rule in plain["rules"]}
    return {**plain, "rules": rules}


def _listed(plain: Any) -> JsonObject:
    return {**plain, "rules": [{"rule": rule, **said} for rule, said in plain["rules"].items()]}


@dataclass(frozen=True, slots=True)
class WorkspaceState:
    """What reaches from run to run and is no artifact of one; secret, since it holds the key of the next draw."""

    sample: SampleState


SAMPLE_STATE = "access-review/sample-state@1"


def _with_formats(plain: Any) -> JsonObject:
    return {"sample": {"format": SAMPLE_STATE, **plain["sample"]}}


def _without_formats(plain: Any) -> JsonObject:
    sample = dict(plain["sample"])
    if (found := sample.pop("format", None)) != SAMPLE_STATE:
        raise ArtifactError(
            f"state.json has format {found!r} within, not {SAMPLE_STATE!r}", hint="use the version that wrote it"
        )
    return {"sample": sample}


@dataclass(frozen=True, slots=True)
class Notified:
    """When each notice of unattended runs was last sent, by the digest of its text."""

    told: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class UntoldNotice:
    """A notice of what an unattended run did that did not arrive by a channel; ``at`` is when it was first sent."""

    channel: str
    name: str
    mail: str | None
    subject: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class UntoldNotices:
    """The notices of what unattended runs did that are to be sent again."""

    notices: tuple[UntoldNotice, ...] = ()


def _offsets(plain: Any) -> JsonObject:
    return {"told": {notice: at.removesuffix("Z") + "+00:00" for notice, at in plain["told"].items()}}


class _Sealed(Artifact[Plan]):
    """A plan: its format is one of its fields, and its digest that of the bytes."""

    def plain(self, value: Plan) -> JsonObject:
        """Return a plan as the JSON object that the file holds."""
        return record.plain(value)

    def dump(self, value: Plan) -> bytes:
        """Return the bytes of ``plan.json``."""
        return record.write(value)

    def load(self, data: bytes, place: str = "") -> Plan:
        """Return the plan; raises ``PlanRefused`` for what this tool did not write so, and ``ArtifactError``."""
        try:
            return record.read(data)
        except PlanRefused as error:
            raise PlanRefused(f"{place or self.path}: {error.message}", hint=error.hint) from None


def submission(name: str) -> Artifact[Submission]:
    """Return what a reviewer submitted, by the name of their work sheet."""
    return Artifact(f"sample/submitted/{name}.json", "access-review/submission@1", Submission)


def removal_certificate(name: str) -> Artifact[RemovalCertificate]:
    """Return the certificate of a leaver's removed access, by its name."""
    return Artifact(f"certificates/{name}.json", CERTIFICATE, RemovalCertificate)


def plan(folder: str) -> Artifact[Plan]:
    """Return the plan of a folder of a run: plans have names."""
    return _Sealed(f"{folder}/plan.json", record.FORMAT, Plan)


def work_tickets(folder: str) -> Artifact[WorkTickets]:
    """Return the tickets of the work orders of a plan, by the folder of the plan."""
    return Artifact(f"{folder}/tickets.json", "access-review/tickets@1", WorkTickets)


MANIFEST = Artifact("manifest.json", "access-review/snapshot@1", Manifest, _offset)
REVIEWED = Artifact(
    "review.json", "access-review/review@2", Reviewed, _by_rule, _listed, former=("access-review/review@1",)
)
DECLARED = Artifact("declared.json", "access-review/declared@1", DeclaredFiles)
COUNTS = Artifact("counts.json", "access-review/counts@1", ReviewCounts)
CONTROL = Artifact("control.json", "access-review/control@1", CarryForward)
FRAME = Artifact("sample/frame.json", "access-review/frame@1", SamplingFrame)
SAMPLE = Artifact("sample/sample.json", "access-review/sample@1", Sample, _without_clients)
WORKLIST = Artifact("sample/worklist.json", "access-review/worklist@1", Worklist)


def _decisions_file(decisions: Decisions) -> bytes:
    """Return the file of decisions: each answer once in its bytes, since all are written with every answer."""
    whole = DECISIONS.plain(Decisions(decisions.run))
    head, tail = canonical(whole).split(b'"history":[]')
    return head + b'"history":[' + b",".join(map(_answer_bytes, decisions.history)) + b"]" + tail


@lru_cache(20_000)
def _answer_bytes(answer: Decision) -> bytes:
    return rfc8785.dumps(_adapter(Decision).dump_python(answer, mode="json"))


DECISIONS = Artifact("sample/decisions.json", "access-review/decisions@1", Decisions, to_bytes=_decisions_file)
AUDIT = Artifact("audit.json", "access-review/audit@1", Campaign)
PACK = Artifact("pack.json", "access-review/evidence@1", EvidencePack, _if_any("lock", "part"))
DECLARED_VALUES = Artifact("declared-values.json", "access-review/declared-values@1", DeclaredValues)
FIGURES = Artifact("figures.json", "access-review/figures@1", EvidenceFigures, _if_any("clients"))
"""These lie in a pack of evidence, the last two one a run."""
LEAVERS = Artifact("leavers.json", "access-review/leavers@1", Leavers)

JUDGEMENT = Artifact("judgement.json", "access-review/judgement@1", Judgement)
"""Printed and handed on, but in no run: it follows from sample, work list and decisions."""

STATE = Artifact("state.json", "access-review/state@1", WorkspaceState, _with_formats, _without_formats)
UNTOLD = Artifact("standing-untold.json", "access-review/untold@1", UntoldNotices)
NOTIFIED = Artifact("standing-told.json", "access-review/told@1", Notified, _offsets)
"""These two lie in ``runs/`` itself."""
WATCHED = Artifact("state.json", "access-review/watch@1", WatchState)
WATCH_HEALTH = Artifact("health.json", "access-review/watch-health@1", WatchHealth)
WATCH_HALTED = Artifact("halted.json", "access-review/watch-halted@1", HaltedWatch)
"""These three lie in ``runs/watch/``."""
