"""Those who leave, for the terminal: what is overdue first, and one of them in full."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from access_review.offboarding.leaver import AccessItem, AccessState, Check, Late, Leaver, Leavers, LeaverStatus, System
from access_review.views.terminal import NARROWEST, fitted, paint, wrapped
from access_review.views.text import between, count, local, local_lines, moment, span, visible

WORDS = {
    AccessItem.SIGN_IN: "sign-in disabled",
    AccessItem.SESSIONS: "sessions revoked",
    AccessItem.PRIVILEGED: "privileged access gone",
    AccessItem.GRANTS: "other grants gone",
    AccessItem.LICENCES: "licences taken back",
    AccessItem.OWNED: "owned groups and applications handed over",
    AccessItem.SECRETS: "secrets of what was owned changed",
    AccessItem.SHARED: "shared secrets they knew changed",
    AccessItem.AGENTS: "AI agents handed over",
    AccessItem.FORWARDING: "mail forwarding ended",
}
"""What each item asks, as a person would tick it."""

_LATE = {Late.FAILED: "red", Late.YES: "red", Late.PERHAPS: "amber", Late.UNKNOWN: "amber", Late.NO: "green"}
_NOT_YET = "not yet"
_STATE = {
    AccessState.OPEN: "red",
    AccessState.UNKNOWN: "amber",
    AccessState.DONE: "green",
    AccessState.NONE: "",
    AccessState.UNREAD: "",
}


def listing(
    made: Leavers,
    shown: Sequence[Leaver],
    *,
    colour: bool = False,
    width: int = 100,
    stale: str = "",
    judged: str = "",
    zones: Mapping[str, str] | None = None,
) -> str:
    """List leavers, those with the longest open access first; ``shown`` are the ones asked for. Lines have ``width`` columns.

    ``judged`` says how much of the run was judged, ``zones`` on whose clock each person works.
    """
    return "\n".join(_listing(made, shown, _Screen(colour, max(width, NARROWEST), zones or {}), stale, judged))


@dataclass(frozen=True, slots=True)
class _Screen:
    """How lines are drawn: in colour or not, how wide, and with the times of which zones."""

    colour: bool
    width: int
    zones: Mapping[str, str]


def _listing(made: Leavers, shown: Sequence[Leaver], screen: _Screen, stale: str, judged: str) -> Iterator[str]:
    colour = screen.colour
    yield f"Leavers as of {moment(made.as_of)} (run {made.run})"
    left = [one for one in made.leavers if one.standing is LeaverStatus.LEFT]
    working = [one for one in left if one.signs_in is AccessState.OPEN]
    late = [one for one in working if one.clock.late in {Late.YES, Late.FAILED}]
    unread = sum(one.signs_in is AccessState.UNKNOWN for one in left)
    clear = sum(one.clear for one in left)
    done = f"; nothing is left of {clear}" if clear else ""
    yield (
        f"{count(len(left), 'person has', 'people have')} left: {len(working)} can still sign in, {len(late)} of them "
        f"late{f'; of {unread} more that is not known' if unread else ''}{done}"
    )
    targets = made.targets
    yield wrapped(
        f"Targets: {span(targets.privileged)} for privileged or involuntary leavers, {span(targets.others)} for others; "
        f"{span(targets.failure)} is the failure line",
        screen.width,
    )
    if judged:
        yield judged
    if stale:
        yield paint(f"Look again: {stale}; access-review offboarding --collect", "amber", colour)
    for standing, title in (
        (LeaverStatus.LEFT, ""),
        (LeaverStatus.UPCOMING, "Leaving soon"),
        (LeaverStatus.STOPPED, "Not leaving"),
    ):
        some = [one for one in shown if one.standing is standing]
        if some:
            yield ""
            if title:
                yield title
            yield _notes(some) if standing is LeaverStatus.STOPPED else _table(some, screen)
    if not shown:
        yield "\nNobody to show: nothing is open of those asked for."
    elif first := next((one for one in shown if one.standing is LeaverStatus.LEFT), None):
        yield f'\nNext:   access-review offboarding --person "{visible(first.name)}"'


def _notes(stopped: Sequence[Leaver]) -> str:
    return "\n".join(f"  {visible(one.name)}: {visible(one.note)}" for one in stopped)


def _table(some: Sequence[Leaver], screen: _Screen) -> str:
    """Show who has what before how late: nothing of it is cut, and what is long goes on in the line below."""
    rows = [
        (
            visible(one.name),
            "; ".join(_still(system) for system in one.systems if _still(system)) or "nothing",
            local_lines(one.left_at_latest, screen.zones.get(one.person, "")),
            f"{_verdict(one, screen.colour)}\n{_how_long(one)}",
        )
        for one in some
    ]
    return fitted(("leaver", "still open", "end by", "verdict"), rows, screen.width, kept=(2,))


def _how_long(one: Leaver) -> str:
    said = _open_for(one)
    return said if said == _NOT_YET else f"open {said}"


def _open_for(one: Leaver) -> str:
    if one.standing is LeaverStatus.UPCOMING and not one.clock.most:
        return _NOT_YET
    if one.clock.least is None:
        return "unknown" if one.clock.most is None else f"up to {span(one.clock.most)}"
    if one.clock.most is None or one.clock.most == one.clock.least:
        return span(one.clock.least)
    return f"{span(one.clock.least)} to {span(one.clock.most)}"


def _verdict(one: Leaver, colour: bool) -> str:
    words, painted = _judged_late(one)
    return paint(words, painted, colour)


def _judged_late(one: Leaver) -> tuple[str, str]:
    """Say how late somebody's access is, and in which colour."""
    words = str(one.clock.late)
    if one.signs_in in {AccessState.DONE, AccessState.NONE}:
        words = "clear" if one.clear else "cannot sign in"
        if one.clock.late in {Late.YES, Late.FAILED}:
            words += ", was late"
        return words, "green" if one.clear else "amber"
    if one.clock.late_by is not None:
        failed = "failed, " if one.clock.late is Late.FAILED else ""
        words = f"{failed}late by {precise(one.clock.late_by)}"
    elif one.clock.late is Late.NO and one.standing is LeaverStatus.UPCOMING:
        words = "to prepare"
    return words, _LATE[one.clock.late]


