"""What happens to files: ways to damage a copy, each from a seed, and how much of the file is left.

A damage returns the bytes and the share of records (or of cells) that it left as they were; null where what it leaves
is not well-formed, so that no share of it excuses anything.
"""

import csv
import io
import json
import random
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

Damaged = tuple[bytes, float | None]
Damage = Callable[[bytes, random.Random], Damaged]


def cut(data: bytes, chance: random.Random) -> Damaged:
    """Keep the beginning, and at least one letter less than everything but the end of the last line."""
    return data[: chance.randrange(len(data.rstrip()))], None


def emptied(data: bytes, chance: random.Random) -> Damaged:  # noqa: ARG001 - as every damage
    return b"", None


def zeroed(data: bytes, chance: random.Random) -> Damaged:
    """Write nulls where a disk lost a block."""
    at = chance.randrange(len(data))
    return data[:at] + bytes(len(data[at : at + 64])) + data[at + 64 :], None


def mixed(data: bytes, chance: random.Random) -> Damaged:
    """Go on in UTF-16 from somewhere, as appending in another shell does."""
    at = chance.randrange(1, len(data))
    return data[:at] + data[at:].decode("utf-8", "surrogateescape").encode("utf-16-le", "surrogatepass"), None


def encoded(data: bytes, chance: random.Random) -> Damaged:
    """Save in another encoding; nothing is lost of what a reader understands."""
    encoding = chance.choice(("utf-16", "utf-16-le", "utf-8-sig", "cp1252", "utf-32", "utf-16-be"))
    return data.decode().encode(encoding, "replace"), None


def lines_dropped(data: bytes, chance: random.Random) -> Damaged:
    lines = data.splitlines(keepends=True)
    gone = _some(chance, len(lines))
    return b"".join(line for n, line in enumerate(lines) if n not in gone), _left(len(gone), len(lines))


