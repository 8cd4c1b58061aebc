"""Longer sweeps in shares: many cases of one promise, of which each run draws some by a seed that it prints.

``@pytest.mark.sweep(share=1/4)`` stands at a parametrised test, or at a module for all of its parametrised tests. Of each
such test a quarter of the cases runs, and never none. Which ones follows from a seed, and the seed from the commit: so a
failure can be had again (``--sweep-seed``), every worker of a session draws the same, and a day of commits runs them all.
``each="rule"`` draws among the cases of each value of that argument, ``always=("empty",)`` names cases that are no mere
repetition of others, and ``among="a name"`` makes one sweep of whole tests that say the same of other things: these are its
cases. ``--whole`` (``make test-whole``) runs every case, and so does whoever names tests, by ``::`` or
``-k``, or asks for those that failed last.

A test that repeats itself over seeds in its own body asks the fixture ``sweep`` how many and from where on.
"""

import hashlib
import math
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest

from access_review import __version__
from tests.support.example import REPOSITORY

Case = TypeVar("Case")
FAR = 450
"""Where a run of seeds begins is drawn below this: the longer runs have tried five hundred and more from 0 on."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What this run draws by; ``whole`` runs draw nothing, and begin where every run before began."""

    seed: str
    whole: bool = False

    def draw(self, where: str, cases: Sequence[Case], share: float) -> list[Case]:
        """Return the share of the cases of a sweep, at least one where there is any, in their order."""
        if self.whole:
            return list(cases)
        order = sorted(range(len(cases)), key=lambda place: self._number(where, str(cases[place]), str(place)))
        return [cases[place] for place in sorted(order[: math.ceil(len(cases) * share)])]

    def seeds(self, where: str, every: int, share: float) -> range:
        """Return the seeds from which a test makes its cases: ``every`` of them from 0 on, or a share of as many from anywhere."""
        if self.whole:
            return range(every)
        first = self._number(where) % FAR
        return range(first, first + math.ceil(every * share))

    def _number(self, *parts: str) -> int:
        return int.from_bytes(hashlib.sha256("\0".join((self.seed, *parts)).encode()).digest()[:8], "big")


def options(parser: pytest.Parser) -> None:
    """Declare what a session may be told."""
    parser.addoption("--whole", action="store_true", help="run every case of every sweep, not only a share")
    parser.addoption("--sweep-seed", default="", help="draw the share of each sweep by this; the commit when left out")


def settle(config: pytest.Config) -> None:
    """Decide what this session draws by, before workers are told its options."""
    named = (
        any("::" in str(word) for word in config.args) or config.option.keyword or config.getoption("lf", default=False)
    )
    config.option.whole = bool(config.option.whole or named)
    config.option.sweep_seed = config.option.sweep_seed or commit()
    _sessions.append(of(config))


def session() -> Sweep:
    """Return what this session draws by, for modules that settle how much they try before any test runs; all where none is."""
    return _sessions[-1] if _sessions else Sweep("", whole=True)


_sessions: list[Sweep] = []


def of(config: pytest.Config) -> Sweep:
    """Return what a session draws by."""
    return Sweep(config.option.sweep_seed, config.option.whole)


def told(config: pytest.Config) -> str:
    """Return what the header of a session says."""
    sweep = of(config)
    if sweep.whole:
        return "sweeps: every case"
    return f"sweeps: shares drawn by --sweep-seed={sweep.seed} (--whole runs every case)"


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out of what is run the cases that this session does not draw."""
    out = undrawn(of(config), items)
    if out:
        config.hook.pytest_deselected(items=[item for item in items if item in out])
        items[:] = [item for item in items if item not in out]


def undrawn(sweep: Sweep, items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Return the cases that are not drawn."""
    cases: dict[tuple[str, str, float], list[pytest.Item]] = defaultdict(list)
    for item in items:
        mark, call = item.get_closest_marker("sweep"), getattr(item, "callspec", None)
        if mark is None or not (call or "among" in mark.kwargs) or (call and call.id in mark.kwargs.get("always", ())):
            continue
        where = mark.kwargs.get("among", item.nodeid.partition("[")[0])
        value = call.params[mark.kwargs["each"]] if call and "each" in mark.kwargs else ""
        cases[where, str(value), mark.kwargs["share"]].append(item)
    out: set[pytest.Item] = set()
    for (where, value, share), those in cases.items():
        drawn = sweep.draw(f"{where} {value}", [item.nodeid for item in those], share)
        out.update(item for item in those if item.nodeid not in drawn)
    return out


def commit() -> str:
    """Return the commit that is checked out, or the version where there is none."""
    said = ["git", "-C", str(REPOSITORY), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(said, capture_output=True, text=True, check=False)
    except OSError:
        return __version__
    return done.stdout.strip() if done.returncode == 0 else __version__
