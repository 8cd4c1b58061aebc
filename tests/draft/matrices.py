"""Access matrices for tests: small ones from text, and the real ones of the outside data."""

from pathlib import Path

import numpy as np

from access_review.draft.matrix import AccessMatrix, Indices, access_matrix

REAL = ("healthcare", "domino", "firewall2", "americas_small")


def matrix(text: str) -> AccessMatrix:
    """Return the matrix of lines such as ``ann: mail vpn``."""
    pairs = [(p.strip(), e) for p, _, held in (line.partition(":") for line in text.split(";")) for e in held.split()]
    return access_matrix([p for p, _ in pairs], [e for _, e in pairs])


def real_matrix(folder: Path, name: str) -> AccessMatrix:
    """Return one of the role-mining matrices."""
    pairs = [line.split() for line in (folder / "role-mining-hp" / f"{name}.txt").read_text("utf-8").splitlines()]
    return access_matrix([p for p, _ in pairs], [e for _, e in pairs])


def reference_roles(folder: Path, name: str) -> int:
    """Return how many roles the published cover has."""
    cover = folder / "role-mining-hp/reference-covers" / f"{name}.optimal_cover.txt"
    return cover.read_text("utf-8").count("role:")


def planted(clean: AccessMatrix, kind: str, seed: int, share: float = 0.01) -> tuple[AccessMatrix, Indices]:
    """Add 1 % of grants that nobody should have, and return where they are.

    ``uniform`` takes any empty cell, ``popular`` entitlements as often as they are held, ``mover`` gives
    somebody three tenths of what another holds.
    """
    rng = np.random.default_rng(seed)
    people, width = len(clean.people), len(clean.entitlements)
    real = set((clean.person * width + clean.entitlement).tolist())
    added: set[int] = set()
    wanted = max(1, round(share * clean.grants))
    popularity = clean.holders / clean.grants
    while len(added) < wanted:
        person = int(rng.integers(people))
        if kind == "mover":
            theirs = clean.entitlement[clean.person == rng.integers(people)]
            taken = rng.choice(theirs, max(1, round(0.3 * len(theirs))), replace=False).tolist()
        elif kind == "popular":
            taken = [int(rng.choice(width, p=popularity))]
        else:
            taken = [int(rng.integers(width))]
        added |= {person * width + e for e in taken} - real
    cells = np.array(sorted(real | added))
    matrix = AccessMatrix(clean.people, clean.entitlements, cells // width, cells % width)
    return matrix, np.flatnonzero(np.isin(cells, sorted(added)))


def find_grant(matrix: AccessMatrix, person: str, entitlement: str) -> int | None:
    """Return the index of a grant in the matrix, or nothing if there is no such grant."""
    if person not in matrix.people or entitlement not in matrix.entitlements:
        return None
    cell = matrix.people.index(person), matrix.entitlements.index(entitlement)
    found = np.flatnonzero((matrix.person == cell[0]) & (matrix.entitlement == cell[1]))
    return int(found[0]) if len(found) else None
