"""Where a person stands, from all the rows that a roster has about them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from access_review.connectors.tabular.instants import UNKNOWN, Bounds, last


@dataclass(frozen=True, slots=True)
class Spell:
    """One row about one person. ``word`` is its status in our words; ``faults`` are the cells that cannot be used."""

    line: int
    native: str | None
    word: str | None = None
    starts: Bounds = UNKNOWN
    ends: Bounds = UNKNOWN
    name: str | None = None
    mail: str | None = None
    kind: str = "employee"
    client: str | None = None
    role: str | None = None
    attributes: str | None = None
    manager: str | None = None
    sponsor: str | None = None
    purpose: str | None = None
    data_class: str | None = None
    notified_at: datetime | None = None
    approved_until: datetime | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonStatus:
    """A person's status now, when they left or will leave, and the row that describes them best."""

    status: str
    left_at: Bounds
    main: Spell


def spell_status(spell: Spell, at: datetime) -> str:
    """Return the status of one spell: active, leave, left, or unknown when its row cannot be used.

    A termination that has not certainly come is not yet one, whatever the word.
    A spell that has not begun is active, with its start in the future: someone is coming.
    """
    if spell.faults:
        return "unknown"
    if overdue(spell, at):
        return str(spell.word)
    if spell.ends.known:
        ended = spell.ends.past(at)
        return "left" if ended else "leave" if spell.word == "leave" else "active"
    return spell.word or "active"


def overdue(spell: Spell, at: datetime) -> bool:
    """Tell whether someone is said to be active, or on leave, though the last day has passed.

    A contract that ran on or a word that was not changed: nobody is taken for a leaver
    on it, and ``contract-ended`` asks a person.
    """
    return spell.word in ("active", "leave") and spell.ends.past(at)


def contradictions(spells: Sequence[Spell], at: datetime) -> dict[int, str]:
    """Say, by line, which rows of one person contradict each other, or the moment: one spell both going on and ended."""
    found = {
        spell.line: "it has ended, and begins only later"
        for spell in spells
        if spell.word == "left" and not spell.ends.known and spell.starts.earliest and spell.starts.earliest > at
    }
    same: dict[Bounds, list[Spell]] = defaultdict(list)
    for spell in spells:
        same[spell.starts].append(spell)
    for rivals in same.values():
        states = {spell_status(spell, at) for spell in rivals}
        if "left" in states and states & {"active", "leave"}:
            lines = ", ".join(str(spell.line) for spell in rivals)
            found |= {spell.line: f"the same spell goes on and has ended (lines {lines})" for spell in rivals}
    return found


def person_status(spells: Sequence[Spell], at: datetime, *, unsure: bool) -> PersonStatus:
    """Sum up a person: any spell that goes on counts before leave, and all must have ended to have left.

    ``left_at`` is the last end, and unknown while one spell has no end.
    ``unsure`` is a person with a row in quarantine: nothing is concluded.
    """
    states = {spell_status(spell, at) for spell in spells}
    main = max(spells, key=lambda s: (spell_status(s, at) in ("active", "leave"), *order_key(s)))
    if unsure or "unknown" in states:
        return PersonStatus("unknown", UNKNOWN, main)
    now = next(state for state in ("active", "leave", "left") if state in states)
    ends = UNKNOWN if any(overdue(spell, at) for spell in spells) else last(spell.ends for spell in spells)
    return PersonStatus(now, ends, main)


def order_key(spell: Spell) -> tuple[object, ...]:
    """Return the place of a spell among others: by start, then by end (none is last), then by what it says.

    Its line comes last, so that rows in another order give the same result.
    """
    starts, ends = spell.starts.earliest, spell.ends.latest
    return (
        starts.isoformat() if starts else "",
        ends.isoformat() if ends else "~",
        *(text or "" for text in (spell.client, spell.role, spell.attributes, spell.word, spell.kind)),
        *(text or "" for text in (spell.name, spell.mail, spell.manager)),
        spell.faults,
        spell.line,
    )


def in_order(spells: Iterable[Spell]) -> list[Spell]:
    """Return spells in the order of their ``seq``."""
    return sorted(spells, key=order_key)
