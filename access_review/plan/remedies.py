"""From a finding to the changes that would end it, or to the reason why only a person can.

For one account the cut is forced: every grant of its own that reaches the excess. What
cannot be taken away cleanly, certainly and here gives no change at all.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from access_review.changes import Action, Change, Expectation, Target, Thing, change
from access_review.plan.alternatives import alternatives_to
from access_review.plan.request import Request
from access_review.plan.withheld import Withheld, WithheldCode, withheld
from access_review.tables import Row

DISABLED_KINDS = ("human", "guest", "agent")
"""Accounts that belong to one person or agent; others may depend on the rest."""

_BY_VIA = {
    "member": Action.REMOVE_MEMBER,
    "role-assignment": Action.REMOVE_ROLE_ASSIGNMENT,
    "pim": Action.END_PIM,
    "approle": Action.REMOVE_APPROLE,
    "consent": Action.REMOVE_CONSENT,
}

_EFFECTS = {
    "restricts": WithheldCode.RESTRICTS,
    "exempts": WithheldCode.EXEMPTS,
    "distribution": WithheldCode.DISTRIBUTION,
    "unknown": WithheldCode.EFFECT_UNKNOWN,
}


class Refusal(Exception):
    """A finding gives no change, and why."""

    def __init__(self, why: Withheld) -> None:
        super().__init__(why.reason)
        self.withheld = why


def _refusal(code: WithheldCode, *alternatives: str, **facts: object) -> Refusal:
    return Refusal(withheld(code, *alternatives, **facts))


def changes_for(request: Request, finding: Row) -> tuple[Change, ...] | Withheld:
    """Return the changes that one of the findings of a request asks for, or why there are none."""
    how: dict[str, Callable[[Request, Row], Iterator[Change]]] = {
        "disable": _disable,
        "remove": _remove,
        "cut": _cut,
        "revoke": _revoke,
    }
    if finding["carried"]:
        return withheld(WithheldCode.NOT_CHECKED, detail=finding["reason"])
    try:
        changes = tuple(how.get(finding["remedy"], _remove)(request, finding))
    except Refusal as refusal:
        return refusal.withheld
    if finding["remedy"] not in how:
        return withheld(WithheldCode.UNDECIDED, rule=finding["rule"])
    return changes


def _disable(request: Request, finding: Row) -> Iterator[Change]:
    account = _own_account(request, finding)
    _complete(request, [account["account"]])
    copy = account if account["twin"] and _synchronised(request, account["source"]) else None
    if copy:
        # Directory synchronisation would enable the copy again: its origin is what must be disabled.
        account = _checked(request, account["twin"])
        _complete(request, [account["account"]])
        if account["enabled"] is False:
            ways = ["see whether synchronisation runs", "disable the copy by hand meanwhile, and revoke its sessions"]
            raise _refusal(WithheldCode.ORIGIN_DISABLED, *ways, name=account["name"])
    if account["enabled"] is False:
        raise _refusal(WithheldCode.ALREADY_DISABLED)
    for holder in filter(None, (account, copy)):
        if holder["kind"] not in DISABLED_KINDS:
            raise _refusal(WithheldCode.OTHERS_DEPEND, kind=holder["kind"])
        if holder["enabled"] is None:
            raise _refusal(WithheldCode.ENABLED_UNKNOWN, "look at the account and disable it by hand")
    expect = Expectation(present=True, enabled=True, person_status=account["status"])
    action = _action(request, account["source"], Action.DISABLE_ACCOUNT)
    yield change(action, _target(request, action, account), expect, finding["finding"])
    online = copy or account
    if _has_own_sessions(request, online) and online["status"] == "left":
        sessions = Expectation(present=True, person_status=online["status"])
        target = _target(request, Action.REVOKE_SESSIONS, online)
        yield change(Action.REVOKE_SESSIONS, target, sessions, finding["finding"])


def _synchronised(request: Request, source: str) -> bool:
    return source in request.capabilities and request.capabilities[source].synchronised


def _has_own_sessions(request: Request, account: Row) -> bool:
    # Revoking the sessions of a guest has no effect: they are the home tenant's.
    return request.can(account["source"], Action.REVOKE_SESSIONS) and account["kind"] == "human"


def _remove(request: Request, finding: Row) -> Iterator[Change]:
    account = _own_account(request, finding)
    goal = finding["about"]
    if goal not in request.entitlements:
        raise _refusal(WithheldCode.NOT_AN_ENTITLEMENT)
    grants = _reaching(request, account, goal)
    if account["status"] != "left":
        grants = _beyond(request, grants, goal)
    if not grants:
        raise _refusal(WithheldCode.NO_OWN_GRANT)
    for grant in grants:
        yield _removal(request, account, grant, finding)


def _revoke(request: Request, finding: Row) -> Iterator[Change]:
    """Take away one grant because a reviewer said so, though a role may allow it."""
    account = _own_account(request, finding)
    if finding["about"] is None:
        raise _refusal(WithheldCode.ACCOUNT_ITSELF, "find out what it is for", "disable it by hand")
    for grant in request.held.get(account["account"], ()):
        if (grant["entitlement"], grant["mode"]) != (finding["about"], finding["mode"]):
            continue
        name = request.entitlements[grant["entitlement"]]["name"]
        if grant["mirrored"]:
            raise _refusal(WithheldCode.MASTERED_ELSEWHERE, name=name)
        if grant["verdict"] == "mixed":
            ways = alternatives_to(request, grant, grant["entitlement"])
            raise _refusal(WithheldCode.PARTLY_EXPECTED, *ways, name=name)
        yield _removal(request, account, grant, finding)


def _reaching(request: Request, account: Row, goal: str) -> list[Row]:
    """Return the own grants that must go to end ``goal``; of a synced copy, the grants it follows.

    A grant that is wrong in itself goes alone, since each has a finding of its own.
    What is forbidden however it is reached needs every grant that leads there.
    """
    leading = request.leading.get((account["account"], goal), ())
    direct = [g for g in leading if g["entitlement"] == goal]
    forbidden = account["status"] != "left" and any(g["never"] == goal for g in leading)
    found: dict[tuple[str, str, str], Row] = {}
    for grant in leading if forbidden or not direct else direct:
        followed = request.originals.get((grant["account"], grant["entitlement"]), ()) if grant["mirrored"] else ()
        wanted = {(o["original_account"], o["original_entitlement"]) for o in followed}
        mastered = [g for holder, _ in wanted for g in request.held[holder] if (holder, g["entitlement"]) in wanted]
        for grant_to_cut in mastered or [grant]:
            found[grant_to_cut["account"], grant_to_cut["entitlement"], grant_to_cut["mode"]] = grant_to_cut
    return [found[key] for key in sorted(found)]


def _beyond(request: Request, grants: Sequence[Row], goal: str) -> list[Row]:
    """Keep what lies beyond the roles; refuse when that would not end the excess."""
    if any(not grant["verdict"] for grant in grants):
        raise _refusal(WithheldCode.ROLES_UNKNOWN)
    if any(grant["verdict"] == "within" for grant in grants if grant["entitlement"] == goal):
        raise _refusal(WithheldCode.ALLOWED, "change the role template", "waive the finding")
    mixed = next((grant for grant in grants if grant["verdict"] == "mixed"), None)
    if mixed:
        name = request.entitlements[mixed["entitlement"]]["name"]
        raise _refusal(WithheldCode.PARTLY_EXPECTED, *alternatives_to(request, mixed, goal), name=name)
    return [grant for grant in grants if grant["verdict"] == "beyond"]


def _removal(request: Request, account: Row, grant: Row, finding: Row) -> Change:
    holder = account if grant["account"] == account["account"] else _checked(request, grant["account"])
    held = request.entitlements[grant["entitlement"]]
    _complete(request, [holder["account"], *request.reach[grant["entitlement"]]])
    if holder["status"] != "left":
        _followed_known(request, held["source"])
    _touchable(request, held)
    if grant["via"] == "licence" or held["kind"] == "licence":
        raise _refusal(WithheldCode.LICENCE)
    if not grant["removable"]:
        raise _refusal(WithheldCode.NOT_REMOVABLE, detail=grant["why_not"] or "its source does not say why")
    if not request.licences.isdisjoint(request.reach[grant["entitlement"]]):
        raise _refusal(WithheldCode.CARRIES_LICENCE, name=held["name"])
    source = grant["mastered_in"] or held["source"]
    if grant["via"] not in _BY_VIA and _writable(request, source):
        raise _refusal(WithheldCode.NO_ACTION, via=grant["via"])
    action = _action(request, source, _BY_VIA.get(grant["via"], Action.MANUAL))
    expect = Expectation(
        present=True, person_status=holder["status"], verdict=grant["verdict"] if holder["status"] != "left" else ""
    )
    return change(action, _target(request, action, holder, grant), expect, finding["finding"], grant["via"])


def _cut(request: Request, finding: Row) -> Iterator[Change]:
    child, parent = (request.entitlements.get(finding[end]) for end in ("subject", "about"))
    edges = request.edges.get((finding["subject"], finding["about"]), ())
    if child is None or parent is None or not edges:
        raise _refusal(WithheldCode.NESTING_GONE)
    _complete(request, [child["entitlement"], *request.reach[parent["entitlement"]]])
    for end in (child, parent):
        _touchable(request, end)
    for edge in edges:
        if not edge["removable"]:
            detail = edge["why_not"] or "its source does not say why"
            raise _refusal(WithheldCode.NESTING_NOT_REMOVABLE, detail=detail)
        if edge["why"] != "member":
            ways = ("take it away by hand", "change the template")
            raise _refusal(WithheldCode.NESTING_IS_NO_MEMBERSHIP, *ways, why=edge["why"])
        source = edge["mastered_in"] or parent["source"]
        action = _action(request, source, Action.CUT_NESTING)
        target = Target(
            source,
            request.connectors.get(source, ""),
            child=_thing(child),
            entitlement=_thing(parent),
            mode=edge["mode"],
            native_id=edge["native_id"],
            manual=f"take {child['name']} out of {parent['name']}" if action is Action.MANUAL else "",
        )
        yield change(action, target, Expectation(present=True), finding["finding"], edge["why"])


def _own_account(request: Request, finding: Row) -> Row:
    if finding["subject"] not in request.accounts:
        raise _refusal(WithheldCode.NOT_ONE_ACCOUNT)
    return _checked(request, finding["subject"])


def _checked(request: Request, name: str) -> Row:
    """Return an account that a change may touch; refuse otherwise."""
    account = request.accounts[name]
    if protected := request.protected.get(name):
        raise Refusal(protected)
    if not account["stable_id"]:
        raise _refusal(WithheldCode.ID_MAY_CHANGE, name=account["name"])
    if name in request.quarantined:
        raise Refusal(request.quarantined[name])
    if account["person"] is None:
        raise _refusal(WithheldCode.OWNER_UNKNOWN, "find the owner", "record it in the roster", link=account["link"])
    if not account["certain"]:
        raise _refusal(WithheldCode.OWNER_GUESSED, "confirm the owner by employee id", link=account["link"])
    if account["status"] not in {"active", "leave", "left"}:
        raise _refusal(WithheldCode.STATUS_UNCERTAIN, "ask HR", status=account["status"])
    if account["status"] == "left" and account["employed"]:
        raise _refusal(WithheldCode.STILL_ASSIGNED, "ask HR")
    if account["leaving"]:
        raise _refusal(WithheldCode.NOT_OVER_YET)
    return account


def _touchable(request: Request, entitlement: Row) -> None:
    name = entitlement["name"]
    for reached in sorted(request.reach.get(entitlement["entitlement"], ())):
        if protected := request.protected.get(reached):
            raise Refusal(replace(protected, about=request.entitlements[reached]["name"]))
    if not entitlement["stable_id"]:
        raise _refusal(WithheldCode.ID_MAY_CHANGE, name=name)
    if entitlement["effect"] != "grants":
        raise _refusal(_EFFECTS[entitlement["effect"]])


def _complete(request: Request, ids: Sequence[str]) -> None:
    """Refuse unless the rosters, and every source and group named, were read whole."""
    for source, reason in sorted(request.gaps.rosters.items()):
        raise _refusal(WithheldCode.INCOMPLETE, name=source, detail=reason)
    for name in sorted(ids):
        source = name.split(":", 1)[0]
        if reason := request.gaps.sources.get(source, ""):
            raise _refusal(WithheldCode.INCOMPLETE, name=source, detail=reason)
        if reason := request.gaps.groups.get(name, ""):
            called = request.entitlements.get(name, {}).get("name", name)
            raise _refusal(WithheldCode.INCOMPLETE, name=called, detail=reason)


def _followed_known(request: Request, source: str) -> None:
    """Refuse while it is not known what follows a directory's groups: a tenant may carry on from there what a role allows."""
    if not request.can(source, Action.CUT_NESTING) or request.capabilities[source].synchronised:
        return
    for name, reason in sorted(request.gaps.carriers.items()):
        if name in request.capabilities and request.capabilities[name].synchronised:
            raise _refusal(WithheldCode.INCOMPLETE, name=name, detail=reason)


def _writable(request: Request, source: str) -> bool:
    return source in request.capabilities and bool(request.capabilities[source].actions)


def _action(request: Request, source: str, wanted: Action) -> Action:
    """Return what is wanted where the system can do it, and an order to a person elsewhere."""
    return wanted if request.can(source, wanted) else Action.MANUAL


def _target(request: Request, action: Action, account: Row, grant: Row | None = None) -> Target:
    held = request.entitlements[grant["entitlement"]] if grant else None
    source = (grant["mastered_in"] or held["source"]) if grant and held else account["source"]
    words = f"take {held['name']} away from {account['name']}" if held else f"disable {account['name']}"
    return Target(
        source,
        request.connectors.get(source, ""),
        account=Thing(account["account"], account["native_id"], account["name"]),
        entitlement=_thing(held) if held else None,
        mode=grant["mode"] if grant else "",
        scope=held["scope"] if held else None,
        native_id=grant["native_id"] if grant else None,
        until=grant["until_at"] if grant else None,
        person=account["person"],
        person_name=account["person_name"],
        manual=f"{words} in {source}" if action is Action.MANUAL else "",
    )


def _thing(entitlement: Row) -> Thing:
    return Thing(entitlement["entitlement"], entitlement["native_id"], entitlement["name"])
