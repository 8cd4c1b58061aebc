"""Approve: a second person, independent of the first, signs the digest of a plan.

Requests and approvals are signed statements over the digest. They count by person,
whatever key or account was used: whoever asks does not approve, nobody approves a plan
that touches their own access, and two keys of one person are one approval.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from access_review.audit.reviewers import bare
from access_review.changes import Action, Change
from access_review.errors import PlanRefused
from access_review.logbook.lines import Logbook
from access_review.plan.record import Plan
from access_review.policy import StandingApproval
from access_review.revoke import statements
from access_review.revoke.sshsig import PublicKeyLine
from access_review.revoke.statements import Objection
from access_review.settings.approvers import Approver, Approvers
from access_review.tables import Row

BY_STANDING = "the standing approval"
"""Who asks for a plan that an unattended run makes."""

JOB = "job:standing"
"""Who signs that an unattended run carries a plan out: it attributes, and authorises nothing."""

Statement = statements.Statement
StatementKind = statements.StatementKind


@dataclass(frozen=True, slots=True)
class Signatories:
    """Who is who in a roster: the person behind any of their names, and who is employed."""

    by_name: Mapping[str, frozenset[str]]
    active: frozenset[str]
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, people: Iterable[Row], accounts: Iterable[Row]) -> "Signatories":
        """Index people by id, roster id, mail and name, and by their certain accounts."""
        names: dict[str, set[str]] = {}
        active, called = set(), {}
        for row in people:
            called[row["person"]] = bare(row.get("name") or "")
            if row["status"] in {"active", "leave"}:
                active.add(row["person"])
            for name in (row["person"], row.get("native_id"), row.get("mail"), row.get("name")):
                names.setdefault((name or "").casefold(), set()).add(row["person"])
        for row in accounts:
            for name in (row["account"], row.get("principal_name"), row.get("mail")) if row.get("person") else ():
                names.setdefault((name or "").casefold(), set()).add(row["person"])
        names.pop("", None)
        return cls({name: frozenset(found) for name, found in names.items()}, frozenset(active), called)

    def alike(self, one: str, other: str) -> bool:
        """Tell whether two could be one person: the same, or two of one name; a second row is no second person."""
        return one == other or (bool(self.names.get(one)) and self.names.get(one) == self.names.get(other))

    def count(self, persons: Iterable[str]) -> int:
        """Return how many people these are at least: of namesakes, whom nobody can tell apart, one alone."""
        known = sorted(persons)
        return len({next(first for first in known if self.alike(first, person)) for person in known})

    def named(self, name: str) -> frozenset[str]:
        """Return everybody of this name, whoever is employed."""
        return self.by_name.get(name.strip().casefold(), frozenset())

    def person(self, name: str) -> str:
        """Return the one employed person of this name; raises ``PlanRefused`` for nobody, several, or somebody gone."""
        found, hint = self.named(name), "name a person by the id of the roster, as in hr:person:1042"
        if len(found) != 1:
            raise PlanRefused(f"{name!r} is {f'{len(found)} people' if found else 'nobody'} in the roster", hint=hint)
        (person,) = found
        if person not in self.active:
            raise PlanRefused(f"{name!r} is not employed now", hint="somebody employed must do it")
        return person


def enrolled(approvers: Approvers, keys: Sequence[str], on: date) -> list[Approver]:
    """Return the entries of ``roles/approvers.yaml`` whose keys these are, and that hold on a day."""
    return [
        approver
        for approver in approvers.approvers
        if PublicKeyLine.parse(approver.key).fingerprint in keys and (approver.until is None or on <= approver.until)
    ]


def public_keys(approvers: Approvers) -> list[PublicKeyLine]:
    """Return every key of ``roles/approvers.yaml``, passkeys with where they are asked for."""
    lines = (PublicKeyLine.parse(one.key) for one in approvers.approvers)
    return [replace(line, origin=approvers.origin_of(line.application)) for line in lines]


def read_statement(
    data: bytes, approvers: Approvers, people: Signatories, now: datetime | None = None
) -> tuple[Statement, Approver]:
    """Read a signed statement: who says what; raises ``PlanRefused`` when that person's own key did not sign it.

    The key must hold on the day that the statement names and, with ``now``, still: a day is only what its signer says.
    """
    signed = statements.open_statement(data, public_keys(approvers))
    statement = signed.statement
    on = max(statement.at, now or statement.at)
    valid = enrolled(approvers, signed.keys, on.date())
    if statement.person == JOB:
        return statement, _job(statement, valid)
    person = people.person(statement.person)
    for approver in valid:
        if not approver.job and people.person(approver.person) == person:
            return replace(statement, person=person), approver
    raise PlanRefused(f"{statement.person} did not sign with a key of their own that is valid", hint="sign again")


def _job(statement: Statement, valid: Sequence[Approver]) -> Approver:
    """Return the job's entry for a key; raises ``PlanRefused`` for another key, and for all but an execution or a notice."""
    found = next((approver for approver in valid if approver.job), None)
    if found is None or statement.kind not in {StatementKind.EXECUTION, StatementKind.NOTICE}:
        raise PlanRefused(
            f"{JOB} did not sign that it carries a plan out with its own key, and may say nothing else",
            hint="enrol the key of the job in roles/approvers.yaml: job: standing",
        )
    return found


