"""A made-up company of any size: who works there, which groups exist, who holds what.

Everything is drawn from one seed, chunk by chunk, so that a company of ten million
people needs no more memory than one of a hundred thousand. What is drawn looks like
real directories do where it matters for the work: heavy tails (a few groups that
everybody has, a few people who collect everything), nesting up to ten deep in
divisions, some of it in circles, roles held two at a time, movers who kept the
access of a former role, and a planted share of grants beyond the roles.

Groups, people and accounts are numbers here; :mod:`bench.tables` gives them ids.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]

CHUNK = 100_000
DEPTH = 10
ALLOWED = 24
"""Groups that a role may have, besides the one that everybody must have."""

EVERYBODY = 0
"""The group of the birthright."""

CLIENTS = ("Sundown Retail", "Harbour Bank", "Polar Air", "Quill Insurance", "Tern Energy")
SITES = ("Manila", "Kraków", "Bogotá", "Cebu", "Porto")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a company is, and how many grants of each person lie beyond the roles on average."""

    name: str
    people: int
    groups: int
    roles: int
    beyond: float = 4.9


SIZES = {
    size.name: size
    for size in (
        Size("XS", 500, 200, 6),
        Size("S", 10_000, 2_000, 40),
        Size("M", 100_000, 20_000, 150),
        Size("L", 1_000_000, 100_000, 400),
        Size("L-low", 1_000_000, 100_000, 400, beyond=0.45),
        Size("10xL", 10_000_000, 1_000_000, 1_500),
    )
}


@dataclass(frozen=True, slots=True)
class Staff:
    """A chunk of people: their roles and what became of them. ``second`` and ``former`` are -1 where there is none."""

    first: int
    role: Numbers
    second: Numbers
    former: Numbers
    status: Numbers
    cloud: NDArray[np.bool_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.role)


ACTIVE, LEAVE, LEFT = 0, 1, 2


@dataclass(frozen=True)
class Company:
    """One company; the same size and seed give the same company."""

    size: Size
    seed: int = 20_261_124

    def draw(self, *what: int) -> np.random.Generator:
        """Return the random numbers for one purpose (and chunk), whatever else was drawn before."""
        return np.random.default_rng([self.seed, *what])

    @cached_property
    def heights(self) -> Numbers:
        """How high in the nesting each group stands: members of a group stand lower."""
        shares = 0.62 ** np.arange(DEPTH)
        heights = self.draw(1).choice(DEPTH, self.size.groups, p=shares / shares.sum())
        heights[: self.size.roles * ALLOWED + 1] = np.minimum(heights[: self.size.roles * ALLOWED + 1], 2)
        return heights

    @cached_property
    def divisions(self) -> Numbers:
        """The division of each group; nesting stays within divisions, and every fifth serves the same client."""
        count = 5 * max(1, self.size.groups // 2_000)
        found = self.draw(2).integers(0, count, self.size.groups)
        owned = self.size.roles * ALLOWED + 1
        found[1:owned] = (np.arange(owned - 1) // ALLOWED) % count
        return found

    @cached_property
    def nesting(self) -> tuple[Numbers, Numbers]:
        """Edges from child to parent, each once; a few lead back down and close a circle."""
        rng = self.draw(3)
        order = np.lexsort((self.heights, self.divisions))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        ends = np.searchsorted(self.divisions[order], self.divisions, side="right")
        # The first group of the same division that stands higher: parents are from there on, mostly near.
        key = self.divisions[order] * (DEPTH + 1) + self.heights[order]
        starts = np.searchsorted(key, self.divisions * (DEPTH + 1) + self.heights + 1)
        room = ends - starts
        count = np.where(room > 0, rng.choice(4, self.size.groups, p=(0.06, 0.31, 0.35, 0.28)), 0)
        count[EVERYBODY] = 0
        child = np.repeat(np.arange(self.size.groups), count)
        parent = order[starts[child] + (room[child] * rng.random(len(child)) ** 1.6).astype(np.int64)]
        back = rng.random(len(child)) < 0.0008
        child, parent = np.concatenate((child, parent[back])), np.concatenate((parent, child[back]))
        pairs = _distinct(child * self.size.groups + parent)
        return pairs // self.size.groups, pairs % self.size.groups

    @cached_property
    def synced(self) -> Numbers:
        """The groups that are copied to the cloud directory."""
        return np.flatnonzero(self.draw(4).random(self.size.groups) < 0.1)

    def allowed(self, role: Numbers) -> Numbers:
        """Return the groups each role may have, a row for each."""
        return 1 + (role[:, None] * ALLOWED + np.arange(ALLOWED)) % (self.size.groups - 1)

    def staff(self) -> Iterator[Staff]:
        """Yield all people, chunk by chunk."""
        roles = self.size.roles
        for number, first in enumerate(range(0, self.size.people, CHUNK)):
            rng = self.draw(5, number)
            n = min(CHUNK, self.size.people - first)
            role = _skewed(rng, n, roles)
            second = np.where(rng.random(n) < 0.04, (role + 1 + _skewed(rng, n, 20)) % roles, -1)
            former = np.where(rng.random(n) < 0.06, rng.integers(0, roles, n), -1)
            status = rng.choice(3, n, p=(0.955, 0.015, 0.03))
            yield Staff(first, role, second, former, status, rng.random(n) < 0.2)

    def grants(self, staff: Staff) -> tuple[Numbers, Numbers]:
        """Return who of a chunk holds which group directly: positions and groups, sorted, each pair once."""
        rng = self.draw(6, staff.first)
        n = len(staff)
        held = [(np.arange(n), np.full(n, EVERYBODY))]
        usual = np.linspace(0.92, 0.10, ALLOWED)  # some of what a role may have everybody has, some hardly anybody
        for roles, share in ((staff.role, 1.0), (staff.second, 0.8), (staff.former, 0.3)):
            who, what = np.nonzero((rng.random((n, ALLOWED)) < usual * share) & (roles >= 0)[:, None])
            held.append((who, self.allowed(roles)[who, what]))
        held.append(self._excess(rng, n))
        key = _distinct(np.concatenate([who * self.size.groups + what for who, what in held]))
        return key // self.size.groups, key % self.size.groups

    def _excess(self, rng: np.random.Generator, n: int) -> tuple[Numbers, Numbers]:
        """Draw what was granted once and stayed: most people have a little, a few have a lot."""
        count = np.minimum(rng.pareto(1.7, n) * self.size.beyond * 0.7, 400)
        count = (count + rng.random(n)).astype(np.int64)
        who = np.repeat(np.arange(n), count)
        # The cube makes some groups popular; the multiplication spreads these over all divisions.
        what = (self.size.groups * rng.random(len(who)) ** 3).astype(np.int64) * 7919 % self.size.groups
        return who, what

    def marks(self, purpose: int, share: float) -> NDArray[np.bool_]:
        """Mark a share of the groups."""
        return self.draw(7, purpose).random(self.size.groups) < share


def _skewed(rng: np.random.Generator, n: int, values: int) -> Numbers:
    """Draw small values more often than large ones."""
    drawn: Numbers = (values * rng.random(n) ** 1.7).astype(np.int64)
    return drawn


def _distinct(values: Numbers) -> Numbers:
    """Return distinct values in order; sorting is several times faster here than numpy's hashing."""
    ordered: Numbers = np.sort(values)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]
