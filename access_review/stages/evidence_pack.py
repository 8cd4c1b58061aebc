"""Evidence pack: a run, or a period, as a folder that anyone can check without the workspace and without this tool."""

import base64
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import rfc8785

from access_review import __version__, store
from access_review.artifacts import CONTROL, DECLARED, DECLARED_VALUES, FIGURES, PACK, REVIEWED, STATE
from access_review.engine import ParquetFile
from access_review.errors import ArtifactError
from access_review.evidence import declared, pack
from access_review.evidence.pack import EvidencePack
from access_review.evidence.removed import not_compared, removed_things
from access_review.evidence.summary import RunSummary
from access_review.logbook.known import known_things
from access_review.logbook.lines import Logbook
from access_review.revoke import sshsig, statements
from access_review.runs import Run
from access_review.snapshot import Stored
from access_review.store import files, keys, logbook, logbook_check, logged, packs, plans, snapshots
from access_review.store.logged import FINDINGS, OWNERS
from access_review.tables import write_rows
from access_review.views import evidence as view
from access_review.views.evidence_for_readers import for_readers


@dataclass(frozen=True, slots=True)
class PackedEvidence:
    """A pack that was written, where, and the digest of its ``pack.json``, to be told apart from the pack."""

    made: EvidencePack
    folder: Path
    digest: str
    archive: Path | None


def pack_evidence(
    space: Path, period: list[Run], to: Path, now: datetime, *, key: Path | None = None, archive: bool = False
) -> PackedEvidence:
    """Write the evidence of some runs, the oldest first, into a folder that does not exist yet: whole or not at all.

    With ``key`` (a private SSH key) the pack is signed; with ``archive`` a zip of it is written beside. Raises
    ``ArtifactError`` where the logbook and what lies there differ: evidence is not made of what was changed.
    """
    if not period:
        hint = "name a run that counts with --run, and an earlier one with --since"
        raise ArtifactError("no run to give evidence of: a trial or a rehearsal is none", hint=hint)
    log = logbook.read(space)
    _refuse_differing(space, log)
    return write_pack(to, lambda partial: _written(space, log, period, partial, now), key=key, archive=archive)


def write_pack(to: Path, fill: Callable[[Path], EvidencePack], *, key: Path | None, archive: bool) -> PackedEvidence:
    """Let ``fill`` write into a folder, then its manifest, and put it where it belongs; raises ``ArtifactError``."""
    if to.exists() or (archive and _zip_of(to).exists()):
        raise ArtifactError(f"{to} is there already", hint="name a folder that is not")
    to.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".packing-", dir=to.parent))
    try:
        made = fill(partial)
        for path in partial.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        made = replace(made, files=packs.marks_of(partial))
        data = PACK.dump(made)
        files.write(partial / pack.MANIFEST, data)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        if key:
            files.write(partial / pack.ENVELOPE, _signed(pack.in_toto(digest, made), key))
        zipped = _zipped(partial, _zip_of(to)) if archive else None
        partial.rename(to)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return PackedEvidence(made, to, digest, zipped)


def _refuse_differing(space: Path, log: Logbook) -> None:
    """Raise ``ArtifactError`` where anything is not as the logbook says."""
    if differs := logbook_check.check(space):
        hint = f"access-review logbook --check; then restore runs/ from a backup ({len(differs)} in all)"
        raise ArtifactError(
            f"not as line {log.head.size} of the logbook and those before it say: {differs[0]}", hint=hint
        )