@dataclass(frozen=True, slots=True)
class Seen:
    """What signatures are held against: the logbook, the run, and the line that says that what is signed was made.

    ``older``: it was made by a version whose signatures name none of these, and such count for it.
    """

    log: Logbook
    run: str
    line: int = 1
    older: bool = False
    withdrawn: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Counted:
    """What was said of a digest and counts, and why the rest was passed over."""

    said: tuple[tuple[Statement, Approver], ...]
    passed_over: tuple[str, ...]
    stale: tuple[str, ...] = ()
    """Of these, what somebody should see to: not what was taken back, nor what was said of another digest."""

    def by(self, kind: StatementKind, may: str) -> set[str]:
        """Return who said something of a kind, and may."""
        return {
            statement.person
            for statement, key in self.said
            if statement.kind is kind and may in key.may and not key.job
        }

    @property
    def words(self) -> str:
        """Why signatures were passed over, for the end of a message."""
        return f" (passed over: {'; '.join(self.passed_over)})" if self.passed_over else ""


_BESIDE = (StatementKind.NOTICE, StatementKind.STOP)
"""What stands behind nothing, and is held to rules of its own."""


def count_statements(
    envelopes: Iterable[bytes],
    digest: str,
    approvers: Approvers,
    people: Signatories,
    *,
    now: datetime,
    seen: Seen | None = None,
    valid: tuple[datetime, datetime] | None = None,
) -> Counted:
    """Return what was said of a digest and counts now; what does not is passed over, and stops nothing else.

    Without ``seen``, statements of format ``@1`` are read, as before there was a logbook. ``valid`` is when what is
    signed was made and when it expires: nobody signs it before or after.
    """
    every = []
    passed: list[str] = []
    stale: list[str] = []
    for data in envelopes:
        try:
            if (whole := statements.payload_of(data)).kind not in _BESIDE:
                every.append((whole, read_statement(data, approvers, people, now)))
        except PlanRefused as error:
            passed.append(error.message)
            stale.append(error.message)
    said = []
    taken_back = statements.withdrawals(statement for _, (statement, _) in every if statement.at <= now)
    for whole, (statement, key) in every:
        if statement.kind is StatementKind.WITHDRAWAL:
            continue
        if why := _objection(whole, statement, digest, now, seen, taken_back) or _outside(statement, valid):
            passed.append(f"{statement.kind} of {statement.person}: {why}")
            if why not in {str(Objection.OTHER_DIGEST), str(Objection.WITHDRAWN)}:
                stale.append(passed[-1])
        else:
            said.append((statement, key))
    return Counted(tuple(said), tuple(sorted(set(passed))), tuple(sorted(set(stale))))


