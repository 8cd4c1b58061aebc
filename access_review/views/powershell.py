"""The plan as a PowerShell script, for administrators who may not give a tool write access.

The script is data and a fixed program: what comes from a directory stands only inside
single-quoted text, where PowerShell expands nothing, and ids are taken only when they
look like ids.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from access_review.changes import UNDO, Action, Capabilities, Change
from access_review.plan.limits import Count
from access_review.plan.record import Plan
from access_review.views.plan_files import OUTLIVES, WORDS, who
from access_review.views.text import visible

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SID = re.compile(r"S-1(?:-\d{1,10}){2,15}")
_PLAIN = re.compile(r"[A-Za-z0-9_.@/+=~!-]{1,256}")

# PowerShell takes each of these for the end of single-quoted text; doubled, they stand for themselves.
_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")

Field = tuple[str, str]


def script(plan: Plan, capabilities: Mapping[str, Capabilities]) -> bytes:
    """Return the script: UTF-8 with a mark and CRLF line ends, which Windows PowerShell 5.1 needs to read it right.

    ``capabilities`` is what the connector of each source declares: which half of the script reaches it.
    """
    halves = {source: declared.script for source, declared in capabilities.items()}
    can = _can_give_back if plan.gives_back else _scriptable
    batch_of = {change: batch.id for batch in plan.batches for change in batch.changes}
    scripted = [change for change in plan.changes if can(change, halves.get(change.target.source, ""))]
    text = _template().render(
        plan=plan,
        about=visible(plan.requested_by),
        outlives=OUTLIVES,
        changes=[list(_fields(change, batch_of[change.id], halves[change.target.source])) for change in scripted],
        by_hand=[_in_words(change) for change in plan.changes if change not in scripted],
        allowed=[_allowance(change) for change in plan.limits.counts if change.what in _COUNTED],
        directory=any(halves[change.target.source] == "directory" for change in scripted),
        cloud=any(halves[change.target.source] == "cloud" for change in scripted),
    )
    return "\ufeff".encode() + text.replace("\n", "\r\n").encode()


def quoted(text: str) -> str:
    """Return text as PowerShell's single-quoted text: nothing in it is expanded, no line ends it."""
    return "'" + _QUOTES.sub(lambda quote: quote[0] * 2, visible(text)) + "'"


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("access_review", "views/templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - no markup: every value goes through `quoted`
    )
    environment.filters["quoted"] = quoted
    return environment.get_template("revoke.ps1.jinja")


_TAKEN = {restoring: action for action, restoring in UNDO.items()}
_GIVEN_BACK = {
    Action.ENABLE_ACCOUNT,
    Action.ADD_MEMBER,
    Action.ADD_NESTING,
    Action.ADD_ROLE_ASSIGNMENT,
    Action.ADD_PIM,
}
"""What the script of an undo does. An app role or consent given back is another one, with an id of its own: by hand."""


def _can_give_back(change: Change, half: str) -> bool:
    """Tell whether the script of an undo can address it, as the script that took it could."""
    return change.action in _GIVEN_BACK and _scriptable(replace(change, action=_TAKEN[change.action]), half)


_IN_DIRECTORY = (Action.DISABLE_ACCOUNT, Action.REMOVE_MEMBER, Action.CUT_NESTING)
_COUNTED = {"accounts disabled": "disable", "grants removed": "remove"}


def _scriptable(change: Change, half: str) -> bool:
    """Tell whether the script can address it: by GUID or SID in a directory, by object id in the cloud."""
    target = change.target
    things = [thing.native_id for thing in (target.account, target.child) if thing]
    if half == "directory":
        things += [target.entitlement.native_id] if target.entitlement else []
        return change.action in _IN_DIRECTORY and all(_GUID.fullmatch(t) or _SID.fullmatch(t) for t in things)
    if half != "cloud" or not all(_GUID.fullmatch(thing) for thing in things):
        return False
    held = target.entitlement
    group = held is None or held.kind == "group"
    match change.action:
        case Action.DISABLE_ACCOUNT | Action.REVOKE_SESSIONS:
            return True
        case Action.REMOVE_MEMBER | Action.CUT_NESTING:
            return held is not None and group and _GUID.fullmatch(held.native_id) is not None
        case Action.REMOVE_ROLE_ASSIGNMENT | Action.END_PIM:
            return held is not None and held.kind == "role" and bool(_PLAIN.fullmatch(held.native_id))
        case Action.REMOVE_APPROLE | Action.REMOVE_CONSENT:
            return bool(held and _PLAIN.fullmatch(held.native_id) and _PLAIN.fullmatch(target.native_id or ""))
        case _:
            return False


def _fields(change: Change, batch: str, half: str) -> Iterator[Field]:
    target, thing = change.target, who(change.target)
    yield "Id", change.id
    yield "Batch", batch
    yield "Action", change.action
    yield "Kind", _TAKEN[change.action] if change.action.restores else change.action
    yield "System", half
    yield "Source", target.source
    yield "Who", thing.native_id
    yield "WhoKind", thing.kind
    yield "WhoName", thing.name
    yield "What", target.entitlement.native_id if target.entitlement else ""
    yield "WhatName", target.entitlement.name if target.entitlement else ""
    yield "Mode", target.mode
    yield "Scope", target.scope or "/"
    yield "Assignment", target.native_id or ""
    yield "Until", target.until.strftime("%Y-%m-%dT%H:%M:%SZ") if target.until else ""


def _in_words(change: Change) -> str:
    loses = f", {change.target.entitlement.name}" if change.target.entitlement else ""
    words = change.target.manual or f"{who(change.target).name}{loses}"
    return f"{change.id} {change.target.source}: {WORDS[change.action]}: {words}"


def _allowance(count: Count) -> tuple[str, int]:
    return f"{_COUNTED[count.what]} {count.where}", count.allowed
