"""Damaged copies of good files: never fewer objects and yet complete, never somebody who left by the damage.

A damage that leaves a well-formed file, as a whole row dropped from a table, is one that no reader can notice; such
are not among these.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from access_review.errors import AccessReviewError
from tests.connectors.faulty_inputs import FORMATS, Company
from tests.connectors.small_sources import Found, read

DAMAGES = 40
LIVING = "".join(f"{n},Person {n},Active,2024-01-{n:02},\n" for n in range(1, 20))
ROSTER = f"id,name,status,start,end\n{LIVING}20,Gone,Terminated,2024-01-01,2026-09-30\n"


def cut(data: bytes, chance: random.Random) -> bytes:
    """Keep the beginning, and at least one letter less than everything but the end of the last line."""
    return data[: chance.randrange(len(data.rstrip()))]


def emptied(data: bytes, chance: random.Random) -> bytes:  # noqa: ARG001
    return b""


def zeroed(data: bytes, chance: random.Random) -> bytes:
    """Write nulls where a disk lost a block."""
    at = chance.randrange(len(data))
    return data[:at] + bytes(len(data[at : at + 64])) + data[at + 64 :]


def mixed(data: bytes, chance: random.Random) -> bytes:
    """Go on in UTF-16 from somewhere, as appending in another shell does."""
    at = chance.randrange(1, len(data))
    return data[:at] + data[at:].decode().encode("utf-16-le")


KINDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (cut, emptied, zeroed, mixed)


def objects(found: Found) -> set[str]:
    """Return what was read of accounts and of who is in which group."""
    accounts = {row["account"] for row in found.get("accounts", [])}
    return accounts | {f"{row['account']} {row['entitlement']}" for row in found.get("grants", [])}


@pytest.mark.parametrize("damage", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", ["table", "sharphound", "entra"])
def test_fewer_objects_are_never_complete(name, damage, tmp_path):
    options = FORMATS[name](tmp_path, Company.usual())
    whole = objects(read(name, tmp_path, **options))
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    for seed in range(DAMAGES):
        chance = random.Random(seed)  # noqa: S311 - damages, not secrets
        path = chance.choice(files)
        data = path.read_bytes()
        path.write_bytes(damage(data, chance))
        try:
            found = read(name, tmp_path, **options)
        except AccessReviewError:
            continue
        finally:
            path.write_bytes(data)
        if whole - objects(found):
            assert found.reasons or found.get("problems"), (seed, path.name)


@pytest.mark.parametrize("damage", KINDS, ids=lambda kind: kind.__name__)
def test_nobody_leaves_by_a_damage(damage, tmp_path: Path):
    options: dict[str, Any] = {
        "path": "hr.csv",
        "dates": "%Y-%m-%d",
        "left_at_means": "end-of-day",
        "statuses": {"active": ["Active"], "left": ["Terminated"]},
        "columns": {"person": "id", "name": "name", "status": "status", "starts": "start", "left_at": "end"},
    }
    for seed in range(DAMAGES * 3):
        (tmp_path / "hr.csv").write_bytes(damage(ROSTER.encode(), random.Random(seed)))  # noqa: S311
        try:
            found = read("roster", tmp_path, **options)
        except AccessReviewError:
            continue
        assert {row["native_id"] for row in found["people"] if row["status"] == "left"} <= {"20"}, seed
