"""What an operations head asks first, answered before any row is looked at: the head of the report."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from access_review.explain.new_findings import NewBecause
from access_review.offboarding.queries import LeftPerson
from access_review.tables import Row
from access_review.views.report_trend import RunFindings, change_in
from access_review.views.summary import FindingCounts, Summary
from access_review.views.text import count, day, last_day, listed, shorten

_NAMED = 6
_LINES = 4
_LETTERS = 30

_BECAUSE = {
    NewBecause.LEFT: "left since then",
    NewBecause.GRANTED: "granted since then",
    NewBecause.NESTED: "nested since then",
    NewBecause.JOINED: "joined since then",
    NewBecause.NOT_TOLD: "with time or use, not by a change of access",
}

_BEYOND = frozenset({"access-beyond-role", "mover-kept-access", "never-allowed", "client-boundary"})
"""Rules of people who work here and hold what they should not."""


_EXAMPLES = re.compile(r" \([^()]*…\)")


@dataclass(frozen=True, slots=True)
class BriefLine:
    """One line of an answer: who or what it is about, where that is to be seen at once, and what is said."""

    lead: str
    said: str


@dataclass(frozen=True, slots=True)
class BriefAnswer:
    """A question with its answer in a sentence, and the lines below it."""

    question: str
    answer: str
    lines: tuple[BriefLine, ...] = ()


def brief(
    summary: Summary,
    access: FindingCounts,
    findings: Sequence[Row],
    leavers: Sequence[LeftPerson],
    *,
    as_of: datetime,
    zones: Mapping[str, str],
    earlier: Sequence[RunFindings],
    because: Mapping[str, NewBecause],
    group_of: Mapping[str, str],
    checked: tuple[int, int] | None,
) -> list[BriefAnswer]:
    """Return questions with their answers.

    ``access`` counts what is about access, ``earlier`` are the runs before, oldest first; ``because`` says by finding why it is new, ``group_of`` the group that it
    is of; ``zones`` say by person on whose clock they work; ``checked`` is how many of how many drawn units people have checked.
    """
    return [
        _wrongly(findings, leavers, as_of, zones),
        _worse(summary, access, findings, earlier, because, group_of),
        _today(summary, access),
        BriefAnswer("How sure are we?", "; ".join(_sure(summary, checked)) + "."),
    ]


def _wrongly(
    findings: Sequence[Row], leavers: Sequence[LeftPerson], as_of: datetime, zones: Mapping[str, str]
) -> BriefAnswer:
    still = sorted(
        (row for row in leavers if row["enabled"]), key=lambda row: (row["left_at_latest"] or as_of, row["name"])
    )
    unknown = sum(not row["enabled"] and bool(row["unknown"]) for row in leavers)
    doubt = f"; of {count(unknown, 'more leaver')} that is unknown" if unknown else ""
    number = count(len(still), "leaver") if still else "Nobody who left, as far as the sources show,"
    more = {row["person"] or row["subject"] for row in findings if row["rule"] in _BEYOND}
    beyond = f" {count(len(more), 'person who works here holds', 'people who work here hold')} " if more else ""
    tail = f"{beyond}more than {'the' if len(more) == 1 else 'their'} role allows." if more else ""
    return BriefAnswer(
        "Who still has access and should not, since when?",
        f"{number} can still sign in{doubt}.{tail}",
        (
            *(_leaver(row, as_of, zones.get(row["person"], "")) for row in still[:_NAMED]),
            *_rest(len(still) - _NAMED, "leaver"),
        ),
    )


def _leaver(row: LeftPerson, as_of: datetime, zone: str) -> BriefLine:
    left = row["left_at_latest"]
    days = (as_of - left).days if left else 0
    ago = f", {count(days, 'day')} ago" if days > 0 else ""
    gone = last_day(left, zone=zone, unknown="on an unknown day")
    said = f": left {gone}{ago}; {count(row['enabled'], 'account')} open"
    return BriefLine(shorten(row["name"], _LETTERS), said)


def _worse(
    summary: Summary,
    access: FindingCounts,
    findings: Sequence[Row],
    earlier: Sequence[RunFindings],
    because: Mapping[str, NewBecause],
    group_of: Mapping[str, str],
) -> BriefAnswer:
    question = "What got worse, and why?"
    if not earlier:
        return BriefAnswer(question, "This is the first run: there is nothing to compare it with yet.")
    status, groups = access["status"], summary["groups"]
    new = count(status["new"], "finding") if status["new"] else "No finding is"
    said = f"{new} new since {day(earlier[-1].as_of)}, {status['closed']:,} closed"
    newer = sorted((g for g in (groups["first"] if groups else ()) if g["new"]), key=lambda g: (-g["risk"], g["place"]))
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for row in findings:
        why = because.get(row["finding"])
        if why:
            reasons[group_of.get(row["finding"], "")][_BECAUSE[why]] += 1
    lines = (
        BriefLine("", f"{_short(g['said'])}: {g['new']:,} new{_why(reasons[g['group']], g['new'])}")
        for g in newer[:_LINES]
    )
    trend = change_in(earlier, access["rag"]["red"])
    return BriefAnswer(question, f"{said}; {trend}.", (*lines, *_rest(len(newer) - _LINES, "line")))


def _why(reasons: Counter[str], total: int) -> str:
    said = [why if number == total else f"{number:,} {why}" for why, number in sorted(reasons.items())]
    return f", {', '.join(said)}" if said else ""


def _today(summary: Summary, access: FindingCounts) -> BriefAnswer:
    question = "What must be done today, and by whom?"
    groups = summary["groups"]
    if not groups or not groups["first"]:
        return BriefAnswer(question, "Nothing is open.")
    urgent = [group for group in groups["first"] if group["rag"] == "red"]
    if not urgent:
        first = groups["first"][0]
        return BriefAnswer(
            question,
            "Nothing is red. First of the rest:",
            (BriefLine("", f"{first['said']}: {first['ends']}, by {first['by']}"),),
        )
    red = access["rag"]["red"]
    by: dict[str, list[str]] = defaultdict(list)
    for group in urgent:
        by[group["by"]].append(f"{_short(group['said'])}: {group['ends']}")
    lines = [
        BriefLine(f"{who[0].upper()}{who[1:]}", f": {'; '.join(what[:_LINES])}{_more(len(what) - _LINES)}")
        for who, what in by.items()
    ]
    return BriefAnswer(question, f"{count(red, 'red finding')}, in {count(len(urgent), 'line')}:", tuple(lines))


def _short(said: str) -> str:
    """Leave out examples in brackets: the line below has them."""
    return _EXAMPLES.sub("", said)


def _more(number: int) -> str:
    return f"; and {number:,} more" if number > 0 else ""


def _rest(number: int, what: str) -> tuple[BriefLine, ...]:
    return (BriefLine("", f"and {count(number, f'more {what}')}"),) if number > 0 else ()


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
