"""Waivers that are asked for and granted in the browser, or beside the log: signed into ``runs/``, and carried over into ``roles/``.

``roles/`` stays as it is until `waive merge` is run, so that no open plan grows stale; and the
server never writes it. The words of each are a file named by their digest, which is what is signed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import rfc8785
from pydantic import ValidationError

from access_review.audit import exception_log
from access_review.errors import ArtifactError, PlanRefused, Unclear
from access_review.revoke import approve, statements
from access_review.revoke.approve import Seen, Signatories, Statement, StatementKind
from access_review.revoke.statements import signed_digest
from access_review.runs import Run
from access_review.settings import Waiver
from access_review.stages.keep_signed import Signer, ToSign, sign
from access_review.stages.waive import beneficiary_of, log_text, request_about, write_log
from access_review.store import files, logged, plans, rosters
from access_review.workspace import Workspace

FOLDER = "waivers"
"""Where the words are, below ``runs/``."""


@dataclass(frozen=True, slots=True)
class PendingWaiver:
    """A waiver that was asked for in ``runs/``; ``granted`` is it with its approver, once one signed it and that counts.

    ``why_not`` says why what was signed does not count, ``merged`` that it was carried over.
    """

    asked: Waiver
    granted: Waiver | None = None
    signed: tuple[bytes, ...] = ()
    why_not: str = ""
    merged: bool = False
    withdrawn: bool = False

    def state(self, today: date) -> str:
        """Say how it stands."""
        if self.merged:
            return "carried over"
        if self.withdrawn:
            return "taken back"
        if self.asked.expires and self.asked.expires < today:
            return "expired"
        if self.why_not:
            return f"does not count: {self.why_not}"
        return "granted, waits for waive merge" if self.granted else "asked, waits for an approver"


def waiver_to_sign(
    workspace: Workspace, run: Run, finding: str, *, reason: str, ticket: str, until: date, by: str, at: datetime
) -> ToSign:
    """Return the request for a waiver as whoever asks is to sign it; raises as asking on the command line does.

    Raises ``Unclear`` unless one open finding begins so, and ``PlanRefused`` for what may not be asked.
    """
    person = rosters.person_now(run, by, at)
    wanted = request_about(run, finding, reason=reason, ticket=ticket, until=until, person=person)
    besides = [one.asked for one in pending_waivers(workspace, run, at) if not (one.merged or one.withdrawn)]
    settings = workspace.policy.exceptions
    text, name = exception_log.request_waiver(log_text(workspace.folder), wanted, settings, at.date(), besides)
    return _to_sign(workspace, run, exception_log.find_waiver(text, name), person, at, "requester")


def sign_request(
    workspace: Workspace,
    run: Run,
    finding: str,
    *,
    reason: str,
    ticket: str,
    until: date,
    by: str,
    signer: Signer,
    now: datetime,
) -> str:
    """Sign a request for a waiver with a key in a file, into ``runs/``; return its name. Raises as :func:`waiver_to_sign` does."""
    at = now.replace(microsecond=0)
    wanted = waiver_to_sign(workspace, run, finding, reason=reason, ticket=ticket, until=until, by=by, at=at)
    sign(wanted, workspace, signer)
    return words_to_sign(wanted).waiver


def waits(workspace: Workspace, run: Run, name: str, now: datetime) -> bool:
    """Tell whether a waiver of this name was asked for in ``runs/`` and is in no log; raises ``PlanRefused`` without a logbook."""
    return any(one.asked.waiver == name and not one.merged for one in pending_waivers(workspace, run, now))


def sign_grant(workspace: Workspace, run: Run, name: str, signer: Signer, now: datetime) -> str:
    """Grant a waiver with a key in a file, into ``runs/``; return who did, by id. Raises as :func:`grant_to_sign` does."""
    wanted = grant_to_sign(workspace, run, name, signer.by, now.replace(microsecond=0))
    sign(wanted, workspace, signer)
    return wanted.said.person


def grant_to_sign(workspace: Workspace, run: Run, name: str, by: str, at: datetime) -> ToSign:
    """Return the approval of a waiver as another is to sign it; raises ``PlanRefused`` where it would not count.

    Raises ``Unclear`` for one that does not wait.
    """
    person = rosters.person_now(run, by, at)
    found = find_pending(workspace, run, name, at)
    if found.granted or found.merged:
        raise PlanRefused(f"{name} is granted already", hint="access-review waive merge carries it over")
    if found.withdrawn or found.why_not:
        raise PlanRefused(f"{name} {found.state(at.date())}", hint="have it asked for again")
    granted = found.asked.model_copy(update={"approver": person})
    _refuse_dependent(workspace, run, granted, at)
    return _to_sign(workspace, run, granted, person, at)


def _to_sign(workspace: Workspace, run: Run, waiver: Waiver, person: str, at: datetime, capacity: str = "") -> ToSign:
    words = exception_log.words_of(waiver)
    digest = signed_digest(words)
    said = Statement(StatementKind.WAIVER, digest, person, at)
    beside = {_place(digest): rfc8785.dumps(words)}
    return ToSign(said, plans.signatories(run), workspace.folder / plans.SIGNED_HERE, capacity, beside)


def words_to_sign(wanted: ToSign) -> Waiver:
    """Return the entry that is signed: the words that are kept beside the signature."""
    (words,) = wanted.beside.values()
    return Waiver.model_validate_json(words)


def _refuse_dependent(workspace: Workspace, run: Run, granted: Waiver, at: datetime) -> None:
    """Raise ``PlanRefused`` unless this could be carried over now: by an approver who is another, and whose access it is not."""
    entry = granted.model_copy(update={"approved_as": None})
    people, whose = rosters.people_now(run, at), beneficiary_of(run, entry)
    exception_log.carry_over(log_text(workspace.folder), entry, people, whose, at.date())


def find_pending(workspace: Workspace, run: Run, name: str, now: datetime) -> PendingWaiver:
    """Return a waiver that was asked for in ``runs/``; raises ``Unclear`` for none, ``PlanRefused`` without a logbook."""
    found = [one for one in pending_waivers(workspace, run, now) if one.asked.waiver == name]
    if len(found) != 1:
        raise Unclear(f"no waiver that waits is called {name!r}", hint="access-review waive list")
    return found[0]


def pending_waivers(workspace: Workspace, run: Run, now: datetime) -> tuple[PendingWaiver, ...]:
    """Return what was asked for and granted in ``runs/``, by name, each held to the keys, people and logbook of now.

    Raises ``ArtifactError`` for a file that is gone or is not as the logbook knows it, ``PlanRefused`` without a logbook.
    """
    if logged.known(workspace.folder) is None:
        return ()
    every = plans.workspace_statements(workspace.folder)
    words = _words(workspace.folder)
    held = _Held(workspace, plans.signatories(run), plans.seen_standing(workspace.folder), every, now)
    asked = {digest: one for digest, one in words.items() if one.approver is None}
    return tuple(
        sorted((held.pending(digest, one, words) for digest, one in asked.items()), key=lambda one: one.asked.waiver)
    )


@dataclass(frozen=True, slots=True)
class _Held:
    """What was signed, and what it is held against."""

    workspace: Workspace
    people: Signatories
    seen: Seen
    every: Sequence[bytes]
    now: datetime

    def pending(self, digest: str, asked: Waiver, words: Mapping[str, Waiver]) -> PendingWaiver:
        request, why, withdrawn = self._signed(digest, asked.asked_by, "requester", "")
        found = PendingWaiver(asked, why_not=why, withdrawn=withdrawn)
        others = {
            other: one
            for other, one in words.items()
            if one.approver and exception_log.words_asked(one) == exception_log.words_of(asked)
        }
        for other, one in sorted(others.items()):
            approval, wrong, taken_back = self._signed(other, one.approver, "approver", "approve")
            if approval and request:
                merged = _is_merged(self.workspace, one, approval)
                return replace(found, granted=one, signed=(request, approval), merged=merged)
            if not taken_back:
                found = replace(found, why_not=found.why_not or wrong)
        return found

    def _signed(self, digest: str, person: str | None, role: str, may: str) -> tuple[bytes, str, bool]:
        """Return the envelope with which a person said something that counts; or why not, and whether they took it back."""
        approvers = self.workspace.approvers
        counted = approve.count_statements(self.every, digest, approvers, self.people, now=self.now, seen=self.seen)
        for said, key in counted.said:
            if (said.kind, said.person, said.role) == (StatementKind.WAIVER, person, role) and (
                not may or may in key.may
            ):
                return self._envelope(said), "", False
        mine = [one for one in map(statements.statement_or_none, self.every) if one and one.digest == digest]
        taken = (
            statements.withdrawals(filter(None, map(statements.statement_or_none, self.every))) | self.seen.withdrawn
        )
        back = any((one.person, one.id) in taken for one in mine)
        why = f"no signature of {person} as {role} that holds"
        return b"", why + (f" ({'; '.join(counted.stale)})" if counted.stale else ""), back

    def _envelope(self, said: Statement) -> bytes:
        found = ((data, statements.statement_or_none(data)) for data in self.every)
        return next(
            data
            for data, one in found
            if one and (one.kind, one.digest, one.role, one.at) == (said.kind, said.digest, said.role, said.at)
        )


def _is_merged(workspace: Workspace, granted: Waiver, approval: bytes) -> bool:
    """Tell whether it was carried over: what became of the entry there since is the repository's to say."""
    named = any(one.waiver == granted.waiver for one in workspace.waivers.waivers)
    return named and approval in plans.envelopes(workspace.folder / plans.STANDING_APPROVALS)


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """What `waive merge` did: which waivers are in ``roles/`` now, which were before, and which wait, with why."""

    merged: tuple[str, ...]
    before: tuple[str, ...]
    waiting: Mapping[str, str]


