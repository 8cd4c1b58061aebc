"""What entitlements carry through nesting, as paths with names: looked up once for everything that is explained."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from access_review.engine import Engine
from access_review.explain.explanation import Hop, ThingCard
from access_review.graph import Paths, Step, paths


class EntitlementPaths:
    """The paths between entitlements, found when first asked for, and their cards.

    Reads ``nesting`` and ``entitlements``, whole: ask for one and keep it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: dict[str, Mapping[str, Sequence[Step]]] = {}

    @cached_property
    def _paths(self) -> Paths:
        return paths(self._engine.query("SELECT child, parent, mode, why, reach FROM nesting ORDER BY 1, 2, 3"))

    @cached_property
    def _cards(self) -> dict[str, ThingCard]:
        rows = self._engine.rows(
            "SELECT entitlement, name, kind, coalesce(privileged, FALSE) AS privileged, "
            "coalesce(effect = 'restricts', FALSE) AS restricts FROM entitlements"
        )
        return {
            row["entitlement"]: ThingCard(
                row["entitlement"], row["name"], row["kind"], row["privileged"], row["restricts"]
            )
            for row in rows
        }

    def card(self, entitlement: str) -> ThingCard:
        """Return an entitlement by its id, which stands for its name where no source lists it."""
        return self._cards.get(entitlement) or ThingCard(entitlement, entitlement)

    def steps_from(self, start: str) -> Mapping[str, Sequence[Step]]:
        """Return the shortest path to everything that an entitlement gives, by what is reached."""
        if start not in self._found:
            self._found[start] = self._paths.all_from(start)
        return self._found[start]

    def hops(self, steps: Sequence[Step]) -> tuple[Hop, ...]:
        """Return a path with the cards of what it passes."""
        return tuple(Hop(self.card(step.child), self.card(step.parent), step.why, step.mode) for step in steps)

    def between(self, start: str, goal: str) -> tuple[Hop, ...]:
        """Return the shortest path from one entitlement to another; empty where there is none."""
        return self.hops(self.steps_from(start).get(goal, ()))
