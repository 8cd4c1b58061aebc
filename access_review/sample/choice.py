"""Who is chosen of a population: whoever checks a sample does this again, from what it says it followed from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from access_review.policy import Sampling
from access_review.sample import for_clients, population, rotation
from access_review.sample.commitment import lowest, rank
from access_review.sample.for_clients import ClientAims, ClientParts
from access_review.sample.hypergeometric import Size, size
from access_review.sample.population import ReviewUnit
from access_review.sample.rotation import LastReviewed


class Draw(StrEnum):
    """Why a unit is in the sample."""

    CENSUS = "census"
    INFERENCE = "inference"
    CLIENT = "client"
    """At random too, for the sake of one client's own statement; of no count for the whole."""
    COVERAGE = "coverage"


class Stratum(StrEnum):
    """Parts of the population: the first two are looked at whole, the others drawn from."""

    LEAVERS = "leavers"
    PRIVILEGED = "privileged"
    PEOPLE = "people"
    ACCOUNTS = "accounts"

    @property
    def is_census(self) -> bool:
        """Tell whether every unit is looked at."""
        return self in {Stratum.LEAVERS, Stratum.PRIVILEGED}


def stratum(unit: ReviewUnit) -> Stratum:
    """Return the part of the population a unit belongs to."""
    match unit.census:
        case "left" | "missing":
            return Stratum.LEAVERS
        case "privileged":
            return Stratum.PRIVILEGED
        case None:
            return Stratum.PEOPLE if unit.kind == "person" else Stratum.ACCOUNTS


@dataclass(frozen=True, slots=True, order=True)
class Pick:
    """One unit to look at."""

    unit: str
    stratum: Stratum
    draw: Draw


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who is looked at; ``size`` is how many were to be drawn for inference, ``clients`` what is drawn for some by themselves."""

    picks: tuple[Pick, ...]
    size: Size
    clients: ClientParts | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a choice follows from; ``seed`` is that of the draw, ``seen`` when each unit was looked at last.

    ``carried`` are units that nobody reviewed the last time. Where that is ``bounded``, they add no more work than the draw
    itself.
    """

    units: Sequence[ReviewUnit]
    policy: Sampling
    run: str
    as_of: datetime
    seed: bytes
    seen: Mapping[str, LastReviewed]
    carried: Sequence[str]
    bounded: bool
    clients: ClientAims | None

    def chosen(self) -> Chosen:
        """Choose; the same gives the same."""
        strata = {unit.unit: stratum(unit) for unit in self.units}
        rest = [unit for unit, part in strata.items() if not part.is_census]
        needed = _size(len(rest), self.policy)
        ranks = {unit: rank(self.seed, unit) for unit in rest}
        inference = lowest(ranks, needed.units)
        # Ties are broken in the same order, so that who is drawn for inference serves the panel too where it can.
        panel = rotation.choose_panel(
            rest, self.seen, run=self.run, as_of=self.as_of, weeks=self.policy.coverage_weeks, rank=ranks.__getitem__
        )
        draws = dict.fromkeys((unit for unit, part in strata.items() if part.is_census), Draw.CENSUS)
        added, of_clients = self._for_clients(ranks, inference)
        draws |= dict.fromkeys(panel, Draw.COVERAGE) | dict.fromkeys(added, Draw.CLIENT)
        draws |= dict.fromkeys(inference, Draw.INFERENCE)
        waited = sorted(set(self.carried).intersection(rest) - set(draws), key=lambda unit: (ranks[unit], unit))
        if self.bounded:
            waited = _within(waited, {unit.unit: unit.accounts + unit.grants for unit in self.units}, draws)
        draws |= dict.fromkeys(waited, Draw.COVERAGE)
        return Chosen(tuple(Pick(unit, strata[unit], how) for unit, how in sorted(draws.items())), needed, of_clients)

    def _for_clients(
        self, ranks: Mapping[str, bytes], inference: Iterable[str]
    ) -> tuple[frozenset[str], ClientParts | None]:
        if self.clients is None or not self.clients.aims:
            return frozenset(), None
        own = {name: population.in_order(self.units, name, ranks) for name in self.clients.aims}
        return for_clients.top_up(own, frozenset(inference), self.clients, self.as_of)


def _within(waited: Sequence[str], items: Mapping[str, int], drawn: Iterable[str]) -> list[str]:
    """Return the first of those who wait, as long as they ask no more of reviewers than what is drawn does."""
    room, kept = sum(items[unit] for unit in drawn), []
    for unit in waited:
        if items[unit] <= room:
            kept.append(unit)
            room -= items[unit]
    return kept


def _size(population: int, policy: Sampling) -> Size:
    return size(
        population,
        tolerable=policy.tolerable,
        confidence=policy.confidence,
        allowed=policy.allowed,
        rate=policy.rate,
    )
