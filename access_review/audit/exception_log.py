"""The exception log: asking for a waiver, approving, renewing and ending it, and the list that is signed off each month.

Every change is an edit of ``roles/waivers.yaml`` that leaves its comments and its order
alone, so that the repository's history is the history of the exceptions. Nobody approves
what they asked for.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

from pydantic import ValidationError

from access_review import documents
from access_review.audit.reviewers import People
from access_review.audit.worklist import fold
from access_review.declared import end_of
from access_review.errors import PlanRefused, Unclear, WorkspaceError
from access_review.model import JsonObject
from access_review.policy import Exceptions
from access_review.settings import Assured, Waiver, Waivers

EMPTY = "waivers: []\n"
_NAME = re.compile(r"W-(\d{4})-(\d+)")


@dataclass(frozen=True, slots=True)
class WaiverRequest:
    """What somebody asks to have accepted."""

    rule: str
    subject: str
    about: str | None
    reason: str
    asked_by: str
    ticket: str
    expires: date


def request_waiver(
    text: str, request: WaiverRequest, settings: Exceptions, today: date, besides: Sequence[Waiver] = ()
) -> tuple[str, str]:
    """Add an entry without an approver to the log ``text``: it accepts nothing yet. Return the new text and its name.

    ``besides`` are those that wait to be carried over into the log. Raises ``PlanRefused`` for one that holds too long,
    does not say why or under which ticket, or where another is about the same, and ``WorkspaceError`` for a log that
    cannot be read.
    """
    reason, ticket = _said(request.reason), _said(request.ticket)
    _bounded(request.expires, settings, today)
    known = (*_read(text).waivers, *besides)
    _refuse_same(known, (request.rule, request.subject, request.about), today)
    name = _next(known, today)
    entry = {
        "waiver": name,
        "rule": request.rule,
        "subject": request.subject,
        **({"about": request.about} if request.about else {}),
        "reason": reason,
        "asked_by": request.asked_by,
        "asked_as": "claimed",
        "ticket": ticket,
        "expires": request.expires,
    }
    return _edited(text, lambda waivers: waivers.append(entry)), name


def _said(words: str) -> str:
    if words.strip():
        return words.strip()
    raise PlanRefused("a waiver says why, and under which ticket", hint="give both")


def carry_over(text: str, granted: Waiver, people: People, beneficiary: str, today: date) -> str:
    """Add an entry to the log that was asked for and granted beside it, both signed: as :func:`approve_waiver` would.

    Raises ``PlanRefused`` for whoever may not grant it, and where another entry has its name or is about the same,
    ``WorkspaceError`` for a log that cannot be read, and ``Unclear`` as that does.
    """
    known = _read(text).waivers
    if any(one.waiver == granted.waiver for one in known):
        hint = "have it asked for again: it gets another name"
        raise PlanRefused(f"{granted.waiver} is the name of another entry of roles/waivers.yaml", hint=hint)
    _refuse_same(known, (granted.rule, granted.subject, granted.about), today)
    plain = granted.model_dump(exclude={"approver", "approved_as"}, exclude_none=True)
    text = _edited(text, lambda waivers: waivers.append({**plain, "asked_as": "authenticated"}))
    return approve_waiver(text, granted.waiver, granted.approver or "", people, beneficiary, "authenticated")


def _refuse_same(known: Iterable[Waiver], about: tuple[str, str, str | None], today: date) -> None:
    for waiver in known:
        same = (waiver.rule, waiver.subject, waiver.about) == about
        if same and (waiver.expires is None or waiver.expires >= today):
            raise PlanRefused(f"{waiver.waiver} is about the same", hint=f"access-review waive renew {waiver.waiver}")


def words_of(waiver: Waiver) -> JsonObject:
    """Return what an approver signs of an entry: all of it but how its people are known."""
    return waiver.model_dump(mode="json", exclude={"asked_as", "approved_as"})


def words_asked(waiver: Waiver) -> JsonObject:
    """Return what whoever asks signs of an entry: it has no approver yet."""
    return words_of(waiver.model_copy(update={"approver": None}))


def asked_by_key(text: str, name: str) -> str:
    """Write down that whoever asks for an entry signed it.

    Raises ``Unclear`` for a name that is not in the log, ``WorkspaceError`` for a log that cannot be read.
    """
    return _edited(text, lambda waivers: _entry(waivers, name).update(asked_as="authenticated"))


def approve_waiver(
    text: str,
    name: str,
    by: str,
    people: People | None = None,
    beneficiary: str = "",
    approved_as: Assured = "claimed",
) -> str:
    """Put the approver's name to an entry; raises ``PlanRefused`` for who asked for it, and for one that has an approver.

    With ``people``, ``by`` is a person's id, and so must be who asked: neither they nor the ``beneficiary``, nor
    anybody who looks like them, approves. Raises ``Unclear`` for a name that is not in the log, ``WorkspaceError`` for
    a log that cannot be read.
    """
    waiver = _named(_read(text), name)
    if waiver.approver:
        raise PlanRefused(f"{name} was approved by {waiver.approver}", hint="renew it to have it approved again")
    if waiver.asked_by and fold(waiver.asked_by) == fold(by):
        raise PlanRefused(f"{by} asked for {name}, so another approves it", hint="have a second person approve")
    if people:
        _refuse_dependent(waiver, by, people, beneficiary)
    return _edited(text, lambda waivers: _entry(waivers, name).update(approver=by, approved_as=approved_as))


def _refuse_dependent(waiver: Waiver, by: str, people: People, beneficiary: str) -> None:
    asked = people.known.get(fold(waiver.asked_by or ""))
    hint = "have somebody else approve"
    if asked is None:
        said = f"{waiver.asked_by or 'nobody'}, who asked for {waiver.waiver}, is nobody of the rosters"
        raise PlanRefused(said, hint="renew it: somebody of a roster asks")
    if people.alike(asked, by):
        raise PlanRefused(f"{by} asked for {waiver.waiver}, or has the name of who did", hint=hint)
    if beneficiary and people.alike(beneficiary, by):
        raise PlanRefused(f"{waiver.waiver} is about the access of {by}", hint=hint)


def renew_waiver(
    text: str, name: str, *, by: str, ticket: str, expires: date, settings: Exceptions, today: date
) -> str:
    """Ask for more time: the entry waits for an approver again, and accepts nothing until it has one.

    Raises ``Unclear`` for a name that is not in the log, ``PlanRefused`` for too long a time or no ticket. Raises
    ``WorkspaceError`` for a log that cannot be read.
    """
    ticket = _said(ticket)
    _bounded(expires, settings, today)
    _named(_read(text), name)

    def change(waivers: Any) -> None:
        entry = _entry(waivers, name)
        entry.pop("approver", None)
        entry.pop("approved_as", None)
        entry.update(asked_by=by, asked_as="claimed", ticket=ticket, expires=expires)

    return _edited(text, change)


def find_waiver(text: str, name: str) -> Waiver:
    """Return an entry of the log by its name; raises ``Unclear``.

    Raises ``WorkspaceError`` for a log that cannot be read.
    """
    return _named(_read(text), name)


def end_waiver(text: str, name: str, now: datetime) -> str:
    """End an entry: yesterday was its last day; raises ``PlanRefused`` for one that has ended.

    Raises ``Unclear`` for a name that is not in the log, ``WorkspaceError`` for a log that cannot be read.
    """
    waiver = _named(_read(text), name)
    if _is_over(waiver, now):
        raise PlanRefused(f"{name} ended on {waiver.expires}", hint="nothing was changed")
    # The last day that is over everywhere: it would still accept through one that is not.
    last = (now.astimezone(UTC) - timedelta(hours=12)).date() - timedelta(days=1)
    return _edited(text, lambda waivers: _entry(waivers, name).update(expires=last))


def _is_over(waiver: Waiver, now: datetime) -> bool:
    end = end_of(waiver.expires)
    return end is not None and end <= now


def waiver_states(
    waivers: Iterable[Waiver], used: Mapping[str, int], settings: Exceptions, now: datetime
) -> tuple[tuple[Waiver, str], ...]:
    """Say how each entry stands at a moment; ``used`` counts the findings that each accepts then."""
    return tuple((waiver, _state(waiver, used.get(waiver.waiver, 0), settings, now)) for waiver in waivers)


def _state(waiver: Waiver, used: int, settings: Exceptions, now: datetime) -> str:
    lacks = ", ".join(waiver.lacks)
    if _is_over(waiver, now):
        return "expired"
    if lacks and waiver.lacks != ("ticket",):
        return f"accepts nothing: without {lacks}"
    soon = waiver.expires and waiver.expires <= now.date() + settings.warn
    stands = ["expires soon"] if soon else ["in force"] if used else []
    return ", and ".join([*stands, *([] if used else ["nothing needs it"])]) + (f"; without {lacks}" if lacks else "")


def _bounded(expires: date, settings: Exceptions, today: date) -> None:
    if not today <= expires <= today + settings.longest:
        raise PlanRefused(
            f"{expires} is not between today and {today + settings.longest}",
            hint="exceptions.longest in roles/policy.yaml says how long one may hold",
        )


def _read(text: str) -> Waivers:
    """Read the log strictly; raises ``WorkspaceError``."""
    document = documents.parse(text, "roles/waivers.yaml")
    if document.mistakes:
        raise WorkspaceError.of(document.mistakes)
    try:
        return Waivers.model_validate(document.data or {})
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise WorkspaceError(f"roles/waivers.yaml: {message}", hint="access-review check says where") from None


def _named(log: Waivers, name: str) -> Waiver:
    found = next((waiver for waiver in log.waivers if waiver.waiver == name), None)
    if found is None:
        raise Unclear(f"no waiver is called {name!r}", hint="access-review waive list")
    return found


def _next(known: Iterable[Waiver], today: date) -> str:
    numbers = [int(m[2]) for waiver in known if (m := _NAME.fullmatch(waiver.waiver)) and int(m[1]) == today.year]
    return f"W-{today.year}-{max(numbers, default=0) + 1:03}"


def _entry(waivers: Any, name: str) -> Any:
    return next(entry for entry in waivers if entry["waiver"] == name)


def _edited(text: str, change: Callable[[Any], None]) -> str:
    """Change the list of waivers in a YAML text, comments kept, and read the result as strictly as the workspace is."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # no line of somebody else's is broken anew
    yaml.indent(mapping=2, sequence=4, offset=2)
    data = yaml.load(text if text.strip() else EMPTY)
    if data.get("waivers") is None:
        data["waivers"] = []
    # A list that was written as [] takes entries below it, not between brackets.
    if hasattr(data["waivers"], "fa"):
        data["waivers"].fa.set_block_style()
    change(data["waivers"])
    out = StringIO()
    yaml.dump(data, out)
    _read(out.getvalue())
    return out.getvalue()
