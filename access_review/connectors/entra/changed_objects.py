"""The objects that a change names, and where Graph has them: no other id or kind comes into an address."""

import re

from access_review.changes import Target, Thing

FOLDERS = {"user": "users", "sp": "servicePrincipals", "group": "groups"}

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class OddError(Exception):
    """The change is nothing that Graph can do."""


def account_of(target: Target) -> Thing:
    """Return the account that a change names; raises :class:`OddError` where there is none."""
    if target.account is None:
        raise OddError("the change names no account")
    return target.account


def folder_of(holder: Thing) -> str:
    """Return the collection that a holder is in; raises :class:`OddError` for what holds nothing here."""
    if holder.kind not in FOLDERS:
        raise OddError(f"a {holder.kind} holds nothing that Graph takes away")
    return FOLDERS[holder.kind]


def object_id(named: Thing | str | object) -> str:
    """Return an id that may stand in an address; raises :class:`OddError` for any other."""
    native = named.native_id if isinstance(named, Thing) else named
    if not isinstance(native, str) or not _ID.fullmatch(native):
        raise OddError(f"{native!r} is no object id")
    return native


def link(group: str, what: str, target: str) -> str:
    """Return the address of a link of a group: the only place that builds one.

    Without ``/$ref`` the same request deletes the user itself.
    """
    if what not in ("members", "owners") or not (_ID.fullmatch(group) and _ID.fullmatch(target)):
        raise ValueError(f"no link: {group!r} {what!r} {target!r}")
    return f"/groups/{group}/{what}/{target}/$ref"
