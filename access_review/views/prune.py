"""What is removed by `prune`, and what is kept though its time is over."""

from collections.abc import Sequence, Sized
from datetime import datetime
from typing import Protocol, TypedDict

from access_review.views.terminal import table
from access_review.views.text import count, visible


class PrunableRun(Protocol):
    """A run whose time is over; ``kept`` says why it stays all the same."""

    @property
    def name(self) -> str:
        """What its folder is called."""

    @property
    def kind(self) -> str:
        """Of which kind it is."""

    @property
    def since(self) -> datetime:
        """Until when the policy kept it."""

    @property
    def kept(self) -> str:
        """What rests on it; empty where nothing does."""


class Outlived(Protocol):
    """What outlived its runs."""

    @property
    def decisions(self) -> int:
        """How many answers there are about runs that are gone."""

    @property
    def notices(self) -> Sized:
        """The notices whose time is over."""


class PrunedRun(TypedDict):
    """A run whose time is over."""

    run: str
    kind: str
    kept_until: str
    kept_for: str | None


class PrunedValue(TypedDict):
    """What ``prune`` removed, or would."""

    removed: bool
    runs: list[PrunedRun]
    decisions: int
    notices: int


def value(listed: Sequence[PrunableRun], outlived: Outlived, *, removed: bool) -> PrunedValue:
    """Return it as JSON."""
    return {
        "removed": removed,
        "runs": [
            {"run": one.name, "kind": one.kind, "kept_until": one.since.isoformat(), "kept_for": one.kept or None}
            for one in listed
        ],
        "decisions": outlived.decisions,
        "notices": len(outlived.notices),
    }


def text(listed: Sequence[PrunableRun], outlived: Outlived, *, removed: bool) -> str:
    """Say it in the terminal."""
    gone = [one for one in listed if not one.kept]
    stays = [one for one in listed if one.kept]
    besides = [
        count(number, what)
        for number, what in ((outlived.decisions, "answer"), (len(outlived.notices), "notice"))
        if number
    ]
    if not listed and not besides:
        return "No run is older than the policy keeps it."
    lines = []
    if gone:
        rows = [(one.name, one.kind, f"{one.since:%Y-%m-%d}") for one in gone]
        lines += [table(("run", "kind", "kept until"), rows), ""]
    if stays:
        lines += ["Older than that, and kept:", *(f"  {one.name}: {visible(one.kept)}" for one in stays), ""]
    what = ", ".join((count(len(gone), "run"), *besides))
    if removed:
        lines.append(f"Removed: {what}. What was in them stays in the logbook, by its digests.")
    else:
        lines.append(f"Would be removed: {what}; nothing is yet.")
        lines += ["Next: access-review prune --yes, with a backup at hand"] if gone or besides else []
    return "\n".join(lines)
