"""What a column means: guessed from its header and held against what its values look like.

The names of the fields are those that sources/*.yaml takes. A guess says why it was made, so
that a wrong one can be seen; what fits nothing is an attribute or is left out, and said to be.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import personal, plain_header
from access_review.draft.shapes import Form
from access_review.draft.status_words import says_status


class Sureness(StrEnum):
    """How sure a guess is."""

    SURE = "sure"
    """Header and values both say it."""
    LIKELY = "likely"
    """The header says it, or nothing else can be meant."""
    GUESS = "guess"


@dataclass(frozen=True, slots=True)
class ColumnMeaning:
    """What one column, or several joined, is taken for."""

    field: str
    columns: tuple[str, ...]
    sureness: Sureness
    because: str

    @property
    def label(self) -> str:
        """The columns as one name."""
        return " + ".join(self.columns)


@dataclass(frozen=True, slots=True)
class _Hint:
    """A field, the headers that name it, the forms its values may have."""

    field: str
    header: str
    forms: frozenset[Form]
    fits: Callable[[ColumnLook], bool] = lambda _: True


_IDS = frozenset({Form.NUMBER, Form.CODE, Form.GUID, Form.SID, Form.MAIL, Form.DOMAIN_ACCOUNT})
_NAMES = frozenset({Form.NAME, Form.TEXT, Form.CODE})
_WORDS = frozenset({Form.NAME, Form.TEXT, Form.CODE, Form.NUMBER, Form.FLAG})
_TEXTS = frozenset({Form.NAME, Form.TEXT, Form.CODE})
_DATES = frozenset({Form.DATE, Form.EMPTY})
_MAILS = frozenset({Form.MAIL, Form.CODE})
_LABELS = frozenset({Form.NAME, Form.TEXT, Form.CODE, Form.DN, Form.NUMBER})


def _few(look: ColumnLook) -> bool:
    return bool(look.words) or look.distinct <= 40


_MANAGER = r"\b(manager|supervisor|boss|superior|reports to|line manager|vorgesetzte[rn]?|mgr|responsable|chef)\b"

ROSTER_HINTS = (
    _Hint("manager", _MANAGER, _IDS | _NAMES),
    _Hint(
        "person",
        r"^(person\w*|worker|staff|user|emp\w*|associate|mitarbeiter\w*|payroll|hr|global|badge|workday|clock|file)? ?"
        r"(id|no|num|number|nr|nummer|code|key|uid)$|^(empnum|empno|empid|personalnummer|matricule|person|employee|hrid|gid|pernr)$",
        _IDS,
        lambda c: c.keylike or c.distinct > 0.5 * c.filled,
    ),
    _Hint("name.first", r"\b(first ?name|given ?name|forename|vorname|prenom|prénom)\b", _NAMES),
    _Hint("name.last", r"\b(last ?name|sur ?name|family ?name|nachname|apellido|nom)\b", _NAMES),
    _Hint(
        "name",
        r"^(employee|emp|worker|full|display|person|user|preferred|staff|legal)? ?name$|^(employee|worker)$",
        frozenset({Form.NAME, Form.TEXT}),
    ),
    _Hint("mail", r"\b(e ?mail|mail|email)\b", _MAILS),
    _Hint("left_at", r"\b(terminat\w*|leav\w*|left|last day|exit|austritt\w*|end|ends|until|separation)\b", _DATES),
    _Hint("starts", r"\b(hire\w*|start\w*|entry|join\w*|eintritt\w*|effective|begin\w*|from|onboard\w*)\b", _DATES),
    _Hint("notified", r"\b(notice|notified|notification|resign\w*)\b", _DATES),
    _Hint("status", r"\b(status|state|stand)\b", _WORDS, says_status),
    _Hint("department", r"\b(department|dept|abteilung|division|departement)\b(?! (id|no|code))", _TEXTS),
    _Hint("title", r"\b(title|position|job|job title|role|function|stelle|funktion|poste)\b(?! (id|no|code))", _TEXTS),
    _Hint("client", r"\b(client|customer|account name|kunde)\b", _TEXTS),
    _Hint("kind", r"\b(worker type|emp(loyee|loyment)? ?type|contract type|person type|kind)\b", _WORDS, _few),
    _Hint("site", r"\b(site|location|office|locality|city|ort|standort|campus|l)\b", _TEXTS),
    _Hint("country", r"\b(country|land|pays)\b", _TEXTS),
    _Hint("team", r"\b(team|squad|group)\b", _TEXTS),
    _Hint("unit", r"\b((business|functional|org\w*) unit|cost cent(er|re)|kostenstelle|company)\b", _TEXTS),
)

TABLE_HINTS = (
    _Hint(
        "employee_id",
        r"\b(employee|emp|personnel|worker|staff|personal)\w* ?(id|no|num|number|nr|nummer)\b|^(emp|employee)$",
        _IDS,
    ),
    _Hint(
        "account",
        r"\b(login|user ?name|account|sam ?account\w*|upn|user principal name|user|user ?id|uid|card|benutzer\w*)\b",
        _IDS | frozenset({Form.NAME, Form.TEXT, Form.DN}),
    ),
    _Hint("mail", r"\b(e ?mail|mail|email)\b", _MAILS),
    _Hint("display_name", r"\b(display ?name|full ?name|name)\b", _NAMES, lambda c: c.form is not Form.CODE),
    _Hint("enabled", r"\b(enabled|active|disabled|locked|state|status)\b", _WORDS, _few),
    _Hint("used", r"\b(last (used|access\w*|login|log ?on|sign ?in)|used|letzte\w*)\b", _DATES),
    _Hint("since", r"\b(since|granted|assigned|from|start\w*|valid from)\b", _DATES),
    _Hint("until", r"\b(until|expir\w*|end\w*|valid (to|until))\b", _DATES),
    _Hint("created_at", r"\b(created|creation)\b", _DATES),
    _Hint(
        "entitlement",
        r"\b(entitlement|role|group|permission|access|privilege|resource|profile|right|licen[cs]e|door|"
        r"application|app|member ?of|authori[sz]ation|berechtigung\w*|gruppe|rolle|target)\b",
        _LABELS,
    ),
    _Hint("client", r"\b(client|customer|kunde)\b", _TEXTS),
    _Hint("at", r"^(at|time|timestamp|date|when|sign ?in (time|at|date))$", frozenset({Form.DATE})),
    _Hint("success", r"\b(success|result|outcome)\b", _WORDS, _few),
    _Hint("country", r"\bcountry\b", _TEXTS),
    _Hint("owner", r"\b(owner|responsible)\b", _IDS | _NAMES),
)

DECISION_HEADER = re.compile(
    r"\b(decision|action|outcome|verdict|answer|approved|granted|revoke\w*|certif\w*|result)\b"
)
KEEP_WORDS = frozenset(
    (
        *("keep", "kept", "approve", "approved", "certify", "certified", "grant", "granted", "maintain"),
        *("allow", "allowed", "confirm", "confirmed", "yes", "1"),
    )
)
REVOKE_WORDS = frozenset(
    (
        *("revoke", "revoked", "deny", "denied", "reject", "rejected", "remove", "removed"),
        *("decline", "declined", "no", "0"),
    )
)


def guess_meanings(looks: Sequence[ColumnLook], hints: Sequence[_Hint]) -> tuple[ColumnMeaning, ...]:
    """Take each field from the column that fits best; a column has one meaning.

    Where several fit a field, those whose header is the field's own word win, then fuller ones, then the first.
    """
    taken: set[str] = set()
    found: list[ColumnMeaning] = []
    for hint in hints:
        fitting = [c for c in looks if c.name not in taken and not personal(c.name) and _fits(hint, c)]
        if not fitting:
            continue
        best = max(fitting, key=lambda c: (_exact(hint, c), _text_over_code(hint, c), c.filled, -looks.index(c)))
        taken.add(best.name)
        found.append(ColumnMeaning(hint.field, (best.name,), _sureness(hint, best), _because(best)))
    return _joined_names(found)


def _fits(hint: _Hint, look: ColumnLook) -> bool:
    return (
        look.form in hint.forms
        and (look.filled > 0 or look.form is Form.EMPTY)
        and bool(re.search(hint.header, plain_header(look.name)))
        and hint.fits(look)
    )


def _exact(hint: _Hint, look: ColumnLook) -> bool:
    return bool(re.fullmatch(hint.header, plain_header(look.name)))


def _text_over_code(hint: _Hint, look: ColumnLook) -> bool:
    """A manager named by id is surer than one by name; of titles and departments the words say more than their codes."""
    if hint.field == "manager":
        return look.form in {Form.NUMBER, Form.CODE, Form.GUID}
    return look.form is not Form.NUMBER


def _sureness(hint: _Hint, look: ColumnLook) -> Sureness:
    if look.form is Form.EMPTY:
        return Sureness.GUESS
    telling = {"mail": Form.MAIL, "name": Form.NAME, "starts": Form.DATE, "left_at": Form.DATE, "used": Form.DATE}
    if look.form is telling.get(hint.field) or _exact(hint, look) or (hint.field == "person" and look.unique):
        return Sureness.SURE
    return Sureness.LIKELY


def _because(look: ColumnLook) -> str:
    repeated = "each once" if look.unique else f"{look.distinct:,} different in {look.filled:,} rows"
    return f"its header, and its values: {look.form.value}, {repeated}"


def _joined_names(found: Sequence[ColumnMeaning]) -> tuple[ColumnMeaning, ...]:
    """Make one name of a first and a last name; one half alone is no name."""
    halves = {m.field: m for m in found if m.field in {"name.first", "name.last"}}
    rest = [m for m in found if m.field not in halves]
    if len(halves) < 2 or any(m.field == "name" for m in rest):
        return tuple(rest)
    columns = halves["name.first"].columns + halves["name.last"].columns
    return (*rest, ColumnMeaning("name", columns, Sureness.SURE, "first and last name, joined by a space"))