def merge_waivers(workspace: Workspace, run: Run, names: Collection[str], now: datetime) -> CarriedOver:
    """Carry granted waivers over into ``roles/waivers.yaml``, their signatures into ``roles/approvals``: all of them, or those named.

    Raises ``PlanRefused`` for one whose signatures, people or independence do not hold, and ``Unclear`` for a name that
    does not wait: then nothing is written. What is carried over already stays as it is.
    """
    found = pending_waivers(workspace, run, now)
    if missing := sorted(set(names) - {one.asked.waiver for one in found}):
        raise Unclear(f"no waiver that waits is called {missing[0]!r}", hint="access-review waive list")
    chosen = [one for one in found if not names or one.asked.waiver in names]
    people, text = rosters.people_now(run, now), log_text(workspace.folder)
    merged: list[PendingWaiver] = []
    for one in chosen:
        if one.merged or one.withdrawn or (one.asked.expires and one.asked.expires < now.date()):
            continue
        if one.why_not:
            hint = "name the others: access-review waive merge NAME; have this one asked for or granted again"
            raise PlanRefused(f"{one.asked.waiver} is not carried over: {one.why_not}", hint=hint)
        if one.granted:
            text = exception_log.carry_over(text, one.granted, people, beneficiary_of(run, one.granted), now.date())
            merged.append(one)
    for data in (data for one in merged for data in one.signed):
        files.write(_signature(workspace.folder, data), data)
    if merged:
        write_log(workspace.folder, text)
    waiting = {one.asked.waiver: one.state(now.date()) for one in chosen if not one.merged and one not in merged}
    return CarriedOver(
        tuple(one.asked.waiver for one in merged), tuple(one.asked.waiver for one in chosen if one.merged), waiting
    )


