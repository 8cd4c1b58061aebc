"""Chance that repeats: every value is drawn by its own key, so one new person changes nobody else's data."""

import hashlib
import uuid
from collections.abc import Sequence
from typing import TypeVar

SEED = "norwind-2026"

T = TypeVar("T")


def number(key: str, below: int) -> int:
    """Return a whole number from 0 up to, not including, ``below``."""
    return int.from_bytes(hashlib.sha256(f"{SEED}/{key}".encode()).digest()[:8], "big") % below


def pick(key: str, among: Sequence[T]) -> T:
    """Return one of several."""
    return among[number(key, len(among))]


def guid(key: str) -> str:
    """Return an object id."""
    digest = hashlib.sha256(f"{SEED}/guid/{key}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))
