"""What a workspace from exports is made of, with what was taken without proof."""

from collections.abc import Iterator, Sequence
from typing import TypedDict

from access_review.draft.sources import SourceDraft
from access_review.model import Options
from access_review.views.text import visible


def text(sources: Sequence[SourceDraft], unused: Sequence[tuple[str, str]]) -> str:
    """Say each source, its ladder with the rate of each rung, what to look at, and what is not used."""
    return "\n".join(_lines(sources, unused))


def _lines(sources: Sequence[SourceDraft], unused: Sequence[tuple[str, str]]) -> Iterator[str]:
    for source in sources:
        yield f"sources/{source.name}.yaml ({source.connector}): {visible(source.about[0])}"
        for rung in source.match:
            sure = "" if rung.possible else " (not possible as it stands)"
            sure = sure or ("" if rung.certain else " (a guess: no change may rest on it)")
            yield f"  accounts find people by {rung.account} = {rung.person}: {visible(rung.because)}{sure}"
        yield from (f"  LOOK: {visible(doubt)}" for doubt in source.doubts)
    yield from (f"Not used: {visible(file)}: {visible(reason)}" for file, reason in unused)


class DraftedRung(TypedDict):
    """A rung of the ladder from accounts to people: two columns; of ``possible`` accounts ``certain`` find theirs."""

    on: list[str]
    certain: bool
    possible: int
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
            {"on": [r.account, r.person], "certain": r.certain, "possible": r.possible, "because": r.because}
            for r in source.match
        ],
        "look": list(source.doubts),
    }