def _signature(workspace: Path, data: bytes) -> Path:
    """Return where a signature is kept in the repository: by what it says, so that it is there once."""
    name = statements.payload_of(data).id.removeprefix("sha256:")[:28]
    return workspace / plans.STANDING_APPROVALS / f"{StatementKind.WAIVER}-{name}.json"


def _place(digest: str) -> str:
    return f"{FOLDER}/{digest.removeprefix('sha256:')}.json"


def _words(workspace: Path) -> dict[str, Waiver]:
    """Return the words of each waiver that something was signed about in ``runs/``, by digest."""
    return dict(_each_words(workspace))


def _each_words(workspace: Path) -> Iterator[tuple[str, Waiver]]:
    log = logged.known(workspace)
    said = (statements.statement_or_none(data) for data in plans.signed_here(workspace))
    for digest in sorted({one.digest for one in said if one and one.kind is StatementKind.WAIVER}):
        if log is None:
            return
        data = logged.require_file(log, workspace, workspace / "runs" / _place(digest))
        try:
            waiver = Waiver.model_validate_json(data)
            right = signed_digest(exception_log.words_of(waiver)) == digest
        except ValidationError:
            right = False
        if not right:
            raise ArtifactError(f"runs/{_place(digest)} is not what was signed", hint="restore runs/ from a backup")
        yield digest, waiver
