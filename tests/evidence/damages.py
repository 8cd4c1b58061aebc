"""Damages to a pack of evidence, chosen by a seed: careless ones, and those of somebody who makes the rest fit.

They are done to a copy whose files are links: nothing is written into one, it is replaced (:func:`put`).
"""

import base64
import hashlib
import json
import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import rfc8785

from access_review.logbook.tree import GrowingTree, TreeHead, leaf
from access_review.revoke import statements
from access_review.revoke.states import State, Transition
from access_review.store.journal import JournalFile
from tests.support.workspaces import key_of


@dataclass(frozen=True)
class Damaged:
    """What was damaged, and what the first thing that a verifier names must say: a pattern, or a line among ``lines a to b``."""

    what: str
    named: str = "."
    line: int = 0
    head: str = ""
    """Of the logbook, where whoever made the pack did the damage before they told it; otherwise it is that of before."""

    def is_named_in(self, said: str) -> bool:
        """Tell whether that is what somebody says first."""
        if not self.line:
            return re.search(self.named, said) is not None
        between = re.search(r"lines (\d+) to (\d+)", said)
        return bool(between and int(between[1]) <= self.line <= int(between[2]))


Damage = Callable[[Path, random.Random], Damaged]


def copied(pack: Path, to: Path) -> Path:
    """Copy a pack without its bytes."""
    return shutil.copytree(pack, to, copy_function=os.link)


