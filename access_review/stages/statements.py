"""What people say of the check list, the scorecard and the small audits: by name, with a link and a note, signed where they have a key."""

from dataclasses import dataclass, replace
from datetime import datetime

from access_review.errors import PlanRefused
from access_review.model import JsonObject
from access_review.revoke.approve import StatementKind
from access_review.revoke.assurance import is_authenticated
from access_review.revoke.statements import signed_digest
from access_review.runs import Run
from access_review.scorecard.follow_up import FollowUp, FollowUpKind, words_of
from access_review.settings.checklist import Attested
from access_review.stages.approve import sign_words
from access_review.stages.keep_signed import Signer
from access_review.store import follow_ups, logged, plans, rosters
from access_review.workspace import Workspace

LONGEST_NOTE = 2000
"""Characters of a note."""


@dataclass(frozen=True, slots=True)
class WhoSays:
    """Who says something: by name as typed, and with which key they sign, if any."""

    by: str
    signer: Signer | None = None


@dataclass(frozen=True, slots=True)
class AttestedWords:
    """What goes with a statement in place of a figure: where it can be seen, what was seen, and until when it holds.

    Without an end it holds as long as the file allows.
    """

    link: str
    note: str
    until: datetime | None = None


def make_statement(
    workspace: Workspace,
    run: Run,
    about: str,
    attested: Attested,
    who: WhoSays,
    said: JsonObject,
    stated: AttestedWords,
    now: datetime,
) -> FollowUp:
    """State what no record measures, as ``attested`` allows it.

    Raises ``PlanRefused`` for who may not state it or is nobody of a roster, and for a statement without a link or a note,
    or that would hold too long.
    """
    ends = _until_when(attested, stated.until, now)
    person = _may_attest(run, attested, who.by, now)
    words = {"link": linked(stated.link), "note": noted(stated.note), "until": ends.isoformat()}
    return record(workspace, run, FollowUp(FollowUpKind.ATTESTATION, about, now, person, {**said, **words}), who)


def _until_when(attested: Attested, until: datetime | None, now: datetime) -> datetime:
    """Return when a statement expires; raises ``PlanRefused`` for an end that is past, or later than it may be."""
    ends = until or now + attested.valid
    if not now < ends <= now + attested.valid:
        raise PlanRefused(
            f"{ends:%Y-%m-%d} is not between today and {now + attested.valid:%Y-%m-%d}",
            hint="attested.valid in the file says how long a statement holds",
        )
    return ends


def _may_attest(run: Run, attested: Attested, by: str, now: datetime) -> str:
    """Return the person of a name who may state something, by id; raises ``PlanRefused``."""
    person, people = rosters.person_now(run, by, now), rosters.people_now(run, now)
    if attested.by and person not in {people.who(name) for name in attested.by}:
        raise PlanRefused(f"{by} may not state this", hint="the file names who may: " + ", ".join(attested.by))
    return person


def record(workspace: Workspace, run: Run, said: FollowUp, who: WhoSays) -> FollowUp:
    """Keep what somebody says, signed where they have a key; raises ``PlanRefused`` for who may not."""
    if who.signer:
        said = replace(said, assurance="authenticated")
        digest = signed_digest(words_of(said))
        sign_words(run, workspace, StatementKind.ATTESTATION, digest, who.signer, said.at)
    return follow_ups.add(workspace.folder, lambda _: said, said.at, "status")


def as_signed(workspace: Workspace, run: Run, said: FollowUp) -> str:
    """Say how the person of a record is known, by what was signed; what the record says of that is not believed."""
    log, people = logged.known(workspace.folder), plans.signatories(run)
    if not said.person or log is None or said.assurance != "authenticated":
        return "claimed" if said.person else ""
    signed = plans.workspace_statements(workspace.folder)
    digest, kind = signed_digest(words_of(said)), StatementKind.ATTESTATION
    by_key = is_authenticated(signed, kind, digest, said.person, workspace.approvers, people, log.workspace)
    return "authenticated" if by_key else "claimed"


def linked(link: str) -> str:
    """Return a link as it is kept; raises ``PlanRefused`` for none, and for one that a page must not open."""
    text = link.strip()
    if not text or len(text) > LONGEST_NOTE or any(ord(letter) < ord(" ") for letter in text):
        raise PlanRefused("where the evidence is must be said", hint="--link: an address, a ticket or a path")
    if text.partition(":")[0].casefold() in {"javascript", "data", "vbscript"}:
        raise PlanRefused("such a link shows nothing", hint="--link: an address, a ticket or a path")
    return text


def noted(note: str) -> str:
    """Return a note as it is kept; raises ``PlanRefused`` for none."""
    text = " ".join(note.split())
    if not text or len(text) > LONGEST_NOTE:
        raise PlanRefused("a note says what was seen or done", hint=f"--note, of {LONGEST_NOTE} characters at most")
    return text
