"""Active Directory and other LDAP directories, from recordings in LDIF.

Accounts, groups, who is in what (nested groups and primary groups included) and
who answers for it. A recording is LDIF content as ``ldapsearch``, ``ldifde`` or
``ldbsearch`` write it, with at least ``objectClass``, the id (``objectGUID`` or
``entryUUID``), names, ``member`` and, of Active Directory, ``objectSid``,
``primaryGroupID``, ``userAccountControl``, ``groupType`` and ``adminCount``.
"""

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from access_review.connectors import Source
from access_review.connectors.directory import Kind, Options, Reading
from access_review.connectors.ldap_entry import Entry
from access_review.connectors.ldif import Ldif, lines_of
from access_review.connectors.marks import Effect, Marks
from access_review.errors import Mistake, WorkspaceError
from access_review.tables import Row


@dataclass(frozen=True, slots=True)
class Recorded:
    """A directory as it was when its files were written."""

    source: Source
    files: tuple[str, ...]
    options: Options

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        """Yield every row; raises ``WorkspaceError`` with every mistake of every file, after all have been read."""
        mistakes: list[Mistake] = []
        reading = Reading(self.source, self.options, as_of)
        entries = self._entries(self._paths(), mistakes, reading)
        yield from reading.rows(entries)

    def _paths(self) -> list[tuple[str, Path]]:
        found: dict[str, Path] = {}
        mistakes = []
        for pattern in self.files:
            names = [pattern] if _exists(self.source.folder / pattern) else _matching(self.source.folder, pattern)
            if not names:
                mistakes.append(Mistake(pattern, 0, 0, "no such file", f"looked in {self.source.folder}"))
            found.update((name, self.source.folder / name) for name in names)
        if mistakes:
            raise WorkspaceError.of(mistakes)
        return sorted(found.items())

    def _entries(self, paths: Sequence[tuple[str, Path]], mistakes: list[Mistake], reading: Reading) -> Iterator[Entry]:
        for name, path in paths:
            ldif = Ldif(name)
            try:
                yield from ldif.entries(lines_of(path.read_bytes()))
            except UnicodeDecodeError as error:
                mistakes.append(Mistake(name, 0, 0, f"not UTF-16, though it starts so: {error.reason}"))
            except OSError as error:
                mistakes.append(Mistake(name, 0, 0, f"cannot be read: {error.strerror}"))
            mistakes.extend(ldif.mistakes)
            for ending in ldif.endings:
                reading.tally.doubt(ending)
        if mistakes:
            raise WorkspaceError.of(mistakes, hint="nothing is taken from a damaged recording: export it again")


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _matching(folder: Path, pattern: str) -> list[str]:
    names = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
    return sorted(name for name in names if _exists(folder / name))


def connect(
    source: Source,
    *,
    recorded: Sequence[str] = (),
    directory: Kind | None = None,
    id_attribute: str | None = None,
    employee_id: str | None = None,
    attributes: Mapping[str, str] | None = None,
    privileged: Sequence[str] = (),
    effect: Mapping[Effect, Sequence[str]] | None = None,
    service_accounts: Sequence[str] = (),
    shared_accounts: Sequence[str] = (),
    break_glass: Sequence[str] = (),
    client: Mapping[str, str] | None = None,
    system: str | None = None,
    netbios: Mapping[str, str] | None = None,
    expected: Mapping[Literal["accounts", "entitlements"], int] | None = None,
    canaries: Sequence[str] = (),
) -> Recorded:
    """Open a directory.

    recorded: LDIF files, by path or pattern, from the source's folder.
    directory: what the directory is; detected entry by entry unless said.
    id_attribute: where the ids come from when there is no objectGUID, objectSid or entryUUID; ``dn`` ids may change.
    employee_id: the attribute with the HR id; employeeID in Active Directory and employeeNumber elsewhere unless said.
    attributes: more attributes to keep with accounts, as name in the review: name in the directory.
    privileged: patterns of group names or DNs that are privileged, beside those that Windows makes so.
    effect: patterns of groups that do something else than grant.
    service_accounts, shared_accounts, break_glass: patterns of account names or DNs.
    client: whose groups and accounts those of a pattern are.
    system: the system that the groups are of; the DNS domain unless said.
    netbios: NetBIOS names by DNS domain, where they are not the first label.
    expected: the server's own counts; a difference makes the source incomplete.
    canaries: names that are there for certain; one unseen makes the source incomplete.
    """
    if not recorded:
        raise WorkspaceError(f"{source.name}: no file is named to read from", hint="name LDIF files under recorded")
    marks = Marks(
        privileged=tuple(privileged),
        effect=effect or {},
        service_accounts=tuple(service_accounts),
        shared_accounts=tuple(shared_accounts),
        break_glass=tuple(break_glass),
        client=client or {},
    )
    options = Options(
        marks=marks,
        directory=directory,
        id_attribute=id_attribute,
        employee_id=employee_id,
        attributes=attributes or {},
        system=system,
        netbios={where.casefold(): name for where, name in (netbios or {}).items()},
        expected={str(table): count for table, count in (expected or {}).items()},
        canaries=tuple(canaries),
    )
    return Recorded(source, tuple(recorded), options)