def put(path: Path, data: bytes) -> None:
    """Replace a file, which may be a link to that of another pack."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def place(pack: Path, path: Path) -> str:
    """Return where a file is in a pack, as a pattern; verifiers name those of ``runs/`` from there on, too."""
    name = path.relative_to(pack).as_posix()
    if name == "pack.json":
        return "."
    return "[Ll]ogbook" if path.name == "logbook.jsonl" else re.escape(name.removeprefix("runs/"))


def files_of(pack: Path) -> list[Path]:
    return sorted(path for path in pack.rglob("*") if path.is_file())


def some(pack: Path, chance: random.Random, pattern: str = "*") -> Path:
    return chance.choice([path for path in files_of(pack) if path.match(pattern) and path.stat().st_size])


def mark(data: bytes) -> dict[str, Any]:
    return {"digest": "sha256:" + hashlib.sha256(data).hexdigest(), "size": len(data)}


def reseal(pack: Path, **changes: Any) -> None:
    """Write into ``pack.json`` what now lies there, as who made it would have."""
    made = json.loads((pack / "pack.json").read_bytes()) | changes
    made["files"] = {
        path.relative_to(pack).as_posix(): mark(path.read_bytes())
        for path in files_of(pack)
        if path.name not in {"pack.json", "pack.dsse.json"}
    }
    put(pack / "pack.json", rfc8785.dumps(made) + b"\n")


def flip(pack: Path, chance: random.Random) -> Damaged:
    path = some(pack, chance)
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    data[at] ^= 1 << chance.randrange(8)
    put(path, bytes(data))
    return Damaged(f"bit of {path.name}", place(pack, path))


def cut(pack: Path, chance: random.Random) -> Damaged:
    path = some(pack, chance)
    put(path, path.read_bytes()[: chance.randrange(path.stat().st_size)])
    return Damaged(f"{path.name} cut", place(pack, path))


def gone(pack: Path, chance: random.Random) -> Damaged:
    path = some(pack, chance)
    if path.name in {"pack.dsse.json", "pack.json"}:
        path = pack / "README.txt"
    path.unlink()
    return Damaged(f"{path.name} gone", place(pack, path))


def added(pack: Path, chance: random.Random) -> Damaged:
    path = some(pack, chance).with_name("zz-added.json")
    path.write_text("{}")
    return Damaged(f"{path.parent.name} has one more", place(pack, path))


def swapped(pack: Path, chance: random.Random) -> Damaged:
    first, second = chance.sample([path for path in files_of(pack) if path.suffix in {".parquet", ".csv"}], 2)
    if first.read_bytes() == second.read_bytes():
        return flip(pack, chance)
    data = first.read_bytes()
    put(first, second.read_bytes())
    put(second, data)
    return Damaged(f"{first.name} and {second.name} swapped", place(pack, min(first, second)))


def row_of_findings(pack: Path, chance: random.Random) -> Damaged:
    """Take a finding out of the CSV file, and make the pack fit."""
    path = some(pack, chance, "findings.csv")
    lines = path.read_text().splitlines(keepends=True)
    if len(lines) < 2:
        return resealed_flip(pack, chance)
    del lines[chance.randrange(1, len(lines))]
    put(path, "".join(lines).encode())
    reseal(pack)
    return Damaged("a finding out, resealed", place(pack, path))


def resealed_flip(pack: Path, chance: random.Random) -> Damaged:
    """Change a digit of a record of the run, and make the pack fit."""
    path = some(pack, chance, "runs/*/*.parquet" if chance.random() < 0.3 else "runs/*/*.json")
    data = bytearray(path.read_bytes())
    digits = [at for at, byte in enumerate(data) if 0x30 <= byte <= 0x39] or [len(data) // 2]
    at = chance.choice(digits)
    data[at] = 0x30 + (data[at] + 1 - 0x30) % 10 if 0x30 <= data[at] <= 0x39 else data[at] ^ 1
    put(path, bytes(data))
    reseal(pack)
    return Damaged(f"a digit of {path.name}, resealed", place(pack, path))


def lines_of(pack: Path) -> list[bytes]:
    return (pack / "runs/logbook.jsonl").read_bytes().split(b"\n")[:-1]


def entries_of(pack: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines_of(pack)]


def keep_lines(pack: Path, lines: list[bytes]) -> None:
    put(pack / "runs/logbook.jsonl", b"".join(line + b"\n" for line in lines))
    reseal(pack)


def line_out(pack: Path, chance: random.Random) -> Damaged:
    lines = lines_of(pack)
    at = chance.randrange(len(lines) - 1)
    keep_lines(pack, lines[:at] + lines[at + 1 :])
    return Damaged(f"line {at + 1} of the logbook out, resealed", rf"line {at + 1}\b")


def lines_swapped(pack: Path, chance: random.Random) -> Damaged:
    lines = lines_of(pack)
    at = chance.randrange(1, len(lines) - 1)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    keep_lines(pack, lines)
    return Damaged(f"lines {at + 1} and {at + 2} swapped, resealed", rf"line {at + 1}\b")


def rewritten(pack: Path, lines: list[dict[str, Any]], **changes: Any) -> None:
    """Give lines the heads that they would have had, and the pack the last of them."""
    tree, written = GrowingTree(), []
    for line in lines:
        data = rfc8785.dumps({**line, "head": str(tree.head)})
        tree.add(leaf(data))
        written.append(data)
    put(pack / "runs/logbook.jsonl", b"".join(line + b"\n" for line in written))
    reseal(pack, head=str(tree.head), **changes)


def tail_off(pack: Path, chance: random.Random) -> Damaged:
    """Cut off the last lines with all their traces: only a head kept elsewhere, or in a signature, tells."""
    lines = entries_of(pack)
    kept = lines[: chance.randrange(max(1, len(lines) - 6), len(lines))]
    known = {path for line in kept for path in [*line.get("files", {}), *line.get("stores", {})]}
    for path in files_of(pack / "runs"):
        if path.relative_to(pack / "runs").as_posix() not in known and path.name != "logbook.jsonl":
            path.unlink()
    rewritten(pack, kept)
    return Damaged("the last lines cut off with their files, rewritten", line=len(kept) + 1)


def entry_dropped(pack: Path, chance: random.Random) -> Damaged:
    """Leave out one line with the files that it alone names, and write all heads anew."""
    lines = entries_of(pack)
    at = chance.randrange(1, len(lines))
    line = lines.pop(at)
    known = {path for line in lines for path in [*line.get("files", {}), *line.get("stores", {})]}
    for path in {*line.get("files", {}), *line.get("stores", {})} - known:
        (pack / "runs" / path).unlink(missing_ok=True)
    rewritten(pack, lines)
    return Damaged("a line out with its files, all heads written anew", line=at + 1)


def moment_changed(pack: Path, chance: random.Random) -> Damaged:
    """Let something have happened at another time, and write all heads anew."""
    lines = entries_of(pack)
    at = chance.randrange(len(lines))
    lines[at]["at"] = f"2025-{lines[at]['at'].partition('-')[2]}"
    rewritten(pack, lines)
    return Damaged("a line of another year, all heads written anew", line=at + 1)


def changed_row(path: Path, at: int, column: str, value: object) -> None:
    """Change a row of a store, with every hash after it."""
    from access_review.store.hash_chain import START, row_digest

    put(path, path.read_bytes())
    with sqlite3.connect(path) as connection:
        cursor = connection.execute("SELECT * FROM rows ORDER BY seq")
        names = [column[0] for column in cursor.description]
        rows, before = [dict(zip(names, row, strict=True)) for row in cursor], START
        for number, row in enumerate(rows):
            row["previous"] = before
            if number == at:
                row[column] = value
            row["digest"] = before = row_digest({n: v for n, v in row.items() if n != "digest"})
            sets = ", ".join(f"{name} = ?" for name in names)
            connection.execute(f"UPDATE rows SET {sets} WHERE seq = ?", (*row.values(), row["seq"]))


def rows_of(path: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(path) as connection:
        cursor = connection.execute("SELECT * FROM rows ORDER BY seq")
        return [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor]


def journal_row(pack: Path, chance: random.Random) -> Damaged:
    """Change a row of a journal or of the decisions, with every hash after it."""
    path = chance.choice([path for path in files_of(pack) if path.suffix == ".sqlite" and rows_of(path)])
    rows = rows_of(path)
    at, column = chance.randrange(len(rows)), next(one for one in ("comment", "reason", "said") if one in rows[0])
    changed_row(path, at, column, f"{rows[at][column]}.")
    reseal(pack)
    return Damaged(f"row {at + 1} of {path.name}, hashes and pack made to fit", re.escape(path.name))


def answer_changed(pack: Path, chance: random.Random) -> Damaged:
    """Let a reviewer have answered something else, in the store, in its hashes and in every line that knows it."""
    path = pack / "runs/decisions.sqlite"
    if not path.exists():
        return flip(pack, chance)
    rows, lines = rows_of(path), entries_of(pack)
    at = chance.randrange(len(rows))
    changed_row(path, at, "decision", "keep" if rows[at]["decision"] == "revoke" else "revoke")
    after, first = rows_of(path), 0
    for number, line in enumerate(lines, start=1):
        known = line.get("stores", {}).get("decisions.sqlite")
        if known and known["position"] > at:
            known["head"], first = after[known["position"] - 1]["digest"], first or number
    rewritten(pack, lines)
    return Damaged("another answer, hashes and lines made to fit", line=first)


def signature_reused(pack: Path, chance: random.Random) -> Damaged:
    """Put what was signed of one plan beside another, or under another name, and make the pack fit."""
    signed = some(pack, chance, "*/approvals/*.json")
    others = [path.parent / "approvals" for path in pack.glob("runs/*/*/plan.json")] + [
        run / "sign-off" for run in sorted((pack / "runs").iterdir()) if run.is_dir()
    ]
    folder = chance.choice([other for other in others if other != signed.parent])
    folder.mkdir(exist_ok=True)
    shutil.copy(signed, folder / "sha256-again.json")
    reseal(pack)
    return Damaged(f"a signature again in {folder.parent.name}", "sha256-again")


def signature_of_another(pack: Path, chance: random.Random) -> Damaged:
    """Let a key that nobody enrolled have signed the same, and write the whole logbook anew."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from access_review.revoke import sshsig

    path = some(pack, chance, "*/approvals/*.json")
    said = json.loads(path.read_bytes())
    kind, payload = said["payloadType"].encode(), base64.b64decode(said["payload"])
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    said["signatures"][0]["sig"] = base64.b64encode(sshsig.sign(Ed25519PrivateKey.generate(), message)).decode()
    line = consistently(pack, {path: rfc8785.dumps(said) + b"\n"})
    named = "" if line else place(pack, path)
    return Damaged("a stranger's signature, everything made to fit", named, line)


