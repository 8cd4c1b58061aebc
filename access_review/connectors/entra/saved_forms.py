"""The forms in which people save what Graph answered: each becomes a page. Pure.

Graph Explorer, ``az rest`` and ``Invoke-MgGraphRequest`` keep the answer as it is. ``az ad … list`` and the
PowerShell SDK (``Get-MgUser -All | ConvertTo-Json``) keep the objects alone: a list, or the object itself where
there is one; the SDK writes the names of properties with a capital, and what it has no property for apart, in
``AdditionalProperties`` (its source: Microsoft.Graph.PowerShell.Models).
"""

from collections.abc import Mapping
from typing import Any

Page = Mapping[str, Any]
"""A page as Graph answers it: ``value``, ``@odata.nextLink`` and what else stands in it."""

DEFAULT_PAGE = 100
"""Objects that Graph returns when nobody asks for more."""

_FURTHER = "AdditionalProperties"


class NotReadError(Exception):
    """A collection, or the rest of it, could not be read; the message says why."""


def as_page(saved: Any, name: str) -> Page:
    """Return a page of what a file holds; raises ``NotReadError`` for what is none."""
    if isinstance(saved, list) and saved and all(_is_page(page) for page in saved):
        return _joined(saved)
    if isinstance(saved, list):
        if len(saved) == DEFAULT_PAGE:
            reason = f"{name} is a list of exactly {DEFAULT_PAGE} objects, which is one page: save it with -All"
            raise NotReadError(reason)
        return {"value": [_as_graph_writes(thing) for thing in saved]}
    if not isinstance(saved, dict):
        raise NotReadError(f"{name} does not hold a page")
    alone = not saved.keys() & {"value", "responses", "error"} and saved.keys() & {"id", "Id"}
    if alone:
        return {"value": [_as_graph_writes(saved)]}
    value = saved.get("value")
    return {**saved, "value": [_as_graph_writes(thing) for thing in value]} if isinstance(value, list) else saved


def unbatched(page: Page, name: str) -> Page:
    """Return the page in the answer to a ``$batch`` of one request; any other page as it is. Raises ``NotReadError``."""
    responses = page.get("responses")
    if not isinstance(responses, list):
        return page
    bodies = [one.get("body") for one in responses if isinstance(one, dict) and one.get("status") == 200]
    if len(responses) != 1 or len(bodies) != 1:
        raise NotReadError(
            f"{name} holds {len(responses)} answers to a $batch, {len(bodies)} of them good: one is meant"
        )
    return as_page(bodies[0], name)


def _is_page(saved: Any) -> bool:
    return isinstance(saved, dict) and isinstance(saved.get("value"), list) and not saved.keys() & {"id", "Id"}


def _joined(pages: list[Any]) -> Page:
    """Return pages that a loop kept in one list as one page; the link of the last says whether there are more."""
    followed = [page.get("@odata.nextLink") for page in pages]
    if not all(followed[:-1]):
        raise NotReadError("a page in the list follows the one that ends the collection")
    value = [_as_graph_writes(thing) for page in pages for thing in page["value"]]
    return {**pages[0], "value": value, "@odata.nextLink": followed[-1]}


def _as_graph_writes(thing: Any) -> Any:
    """Return an object of the PowerShell SDK as Graph has it; any other as it is."""
    if not isinstance(thing, dict) or "Id" not in thing or "id" in thing:
        return thing
    further = thing.get(_FURTHER)
    named = {key: value for key, value in thing.items() if key != _FURTHER}
    return {**_lowered(named), **(further if isinstance(further, dict) else {})}


def _lowered(value: Any) -> Any:
    if isinstance(value, list):
        return [_lowered(item) for item in value]
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _lowered(inner) for key, inner in value.items() if key != _FURTHER}
    return value
