"""A plan for the terminal, as much of it as fits or all."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from access_review.changes import Action
from access_review.plan.limits import WOUND_DOWN
from access_review.plan.record import Plan
from access_review.revoke.approve import approvals_needed
from access_review.settings import WindDown
from access_review.tables import Row
from access_review.views import plan_changes, plan_left
from access_review.views.plan_changes import Screen
from access_review.views.terminal import table
from access_review.views.text import count, moment, visible

_WORDS = {
    Action.DISABLE_ACCOUNT: "disable the account",
    Action.REVOKE_SESSIONS: "revoke sessions",
    Action.REMOVE_MEMBER: "remove from a group",
    Action.REMOVE_ROLE_ASSIGNMENT: "remove a directory role",
    Action.END_PIM: "end a PIM assignment",
    Action.REMOVE_APPROLE: "remove an app role",
    Action.REMOVE_CONSENT: "remove a consent",
    Action.CUT_NESTING: "cut a nesting",
    Action.MANUAL: "by hand (work order)",
    Action.ENABLE_ACCOUNT: "enable the account again",
    Action.ADD_MEMBER: "add to a group again",
    Action.ADD_ROLE_ASSIGNMENT: "assign a directory role again",
    Action.ADD_PIM: "make a PIM assignment again",
    Action.ADD_APPROLE: "assign an app role again",
    Action.ADD_CONSENT: "give a consent again",
    Action.ADD_NESTING: "nest a group again",
}

_KINDS = 8
"""Lines of totals in short."""

_FEW = 100
"""Changes and findings left of which each change is shown."""

_MOST = 44
"""Lines that changes, what is left and totals take in short: with the rest of it a plan is below 60."""


def text(
    plan: Plan,
    files: Sequence[str],
    *,
    found: Mapping[str, Row] | None = None,
    screen: Screen = Screen(),  # noqa: B008 - frozen
    judged: str = "",
) -> str:
    """Show each change and what is left to a person, then the totals, what proves it, and where the files are.

    ``found`` are findings by id, to say who is left to a person; ``judged`` how much of what people hold was judged.
    """
    return "\n".join(_lines(plan, files, found or {}, screen, judged))


def wind_down(name: str, declared: WindDown) -> str:
    """Say what is signed of a wind-down."""
    people = count(declared.expected, "person", "people")
    return "\n".join(
        (
            f"Wind-down {visible(name)}: {visible(declared.of)}",
            f"  {people} may lose access by it, from {declared.since} to {declared.until}, in place of the limits",
            f"  Why: {visible(declared.reason)}",
            "  Never: who also belongs elsewhere, and who holds anything privileged",
        )
    )


def _lines(plan: Plan, files: Sequence[str], found: Mapping[str, Row], screen: Screen, judged: str) -> Iterator[str]:
    batches = count(len(plan.batches), "batch", "batches")
    yield screen.strong(f"{count(len(plan.changes), 'change')} in {batches}; nothing is changed yet.")
    left, totals = [*plan_left.lines(plan, found, screen)], [*_totals(plan, screen)]
    totals += textwrap.wrap(judged, screen.width, break_on_hyphens=False)
    if plan.changes:
        yield ""
        yield from plan_changes.lines(plan.changes, screen, _room(plan, len(left) + len(totals)))
    yield ""
    yield from left
    yield ""
    yield from totals
    if not plan.changes:
        yield "Nothing is planned, so there is nothing to prove, to approve or to carry out."
        return
    yield from textwrap.wrap(_proof(plan), screen.width, break_on_hyphens=False)
    yield f"Digest to approve: {plan.digest}"
    if plan.limits.raised:
        yield f"Limits raised, so {approvals_needed(plan)} people must approve it: {visible(plan.limits.raised_because)}"
    if name := plan.scope.wind_down:
        people = next((one for one in plan.limits.counts if one.where == name and one.what == WOUND_DOWN), None)
        number = f"{people.changed + people.taken} of {people.allowed} people" if people else "no people"
        yield f"Under the wind-down {visible(name)}, in place of the limits: {number}"
    since = f"from {moment(plan.valid_from)} " if plan.valid_from else ""
    yield f"Valid {since}until {moment(plan.expires_at)}"
    yield ""
    yield from (f"  {name}" for name in files)


def _room(plan: Plan, taken: int) -> int:
    """Return how many lines the changes may take: of a small plan each is shown."""
    few = len(plan.changes) + sum(len(left.findings) for left in plan.to_person) <= _FEW
    return max(_MOST - taken, _FEW if few else 0)


def _totals(plan: Plan, screen: Screen) -> Iterator[str]:
    """Say how many changes of which kind there are in which system, and for how many people."""
    kinds = Counter((one.action, one.target.source) for one in plan.changes)
    if not kinds:
        return
    ordered = sorted(kinds.items(), key=_by_rank)
    shown = ordered if screen.whole or len(ordered) <= _KINDS else ordered[: _KINDS - 1]
    rows = [(_WORDS[action], visible(source), f"{n:,}") for (action, source), n in shown]
    if more := sum(n for _, n in ordered[len(shown) :]):
        rows.append(("others", "", f"{more:,}"))
    people = len({one.target.person for one in plan.changes if one.target.person})
    about = f", for {count(people, 'person', 'people')}" if people else ""
    yield table(("change", "in", "how many"), rows, numbers=(2,))
    yield ""
    yield screen.strong(f"Plan: {_signs(plan)}{about}.")


def _signs(plan: Plan) -> str:
    signs = Counter(plan_changes.sign(one) for one in plan.changes)
    words = {"-": "to take away", "!": "by hand", "+": "to give back"}
    return ", ".join(f"{signs[sign]:,} {said}" for sign, said in words.items() if signs[sign])


def _proof(plan: Plan) -> str:
    proof = plan.proof
    if plan.gives_back:
        return (
            "Proof: reviewed again with it given back, nothing is found that was not known before the batch "
            f"({count(proof.appeared, 'finding')} again); {proof.ended_besides} are gone"
        )
    return (
        f"Proof: reviewed again with the plan carried out, {count(proof.ended, 'finding')} asked for are gone and "
        f"{proof.ended_besides} besides; {proof.appeared} appear, {proof.expected_lost} expected grants are lost"
    )


def _by_rank(item: tuple[tuple[Action, str], int]) -> tuple[int, str]:
    (action, source), _ = item
    return action.rank, source
