"""Decode text that names no encoding: UTF-8, or what Windows wrote."""

import re
from pathlib import Path

from access_review.connectors.tabular import delimited
from access_review.errors import WorkspaceError

_HEAD = 20_000


def decode_guessed(data: bytes, path: Path) -> tuple[str, str | None]:
    """Decode a file; what is no UTF-8 is read as Windows wrote it in Japan or in the west, and said to be."""
    try:
        return delimited.decode(data, path.name), None
    except WorkspaceError:
        encoding = "cp932" if _is_japanese(data[:_HEAD]) else "cp1252"
        return delimited.decode(data, path.name, encoding), encoding


def _is_japanese(head: bytes) -> bool:
    """Tell whether letters are two bytes each: of the west's those beyond ASCII nearly always stand alone."""
    try:
        head.rpartition(b"\n")[0].decode("cp932")
    except UnicodeDecodeError:
        return False
    runs = re.findall(rb"[\x80-\xff]+", head)
    return sum(len(run) for run in runs if len(run) > 1) > 0.5 * sum(map(len, runs))
