"""A plan in short, for the terminal."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from access_review.changes import Action
from access_review.plan.limits import WOUND_DOWN
from access_review.plan.record import Plan
from access_review.plan.withheld import UNDECIDED, WithheldCode
from access_review.revoke.approve import approvals_needed
from access_review.settings import WindDown
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


def text(plan: Plan, files: Sequence[str]) -> str:
    """Say how many changes of which kind, what is left to a person, what proves it, and where the files are."""
    return "\n".join(_lines(plan, files))


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


def _lines(plan: Plan, files: Sequence[str]) -> Iterator[str]:
    yield f"{count(len(plan.changes), 'change')} in {count(len(plan.batches), 'batch', 'batches')}; nothing is changed yet."
    kinds = Counter((one.action, one.target.source) for one in plan.changes)
    if kinds:
        yield ""
        rows = [
            (_WORDS[action], visible(source), f"{n:,}") for (action, source), n in sorted(kinds.items(), key=_by_rank)
        ]
        yield table(("change", "in", "how many"), rows, numbers=(2,))
    yield ""
    yield from _left(plan)
    yield ""
    yield _proof(plan)
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


def _left(plan: Plan) -> Iterator[str]:
    """Say why how many findings are left to a person: what is protected first, rules that never plan in one line."""
    undecided: Counter[str] = Counter()
    others: Counter[tuple[bool, str]] = Counter()
    for left in plan.to_person:
        if left.why and left.why.code is WithheldCode.UNDECIDED:
            undecided[dict(left.why.facts)["rule"]] += len(left.findings)
        else:
            others[bool(left.why and left.why.protected), left.reason] += len(left.findings)
    total = undecided.total() + others.total()
    yield f"Left to a person: {count(total, 'change' if plan.gives_back else 'finding')}"
    for (_, reason), number in sorted(others.items(), key=lambda item: (not item[0][0], -item[1], item[0][1])):
        yield f"  {number:>4}  {visible(reason)}"
    if undecided:
        yield f"  {undecided.total():>4}  {UNDECIDED}:"
        ordered = sorted(undecided.items(), key=lambda item: (-item[1], f"{item[0]}:"))
        listed = ", ".join(f"{visible(rule)}\N{NO-BREAK SPACE}{n}" for rule, n in ordered)
        yield textwrap.fill(listed, 100, initial_indent=" " * 8, subsequent_indent=" " * 8, break_on_hyphens=False)


def _by_rank(item: tuple[tuple[Action, str], int]) -> tuple[int, str]:
    (action, source), _ = item
    return action.rank, source
