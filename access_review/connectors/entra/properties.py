"""Values of a Graph object, strictly typed: absent and null are unknown, a wrong type makes the object unusable."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from access_review.connectors import no_value
from access_review.connectors.no_value import NoDate

Object = Mapping[str, Any]
Value = TypeVar("Value")

NEVER = datetime(1, 1, 1, tzinfo=UTC)


class UnusableError(Exception):
    """An object, or one property of it, cannot be used; the message says why. Becomes a row of ``problems``, never an error of the run."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


def _typed(thing: Object, name: str, kind: type[Value], expected: str) -> Value | None:
    value = thing.get(name)
    if value is None:
        return None
    if not isinstance(value, kind):
        raise UnusableError(f"{name} is {type(value).__name__}, not {expected}", name)
    return value


def text(thing: Object, name: str) -> str | None:
    """Return a text; empty is unknown, half a character becomes a replacement character."""
    return whole_characters(_typed(thing, name, str, "text")) or None


def whole_characters(value: str | None) -> str | None:
    """Return the text without lone surrogates, which JSON can hold and no file can."""
    if value is None or value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def needed(thing: Object, name: str) -> str:
    """Return a text that must be there."""
    value = text(thing, name)
    if value is None:
        raise UnusableError(f"{name} is missing", name)
    return value


def word(thing: Object, name: str, *known: str) -> str | None:
    """Return one of the words that are known, as it stands here whatever its case; a word of the future makes it unusable."""
    value = text(thing, name)
    found = next((one for one in known if value and one.casefold() == value.casefold()), None)
    if value is not None and found is None:
        raise UnusableError(f"{name} is {value!r}, which is none of {', '.join(known)}", name)
    return found


def needed_word(thing: Object, name: str, *known: str) -> str:
    """Return one of the words that are known; it must be there."""
    needed(thing, name)
    return word(thing, name, *known) or ""


def flag(thing: Object, name: str) -> bool | None:
    """Return true, false, or null for unknown."""
    return _typed(thing, name, bool, "true or false")


def whole(thing: Object, name: str) -> int | None:
    """Return a whole number."""
    value = _typed(thing, name, int, "a number")
    if isinstance(value, bool):
        raise UnusableError(f"{name} is bool, not a number", name)
    return value


def inner(thing: Object, name: str) -> Object:
    """Return the object inside; empty when absent."""
    value: Object | None = _typed(thing, name, dict, "an object")
    return value if value is not None else {}


def texts(thing: Object, name: str) -> list[str]:
    """Return a list of texts; empty when absent."""
    value: list[Any] = _typed(thing, name, list, "a list") or []
    if not all(isinstance(item, str) for item in value):
        raise UnusableError(f"{name} holds something that is not text", name)
    return [whole_characters(item) or "" for item in value]


def objects(thing: Object, name: str) -> list[Object]:
    """Return a list of objects; empty when absent."""
    value: list[Any] = _typed(thing, name, list, "a list") or []
    if not all(isinstance(item, dict) for item in value):
        raise UnusableError(f"{name} holds something that is not an object", name)
    return value


def time_or_never(thing: Object, name: str) -> datetime | None:
    """Return a time in UTC; the zero of a calendar (Graph's is year 1) means never and is returned as :data:`NEVER`."""
    value = text(thing, name)
    if value is None:
        return None
    try:
        at = _moment(value)
        if at.tzinfo is None:
            raise UnusableError(f"{name} {value!r} has no time zone", name)
        return _meant(at)
    except (ValueError, OverflowError) as error:
        raise UnusableError(f"{name} {value!r} is not a time", name) from error


def _moment(value: str) -> datetime:
    # ConvertTo-Json of Windows PowerShell writes milliseconds since 1970.
    if milliseconds := re.fullmatch(r"/Date\((-?\d{1,17})\)/", value):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(milliseconds[1]))
    return datetime.fromisoformat(value)


def _meant(at: datetime) -> datetime | None:
    match no_value.no_date(at):
        case NoDate.ZERO:
            return NEVER
        case NoDate.END:
            return None
        case _:
            return at.astimezone(UTC)


def date(thing: Object, name: str) -> datetime | None:
    """Return a time in UTC; never is null."""
    at = time_or_never(thing, name)
    return None if at == NEVER else at


def type_of(thing: Object) -> str:
    """Return the type Graph gives (``user``, ``group`` …); empty when it says none."""
    return (text(thing, "@odata.type") or "").removeprefix("#microsoft.graph.")


def without(thing: Object, name: str) -> Object | None:
    """Return an object as if it did not say one property, of its own or of what is in it; nothing where it has none of that name."""
    if name in thing:
        return None if name == "id" else {key: value for key, value in thing.items() if key != name}
    for key, value in thing.items():
        if isinstance(value, dict) and name in value:
            return {**thing, key: {inside: said for inside, said in value.items() if inside != name}}
        if isinstance(value, list) and any(isinstance(item, dict) and name in item for item in value):
            return {other: said for other, said in thing.items() if other != key}
    return None
