"""A statement about each client alone: the draw is topped up until it has as many of a client's as that client needs.

What is added is the lowest of the client's own units in the one order of selection, so those of the random draw
are the first of them: what is looked at of a client is a simple random sample of it, and the same arithmetic
holds as for the whole. Where a draw may add only so many, clients take turns: who has waited longest is first.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from access_review.sample.hypergeometric import size
from access_review.sample.rotation import week_of


@dataclass(frozen=True, slots=True)
class ClientAim:
    """What is to be shown of a client: no more than ``tolerable`` is wrong, with ``confidence``, ``allowed`` being found wrong."""

    tolerable: float
    confidence: float
    allowed: int = 0


@dataclass(frozen=True, slots=True)
class ClientAims:
    """What is to be shown of each named client, how many units one draw may add for that (null: as many as are needed).

    ``waited`` counts the draws in which a client's turn had not come; ``timezone`` is that of the weeks that are named.
    """

    aims: Mapping[str, ClientAim]
    most: int | None = None
    timezone: str = "UTC"
    waited: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class ClientPart:
    """One client in one draw: ``drawn`` of ``population`` at random, where ``needed`` would show what is aimed at.

    ``wait`` is in how many weeks its turn comes, 0 being now, and ``week`` which week that is.
    """

    client: str
    aim: ClientAim
    population: int
    needed: int
    drawn: int
    waited: int
    wait: int
    week: str


@dataclass(frozen=True, slots=True)
class ClientParts:
    """What a draw does for each client that the policy names; it may add ``most`` units, or as many as are needed."""

    most: int | None
    timezone: str
    parts: tuple[ClientPart, ...]

    @property
    def aims(self) -> ClientAims:
        """Return what was asked for, to choose again."""
        waited = {part.client: part.waited for part in self.parts}
        return ClientAims({part.client: part.aim for part in self.parts}, self.most, self.timezone, waited)

    @property
    def waiting(self) -> dict[str, int]:
        """Return how often each client that still waits has waited, this draw included."""
        return {part.client: part.waited + 1 for part in self.parts if part.wait}

    def of(self, client: str) -> ClientPart | None:
        """Return the part of a client, if the policy names it."""
        return next((part for part in self.parts if part.client == client), None)


def top_up(
    own: Mapping[str, Sequence[str]], inference: Collection[str], aims: ClientAims, as_of: datetime
) -> tuple[frozenset[str], ClientParts]:
    """Return the units to add to the random draw, and what that does for each client.

    ``own`` are the units of each client that may be drawn, in the order of selection.
    """
    waited = aims.waited or {}
    parts = {name: _part(name, own.get(name, ()), inference, aims, waited.get(name, 0)) for name in sorted(aims.aims)}
    added: set[str] = set()
    week, used = 0, 0
    ahead: set[str] = set()
    for name in sorted(parts, key=lambda name: (-parts[name].waited, name)):
        lacking = set(own.get(name, ())[: parts[name].needed]).difference(inference)
        if not lacking - added:  # what is drawn anyway, or for others, shows it
            wait = 0
        else:
            if aims.most is not None and used and used + len(lacking - ahead) > aims.most:
                week, used, ahead = week + 1, 0, set()
            used += len(lacking - ahead)
            ahead |= lacking
            wait = week
        if not wait:
            added |= lacking
        drawn = max(parts[name].drawn, parts[name].needed) if not wait else parts[name].drawn
        parts[name] = replace(
            parts[name], drawn=drawn, wait=wait, week=week_of(as_of + timedelta(weeks=wait), aims.timezone)
        )
    return frozenset(added), ClientParts(aims.most, aims.timezone, tuple(parts.values()))


def _part(name: str, own: Sequence[str], inference: Collection[str], aims: ClientAims, waited: int) -> ClientPart:
    aim = aims.aims[name]
    needed = size(len(own), tolerable=aim.tolerable, confidence=aim.confidence, allowed=aim.allowed, rate=0).units
    return ClientPart(name, aim, len(own), needed, sum(unit in inference for unit in own), waited, 0, "")


def reasons(parts: Iterable[ClientPart]) -> Iterable[str]:
    """Say of each client what is drawn for it, or in which week enough of it is."""
    for part in parts:
        aim = f"no more than {part.aim.tolerable * 100:g} % wrong with {part.aim.confidence * 100:g} % confidence"
        drawn = f"{part.client}: {part.drawn} of {part.population} drawn at random"
        if not part.population:
            yield f"{part.client}: nobody who works for it is drawn from, so nothing is said of it"
        elif part.wait:
            yield f"{drawn}, {part.needed} are needed to show {aim}: its turn comes in {part.week}"
        else:
            yield f"{drawn}, as many as are needed to show {aim}"
