"""A selection that nobody could steer and anybody can repeat.

Commit and reveal: H(k) of a secret key k is published before the population is
known; the population is then frozen by a Merkle root R over its sorted ids; the
seed is HMAC-SHA256(k, R ‖ run), and the units with the lowest HMAC-SHA256(seed, id)
are taken. Once k is published, anyone repeats the selection. There is no random
generator to trust. Whoever holds k before the population is frozen *and* can add
accounts to it could still try names until the selection suits: keep k with the auditor.
"""

import hashlib
import heapq
import hmac
from collections.abc import Iterable, Mapping

KEY_BYTES = 32
"""Bytes that a key has at least."""


def commitment(key: bytes) -> str:
    """Return what is published of a key: ``sha256:`` and 64 hex digits; raises ``ValueError`` for a short key."""
    if len(key) < KEY_BYTES:
        raise ValueError(f"a key of {len(key)} bytes can be guessed; {KEY_BYTES} are needed")
    return "sha256:" + hashlib.sha256(key).hexdigest()


def merkle_root(ids: Iterable[str]) -> str:
    """Return the Merkle tree hash of the sorted ids, as in RFC 6962 §2.1: ``sha256:`` and 64 hex digits."""
    leaves = [hashlib.sha256(b"\0" + name.encode()).digest() for name in sorted(ids)]
    return "sha256:" + (_tree(leaves) if leaves else hashlib.sha256().digest()).hex()


def _tree(level: list[bytes]) -> bytes:
    """Pair neighbours level by level; an odd one out moves up, which is RFC 6962's split at a power of two."""
    while len(level) > 1:
        paired = [
            hashlib.sha256(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def seed(key: bytes, root: str, run: str) -> bytes:
    """Return the seed of a run's selection. Root and run are taken as UTF-8 text, one after the other."""
    return hmac.digest(key, (root + run).encode(), "sha256")


def rank(seed: bytes, name: str) -> bytes:
    """Return the place of an id in the order of selection; the lowest are taken."""
    return hmac.digest(seed, name.encode(), "sha256")


def lowest(ranks: Mapping[str, bytes], count: int) -> tuple[str, ...]:
    """Return the ``count`` ids of lowest rank, sorted by id; the order given does not matter."""
    return tuple(sorted(heapq.nsmallest(count, ranks, key=lambda name: (ranks[name], name))))
