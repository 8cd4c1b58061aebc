"""What the words of a status column mean: working, on leave, gone; and which only a person can place."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from access_review.draft.columns import ColumnLook, WordCount
from access_review.draft.headers import meant, plain_header
from access_review.draft.languages import folded
from access_review.draft.shapes import NO, YES

_ALONE = {
    **dict.fromkeys(("a", "in", "alta"), "active"),
    **dict.fromkeys(("out", "gone", "parti", "baja"), "left"),
}
"""What means so alone, and beside other words is a preposition or half of something else: *in Rente*, *à la retraite*."""

_GONE = (
    r"terminated|left|leaver|former|ex|exited|resigned|retired|retiree|deceased|dismissed|separated|ended|withdrawn|"
    r"deprovisioned|deactivated|ausgeschieden|ausgetreten|beendet|ehemal\w*|rente|rentner\w*|ruhestand|pension\w*|verstorben|"
    r"sorti|sortie|licenciee?|demissionnee?|retraitee?|decedee?|baja (voluntaria|definitiva)|dad[oa] de baja|despedid[oa]|cesad[oa]|"
    r"desvinculad[oa]|jubilad[oa]|desligad[oa]|demitid[oa]|aposentad[oa]|cessat[oa]|dimess[oa]|licenziat[oa]|a riposo|"
    r"zwolnion[ya]|emeryt\w*|uit dienst|gepensioneerd"
)
_AWAY_OR_GONE = r"inactive|inaktiv|inactiv[oa]|inativ[oa]|inattiv[oa]|inactifs?|nieaktywn[ya]|terminat\w*|resign\w*|depart\w*|austritt"
"""What some systems say of whoever is gone, and others of whoever is on leave or about to go."""
_LEAVE = (
    r"leave|loa|parental|maternity|paternity|sabbatical|suspended|furlough\w*|absent|sick|"
    r"elternzeit|beurlaubt|ruhend|ruht|mutterschutz|krank|freigestellt|conges?|en arret|maladie|suspendue?|"
    r"baja (medica|laboral|temporal|maternal|paternal|it|por (enfermedad|accidente|maternidad|paternidad))|excedencia|"
    r"incapacidad|licenca|licencia|afastad[oa]|ferias|vacaciones|aspettativa|malattia|maternita|urlop\w*|zawieszon[ya]|verlof|ziek"
)
_WORKING = (
    r"active|employed|current|working|present|hired|future start|onboarding|pre ?boarding|pre ?hire|new hire|aktiv|beschaeftigt|actifs?|en poste|activ[oa]|en activo|"
    r"(dad[oa] )?de alta|ativ[oa]|trabalhando|attiv[oa]|in forza|presente|aktywn[ya]|zatrudnion[ya]|in dienst"
)
_HOURS = r"full ?time|part ?time|vollzeit|teilzeit|regular|permanent"
"""How somebody works, or did."""
_AHEAD = (
    r"pending|scheduled|upcoming|future|planned|expected|notice|to be|will|soon|submitted|requested|initiated|terminating|resigning|"
    r"geplant\w*|prevue?s?|previst[oa]|pendiente|programad[oa]|en cours|em curso|in corso|planowan\w*|gepland"
)
_DENIED = r"not|no|no longer|never|non|nicht|nicht mehr|kein\w*|ya no|plus|pas|nao|nie|niet"
# Of languages without spaces between words.
_FOUND = {
    "gone": re.compile(rf"\b({_GONE})\b|退職|離職|退社|解雇|离职|退休"),
    "away or gone": re.compile(rf"\b({_AWAY_OR_GONE})\b"),
    "leave": re.compile(rf"\b({_LEAVE})\b|休職|休業|産休|育休|休暇|休假"),
    "working": re.compile(rf"\b({_WORKING})\b|在籍|在職|勤務中|現職|在职"),
    "hours": re.compile(rf"\b({_HOURS})\b"),
    "ahead": re.compile(rf"\b({_AHEAD})\b|予定|手続|申請"),
    "denied": re.compile(rf"\b({_DENIED}) (\w+ )?({_GONE}|{_AWAY_OR_GONE}|{_LEAVE}|{_WORKING})\b"),
}
_SAID = r"( (employee|worker|staff|employment|status|flag|indicator|ind|now|today|yn|[yjosn] n|yes no|ja nein|oui non|si no))*"
_ASKS = {
    "active": re.compile(
        rf"(is |still |currently )*(active|employed|present|aktiv|beschaeftigt|actif|activ[oa]|ativ[oa]|attiv[oa]|aktywn[ya]|在籍中?|在職中?){_SAID}"
    ),
    "left": re.compile(
        rf"(is |has )*(left|terminated|inactive|leaver|ausgeschieden|inaktiv|sorti|inactif|inactiv[oa]|inativ[oa]|退職済?){_SAID}"
    ),
}
"""What a header asks to which yes is the answer; to the other one it is no."""


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
        placed[place_status(word.word, look.name) or "unknown"].append(word)
    said = "; ".join(f"{name}: {_listed(words)}" for name, words in placed.items() if words)
    words = {name: tuple(found) for name, found in placed.items()}
    return StatusLook(look.name, words["active"], words["leave"], words["left"], words["unknown"], said)


def asks_status(header: str) -> str | None:
    """Return what yes means under a header that asks whether somebody works here, or has left; nothing under others."""
    return next((status for status, asked in _ASKS.items() if asked.fullmatch(meant(header))), None)


def place_status(word: str, header: str = "") -> str | None:
    """Return what one word means, or nothing where a person must say: what it denies, and what is still to come.

    Yes and no mean what their ``header`` asks.
    """
    asked, answer = asks_status(header), word.casefold()
    if asked and answer in YES | NO:
        return asked if answer in YES else next(status for status in _ASKS if status != asked)
    plain = folded(plain_header(word))
    if plain in _ALONE:
        return _ALONE[plain]
    said = {name for name, expression in _FOUND.items() if expression.search(plain)}
    gone = bool(said & {"gone", "away or gone"})
    if "denied" in said or (gone and "ahead" in said):
        return None
    if "leave" in said:
        return None if "gone" in said else "leave"
    if gone:
        return None if "working" in said else "left"
    return "active" if said & {"working", "hours"} else None


def says_status(look: ColumnLook) -> bool:
    """Say whether the words of a column are those of a status: most rows must have one that is known.

    Where a header asks and all have one answer, nobody knows what the empty cells mean.
    """
    placed = {w.word: place_status(w.word, look.name) for w in look.words}
    known = sum(w.rows for w in look.words if placed[w.word])
    answered = look.filled == look.rows or not asks_status(look.name) or len({*placed.values()} - {None}) > 1
    return bool(look.words) and known >= 0.5 * look.filled and answered


def _listed(words: Sequence[WordCount]) -> str:
    return ", ".join(f"{w.word} ({w.rows:,})" for w in words)