def precise(length: timedelta) -> str:
    """Write a length of time to the minute while minutes matter."""
    minutes = int(length.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if hours < 24 and rest else span(length)


def _still(system: System) -> str:
    """Say what is open in one system: ``ad: sign-in, 4 grants``."""
    parts = [
        _counted(check)
        for check in system.checks
        if check.state is AccessState.OPEN and check.item is not AccessItem.SESSIONS
    ]
    parts += [
        f"{check.item}?"
        for check in system.checks
        if check.state is AccessState.UNKNOWN and check.item is AccessItem.SIGN_IN
    ]
    return f"{visible(system.source)}: {', '.join(parts)}" if parts else ""


def _counted(check: Check) -> str:
    if check.item is AccessItem.SIGN_IN:
        return str(check.item)
    return count(len(check.open), str(check.item).removesuffix("s"), str(check.item))


@dataclass(frozen=True, slots=True)
class ShownLeaver:
    """A leaver in words, for a page: ``still`` is what is open by system, ``rag`` how bad it is.

    ``ended`` and ``due`` are on the clock of their place of work, with UTC in a second line.
    """

    leaver: Leaver
    still: tuple[str, ...]
    ended: str
    due: str
    open_for: str
    verdict: str
    rag: str

    @property
    def is_over(self) -> bool:
        """Tell whether the employment has ended, or a clock runs already."""
        return self.open_for != _NOT_YET

    @property
    def can_sign_in(self) -> bool:
        """Tell whether somebody who left can still sign in."""
        return self.leaver.standing is LeaverStatus.LEFT and self.leaver.signs_in is AccessState.OPEN


def shown(one: Leaver, zone: str = "") -> ShownLeaver:
    """Return what a page shows of a leaver, on the clock of ``zone``."""
    verdict, rag = _judged_late(one)
    still = tuple(_still(system) for system in one.systems if _still(system))
    ended, due = local_lines(one.left_at_latest, zone), local_lines(one.clock.due_latest, zone)
    return ShownLeaver(one, still, ended, due, _open_for(one), verdict, rag)


def instants(one: Leaver, zone: str = "") -> list[tuple[str, str]]:
    """Return the four instants of a leaver and the clock, each with its name, in words."""
    why = "involuntary" if one.involuntary else "privileged" if one.privileged else "others"
    late = f" ({span(one.told_late)} after the end: HR’s own delay)" if one.told_late else ""
    return [
        ("Notified", local(one.notified_at, zone) + late),
        ("Employment ended", between(one.left_at_earliest, one.left_at_latest, zone=zone)),
        ("First seen", local(one.first_seen_left_at, zone, unknown="not yet")),
        ("Access gone", local(one.gone_at, zone, unknown="not yet")),
        ("Target", f"{span(one.clock.target)} ({why})"),
        ("In time until", between(one.clock.due_earliest, one.clock.due_latest, zone=zone)),
    ]


def check_rows(system: System) -> list[tuple[str, str, str, str]]:
    """Return what is checked in one system and is there: its state, in which colour, what it asks, and what is open or done."""
    return [
        (
            str(check.state),
            _STATE[check.state],
            WORDS[check.item],
            "; ".join(part for part in (check.reason, ", ".join(check.open or check.done)) if part),
        )
        for check in system.checks
        if check.state is not AccessState.NONE
    ]


def details(one: Leaver, made: Leavers, *, colour: bool = False, width: int = 100, zone: str = "") -> str:
    """Show one leaver in full: the four instants, the clock, and the check list of each system, ``width`` columns wide.

    Times are shown on the clock of ``zone``, with UTC beside.
    """
    lines = [
        wrapped(f"{visible(one.name)} ({visible(one.person)}), as of {moment(made.as_of)} (run {made.run})", width),
        "",
        *_instants(one, zone),
        "",
        *_clock(one, colour, zone),
    ]
    if one.note:
        lines += ["", visible(one.note)]
    for system in one.systems:
        lines += ["", f"{visible(system.source)}: {system_words(system)}", *_checks(system, colour, width)]
    if not one.systems and not one.note:
        lines += ["", "No account is known, and nothing that was owned or shared."]
    return "\n".join(lines)


def _instants(one: Leaver, zone: str) -> Iterator[str]:
    late = f" ({span(one.told_late)} after the end: HR's own delay)" if one.told_late else ""
    yield f"  notified        {local(one.notified_at, zone)}{late}"
    yield f"  effective       {between(one.left_at_earliest, one.left_at_latest, zone=zone)}"
    yield f"  first seen      {local(one.first_seen_left_at, zone, unknown='not yet')}"
    yield f"  access gone     {local(one.gone_at, zone, unknown='not yet')}"


def _clock(one: Leaver, colour: bool, zone: str) -> Iterator[str]:
    why = "involuntary" if one.involuntary else "privileged" if one.privileged else "others"
    due = between(one.clock.due_earliest, one.clock.due_latest, zone=zone)
    yield f"  target          {span(one.clock.target)} ({why})"
    yield f"  in time until   {due}"
    if one.standing is not LeaverStatus.STOPPED:
        yield f"  access open     {_open_for(one)}: {_verdict(one, colour)}"
    if one.skew_least is not None or one.skew_most is not None:
        most = f" at least, {span(one.skew_most)} at most" if one.skew_most is not None else " at least"
        yield f"  between systems {span(one.skew_least)}{most}"


def system_words(system: System) -> str:
    """Say how a leaver stands in one system."""
    if system.reopened:
        return "open again, after it had been seen gone"
    if system.verified_at:
        return f"gone, proved by a read on {moment(system.verified_at)}"
    if system.first_gone_at:
        seen = f"first seen gone on {moment(system.first_gone_at)}"
        return seen + (f", last seen open on {moment(system.last_open_at)}" if system.last_open_at else "")
    return f"{count(system.open, 'item')} open"


def _checks(system: System, colour: bool, width: int) -> Iterator[str]:
    for check in system.checks:
        if check.state is AccessState.NONE:
            continue
        names = ", ".join(check.open or check.done)
        said = "; ".join(part for part in (check.reason, names) if part)
        line = wrapped(f"  {check.state:8} {WORDS[check.item]}" + (f": {said}" if said else ""), width, " " * 11)
        yield line.replace(check.state, paint(check.state, _STATE[check.state], colour), 1)


def since(made: Leavers, start: datetime | None) -> tuple[Leaver, ...]:
    """Return the leavers to list: those with something open, or all whose end is not before ``start``."""
    if start is None:
        return tuple(one for one in made.leavers if not one.clear or one.standing is not LeaverStatus.LEFT)
    return tuple(one for one in made.leavers if one.left_at_latest is None or one.left_at_latest >= start)
