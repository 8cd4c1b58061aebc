"""Values under ``who`` that nobody has, as a warning and as JSON."""

from typing import TypedDict

from access_review.explain.role_members import WhoNobodyHas
from access_review.views.text import listed, visible

_NAMED = 6


class NobodyValue(TypedDict):
    """An attribute that nobody has, or a value of it; ``value`` is null where nobody has the attribute at all."""

    place: str
    role: str
    attribute: str
    value: str | None


def value(one: WhoNobodyHas) -> NobodyValue:
    """Return it as the JSON that scripts read."""
    return {"place": one.place, "role": one.role, "attribute": one.attribute, "value": one.value}


def warning(one: WhoNobodyHas) -> str:
    """Say that nobody has it, and what there is."""
    if one.value is None:
        said = f"nobody has the attribute {visible(one.attribute)} under who; there are"
    else:
        said = f"nobody has {visible(one.attribute)} {visible(one.value)} under who; there are"
    return f"{one.place}: {visible(one.role)}: {said} {listed([visible(k) for k in one.known], _NAMED)}"
