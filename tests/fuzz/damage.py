"""Damages: what a disk, an editor or an attacker may make of a file, each from one seed.

Those that know a format (JSON, a signed statement, SQLite) leave it well formed, and seal it again as
whoever wrote it could: what lies behind the checks of form and of hashes is reached too.
"""

import base64
import contextlib
import hashlib
import json
import random
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rfc8785

Chance = random.Random
Damage = Callable[[bytes, Chance], bytes]

TOKENS: Sequence[bytes] = (
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\r", b"\n\n", b"\t", b'"', b"'", b",", b";", b"=", b": ",
    b"{", b"}", b"[", b"]", b"-", b"- ", b"&a ", b"*a", b"!!python/object:os.system ", b"%", b"\\u0000", b"\\ud800",
    b"null", b"true", b"NaN", b"Infinity", b"1e999", b"-1", b"0", b"9" * 400, b"9" * 5000, b"0000-00-00",
    b"2026-02-30", b"9999-12-31T23:59:59.999999+23:59", b"../" * 40, b"[" * 3000, b'{"a":' * 3000, b"a" * 70_000,
    "\u202e".encode(), "\u0130".encode(), "\U0001f9ff".encode(), b"<![CDATA[", b"result: 0 Success\n", b"member;range=0-*: x\n",
)  # fmt: skip
ODD: Sequence[Any] = (
    None, True, 0, -1, 1.5, 2**53, -(2**63), "", " ", "x" * 5000, "\0", "\u202e", "2026-13-45T00:00:00Z",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "../../../etc/passwd", "sha256:" + "0" * 64, "NaN", [], {},
    [[]], {"": {}}, [None], {"a": 1},
)  # fmt: skip


def plain(data: bytes, chance: Chance) -> bytes:
    """Change bytes, whatever they mean."""
    at, end = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
    kind = chance.randrange(8)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[end:]
    if kind == 2:
        return data[:at] + data[at:end][:4096] * chance.choice((2, 3, 20)) + data[end:]
    if kind == 3:
        return data[:at] + bytes(min(512, len(data) - at)) + data[at + 512 :]
    if kind == 4:
        return data[:at] + chance.randbytes(chance.choice((1, 4, 64))) + data[at + 4 :]
    if kind == 5:
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 8))):
            if changed:
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        return bytes(changed)
    if kind == 6:
        return data.decode("utf-8", "replace").encode(chance.choice(("utf-16", "utf-16-be", "utf-32", "utf-7")))
    return data[:at] + chance.choice(TOKENS) + data[at + chance.choice((0, 1, 8)) :]


def of_json(data: bytes, chance: Chance) -> bytes:
    """Change a value somewhere in a JSON document, or in one line of many, and write it as this tool does."""
    lines = data.splitlines(keepends=True)
    number = chance.randrange(len(lines)) if len(lines) > 1 else 0
    try:
        value = _changed(json.loads(lines[number]), chance)
        lines[number] = rfc8785.dumps(value) + b"\n"
    except (ValueError, IndexError, RecursionError):
        return plain(data, chance)
    return b"".join(lines)


def of_statement(data: bytes, chance: Chance) -> bytes:
    """Change what a signed statement says, beneath its signature."""
    try:
        envelope = json.loads(data)
        inner = of_json(base64.b64decode(envelope["payload"]), chance).rstrip(b"\n")
    except (ValueError, KeyError, TypeError):
        return plain(data, chance)
    return rfc8785.dumps({**envelope, "payload": base64.b64encode(inner).decode()}) + b"\n"


def of_store(data: bytes, chance: Chance) -> bytes:
    """Change a value in a table of SQLite, and chain its rows anew."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        path.write_bytes(data)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as store:
            try:
                rows = store.execute("SELECT * FROM rows ORDER BY seq")
                names = [column[0] for column in rows.description]
                found = [dict(zip(names, row, strict=True)) for row in rows]
            except sqlite3.DatabaseError:
                found = []  # damaged before, as bytes
            if not found:
                return plain(data, chance)
            chosen, name = chance.choice(found), chance.choice([n for n in names if n not in {"previous", "digest"}])
            chosen[name] = chance.choice([value for value in ODD if not isinstance(value, list | dict)])
            before = "sha256:" + "0" * 64
            store.execute("DELETE FROM rows")
            with contextlib.suppress(sqlite3.Error, OverflowError):  # STRICT refuses some, and so they cannot be there
                for row in found:
                    body = {**row, "previous": before}
                    del body["digest"]
                    with contextlib.suppress(ValueError):
                        before = "sha256:" + hashlib.sha256(rfc8785.dumps(body)).hexdigest()
                    marks = ", ".join("?" * len(names))
                    store.execute(f"INSERT INTO rows VALUES ({marks})", [{**body, "digest": before}[n] for n in names])
        return path.read_bytes()


def _changed(value: Any, chance: Chance, depth: int = 0) -> Any:
    """Return a value of JSON in which one thing is odd, missing, twice or moved."""
    if isinstance(value, dict) and value and (depth == 0 or chance.random() < 0.85):
        name = chance.choice(sorted(value))
        kind = chance.randrange(8)
        if kind == 0:
            return {key: part for key, part in value.items() if key != name}
        if kind == 1:
            return {**value, chance.choice(("", "x", "format", "digest", "person")): chance.choice(ODD)}
        return {**value, name: _changed(value[name], chance, depth + 1)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        at = chance.randrange(len(value))
        kind = chance.randrange(6)
        if kind == 0:
            return value[:at] + value[at + 1 :]
        if kind == 1:
            return [*value, value[at]]
        if kind == 2:
            return value[::-1]
        return [*value[:at], _changed(value[at], chance, depth + 1), *value[at + 1 :]]
    return chance.choice(ODD)