def said_by_another(pack: Path, chance: random.Random) -> Damaged:
    """Let somebody have signed, with a key of their own that is enrolled, what is said in another's name."""
    declared = json.loads(some(pack, chance, "declared/*.json").read_bytes())
    signed = chance.choice(statements_of(pack))
    keys = [one["key"] for one in declared["approvers"] if one["key"] != key_in(signed)]
    head = as_it_was_logged(pack, {}, {signed: chance.choice(keys)})
    return Damaged("said in another's name, as it was logged", place(pack, signed), head=head)


def as_it_was_logged(pack: Path, changes: dict[Path, bytes], signers: dict[Path, str] | None = None) -> str:
    """Change files as if they had been so from the beginning, the pack too; return the head of the logbook that there would be.

    Raises ``IndexError`` as :func:`as_if_logged` does.
    """
    head = as_if_logged(pack, changes, signers)
    reseal(pack, head=head)
    return head


def as_if_logged(pack: Path, changes: dict[Path, bytes], signers: dict[Path, str] | None = None) -> str:
    """Change files below ``runs/``, of a workspace too, as if they had been logged so; return the head that there would be.

    Whoever keeps the logbook let it pass: all that was signed afterwards names the heads that followed, and stores are
    known as they are. Raises ``IndexError`` where somebody signed whose key is none of ours.
    """
    keys = {public: private for private, public in map(key_of, range(100))}
    by = {path: key_in(path) for path in statements_of(pack)} | (signers or {})
    if not keys.keys() >= {*by.values()}:
        raise IndexError
    for path, data in changes.items():
        put(path, data)
    changed = {path.relative_to(pack / "runs").as_posix(): mark(data) for path, data in changes.items()}
    tree, heads, written = GrowingTree(), [], []
    for line in entries_of(pack):
        heads.append(str(tree.head))
        line.get("files", {}).update((name, changed[name]) for name in changed.keys() & line.get("files", {}).keys())
        for name, known in line.get("stores", {}).items():
            known["head"] = [*rows_of(pack / "runs" / name)][known["position"] - 1]["digest"]
        for path in (pack / "runs" / name for name in line.get("files", {}) if is_statement(name)):
            said = statements.payload_of(path.read_bytes())
            said = replace(said, head=said.head and TreeHead.parse(heads[said.head.size]))
            put(path, statements.sign(said, statements.signing_key(keys[by[path]], name="key")))
            line["files"][path.relative_to(pack / "runs").as_posix()] = mark(path.read_bytes())
        written.append(rfc8785.dumps({**line, "head": heads[-1]}))
        tree.add(leaf(written[-1]))
    put(pack / "runs/logbook.jsonl", b"".join(line + b"\n" for line in written))
    return str(tree.head)


