"""The check list of one leaver in one system: what is open, what is done, and what cannot be said.

What nobody could read is unknown, and never done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from access_review.offboarding.leaver import AccessItem, AccessState, Check, System
from access_review.offboarding.queries import HeldThing

_READ_FROM: Mapping[AccessItem, tuple[str, ...]] = {
    AccessItem.SIGN_IN: ("accounts",),
    AccessItem.SESSIONS: ("accounts",),
    AccessItem.PRIVILEGED: ("grants", "entitlements", "nesting"),
    AccessItem.GRANTS: ("grants",),
    AccessItem.LICENCES: ("grants",),
    AccessItem.OWNED: ("owners",),
    AccessItem.SECRETS: ("credentials", "owners"),
    AccessItem.SHARED: ("custody",),
    AccessItem.AGENTS: ("owners", "people"),
    AccessItem.FORWARDING: ("accounts",),
}
"""The tables that must have been read before an item can be called done."""


OUTLIVES = timedelta(hours=28)
"""The longest that a session outlives a disabled account: tokens under continuous access evaluation."""


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What a run read: which systems have sessions, and what was not read, by table and source.

    ``matched`` are the systems whose accounts are led to people: whoever leaves may have one there.
    """

    run: str
    as_of: datetime
    snapshot: str
    sessions: frozenset[str]
    missing: frozenset[str]
    incomplete: Mapping[str, Mapping[str, str]]
    matched: frozenset[str]

    @property
    def unseen(self) -> frozenset[str]:
        """The systems in which anybody may have an account that was not read."""
        return self.matched & self.incomplete.get("accounts", {}).keys()

    def unread(self, item: AccessItem) -> str:
        """Say which table no source provides, or nothing."""
        # Nesting and secrets are extras of their tables: a source may have none of them and yet be read whole.
        lacking = [
            table for table in _READ_FROM[item] if table in self.missing and table not in {"nesting", "credentials"}
        ]
        return f"no source provides {lacking[0]}" if lacking else ""

    def why_not(self, item: AccessItem, source: str) -> str:
        """Say why an item of a system cannot be called done, or nothing."""
        for table in _READ_FROM[item]:
            short = self.incomplete.get(table, {})
            # These are read from rosters and registers, whichever system the item is about.
            about_others = table in {"owners", "custody", "people"}
            for name, reason in sorted(short.items()):
                if about_others or name == source:
                    return f"{table} of {name} is incomplete: {reason}"
        return ""


def fill_checklist(
    source: str,
    rows: Sequence[HeldThing],
    context: ReadContext,
    before: System | None,
    verified_at: datetime | None,
) -> System:
    """Fill in the check list of a leaver in the system ``source``.

    ``rows`` are those about this leaver and system; ``before`` is what the run before said of it,
    ``verified_at`` when a read after a change proved that access was gone.
    """
    checks = {item: _check(item, source, [row for row in rows if row["item"] == item], context) for item in AccessItem}
    if before and before.had_account and checks[AccessItem.SIGN_IN].state is AccessState.NONE:
        checks[AccessItem.SIGN_IN] = Check(AccessItem.SIGN_IN, AccessState.DONE, reason="the account is gone")
    sign_in = checks[AccessItem.SIGN_IN].state
    last_open_at = before.last_open_at if before else None
    first_gone_at = before.first_gone_at if before else None
    if sign_in is AccessState.OPEN:
        last_open_at, first_gone_at, verified_at = context.as_of, None, None
    elif sign_in is AccessState.UNKNOWN:
        first_gone_at, verified_at = None, None
    elif sign_in is AccessState.DONE:
        first_gone_at = first_gone_at or context.as_of
    if verified_at and last_open_at and last_open_at > verified_at:
        verified_at = None  # seen open after the proof: what closed it then, nobody proved
    reopened = bool(before and before.state(AccessItem.SIGN_IN) is AccessState.DONE and sign_in is AccessState.OPEN)
    checks[AccessItem.SESSIONS] = _judge_sessions(
        checks[AccessItem.SESSIONS], sign_in, source, context, verified_at or first_gone_at
    )
    return System(source, tuple(checks.values()), last_open_at, first_gone_at, verified_at, reopened)


_ENABLED_UNKNOWN = "whether the account is enabled is not known"
_UNLINKED = "the account is still listed, and nothing leads to this person or for certain to another"


def _check(item: AccessItem, source: str, rows: Sequence[HeldThing], context: ReadContext) -> Check:
    still = tuple(row["name"] for row in rows if row["state"] != "done")
    done = tuple(row["name"] for row in rows if row["state"] == "done")
    if any(row["state"] == "open" for row in rows):
        return Check(item, AccessState.OPEN, still, done)
    if still:
        unlinked = any(row["state"] == "unlinked" for row in rows)
        return Check(item, AccessState.UNKNOWN, still, done, _UNLINKED if unlinked else _ENABLED_UNKNOWN)
    # That nothing was found counts only where everything was read.
    if reason := context.why_not(item, source):
        return Check(item, AccessState.UNKNOWN, (), done, reason)
    if reason := context.unread(item):
        return Check(item, AccessState.UNREAD, (), done, reason)
    return Check(item, AccessState.DONE if rows else AccessState.NONE, (), done)


def _judge_sessions(
    check: Check, sign_in: AccessState, source: str, context: ReadContext, gone_at: datetime | None
) -> Check:
    """Judge sessions, which no snapshot shows: open with the account, and over when none can have lasted."""
    if source not in context.sessions or sign_in is AccessState.NONE:
        return replace(check, state=AccessState.NONE, reason="")
    if check.state is AccessState.OPEN:
        return check
    if sign_in is not AccessState.DONE:
        return replace(check, state=sign_in, reason="as long as the account works, so do its sessions")
    if gone_at is not None and gone_at + OUTLIVES <= context.as_of:
        return replace(check, state=AccessState.DONE, reason="no session outlives a disabled account for so long")
    hours = OUTLIVES // timedelta(hours=1)
    reason = f"no read shows them; {hours} h after disabling they are over for certain"
    return replace(check, state=AccessState.UNKNOWN, reason=reason)
