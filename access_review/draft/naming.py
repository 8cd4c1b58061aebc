"""Names of drafted templates, made from the attributes of their people."""

import re
import unicodedata
from collections.abc import Iterable

from access_review.draft.conditions import Condition

_LISTED = 2  # more values than these make no name


def template_names(drafts: Iterable[tuple[Condition, str, bool]]) -> tuple[str, ...]:
    """Return a name for each condition, none twice: ``harbor-agent``, ``harbor-3-titles``, ``vpn-users-by-title``.

    Each comes with the name of what its people hold, and whether they are everybody. A list of more
    than two values makes no name: then the value beside it does, or what they hold.
    """
    taken: set[str] = set()
    names = []
    for condition, holding, everybody in drafts:
        base = "everybody" if everybody else _name(condition, holding)
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}-{count}"
        taken.add(name)
        names.append(name)
    return tuple(names)


def _name(condition: Condition, holding: str) -> str:
    short = [(attribute, values) for attribute, values in condition if len(values) <= _LISTED]
    long = [(attribute, values) for attribute, values in condition if len(values) > _LISTED]
    parts = [_part(attribute, values) for attribute, values in sorted(short, key=lambda part: len(part[1]))]
    if parts:
        parts += [f"{len(values)}-{slug(attribute)}s" for attribute, values in long]
    else:
        parts = [slug(holding) or "access", "by", *(slug(attribute) for attribute, _ in long)]
    return "-".join(parts)


def _part(attribute: str, values: tuple[str, ...]) -> str:
    named = [slug(value) for value in values]
    # A number alone is no name, nor is a value in a script that makes no letters.
    return "-or-".join(
        f"{slug(attribute) or 'group'}-{n or place}" if n.replace("-", "").isdigit() or not n else n
        for place, n in enumerate(named, 1)
    )


def slug(text: str) -> str:
    """Return text in small letters and hyphens: ``Kraków office`` becomes ``krakow-office``."""
    # The Polish ł has no decomposition.
    plain = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("Ł", "L"))
    return re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode().casefold()).strip("-")
