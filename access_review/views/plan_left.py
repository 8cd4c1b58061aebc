"""What a plan leaves to a person, for the terminal: what kind of reason, how many, about whom, which setting helps."""

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from access_review.plan.record import Plan
from access_review.plan.withheld import UNDECIDED, ToPerson, Withheld, WithheldCode, recognised
from access_review.tables import Row
from access_review.views.plan_changes import Screen
from access_review.views.text import count, listed, visible

MOST = 20
"""Lines that what is left takes in short."""

_PEOPLE, _THINGS = 3, 3

_MANY = {
    WithheldCode.ID_MAY_CHANGE: "{n} ids may change: nothing is planned on them",
    WithheldCode.LAST_HOLDERS: "protected: {n} things would have too few usable holders left",
    WithheldCode.PROTECTED_BY_SOURCE: "protected: their sources say so",
    WithheldCode.PROTECTED_IN_POLICY: "protected: roles/policy.yaml names {n} of what they are or lead to",
    WithheldCode.OPERATOR: "protected: operators', or of whoever asks for this plan",
    WithheldCode.INCOMPLETE: "withheld: {n} sources or groups were not read whole",
    WithheldCode.NOT_CHECKED: "withheld: not checked in this run",
    WithheldCode.MASTERED_ELSEWHERE: "{n} follow a grant in another system: they are taken away there",
    WithheldCode.ORIGIN_DISABLED: "the accounts that {n} are synced from are disabled already",
    WithheldCode.OTHERS_DEPEND: "accounts that others may depend on: shared, service, computers",
    WithheldCode.QUARANTINED: "quarantined: the sources contradict each other about {n} accounts",
    WithheldCode.OWNER_UNKNOWN: "nobody is known to own them",
    WithheldCode.OWNER_GUESSED: "who owns them is a guess",
    WithheldCode.OWNER_DOUBTFUL: "it is in doubt whose {n} accounts are",
    WithheldCode.STATUS_UNCERTAIN: "the people are on leave, missing or unknown: missing is not terminated",
    WithheldCode.PARTLY_EXPECTED: "part of what {n} things give is expected",
    WithheldCode.CARRIES_LICENCE: "{n} groups carry a licence: mailbox and files may go with them",
    WithheldCode.NOT_REMOVABLE: "cannot be taken away where they were read, for {n} reasons",
    WithheldCode.NO_ACTION: "held in {n} ways that have no action of their own",
    WithheldCode.NESTING_NOT_REMOVABLE: "nestings that cannot be cut",
    WithheldCode.NESTING_IS_NO_MEMBERSHIP: "nestings that are no membership",
    WithheldCode.LOSS_OWNER_UNCERTAIN: "others would lose {n} things, and who owns their accounts is not certain",
    WithheldCode.LOSS_STATUS_UNCERTAIN: "others would lose {n} things, and whether they still work here is not certain",
    WithheldCode.LOSS_EXPECTED: "others would lose {n} things that are expected",
    WithheldCode.LOSS_OF_EFFECT: "others would leave {n} groups that do more than grant",
    WithheldCode.LOSS_OF_LICENCE: "others would lose {n} licences",
    WithheldCode.GROUP_LIMIT: "with the rest of the plan {n} groups would lose more members than the limit allows",
    WithheldCode.PROOF_FINDS: "the proof fails: something would still or newly be found",
    WithheldCode.PROOF_LOSES: "the proof fails: {n} things that are expected would be lost",
    WithheldCode.NOT_GIVEN_BACK: "not given back, for {n} reasons",
    WithheldCode.NOT_WOUND_DOWN: "the wind-down does not cover them",
    WithheldCode.NOT_STANDING: "the standing removal does not cover them, for {n} reasons",
}
"""What is said of several reasons of one kind; ``n`` is how many different things they name."""

_HELP = {
    WithheldCode.LAST_HOLDERS: "protect: last_holders in roles/policy.yaml, or name a successor first",
    WithheldCode.PROTECTED_IN_POLICY: "protect: in roles/policy.yaml",
    WithheldCode.OPERATOR: "protect: operators in roles/policy.yaml; somebody else asks with --requested-by",
    WithheldCode.ID_MAY_CHANGE: "stable_id: true in {sources}, where no id is ever given to another",
    WithheldCode.INCOMPLETE: "let the source be read whole: access-review check says what is missing",
    WithheldCode.OWNER_UNKNOWN: "match: in {sources}, or the employee id in the account",
    WithheldCode.OWNER_GUESSED: "a rung of match: in {sources} that is not certain: false",
    WithheldCode.OWNER_DOUBTFUL: "the employee id in the account; the roster",
    WithheldCode.STATUS_UNCERTAIN: "statuses: of the roster, when HR has answered",
    WithheldCode.ENABLED_UNKNOWN: "a column for enabled in {sources}",
    WithheldCode.NOT_OVER_YET: "left_at_means of the roster; or plan for them with --ahead",
    WithheldCode.PARTLY_EXPECTED: "may: of the role template",
    WithheldCode.ROLES_UNKNOWN: "a role template whose who: fits them",
    WithheldCode.EFFECT_UNKNOWN: "effect: in {sources}",
    WithheldCode.GROUP_LIMIT: "limits: group in roles/policy.yaml",
    WithheldCode.PROOF_LOSES: "may: or must: of the role template",
    WithheldCode.LOSS_EXPECTED: "may: or must: of the role template",
}
"""Which setting helps; ``sources`` are the files of the sources it is about."""


@dataclass(slots=True)
class _Kind:
    """What is left for reasons of one kind."""

    protected: bool
    sentences: dict[str, int] = field(default_factory=dict)
    things: set[str] = field(default_factory=set)
    findings: list[str] = field(default_factory=list)
    ways: list[tuple[str, ...]] = field(default_factory=list)


