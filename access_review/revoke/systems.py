"""The systems that a batch touches: opened to write, or to look without any right to write."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from access_review import snapshot
from access_review.changes import Change, Executor, Witness, Writable
from access_review.connectors import Connector
from access_review.revoke import work_orders
from access_review.workspace import Workspace


@contextmanager
def executors(workspace: Workspace, changes: Sequence[Change], now: datetime) -> Iterator[dict[str, Executor]]:
    """Open what can write to each system a plan touches; what cannot be written is ordered from people.

    Raises ``WorkspaceError`` for options at odds, and ``ConnectorError`` where a session cannot be opened.
    """
    with ExitStack() as stack:
        yield {
            name: work_orders.PartlyLiveExecutor(opened.covers, stack.enter_context(opened.writing()), orders)
            if isinstance(opened, Writable)
            else orders
            for name, opened, orders in _touched(workspace, changes, now)
        }


@contextmanager
def witnesses(workspace: Workspace, changes: Sequence[Change], now: datetime) -> Iterator[dict[str, Witness]]:
    """Open what can look at each system a plan touches, without any right to write.

    Raises ``WorkspaceError`` for options at odds, and ``ConnectorError`` where a session cannot be opened.
    """
    with ExitStack() as stack:
        yield {
            name: work_orders.PartlyLiveWitness(opened.covers, stack.enter_context(opened.verifying()), orders)
            if isinstance(opened, Writable)
            else orders
            for name, opened, orders in _touched(workspace, changes, now)
        }


def ordered(workspace: Workspace, changes: Sequence[Change], now: datetime) -> frozenset[str]:
    """Return the ids of the changes that nothing here can write, and a person is asked for.

    Raises ``WorkspaceError`` for a source that cannot be connected.
    """
    opened = {name: connector for name, connector, _ in _touched(workspace, changes, now)}
    live = ((one, opened.get(one.target.source)) for one in changes)
    return frozenset(one.id for one, there in live if not (isinstance(there, Writable) and there.covers(one)))


def _touched(
    workspace: Workspace, changes: Sequence[Change], now: datetime
) -> Iterator[tuple[str, Connector, work_orders.WorkOrders]]:
    """Yield the sources that changes are made in: as they are connected, and as a person is asked to change them."""
    wanted = {change.target.source for change in changes}
    for entry in workspace.sources:
        if entry.name in wanted:
            alone = replace(workspace, sources=(entry,))
            read = partial(snapshot.collect, alone, now)
            yield entry.name, workspace.connected(entry), work_orders.WorkOrders(entry.name, read)
