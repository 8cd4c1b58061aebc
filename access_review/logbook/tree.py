"""Merkle trees over a growing list of lines, as in RFC 6962 §2.1, with the proofs of RFC 9162 §2.1.3–2.1.4.

A tree head says how many lines there are and, with one hash, what they are. An inclusion
proof shows that a line is under a head; a consistency proof shows that a later head only
added to an earlier one. Pure: values in, values out.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from access_review.errors import ArtifactError

_HEAD = re.compile(r"(0|[1-9][0-9]{0,11}):(sha256:[0-9a-f]{64})")
_EMPTY = hashlib.sha256().digest()
DIGEST_BYTES = 32
"""How many bytes are in a SHA-256 digest."""


@dataclass(frozen=True, slots=True)
class TreeHead:
    """How many lines there are, and the hash over all of them (``sha256:`` and 64 hex digits)."""

    size: int
    root: str

    def __str__(self) -> str:
        return f"{self.size}:{self.root}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a head as it is printed, ``12:sha256:…``; raises ``ArtifactError``."""
        found = _HEAD.fullmatch(text.strip())
        if found is None:
            raise ArtifactError(
                f"{text[:90]!r} is no head of a logbook", hint="it looks like 12:sha256:… (64 hex digits)"
            )
        return cls(int(found[1]), found[2])


@dataclass(slots=True)
class GrowingTree:
    """The tree of all lines so far, held as the roots of its full subtrees: a few hashes, however long it is."""

    size: int = 0
    _peaks: list[bytes] = field(default_factory=list)

    def copy(self) -> Self:
        """Return a tree of the same lines, which grows by itself."""
        return type(self)(self.size, [*self._peaks])

    def add(self, leaf: bytes) -> None:
        """Add the hash of one more line."""
        node, size = leaf, self.size
        while size & 1:  # each set bit is a full subtree of that size; equal ones merge
            node, size = _node(self._peaks.pop(), node), size >> 1
        self._peaks.append(node)
        self.size += 1

    @property
    def head(self) -> TreeHead:
        """The head over everything added so far."""
        if not self._peaks:
            return TreeHead(0, _text(_EMPTY))
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = _node(peak, node)
        return TreeHead(self.size, _text(node))


def leaf(line: bytes) -> bytes:
    """Return the hash of one line, without its line end."""
    return hashlib.sha256(b"\0" + line).digest()


def head_of(leaves: Iterable[bytes]) -> TreeHead:
    """Return the head over the hashes of lines."""
    tree = GrowingTree()
    for one in leaves:
        tree.add(one)
    return tree.head


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the hashes that lead from line ``index`` (from 0) to the head; raises ``IndexError``."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    if len(leaves) == 1:
        return ()
    half = _split(len(leaves))
    if index < half:
        return (*inclusion_proof(leaves[:half], index), _root(leaves[half:]))
    return (*inclusion_proof(leaves[half:], index - half), _root(leaves[:half]))


def included(line: bytes, index: int, head: TreeHead, proof: Sequence[bytes]) -> bool:
    """Tell whether a proof shows that a line is number ``index`` (from 0) under a head. RFC 9162 §2.1.3.2."""
    if not 0 <= index < head.size or any(len(one) != DIGEST_BYTES for one in proof):
        return False
    place, last, node = index, head.size - 1, leaf(line)
    for one in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = _node(one, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = _node(node, one)
        place, last = place >> 1, last >> 1
    return last == 0 and _text(node) == head.root


def consistency_proof(leaves: Sequence[bytes], size: int) -> tuple[bytes, ...]:
    """Return the hashes that show that the first ``size`` lines are where these began; raises ``IndexError``."""
    if not 0 <= size <= len(leaves):
        raise IndexError(size)
    return () if size in {0, len(leaves)} else _subproof(leaves, size, whole=True)


def _subproof(leaves: Sequence[bytes], size: int, *, whole: bool) -> tuple[bytes, ...]:
    if size == len(leaves):
        return () if whole else (_root(leaves),)
    half = _split(len(leaves))
    if size <= half:
        return (*_subproof(leaves[:half], size, whole=whole), _root(leaves[half:]))
    return (*_subproof(leaves[half:], size - half, whole=False), _root(leaves[:half]))


def consistent(earlier: TreeHead, later: TreeHead, proof: Sequence[bytes]) -> bool:
    """Tell whether a proof shows that ``later`` only added to ``earlier``. RFC 9162 §2.1.4.2."""
    if earlier.size > later.size or any(len(one) != DIGEST_BYTES for one in proof):
        return False
    if earlier.size == later.size or earlier.size == 0:  # noqa: PLR1714 - the second is a case of its own
        return not proof and earlier == (later if later.size == earlier.size else GrowingTree().head)
    place, last = earlier.size - 1, later.size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    path = list(proof)
    if not place:  # the earlier tree is a full subtree of the later one, so its root is the first hash
        path.insert(0, bytes.fromhex(earlier.root.removeprefix("sha256:")))
    if not path:
        return False
    old = new = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = _node(one, old), _node(one, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = _node(new, one)
        place, last = place >> 1, last >> 1
    return last == 0 and _text(old) == earlier.root and _text(new) == later.root


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _root(leaves: Sequence[bytes]) -> bytes:
    return bytes.fromhex(head_of(leaves).root.removeprefix("sha256:"))


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _text(digest: bytes) -> str:
    return "sha256:" + digest.hex()
