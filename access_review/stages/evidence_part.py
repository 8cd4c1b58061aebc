"""Evidence part: of a full pack, what one client may see, or everything with pseudonyms in the place of people."""

import csv
import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from access_review import store
from access_review.artifacts import FIGURES, FRAME, PACK, SAMPLE, WORKLIST, canonical
from access_review.audit import client_extract
from access_review.audit.client_extract import Borders
from access_review.errors import ArtifactError, Unclear
from access_review.evidence import pack, pseudonyms
from access_review.evidence.pack import EvidencePack, PackPart
from access_review.evidence.pseudonyms import Pseudonyms
from access_review.findings.selected import rows_with
from access_review.logbook.tree import leaf
from access_review.review import establish
from access_review.revoke import sshsig
from access_review.revoke.sshsig import PublicKeyLine
from access_review.runs import Run
from access_review.sample.choice import stratum
from access_review.sample.population import of_client
from access_review.stages.evidence_pack import PackedEvidence, write_pack
from access_review.store import audits, files, keys, logbook, packs, reviews, snapshots
from access_review.views import evidence as evidence_view
from access_review.views import evidence_part as view
from access_review.views import judgement, spreadsheet
from access_review.views.evidence_figures import shown_by


@dataclass(frozen=True, slots=True)
class PseudonymFiles:
    """Where the secret key of pseudonyms lies, and the map that tells who is who: apart from the pack, and destroyable."""

    key: Path
    map: Path

    @classmethod
    def beside(cls, part: Path, key: Path | None = None) -> Self:
        """Return those that lie beside a part, or a key that is elsewhere already."""
        own = part.with_name(f"{part.name}.pseudonyms.key")
        return cls(key or own, part.with_name(f"{part.name}.pseudonyms.csv"))


def part_of_client(
    full: Path, client: str, to: Path, now: datetime, *, key: Path | None = None, archive: bool = False
) -> PackedEvidence:
    """Write what a full pack holds of one client alone; raises ``Unclear`` where nobody works for it in any run."""
    made, digest = _full(full)

    def fill(partial: Path) -> EvidencePack:
        said, why_not = [], None
        for name in made.runs:
            run = Run(full / pack.RUNS / name)
            if not run.reviewed:
                continue
            try:
                said.append(f"{name}: {_client_run(run, client, partial / pack.PART / name)}")
            except Unclear as error:
                said.append(f"{name}: nobody worked for this client")
                why_not = error
        if why_not and not (partial / pack.PART).exists():
            raise why_not
        part = PackPart(digest, client, pseudonyms=False, cannot=pack.CANNOT)
        return _finished(full, replace(made, part=part, made_at=now), said, partial, _signer(full, made, key, client))

    return write_pack(to, fill, key=key, archive=archive)


def part_under_pseudonyms(
    full: Path, secret: PseudonymFiles, to: Path, now: datetime, *, key: Path | None = None, archive: bool = False
) -> PackedEvidence:
    """Write a full pack again with pseudonyms in the place of people; the key is made where there is none yet."""
    made, digest = _full(full)
    if secret.map.exists():
        raise ArtifactError(f"{secret.map} is there already", hint="name a folder whose map is not")
    named = frozenset(
        name
        for run in made.runs
        for table in pseudonyms.NAMING
        for name in pseudonyms.named_in(table, _rows(full / pack.TABLES / run / f"{table}.csv"))
    )
    under = Pseudonyms(_key(secret.key), named)

    def fill(partial: Path) -> EvidencePack:
        said = [line for name in made.runs for line in _covered_run(full, name, under, partial)]
        part = PackPart(digest, None, pseudonyms=True, cannot=(*pack.CANNOT, *pack.CANNOT_UNDER_PSEUDONYMS))
        signer = _signer(full, made, key, None)
        if signer:
            signer = {**signer, "person": under.of(signer["person"])}
        return _finished(full, replace(made, part=part, made_at=now), said, partial, signer)

    packed = write_pack(to, fill, key=key, archive=archive)
    files.write(secret.map, spreadsheet.csv_bytes(("pseudonym", "id"), sorted(under.given.items())))
    secret.map.chmod(0o600)
    return packed


def _finished(
    full: Path, made: EvidencePack, said: Sequence[str], to: Path, signer: Mapping[str, str] | None
) -> EvidencePack:
    """Write what every part has: the logbook's lines as hashes, whose key signs, the verifier, and what to read first."""
    lines = files.content(full / pack.RUNS / logbook.LOGBOOK).split(b"\n")[:-1]
    files.write(to / pack.LEAVES, b"".join(leaf(line).hex().encode() + b"\n" for line in lines))
    if signer:
        files.write(to / pack.SIGNER, canonical(signer))
    files.write(to / pack.VERIFIER, evidence_view.verifier())
    part = replace(made, basis=None, left_out=(), files={}, lock="")
    files.write(to / "README.txt", view.readme(part, said).encode())
    return part


