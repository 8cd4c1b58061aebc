"""Damages to a pack of evidence, chosen by a seed: careless ones, and those of somebody who makes the rest fit."""

import hashlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rfc8785

Damage = Callable[[Path, random.Random], str]


def files_of(pack: Path) -> list[Path]:
    return sorted(path for path in pack.rglob("*") if path.is_file())


def some(pack: Path, chance: random.Random, pattern: str = "*") -> Path:
    return chance.choice([path for path in files_of(pack) if path.match(pattern) and path.stat().st_size])


def reseal(pack: Path) -> None:
    """Write into ``pack.json`` what now lies there, as who made it would have."""
    made = json.loads((pack / "pack.json").read_bytes())
    made["files"] = {
        path.relative_to(pack).as_posix(): {
            "digest": "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest(),
            "size": path.stat().st_size,
        }
        for path in files_of(pack)
        if path.name not in {"pack.json", "pack.dsse.json"}
    }
    (pack / "pack.json").write_bytes(rfc8785.dumps(made) + b"\n")


def flip(pack: Path, chance: random.Random) -> str:
    path = some(pack, chance)
    data = bytearray(path.read_bytes())
    place = chance.randrange(len(data))
    data[place] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    return f"bit of {path.name}"


def cut(pack: Path, chance: random.Random) -> str:
    path = some(pack, chance)
    path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)])
    return f"{path.name} cut"


def gone(pack: Path, chance: random.Random) -> str:
    path = some(pack, chance)
    if path.name in {"pack.dsse.json", "pack.json"}:
        path = pack / "README.txt"
    path.unlink()
    return f"{path.name} gone"


def added(pack: Path, chance: random.Random) -> str:
    path = some(pack, chance).with_name("zz-added.json")
    path.write_text("{}")
    return f"{path.parent.name} has one more"


def swapped(pack: Path, chance: random.Random) -> str:
    first, second = chance.sample([path for path in files_of(pack) if path.suffix in {".parquet", ".csv"}], 2)
    if first.read_bytes() == second.read_bytes():
        return flip(pack, chance)
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    return f"{first.name} and {second.name} swapped"


def row_of_findings(pack: Path, chance: random.Random) -> str:
    """Take a finding out of the CSV file, and make the pack fit."""
    path = some(pack, chance, "findings.csv")
    lines = path.read_text().splitlines(keepends=True)
    if len(lines) < 2:
        return resealed_flip(pack, chance)
    del lines[chance.randrange(1, len(lines))]
    path.write_text("".join(lines))
    reseal(pack)
    return "a finding out, resealed"


