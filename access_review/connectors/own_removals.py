"""What batches of this tool took from a source since it was last read: that much less is explained, and no more. Pure."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from access_review.connectors import Source, complete
from access_review.connectors.emptied_groups import MEMBERS
from access_review.tables import Row

EXPLAINED = "part:own removals"
"""The subject of a verdict that says that less was read, and that batches of this tool took it."""


@dataclass(frozen=True, slots=True)
class OwnRemovals:
    """What was taken from one source, by id: accounts that were disabled or lost something, and grants that were cut."""

    accounts: frozenset[str] = frozenset()
    grants: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class LastRead:
    """How much a source held when it was last read whole, by subject, and what was taken from it since.

    ``accounts`` reads those that it had then, with the columns by which one is known under another id.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    removed: OwnRemovals = OwnRemovals()
    accounts: Callable[[], pa.Table] | None = field(default=None, compare=False, repr=False)

    def explained(self, tables: Mapping[str, Sequence[pa.Table]], prefixes: tuple[str, ...]) -> Mapping[str, int]:
        """Return the counts less what was taken and is truly missing in what was read now.

        ``prefixes`` begin the names of what is counted in rows of files: one row may have held a grant or an account.
        """
        accounts, held = _gone(self.removed, tables)
        if not accounts and not held:
            return self.counts
        groups = Counter(entitlement for _, entitlement in held)
        return {what: count - _of(what, accounts, held, groups, prefixes) for what, count in self.counts.items()}


def _gone(
    removed: OwnRemovals, tables: Mapping[str, Sequence[pa.Table]]
) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    if not removed.accounts and not removed.grants:
        return frozenset(), frozenset()
    listed = {account for part in tables["accounts"] for account in part["account"].to_pylist()}
    held = {
        (row["account"], row["entitlement"])
        for part in tables["grants"]
        for row in part.select(["account", "entitlement"]).to_pylist()
    }
    return removed.accounts - listed, removed.grants - held


def _of(
    what: str,
    accounts: frozenset[str],
    held: frozenset[tuple[str, str]],
    groups: Mapping[str, int],
    prefixes: tuple[str, ...],
) -> int:
    """Return how much of what is counted under a name is missing because a batch took it."""
    if what.startswith(MEMBERS):
        return groups.get(what.removeprefix(MEMBERS), 0)
    if what == "accounts":
        return len(accounts)
    if what == "grants" or what.startswith("grants by "):
        return len(held)
    return max(len(accounts), len(held)) if what.startswith(prefixes) else 0


def explanation(source: Source, removed: OwnRemovals, tables: Mapping[str, Sequence[pa.Table]]) -> Iterator[Row]:
    """Yield the verdict that says what is missing because batches of this tool took it."""
    accounts, held = _gone(removed, tables)
    _, row = complete(source, EXPLAINED, 0)
    said = (
        f"{len(accounts):,} accounts and {len(held):,} grants fewer than before, which batches of this tool took since"
    )
    yield {**row, "received": None, "reason": said}
