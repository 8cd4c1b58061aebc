"""Whether everything that the logbook knows is there and as it was."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from access_review.errors import ArtifactError
from access_review.guarded_files.plain import open_plain, size_and_digest
from access_review.logbook.known import (
    Discrepancy,
    DiscrepancyKind,
    KnownStore,
    compare_file,
    compare_store,
    known_things,
    unshown_calls,
)
from access_review.logbook.lines import FileMark, Logbook, LogEvent, inside
from access_review.logbook.tree import TreeHead
from access_review.store import hash_chain, journal, logbook

_JOURNALS = "*/*/journal.sqlite"
HeadAt = Callable[[Path, int], str | None]
"""Gives the hash of the row of a number in a store; none where there are fewer."""


def check(
    workspace: Path, heads: Mapping[str, TreeHead] | None = None, *, unknown: bool = False
) -> tuple[Discrepancy, ...]:
    """Read everything and list all that is not as the logbook says, sorted; empty when nothing is.

    ``heads`` were kept elsewhere, by where (a signature, a mail, ``--head``): one that is not
    of this logbook shows that it was cut short or rolled back; so does the journal of a batch that
    no line began. With ``unknown``, every file that no line names is listed besides. A logbook that is damaged is
    the one discrepancy then. Raises ``ArtifactError`` for a journal that nobody can read.
    """
    try:
        log = logbook.read(workspace)
    except ArtifactError as error:
        return (Discrepancy("", DiscrepancyKind.DAMAGED, error.message),)
    found = [*rolled_back(log, heads or {}), *_against_disk(workspace, log, sizes_only=False)]
    found += [*_never_begun(workspace, log), *_unshown(workspace, log)]
    if unknown:
        named = {one.path for one in found}
        found += [one for one in _unknown(workspace, log) if one.path not in named]
    return tuple(sorted(found))


def glance(workspace: Path, log: Logbook) -> tuple[Discrepancy, ...]:
    """List what is gone or has another size, and stores that lost rows, without reading the files: for every command."""
    return tuple(sorted([*_against_disk(workspace, log, sizes_only=True), *_unshown(workspace, log)]))


def rolled_back(log: Logbook, heads: Mapping[str, TreeHead]) -> Iterator[Discrepancy]:
    """Say which heads known from elsewhere are not of this logbook, the shortest first, and which lines that shows."""
    same = 0
    for where, head in sorted(heads.items(), key=lambda one: (one[1].size, one[0])):
        if log.holds(head):
            same = head.size
            continue
        size = log.head.size
        reason = f"lines {same + 1} to {head.size} were others"
        if head.size > size:
            reason += f" or are gone: there are {size} lines, not {head.size}"
        yield Discrepancy("", DiscrepancyKind.ROLLED_BACK, f"the logbook is not the one that {where} saw: {reason}")


def require(log: Logbook, path: str, data: bytes) -> None:
    """Hold what was read of a file against the logbook; raises ``ArtifactError`` for one it does not know as it is.

    ``path`` is below ``runs/``.
    """
    known = known_things(log.entries).files.get(path)
    if known is None:
        hint = "a file that merely lies there counts for nothing: make it with access-review"
        raise ArtifactError(f"{path} is not known to the logbook", hint=hint)
    for one in compare_file(path, known, logbook.mark_of_bytes(data)):
        raise ArtifactError(str(one), hint="restore runs/ from a backup, or make it again")


def require_store(log: Logbook, workspace: Path, path: str, head_at: HeadAt | None = None) -> None:
    """Hold a growing store against the logbook; raises ``ArtifactError`` when it lost rows or holds others.

    One that the logbook does not know is new and has nothing to lose. ``head_at`` gives the
    hash of a row of the store to whoever has read and checked it; without it all of it is read here.
    """
    known = known_things(log.entries).stores.get(path)
    for one in _store(workspace, path, known, head_at or _whole_head) if known else ():
        raise ArtifactError(str(one), hint="restore runs/ from a backup")


def _against_disk(workspace: Path, log: Logbook, *, sizes_only: bool) -> Iterator[Discrepancy]:
    known = known_things(log.entries)
    for path, file in known.files.items():
        try:
            found = _found(workspace / "runs" / path, set() if sizes_only else {mark.size for mark in file.marks})
        except OSError as error:
            yield Discrepancy(path, DiscrepancyKind.UNREADABLE, f"cannot be read: {error.strerror}")
        else:
            yield from compare_file(path, file, found, sizes_only=sizes_only)
    for path, store in known.stores.items():
        yield from _store(workspace, path, store, hash_chain.head_at if sizes_only else _whole_head)


def _found(path: Path, to_read: Collection[int]) -> FileMark | None:
    """Return what a file is, without its digest where it has another size than is to be read: it may be without end."""
    try:
        handle = open_plain(path, os.O_RDONLY)
        try:
            size = os.fstat(handle).st_size
        finally:
            os.close(handle)
        return FileMark(*size_and_digest(path)) if size in to_read else FileMark(size, "")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _store(workspace: Path, path: str, known: KnownStore, head_at: HeadAt) -> Iterator[Discrepancy]:
    place = workspace / "runs" / path
    if not os.path.lexists(place):
        yield Discrepancy(path, DiscrepancyKind.GONE, f"is gone, line {known.line} of the logbook knows it")
        return
    try:
        found = head_at(place, known.mark.position)
    except ArtifactError as error:
        yield Discrepancy(path, DiscrepancyKind.UNREADABLE, error.message)
    else:
        yield from compare_store(path, known, found)


def _whole_head(place: Path, position: int) -> str | None:
    """Return the hash of one row, the whole store checked; none where it is shorter. Raises ``ArtifactError``."""
    heads = [hash_chain.START, *(str(row["digest"]) for row in hash_chain.chained_rows(place))]
    return heads[position] if position < len(heads) else None


def _never_begun(workspace: Path, log: Logbook) -> Iterator[Discrepancy]:
    """List journals with rows of batches that no line began: that line is written before the first row."""
    known = _known_stores(log)
    for path in (workspace / "runs").glob(_JOURNALS):
        if (place := path.relative_to(workspace / "runs").as_posix()) in known:
            continue
        try:
            begun = journal.begun(path)
        except ArtifactError as error:
            yield Discrepancy(place, DiscrepancyKind.UNREADABLE, error.message)
            continue
        if begun:
            reason = (
                "is the journal of a batch that no line of the logbook began: lines were cut off, or it is not ours"
            )
            yield Discrepancy(place, DiscrepancyKind.UNKNOWN, reason)


def _unshown(workspace: Path, log: Logbook) -> Iterator[Discrepancy]:
    """List the journals of batches that began, killed before a line said how far they were, and that are not there or empty."""
    for one in unshown_calls(log.entries):
        if one.until:
            continue
        try:
            known = journal.begun(workspace / "runs" / one.journal)
        except ArtifactError as error:
            yield Discrepancy(one.journal, DiscrepancyKind.DAMAGED, error.message)
            continue
        if not known:
            reason = f"is gone or empty, line {one.line} of the logbook began it: all that its plan has counts as taken"
            yield Discrepancy(one.journal, DiscrepancyKind.GONE, reason)


def _known_stores(log: Logbook) -> Collection[str]:
    """Return the growing stores that a line names, and the journals of batches that one began."""
    return known_things(log.entries).stores.keys() | {one.details["journal"] for one in log.of(LogEvent.BEGUN)}


def _unknown(workspace: Path, log: Logbook) -> Iterator[Discrepancy]:
    files, stores = known_things(log.entries).files, _known_stores(log)
    root = workspace / "runs"
    for folder, _, names in os.walk(root):
        for name in names:
            path = (Path(folder) / name).relative_to(root).as_posix()
            own = path == logbook.LOGBOOK or path.startswith(".rights/") or path.removesuffix("-journal") in stores
            if not own and path not in files:
                reason = "is named by no line of the logbook" if inside(path) else "has a name that no line can hold"
                yield Discrepancy(path, DiscrepancyKind.UNKNOWN, reason)
