"""What an unattended run did and refused, for the terminal, for scripts and for those who must hear of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict

from access_review.changes import Change
from access_review.plan.record import Plan
from access_review.policy import StandingApproval
from access_review.revoke.apply import Applied
from access_review.revoke.states import CHANGED, ChangeStatus, State
from access_review.revoke.verify import Verified
from access_review.tables import Row
from access_review.views.plan_files import WORDS
from access_review.views.text import count, moment, under_headings, visible


def declared_text(standing: StandingApproval) -> str:
    """Say what is signed of a standing approval: all of it."""
    return "\n".join(
        (
            f"Standing approval: for leavers, up to {count(standing.daily, 'change')} in any 24 hours, until {standing.until}",
            "  Accounts are disabled and sessions revoked; nothing else is covered, and nothing of whoever signs it",
            f"  Told of each run: the two who signed{''.join(f', {visible(one)}' for one in standing.tell)}",
        )
    )


UNSIGNED = "roles/approvers.yaml enrols no key of the job (job: standing), so nobody signed that this was carried out"


@dataclass(frozen=True, slots=True)
class StandingSummary:
    """What people hear, a line for each thing: done, refused or left, not proven of earlier runs, and what stopped it.

    ``unsigned`` where the job has no key that says that it carried this out.
    """

    done: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    stopped: str = ""
    run: str = ""
    passed_over: tuple[str, ...] = ()
    unsigned: bool = False


_LEFT_ALONE = frozenset({State.ABSENT, State.SKIPPED})


def summarise(
    plan: Plan,
    standings: Mapping[str, ChangeStatus],
    findings: Mapping[str, Row],
    applied: Applied,
    unproven: tuple[str, ...],
) -> StandingSummary:
    """Put into words what came of a plan; ``findings`` are those of its run, by id."""
    done, refused = [], []
    for change in plan.changes:
        standing = standings.get(change.id, ChangeStatus())
        if standing.state in CHANGED | {State.ORDERED} and standing.state is not State.UNKNOWN:
            ordered = ": ordered, a person does it" if standing.state is State.ORDERED else ""
            done.append(what(change) + ordered)
        elif standing.state not in _LEFT_ALONE:
            refused.append(f"{what(change)}: {standing.state}{f', {standing.reason}' if standing.reason else ''}")
    for left in plan.to_person:
        refused += [f"{_whose(findings.get(finding), finding)}: {left.reason}" for finding in left.findings]
    return StandingSummary(
        tuple(done), tuple(sorted(refused)), unproven, applied.stopped, plan.run, applied.passed_over
    )


def what(change: Change) -> str:
    """Say what a change does to whom."""
    target = change.target
    thing = target.account or target.child
    whose = f" of {target.person_name}" if target.person_name else ""
    words = target.manual or f"{WORDS[change.action]}: {thing.name if thing else ''} in {target.source}"
    return f"{words}{whose}"


def left_by(verified: Verified) -> str:
    """Say how a change of an earlier run stands that is not proven."""
    if verified.state is State.ORDERED:
        return f"ordered at {moment(verified.at)}, and no read shows it done"
    if verified.state is State.SKIPPED:
        return f"not to be done any more: {verified.reason}; where it was done already, give it back"
    return verified.reason or str(verified.state)


def _whose(finding: Row | None, name: str) -> str:
    if finding is None:
        return name
    person = f" ({finding['person_name']})" if finding["person_name"] else ""
    return f"{finding['subject_name'] or finding['subject']} in {finding['source']}{person}"


def notice(summary: StandingSummary) -> tuple[str, str]:
    """Return subject and text of a notice; an empty text when there is nothing to tell."""
    subject = f"Standing approval: {count(len(summary.done), 'change')} made, {len(summary.refused)} refused or left"
    if summary.stopped and not summary.done and not summary.run:
        subject = "Standing approval: nothing could be done"
    return subject, "\n".join(map(visible, _lines(summary)))


def not_heard_of(said: str) -> tuple[str, str]:
    """Return subject and text of the notice that an unattended run was not heard of for a day."""
    text = f"{said}\n\nTo do: look whether what starts it still does (systemctl list-timers), and what its last run said.\n"
    return "Standing approval: the unattended job was not heard of", "\n".join(map(visible, text.split("\n")))


def ends_soon(said: str) -> tuple[str, str]:
    """Return subject and text of the notice that what two people signed for unattended runs ends."""
    text = f"{said}\n\nTo do: set a later day under until in roles/policy.yaml, and let two people sign it anew: runbooks/leaver-now.md.\n"
    return "Standing approval: it ends soon", "\n".join(map(visible, text.split("\n")))


def _lines(summary: StandingSummary) -> Iterator[str]:
    yield from under_headings(
        (
            ("Done now, to be proven by later reads:", summary.done),
            ("Refused or left to a person:", summary.refused),
            ("Of earlier runs, not proven, given back or not to be done any more:", summary.unproven),
            ("Signatures that do not count any more; renew them before too few are left:", summary.passed_over),
        )
    )
    if summary.stopped:
        yield f"Stopped: {summary.stopped}"
        yield ""
    if summary.done and summary.unsigned:
        yield f"Unsigned: {UNSIGNED}"
        yield ""
    if summary.done:
        yield f"To give it back: access-review --run {summary.run} undo --of standing"


def text(summary: StandingSummary, not_sent: tuple[str, ...]) -> str:
    """Say the same in the terminal, and whom it did not reach."""
    lines = [visible(line) for line in _lines(summary)] or ["Nothing was to do."]
    return "\n".join((*lines, *(f"Not sent: {visible(why)}" for why in not_sent))).rstrip()


class StandingValue(TypedDict):
    """What a standing approval did: ids of changes by what came of them, and the notices that were not sent."""

    run: str
    plan: str
    states: dict[str, str]
    calls: int
    done: list[str]
    refused: list[str]
    unproven: list[str]
    stopped: str
    signed: bool
    not_sent: list[str]


def value(plan: Plan, applied: Applied, summary: StandingSummary, not_sent: tuple[str, ...]) -> StandingValue:
    """Return it as JSON."""
    return {
        "run": plan.run,
        "plan": plan.digest,
        "states": {name: str(state) for name, state in sorted(applied.states.items())},
        "calls": applied.calls,
        "done": list(summary.done),
        "refused": list(summary.refused),
        "unproven": list(summary.unproven),
        "stopped": summary.stopped,
        "signed": not summary.unsigned,
        "not_sent": list(not_sent),
    }
