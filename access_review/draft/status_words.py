"""What the words of a status column mean: working, on leave, gone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from access_review.draft.columns import ColumnLook, WordCount
from access_review.draft.headers import plain_header
from access_review.draft.languages import folded

# The order decides: "inactive" has "active" in it, and "on leave" is not "leaver".
_LEFT = (
    r"\b(terminat\w*|left|leaver|former|inactive|ex|exited|resign\w*|retired|deceased|dismissed|separated|ended|"
    r"ausgeschieden|ausgetreten|gek(ü|ue)ndigt|inaktiv|inactivo|baja|parti|gone|out|withdrawn|deprovisioned|deactivated|"
    r"sorti|sortie|demissionn\w*|licencie|desligado|demitido|inativo|cessato|dimesso|licenziato|zwolnion[ya]|nieaktywn[ya]|"
    r"uit dienst|desvinculado|despedido|cesado|inactif)\b"
)
_LEAVE = (
    r"\b(leave|loa|parental|maternity|paternity|sabbatical|suspended|furlough\w*|absent|elternzeit|beurlaubt|ruhend|"
    r"mutterschutz|sick|conge|en arret|suspendu|afastado|licenca|licencia|excedencia|aspettativa|urlop\w*|zawieszon[ya]|verlof)\b"
)
_ACTIVE = (
    r"\b(active|in|employed|current|aktiv|working|present|hired|a|actif|activo|future start|"
    r"full ?time|part ?time|vollzeit|teilzeit|regular|permanent|"
    r"ativo|attivo|in forza|aktywn[ya]|zatrudnion[ya]|en poste|present|en activo|alta)\b"
)
_MEANINGS = (("left", _LEFT), ("leave", _LEAVE), ("active", _ACTIVE))


@dataclass(frozen=True, slots=True)
class StatusLook:
    """The words of a status column with what each is taken for."""

    column: str
    active: tuple[WordCount, ...]
    leave: tuple[WordCount, ...]
    left: tuple[WordCount, ...]
    unknown: tuple[WordCount, ...]
    """Words that a person must place."""
    sentence: str


def status_look(look: ColumnLook) -> StatusLook:
    """Place the words of a column."""
    placed: dict[str, list[WordCount]] = {"active": [], "leave": [], "left": [], "unknown": []}
    for word in look.words:
        placed[place_status(word.word) or "unknown"].append(word)
    said = "; ".join(f"{name}: {_listed(words)}" for name, words in placed.items() if words)
    words = {name: tuple(found) for name, found in placed.items()}
    return StatusLook(look.name, words["active"], words["leave"], words["left"], words["unknown"], said)


def place_status(word: str) -> str | None:
    """Return what one word means, or nothing where that is not known."""
    plain = folded(plain_header(word))
    return next((name for name, expression in _MEANINGS if re.search(expression, plain)), None)


def says_status(look: ColumnLook) -> bool:
    """Say whether the words of a column are those of a status: most rows must have one that is known."""
    known = sum(w.rows for w in look.words if place_status(w.word))
    return bool(look.words) and known >= 0.5 * look.filled


def _listed(words: Sequence[WordCount]) -> str:
    return ", ".join(f"{w.word} ({w.rows:,})" for w in words)
