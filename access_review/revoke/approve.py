"""Approve: a second person, independent of the first, signs the digest of a plan.

Requests and approvals are signed statements over the digest. They count by person,
whatever key or account was used: whoever asks does not approve, nobody approves a plan
that touches their own access, and two keys of one person are one approval.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from access_review.changes import Action, Change
from access_review.errors import PlanRefused
from access_review.plan.record import Plan
from access_review.policy import StandingApproval
from access_review.revoke import statements
from access_review.revoke.signatures import Signed, fingerprint, open_envelope
from access_review.settings import Approver, Approvers
from access_review.tables import Row

FORMAT = "access-review/approval@1"


# Here still without a logbook's head, so of format @1.
Statement = statements.Statement
StatementKind = statements.StatementKind


@dataclass(frozen=True, slots=True)
class Signatories:
    """Who is who in a roster: the person behind any of their names, and who is employed."""

    by_name: Mapping[str, frozenset[str]]
    active: frozenset[str]

    @classmethod
    def of(cls, people: Iterable[Row], accounts: Iterable[Row]) -> "Signatories":
        """Index people by id, roster id, mail and name, and by their certain accounts."""
        names: dict[str, set[str]] = {}
        active = set()
        for row in people:
            if row["status"] in {"active", "leave"}:
                active.add(row["person"])
            for name in (row["person"], row.get("native_id"), row.get("mail"), row.get("name")):
                names.setdefault((name or "").casefold(), set()).add(row["person"])
        for row in accounts:
            for name in (row["account"], row.get("principal_name"), row.get("mail")) if row.get("person") else ():
                names.setdefault((name or "").casefold(), set()).add(row["person"])
        names.pop("", None)
        return cls({name: frozenset(found) for name, found in names.items()}, frozenset(active))

    def person(self, name: str) -> str:
        """Return the one employed person of this name; raises ``PlanRefused`` for nobody, several, or somebody gone."""
        found = self.by_name.get(name.strip().casefold(), frozenset())
        if len(found) != 1:
            raise PlanRefused(
                f"{name!r} is {'nobody' if not found else f'{len(found)} people'} in the roster",
                hint="name a person by the id of the roster, as in hr:person:1042",
            )
        person = next(iter(found))
        if person not in self.active:
            raise PlanRefused(f"{name!r} is not employed now", hint="somebody employed must do it")
        return person


def enrolled(approvers: Approvers, keys: Sequence[str], on: date) -> list[Approver]:
    """Return the entries of ``roles/approvers.yaml`` whose keys these are, and that hold on a day."""
    return [
        approver
        for approver in approvers.approvers
        if fingerprint(approver.key) in keys and (approver.until is None or on <= approver.until)
    ]


def read_statement(data: bytes, approvers: Approvers, people: Signatories) -> tuple[Statement, Approver]:
    """Read a signed statement: who says what; raises ``PlanRefused`` when that person's own key did not sign it."""
    signed = open_envelope(data, [approver.key for approver in approvers.approvers])
    statement = _statement(signed)
    person = people.person(statement.person)
    for approver in enrolled(approvers, signed.keys, statement.at.date()):
        if people.person(approver.person) == person:
            return replace(statement, person=person), approver
    raise PlanRefused(f"{statement.person} did not sign with a key of their own that is valid", hint="sign again")


def _statement(signed: Signed) -> Statement:
    content = signed.content
    try:
        if content["format"] != FORMAT:
            raise PlanRefused(f"an approval has format {content['format']!r}, not {FORMAT!r}")
        at = datetime.fromisoformat(content["at"])
        return Statement(
            StatementKind(content["kind"]), content["digest"], content["person"], at.astimezone(UTC), content["reason"]
        )
    except (KeyError, ValueError, TypeError):
        raise PlanRefused("a signed statement is not one of this tool", hint="sign again") from None


@dataclass(frozen=True, slots=True)
class Approved:
    """Who asked for a plan and who approved it, by person."""

    requester: str
    approvers: tuple[str, ...]


def require(
    plan: Plan, envelopes: Iterable[bytes], approvers: Approvers, people: Signatories, *, now: datetime, by: str
) -> Approved:
    """Return who stands behind a plan; raises ``PlanRefused`` unless it is asked for and approved as it must be.

    ``by`` is who carries it out: they may have asked for it, and may not be among those who approve.
    """
    requester = people.person(plan.requested_by)
    executor = people.person(by)
    statements = [read_statement(data, approvers, people) for data in envelopes]
    about = [
        (statement, key)
        for statement, key in statements
        if statement.digest == plan.digest and plan.made_at <= statement.at <= now
    ]
    if not any(
        statement.kind is StatementKind.REQUEST and statement.person == requester and "request" in key.may
        for statement, key in about
    ):
        raise PlanRefused(f"{plan.requested_by} has not signed the request", hint="access-review approve --request")
    counted = {
        statement.person
        for statement, key in about
        if statement.kind is StatementKind.APPROVAL
        and "approve" in key.may
        and not conflict(plan, statement.person, requester)
    }
    counted.discard(executor)
    needed = approvals_needed(plan)
    if len(counted) < needed:
        more = " (whoever carries it out does not count)" if executor != requester else ""
        raise PlanRefused(
            f"{len(counted)} of {needed} approvals by somebody else{more}",
            hint="access-review approve, by another person",
        )
    return Approved(requester, tuple(sorted(counted)))


def approvals_needed(plan: Plan) -> int:
    """Return how many people besides the one who asks must approve a plan: two where a limit is raised for it."""
    return 2 if plan.limits.raised else 1


def conflict(plan: Plan, person: str, requester: str) -> str:
    """Say why somebody's approval would not be independent; empty when it is."""
    if person == requester:
        return "whoever asks for a plan does not approve it"
    if any(change.target.person == person for change in plan.changes):
        return "the plan touches their own access"
    return ""


def digest_of_standing(standing: StandingApproval) -> str:
    """Return the digest that two people sign of a standing approval: of all it says."""
    import hashlib

    import rfc8785

    return "sha256:" + hashlib.sha256(rfc8785.dumps(standing.model_dump(mode="json"))).hexdigest()


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
) -> tuple[str, ...]:
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
    digest = digest_of_standing(standing)
    statements = [read_statement(data, approvers, people) for data in envelopes]
    counted = {
        statement.person
        for statement, key in statements
        if statement.kind is StatementKind.STANDING
        and statement.digest == digest
        and statement.at <= now
        and "approve" in key.may
        if not (plan and conflict(plan, statement.person, ""))
    }
    if len(counted) < 2:
        raise PlanRefused(
            f"{len(counted)} of 2 people have signed the standing approval as it now is",
            hint="access-review approve --standing",
        )
    return tuple(sorted(counted))