def _signer(full: Path, made: EvidencePack, key: Path | None, client: str | None) -> dict[str, str] | None:
    """Return whose key signs the part, as enrolled in the last run; of a client's part, nobody of another client is named."""
    if key is None:
        return None
    public = sshsig.public_line(keys.private_key(key))
    with packs.declared_workspace(Run(full / pack.RUNS / made.runs[-1])) as known:
        enrolled = {PublicKeyLine.parse(one.key).blob: one.person for one in known.approvers.approvers}
    if public.blob not in enrolled:
        raise ArtifactError(
            f"the key in {key} is none that roles/approvers.yaml enrolled", hint="sign with one that is"
        )
    person = enrolled[public.blob]
    return {"key": " ".join(str(public).split()[:2]), "person": "(not named)" if client else person}


def _full(full: Path) -> tuple[EvidencePack, str]:
    data = files.content(full / pack.MANIFEST)
    made = PACK.load(data)
    if made.part:
        raise ArtifactError(f"{full} is itself a part of a pack", hint="name the full one")
    return made, "sha256:" + hashlib.sha256(data).hexdigest()


def _key(path: Path) -> bytes:
    """Return the key of pseudonyms; where there is none yet it is made, for its owner alone."""
    if not path.exists():
        files.write(path, secrets.token_hex(pseudonyms.KEY_BYTES).encode() + b"\n")
        path.chmod(0o600)
    try:
        key = bytes.fromhex(files.content(path, 1024).decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) < pseudonyms.KEY_BYTES:
        raise ArtifactError(
            f"{path} holds no key of pseudonyms", hint="name another file: one that is not there is made"
        )
    return key


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)


def _client_run(run: Run, client: str, to: Path) -> str:
    """Write what there is of one client in a run: its units, the answers about them, its findings, what that shows."""
    with packs.declared_workspace(run) as known:
        snapshot = snapshots.load(run)
        with reviews.engine_of(known, snapshot) as engine:
            establish(snapshot.tables, known, engine, reviews.previous(run.workspace, run).owners)
            within = client_extract.draw_borders(engine, client)
    found = client_extract.select_findings(rows_with(reviews.read(run).pieces()), within)
    rows = [tuple("" if one[name] is None else str(one[name]) for name in client_extract.FINDING) for one in found]
    _write(to / "findings.csv", client_extract.FINDING, rows, within)
    if not store.has(run, SAMPLE):
        return "there was no draw"
    sample, frame = store.read(run, SAMPLE), store.read(run, FRAME)
    own = of_client(frame.units, client)
    draws = {pick.unit: str(pick.draw) for pick in sample.picks}
    units = [(unit.unit, str(stratum(unit)), draws.get(unit.unit, "")) for unit in own]
    _write(to / "population.csv", view.POPULATION, units, within)
    _write(to / "answers.csv", view.ANSWERS, list(_answers(run, {unit.unit for unit in own})), within)
    shown = audits.client_statement(run, client)
    proof = {name: getattr(sample, name) for name in ("commitment", "committed", "key", "root", "run", "seed")}
    files.write(to / "shown.json", canonical({"shown": asdict(shown), "draw": proof}))
    return judgement.of_client(shown)


def _answers(run: Run, units: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield each question about some units with the answer that stands, who gave it, and how that is known."""
    wanted, standing = set(units), audits.recorded(run).standing
    for item in store.read(run, WORKLIST).items:
        if item.unit not in wanted:
            continue
        row = standing.get(item.item)
        said = (
            ()
            if row is None
            else (str(row.decision.decision), row.decision.at.isoformat(), row.person or row.decision.by)
        )
        known = "" if row is None else str(row.assurance)
        asked = (item.item, item.unit, "yes" if item.planted else "no", "yes" if item.found else "no")
        yield (*asked, *(said or ("", "", "")), known)


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]], within: Borders) -> None:
    """Write rows of one client as CSV, without a name of another client or of its people."""
    struck = [tuple(within.strike(cell) for cell in row) for row in rows]
    files.write(path, spreadsheet.csv_bytes(header, struck))


def _covered_run(full: Path, name: str, under: Pseudonyms, partial: Path) -> Iterator[str]:
    """Write the tables, the draw, the answers and the figures of a run under pseudonyms; yield what they show."""
    run, to = Run(full / pack.RUNS / name), partial / pack.PART / name
    for table in pseudonyms.COVERED:
        source = full / pack.TABLES / name / f"{table}.csv"
        if source.is_file():
            _covered_table(source, partial / pack.TABLES / name / f"{table}.csv", table, under)
    stated = full / pack.FIGURES / f"{name}.json"
    if stated.is_file():
        figures = files.read(stated, FIGURES)
        files.write(to / "figures.json", FIGURES.dump(figures))
        yield from shown_by(name, figures)
    if store.has(run, SAMPLE):
        sample, frame = store.read(run, SAMPLE), store.read(run, FRAME)
        draws = {pick.unit: str(pick.draw) for pick in sample.picks}
        units = sorted((under.of(unit.unit), str(stratum(unit)), draws.get(unit.unit, "")) for unit in frame.units)
        files.write(to / "population.csv", spreadsheet.csv_bytes(view.POPULATION, units))
        answers = [
            (under.of(item), under.of(unit), *middle, under.of(by) if by else "", known)
            for item, unit, *middle, by, known in _answers(run, draws)
        ]
        files.write(to / "answers.csv", spreadsheet.csv_bytes(view.ANSWERS, sorted(answers)))


def _covered_table(source: Path, to: Path, table: str, under: Pseudonyms) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(pseudonyms.columns(table))
        writer.writerows(under.row(table, row) for row in _rows(source))
