"""What a workspace from exports is made of, with what was taken without proof."""

from collections.abc import Iterator, Sequence
from typing import TypedDict

from access_review.draft.sources import RungLine, SourceDraft
from access_review.model import Options
from access_review.views.text import visible


def text(sources: Sequence[SourceDraft], unused: Sequence[tuple[str, str]], missing: Sequence[str] = ()) -> str:
    """Say each source, its ladder with the rate of each rung, what to look at, what is not used and what is ``missing``."""
    return "\n".join(_lines(sources, unused, missing))


def _lines(sources: Sequence[SourceDraft], unused: Sequence[tuple[str, str]], missing: Sequence[str]) -> Iterator[str]:
    for source in sources:
        yield f"sources/{source.name}.yaml ({source.connector}): {visible(source.about[0])}"
        for rung in source.match:
            sure = "" if rung.possible else " (not possible as it stands)"
            sure = sure or ("" if rung.certain else " (a guess: no change may rest on it)")
            yield f"  accounts find people by {rung.account} = {rung.person}{_ignoring(rung)}: {visible(rung.because)}{sure}"
        yield from (f"  LOOK: {visible(doubt)}" for doubt in source.doubts)
    yield from (f"Not used: {visible(file)}: {visible(reason)}" for file, reason in unused)
    yield from (f"These files do not tell: {visible(one)}" for one in missing)


def _ignoring(rung: RungLine) -> str:
    return f", ignoring {rung.ignoring}" if rung.ignoring else ""


class DraftedRung(TypedDict):
    """A rung of the ladder from accounts to people: two columns, and what they may differ in."""

    on: list[str]
    ignoring: str | None
    certain: bool
    possible: bool
    because: str


class DraftedSource(TypedDict):
    """A drafted source; ``look`` says what a person should look at."""

    source: str
    connector: str
    about: list[str]
    options: Options
    columns: Options
    match: list[DraftedRung]
    look: list[str]


def value(source: SourceDraft) -> DraftedSource:
    """Return a drafted source as JSON."""
    return {
        "source": source.name,
        "connector": source.connector,
        "about": list(source.about),
        "options": {line.name: line.value for line in source.options},
        "columns": {line.name: line.value for line in source.columns},
        "match": [
            {
                "on": [r.account, r.person],
                "ignoring": r.ignoring or None,
                "certain": r.certain,
                "possible": r.possible,
                "because": r.because,
            }
            for r in source.match
        ],
        "look": list(source.doubts),
    }
