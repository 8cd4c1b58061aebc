"""What an answer of a web service says of itself: that more pages follow, or that there is more than it holds. Pure.

A list that was saved page by page looks whole in each page. Graph and OData have a ``nextLink``, SuccessFactors and SAP
``__next``, SCIM ``totalResults``, others a cursor, ``has_more`` or a total.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_LINKS = frozenset(
    {
        *("@odata.nextlink", "odata.nextlink", "nextlink", "__next", "next", "next_page", "nextpage", "next_url"),
        *("nextpagetoken", "next_page_token", "next_cursor", "nextcursor", "next_token", "nexttoken", "nextrecordsurl"),
    }
)
_MORE = frozenset(
    {"has_more", "hasmore", "has_next", "hasnext", "hasnextpage", "more_available", "is_truncated", "istruncated"}
)
_LAST = frozenset({"last", "islast", "is_last", "islastpage", "is_last_page", "done"})
_COUNTS = frozenset(
    {
        *("@odata.count", "odata.count", "__count", "totalresults", "total", "totalcount", "total_count", "totalsize"),
        *("totalrecords", "total_records", "totalelements", "total_results", "total_items", "totalitems"),
    }
)
_BELOW = frozenset(
    {
        "paging",
        "pagination",
        "page",
        "links",
        "_links",
        "meta",
        "metadata",
        "response_metadata",
        "page_info",
        "pageinfo",
    }
)


def more(answers: Sequence[Any], records: int) -> str:
    """Say how the objects around a list of ``records`` say that it is not all; nothing where they do not."""
    for answer in answers:
        for name, value in _said(answer):
            folded = name.casefold()
            if (
                (folded in _LINKS and value)
                or (folded in _MORE and value is True)
                or (folded in _LAST and value is False)
            ):
                return f"{name} says that more pages follow"
            if folded in _COUNTS and (count := _number(value)) is not None and count > records:
                return f"{name} says that there are {count:,}, and {records:,} are here"
    return ""


def _said(answer: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(answer, Mapping):
        return
    for name, value in answer.items():
        yield str(name), value
        if str(name).casefold() in _BELOW and isinstance(value, Mapping):
            yield from ((str(inner), found) for inner, found in value.items())


def _number(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) else None
