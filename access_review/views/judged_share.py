"""How much was judged, in one sentence, wherever something is summed up."""

from collections.abc import Iterator

from access_review.findings.judged_share import NotJudged
from access_review.views.summary import JudgedSummary, Summary
from access_review.views.text import count, listed

_WHY = {
    NotJudged.NO_OWNER: "whose person is not found",
    NotJudged.NO_ROLE: "of people without a role template",
    NotJudged.NOT_A_PERSON: "of no person, which no template judges",
}

NOTHING_WRONG = "Nothing is wrong that the evaluated rules can see."
"""What is said where there is no finding, all was judged, and every source was read whole."""


def sentence(judged: JudgedSummary) -> str:
    """Say how many grants and accounts were judged, and how many not and why."""
    said = (
        f"Judged: {judged['grants_judged']:,} of {count(judged['grants'], 'grant')}, "
        f"{judged['accounts_judged']:,} of {count(judged['accounts'], 'account')}"
        + (f"; {judged['copies']:,} synced copies are judged where they come from." if judged["copies"] else ".")
    )
    missing = "; ".join(_missing(judged))
    return f"{said} Not judged: {missing}." if missing else said


def _missing(judged: JudgedSummary) -> Iterator[str]:
    for part in judged["not_judged"]:
        yield f"{count(part['grants'], 'grant')} of {count(part['accounts'], 'account')} {_WHY[NotJudged(part['why'])]}"
    if judged["unread"]:
        yield f"what was not read of {listed(judged['unread'], 5)}"


def nothing_found(summary: Summary) -> str:
    """Say what no finding means: that nothing is wrong only where all was judged."""
    judged = summary["judged"]
    if judged is None or judged["whole"]:
        return NOTHING_WRONG
    return "Nothing was found, which does not mean that nothing is wrong: not everything was judged."
