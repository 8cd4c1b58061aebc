"""What an operations head asks first, answered in a line each: the head of the report."""

from collections.abc import Iterator, Sequence

from access_review.offboarding.queries import LeftPerson
from access_review.views.summary import Summary
from access_review.views.text import count, day, listed, visible

_NAMED = 6


def brief(summary: Summary, leavers: Sequence[LeftPerson], checked: tuple[int, int] | None) -> list[tuple[str, str]]:
    """Return questions with their answers; ``checked`` is how many of how many drawn units people have checked."""
    return [
        ("Who left and can still sign in?", _leavers(leavers)),
        ("What got worse?", _worse(summary)),
        ("What first, and by whom?", _first(summary)),
        ("How sure are we?", "; ".join(_sure(summary, checked)) + "."),
    ]


def _leavers(leavers: Sequence[LeftPerson]) -> str:
    still = [row for row in leavers if row["enabled"]]
    unknown = sum(not row["enabled"] and bool(row["unknown"]) for row in leavers)
    named = [f"{visible(row['name'])} (left {day(row['left_at_latest'])})" for row in still]
    doubt = f"; of {count(unknown, 'more leaver')} that is unknown" if unknown else ""
    return f"{listed(named, _NAMED)}{doubt}." if still else f"Nobody that the sources show{doubt}."


def _worse(summary: Summary) -> str:
    status, groups = summary["findings"]["status"], summary["groups"]
    said = f"{count(status['new'], 'finding')} new since the run before, {status['closed']:,} closed"
    newer = sorted((g for g in (groups["first"] if groups else ()) if g["new"]), key=lambda g: (-g["new"], g["place"]))
    return f"{said}; most of them: {newer[0]['said']} ({newer[0]['new']:,} new)." if newer else f"{said}."


def _first(summary: Summary) -> str:
    groups = summary["groups"]
    if not groups or not groups["first"]:
        return "Nothing is open."
    first = groups["first"][0]
    red = count(summary["findings"]["rag"]["red"], "red finding")
    return f"{first['said']}: {first['ends']}, by {first['by']}. {red} in all."


def _sure(summary: Summary, checked: tuple[int, int] | None) -> Iterator[str]:
    judged = summary["judged"]
    if judged:
        yield f"{judged['grants_judged']:,} of {count(judged['grants'], 'grant')} judged"
    unread = [source["source"] for source in summary["sources"] if not source["complete"]]
    total = count(len(summary["sources"]), "source")
    yield f"not read whole: {listed(unread)}" if unread else f"all of {total} read whole"
    if silent := len(summary["not_evaluated"]):
        yield f"{count(silent, 'rule')} not evaluated"
    if checked:
        yield f"people checked {checked[0]:,} of {checked[1]:,} drawn"