def letters_changed(data: bytes, chance: random.Random) -> Damaged:
    """Change single bytes, as bad memory does: a value may become another good one."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed), 1 - 4 / len(data)


def rows_of_csv(data: bytes, chance: random.Random) -> Damaged:
    """Drop whole rows: what is left is as well-formed as it was."""
    heading, *rows = data.splitlines(keepends=True)
    gone = _some(chance, len(rows))
    return b"".join([heading, *(row for n, row in enumerate(rows) if n not in gone)]), _left(len(gone), len(rows))


def cells_of_csv(data: bytes, chance: random.Random) -> Damaged:
    heading, *rows = csv.reader(io.StringIO(data.decode()))
    share = _blank(rows, chance)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heading, *rows])
    return text.getvalue().encode(), share


def values_of_ldif(data: bytes, chance: random.Random) -> Damaged:
    """Blank the values of lines, keeping their names."""
    lines = data.splitlines(keepends=True)
    valued = [n for n, line in enumerate(lines) if b": " in line and not line.startswith(b"#")]
    gone = {valued[n] for n in _some(chance, len(valued))}
    text = [line.split(b":")[0] + b":\n" if n in gone else line for n, line in enumerate(lines)]
    return b"".join(text), 1 - len(gone) / len(valued)


def entries_of_ldif(data: bytes, chance: random.Random) -> Damaged:
    """Drop whole entries."""
    entries = data.split(b"\n\n")
    gone = _some(chance, len(entries))
    return b"\n\n".join(entry for n, entry in enumerate(entries) if n not in gone), _left(len(gone), len(entries))


def items_of_json(data: bytes, chance: random.Random) -> Damaged:
    """Drop items of lists, and leave the file well-formed, with the count that it says."""
    content = json.loads(data)
    items = list(_items(content))
    gone = {id(items[n][1]) for n in _some(chance, len(items))}
    for held in {id(held): held for held, _ in items}.values():
        held[:] = [item for item in held if id(item) not in gone]
    if isinstance(content, dict) and chance.random() < 0.5 and "meta" in content:
        content["meta"]["count"] = len(content["data"])
    return json.dumps(content, indent=0).encode(), _left(len(gone), len(items))


def values_of_json(data: bytes, chance: random.Random) -> Damaged:
    """Blank values: null, an empty text, an empty list, or the key gone."""
    content = json.loads(data)
    places = list(_values(content))
    gone = _some(chance, len(places))
    for n in gone:
        holder, key = places[n]
        new: Any = chance.choice((None, "", [], "gone"))
        if new == "gone":
            del holder[key]
        else:
            holder[key] = new
    return json.dumps(content, indent=0).encode(), 1 - len(gone) / max(1, len(places))


def rows_of_xlsx(data: bytes, chance: random.Random) -> Damaged:
    return _xlsx(data, chance, rows=True)


def cells_of_xlsx(data: bytes, chance: random.Random) -> Damaged:
    return _xlsx(data, chance, rows=False)


def _xlsx(data: bytes, chance: random.Random, *, rows: bool) -> Damaged:
    book = openpyxl.load_workbook(io.BytesIO(data))
    page = book.worksheets[0]
    heading, *kept = [["" if cell is None else str(cell) for cell in row] for row in page.iter_rows(values_only=True)]
    if rows:
        gone = _some(chance, len(kept))
        share, kept = _left(len(gone), len(kept)), [row for n, row in enumerate(kept) if n not in gone]
    else:
        share = _blank(kept, chance)
    made = openpyxl.Workbook()
    for row in [heading, *kept]:
        made.worksheets[0].append([cell or None for cell in row])
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue(), share


def rows_of_parquet(data: bytes, chance: random.Random) -> Damaged:
    rows = pq.read_table(io.BytesIO(data))
    gone = _some(chance, len(rows))
    return _parquet(rows.take([n for n in range(len(rows)) if n not in gone])), _left(len(gone), len(rows))


def cells_of_parquet(data: bytes, chance: random.Random) -> Damaged:
    found = pq.read_table(io.BytesIO(data))
    rows = [["" if value is None else value for value in row.values()] for row in found.to_pylist()]
    share = _blank(rows, chance)
    named = [dict(zip(found.column_names, (cell or None for cell in row), strict=True)) for row in rows]
    return _parquet(pa.Table.from_pylist(named, schema=found.schema)), share


def _parquet(rows: pa.Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(rows, stream)
    return stream.getvalue()


def file_of_zip(data: bytes, chance: random.Random) -> Damaged:
    """Damage one file of a collection and pack it again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(sorted(files))
    damaged, share = chance.choice((cut, emptied, zeroed, lines_dropped, items_of_json, values_of_json))(
        files[name], chance
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in files.items():
            archive.writestr(each, damaged if each == name else content)
    return stream.getvalue(), share


def _left(gone: int, of: int) -> float:
    """Return the share that is left; of one record that is gone nobody can tell whether it was there, however few there are."""
    return 1 - gone / of if gone > 1 else 1.0


def _some(chance: random.Random, number: int) -> set[int]:
    """Choose some of so many: as often a few as many."""
    most = chance.choice((0.02, 0.08, 0.15, 0.4, 0.9))
    return set(chance.sample(range(number), min(number, max(1, int(number * most)))))


def _blank(rows: list[list[Any]], chance: random.Random) -> float:
    """Blank cells anywhere, or in one column; return the share of what was filled that is left."""
    filled = [(n, m) for n, row in enumerate(rows) for m, cell in enumerate(row) if cell]
    column = chance.randrange(len(rows[0])) if chance.random() < 0.5 else None
    places = [place for place in filled if column is None or place[1] == column]
    gone = _some(chance, len(places))
    for n in gone:
        row, place = places[n]
        rows[row][place] = ""
    of = len(places) if column is not None else len(filled)
    return 1 - len(gone) / max(1, of)


def _items(content: Any) -> list[tuple[list[Any], Any]]:
    held = content if isinstance(content, list) else []
    inside = content.values() if isinstance(content, dict) else held
    return [(held, item) for item in held if isinstance(item, dict)] + [pair for one in inside for pair in _items(one)]


def _values(content: Any) -> list[tuple[Any, Any]]:
    keys = list(content) if isinstance(content, dict) else []
    inside = content.values() if isinstance(content, dict) else content if isinstance(content, list) else []
    return [(content, key) for key in keys] + [pair for one in inside for pair in _values(one)]


ANY = (cut, emptied, zeroed)
TEXT = (*ANY, mixed, encoded, lines_dropped, letters_changed)
KINDS: Mapping[str, tuple[Damage, ...]] = {
    ".csv": (*TEXT, rows_of_csv, cells_of_csv, cells_of_csv),
    ".ldif": (*TEXT, entries_of_ldif, values_of_ldif, lines_dropped),
    ".json": (*TEXT, items_of_json, items_of_json, values_of_json),
    ".xlsx": (*ANY, letters_changed, rows_of_xlsx, cells_of_xlsx),
    ".parquet": (*ANY, letters_changed, rows_of_parquet, cells_of_parquet),
    ".zip": (*ANY, letters_changed, file_of_zip, file_of_zip),
}
"""What may happen to a file of each kind."""


def damage(path: Path, chance: random.Random) -> tuple[str, float | None]:
    """Damage a file in place; return by what, and which share is left."""
    chosen = chance.choice(KINDS[path.suffix])
    data, share = chosen(path.read_bytes(), chance)
    path.write_bytes(data)
    return chosen.__name__, share
