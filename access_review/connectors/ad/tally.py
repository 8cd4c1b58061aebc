"""What of a directory arrived, table by table, and every reason to hold a table for incomplete."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from access_review.connectors import Source, complete, incomplete
from access_review.connectors.ad.membership import MEMBER_TABLES, Memberships
from access_review.tables import Row


class Tally:
    """What was received per table, and every reason to hold a table for incomplete."""

    def __init__(self, source: Source, tables: Iterable[str], *, canaries: Iterable[str] = ()) -> None:
        self._source = source
        self._tables = tuple(tables)
        self._canaries = tuple(canaries)
        self._unseen = {canary.casefold() for canary in self._canaries}
        self._reasons: dict[str, dict[str, None]] = {}
        self.received: Counter[str] = Counter()
        self._users = 0

    def through(self, rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, Row]]:
        """Count rows as they pass."""
        for table, row in rows:
            self.received[table] += 1
            self._users += table == "accounts" and row.get("kind") != "computer"
            yield table, row

    def see(self, *names: str | None) -> None:
        """Tick off the canaries among these names."""
        if self._unseen:
            self._unseen.difference_update(name.casefold() for name in names if name)

    @property
    def canaries(self) -> dict[str, bool]:
        """Tell of each canary whether it was seen; meaningful when everything has passed."""
        return {canary: canary.casefold() not in self._unseen for canary in self._canaries}

    def doubt(self, reason: str, *tables: str) -> None:
        """Give a reason why tables (all, when none is named) are incomplete."""
        for table in tables or self._tables:
            self._reasons.setdefault(table, {})[reason] = None

    def doubt_one_side(self, memberships: Memberships) -> None:
        """Doubt a directory of which accounts or groups alone were read, though the others are spoken of."""
        if not self.received["entitlements"] and memberships.of_accounts:
            self.doubt("accounts are in groups, and no group was read", "entitlements", *MEMBER_TABLES)
        if not self._users and memberships.stated:
            self.doubt("groups have members, and no user was read", "accounts", *MEMBER_TABLES)

    def verdicts(self, expected: Mapping[str, int]) -> Iterator[tuple[str, Row]]:
        """Yield the verdict of every table; ``expected`` are the server's own counts."""
        if not any(self.received[table] for table in ("accounts", "entitlements")):
            self.doubt("nothing was read")
        if self._unseen:
            self.doubt(f"not seen: {', '.join(sorted(self._unseen))}")
        for table, count in expected.items():
            if self.received[table] != count:
                self.doubt(f"{self.received[table]} {table} received, {count} expected")
        for table in self._tables:
            received, counted = self.received[table], expected.get(table)
            if reasons := self._reasons.get(table):
                reason = "; ".join(reasons)
                yield incomplete(self._source, table, reason, received=received, expected=counted)
            else:
                yield complete(self._source, table, received, counted)
