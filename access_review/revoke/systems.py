"""The systems that a batch touches: opened to write, or to look without any right to write."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial

from access_review import snapshot
from access_review.changes import Change, Executor, Witness, Writable
from access_review.connectors import Connector
from access_review.connectors.file_marks import written_at
from access_review.connectors.own_removals import LastRead
from access_review.revoke import work_orders
from access_review.snapshot import Snapshot
from access_review.workspace import SourceEntry, Workspace

Before = Callable[[], Mapping[str, LastRead]]
"""How much each source held when it was last read whole: what is much less than that proves nothing gone."""


@contextmanager
def executors(
    workspace: Workspace, changes: Sequence[Change], now: datetime, last: Before
) -> Iterator[dict[str, Executor]]:
    """Open what can write to each system a plan touches; what cannot be written is ordered from people.

    Raises ``WorkspaceError`` for options at odds, and ``ConnectorError`` where a session cannot be opened.
    """
    with ExitStack() as stack:
        yield {
            name: work_orders.PartlyLiveExecutor(opened.covers, stack.enter_context(opened.writing()), orders)
            if isinstance(opened, Writable)
            else orders
            for name, opened, orders in _touched(workspace, changes, now, last, ordering=True)
        }


@contextmanager
def witnesses(
    workspace: Workspace, changes: Sequence[Change], now: datetime, last: Before, *, dated: bool
) -> Iterator[dict[str, Witness]]:
    """Open what can look at each system a plan touches, without any right to write.

    ``dated`` tells whether ``now`` is of the clock that dates files: an export is then as old as it was written. Raises ``WorkspaceError`` for options at odds, and ``ConnectorError`` where a session cannot be opened.
    """
    with ExitStack() as stack:
        yield {
            name: work_orders.PartlyLiveWitness(opened.covers, stack.enter_context(opened.verifying()), orders)
            if isinstance(opened, Writable)
            else orders
            for name, opened, orders in _touched(workspace, changes, now, last, dated=dated)
        }


def ordered(workspace: Workspace, changes: Sequence[Change]) -> frozenset[str]:
    """Return the ids of the changes that nothing here can write, and a person is asked for.

    Raises ``WorkspaceError`` for a source that cannot be connected.
    """
    opened = {entry.name: workspace.connected(entry) for entry in _sources(workspace, changes)}
    live = ((one, opened.get(one.target.source)) for one in changes)
    return frozenset(one.id for one, there in live if not (isinstance(there, Writable) and there.covers(one)))


def _touched(
    workspace: Workspace,
    changes: Sequence[Change],
    now: datetime,
    last: Before,
    *,
    ordering: bool = False,
    dated: bool = False,
) -> Iterator[tuple[str, Connector, work_orders.WorkOrders]]:
    """Yield the sources that changes are made in: as they are connected, and as a person is asked to change them."""

    def read(alone: Workspace) -> Snapshot:
        return snapshot.collect(alone, now, last=last())

    for entry in _sources(workspace, changes):
        alone, opened = replace(workspace, sources=(entry,)), workspace.connected(entry)
        written = partial(written_at, opened) if dated else lambda: None
        orders = work_orders.WorkOrders(entry.name, partial(read, alone), ordering, written)
        yield entry.name, opened, orders


def _sources(workspace: Workspace, changes: Sequence[Change]) -> list[SourceEntry]:
    wanted = {change.target.source for change in changes}
    return [entry for entry in workspace.sources if entry.name in wanted]
