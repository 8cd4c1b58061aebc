"""What changed between two runs, for the terminal, the report and as JSON: the same lines, what matters most first."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from access_review.explain.changed_access import AccessChange, AccessChangeKind, ChangedAccess
from access_review.model import JsonObject
from access_review.views.terminal import wrapped
from access_review.views.text import count, day, last_day, listed, local, visible

FORMAT = "access-review/changes@1"

_MOST = 20
_NAMED = 5

_HEADINGS = {
    AccessChangeKind.GRANTED: "Granted",
    AccessChangeKind.TAKEN: "Taken",
    AccessChangeKind.NESTED: "Nested",
    AccessChangeKind.UNNESTED: "Nested no more",
    AccessChangeKind.JOINED: "Joined",
    AccessChangeKind.LEFT: "Left",
    AccessChangeKind.VANISHED: "Gone from the roster without a termination",
}

_NOT_AUTHORISED = {
    "no-ticket": "no ticket",
    "unapproved": "a ticket that nobody approved",
    "self-approved": "a ticket approved by whoever it is for",
    "refused": "a refused ticket",
    "ended": "a ticket that has ended",
    "not-yet": "a ticket that has not begun",
}


@dataclass(frozen=True, slots=True)
class ChangedNote:
    """What is to be known of a change beside it; ``wrong`` where somebody should look at it."""

    said: str
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """One line: the thing (empty where the line is about people alone), whom it concerns, and what is to be known of it."""

    what: str
    who: str
    notes: tuple[ChangedNote, ...] = ()
    by: str = ""
    """Who did it, where that is known."""

    def __str__(self) -> str:
        """Return the line as the terminal has it."""
        notes = f"; {', '.join(note.said for note in self.notes)}" if self.notes else ""
        return (
            f"{self.what}{': ' if self.what and self.who else ''}{self.who}{notes}{f'; {self.by}' if self.by else ''}"
        )


@dataclass(frozen=True, slots=True)
class ChangedSection:
    """One kind of change: its heading with the number, its lines, and how many lines more there are."""

    heading: str
    lines: tuple[ChangedLine, ...]
    more: int


def value(changed: ChangedAccess) -> JsonObject:
    """Return every change, as JSON."""
    return {
        "format": FORMAT,
        "since": changed.since,
        "since_at": changed.since_at.isoformat(),
        "at": changed.at.isoformat(),
        "counts": {str(kind): len(changed.of(kind)) for kind in AccessChangeKind},
        "changes": [{**asdict(one), "at": one.at.isoformat() if one.at else None} for one in changed.changes],
        "unseen": dict(changed.unseen),
        "tickets": changed.tickets,
        "unclear_tickets": list(changed.unclear),
        "unmatched_ticket_lines": changed.unmatched,
        "unread_tickets": dict(changed.unread),
    }


def text(changed: ChangedAccess, width: int = 100, zone: str = "", clock: str = "") -> str:
    """Say what changed, a line a thing and kind of change, in lines of ``width`` columns: nothing is cut.

    Days are those of the people in ``zone``, moments are told by the ``clock`` of who reads; of UTC where there is none.
    """
    return "\n".join(wrapped(line, width, "    ") for line in _text(changed, zone, clock))


def _text(changed: ChangedAccess, zone: str, clock: str) -> Iterator[str]:
    yield heading(changed, zone=clock)
    for section in sections(changed, zone=zone):
        yield ""
        yield section.heading
        yield from (f"  {line}" for line in section.lines)
        if section.more:
            yield f"  and {count(section.more, 'line')} more: access-review changes --json"
    if remarks_of := remarks(changed):
        yield ""
        yield from remarks_of


def heading(changed: ChangedAccess, *, run: bool = True, zone: str = "") -> str:
    """Say between which moments, and how much of each kind; ``run`` names the run before, too."""
    parts = [f"{len(changed.of(kind)):,} {kind}" for kind in AccessChangeKind if changed.of(kind)]
    said = ", ".join(parts) if parts else "nothing changed that the sources show"
    named = f" (run {changed.since})" if run else ""
    return f"Since {local(changed.since_at, zone)}{named}: {said}."


def remarks(changed: ChangedAccess) -> list[str]:
    """Say what cannot be told, and why."""
    said = [
        f"What changed in {visible(source)} cannot be told: {visible(reason)}."
        for source, reason in changed.unseen.items()
    ]
    if not changed.tickets:
        said.append("No tickets are loaded: which request authorised a grant is not known (runbooks/connect-table.md).")
    said += [
        f"Tickets of {visible(source)} were not read whole ({visible(reason)}): what none of the others authorises may be by these."
        for source, reason in changed.unread.items()
    ]
    if changed.unclear:
        several = count(len(changed.unclear), "ticket")
        said.append(
            f"{several} may mean several people or things, or cannot be read, and count neither way: "
            f"{listed([visible(one) for one in changed.unclear], _NAMED)}."
        )
    if changed.unmatched:
        said.append(
            f"{count(changed.unmatched, 'line')} of tickets {'names' if changed.unmatched == 1 else 'name'} nobody, or "
            "nothing, that the sources have: nothing is concluded from them."
        )
    said.append("What was given and taken again in between is not seen.")
    return said


def sections(changed: ChangedAccess, most: int = _MOST, zone: str = "") -> list[ChangedSection]:
    """Return each kind of change that there is, with at most so many lines."""
    return [_section(kind, changed.of(kind), most, zone) for kind in AccessChangeKind if changed.of(kind)]


def _section(kind: AccessChangeKind, changes: Sequence[AccessChange], most: int, zone: str) -> ChangedSection:
    lines = [*_lines(kind, changes, zone)]
    return ChangedSection(f"{_HEADINGS[kind]} ({len(changes):,})", tuple(lines[:most]), max(0, len(lines) - most))


def _lines(kind: AccessChangeKind, changes: Sequence[AccessChange], zone: str) -> Iterator[ChangedLine]:
    match kind:
        case AccessChangeKind.GRANTED | AccessChangeKind.TAKEN:
            yield from (_held(one) for one in _groups(changes))
        case AccessChangeKind.NESTED | AccessChangeKind.UNNESTED:
            for one in changes:
                gives = kind is AccessChangeKind.NESTED
                behind = (
                    f"{'gives' if gives else 'gave'} it to {count(one.behind, 'person', 'people')}"
                    if one.behind
                    else ""
                )
                edge = f"{_named(one.account_name, one.account)} into {_what(one)}"
                yield ChangedLine(edge, behind, by=_by([one]))
        case _:
            on = last_day if kind is AccessChangeKind.LEFT else day
            whole = [
                f"{_named(one.person_name, one.person)}{f' ({on(one.at, zone=zone)})' if one.at else ''}"
                for one in changes
            ]
            days = f"; days are those of {zone or 'UTC'}" if any(one.at for one in changes) else ""
            yield ChangedLine("", f"{listed(whole, _MOST)}{days}")


def _groups(changes: Sequence[AccessChange]) -> list[list[AccessChange]]:
    """Return what concerns one thing, is as well founded and was done by the same, together: what nobody asked for first."""
    found: dict[tuple[object, ...], list[AccessChange]] = {}
    for one in changes:
        found.setdefault((one.entitlement, one.mode, one.standing, one.by), []).append(one)
    return sorted(
        found.values(),
        key=lambda group: (
            not group[0].privileged,
            group[0].standing not in _NOT_AUTHORISED,
            all(one.verdict == "within" for one in group),
            -len(group),
            (group[0].entitlement_name or "").lower(),
            group[0].entitlement or "",
            group[0].account or "",
        ),
    )


def _held(group: Sequence[AccessChange]) -> ChangedLine:
    first = group[0]
    who = [_named(one.person_name or one.account_name, one.account) for one in group]
    newcomers = sum(one.newcomer for one in group)
    notes = []
    if newcomers:
        notes.append(ChangedNote("joined since" if newcomers == len(group) else f"{newcomers:,} of them joined since"))
    beyond = sum(one.verdict in {"beyond", "mixed"} for one in group)
    if beyond:
        notes.append(
            ChangedNote("beyond the role" if beyond == len(group) else f"{beyond:,} beyond their role", wrong=True)
        )
    if first.standing in _NOT_AUTHORISED:
        named = f" ({visible(first.ticket)})" if first.ticket else ""
        notes.append(ChangedNote(_NOT_AUTHORISED[first.standing] + named, wrong=True))
    elif first.standing == "unknown":
        notes.append(ChangedNote(f"whether a ticket authorises it is unknown ({visible(first.ticket or '')})"))
    return ChangedLine(_what(first), listed(who, _NAMED), tuple(notes), _by(group))


def _what(one: AccessChange) -> str:
    eligible = ", eligible" if one.mode == "eligible" else ""
    strong = " (privileged)" if one.privileged else ""
    return f"{_named(one.entitlement_name, one.entitlement)}{strong}{eligible}"


def _by(group: Sequence[AccessChange]) -> str:
    return visible(group[0].by or "")


def _named(name: str | None, other: str | None) -> str:
    return visible(name or other or "?")
