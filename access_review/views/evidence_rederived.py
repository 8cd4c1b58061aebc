"""What came of concluding the reviews of a pack again, in text and as values."""

from collections.abc import Iterable, Sequence
from typing import TypedDict

from access_review.evidence.pack import RederivedRun
from access_review.views.text import visible


class RederivedValue(TypedDict):
    """A run whose findings were concluded again; ``same`` tells whether that gave what its review and its draw say."""

    run: str
    known: str
    digest: str
    same: bool
    others: list[str]
    not_shown: str
    why_not: str


def rederived_value(again: Iterable[RederivedRun]) -> list[RederivedValue]:
    """Return what was concluded again, for scripts."""
    return [
        {
            "run": one.run,
            "known": one.known,
            "digest": one.digest,
            "same": one.same,
            "others": list(one.others),
            "not_shown": one.not_shown,
            "why_not": one.why_not,
        }
        for one in again
    ]


def rederived_text(again: Sequence[RederivedRun]) -> str:
    """Say of each run whether its findings follow from what was read."""
    return "\n".join(f"{one.run}  {_again(one)}" for one in again) or "no run of the pack was reviewed"


def _again(one: RederivedRun) -> str:
    if one.why_not:
        return f"not concluded again: {visible(one.why_not)}"
    if one.digest != one.known:
        return f"other findings: {one.digest}, not {one.known}"
    besides = f" ({visible(one.not_shown)})" if one.not_shown else ""
    if one.others:
        return f"the same findings, and otherwise: {visible(', '.join(one.others))}{besides}"
    return f"the same findings: {one.digest}{besides}"
