"""Whom the files of a workspace name, and which of them are nobody who works here: they hear of nothing, and can sign nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from access_review.audit.reviewers import People
from access_review.audit.worklist import fold
from access_review.policy import Policy
from access_review.workspace import Workspace

_POLICY, _CHECKLIST, _APPROVERS = "roles/policy.yaml", "roles/checklist.yaml", "roles/approvers.yaml"


@dataclass(frozen=True, slots=True)
class NamedNobody:
    """A name in ``file`` under ``key`` that is nobody who works here now, and why."""

    file: str
    key: str
    name: str
    reason: str


def named_nobody(workspace: Workspace, people: People, today: date) -> tuple[NamedNobody, ...]:
    """Return who is named and is nobody who works here, each once for each place, as the files are read."""
    named = dict.fromkeys(_named(workspace, today))
    return tuple(
        NamedNobody(file, key, name, people.why_nobody(name)[0])
        for file, key, name in named
        if people.who(name) is None
    )


def who_hears(named: Iterable[str], policy: Policy, people: People) -> tuple[str, ...]:
    """Return the people of those ``named`` who work here; where none of them does, all whom a policy names to hear of something.

    Where nobody is left at all the names stand as they are: what is kept in a folder is for them still.
    """
    asked = tuple(named)
    here = _not_gone(asked, people)
    if asked and not here:
        here = _not_gone((name for _, name in _hearing(policy)), people)
    return here or tuple(dict.fromkeys(asked))


def _not_gone(named: Iterable[str], people: People) -> tuple[str, ...]:
    """Return the people of some names who work here, or may: a row that cannot be read silences nobody."""
    found = (people.who(name) or people.known.get(fold(name)) for name in named)
    return tuple(dict.fromkeys(person for person in found if person in people.here | people.unread))


def _hearing(policy: Policy) -> Iterator[tuple[str, str]]:
    """Yield who is told of something, by key."""
    yield from (("watch.tell", name) for name in policy.watch.tell)
    if policy.standing:
        yield from (("standing.tell", name) for name in policy.standing.tell)
    if policy.standing_removal:
        yield from (("standing_removal.tell", name) for name in policy.standing_removal.tell)
    yield from (("reviewing.escalate_to", name) for name in policy.reviewing.escalate_to)


def _named(workspace: Workspace, today: date) -> Iterator[tuple[str, str, str]]:
    """Yield everybody who is named to do or to hear something still: file, key and name."""
    policy, checklist = workspace.policy, workspace.checklist
    yield from ((_POLICY, key, name) for key, name in _hearing(policy))
    if policy.watch.plans_for:
        yield _POLICY, "watch.plans_for", policy.watch.plans_for
    yield from ((_POLICY, "reviewing.client_leads", name) for name in policy.reviewing.client_leads.values())
    yield from (
        (_POLICY, "reviewing.delegates", one.delegate) for one in policy.reviewing.delegates if one.until >= today
    )
    if policy.web:
        yield from ((_POLICY, "web.operations", one.person) for one in policy.web.operations)
        yield from ((_POLICY, "web.auditors", name) for name in policy.web.auditors)
    yield from ((_CHECKLIST, "notify", name) for name in checklist.notify)
    for one in checklist.checkpoints:
        by = one.attested.by if one.attested else ()
        yield from ((_CHECKLIST, f"{one.checkpoint}.notify", name) for name in one.notify)
        yield from ((_CHECKLIST, f"{one.checkpoint}.attested.by", name) for name in by)
    for key in workspace.approvers.approvers:
        if key.person and (key.until is None or key.until >= today):
            yield _APPROVERS, "approvers", key.person
