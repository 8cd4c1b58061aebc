"""The check list on one screen: colour, what the records show, and what is to follow by when."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from access_review.model import JsonObject, Rag
from access_review.scorecard.checkpoints import CheckpointReading, CheckpointStatus, StatusReason
from access_review.scorecard.follow_up import FollowUp
from access_review.scorecard.ladder import LadderStep
from access_review.settings.checklist import Threshold
from access_review.settings.measures import MEASURES
from access_review.views import measures
from access_review.views.terminal import paint
from access_review.views.text import count, day, listed, moment, shorten, span, visible

_UNDONE = {
    StatusReason.OUT_OF_DATE: "not since",
    StatusReason.EXPIRED: "what was stated has expired on",
    StatusReason.NEVER_DONE: "nobody has stated it",
}


def shows(reading: CheckpointReading) -> str:
    """Say what is behind a colour: the figure, who stated it, or that nobody did."""
    said = reading.attested
    if said is not None:
        until = said.moment("until")
        who = visible(said.person.rpartition(":")[2])
        if reading.reason is StatusReason.EXPIRED:
            return f"{_UNDONE[reading.reason]} {day(until)} ({who})"
        return f"stated by {who} until {day(until)}: {visible(said.text('note'))}"
    found = reading.measured
    if found is None:
        return _UNDONE[StatusReason.NEVER_DONE]
    if reading.reason is StatusReason.OUT_OF_DATE:
        return f"{_UNDONE[reading.reason]} {day(found.at)} ({measures.figure(found)})"
    return measures.figure(found)


def text(
    at: datetime,
    organisation: str,
    statuses: Sequence[CheckpointStatus],
    *,
    colour: bool = False,
    width: int = 80,
    judged: str = "",
    trial: str = "",
) -> str:
    """Show the whole check list, a line each of ``width`` columns, how much was ``judged``, and what is due first.

    ``trial`` is the newest, where there are only trials.
    """
    counted = Counter(one.reading.rag for one in statuses)
    undone = sum(one.reading.reason.is_undone for one in statuses)
    colours = ", ".join(paint(f"{counted[rag]} {rag}", rag if counted[rag] else "", colour) for rag in Rag)
    whose = f" of {visible(organisation)}" if organisation else ""
    head = shorten(f"Check list{whose}, {moment(at)}", width)
    lines = [head, f"{colours}{_undone(undone)}", ""]
    lines += [_line(one, at, colour, max(width, 60)) for one in statuses]
    said = ["", judged] if judged and not trial else []
    if trial:
        said += [
            "",
            f"So far there are only trials, the last {trial}:",
            "no clock has started; the first audit without --trial starts them.",
        ]
    return "\n".join((*lines, *said, *_ahead(statuses, width)))


def _undone(number: int) -> str:
    """Say how many of those that are not green are so because nobody did them, or nobody can tell."""
    return f"; {number} of the red and amber: not done, or not known" if number else ""


def _line(status: CheckpointStatus, at: datetime, colour: bool, width: int) -> str:
    checkpoint, rag = status.checkpoint, status.reading.rag
    ahead = _next(status, at)
    room = width - 37 - (len(ahead) + 1 if ahead else 0)
    found = status.reading.measured
    words = measures.brief(found) if found and found.value is None else shows(status.reading)
    said = shorten(words, max(room, 12))
    name = shorten(checkpoint.checkpoint, 20)
    line = f"{paint(f'{rag:<5}', rag, colour)} {checkpoint.every:<9} {name:<20} {said}"
    return f"{line:<{width - len(ahead)}}{ahead}" if ahead and not colour else f"{line}  {ahead}" if ahead else line


def _next(status: CheckpointStatus, at: datetime) -> str:
    case = status.case
    if case is None or case.next_step is None:
        return ""
    if status.due is None:
        return f"{case.next_step} next"
    late = f"{span(at - status.due)} late" if status.overdue else f"in {span(status.due - at)}"
    return f"{case.next_step} {late}"


def _ahead(statuses: Sequence[CheckpointStatus], width: int) -> Iterator[str]:
    untold = [one for one in statuses if one.reading.rag is Rag.RED and one.case and not one.case.told]
    first = next((one for one in _by_urgency(statuses) if one.case and one.case.next_step), None)
    if untold or first:
        yield ""
    if untold:
        yield shorten(f"Nobody was told of {count(len(untold), 'red one')}: access-review status --tell", width)
    if first and first.case:
        words = " --cause CAUSE" if first.case.next_step is LadderStep.INVESTIGATE else ""
        yield (
            f"Next: access-review status step {first.checkpoint.checkpoint} {first.case.next_step}"
            f" --by YOU --note TEXT{words}"
        )


def _by_urgency(statuses: Sequence[CheckpointStatus]) -> list[CheckpointStatus]:
    ranks = list(Rag)
    return sorted(statuses, key=lambda one: (ranks.index(one.reading.rag), one.due is None, str(one.due)))


def details(status: CheckpointStatus, history: Sequence[FollowUp], assured: Mapping[int, str]) -> str:
    """Show one checkpoint in full: what it is judged by, where it is on the ladder, and everything recorded about it."""
    checkpoint, case = status.checkpoint, status.case
    lines = [
        f"{checkpoint.checkpoint} ({checkpoint.every}): {visible(checkpoint.title)}",
        f"{status.reading.rag}: {shows(status.reading)}",
        f"judged by: {_judged_by(status)}",
        f"controls: {listed(checkpoint.controls, most=20) or 'none named'}",
        f"halted while red: {visible(checkpoint.halt)}",
    ]
    if case:
        red = f", red since {moment(case.red_since)}" if case.red_since else ""
        lines += [f"not green since {moment(case.since)}{red}"]
        if case.next_step:
            lines += [f"next: {case.next_step}" + (f", due by {moment(status.due)}" if status.due else "")]
    lines += [""] if history else []
    for one in history:
        known = f" ({assured.get(one.seq, 'claimed')})" if one.person else ""
        lines.append(f"{moment(one.at)}  {_recorded(one)}{f', {visible(one.person)}' if one.person else ''}{known}")
    return "\n".join(lines)


def _judged_by(status: CheckpointStatus) -> str:
    checkpoint = status.checkpoint
    if checkpoint.measured is None:
        valid = checkpoint.attested.valid if checkpoint.attested else None
        return f"what somebody states by name with a link, for {span(valid)} at most"
    rules = f" of {', '.join(checkpoint.rules)}" if checkpoint.rules else ""
    bounds = [
        f"{name} {_bound(one)}" for name, one in (("green", checkpoint.green), ("amber", checkpoint.amber)) if one
    ]
    return f"{checkpoint.measured}{rules} ({MEASURES[checkpoint.measured].what}); {', '.join(bounds)}, else red"


def _bound(bound: Threshold) -> str:
    return f"at least {bound.at_least:g}" if bound.at_least is not None else f"at most {bound.at_most or 0:g}"


def _recorded(one: FollowUp) -> str:
    note = f": {visible(one.text('note'))}" if one.text("note") else ""
    link = f" [{visible(one.text('link'))}]" if one.text("link") else ""
    cause = f", root cause {one.text('cause')}" if one.text("cause") else ""
    what = one.text("step") or one.text("state") or str(one.kind)
    if one.text("incident"):
        return f"told; incident record runs/{visible(one.text('incident'))}"
    return f"{what}{cause}{note}{link}"


def value(at: datetime, statuses: Sequence[CheckpointStatus]) -> JsonObject:
    """Return the check list for scripts: codes and figures, no sentence to be read out of."""
    return {"as_of": at.isoformat(), "checkpoints": [_plain(one) for one in statuses]}


def _plain(status: CheckpointStatus) -> JsonObject:
    reading, case = status.reading, status.case
    found, said = reading.measured, reading.attested
    return {
        "checkpoint": status.checkpoint.checkpoint,
        "every": str(status.checkpoint.every),
        "rag": str(reading.rag),
        "reason": str(reading.reason),
        "measured": None
        if found is None
        else {
            "name": str(found.name),
            "value": found.value,
            "unit": str(MEASURES[found.name].unit),
            "part": found.part,
            "whole": found.whole,
            "at": found.at.isoformat() if found.at else None,
            "why": str(found.why) if found.why else None,
        },
        "attested": None
        if said is None
        else {"person": said.person, "at": said.at.isoformat(), "assurance": said.assurance, **said.said},
        "case": None
        if case is None
        else {
            "since": case.since.isoformat(),
            "red_since": case.red_since.isoformat() if case.red_since else None,
            "next": str(case.next_step) if case.next_step else None,
            "due": status.due.isoformat() if status.due else None,
            "overdue": status.overdue,
            "steps": [one.text("step") for one in case.steps],
            "told": [name for told in case.told for name in _names(told)],
            "halt": status.checkpoint.halt if case.is_red else None,
        },
    }


def _names(told: FollowUp) -> list[str]:
    people = told.said.get("people")
    return [str(one) for one in people] if isinstance(people, list) else []
