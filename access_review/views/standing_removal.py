"""What the standing removal announced, took and left, for the terminal, for scripts, and for managers and those who signed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypedDict

from access_review.audit.reviewers import People
from access_review.changes import Change
from access_review.plan.record import Plan
from access_review.plan.requested_changes import RemovalCandidates
from access_review.plan.withheld import WithheldCode
from access_review.revoke.apply import Applied
from access_review.revoke.signed_removal import TOLD_BEFORE
from access_review.revoke.states import CHANGED, ChangeStatus, State
from access_review.settings.standing import StandingRemoval
from access_review.views.text import count, moment, under_headings, visible


def removal_text(removal: StandingRemoval) -> str:
    """Say what is signed of a standing removal: all of it."""
    return "\n".join(
        (
            f"Standing removal: up to {count(removal.daily, 'change')} in any 24 hours, until {removal.until}",
            f"  For findings of {', '.join(removal.rules)}",
            "  Of these entitlements, each by itself:",
            *(f"  - {visible(str(one))}" for one in removal.entitlements),
            "  Single grants of people who work here go, 24 hours after their manager was told, unless somebody stops it;",
            "  nothing privileged or restricting, nothing without a tested line of the template, nothing of whoever signs it",
            f"  Told of what went: the manager, the two who signed{''.join(f', {visible(one)}' for one in removal.tell)}",
        )
    )


@dataclass(frozen=True, slots=True)
class RemovalSummary:
    """What people hear of one look, a line for each thing.

    ``of`` are the lines of what was done by the manager who was told before. ``undo_by`` is who asks for the plan that
    gives it back, in the run ``undo_run``; ``undo`` why there is none.
    """

    done: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    announced: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    stopped: str = ""
    run: str = ""
    passed_over: tuple[str, ...] = ()
    undo: str = ""
    undo_by: str = ""
    undo_run: str = ""
    of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def announcement_text(
    changes: Sequence[Change],
    reasons: Mapping[str, str],
    manager: str,
    people: People,
    now: datetime,
    pages: str = "",
) -> tuple[str, str]:
    """Return subject and text of what a manager is told a day before; ``pages`` is the address of the pages, where there are any."""
    whose = sorted({_name(one, people) for one in changes})
    subject = (
        f"Access ends in 24 hours unless you stop it: {', '.join(whose[:3])}{' and others' if len(whose) > 3 else ''}"
    )
    by = manager.rsplit(":", 1)[-1]
    lines = [f"From {moment(now + TOLD_BEFORE)} on this access ends by itself, under the standing removal:", ""]
    for change in changes:
        lines.append(f"- {_what(change, people)}")
        lines += [f"  Found: {reasons[one]}" for one in change.because if reasons.get(one)]
        lines.append(f'  To stop it: access-review stop {change.id} --by {by} --comment "why it stays"')
    if pages:
        lines += ["", f"You stop it in the browser, too: {pages}/removals"]
    lines += ["", "Where it may go, there is nothing to do. It can be given back afterwards, and you hear how."]
    return subject, "\n".join(map(visible, lines))


def of_plan(
    summary: RemovalSummary,
    plan: Plan,
    standings: Mapping[str, ChangeStatus],
    applied: Applied,
    people: People,
    managers: Mapping[str, str | None],
) -> RemovalSummary:
    """Return the summary with what came of a plan."""
    done, refused = [], []
    of: dict[str, list[str]] = {}
    for change in plan.changes:
        standing = standings.get(change.id, ChangeStatus())
        if standing.state in CHANGED | {State.ORDERED} and standing.state is not State.UNKNOWN:
            line = _what(change, people) + (": ordered, a person does it" if standing.state is State.ORDERED else "")
            done.append(line)
            of.setdefault(managers.get(change.id) or "", []).append(line)
        elif standing.state not in {State.ABSENT, State.SKIPPED}:
            refused.append(
                f"{_what(change, people)}: {standing.state}{f', {standing.reason}' if standing.reason else ''}"
            )
    refused += [
        f"{count(len(left.findings), 'finding')}: {left.reason}"
        for left in plan.to_person
        if not left.why or left.why.code is not WithheldCode.NOT_STANDING
    ]
    return replace(
        summary,
        done=tuple(done),
        refused=tuple(refused),
        stopped=applied.stopped,
        passed_over=applied.passed_over or summary.passed_over,
        of={manager: tuple(lines) for manager, lines in of.items() if manager},
    )


def with_look(
    summary: RemovalSummary,
    found: RemovalCandidates,
    announced: Sequence[Change],
    settled: Mapping[str, str],
    untold: Iterable[str],
    people: People,
) -> RemovalSummary:
    """Return the summary with what was announced, and with what is named and left to a person."""
    by_id = {one.id: one for one in found.changes}
    left = [f"{_what(by_id[name], people)}: {why}" for name, why in settled.items()]
    left += [f"{_what(by_id[name], people)}: no manager who could be told is known" for name in untold]
    for row, why in found.left:
        person = people.names.get(row["person"] or "", "") if "person" in row else ""
        left.append(f"{row['subject']}, {row['about']}{f' of {person}' if person else ''}: {why}")
    lines = tuple(f"{_what(one, people)}: {one.id}" for one in announced)
    return replace(summary, announced=lines, left=tuple(sorted(left)))


def _name(change: Change, people: People) -> str:
    return people.names.get(change.target.person or "", change.target.person_name or change.target.person or "")


def _what(change: Change, people: People) -> str:
    target = change.target
    thing, account = target.entitlement, target.account
    named = f"{thing.name if thing else ''} in {target.source} ({account.name if account else ''})"
    also = f"; {'; '.join(change.collateral)}" if change.collateral else ""
    return f"{_name(change, people)}: {named}{also}"


def notice(summary: RemovalSummary, mine: Sequence[str] | None = None) -> tuple[str, str]:
    """Return subject and text of a notice; with ``mine``, to the manager of those lines. Empty text where nothing is to be told."""
    lines = summary.done if mine is None else mine
    subject = f"Standing removal: {count(len(lines), 'change')} made"
    if mine is not None:
        told = replace(
            summary, done=tuple(mine), refused=(), unproven=(), passed_over=(), stopped="", announced=(), left=()
        )
        return subject, "\n".join(map(visible, _lines(told)))
    if summary.refused:
        subject += f", {len(summary.refused)} refused"
    if summary.stopped and not summary.done and not summary.run:
        subject = "Standing removal: nothing could be done"
    if not (summary.done or summary.refused or summary.unproven or summary.stopped):
        return subject, ""
    return subject, "\n".join(map(visible, _lines(replace(summary, announced=(), left=()))))


def _lines(summary: RemovalSummary) -> Iterator[str]:
    yield from under_headings(
        (
            ("Taken under the standing removal, to be proven by later reads:", summary.done),
            ("Refused or left to a person:", summary.refused),
            ("Told to managers now, to go in 24 hours unless they stop it:", summary.announced),
            ("Named by the standing removal, and not taken by it:", summary.left),
            ("Of earlier runs, not proven, given back or not to be done any more:", summary.unproven),
            ("Signatures that do not count any more; renew them before too few are left:", summary.passed_over),
        )
    )
    if summary.stopped:
        yield f"Stopped: {summary.stopped}"
        yield ""
    if summary.done and summary.undo_by:
        given = f"access-review --run {summary.undo_run}"
        yield f"What gives it back is prepared for a day: {summary.undo_by} asks for it, another person approves it"
        yield f"  {given} approve --of undo --request …, then approve --of undo …, then apply --of undo …"
    elif summary.done:
        yield f"What gives it back could not be prepared: {summary.undo}"
    if summary.done:
        yield f"To plan that anew: access-review --run {summary.run} undo --of removal --requested-by PERSON"


def text(summary: RemovalSummary, not_sent: Sequence[str]) -> str:
    """Say it in the terminal, and whom it did not reach."""
    lines = [visible(line) for line in _lines(summary)] or ["Under the standing removal nothing was to do."]
    return "\n".join((*lines, *(f"Not sent: {visible(why)}" for why in not_sent))).rstrip()


class RemovalValue(TypedDict):
    """What one look of the standing removal did: lines by what came of them, and the notices that were not sent."""

    run: str
    done: list[str]
    refused: list[str]
    announced: list[str]
    left: list[str]
    unproven: list[str]
    stopped: str
    undo_prepared: bool
    not_sent: list[str]


def value(summary: RemovalSummary, not_sent: Sequence[str]) -> RemovalValue:
    """Return it as JSON."""
    return {
        "run": summary.run,
        "done": list(summary.done),
        "refused": list(summary.refused),
        "announced": list(summary.announced),
        "left": list(summary.left),
        "unproven": list(summary.unproven),
        "stopped": summary.stopped,
        "undo_prepared": bool(summary.undo_by),
        "not_sent": list(not_sent),
    }
