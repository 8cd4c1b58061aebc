"""The words of levels of access: how much somebody may with a thing, in the cell of a matrix."""

import re

from access_review.connectors import no_value
from access_review.draft.headers import plain_header
from access_review.draft.languages import folded
from access_review.draft.shapes import NO, YES

_LEVEL = re.compile(
    r"(no|full|limited|basic|standard|read|write|edit|view|admin|super|power|key|normal|business|end|global|local|system)? ?"
    r"(r|rw|ro|rx|rwx|wo|crud?|read(er)?|write(r)?|read ?(and )?(only|write)|view(er)?|view only|edit(or)?|modif(y|ier)|change|"
    r"contribut(e|or)|author|publish(er)?|approv(e|er)|owner|member|guest|user|super ?user|admin|administrator|sys ?admin|"
    r"operator|maintainer|developer|reporter|auditor|access|control|full|"
    r"lesen|lesend|schreiben|lesen schreiben|bearbeiten|vollzugriff|leserecht|schreibrecht|benutzer|"
    r"lecture( seule| ecriture)?|ecriture|lectura|escritura|lettura|scrittura|kein zugriff|aucun|ninguno|nessuno)"
)
NOT_HELD = (
    (NO - {"f"}) | no_value.NOTHING | {"disabled", "no access", "kein zugriff", "kein", "keine", "aucun", "ninguno"}
)
"""Cells that give nothing; F is beside R and W no answer."""
HELD = YES - {"t", "s", "o"}
"""Cells that give the thing itself, without a level."""


_ANYBODY = re.compile(r"user|member|guest|benutzer|access|standard|basic|normal|full|local|global|system|owner")


def tells_level(word: str) -> bool:
    """Say whether a word can hardly be anything but a level: *User* and *Guest* may be of what kind somebody is."""
    return is_level(word) and not _ANYBODY.fullmatch(folded(plain_header(word)))


def is_level(word: str) -> bool:
    """Say whether a word is that of a level, or of none."""
    return any(_LEVEL.fullmatch(folded(said)) for said in (plain_header(word), word.casefold()))


def granted(thing: str, cell: str) -> str | None:
    """Return what one cell of a column of levels gives: the thing, the thing at a level, or nothing."""
    said = folded(no_value.bare(cell).casefold())
    if said in NOT_HELD or folded(plain_header(cell)) in NOT_HELD:
        return None
    return thing if said in HELD else f"{thing}: {no_value.bare(cell)}"
