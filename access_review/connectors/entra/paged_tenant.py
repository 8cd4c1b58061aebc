"""Everything one tenant holds, read through its pages: saved ones, or those that Graph gives now."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from access_review.changes import Capabilities, Mark
from access_review.connectors import Source, not_there, system
from access_review.connectors.classification import Classification
from access_review.connectors.entra.capabilities import CAPABILITIES
from access_review.connectors.entra.pages import PagedCollection, Pages
from access_review.connectors.entra.roles import PRIVILEGED_ROLES
from access_review.connectors.entra.tenant import Tenant
from access_review.connectors.entra.tenant_parts import verdicts
from access_review.connectors.file_marks import mark_files
from access_review.tables import Row

ORGANISATION = "organization"


@dataclass(frozen=True, slots=True)
class PagedTenant:
    """One tenant; ``pages`` is the only door to it.

    ``sees_hidden`` tells whether that shows members that are hidden from others; null where nobody says. ``files`` are
    where saved pages lie.
    """

    capabilities: ClassVar[Capabilities] = CAPABILITIES
    recorded: ClassVar[bool] = True
    marks: ClassVar[bool] = True

    source: Source
    pages: Pages
    classification: Classification = field(default_factory=Classification)
    synced_from: str = "on-premises"
    privileged_roles: Sequence[str] = PRIVILEGED_ROLES
    empty: frozenset[str] = frozenset()
    sees_hidden: bool | None = None
    files: tuple[Path, ...] = ()

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:  # noqa: ARG002  pages say when they were saved
        """Yield ``(table, row)`` for everything the tenant holds, and the verdicts.

        Raises ``ConnectorError`` where saved pages are not there.
        """
        if gone := [os.path.relpath(path, self.source.folder) for path in self.files if not path.exists()]:
            raise not_there(self.source, gone)
        tenant = Tenant(
            self.source,
            self.pages,
            self.classification,
            self.synced_from,
            self.privileged_roles,
            self.empty,
            sees_hidden=self.sees_hidden,
        )
        counted: Counter[str] = Counter()
        for table, row in tenant.rows():
            counted[table] += 1
            yield table, self._classed(row) if table == "entitlements" else row
        yield from verdicts(self.source, tenant.verdicts, counted)
        yield from self._organisation()

    def mark(self, before: Mark) -> Mark:
        """Return the mark of saved pages."""
        return mark_files(self.files, before)

    def _organisation(self) -> Iterator[tuple[str, Row]]:
        """Say whose tenant it is, where that was saved too; who reads live has asked already."""
        for found in PagedCollection(ORGANISATION, self.pages(ORGANISATION)).objects():
            yield system(self.source, found["id"], found.get("displayName"))

    def _classed(self, entitlement: Row) -> Row:
        return {**entitlement, "sensitivity": self.classification.sensitivity_of(entitlement["name"], "")}