def _written(space: Path, log: Logbook, period: list[Run], to: Path, now: datetime) -> EvidencePack:
    earlier = [one for one in logged.before(space, period[0]) if one.reviewed]
    basis = earlier[-1].id if earlier and not not_compared(log, period[0].id) else None
    taken = pack.select_files(
        known_things(log.entries), [run.id for run in period], _besides(period, basis), [STATE.path]
    )
    shutil.copyfile(logbook.path_of(space), _made(to / pack.RUNS / logbook.LOGBOOK))
    for path in taken.taken:
        shutil.copyfile(space / "runs" / path, _made(to / pack.RUNS / path))
    for signed in sorted((space / plans.STANDING_APPROVALS).glob("*.json")):
        # Read as what it should be, and not copied: a link or a device there would have no end.
        files.write(to / plans.STANDING_APPROVALS / signed.name, files.content(signed, statements.LARGEST))
    shown = [_write_run(run, to) for run in period]
    files.write(to / pack.VERIFIER, view.verifier())
    lock = packs.lock_of_this_tool()
    if lock is not None:
        files.write(to / pack.LOCK, lock)
    made = EvidencePack(
        workspace=log.workspace,
        head=str(log.head),
        tool=__version__,
        made_at=now,
        runs=tuple(run.id for run in period),
        basis=basis,
        files={},
        left_out=taken.left_out,
        notice=pack.NOTICE,
        lock="sha256:" + hashlib.sha256(lock).hexdigest() if lock is not None else "",
    )
    there = [path.relative_to(to).as_posix() for path in _files(to)]
    places = packs.places_in(to, there)
    for path, data in for_readers(made, shown, places, removed_things(log)).items():
        files.write(to / path, data)
    return made


def _besides(period: list[Run], basis: str | None) -> dict[str, tuple[str, ...]]:
    """Return of which other runs which files the findings of a period were compared with."""
    accepted = {store.read(run, CONTROL).accepted for run in period if store.has(run, CONTROL)}
    besides: dict[str, tuple[str, ...]] = {name: pack.ACCEPTED for name in accepted if name}
    if basis:
        besides[basis] = (*pack.BASIS, *besides.get(basis, ()))
    return besides


def _write_run(run: Run, to: Path) -> RunSummary:
    """Write tables, declared values and figures of a run; return what it shows."""
    _write_tables(run, to / pack.TABLES / run.id)
    if not (run.reviewed and store.has(run, DECLARED)):
        return packs.summary_of(run)
    with packs.declared_workspace(run) as known:
        stated = packs.figures_of(run, known)
        files.write(to / pack.DECLARED / f"{run.id}.json", DECLARED_VALUES.dump(declared.values_of(known)))
        files.write(to / pack.FIGURES / f"{run.id}.json", FIGURES.dump(stated))
        return packs.summary_of(run, known, stated)


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_tables(run: Run, to: Path) -> None:
    """Write the tables of a run as the CSV text whose SHA-256 manifests have as the digest of their rows."""
    for name in snapshots.read_manifest(run).tables:
        _write_table(run.folder / "snapshot" / f"{name}.parquet", to / f"{name}.csv")
    if run.reviewed:
        _write_table(run.folder / FINDINGS, to / "findings.csv")
        if store.read(run, REVIEWED).owners:
            _write_table(run.folder / OWNERS, to / "account_owners.csv")


def _write_table(table: Path, to: Path) -> None:
    with _made(to).open("wb") as file:
        write_rows(Stored({"table": ParquetFile(table)}).reader("table"), file)


def _signed(statement: bytes, key: Path) -> bytes:
    """Return a DSSE envelope over an in-toto statement, signed with an SSH key; raises ``ArtifactError``."""
    private = keys.private_key(key)
    signature = sshsig.sign(private, pack.message(statement))
    said = {"keyid": sshsig.public_line(private).fingerprint, "sig": base64.b64encode(signature).decode()}
    payload = base64.b64encode(statement).decode()
    return rfc8785.dumps({"payload": payload, "payloadType": pack.IN_TOTO, "signatures": [said]}) + b"\n"


def _zip_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".zip")


def _zipped(folder: Path, to: Path) -> Path:
    """Write a folder as a zip whose bytes follow from what is in it."""
    with files.writing(to) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(_files(folder)):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.external_attr, entry.compress_type = 0o600 << 16, zipfile.ZIP_DEFLATED
            with path.open("rb") as read, archive.open(entry, "w", force_zip64=True) as write:
                shutil.copyfileobj(read, write)
    return to


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
