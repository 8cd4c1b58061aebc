"""Parts of a pack: one client's evidence has nothing of another's, and under pseudonyms there is no name of anybody."""

import contextlib
import csv
import hashlib
import json
import os
import random
import re
import shutil
import stat
import time
from pathlib import Path

import pytest

from access_review.errors import ArtifactError
from access_review.stages.evidence_check import check_evidence
from tests.evidence.damages import files_of, reseal
from tests.evidence.verifiers import second
from tests.fuzz import damage
from tests.support.command import access_review

pytestmark = pytest.mark.slow
AT = "2026-11-16T07:00:00Z"


def bytes_of(folder):
    """Return all that is in a folder, and what its files are called, but for the program that checks it."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "check_evidence.py"]
    return b"\n".join(path.relative_to(folder).as_posix().encode() + b"\n" + path.read_bytes() for path in paths)


@pytest.fixture(scope="module")
def harbor(company, pack, tmp_path_factory):
    to = tmp_path_factory.mktemp("harbor") / "harbor"
    words = ("--client", "HARBOR", "--of", str(pack[0]), "-o", str(to), "--zip", "--key", str(company.folder / "key8"))
    made = company.run("--json", "evidence", "pack", "--since", "20261102", *words, at=AT)
    assert made.code == 0, made.err
    return to, made.json


@pytest.fixture(scope="module")
def covered(company, tmp_path_factory):
    to = tmp_path_factory.mktemp("covered") / "covered"
    words = ("--pseudonyms", "-o", str(to), "--key", str(company.folder / "key8"))
    made = company.run("--json", "evidence", "pack", "--since", "20261102", *words, at=AT)
    assert made.code == 0, made.err
    return to, made.json


def agreed(folder, head):
    first = access_review(folder, "--json", "evidence", "check", str(folder), "--head", head)
    assert (first.code, first.json["wrong"]) == (0, [])
    other = second(folder, "--head", head)
    assert (other.returncode, other.stderr) == (0, ""), other.stdout
    assert "Everything agrees" in other.stdout
    return first.json["said"], other.stdout


def refused(folder, head, by=r".", *words):
    first = access_review(folder, "--json", "evidence", "check", str(folder), "--head", head, *words)
    assert first.code == 1
    assert any(re.search(by, line) for line in first.json["wrong"]), first.json
    other = second(folder, "--head", head, *words)
    assert other.returncode == 1
    assert re.search(by, other.stdout), other.stdout
    assert "Traceback" not in other.stderr


def test_one_clients_evidence_has_nothing_of_another(harbor):
    said = bytes_of(harbor[0])
    assert b"QUAY" not in said
    others = [number for number in range(1, 31) if number % 3]
    assert not [n for n in others if re.search(rb"(Person %d|u%d|0*%05d)(?!\w)" % (n, n, n), said)]
    assert b"hr:person:00003" in said


def test_one_clients_evidence_says_of_what_it_is_a_part_and_what_it_cannot_show(harbor, pack):
    folder, made = harbor
    told = json.loads((folder / "pack.json").read_bytes())
    assert told["part"]["of"] == "sha256:" + hashlib.sha256((pack[0] / "pack.json").read_bytes()).hexdigest()
    text = (folder / "README.txt").read_text()
    assert told["part"]["of"] in text
    assert "findings cannot be concluded again" in text
    assert re.search(r"HARBOR: \d+ of \d+ drawn were tested", text)
    said, other = agreed(folder, made["head"])
    assert any("not shown: findings cannot be concluded again" in line for line in said)
    assert told["part"]["of"] in other
    again = access_review(folder, "evidence", "rederive", str(folder))
    assert again.code == 1
    assert told["part"]["of"] in again.err


def test_a_part_of_a_client_is_not_made_up(harbor, tmp_path):
    folder, made = harbor
    first = made["runs"][0]
    for name, old, new in (
        ("answers.csv", b'"keep"', b'"revoke"'),
        ("population.csv", b'"inference"', b'""'),
        ("shown.json", b'"tested":', b'"tested":1'),
    ):
        copy = shutil.copytree(folder, tmp_path / name)
        path = copy / "part" / first / name
        assert old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new))
        refused(copy, made["head"], "was changed since the pack was made")
        reseal(copy)
        refused(copy, made["head"], f"part/{first}/")
    copy = shutil.copytree(folder, tmp_path / "cut")
    leaves = (copy / "leaves.txt").read_text().splitlines()[:-1]
    (copy / "leaves.txt").write_text("\n".join(leaves) + "\n")
    reseal(copy)
    refused(copy, made["head"], "head")


def test_what_no_figure_rests_on_is_held_by_a_signature_or_by_the_digest_that_was_told(harbor, tmp_path):
    folder, made = harbor
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "pack.dsse.json").unlink()
    path = copy / "part" / made["runs"][0] / "answers.csv"
    assert b'"claimed"' in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(b'"claimed"', b'"authenticated"'))
    reseal(copy)
    said, other = agreed(copy, made["head"])
    assert any("neither signed nor its --digest told" in line for line in said)
    assert "not signed: without --digest" in other
    refused(copy, made["head"], "pack.json: has not the digest that was told", "--digest", made["digest"])


def test_a_client_for_whom_nobody_works_has_no_evidence(company, pack, tmp_path):
    words = ("--client", "HARBOUR", "--of", str(pack[0]), "-o", str(tmp_path / "x"))
    made = company.run("evidence", "pack", *words, at=AT)
    assert made.code == 2
    assert "nobody works for 'HARBOUR'" in made.err
    assert list(tmp_path.iterdir()) == []


def test_under_pseudonyms_nobody_is_named_and_both_verifiers_agree(covered):
    folder, made = covered
    said = bytes_of(folder)
    assert not re.search(rb"Person \d|hr:person|ledger:account|\bu\d+\b|(?<![\w+/])000\d\d(?![\w+/])", said)
    assert b"HARBOR" in said
    told = json.loads((folder / "pack.json").read_bytes())
    full = folder.with_name("covered.full")
    assert told["part"]["of"] == "sha256:" + hashlib.sha256((full / "pack.json").read_bytes()).hexdigest()
    lines, other = agreed(folder, made["head"])
    assert any("real ids" in line for line in lines)
    assert "signed by p-" in other
    assert access_review(folder, "evidence", "rederive", str(folder)).code == 1


def test_key_and_map_lie_apart_for_their_owner_alone_and_the_key_is_used_again(covered, company, tmp_path):
    folder, made = covered
    key, known = folder.with_name("covered.pseudonyms.key"), folder.with_name("covered.pseudonyms.csv")
    if os.name == "posix":
        assert [stat.S_IMODE(path.stat().st_mode) for path in (key, known)] == [0o600, 0o600]
    with known.open(newline="", encoding="utf-8-sig") as file:
        ids = {row["pseudonym"]: row["id"] for row in csv.DictReader(file)}
    with (folder / "tables" / made["runs"][0] / "people.csv").open(newline="") as file:
        people = [row["person"] for row in csv.DictReader(file)]
    assert sorted(ids[one] for one in people) == [f"hr:person:{number:05}" for number in range(1, 31)]
    assert key.read_bytes().strip() not in bytes_of(folder)
    for secret, same in ((key, True), (tmp_path / "other.key", False)):
        to = tmp_path / secret.stem
        words = ("--pseudonyms", "--pseudonym-key", str(secret), "--of", str(folder.with_name("covered.full")))
        assert company.run("evidence", "pack", "--since", "20261102", *words, "-o", str(to), at=AT).code == 0
        table = f"tables/{made['runs'][0]}/people.csv"
        assert ((to / table).read_bytes() == (folder / table).read_bytes()) is same


def test_figures_under_pseudonyms_are_not_made_up(covered, tmp_path):
    folder, made = covered
    copy = shutil.copytree(folder, tmp_path / "copy")
    path = copy / "part" / made["runs"][0] / "answers.csv"
    path.write_bytes(path.read_bytes().replace(b'"keep"', b'"revoke"'))
    reseal(copy)
    refused(copy, made["head"], "states other figures")


TRIED = int(os.environ.get("ODD_PACKS", "6"))
"""How many files of packs are tried in an odd form, drawn by a seed."""


def test_whatever_stands_in_a_file_of_a_pack_or_part_is_said(pack, harbor, covered, tmp_path):
    """Sealed again as whoever made it could: what is behind the digests is reached, and ends soon with a sentence."""
    places = []
    for name, whole in (("pack", pack[0]), ("harbor", harbor[0]), ("covered", covered[0])):
        folder = Path(shutil.copytree(whole, tmp_path / name))
        places += [path for path in files_of(folder) if path.suffix not in {".parquet", ".py", ".html"}]
    chance = random.Random(13)  # noqa: S311 - damages, not secrets
    odd_files = [(path, b"[" * 200_000) for path in places if path.name in {"pack.dsse.json", "shown.json"}]
    odd_files += [(path, b"unit\n" + b"a" * 200_000) for path in places if path.name == "population.csv"][:1]
    for path in chance.choices(places, k=TRIED):
        odd_files.append(
            (path, chance.choice((damage.plain, damage.of_json, damage.of_json))(path.read_bytes(), chance))
        )
    for number, (path, odd) in enumerate(odd_files, start=1):
        folder = tmp_path / path.relative_to(tmp_path).parts[0]
        manifest, data, began = (folder / "pack.json").read_bytes(), path.read_bytes(), time.process_time()
        path.write_bytes(odd)
        if path.name != "pack.json" and number % 4:
            reseal(folder)
        with contextlib.suppress(ArtifactError):
            # What an envelope has beside its statement and its signature says nothing, and nobody reads it.
            assert check_evidence(folder).wrong or odd == data or path.name == "pack.dsse.json", (number, path)
        assert time.process_time() - began < 10, (number, path)
        path.write_bytes(data)
        (folder / "pack.json").write_bytes(manifest)
