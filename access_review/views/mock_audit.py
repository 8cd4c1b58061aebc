"""The mock audit in words: the case with its steps, owners and dates, the causes then and now, and who is named."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from access_review.model import JsonObject
from access_review.scorecard.follow_up import FollowUp
from access_review.scorecard.ladder import MockStep, RootCause
from access_review.scorecard.mock_audit import CountedCause, MockAudit, RepeatedFindings
from access_review.scorecard.training import Training, TrainingState, by_person
from access_review.views.terminal import wrapped
from access_review.views.text import count, day, visible

_MOST = 5
_ASKS = {
    MockStep.REVIEW: "what the records show, by cause",
    MockStep.ENGAGE: "who owns each cause was asked, and agrees",
    MockStep.ARCHITECT: "what would end each cause: a template, a nesting, a source, a limit",
    MockStep.CONTROL: "it is in place, under which change",
    MockStep.TEST: "a newer run counts the causes again",
}

_MEANS = {
    str(RootCause.SOURCE): "what was read does not say it",
    str(RootCause.RULE): "what it needs was not read",
    str(RootCause.MOVER): "kept from the job before",
    str(RootCause.NESTING): "carried by a group in a group",
    str(RootCause.TEMPLATE): "many hold the same, or the template is out of date",
    str(RootCause.PEOPLE): "given by hand, or not taken away",
}


def text(
    case: MockAudit | None,
    causes: tuple[CountedCause, ...],
    repeated: tuple[RepeatedFindings, ...],
    trainings: tuple[Training, ...],
    names: Mapping[str, str],
    now: datetime,
    *,
    width: int = 80,
) -> str:
    """Show the case, the causes, people and teams by ``names``, and their trainings, in lines of ``width`` columns."""
    lines = [
        *_case(case, names, now),
        *_causes(case, causes),
        *_repeated(repeated, trainings, names),
        *_trainings(trainings, names),
    ]
    return "\n".join(line if line.startswith("Next:") else wrapped(line, width, " " * 8) for line in lines)


def _case(case: MockAudit | None, names: Mapping[str, str], now: datetime) -> Iterator[str]:
    if case is None:
        yield "No mock audit was opened yet."
        yield "Next: access-review mock-audit open --by YOU --note WHY"
        yield ""
        return
    yield f"{case.opened.about}: {visible(case.opened.text('note'))}"
    taken = {one.text("step"): one for one in case.steps} | {str(MockStep.REVIEW): case.opened}
    for step in MockStep:
        said = taken.get(str(step))
        if said:
            owner = said.text("owner") or said.person
            yield f"  {step:<10} {day(said.at)}  {visible(names.get(owner, owner))}: {visible(said.text('note'))}"
        elif step is case.next_step:
            late = case.due is not None and case.due < now
            due = f"{'overdue since' if late else 'due by'} {_last(case.due)}: " if case.due else ""
            yield f"  {step:<10} next        {due}{_ASKS[step]}"
        else:
            yield f"  {step:<10} -           {_ASKS[step]}"
    if case.next_step:
        yield f"Next: access-review mock-audit step {case.next_step} --by YOU --note TEXT --owner WHO --next-by DAY"
    yield ""


def _last(end: datetime | None) -> str:
    """Write the last day before an end."""
    return day(end - timedelta(seconds=1) if end else None)


def _causes(case: MockAudit | None, causes: tuple[CountedCause, ...]) -> Iterator[str]:
    yield "Root causes, by the records" + (" (when it was opened → now)" if case else "")
    then = _counted(case.opened) if case else {}
    now = {str(one.cause): one for one in causes}
    for cause in sorted({*then, *now}, key=lambda one: (-(now[one].findings if one in now else 0), one)):
        one = now.get(cause)
        rules = f": {', '.join(_times(rule, n) for rule, n in _most_first(one))}" if one else ""
        before = f"{then.get(cause, 0):,} → " if case else ""
        means = f" ({_MEANS[cause]})" if cause in _MEANS else ""
        yield f"  {cause}{means}: {before}{one.findings if one else 0:,}{visible(rules)}"


def _times(rule: str, n: int) -> str:
    """Say how often; what was not read, or not evaluated, is once what it is."""
    return rule if " " in rule else f"{rule} {n}"


def _most_first(cause: CountedCause) -> list[tuple[str, int]]:
    return sorted(cause.rules.items(), key=lambda one: (-one[1], one[0]))


def _counted(opened: FollowUp) -> dict[str, int]:
    causes = opened.said.get("causes")
    return {name: n for name, n in causes.items() if isinstance(n, int)} if isinstance(causes, Mapping) else {}


def _repeated(
    repeated: tuple[RepeatedFindings, ...], trainings: tuple[Training, ...], names: Mapping[str, str]
) -> Iterator[str]:
    if not repeated:
        return
    known = by_person(trainings)
    yield ""
    yield "Repeated within the quarter"
    for one in repeated[:_MOST]:
        who = visible(names.get(one.person, one.person))
        whose = f"team of {who}, {count(one.people, 'person', 'people')}" if one.team else who
        counted = Counter(training.state for training in known.get(one.person, ()))
        follows = ", ".join(f"{n} {state}" for state, n in sorted(counted.items())) or "none assigned"
        yield f"  {whose}: {count(one.findings, 'finding')} of {one.rule}; training: {follows}"
    if len(repeated) > _MOST:
        yield f"  and {len(repeated) - _MOST} more (--json has all)"


def _trainings(trainings: tuple[Training, ...], names: Mapping[str, str]) -> Iterator[str]:
    if not trainings:
        return
    yield ""
    yield "Training"
    for one in sorted(trainings, key=lambda one: (not one.state.is_late, one.state is TrainingState.DONE)):
        due = f", due {_last(one.due)}" if one.due and one.state is not TrainingState.DONE else ""
        seen = f" [{visible(one.link)}]" if one.link else f" (by {visible(one.source)})" if one.source else ""
        yield f"  {one.state:<9} {visible(names.get(one.person, one.person))}: {visible(one.course)}{due}{seen}"


def value(
    case: MockAudit | None,
    causes: tuple[CountedCause, ...],
    repeated: tuple[RepeatedFindings, ...],
    trainings: tuple[Training, ...],
) -> JsonObject:
    """Return the mock audit for scripts."""
    return {
        "case": None
        if case is None
        else {
            "name": case.opened.about,
            "opened_at": case.opened.at.isoformat(),
            "by": case.opened.person,
            "next": str(case.next_step) if case.next_step else None,
            "due": case.due.isoformat() if case.due else None,
            "causes": _counted(case.opened),
            "steps": [{"at": one.at.isoformat(), "by": one.person, **one.said} for one in case.steps],
        },
        "causes": [{"cause": str(one.cause), "findings": one.findings, "rules": one.rules} for one in causes],
        "repeated": [
            {"person": one.person, "team": one.team, "rule": one.rule, "findings": one.findings, "people": one.people}
            for one in repeated
        ],
        "trainings": [
            {
                "person": one.person,
                "course": one.course,
                "due": one.due.isoformat() if one.due else None,
                "state": str(one.state),
                "link": one.link,
                "source": one.source,
            }
            for one in trainings
        ],
    }
