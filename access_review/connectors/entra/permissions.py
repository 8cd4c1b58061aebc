"""Which application permissions reading and writing need, and why: the registrations ask for these and no others."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from access_review.changes import Action, Change
from access_review.connectors.entra.queries import QUERIES, SEES_HIDDEN
from access_review.connectors.entra.tenant_parts import PARTS

OPTIONAL = frozenset({"Group-OnPremisesSyncBehavior.ReadWrite.All"})
"""Asked only where an option needs it."""

READING = frozenset(read.permission for read in QUERIES) - OPTIONAL
"""What a reader needs to read everything."""


@dataclass(frozen=True, slots=True)
class Write:
    """One kind of change, the permission it takes, and what the writer cannot do without it."""

    permission: str
    why: str


WRITES = (
    Write("User.EnableDisableAccount.All", "disable an account, and enable it again on undo"),
    Write("User.RevokeSessions.All", "end the sessions of an account"),
    Write("GroupMember.ReadWrite.All", "remove a member of a group, and put it back on undo"),
    Write("AppRoleAssignment.ReadWrite.All", "remove an app role from a user, group or application"),
    Write("DelegatedPermissionGrant.ReadWrite.All", "remove a consent, or one scope of it"),
    Write(
        "RoleManagement.ReadWrite.Directory",
        "remove a directory role, end a role in PIM, and change members of role-assignable groups. It can also give "
        "any role: leave it out, and such changes are refused and go to a person",
    ),
    Write("PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup", "end who may become a member through PIM"),
    Write("PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup", "end a membership that PIM made"),
    Write("User.Read.All", "look at accounts and memberships before and after each change"),
    Write("GroupMember.Read.All", "look at groups before each change"),
    Write("Application.Read.All", "look at app roles before and after each change"),
)
WRITING = frozenset(write.permission for write in WRITES)
"""What a writer needs for every change."""

LOOKING = ("User.Read.All", "GroupMember.Read.All", "Application.Read.All")
"""With these a writer looks before and after; the others let it read what they let it write."""

_ROLES = "RoleManagement.ReadWrite.Directory"
_BY_KIND = {
    "role": _ROLES,
    "approle": "AppRoleAssignment.ReadWrite.All",
    "consent": "DelegatedPermissionGrant.ReadWrite.All",
}


def writes_with(change: Change) -> tuple[str, ...]:
    """Return the permissions that a change can take, the first always, the others by what it is about."""
    target, held = change.target, change.target.entitlement
    if change.action is Action.REVOKE_SESSIONS:
        return ("User.RevokeSessions.All",)
    if held is None:
        user = target.account is not None and target.account.kind == "user"
        # No narrower permission disables an application; it is not asked for, so that this goes to a person.
        return ("User.EnableDisableAccount.All",) if user else ("Application.ReadWrite.All",)
    if held.kind != "group":
        return (_BY_KIND[held.kind],)
    if target.mode == "eligible":
        return ("PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup",)
    if change.via == "pim":
        return ("PrivilegedAssignmentSchedule.ReadWrite.AzureADGroup",)
    return ("GroupMember.ReadWrite.All", _ROLES)


def writing() -> Iterator[str]:
    """Yield a table of the writer's permissions, as Markdown."""
    yield "| permission | for |"
    yield "| --- | --- |"
    yield from (f"| {write.permission} | {write.why} |" for write in WRITES)


_HIDDEN = (
    "who is in groups that hide their members | While there is such a group, who is in it is unknown, and nothing is "
    "concluded from what the tenant's grants do not show."
)


def _parts() -> dict[str, list[str]]:
    found = defaultdict(list)
    for read in QUERIES:
        found[read.permission].append(read.part)
    return found


def reading() -> Iterator[str]:
    """Yield a table of the reader's permissions, as Markdown."""
    yield "| permission | for | without it |"
    yield "| --- | --- | --- |"
    needed = {part.name for part in PARTS if part.with_ == "always"}
    for permission in sorted({*_parts(), SEES_HIDDEN}):
        if permission == SEES_HIDDEN:
            yield f"| {SEES_HIDDEN} (optional) | {_HIDDEN} |"
            continue
        reads = [read for read in QUERIES if read.permission == permission]
        why = "; ".join(dict.fromkeys(read.why.rstrip(".") for read in reads))
        lost = " ".join(dict.fromkeys(read.lost for read in reads))
        must = any(read.part in needed and read.part != "signIns" for read in reads)
        name = f"**{permission}**" if must else permission
        yield f"| {name}{' (optional)' if permission in OPTIONAL else ''} | {why} | {lost} |"