def _outside(statement: Statement, valid: tuple[datetime, datetime] | None) -> str:
    if valid and statement.at < valid[0]:
        return str(Objection.TOO_EARLY)
    return str(Objection.TOO_LATE) if valid and statement.at > valid[1] else ""


def _objection(
    whole: Statement,
    statement: Statement,
    digest: str,
    now: datetime,
    seen: Seen | None,
    taken_back: frozenset[tuple[str, str]],
) -> str:
    """Say why a statement does not count; its id is that of what was signed, names as they were written."""
    taken_back |= seen.withdrawn if seen else frozenset()
    if (statement.person, whole.id) in taken_back:
        return str(Objection.WITHDRAWN)
    if seen is None or (seen.older and statement.head is None):
        if statement.digest != digest:
            return str(Objection.OTHER_DIGEST)
        return str(Objection.IN_FUTURE) if statement.at > now else ""
    found = statements.objection(whole, digest=digest, run=seen.run, log=seen.log, line=seen.line, now=now)
    return str(found) if found else ""


@dataclass(frozen=True, slots=True)
class Approved:
    """Who asked for a plan and who approved it, by person, and why other signatures were passed over."""

    requester: str
    approvers: tuple[str, ...]
    passed_over: tuple[str, ...] = ()


def require(
    plan: Plan,
    envelopes: Iterable[bytes],
    approvers: Approvers,
    people: Signatories,
    *,
    now: datetime,
    by: str,
    seen: Seen | None = None,
) -> Approved:
    """Return who stands behind a plan; raises ``PlanRefused`` unless it is asked for and approved as it must be.

    ``by`` is who carries it out: they may have asked for it, and may not be among those who approve.
    """
    requester = people.person(plan.requested_by)
    executor = people.person(by)
    valid = (plan.made_at, plan.expires_at)
    found = count_statements(envelopes, plan.digest, approvers, people, now=now, seen=seen, valid=valid)
    if requester not in found.by(StatementKind.REQUEST, "request"):
        raise PlanRefused(
            f"{plan.requested_by} has not signed the request{found.words}", hint="access-review approve --request"
        )
    counted = {
        person
        for person in found.by(StatementKind.APPROVAL, "approve")
        if not conflict(plan, person, requester, people) and not people.alike(person, executor)
    }
    needed = approvals_needed(plan)
    if people.count(counted) < needed:
        more = " (whoever carries it out does not count)" if executor != requester else ""
        raise PlanRefused(
            f"{people.count(counted)} of {needed} approvals by somebody else{more}{found.words}",
            hint="access-review approve, by another person",
        )
    return Approved(requester, tuple(sorted(counted)), found.stale)


def approvals_needed(plan: Plan) -> int:
    """Return how many people besides the one who asks must approve a plan: two where a limit is raised for it."""
    return 2 if plan.limits.raised else 1


def conflict(plan: Plan, person: str, requester: str, people: Signatories | None = None) -> str:
    """Say why somebody's approval would not be independent; empty when it is."""
    if person == requester:
        return "whoever asks for a plan does not approve it"
    if people and people.alike(person, requester):
        return "whoever asks for it has the same name, so nobody can tell that they are two"
    touched = {change.target.person for change in plan.changes if change.target.person}
    if person in touched:
        return "the plan touches their own access"
    if people and any(people.alike(person, one) for one in touched):
        return "the plan touches the access of somebody of the same name, so nobody can tell that they are two"
    return ""


def digest_of_standing(standing: StandingApproval) -> str:
    """Return the digest that two people sign of a standing approval: of all it says."""
    return statements.signed_digest(standing.model_dump(mode="json"))


