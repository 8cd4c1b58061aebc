"""Headers of columns, in plain small words."""

import re
from functools import lru_cache

from access_review.draft.languages import folded, in_english

_PERSONAL = re.compile(
    r"\b(sex|gender|race|ethnic\w*|hispanic|latino|religion|marital|married|citizen\w*|dob|birth\w*|geburt\w*|salary|gehalt|\w*lohn|brutto\w*|"
    r"wage|pay|bonus|commission|ssn|disabilit\w*|zip|postcode|phone|mobile|(?<!mail )(?<!ip )address|survey|satisfaction|absences?|late|"
    r"perf|performance|diversity|recruit\w*|reason)\b"
)
"""What says nothing about access and much about a person: never proposed as an attribute, always masked."""


def plain_header(name: str) -> str:
    """Return a header in small words: ``DateofTermination`` becomes ``date of termination``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    words = re.sub(r"[\W_]+", " ", spaced).casefold().strip()
    return re.sub(r"\bdateof\b", "date of", words)


@lru_cache(maxsize=4096)
def meant(name: str) -> str:
    """Return a header as the English words that stand for it: ``Date d'entrée`` becomes ``start date``."""
    return in_english(folded(plain_header(name)))


STATUS = r"\b(\w*status|state|stand|estado|statut)\b"
"""What a status is headed by."""


def heads_status(name: str) -> bool:
    """Say whether a header is that of a status."""
    return bool(re.search(STATUS, meant(name)))


_NAMES = re.compile(
    r"\b((first|last|given|sur|family|middle|preferred|legal|full|display|nick|maiden|known) ?(name|as)|vor(name)?|nachname|"
    r"name (first|last)|vorna|nachn|forename|rufname|geburtsname|initials?|supervisor|vorgesetzte[rn]?|manager)\b"
)
"""What names somebody: masked wherever it stands, and never an attribute."""


def names_somebody(name: str) -> bool:
    """Say whether a column names people, by its header."""
    return bool(_NAMES.search(meant(name)))


def personal(name: str) -> bool:
    """Say whether a column is about the person and not about their work."""
    return bool(_PERSONAL.search(meant(name)))
