"""YAML read strictly, so that every mistake has a place.

Duplicate keys, keys that are no text, custom tags and alias bombs are mistakes,
each with line and column; values keep their position so that whoever validates them
can say where they stand.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from access_review.errors import Mistake
from access_review.guarded_files.plain import followed, read_plain

# Aliases let a few lines stand for billions; no honest file comes near this.
MOST_NODES = 200_000
"""Values that a file may have, its aliases expanded."""
LARGEST_FILE = 16 * 2**20
"""Bytes of a file that is read."""
DEEPEST = 500
"""How many brackets may be open at once: what a reader does for each grows with all of them."""

_TAG = "tag:yaml.org,2002:"
_BRACKET = re.compile(r"[\[\]{}]")
_NAMED = re.compile(r"\b(alias|anchor|handle|tag) ['\"]?\S+")


@dataclass(slots=True)
class Document:
    """What one YAML file says: its value, the place of each value, and what is wrong with it.

    ``digest`` is the SHA-256 of the bytes read, empty where none were; ``text`` is what these say, as UTF-8.
    """

    file: str
    digest: str = ""
    text: str = field(default="", repr=False)
    data: Any = None
    places: dict[tuple[str | int, ...], tuple[int, int]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def place(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return line and column of a value, or of the nearest thing around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def mistake(self, path: tuple[str | int, ...], message: str, hint: str = "") -> Mistake:
        """Return a mistake at the place of a value."""
        return Mistake(self.file, *self.place(path), message, hint)


def read(path: Path, shown: str) -> Document:
    """Read a file; what cannot be read becomes a mistake of the document, never an exception."""
    document = Document(shown)
    try:
        data = read_plain(followed(path), LARGEST_FILE)
        document.digest = hashlib.sha256(data).hexdigest()
        document.text = data.decode("utf-8")
    except (OSError, RuntimeError) as error:
        # Up to Python 3.12 a link that leads to itself is a RuntimeError.
        why = error.strerror if isinstance(error, OSError) else "it is a link that leads to itself"
        document.mistakes.append(Mistake(shown, 0, 0, f"cannot be read: {why}"))
        return document
    except UnicodeDecodeError as error:
        document.mistakes.append(Mistake(shown, 1, 1, f"is not UTF-8 (byte {error.start})", "save it as UTF-8"))
        return document
    parsed = parse(document.text.removeprefix("\ufeff"), shown)
    parsed.digest, parsed.text = document.digest, document.text
    return parsed


def parse(text: str, shown: str) -> Document:
    """Read YAML from text."""
    document = Document(shown)
    if place := _too_deep(text):
        document.mistakes.append(Mistake(shown, *place, f"more than {DEEPEST} brackets are open here"))
        return document
    try:
        node = _composed(text)
        if node is not None:
            document.data = _Reader(document).value(node, ())
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        # A secret may stand here, and begin with a character that makes it a tag, an alias or an anchor.
        problem = _NAMED.sub(r"\1", " ".join(str(error.problem or error.context).split()))
        document.mistakes.append(Mistake(shown, line, column, f"is not YAML: {problem}"))
    except (YAMLError, ValueError, RecursionError) as error:
        document.mistakes.append(Mistake(shown, 0, 0, f"is not YAML: {' '.join(str(error).split())}"))
    return document


def _too_deep(text: str) -> tuple[int, int] | None:
    """Return line and column where too many brackets are open, those in quotes counted too; nothing where that is nowhere."""
    depth = 0
    for found in _BRACKET.finditer(text):
        depth = depth + 1 if found[0] in "[{" else max(0, depth - 1)
        if depth > DEEPEST:
            return text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start())
    return None


@lru_cache(256)
def _composed(text: str) -> Node | None:
    """Return the nodes of a text, which nobody changes: one process reads most files of a workspace more than once."""
    root: Node | None = YAML(typ="safe", pure=True).compose(StringIO(text))
    return root


def _whole(text: str) -> int:
    digits = text.replace("_", "")
    return int(digits, 0 if digits.lstrip("+-")[:2].lower() in {"0x", "0o"} else 10)


def _moment(text: str) -> date | str:
    return date.fromisoformat(text) if len(text) == len("2026-01-01") else text


_SCALARS: Mapping[str, Callable[[str], Any]] = {
    "str": str,
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _whole,
    "float": lambda text: float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan")),
    "timestamp": _moment,
}


_KINDS = {"timestamp": "a date", "bool": "a yes or no"}


@dataclass(slots=True)
class _Reader:
    """Turns nodes into plain values, noting the place of each."""

    document: Document
    seen: int = 0

    def value(self, node: Node, path: tuple[str | int, ...]) -> Any:
        self.seen += 1
        if self.seen > MOST_NODES:
            raise ValueError(f"more than {MOST_NODES} values, aliases expanded")
        self.document.places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        match node:
            case MappingNode():
                return dict(self._items(node, path))
            case SequenceNode():
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            case ScalarNode():
                return self._scalar(node, path)
        raise ValueError(f"{type(node).__name__} is not known")

    def _items(self, node: MappingNode, path: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
        first: dict[str, int] = {}
        for key, item in node.value:
            line, column = key.start_mark.line + 1, key.start_mark.column + 1
            if not isinstance(key, ScalarNode) or key.tag != _TAG + "str":
                hint = "write it in quotes" if isinstance(key, ScalarNode) else ""
                self._say(line, column, f"the key {getattr(key, 'value', '')!r} is not text", hint)
            elif key.value in first:
                self._say(line, column, f"the key {key.value!r} stands twice", f"first in line {first[key.value]}")
            else:
                first[key.value] = line
                value = self.value(item, (*path, key.value))
                self.document.places[(*path, key.value, "")] = (line, column)
                yield key.value, value

    def _scalar(self, node: ScalarNode, path: tuple[str | int, ...]) -> Any:
        try:
            return _SCALARS[str(node.tag).removeprefix(_TAG)](node.value)
        except KeyError:
            self._say(*self.document.place(path), "the tag is not known", "leave it out")
        except ValueError:
            # The value is not repeated: it may be a secret that looks like a date.
            kind = _KINDS.get(str(node.tag).removeprefix(_TAG), "a number")
            self._say(*self.document.place(path), f"cannot be read as {kind}", "write it in quotes")
        return None

    def _say(self, line: int, column: int, message: str, hint: str = "") -> None:
        self.document.mistakes.append(Mistake(self.document.file, line, column, message, hint))