def lines(plan: Plan, found: Mapping[str, Row], screen: Screen) -> Iterator[str]:
    """Yield how much is left and about how many, then each kind of reason: protections first, then the most."""
    total = sum(len(left.findings) for left in plan.to_person)
    people = len({_who(found[name]) for left in plan.to_person for name in left.findings if name in found})
    about = f" about {count(people, 'person', 'people')}" if people else ""
    yield screen.strong(f"Left to a person: {count(total, 'change' if plan.gives_back else 'finding')}{about}")
    kinds, undecided = _kinds(plan.to_person)
    listed_rules = _undecided(undecided, screen)
    room, behind = MOST - len(listed_rules), 0
    for code, kind in sorted(kinds.items(), key=lambda item: (not item[1].protected, -len(item[1].findings), item[0])):
        drawn = [*_kind(code, kind, found, screen)]
        if not screen.whole and room <= 2 < len(drawn):
            behind += len(kind.findings)
            continue
        room -= len(drawn)
        yield from drawn
    if behind:
        yield f"  {behind:>6,}  for other reasons: --all shows each"
    yield from listed_rules


def _undecided(rules: Counter[str], screen: Screen) -> list[str]:
    if not rules:
        return []
    ordered = sorted(rules.items(), key=lambda item: (-item[1], f"{item[0]}:"))
    shown = ", ".join(f"{visible(rule)}\N{NO-BREAK SPACE}{n:,}" for rule, n in ordered)
    return [f"  {rules.total():>6,}  {UNDECIDED}:", *_wrapped(shown, screen)]


def _kinds(left: Sequence[ToPerson]) -> tuple[dict[str, _Kind], Counter[str]]:
    """Put reasons of one kind together, and count what no rule ever plans by rule."""
    kinds: dict[str, _Kind] = {}
    undecided: Counter[str] = Counter()
    for one in left:
        why = one.why or recognised(one.reason)
        if why and why.code is WithheldCode.UNDECIDED:
            undecided[dict(why.facts)["rule"]] += len(one.findings)
            continue
        kind = kinds.setdefault(why.code if why else one.reason, _Kind(bool(why and why.protected)))
        kind.sentences[one.reason] = kind.sentences.get(one.reason, 0) + len(one.findings)
        kind.things.add(_thing(why, one))
        kind.findings += one.findings
        kind.ways.append(one.ways_out)
    return kinds, undecided


def _thing(why: Withheld | None, one: ToPerson) -> str:
    facts = dict(why.facts) if why else {}
    return (why.about if why else "") or facts.get("name") or facts.get("detail") or facts.get("via") or one.reason


def _kind(code: str, kind: _Kind, found: Mapping[str, Row], screen: Screen) -> Iterator[str]:
    said = next(iter(kind.sentences))
    if len(kind.sentences) > 1 and code in _MANY:
        said = _MANY[WithheldCode(code)].format(n=f"{len(kind.things):,}")
    elif len(kind.sentences) > 1:
        said = f"{said}, and {count(len(kind.sentences) - 1, 'reason')} like it"
    number = f"  {len(kind.findings):>6,}  "
    first, *rest = textwrap.wrap(visible(said), screen.width - len(number), break_on_hyphens=False)
    yield number + first
    yield from (" " * len(number) + line for line in rest)
    if screen.whole and len(kind.sentences) > 1:
        for sentence, n in sorted(kind.sentences.items(), key=lambda item: (-item[1], item[0])):
            yield from _wrapped(f"{n:,} × {visible(sentence)}", screen)
    if who := _whom(kind.findings, found, screen):
        yield from _wrapped(f"who: {who}", screen)
    if code in _HELP:
        setting = _HELP[WithheldCode(code)].format(sources=_sources(kind.findings, found))
        yield from _wrapped(f"setting: {setting}", screen)
    for ways in dict.fromkeys(kind.ways) if screen.whole or len(set(kind.ways)) == 1 else ():
        if ways:
            yield from _wrapped(f"or: {'; '.join(map(visible, ways))}", screen)


def _whom(names: Sequence[str], found: Mapping[str, Row], screen: Screen) -> str:
    """Name who it is about, and what of theirs; those with most first."""
    of: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if row := found.get(name):
            of[_who(row)].append(row["about_name"] or row["subject_name"] or row["subject"])
    ordered = sorted(of.items(), key=lambda item: (-len(item[1]), item[0]))
    most = len(ordered) if screen.whole else _PEOPLE
    shown = ", ".join(_whose(who, what, screen) for who, what in ordered[:most])
    return shown + (f" and {count(len(ordered) - most, 'other')}" if len(ordered) > most else "")


def _whose(who: str, what: Sequence[str], screen: Screen) -> str:
    things = sorted({one for one in what if one != who})
    return visible(who) + (f" ({listed(things, len(things) if screen.whole else _THINGS)})" if things else "")


def _who(row: Row) -> str:
    return str(row["person_name"] or row["person"] or row["subject_name"] or row["subject"])


def _sources(names: Sequence[str], found: Mapping[str, Row]) -> str:
    """Name the files of the sources that findings are about."""
    ids = {row["about"] or row["subject"] for row in map(found.get, names) if row}
    files = [f"sources/{source}.yaml" for source in sorted({one.split(":", 1)[0] for one in ids if ":" in one})]
    return listed(files, 3) or "the file of its source"


def _wrapped(text: str, screen: Screen) -> list[str]:
    return textwrap.wrap(
        text, screen.width, initial_indent=" " * 10, subsequent_indent=" " * 12, break_on_hyphens=False
    )
