"""Active Directory as SharpHound collected it (BloodHound's JSON, versions 3 to 6), a folder or a zip.

Its relatives on Linux (``bloodhound-python``, ``bloodhound-ce-python``, ``rusthound``) write the same.

Read are users, groups and computers: names, state, memberships, primary groups,
SID history. A collection has no ``objectGUID``, so ids are SIDs; BUILTIN groups
keep the domain that SharpHound puts before them. Times are seconds since 1970;
``lastlogontimestamp`` is -1 where the directory has none. Sessions, local
groups, rights and ``managedBy`` are left aside: owners are therefore unknown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, Literal

from access_review.changes import Capabilities, Mark
from access_review.connectors import Source, not_there
from access_review.connectors.ad.capabilities import CAPABILITIES
from access_review.connectors.classification import Classification, Effect
from access_review.connectors.file_marks import mark_files
from access_review.connectors.sharphound.files import read_collections
from access_review.connectors.sharphound.rows import CollectionOptions, CollectionReading
from access_review.tables import Row


@dataclass(frozen=True, slots=True)
class SharpHound:
    """One collection, of one domain or several."""

    # Nobody signs in to a collection; the sessions of its directory are those of the source that reads it.
    capabilities: ClassVar[Capabilities] = replace(CAPABILITIES, signs_in=False)
    recorded: ClassVar[bool] = True
    marks: ClassVar[bool] = True

    source: Source
    path: str
    options: CollectionOptions

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        """Yield every row; raises ``WorkspaceError`` for a file that is no collection of a known version.

        Raises ``ConnectorError`` where there is nothing of that name.
        """
        if not (self.source.folder / self.path).exists():
            raise not_there(self.source, [self.path])
        collections = read_collections(self.source.folder / self.path, self.path)
        yield from CollectionReading(self.source, self.options, as_of).rows(collections)

    def mark(self, before: Mark) -> Mark:
        """Return the mark of the collection."""
        return mark_files((self.source.folder / self.path,), before)


def connect(
    source: Source,
    *,
    path: str,
    attributes: Mapping[str, str] | None = None,
    privileged: Sequence[str] = (),
    effect: Mapping[Effect, Sequence[str]] | None = None,
    service_accounts: Sequence[str] = (),
    shared_accounts: Sequence[str] = (),
    break_glass: Sequence[str] = (),
    client: Mapping[str, str] | None = None,
    system: str | None = None,
    expected: Mapping[Literal["accounts", "entitlements"], int] | None = None,
    canaries: Sequence[str] = (),
    empty: Sequence[str] = (),
) -> SharpHound:
    """Open a collection.

    path: the folder or zip, from the source's folder.
    attributes: more properties to keep with accounts, as name in the review: name in the collection.
    privileged: patterns of group names or DNs that are privileged, beside those that Windows makes so.
    effect: patterns of groups that do something else than grant; a collection does not say which are for mail only.
    service_accounts, shared_accounts, break_glass: patterns of account names or DNs.
    client: whose groups and accounts those of a pattern are.
    system: the system that the groups are of; the DNS domain unless said.
    expected: the server's own counts; a difference makes the source incomplete.
    canaries: names that are there for certain; one unseen makes the source incomplete.
    empty: what stands for an empty value in this directory, beside the usual (N/A, NULL, - …).
    """
    classification = Classification(
        privileged=tuple(privileged),
        effect=effect or {},
        service_accounts=tuple(service_accounts),
        shared_accounts=tuple(shared_accounts),
        break_glass=tuple(break_glass),
        client=client or {},
    )
    counts = {str(table): count for table, count in (expected or {}).items()}
    options = CollectionOptions(classification, attributes or {}, system, counts, tuple(canaries), frozenset(empty))
    return SharpHound(source, path, options)
