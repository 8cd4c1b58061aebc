"""How much was judged, in one sentence, wherever something is summed up."""

import textwrap
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


UNKNOWN = "Judged: nothing that is known, since no review has counted it. Do: access-review review"
"""What is said of a run that was not reviewed, or was so before it was kept how much was judged."""


def paragraph(judged: JudgedSummary | None, width: int) -> str:
    """Say it in lines of so many columns, also that it is not known."""
    return "\n".join(textwrap.wrap(sentence(judged), width, break_on_hyphens=False))


def sentence(judged: JudgedSummary | None) -> str:
    """Say how many grants and accounts were judged, and how many not and why; or that it is not known."""
    if judged is None:
        return UNKNOWN
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


def too_little(judged: JudgedSummary | None) -> str:
    """Say why nobody can say that nothing is wrong; nothing where all was judged and everything was read."""
    if judged is None:
        return (
            "how much was judged is not known, so that nobody can say that nothing is wrong\n  → access-review review"
        )
    if judged["whole"]:
        return ""
    if judged["unread"] and not judged["not_judged"]:
        return f"{listed(judged['unread'], 5)} not read whole, so that nobody can say that nothing is wrong"
    return (
        f"{judged['grants'] - judged['grants_judged']:,} of {count(judged['grants'], 'grant')} were not judged, so that "
        "nobody can say that nothing is wrong\n  → see whose and why: access-review roles coverage"
    )


def nothing_found(summary: Summary) -> str:
    """Say what no finding means: that nothing is wrong only where all was judged."""
    judged = summary["judged"]
    if judged is not None and not judged["accounts"]:
        return "Nothing was found, since there was nothing to judge: no source has an account."
    if judged is None or judged["whole"]:
        return NOTHING_WRONG
    return "Nothing was found, which does not mean that nothing is wrong: not everything was judged."