def statements_of(pack: Path) -> list[Path]:
    """Return the statements that somebody signed, which lines of the logbook name."""
    return [path for path in files_of(pack / "runs") if is_statement(path.relative_to(pack / "runs").as_posix())]


def is_statement(name: str) -> bool:
    """Tell of a path below ``runs/`` whether it is a statement that somebody signed."""
    return name.endswith(".json") and Path(name).parent.name in {"approvals", "sign-off"}


def key_in(path: Path) -> str:
    """Return the key that a statement names, as a public key line."""
    (blob,) = statements.keys_in(path.read_bytes())
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def weeks_swapped(pack: Path, chance: random.Random) -> Damaged:
    """Let two runs take each other's place, in the files, and make the pack fit."""
    runs = [path for path in sorted((pack / "runs").iterdir()) if (path / "review.json").exists()]
    first, second = chance.sample(runs, 2)
    for root in ("runs", "tables"):
        a, b = pack / root / first.name, pack / root / second.name
        if a.exists() and b.exists():
            a.rename(pack / "aside")
            b.rename(a)
            (pack / "aside").rename(b)
    reseal(pack)
    return Damaged("two runs swapped, resealed", f"{first.name}|{second.name}")


def week_of(pack: Path, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """Choose a run of the period that is neither its first nor its last, and take its files away."""
    made = json.loads((pack / "pack.json").read_bytes())
    run = chance.choice(made["runs"][1:-1])
    for path in (pack / "runs" / run, pack / "tables" / run):
        shutil.rmtree(path)
    for folder in ("declared", "figures"):
        (pack / folder / f"{run}.json").unlink()
    return run, {"runs": [one for one in made["runs"] if one != run], "left_out": made["left_out"]}


def week_dropped(pack: Path, chance: random.Random) -> Damaged:
    """Let a week never have been: without its files, its lines and its name."""
    run, changes = week_of(pack, chance)
    lines = entries_of(pack)
    of_it = [run in json.dumps(line) for line in lines]
    rewritten(pack, [line for line, its in zip(lines, of_it, strict=True) if not its], **changes)
    return Damaged("a week dropped with all its lines", line=of_it.index(True) + 1)


def week_left_out(pack: Path, chance: random.Random) -> Damaged:
    """Say of a week of the period that it is none."""
    run, changes = week_of(pack, chance)
    paths = sorted({path for line in entries_of(pack) for path in line.get("files", {}) if path.startswith(run)})
    changes["left_out"] += [{"path": path, "why": "of a run outside the period"} for path in paths]
    reseal(pack, **changes)
    return Damaged("a week said to be outside the period", run)


def said_left_out(pack: Path, chance: random.Random) -> Damaged:
    """Take away what was signed, and say that it had to be left out."""
    path = some(pack, chance, "runs/*/*.json" if chance.random() < 0.3 else "*/approvals/*.json")
    path.unlink()
    left_out = json.loads((pack / "pack.json").read_bytes())["left_out"]
    why = chance.choice(["it holds the key of a draw to come", "of a run outside the period"])
    reseal(pack, left_out=[*left_out, {"path": path.relative_to(pack / "runs").as_posix(), "why": why}])
    return Damaged("a file said to be left out", place(pack, path))


def consistently(pack: Path, changes: dict[Path, bytes]) -> int:
    """Change files of a run, and every line and digest of the pack that names them; return the first such line."""
    marks, lines, first = {}, entries_of(pack), 0
    for path, data in changes.items():
        put(path, data)
        marks[path.relative_to(pack / "runs").as_posix()] = mark(data)
    for number, line in enumerate(lines, start=1):
        for path in marks.keys() & line.get("files", {}).keys():
            line["files"][path], first = marks[path], first or number
    rewritten(pack, lines)
    return first


def draw_changed(pack: Path, chance: random.Random) -> Damaged:
    """Let another unit have been drawn, and write the whole logbook anew."""
    path = some(pack, chance, "sample.json")
    sample = json.loads(path.read_bytes())
    drawn = [pick for pick in sample["picks"] if pick["draw"] == "inference"]
    frame = json.loads(path.with_name("frame.json").read_bytes())["units"]
    picked = {pick["unit"] for pick in sample["picks"]}
    others = [unit["unit"] for unit in frame if unit["unit"] not in picked]
    if drawn and others:
        chance.choice(drawn)["unit"] = chance.choice(others)
    else:
        sample["seed"] = "0" * 64
    return Damaged("another unit drawn, everything made to fit", line=consistently(pack, {path: canonical(sample)}))


def canonical(value: object) -> bytes:
    return rfc8785.dumps(value) + b"\n"  # type: ignore[arg-type]


def row_never_read(pack: Path, chance: random.Random) -> Damaged:
    """Let an account never have been read: in both forms of the table, in the manifest and in every line that knows it."""
    run = chance.choice([path for path in sorted((pack / "runs").iterdir()) if (path / "review.json").exists()])
    table = pack / "tables" / run.name / "accounts.csv"
    parquet = run / "snapshot/accounts.parquet"
    rows = pq.read_table(parquet)
    at = chance.randrange(len(rows))
    data = parquet_of(pack, pa.concat_tables([rows.slice(0, at), rows.slice(at + 1)]))
    lines = table.read_bytes().splitlines(keepends=True)
    put(table, b"".join(lines[: at + 1] + lines[at + 2 :]))
    manifest = json.loads((run / "manifest.json").read_bytes())
    manifest["tables"]["accounts"]["digest"] = mark(table.read_bytes())["digest"]
    manifest["tables"]["accounts"]["file"] = mark(data)["digest"]
    changed = {parquet: data, run / "manifest.json": canonical(manifest)}
    return Damaged("an account never read, everything made to fit", line=consistently(pack, changed))


def client_passed_over(pack: Path, chance: random.Random) -> Damaged:
    """Let fewer have been drawn for a client that was promised enough, and write the whole logbook anew."""
    samples = [path for path in files_of(pack) if path.name == "sample.json"]
    path = chance.choice([path for path in samples if json.loads(path.read_bytes()).get("clients")] or samples)
    sample = json.loads(path.read_bytes())
    if not sample.get("clients"):
        return draw_changed(pack, chance)
    part = chance.choice(sample["clients"]["parts"])
    if chance.random() < 0.5:
        part["drawn"] -= 1
    else:
        part["aim"]["tolerable"] = 0.9
    line = consistently(pack, {path: canonical(sample)})
    return Damaged(f"{part['client']} passed over, everything made to fit", line=line)


def proof_made_up(pack: Path, chance: random.Random) -> Damaged:
    """Let a batch have proven one of its changes by a single read: as rows that nothing but the journal knows of."""
    journals = [path for path in files_of(pack) if path.name == "journal.sqlite" and rows_of(path)]
    path = chance.choice(journals)
    put(path, path.read_bytes())
    last = rows_of(path)[-1]
    with JournalFile(path, str(rows_of(path)[0]["reason"])) as journal:
        change = chance.choice([name for name, one in journal.standings.items() if one.state is State.ORDERED])
        for seconds, state in enumerate((State.PENDING, State.REVOKED), start=1):
            at = datetime.fromisoformat(last["at"]) + timedelta(seconds=seconds)
            journal.add(Transition(change, state, at, 1, "ledger"))
        journal.flush()
    path.with_name(f"{path.name}-journal").unlink()  # SQLite's own
    reseal(pack)
    return Damaged(f"{change} proven by one read, resealed", place(pack, path))


def batch_unapproved(pack: Path, chance: random.Random) -> Damaged:
    """Let a batch have begun before anybody approved it, and write the whole logbook anew."""
    lines = entries_of(pack)
    line = chance.choice([one for one in lines if one["event"] == "begun"])
    line["at"] = "2026-11-02T06:05:30+00:00"
    put(pack / "runs/logbook.jsonl", b"".join(rfc8785.dumps(one) + b"\n" for one in lines))
    head = as_it_was_logged(pack, {})
    return Damaged("a batch begun before it was approved", re.escape(line["details"]["journal"]), head=head)


def aim_changed(pack: Path, chance: random.Random) -> Damaged:
    """Let a draw have aimed at less than the policy asks for, as if it had been logged so."""
    path = some(pack, chance, "sample.json")
    sample = json.loads(path.read_bytes())
    sample["policy"]["rate"] = 0.001  # what the confidence needs is more, so that the same are drawn
    return Damaged("a draw aims at less", place(pack, path), head=as_it_was_logged(pack, {path: canonical(sample)}))


def client_changed(pack: Path, chance: random.Random) -> Damaged:
    """Let somebody have worked for another client when it was drawn, as if it had been logged so."""
    path = some(pack, chance, "frame.json")
    frame = json.loads(path.read_bytes())
    unit = chance.choice([one for one in frame["units"] if one["clients"] == ["QUAY"]])
    unit["clients"] = ["ELSEWHERE"]
    return Damaged("a unit of another client", place(pack, path), head=as_it_was_logged(pack, {path: canonical(frame)}))


def figures_better(pack: Path, chance: random.Random) -> Damaged:
    path = some(pack, chance, "figures/*.json")
    stated = json.loads(path.read_bytes())
    if stated["lines"] and chance.random() < 0.5:
        line = chance.choice(stated["lines"])
        line["missed"]["limit_most"] = (line["missed"]["limit_most"] or 0.02) / 2
    else:
        stated["open_lag"]["accounts"] += 1
    put(path, canonical(stated))
    reseal(pack)
    return Damaged("another figure, resealed", place(pack, path))


def template_wider(pack: Path, chance: random.Random) -> Damaged:
    """Let templates have said something else, in what a verifier without YAML reads: it finds that in the findings."""
    path = some(pack, chance, "declared/*.json")
    said = json.loads(path.read_bytes())
    for template in said["templates"]:
        template["may"].append("*:*:*")
    put(path, canonical(said))
    reseal(pack)
    named = f"{place(pack, path)}|{path.stem}/findings.csv: access-beyond-role"
    return Damaged("templates allow everything, resealed", named)


def gone_resealed(pack: Path, chance: random.Random) -> Damaged:
    """Take away what a verifier concludes from, as if the run had been from before it was kept."""
    folder = chance.choice(["declared", "figures", "tables"])
    path = some(pack, chance, f"{folder}/*.json" if folder != "tables" else "tables/*/*.csv")
    path.unlink()
    reseal(pack)
    return Damaged(f"{folder}/{path.name} gone, resealed", place(pack, path))


def rule_switched_off(pack: Path, chance: random.Random) -> Damaged:
    """Let a rule not have been switched on, in what a verifier without YAML reads."""
    path = some(pack, chance, "declared/*.json")
    said = json.loads(path.read_bytes())
    said["derived"].remove(chance.choice(said["derived"]))
    put(path, canonical(said))
    reseal(pack)
    return Damaged("a rule switched off, resealed", place(pack, path))


def finding_withheld(pack: Path, chance: random.Random) -> Damaged:
    """Say of a finding that something was not read for it, and take it away."""

    def withheld(said: dict[str, Any]) -> None:
        said |= {"hits": said["hits"] - 1, "withheld": said["withheld"] + 1}

    return fewer_findings(pack, chance, withheld, alone=True)


def rule_not_evaluated(pack: Path, chance: random.Random) -> Damaged:
    """Say of a rule that nobody has what it needs, and take its findings away."""

    def idle(said: dict[str, Any]) -> None:
        said |= {"evaluated": False, "hits": 0, "withheld": 0, "reason": "no source provides grants"}

    return fewer_findings(pack, chance, idle)


def finding_out(pack: Path, chance: random.Random) -> Damaged:
    """Take a finding away that its review still counts."""

    def same(_: dict[str, Any]) -> None:
        pass

    return fewer_findings(pack, chance, same, alone=True, named=r"review\.json|findings\.csv")


def fewer_findings(
    pack: Path, chance: random.Random, say: Callable[[dict[str, Any]], None], *, alone: bool = False, named: str = ""
) -> Damaged:
    """Take findings of a rule out of a run, one ``alone`` or all, in both forms, and say it so in its review, from the beginning."""
    rules = ["access-beyond-role", "leaver-active", "never-allowed"]
    found = {path: pq.read_table(path).to_pylist() for path in pack.glob("runs/*/findings.parquet")}
    there = [(path, row) for path in sorted(found) for row in found[path] if row["rule"] in rules and row["checked"]]
    path, one = chance.choice([(path, row) for path, row in there if row["status"] != "closed" and "code" in row])
    out = {row["finding"] for row in found[path] if row["rule"] == one["rule"] and not (alone and row != one)}
    before = pq.read_table(path)
    data = parquet_of(pack, before.filter(pc.invert(pc.is_in(before["finding"], pa.array(sorted(out))))))
    table = pack / f"tables/{path.parent.name}/findings.csv"
    head, *rows = table.read_bytes().splitlines(keepends=True)
    put(table, b"".join([head, *(row for row in rows if row.split(b",")[0].strip(b'"').decode() not in out)]))
    review = path.with_name("review.json")
    said = json.loads(review.read_bytes())
    say(said["rules"][one["rule"]])
    said |= {"digest": mark(table.read_bytes())["digest"], "file": mark(data)["digest"]}
    head_now = as_it_was_logged(pack, {path: data, review: canonical(said)})
    return Damaged(
        f"{one['rule']} of {one['subject']} out, as it was logged", named or place(pack, review), head=head_now
    )


def parquet_of(pack: Path, table: pa.Table) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    pq.write_table(table, pack / "made.parquet")
    data = (pack / "made.parquet").read_bytes()
    (pack / "made.parquet").unlink()
    return data


DAMAGES: tuple[Damage, ...] = (
    flip,
    cut,
    gone,
    added,
    swapped,
    row_of_findings,
    resealed_flip,
    line_out,
    lines_swapped,
    tail_off,
    entry_dropped,
    moment_changed,
    journal_row,
    answer_changed,
    signature_reused,
    signature_of_another,
    weeks_swapped,
    week_dropped,
    week_left_out,
    said_left_out,
    draw_changed,
    row_never_read,
    figures_better,
    template_wider,
    gone_resealed,
    rule_switched_off,
    client_passed_over,
    said_by_another,
    finding_withheld,
    rule_not_evaluated,
    finding_out,
)


def damage(pack: Path, seed: int) -> Damaged:
    """Do the damage of a number to a copy; a bit is flipped where there is nothing of what it damages."""
    chance = random.Random(seed)  # noqa: S311 - chosen by a number, so that it happens again
    try:
        return DAMAGES[seed % len(DAMAGES)](pack, chance)
    except IndexError:
        return flip(pack, chance)
