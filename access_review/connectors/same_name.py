"""When two names in a directory are one: the comparison of servers, not of dictionaries. Pure.

Upper and lower case are one, and so are a letter and its accent written together or apart. What only *looks* or
*sounds* alike is not: full case folding would make ``Weiss`` of ``Weiß``, ``fi`` of its ligature and ``k`` of the
Kelvin sign, which servers keep apart, and so two people one.
"""

import unicodedata
from functools import lru_cache


@lru_cache(maxsize=65_536)
def folded(name: str) -> str:
    """Return the one form of a name that is used to compare."""
    if name.isascii():
        return name.lower()
    lowered = "".join(_lower(letter) for letter in name)
    if unicodedata.is_normalized("NFC", lowered):
        return lowered
    # Letters that normalisation would exchange for others (Kelvin, Ohm) stay what they are, and part the rest.
    parts: list[str] = [""]
    for letter in lowered:
        if _is_single(letter):
            parts += [letter, ""]
        else:
            parts[-1] += letter
    return "".join(part if _is_single(part) else unicodedata.normalize("NFC", part) for part in parts)


def _lower(letter: str) -> str:
    lower = letter.lower()
    return letter if len(lower) > 1 or _is_single(letter) else lower


def _is_single(letter: str) -> bool:
    """Tell whether normalisation would put another letter in the place of this one, without taking it apart."""
    if len(letter) != 1 or letter.isascii():
        return False
    composed = unicodedata.normalize("NFC", letter)
    return composed != letter and len(composed) == 1
