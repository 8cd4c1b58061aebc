"""Which headers name which field, and what its values may look like; the names are those that sources/*.yaml takes."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import STATUS, meant
from access_review.draft.shapes import Form
from access_review.draft.sign_in_words import says_sign_in
from access_review.draft.status_words import asks_status, says_status


@dataclass(frozen=True, slots=True)
class Hint:
    """A field, the headers that name it, the forms its values may have."""

    field: str
    header: str
    forms: frozenset[Form]
    fits: Callable[[ColumnLook], bool] = lambda _: True
    but: str = r"(?!)"
    """Headers that have such a word and mean something else."""
    plainly: str = r"(?!)"
    """Headers that say it more plainly than others that have such a word."""


ELIGIBLE = re.compile(r"(?i)\beligible\b")
"""What is said of whoever may take something up, and does not hold it."""

_IDS = frozenset({Form.NUMBER, Form.CODE, Form.GUID, Form.SID, Form.MAIL, Form.DOMAIN_ACCOUNT})
_NAMES = frozenset({Form.NAME, Form.TEXT, Form.CODE})
_WORDS = frozenset({Form.NAME, Form.TEXT, Form.CODE, Form.NUMBER, Form.FLAG})
_TEXTS = frozenset({Form.NAME, Form.TEXT, Form.CODE})
_DATES = frozenset({Form.DATE, Form.EMPTY})
_MAILS = frozenset({Form.MAIL, Form.CODE})
_LABELS = frozenset({Form.NAME, Form.TEXT, Form.CODE, Form.DN, Form.NUMBER})


def _few(look: ColumnLook) -> bool:
    return bool(look.words) or look.distinct <= 40


def _tells_use(look: ColumnLook) -> bool:
    """Of a status words may be new; a state may be that of a country, and who is only eligible can sign in."""
    if any(ELIGIBLE.search(one.word) for one in look.words):
        return False
    return _few(look) and (meant(look.name) != "state" or says_sign_in(look))


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
_FIRST_NAME = r"(first ?name|name first|given ?name|forename|vorname|vorna|prenom|prénom)"
_LAST_NAME = r"(last ?name|name last|sur ?name|family ?name|nachname|nachn|apellido|nom)"
_BOTH_NAMES = rf"^{_LAST_NAME} (and )?{_FIRST_NAME}$|^{_FIRST_NAME} (and )?{_LAST_NAME}$"
"""A heading of a whole name, in the order it is written in: ``Last name, First name``."""
_LOGIN = (
    r"\b(log ?in( name)?|log ?on( name)?|user ?name|account|(badge|card)( ?(no|nr|num|number|id))?|sam ?account\w*|upn|user principal name|user|user ?id|uid|"
    r"benutzer\w*|kennung|anmeldename|usuario|bname|uname|principal|actor alternate id)\b"
)

ROSTER_HINTS = (
    Hint("manager", _MANAGER, _IDS | _NAMES),
    Hint(
        "person",
        r"^(person\w*|worker|staff|user|emp\w*|associate|contractor|consultant|colleague|mitarbeiter\w*|payroll|hr|global|badge|workday|clock|file)? ?"
        r"(id|no|num|number|nr|nummer|code|key|uid|x ?ref ?code)$|"
        r"^(empnum|empno|empid|pers(onal|onnel)? ?(no|nr|nummer|number|id)|matricule|person|employee|hrid|gid|pernr|legajo)$",
        _IDS,
        lambda c: c.keylike or c.distinct > 0.5 * c.filled,
    ),
    Hint("name.first", rf"\b{_FIRST_NAME}\b", _NAMES, but=_BOTH_NAMES),
    Hint("name.last", rf"\b{_LAST_NAME}\b", _NAMES, but=_BOTH_NAMES),
    Hint(
        "name",
        rf"^(employee|emp|worker|full|display|person|user|preferred|staff|legal|payroll)? ?name$|^(employee|worker|nombre)$|{_BOTH_NAMES}",
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
        plainly=r"\b(term|terminat\w*|leav\w*|left|last (working )?day|exit|austritt\w*|separation|departure|sortie|baja)\b",
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
    Hint("client", r"\b(client|customer|account name|kunde)\b", _TEXTS, but=r"\b(sam|user|log ?on|log ?in)\b"),
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
        but=r"\b(type|typ|status|count|control|group|locked|enabled|active|expires|agent)\b",
        plainly=r"\b(log ?in|log ?on|user ?name|upn|user principal name|sam ?account\w*|bname|uname|alternate id)\b",
    ),
    Hint("mail", r"\b(e ?mail|mail|email)\b", _MAILS, but=r"\b(group|list|owner|manager)\b"),
    Hint(
        "display_name",
        r"\b(display ?name|full ?name|name)\b",
        _NAMES,
        lambda c: c.form is not Form.CODE,
        but=r"\b(apps?|applications?|groups?|roles?|host|device|file|resource|entitlement|permission|profile|course|"
        r"responsibilit\w+|polic\w+|doors?|zones?|teams?|projects?|spaces?|licen[cs]es?|products?|org\w*|compan\w+|managers?)\b",
    ),
    Hint(
        "enabled",
        r"\b(enabled|active|aktiv|disabled|deactivated|inactive|locked|blocked|gesperrt|suspended|state|status|uflag)\b",
        _WORDS,
        _tells_use,
        but=r"\b(mfa|2fa|2sv|tfa|factor|password|sms|sync|synced|mail|out|key|token|cert|certificate|licen[cs]e|assignment|"
        r"apps?|applications?|groups?|roles?|permissions?|devices?)\b",
    ),
    Hint(
        "used",
        r"\b(last (used|access\w*|login|log ?on|sign ?in|activity|seen)|used|letzte\w*|trdat)\b",
        _DATES,
        but=r"\b(update|updated|modified|changed|change|region|service|department|location|device|ip|status)\b",
    ),
    Hint("since", r"\b(since|granted|assigned|from|start\w*|valid from)\b", _DATES),
    Hint("until", r"\b(until|expir\w*|end\w*|valid (to|until)|to dat|gltgb)\b", _DATES),
    Hint("created_at", r"\b(created|creation)\b", _DATES),
    Hint(
        "entitlement",
        r"\b(entitlements?|roles?|groups?|permissions?|access|privileges?|resources?|profiles?|rights?|licen[cs]es?|doors?|"
        r"applications?|apps?|member ?of|authori[sz]ations?|\w*berechtigung\w*|\w*gruppen?|\w*rollen?|\w*rechte?|target|"
        r"polic(y|ies)|transactions?|responsibilit(y|ies)|agr name)\b",
        _LABELS | {Form.MAIL},
        but=r"\b(owner|created|modified|last|count|scope|member (role|type|status)|(group|role|entitlement|permission) type)\b",
        plainly=r"\b(entitlements?|roles?|groups?|permissions?|responsibilit(y|ies)|agr|member ?of|rules?|levels?)( set)?"
        r"( (name|value|label))?$",
    ),
    Hint("client", r"\b(client|customer|kunde)\b", _TEXTS),
    Hint(
        "at",
        r"^((at|time|timestamp|date|when|(sign ?in|event|activity) (time|timestamp|at|date)|created date time)( (utc|gmt))?)$",
        frozenset({Form.DATE}),
    ),
    Hint("success", r"\b(success|result|outcome)\b", _WORDS, _few),
    Hint("country", r"\bcountry\b", _TEXTS),
    Hint("owner", r"\b(owner|responsible)\b", _IDS | _NAMES),
)

SIGN_IN_HINTS = (
    *(hint for hint in TABLE_HINTS if hint.field in {"at", "account"}),
    Hint("signin", r"^((request|correlation|event|sign ?in) )?id$", _IDS, lambda c: c.unique),
    Hint(
        "success",
        r"\b(success|result|outcome|status)\b",
        _WORDS,
        _few,
        but=r"\b(device|mfa|conditional|error|reason)\b",
    ),
    Hint("country", r"\bcountry\b", _TEXTS),
    Hint("device", r"\bdevice( (id|name))?$", _IDS | _TEXTS),
    Hint("application", r"^(app|application)( (display )?name)?$", _TEXTS),
    Hint("address", r"\bip( ?address)?$", frozenset({Form.CODE}), but=r"\b(destination|server)\b"),
    Hint("managed", r"\bmanaged$", _WORDS, _few),
    Hint("compliant", r"\bcompliant$", _WORDS, _few),
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
