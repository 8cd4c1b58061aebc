"""Replication metadata: when an attribute was last changed, and since when a value of a link is there; pure.

Active Directory hands these out as small XML texts, one per attribute
(``msDS-ReplAttributeMetaData``) or link value (``msDS-ReplValueMetaData``): MS-ADTS
3.1.1.4.5.26 and 3.1.1.4.5.27. Samba leaves them empty.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from typing import NamedTuple

# The text ends in a zero byte and names are not escaped by every server, so a strict XML parser refuses real ones.
_FIELD = re.compile(r"<(\w+)>([^<]*)</\1>")
_NEVER = "1601-01-01"


class AttributeChange(NamedTuple):
    """One attribute, in lower case, and when it was last changed anywhere."""

    name: str
    changed: datetime | None


class LinkValue(NamedTuple):
    """One value of a link attribute; ``since`` is null when the value is no longer there."""

    name: str
    dn: str
    since: datetime | None


def read_attribute(text: str) -> AttributeChange | None:
    """Read the metadata of an attribute, null for anything else."""
    found = _fields(text, "DS_REPL_ATTR_META_DATA")
    if not found or "pszAttributeName" not in found:
        return None
    return AttributeChange(found["pszAttributeName"].lower(), _time(found.get("ftimeLastOriginatingChange", "")))


def read_link_value(text: str) -> LinkValue | None:
    """Read the metadata of a link value, null for anything else.

    A value that was removed and added again keeps its creation time, so the last change is
    when it came: nothing but adding and removing changes a value.
    """
    found = _fields(text, "DS_REPL_VALUE_META_DATA")
    if not found or "pszAttributeName" not in found or "pszObjectDn" not in found:
        return None
    present = found.get("ftimeDeleted", _NEVER).startswith(_NEVER)
    since = _time(found.get("ftimeLastOriginatingChange", "")) if present else None
    return LinkValue(found["pszAttributeName"].lower(), found["pszObjectDn"], since)


def _fields(text: str, kind: str) -> Mapping[str, str] | None:
    if f"<{kind}>" not in text:
        return None
    return {name: unescape(held) for name, held in _FIELD.findall(text)}


def _time(text: str) -> datetime | None:
    if text.startswith(_NEVER):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
