"""Evidence check of a part: one client's, or one under pseudonyms. What can be shown from it is shown; it says what cannot."""

import base64
import binascii
import csv
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from access_review.artifacts import FIGURES
from access_review.audit.decisions import ReviewerAnswer
from access_review.audit.judge import Asked, JudgementLine, judge_part
from access_review.errors import ArtifactError, PlanRefused
from access_review.evidence import pack
from access_review.evidence.pack import EvidencePack
from access_review.logbook.tree import GrowingTree, TreeHead
from access_review.revoke import sshsig, statements
from access_review.revoke.sshsig import PublicKeyLine
from access_review.sample.choice import Stratum
from access_review.sample.commitment import commitment, seed
from access_review.store import files
from access_review.views.spreadsheet import read_back

Row = Mapping[str, str]


def check_lines(folder: Path, made: EvidencePack, told: Mapping[str, TreeHead]) -> Iterator[str]:
    """Compute the heads from the hashes of the logbook's lines: that of the pack, and those that its reader was told."""
    tree, heads = GrowingTree(), {"0": str(GrowingTree().head)}
    for line in files.content(folder / pack.LEAVES).split():
        tree.add(bytes.fromhex(line.decode("ascii")))
        heads[str(tree.size)] = str(tree.head)
    if made.head != str(tree.head):
        yield f"{pack.LEAVES}: their head is {tree.head}, that of pack.json is {made.head}"
    for place, head in told.items():
        if heads.get(str(head).partition(":")[0]) != str(head):
            yield f"{place}: is no head of the logbook whose lines' hashes are here"


def check_signer(folder: Path) -> Iterator[str]:
    """Check that the key in the part signed it; whether that is whose it is said to be, its reader must know."""
    if not (folder / pack.ENVELOPE).exists():
        return
    try:
        envelope = json.loads(files.content(folder / pack.ENVELOPE, statements.LARGEST))
        statement = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        subject = json.loads(statement)["subject"][0]["digest"]["sha256"]
        key = PublicKeyLine.parse(json.loads(files.content(folder / pack.SIGNER, statements.LARGEST))["key"])
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        binascii.Error,
        PlanRefused,
        ArtifactError,
    ):
        yield f"{pack.ENVELOPE}: is no envelope of a part, or {pack.SIGNER} names no key"
        return
    if subject != hashlib.sha256(files.content(folder / pack.MANIFEST)).hexdigest():
        yield f"{pack.ENVELOPE}: is about another pack.json"
    try:
        sshsig.check(signature, pack.message(statement), key)
    except PlanRefused as error:
        yield f"{pack.ENVELOPE}: {error.message}"


def check_part(folder: Path, made: EvidencePack) -> Iterator[str]:
    """Compute the figures of each run from its questions and answers, and of a client choose again among its units."""
    for run in made.runs:
        base, place = folder / pack.PART / run, f"{pack.PART}/{run}"
        if not (base / "population.csv").is_file():
            if any((base / name).is_file() for name in ("shown.json", "answers.csv")):
                yield f"{place}/population.csv: is gone"
            continue
        units, answers = _rows(base / "population.csv"), _rows(base / "answers.csv")
        asked = [
            Asked(row["unit"], ReviewerAnswer(row["decision"]) if _stands(row) else None, row["found"] == "yes")
            for row in answers
            if row["planted"] == "no"
        ]
        if made.part and made.part.client:
            yield from _client(base, place, run, units, asked)
        elif _lines(base, units, asked):
            yield f"{place}/figures.json: states other figures of the draw than follow from the answers"


def _stands(row: Row) -> bool:
    return row["decision"] not in {"", str(ReviewerAnswer.WITHDRAWN)}


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        return read_back(files.content(path))
    except (ValueError, csv.Error) as error:
        raise ArtifactError(f"{path.name} is no table of this tool: {error}", hint="make the part again") from None


def _lines(base: Path, units: list[dict[str, str]], asked: list[Asked]) -> bool:
    """Tell whether figures are other ones than follow from who was drawn and what was answered."""
    stated = files.read(base / "figures.json", FIGURES)
    confidence = stated.confidence or 0.95
    mine: list[JudgementLine] = []
    for part in Stratum:
        there = [row for row in units if row["part"] == part]
        drawn = [row["unit"] for row in there if row["draw"] == ("census" if part.is_census else "inference")]
        mine.append(judge_part(part, len(there), drawn, asked, confidence))
    rest = [row for row in units if not Stratum(row["part"]).is_census]
    inference = [row["unit"] for row in rest if row["draw"] == "inference"]
    mine.append(judge_part("rest", len(rest), inference, asked, confidence))
    return tuple(mine) != stated.lines


def _client(base: Path, place: str, run: str, units: list[dict[str, str]], asked: list[Asked]) -> Iterator[str]:
    said = json.loads(files.content(base / "shown.json"))
    shown, draw = said["shown"], said["draw"]
    key = bytes.fromhex(draw["key"])
    sown = seed(key, draw["root"], run)
    if commitment(key) != draw["commitment"] or sown.hex() != draw["seed"]:
        yield f"{place}/shown.json: key, commitment, root and seed do not fit each other"
    rest = {row["unit"]: row["draw"] for row in units if not Stratum(row["part"]).is_census}
    ordered = sorted(rest, key=lambda unit: (hmac.digest(sown, unit.encode(), "sha256"), unit))
    by_chance = [unit for unit in ordered if rest[unit] == "inference"]
    drawn = ordered[: shown["line"]["drawn"]]
    if by_chance != ordered[: len(by_chance)] or any(rest[unit] not in {"inference", "client"} for unit in drawn):
        yield f"{place}/population.csv: others of this client's units are drawn by that seed"
    line = judge_part("rest", len(rest), drawn, asked, shown["confidence"])
    if _plain(line) != shown["line"] or len(drawn) < len(by_chance):
        yield f"{place}/shown.json: states other figures than follow from the answers"


def _plain(line: JudgementLine) -> object:
    return json.loads(json.dumps(asdict(line)))
