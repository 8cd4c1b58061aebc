"""What a column means: guessed from its header and held against what its values look like.

The names of the fields are those that sources/*.yaml takes. A guess says why it was made, so
that a wrong one can be seen; what fits nothing is an attribute or is left out, and said to be.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import STATUS, meant, personal
from access_review.draft.shapes import Form
from access_review.draft.status_words import asks_status, says_status


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
class Hint:
    """A field, the headers that name it, the forms its values may have."""

    field: str
    header: str
    forms: frozenset[Form]
    fits: Callable[[ColumnLook], bool] = lambda _: True
    but: str = r"(?!)"
    """Headers that have such a word and mean something else."""


_IDS = frozenset({Form.NUMBER, Form.CODE, Form.GUID, Form.SID, Form.MAIL, Form.DOMAIN_ACCOUNT})
_NAMES = frozenset({Form.NAME, Form.TEXT, Form.CODE})
_WORDS = frozenset({Form.NAME, Form.TEXT, Form.CODE, Form.NUMBER, Form.FLAG})
_TEXTS = frozenset({Form.NAME, Form.TEXT, Form.CODE})
_DATES = frozenset({Form.DATE, Form.EMPTY})
_MAILS = frozenset({Form.MAIL, Form.CODE})
_LABELS = frozenset({Form.NAME, Form.TEXT, Form.CODE, Form.DN, Form.NUMBER})


def _few(look: ColumnLook) -> bool:
    return bool(look.words) or look.distinct <= 40


_MANAGER = (
    r"\b(manager|supervisor|boss|superior|report(s|ing) to|line manager|vorgesetzte[rn]?|f(ü|ue)hrungskraft|teamleit\w*|"
    r"mgr|responsable|jefe|chef)\b"
)
_ABSENCE = (
    r"\b(absence|absent|holiday|vacation|loa|abwesen\w*|urlaub\w*|(last|next|sick|annual|parental|maternity|paternity|of|on|from) leave|"
    r"leave (start\w*|begin\w*|from|end\w*|until|to|return|type|request\w*))\b"
)
"""Whoever is away comes back: a leave is no leaving."""
_OTHER_ENDS = (
    r"\b(permit|passport|licen[cs]e|certificat\w*|medical|insurance|benefits?|trainings?|bond|lock ?in|loan|project|badge|card|password|"
    r"account|contract review|appraisal|increment|secondment|shift|laptop|equipment)\b"
)
"""What begins and ends while somebody works here."""
_LOGIN = (
    r"\b(log ?in( name)?|log ?on( name)?|user ?name|account|(badge|card)( ?(no|nr|num|number|id))?|sam ?account\w*|upn|user principal name|user|user ?id|uid|"
    r"benutzer\w*|kennung|anmeldename|usuario|bname|uname|principal)\b"
)

ROSTER_HINTS = (
    Hint("manager", _MANAGER, _IDS | _NAMES),
    Hint(
        "person",
        r"^(person\w*|worker|staff|user|emp\w*|associate|contractor|consultant|colleague|mitarbeiter\w*|payroll|hr|global|badge|workday|clock|file)? ?"
        r"(id|no|num|number|nr|nummer|code|key|uid)$|"
        r"^(empnum|empno|empid|pers(onal|onnel)? ?(no|nr|nummer|number|id)|matricule|person|employee|hrid|gid|pernr|legajo)$",
        _IDS,
        lambda c: c.keylike or c.distinct > 0.5 * c.filled,
    ),
    Hint("name.first", r"\b(first ?name|given ?name|forename|vorname|prenom|prénom)\b", _NAMES),
    Hint("name.last", r"\b(last ?name|sur ?name|family ?name|nachname|apellido|nom)\b", _NAMES),
    Hint(
        "name",
        r"^(employee|emp|worker|full|display|person|user|preferred|staff|legal)? ?name$|^(employee|worker|nombre)$",
        frozenset({Form.NAME, Form.TEXT}),
    ),
    # One word, beside Surname the first name and beside Vorname the last: together they are one, alone it is none.
    Hint("name.half", r"^name$", frozenset({Form.CODE})),
    Hint("mail", r"\b(e ?mail|mail|email)\b", _MAILS),
    Hint(
        "left_at",
        r"\b(term|terminat\w*|leav\w*|left|last (working )?day|exit|austritt\w*|end|ende|ends|until|separation|departure|"
        r"sortie|baja)\b",
        _DATES,
        but=rf"\b(probation|review|notice|visa|start\w*|begin\w*)\b|{_OTHER_ENDS}|{_ABSENCE}",
    ),
    Hint(
        "starts",
        r"\b(hire\w*|start\w*|entry|join\w*|eintritt\w*|effective|begin\w*|from|onboard\w*)\b",
        _DATES,
        but=rf"{_OTHER_ENDS}|{_ABSENCE}",
    ),
    Hint("notified", r"\b(notice|notified|notification|resign\w*)\b", _DATES, but=r"\b(end\w*|period|last|until)\b"),
    Hint("status", STATUS, _WORDS, says_status),
    Hint("status", r"", _WORDS, lambda c: asks_status(c.name) is not None and says_status(c)),
    Hint("department", r"\b(department|dept|abteilung|division|departement)\b(?! (id|no|code))", _TEXTS),
    Hint(
        "title",
        r"\b(title|position|job|job title|role|function|stelle\w*|\w*funktion|poste|puesto|cargo|fonction|t(ä|ae)tigkeit)\b"
        r"(?! (id|no|code))",
        _TEXTS,
    ),
    Hint("client", r"\b(client|customer|account name|kunde)\b", _TEXTS),
    Hint("kind", r"\b(worker type|emp(loyee|loyment)? ?type|contract type|person type|kind)\b", _WORDS, _few),
    Hint("site", r"\b(site|location|office|locality|city|ort|\w*standort|campus|branch|filiale|l)\b", _TEXTS),
    Hint("country", r"\b(country|land|pays)\b", _TEXTS),
    Hint("team", r"\b(team|squad|group)\b", _TEXTS),
    Hint(
        "unit",
        r"\b((business|functional|org\w*) unit|cost ?cent(er|re)|kostenstelle|company)\b",
        _TEXTS | {Form.NUMBER},
        lambda c: c.distinct <= 0.5 * c.filled,
    ),
)

FOR_WANT_OF_AN_ID = (
    Hint("person", _LOGIN, _IDS, lambda c: c.unique),
    Hint("person", r"mail", _MAILS, lambda c: c.unique),
)
"""What tells people apart in a roster that has no id: a login, or else a mail."""

TABLE_HINTS = (
    Hint(
        "employee_id",
        r"\b(employee|emp|pers|personnel|worker|staff|personal|mitarbeiter)\w* ?(id|no|num|number|nr|nummer)\b|"
        r"\bpersonal(nr|nummer)\b|^(emp|employee|pernr)$",
        _IDS,
    ),
    Hint(
        "account",
        _LOGIN,
        _IDS | frozenset({Form.NAME, Form.TEXT, Form.DN}),
        but=r"\b(type|typ|status|count|control|group|locked|enabled|active|expires)\b",
    ),
    Hint("mail", r"\b(e ?mail|mail|email)\b", _MAILS, but=r"\b(group|list|owner|manager)\b"),
    Hint(
        "display_name",
        r"\b(display ?name|full ?name|name)\b",
        _NAMES,
        lambda c: c.form is not Form.CODE,
        but=r"\b(apps?|applications?|groups?|roles?|host|device|file|resource|entitlement|permission|profile|course)\b",
    ),
    Hint(
        "enabled",
        r"\b(enabled|active|aktiv|disabled|deactivated|inactive|locked|blocked|gesperrt|suspended|state|status)\b",
        _WORDS,
        _few,
        but=r"\b(mfa|2fa|2sv|factor|password|sms|sync|synced|mail|out|key|token|cert|certificate|licen[cs]e|assignment)\b",
    ),
    Hint(
        "used",
        r"\b(last (used|access\w*|login|log ?on|sign ?in|activity|seen)|used|letzte\w*|trdat)\b",
        _DATES,
        but=r"\b(update|updated|modified|changed|change)\b",
    ),
    Hint("since", r"\b(since|granted|assigned|from|start\w*|valid from)\b", _DATES),
    Hint("until", r"\b(until|expir\w*|end\w*|valid (to|until))\b", _DATES),
    Hint("created_at", r"\b(created|creation)\b", _DATES),
    Hint(
        "entitlement",
        r"\b(entitlements?|roles?|groups?|permissions?|access|privileges?|resources?|profiles?|rights?|licen[cs]es?|doors?|"
        r"applications?|apps?|member ?of|authori[sz]ations?|\w*berechtigung\w*|\w*gruppen?|\w*rollen?|\w*rechte?|target|"
        r"polic(y|ies)|transactions?|responsibilit(y|ies)|agr name)\b",
        _LABELS | {Form.MAIL},
        but=r"\b(owner|created|modified|last|count|member (role|type|status))\b",
    ),
    Hint("client", r"\b(client|customer|kunde)\b", _TEXTS),
    Hint("at", r"^(at|time|timestamp|date|when|sign ?in (time|at|date))$", frozenset({Form.DATE})),
    Hint("success", r"\b(success|result|outcome)\b", _WORDS, _few),
    Hint("country", r"\bcountry\b", _TEXTS),
    Hint("owner", r"\b(owner|responsible)\b", _IDS | _NAMES),
)

TRAINING_HINTS = (
    *(hint for hint in TABLE_HINTS if hint.field in {"employee_id", "mail"}),
    Hint("employee_id", r"^(user|person|learner|worker|learner user|teilnehmer) ?(id|no|nr|number)$", _IDS),
    Hint(
        "course",
        r"\b(courses?|trainings?|curriculum|item title|learning \w+|kurse?|lehrgang|schulung|unterweisung|curso|corso|szkolenie)\b",
        _LABELS,
        but=r"\b(id|date|status|due|completed|completion|assigned|type|provider|hours|score)\b",
    ),
    Hint("done", r"\b(complet\w*|finished|done|passed|abgeschlossen|absolviert)\b", _DATES),
    Hint("assigned", r"\b(assign\w*|enrol\w*|registered|registration|zugewiesen)\b", _DATES),
    Hint("due", r"\b(due|deadline|required by|faellig\w*)\b", _DATES),
    Hint("until", r"\b(expir\w*|valid (until|to))\b", _DATES),
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


def guess_meanings(looks: Sequence[ColumnLook], hints: Sequence[Hint]) -> tuple[ColumnMeaning, ...]:
    """Take each field from the column that fits best; a column has one meaning.

    Where several fit a field, those whose header is the field's own word win, then fuller ones, then the first.
    """
    taken: set[str] = set()
    found: list[ColumnMeaning] = []
    for hint in hints:
        fitting = [c for c in looks if c.name not in taken and not personal(c.name) and _fits(hint, c)]
        if not fitting or any(m.field == hint.field for m in found):
            continue
        best = max(
            fitting,
            key=lambda c: (
                c.distinct != 1 or hint.field != "entitlement",
                hint.field != "account" or c.form not in {Form.NAME, Form.TEXT},
                _exact(hint, c),
                _ends_so(hint.header, c.name),
                _text_over_code(hint, c),
                c.filled,
                -looks.index(c),
            ),
        )
        taken.add(best.name)
        found.append(ColumnMeaning(hint.field, (best.name,), _sureness(hint, best), _because(best)))
    return _joined_names(found)


def headed_like(field: str, names: Sequence[str]) -> str | None:
    """Return the column whose header says a field of a roster best, whatever its values are; codes say who as words do."""
    (header, *_) = (hint.header for hint in ROSTER_HINTS if hint.field == field)
    found = [name for name in names if re.search(header, meant(name))]
    return max(found, key=lambda name: _ends_so(header, name), default=None)


def undated(looks: Sequence[ColumnLook], found: Sequence[ColumnMeaning], hints: Sequence[Hint]) -> dict[str, str]:
    """Return the columns that are headed like a day that counts and have no dates in a form that is known, with its field."""
    taken = {c for m in found for c in m.columns}
    return {
        look.name: hint.field
        for hint in hints
        if hint.field in _COUNTING
        for look in looks
        if look.name not in taken
        and look.filled
        and look.form is not Form.DATE
        and all(map(_DIGIT.search, look.samples))
        if _headed(hint, look) and not personal(look.name)
    }


_COUNTING = frozenset({"starts", "left_at", "notified", "used"})
_DIGIT = re.compile(r"\d")


def unplaced_status(looks: Sequence[ColumnLook], found: Sequence[ColumnMeaning]) -> ColumnLook | None:
    """Return the column that is headed like a status and was not taken for one, since too few of its words are known."""
    taken = {c for m in found for c in m.columns}
    if any(m.field == "status" for m in found):
        return None
    (hint, *_) = (one for one in ROSTER_HINTS if one.field == "status")
    asked = [c for c in looks if c.words and c.name not in taken and not personal(c.name) and c.form in hint.forms]
    alike = [c for c in asked if asks_status(c.name) or _exact(hint, c)] or [c for c in asked if _headed(hint, c)]
    return next(iter(alike), None)


def heads_held(name: str) -> bool:
    """Say whether a header is that of what somebody holds, and of nothing that says who."""
    said = meant(name)
    held, who = (next(hint for hint in TABLE_HINTS if hint.field == field) for field in ("entitlement", "account"))
    return bool(re.search(rf"{held.header}|\bsystems?\b", said)) and not re.search(rf"{held.but}|{who.header}", said)


def further_entitlements(looks: Sequence[ColumnLook], found: Sequence[ColumnMeaning]) -> tuple[str, ...]:
    """Return the columns that are headed like what is held and were not taken for it, since another was."""
    if not any(m.field == "entitlement" for m in found):
        return ()
    (hint,) = (one for one in TABLE_HINTS if one.field == "entitlement")
    taken = {c for m in found for c in m.columns}
    labels = hint.forms - {Form.NUMBER}
    return tuple(c.name for c in looks if c.name not in taken and c.form in labels and _fits(hint, c))


def _fits(hint: Hint, look: ColumnLook) -> bool:
    return (
        look.form in hint.forms
        and (look.filled > 0 or look.form is Form.EMPTY)
        and _headed(hint, look)
        and hint.fits(look)
    )


def _headed(hint: Hint, look: ColumnLook) -> bool:
    return bool(re.search(hint.header, meant(look.name))) and not re.search(hint.but, meant(look.name))


def _exact(hint: Hint, look: ColumnLook) -> bool:
    return bool(re.fullmatch(hint.header, meant(look.name)))


def _ends_so(header: str, name: str) -> bool:
    """Of ``role title`` and ``role family`` the first is a title: its last words are the field's."""
    words = meant(name).split()
    return any(re.fullmatch(header, " ".join(words[at:])) for at in range(1, len(words)))


def _text_over_code(hint: Hint, look: ColumnLook) -> bool:
    """A manager named by id is surer than one by name; of titles and departments the words say more than their codes."""
    if hint.field == "manager":
        return look.form in {Form.NUMBER, Form.CODE, Form.GUID}
    return look.form is not Form.NUMBER


def _sureness(hint: Hint, look: ColumnLook) -> Sureness:
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
    half = next((m for m in found if m.field == "name.half" or (m.field == "name" and meant(m.label) == "name")), None)
    lacks = [field for field in ("name.first", "name.last") if field not in halves]
    if half and len(lacks) == 1:
        halves[lacks[0]] = half
        found = [m for m in found if m is not half]
    found = [m for m in found if m.field != "name.half"]
    rest = [m for m in found if m.field not in halves]
    if len(halves) < 2 or any(m.field == "name" for m in rest):
        return tuple(rest)
    columns = halves["name.first"].columns + halves["name.last"].columns
    return (*rest, ColumnMeaning("name", columns, Sureness.SURE, "first and last name, joined by a space"))
