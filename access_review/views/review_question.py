"""One item as it is put to a reviewer in the terminal."""

from collections.abc import Iterator, Sequence

from access_review.audit.worklist import WorkItem
from access_review.explain.explanation import Reached
from access_review.views.explanation import TreeLine, draw_tree, gives
from access_review.views.text import visible


def text(item: WorkItem, gained: Sequence[Reached], *, place: str, colour: bool = False, width: int = 100) -> str:
    """Ask about an item: who has what, how, since when unused, where it leads and what the machine says.

    ``gained`` is what the entitlement gives through nesting, ``place`` which of how many this is.
    """
    clients = f", {', '.join(item.clients)}" if item.clients else ""
    title = f"{place}  {visible(item.person)}{visible(clients)}"
    return "\n".join(
        (title, draw_tree((TreeLine(_what(item), tuple(_lines(item, gained))),), colour=colour, width=width))
    )


def _what(item: WorkItem) -> str:
    if item.entitlement is None:
        return f"{item.system}: {item.account_name}, the account itself"
    return f"{item.system}: {item.account_name} has {item.entitlement_name} ({item.how})"


def _lines(item: WorkItem, gained: Sequence[Reached]) -> Iterator[TreeLine]:
    yield TreeLine(f"roles: {item.roles or 'none known'}")
    yield TreeLine(f"last used: {item.last_used}")
    yield from gives(gained)
    yield TreeLine(f"machine says: {item.found or 'nothing found'}", tone="warn" if item.found else "")
    if item.peers:
        yield TreeLine(f"peers suggest: {item.peers}")