def resealed_flip(pack: Path, chance: random.Random) -> str:
    """Change a value of a record of the run, and make the pack fit."""
    path = some(pack, chance, "runs/*/*.parquet" if chance.random() < 0.3 else "*.json")
    if path.name in {"pack.json", "pack.dsse.json"} or path.parent.name == "sample":
        path = some(pack, chance, "manifest.json")
    data = bytearray(path.read_bytes())
    digits = [place for place, byte in enumerate(data) if 0x30 <= byte <= 0x39] or [len(data) // 2]
    place = chance.choice(digits)
    data[place] = 0x30 + (data[place] + 1 - 0x30) % 10 if 0x30 <= data[place] <= 0x39 else data[place] ^ 1
    path.write_bytes(data)
    reseal(pack)
    return f"a digit of {path.name}, resealed"


def lines_of(pack: Path) -> list[bytes]:
    return (pack / "runs/logbook.jsonl").read_bytes().split(b"\n")[:-1]


def keep_lines(pack: Path, lines: list[bytes]) -> None:
    (pack / "runs/logbook.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    reseal(pack)


def line_out(pack: Path, chance: random.Random) -> str:
    lines = lines_of(pack)
    place = chance.randrange(len(lines) - 1)
    keep_lines(pack, lines[:place] + lines[place + 1 :])
    return f"line {place + 1} of the logbook out, resealed"


def lines_swapped(pack: Path, chance: random.Random) -> str:
    lines = lines_of(pack)
    place = chance.randrange(1, len(lines) - 1)
    lines[place], lines[place + 1] = lines[place + 1], lines[place]
    keep_lines(pack, lines)
    return f"lines {place + 1} and {place + 2} swapped, resealed"


def heads_again(lines: list[dict[str, Any]]) -> list[bytes]:
    """Give lines the heads that they would have had."""
    from access_review.logbook.tree import GrowingTree, leaf

    tree, written = GrowingTree(), []
    for line in lines:
        data = rfc8785.dumps({**line, "head": str(tree.head)})
        tree.add(leaf(data))
        written.append(data)
    made = str(tree.head)
    return [*written, made.encode()]


def rewritten(pack: Path, lines: list[dict[str, Any]]) -> None:
    *written, head = heads_again(lines)
    path = pack / "pack.json"
    made = json.loads(path.read_bytes())
    path.write_bytes(rfc8785.dumps({**made, "head": head.decode()}) + b"\n")
    keep_lines(pack, written)


def tail_off(pack: Path, chance: random.Random) -> str:
    """Cut off the last lines with all their traces: only a head kept elsewhere, or in a signature, tells."""
    lines = lines_of(pack)
    kept = [json.loads(line) for line in lines[: chance.randrange(max(1, len(lines) - 6), len(lines))]]
    rewritten(pack, kept)
    known = {path for line in kept for path in [*line.get("files", {}), *line.get("stores", {})]}
    for path in files_of(pack / "runs"):
        if path.relative_to(pack / "runs").as_posix() not in known and path.name != "logbook.jsonl":
            path.unlink()
    reseal(pack)
    return "the last lines cut off with their files, rewritten"


def entry_dropped(pack: Path, chance: random.Random) -> str:
    """Leave out one line, and write all heads anew."""
    lines = [json.loads(line) for line in lines_of(pack)]
    del lines[chance.randrange(1, len(lines))]
    rewritten(pack, lines)
    return "a line out, all heads written anew"


def moment_changed(pack: Path, chance: random.Random) -> str:
    """Let something have happened at another time, and write all heads anew."""
    lines = [json.loads(line) for line in lines_of(pack)]
    line = chance.choice(lines)
    line["at"] = line["at"].replace("2026-11", "2026-10")
    rewritten(pack, lines)
    return "a line of another month, all heads written anew"


def journal_row(pack: Path, chance: random.Random) -> str:
    """Change a row of a journal or of the decisions, with every hash after it."""
    from access_review.store.hash_chain import START, row_digest

    path = some(pack, chance, "*.sqlite")
    with sqlite3.connect(path) as connection:
        cursor = connection.execute("SELECT * FROM rows ORDER BY seq")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
        place, before = chance.randrange(len(rows)), START
        for number, row in enumerate(rows):
            row["previous"] = before
            if number == place:
                text = "comment" if "comment" in row else "reason"
                row[text] += "."
            row["digest"] = before = row_digest({n: v for n, v in row.items() if n != "digest"})
            sets = ", ".join(f"{name} = ?" for name in names)
            connection.execute(f"UPDATE rows SET {sets} WHERE seq = ?", (*row.values(), row["seq"]))
    reseal(pack)
    return f"row {place + 1} of {path.name}, hashes and pack made to fit"


def signature_reused(pack: Path, chance: random.Random) -> str:
    """Put what was signed of one plan beside another, or under another name, and make the pack fit."""
    signed = some(pack, chance, "*/approvals/*.json")
    others = [path.parent / "approvals" for path in pack.glob("runs/*/*/plan.json")] + [
        run / "sign-off" for run in sorted((pack / "runs").iterdir()) if run.is_dir()
    ]
    folder = chance.choice(others)
    folder.mkdir(exist_ok=True)
    shutil.copy(signed, folder / "sha256-again.json")
    reseal(pack)
    return f"a signature again in {folder.parent.name}"


def weeks_swapped(pack: Path, chance: random.Random) -> str:
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
    return "two runs swapped, resealed"


def draw_changed(pack: Path, chance: random.Random) -> str:
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
    consistently(pack, path, rfc8785.dumps(sample) + b"\n")
    return "another unit drawn, everything made to fit"


def consistently(pack: Path, path: Path, data: bytes) -> None:
    """Change a file of a run, and every line and digest of the pack that names it."""
    path.write_bytes(data)
    place = path.relative_to(pack / "runs").as_posix()
    lines = [json.loads(line) for line in lines_of(pack)]
    for line in lines:
        if place in line.get("files", {}):
            digest = "sha256:" + hashlib.sha256(data).hexdigest()
            line["files"][place] = {"digest": digest, "size": len(data)}
    rewritten(pack, lines)


def client_passed_over(pack: Path, chance: random.Random) -> str:
    """Let fewer have been drawn for a client that was promised enough, and write the whole logbook anew."""
    path = chance.choice(
        [path for path in files_of(pack) if path.name == "sample.json" and b'"clients"' in path.read_bytes()]
    )
    sample = json.loads(path.read_bytes())
    part = chance.choice(sample["clients"]["parts"])
    if chance.random() < 0.5:
        part["drawn"] -= 1
    else:
        part["aim"]["tolerable"] = 0.9
    consistently(pack, path, rfc8785.dumps(sample) + b"\n")
    return f"{part['client']} passed over, everything made to fit"


def figures_better(pack: Path, chance: random.Random) -> str:
    path = some(pack, chance, "figures/*.json")
    stated = json.loads(path.read_bytes())
    stated["open_lag"]["accounts"] += 1
    path.write_bytes(rfc8785.dumps(stated) + b"\n")
    reseal(pack)
    return "another figure, resealed"


def template_wider(pack: Path, chance: random.Random) -> str:
    """Let templates have said something else, in what a verifier without YAML reads."""
    path = some(pack, chance, "declared/*.json")
    said = json.loads(path.read_bytes())
    said["templates"][0]["may"].append("*:*:*")
    path.write_bytes(rfc8785.dumps(said) + b"\n")
    reseal(pack)
    return "a template allows everything, resealed"


def gone_resealed(pack: Path, chance: random.Random) -> str:
    """Take away what a verifier concludes from, as if the run had been from before it was kept."""
    folder = chance.choice(["declared", "figures", "tables"])
    path = some(pack, chance, f"{folder}/*.json" if folder != "tables" else "tables/*/*.csv")
    path.unlink()
    reseal(pack)
    return f"{folder}/{path.name} gone, resealed"


def rule_switched_off(pack: Path, chance: random.Random) -> str:
    """Let a rule not have been switched on, in what a verifier without YAML reads."""
    path = some(pack, chance, "declared/*.json")
    said = json.loads(path.read_bytes())
    said["derived"].remove(chance.choice(said["derived"]))
    path.write_bytes(rfc8785.dumps(said) + b"\n")
    reseal(pack)
    return "a rule switched off, resealed"


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
    signature_reused,
    weeks_swapped,
    draw_changed,
    figures_better,
    template_wider,
    gone_resealed,
    rule_switched_off,
    client_passed_over,
)
