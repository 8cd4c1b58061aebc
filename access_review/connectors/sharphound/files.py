"""The files of a SharpHound collection, from a folder or a zip, read with care: what they hold is not trusted.

Nothing is unpacked to disk, sizes are capped, and a version that is not known is refused by name.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from access_review.connectors.unpacking import is_bomb
from access_review.errors import Mistake, WorkspaceError
from access_review.guarded_files.plain import followed, read_plain

VERSIONS = (3, 4, 5, 6)
_OLD = 3
"""This version calls the list after what is in it, and members and the primary group otherwise than all later ones."""

LARGEST = 2 * 2**30  # bytes of one file, unpacked
MOST_FILES = 10_000
"""Files that one collection may have."""

# Packed on a Mac, each file has another beside it that begins with ._ and holds nothing of it.
_FILE = re.compile(r"(?!\._)(?:.*_)?(users|groups|computers)(?:_\d+)?\.json", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Collection:
    """One file: what it says it is, how many objects it says it has, and those it has."""

    name: str
    kind: str
    count: int
    objects: tuple[Any, ...]


class _Refused(Exception):
    def __init__(self, mistake: Mistake) -> None:
        super().__init__(str(mistake))
        self.mistake = mistake


def read_collections(path: Path, shown: str) -> list[Collection]:
    """Read every file of users, groups and computers; raises ``WorkspaceError`` with every file that cannot be used."""
    found, mistakes = [], []
    try:
        for name, data in _folder(path, shown) if path.is_dir() else _zip(path, shown):
            try:
                found.append(_collection(name, data))
            except _Refused as refused:
                mistakes.append(refused.mistake)
    except _Refused as refused:
        mistakes.append(refused.mistake)
    if not found and not mistakes:
        mistakes.append(
            Mistake(shown, 0, 0, "no users, groups or computers in it", "name a folder or zip of SharpHound")
        )
    if mistakes:
        raise WorkspaceError.of(mistakes)
    return found


def _folder(path: Path, shown: str) -> Iterator[tuple[str, bytes]]:
    for file in sorted(path.iterdir()):
        if _FILE.fullmatch(file.name) and file.is_file():
            name = f"{shown}/{file.name}"
            if file.stat().st_size > LARGEST:
                raise _Refused(Mistake(name, 0, 0, f"larger than {LARGEST} bytes"))
            yield name, read_plain(followed(file), LARGEST)


def _zip(path: Path, shown: str) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = sorted(archive.infolist(), key=lambda info: info.filename)
            _check(infos, shown)
            for info in infos:
                if _FILE.fullmatch(PurePosixPath(info.filename).name):
                    yield f"{shown}/{info.filename}", _unpacked(archive, info, shown)
    except FileNotFoundError as error:
        raise _Refused(Mistake(shown, 0, 0, "no such file or folder")) from error
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError) as error:
        raise _Refused(Mistake(shown, 0, 0, f"neither a folder nor a sound zip: {error}")) from error


def _check(infos: list[zipfile.ZipInfo], shown: str) -> None:
    if len(infos) > MOST_FILES:
        raise _Refused(Mistake(shown, 0, 0, f"more than {MOST_FILES} files"))
    names = [info.filename for info in infos]
    if len(set(names)) < len(names):
        raise _Refused(Mistake(shown, 0, 0, "two files of one name"))
    for name in names:
        if ".." in PurePosixPath(name).parts or name.startswith("/") or "\\" in name:
            raise _Refused(Mistake(shown, 0, 0, f"a file in it points elsewhere: {name!r}"))


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, shown: str) -> bytes:
    name = f"{shown}/{info.filename}"
    if info.file_size > LARGEST:
        raise _Refused(Mistake(name, 0, 0, f"larger than {LARGEST} bytes"))
    if is_bomb(info):
        raise _Refused(Mistake(name, 0, 0, "unpacks to hundreds of times its size", "unpack it and look at it"))
    if info.flag_bits & 0x1:
        raise _Refused(Mistake(name, 0, 0, "is encrypted", "unpack it and name the folder"))
    with archive.open(info) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise _Refused(Mistake(name, 0, 0, f"larger than {LARGEST} bytes"))
    return data


def _collection(name: str, data: bytes) -> Collection:
    content = _json(name, data)
    meta = content.get("meta") if isinstance(content, dict) else None
    if not isinstance(meta, dict):
        raise _Refused(Mistake(name, 0, 0, "no meta: not a SharpHound collection"))
    version, kind, count = (meta.get(key) for key in ("version", "type", "count"))
    old = version == _OLD
    objects = content.get(kind if old and isinstance(kind, str) else "data")
    if version not in VERSIONS or isinstance(version, bool):
        hint = f"known are {VERSIONS[0]} to {VERSIONS[-1]}"
        raise _Refused(Mistake(name, 0, 0, f"version {version!r} of the format is not known", hint))
    expected = _FILE.fullmatch(PurePosixPath(name).name)
    if not expected or kind != expected[1].lower():
        raise _Refused(Mistake(name, 0, 0, f"its type is {kind!r}, not what its name says"))
    if not isinstance(objects, list) or not isinstance(count, int) or isinstance(count, bool):
        raise _Refused(Mistake(name, 0, 0, "no list of data, or no count"))
    return Collection(name, kind, count, tuple(map(_renamed, objects) if old else objects))


_RENAMED = {"PrimaryGroupSid": "PrimaryGroupSID", "MemberId": "ObjectIdentifier", "MemberType": "ObjectType"}


def _renamed(thing: Any) -> Any:
    """Return an object of the old version with the names of today."""
    if isinstance(thing, dict):
        return {_RENAMED.get(key, key): _renamed(value) if key == "Members" else value for key, value in thing.items()}
    return [_renamed(item) for item in thing] if isinstance(thing, list) else thing


def _json(name: str, data: bytes) -> Any:
    try:
        return json.loads(data)  # in any encoding of Unicode that JSON has, marked or not
    except json.JSONDecodeError as error:
        raise _Refused(Mistake(name, error.lineno, error.colno, f"not JSON: {error.msg}")) from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _Refused(Mistake(name, 0, 0, "not JSON in Unicode")) from error
