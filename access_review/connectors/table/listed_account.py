"""One account of an export, gathered over the rows that name it. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from access_review.tables import Row


@dataclass
class ListedAccount:
    """What the rows say of one account; each value with the first line that says it.

    ``read`` are the cells of the last of these rows in which all could be read.
    """

    login: str
    stated: dict[str, dict[Any, int]] = field(default_factory=lambda: defaultdict(dict))
    read: tuple[str | None, ...] | None = None

    def add_row(self, line: int, stated: Mapping[str, Any]) -> None:
        """Note what one row says."""
        for name, value in stated.items():
            if value is not None:
                self.stated[name].setdefault(value, line)

    def settled(self) -> tuple[Row, list[str]]:
        """Return what is agreed, and what is not: unknown then, save the last use, where the latest holds."""
        agreed: dict[str, Any] = {}
        disputes = []
        for name, values in self.stated.items():
            # Of two last uses the later one is true; of two mails neither can be chosen.
            if len(values) == 1 or name.startswith("last_used"):
                agreed[name] = max(values)
            else:
                lines = ", ".join(str(line) for line in sorted(values.values()))
                disputes.append(f"{name} differs between lines {lines}: unknown")
        return agreed, disputes
