"""Whether an account can be used, by the words of a column and what its header asks."""

import re

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import plain_header
from access_review.draft.shapes import NO, YES


def _said(words: str) -> frozenset[str]:
    return frozenset(words.split())


_OPEN = _said(
    "active enabled open in unlocked valid normal provisioned activated recovery a aktiv activo actif ativo attivo"
) | {
    "password expired",
    "password reset",
}
_SHUT = _said(
    "inactive disabled closed out locked blocked suspended deactivated deprovisioned terminated revoked deleted expired "
    "invalid retired left staged d i inaktiv gesperrt inactivo inactif inativo inattivo"
) | {"locked out", "account disabled", "user disabled"}
"""What says by itself whether an account can be used, under any header."""
_LOCKS = r"uflag"
"""Headers of a lock as bits: none is set, or the account is locked in some way."""
_DENIAL = re.compile(
    r"\b(not|non|disabled|deactivated|deprovisioned|deleted|expired|terminated|revoked|closed|archived|retired|inactive|"
    rf"locked|blocked|suspended|gesperrt|inaktiv|deaktiviert|{_LOCKS})\b"
)
"""A word of a header that turns what yes means: twice, and it means again that an account can be used."""


def is_turned(header: str) -> bool:
    """Say whether yes under a header means that an account cannot be used."""
    return len(_DENIAL.findall(plain_header(header))) % 2 == 1


def can_sign_in(word: str, header: str) -> bool | None:
    """Return what one word under a header says of an account, or nothing where a person must say."""
    turned, said = is_turned(header), plain_header(word) or word.casefold()
    if re.search(rf"\b{_LOCKS}\b", plain_header(header)) and said.isdecimal():
        return int(said) == 0
    if said in _OPEN | (NO if turned else YES):
        return True
    return False if said in _SHUT | (YES if turned else NO) else None


def says_sign_in(look: ColumnLook) -> bool:
    """Say whether any word of a column says that an account can or cannot be used."""
    return any(can_sign_in(one.word, look.name) is not None for one in look.words)