def is_covered(change: Change) -> bool:
    """Tell whether a standing approval covers a change: a leaver's sign-in and sessions end, and nothing else."""
    ends = {Action.DISABLE_ACCOUNT, Action.REVOKE_SESSIONS, Action.MANUAL}
    return change.leaver and change.action in ends and change.target.entitlement is None


def require_standing(
    standing: StandingApproval | None,
    envelopes: Iterable[bytes],
    approvers: Approvers,
    people: Signatories,
    *,
    now: datetime,
    plan: Plan | None = None,
    seen: Seen | None = None,
) -> Approved:
    """Return who signed the standing approval; raises ``PlanRefused`` unless two people did and it still holds.

    Of a ``plan``, all must be covered, and none of it about the access of those who count.
    """
    if plan and (beyond := [statement.id for statement in plan.changes if not is_covered(statement)]):
        raise PlanRefused(
            f"the standing approval does not cover {beyond[0]} ({len(beyond)} of {len(plan.changes)} changes)",
            hint="it is for leavers alone, to disable accounts and revoke sessions; have this plan approved by itself",
        )
    if standing is None:
        raise PlanRefused("there is no standing approval", hint="declare `standing` in roles/policy.yaml")
    if now.date() > standing.until:
        raise PlanRefused(f"the standing approval ended on {standing.until}", hint="renew it: two people sign again")
    found = count_statements(envelopes, digest_of_standing(standing), approvers, people, now=now, seen=seen)
    return require_two(
        found,
        StatementKind.STANDING,
        people,
        plan,
        what="the standing approval",
        how="access-review approve --standing",
    )


def require_two(
    found: Counted, kind: StatementKind, people: Signatories, plan: Plan | None, *, what: str, how: str
) -> Approved:
    """Return who signed something of a kind, said as ``what``; raises ``PlanRefused`` with ``how`` unless two count."""
    counted = two_signers(found, kind, people, plan)
    if len(counted) < 2:
        raise PlanRefused(f"{len(counted)} of 2 people have signed {what} as it now is{found.words}", hint=how)
    return Approved("", counted, found.stale)


def two_signers(found: Counted, kind: StatementKind, people: Signatories, plan: Plan | None = None) -> tuple[str, ...]:
    """Return who signed something of a kind and counts; of namesakes, whom nobody can tell apart, one alone."""
    counted = sorted(person for person in found.by(kind, "approve") if not (plan and conflict(plan, person, "")))
    return tuple(counted if people.count(counted) >= 2 else counted[:1])


def require_standing_then(
    digest: str,
    envelopes: Iterable[bytes],
    approvers: Approvers,
    people: Signatories,
    *,
    now: datetime,
    plan: Plan,
    seen: Seen,
) -> Approved:
    """Return who stood behind an unattended batch when it began, at ``now``; raises ``PlanRefused`` unless two did.

    ``digest`` is that of the standing approval which it was carried out under; where a line from before it was
    written down names none, any that two people had signed by then.
    """
    if beyond := [change.id for change in plan.changes if not is_covered(change)]:
        raise PlanRefused(
            f"no standing approval covers {beyond[0]}, so nobody stood behind it ({len(beyond)} of {len(plan.changes)} changes)",
            hint="who may write to runs/ is to be looked into",
        )
    signed = list(envelopes)
    standing = (one for one in map(statements.statement_or_none, signed) if one and one.kind is StatementKind.STANDING)
    counts = []
    for known in (digest,) if digest else sorted({one.digest for one in standing}):
        found = count_statements(signed, known, approvers, people, now=now, seen=seen)
        counted = two_signers(found, StatementKind.STANDING, people, plan)
        if len(counted) >= 2:
            return Approved("", counted, found.stale)
        counts.append(len(counted))
    raise PlanRefused(
        f"{max(counts, default=0)} of 2 people had signed the standing approval that the batch was carried out under",
        hint="what they signed lies in roles/approvals: restore it, and their keys in roles/approvers.yaml",
    )
