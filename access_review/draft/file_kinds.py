"""What a table is: a roster, a list of who holds what, a matrix, decisions; with the reasons for it."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import meant
from access_review.draft.hints import (
    DECISION_HEADER,
    FOR_WANT_OF_AN_ID,
    KEEP_WORDS,
    REVOKE_WORDS,
    ROSTER_HINTS,
    SIGN_IN_HINTS,
    TABLE_HINTS,
    TRAINING_HINTS,
    Hint,
)
from access_review.draft.levels import level_columns
from access_review.draft.meanings import ColumnMeaning, Sureness, guess_meanings
from access_review.draft.shapes import FLAG_WORDS, NO, Form


class FileKind(StrEnum):
    """What a table is."""

    ROSTER = "roster"
    HISTORY = "history"
    """Former assignments: people with start and end, several rows each."""
    HOLDINGS = "holdings"
    """Who holds what: one row a grant, or an account."""
    MATRIX_WIDE = "matrix-wide"
    """One row a person, one column an entitlement, a mark where it is held."""
    MATRIX_LONG = "matrix-long"
    """Two columns of ids and nothing else."""
    DECISIONS = "decisions"
    SIGNINS = "signins"
    OWNERS = "owners"
    TRAINING = "training"
    """Who did which course, or is to: one row each."""
    LOOKUP = "lookup"
    """Codes and what they stand for."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KindGuess:
    """What a table is taken for, why, and what its columns then mean."""

    kind: FileKind
    because: str
    meanings: tuple[ColumnMeaning, ...]
    marked: tuple[str, ...] = ()
    """Of a wide matrix the columns that are entitlements, or things of which each level is one."""
    levels: tuple[str, ...] = ()
    """Those of them whose cells say a level."""
    decision: str | None = None
    """Of decisions the column that has them."""
    kept: tuple[str, ...] = ()
    """Its words for keeping."""
    revoked: tuple[str, ...] = ()
    """Its words for revoking."""


_STATE = re.compile(
    r"\b(enabled|active|aktiv|disabled|locked|blocked|gesperrt|deleted|mfa|2fa|factor|verified|expired|password|is|has|sync\w*)\b"
)
"""Flags that say how an account is, and not what it holds."""

_NAMING = frozenset({"account", "mail", "employee_id"})
_SIGN_IN = re.compile(r"\b(last|letzte\w*) ?(used|access\w*|log ?in|log ?on|sign ?in|anmeldung|activity|seen)\b")
_ABOUT_ACCOUNTS = re.compile(
    r"\b(last ?log ?(in|on)|last sign ?in|password|pwd|mfa|2fa|account enabled|enabled|locked( out)?|disabled|"
    r"sam ?account ?name|user principal name|upn|2sv\w*|org unit path|roles|groups|permissions|entitlements|member ?of|"
    r"(account|user|badge) status|(two|2) ?(step|factor)\w*|credentials?|access (rules?|levels?|groups?)|licen[cs]es|"
    r"org role|invit\w*|sign ?in activity)\b"
)
_SURELY = 3
"""Columns that say how somebody signs in, from which on a manager makes no roster of accounts."""


def guess_kind(looks: Sequence[ColumnLook], *, pairs_unique: bool = False) -> KindGuess:
    """Guess what a table is; ``pairs_unique`` says that no two rows of the first two columns are the same."""
    roster = guess_meanings(looks, ROSTER_HINTS)
    table = guess_meanings(looks, TABLE_HINTS)
    fields, held = {m.field for m in roster}, {m.field for m in table}
    decided = _decisions(looks)
    if decided:
        return decided
    wide = _wide(looks) or _levelled(looks, fields, table)
    if wide:
        return wide
    both_name = len(held & _NAMING) > 1  # logins with numbers of staff: who, twice, and nothing that is held
    if (
        len(looks) == 2
        and not both_name
        and not fields & {"starts", "left_at"}
        and _two_ids(looks, pairs_unique=pairs_unique)
    ):
        return _long(looks, table)
    learned = guess_meanings(looks, TRAINING_HINTS)
    if not fields & {"starts", "left_at"} and _is_training(looks, learned):
        return KindGuess(FileKind.TRAINING, "people with courses, and when they did them", learned)
    people = len(fields & {"manager", "starts", "left_at", "status", "department", "title", "kind", "name"})
    once = any(m.field == "person" and _look(looks, m).keylike for m in roster)
    if "at" in held and "account" in held and not once:
        return KindGuess(FileKind.SIGNINS, "accounts with a time in each row", guess_meanings(looks, SIGN_IN_HINTS))
    # Former assignments end, all of them, and say nothing else about the person.
    ended = {"person", "starts", "left_at"} <= fields and not fields & {"name", "mail", "status", "manager"}
    if ended and all(_look(looks, m).filled == looks[0].rows for m in roster if m.field == "left_at"):
        ends = tuple(_as_ends(m) for m in roster)
        return KindGuess(FileKind.HISTORY, "people several times, with a start and an end", ends)
    if _accounts(looks, fields, held):
        return KindGuess(FileKind.HOLDINGS, _held_in(table), table)
    if _holds(table, people=people, once=once):
        return KindGuess(FileKind.HOLDINGS, "accounts with what they hold", table)
    if people + len(fields & {"team", "unit", "site"}) >= 2 and "person" not in fields and people:
        instead = next((m for hint in FOR_WANT_OF_AN_ID if (m := _only(looks, roster, hint))), None)
        if instead:
            said = f"people, one row each, told apart by {instead.label}, with {', '.join(sorted(fields))}"
            return KindGuess(FileKind.ROSTER, said, (*roster, instead))
    if ("person" in fields and people >= 2 and once) or ({"name", "mail"} <= fields and people >= 3):
        return KindGuess(
            FileKind.ROSTER, f"people, one row each, with {', '.join(sorted(fields - {'person'}))}", roster
        )
    if "owner" in held and len(looks) <= 4:
        return KindGuess(FileKind.OWNERS, "things with their owners", table)
    if "account" in held:
        return KindGuess(FileKind.HOLDINGS, "accounts, without what they hold", table)
    if len(looks) <= 6 and looks and looks[0].unique:
        return KindGuess(FileKind.LOOKUP, f"{looks[0].name} stands once in each row, with what it stands for", ())
    return KindGuess(FileKind.UNKNOWN, "no column says who, or none says what", ())


def _is_training(looks: Sequence[ColumnLook], found: Sequence[ColumnMeaning]) -> bool:
    """Say whether rows are courses of people: a course that several did, or are to do, and a day on which somebody did."""
    by_field = {m.field: _look(looks, m) for m in found}
    if not {"course", "done"} <= by_field.keys() or not by_field.keys() & {"employee_id", "mail"}:
        return False
    return not by_field["course"].keylike and by_field["done"].form is Form.DATE


def _look(looks: Sequence[ColumnLook], meaning: ColumnMeaning) -> ColumnLook:
    return next(c for c in looks if c.name == meaning.columns[0])


def _accounts(looks: Sequence[ColumnLook], fields: set[str], held: set[str]) -> bool:
    """Say whether rows are accounts, though they name people: they say how somebody signs in, and nothing of employment."""
    telling = sum(bool(_ABOUT_ACCOUNTS.search(meant(c.name))) for c in looks)
    signs_in = any(_SIGN_IN.search(meant(c.name)) and c.form is Form.DATE for c in looks)
    named = bool(held & {"account", "mail", "employee_id"})
    least = _SURELY if "manager" in fields else 2
    return named and not fields & {"starts", "left_at"} and telling + signs_in >= least


def _held_in(table: Sequence[ColumnMeaning]) -> str:
    there = any(m.field == "entitlement" for m in table)
    return "accounts with what they hold" if there else "accounts, without what they hold"


def _only(looks: Sequence[ColumnLook], roster: Sequence[ColumnMeaning], hint: Hint) -> ColumnMeaning | None:
    """Take for the person what is in each row another: a login that means nothing else yet, or a mail that is one too."""
    used = {c for m in roster for c in m.columns if m.field != "mail"}
    found = guess_meanings([c for c in looks if c.name not in used], [hint])
    if not found:
        return None
    because = f"no column is an id, and {found[0].label} is in each row another"
    return ColumnMeaning("person", found[0].columns, Sureness.GUESS, because)


def _as_ends(meaning: ColumnMeaning) -> ColumnMeaning:
    if meaning.field != "left_at":
        return meaning
    return ColumnMeaning("ends", meaning.columns, meaning.sureness, meaning.because)


def _holds(table: Sequence[ColumnMeaning], *, people: int, once: bool) -> bool:
    """Say whether rows are grants: accounts repeat beside entitlements, or nothing speaks of employment."""
    by_field = {m.field: m for m in table}
    if "entitlement" not in by_field or not by_field.keys() & {"account", "employee_id", "mail"}:
        return False
    return not once if people >= 2 else True


def _decisions(looks: Sequence[ColumnLook]) -> KindGuess | None:
    """Find a column whose few words keep or revoke, under a header that says so."""
    for look in looks:
        words = [w.word for w in look.words]
        folded = {w.casefold() for w in words}
        if not DECISION_HEADER.search(meant(look.name)) or not 2 <= len(folded) <= 4:
            continue
        if folded <= KEEP_WORDS | REVOKE_WORDS and folded & KEEP_WORDS and folded & REVOKE_WORDS:
            kept = tuple(w for w in words if w.casefold() in KEEP_WORDS)
            revoked = tuple(w for w in words if w.casefold() in REVOKE_WORDS)
            because = f"{look.name} has the words {', '.join(words)}"
            meanings = guess_meanings([c for c in looks if c is not look], TABLE_HINTS)
            return KindGuess(FileKind.DECISIONS, because, meanings, decision=look.name, kept=kept, revoked=revoked)
    return None


def _wide(looks: Sequence[ColumnLook]) -> KindGuess | None:
    """Find a matrix: most columns have a mark or nothing, and some have one; others say whose they are, alone or together."""
    marked = marked_columns(looks)
    if len(marked) < 3 or len(marked) < 0.6 * len(looks) or not any(c.filled for c in looks if c.name in marked):
        return None
    marks = {mark for c in looks if c.name in marked for mark in _marks(c)}
    held = sorted(mark for mark in marks if is_held(mark))
    others = [c for c in looks if c.name not in marked]
    if not held or (not any(c.keylike for c in others) and (len(others) < 2 or len(marked) < 5)):
        return None
    not_held = sorted(marks - {*held})
    return KindGuess(
        FileKind.MATRIX_WIDE,
        f"{len(marked)} columns have a mark or nothing: {', '.join(held)} is held, {', '.join((*not_held, 'nothing'))} is not",
        tuple(m for m in guess_meanings(others, TABLE_HINTS) if m.field != "entitlement"),
        marked,
    )


_EMPLOYED = frozenset({"starts", "left_at", "manager", "status"})


_LEVELLED = 0.4
"""Share of all columns that are of levels or marks in a matrix of levels: an export has many others."""
_OF_ACCOUNTS = frozenset({"enabled", "used", "at", "created_at"})
"""What a list of accounts says of each, or of what each did."""


def _levelled(looks: Sequence[ColumnLook], fields: set[str], table: Sequence[ColumnMeaning]) -> KindGuess | None:
    """Find a matrix of levels: a row a person, and nothing else of them that is about employment or already held."""
    marked = marked_columns(looks)
    levels = level_columns(looks, marked)
    others = [c for c in looks if c.name not in {*levels, *marked}]
    held = {c for m in table if m.field == "entitlement" for c in m.columns}
    few = len(levels) + len(marked) < _LEVELLED * len(looks)
    if not levels or few or fields & _EMPLOYED or not any(c.unique for c in others):
        return None
    if any(m.field in _OF_ACCOUNTS and not {*m.columns} <= {*levels, *marked} for m in table):
        return None
    if held - {*levels, *marked} and len(others) > 1:  # alone they stand down, and people across
        return None
    return KindGuess(
        FileKind.MATRIX_WIDE,
        f"{len(levels)} columns have levels ({', '.join(levels)}), each of which is an entitlement"
        + (f", and {len(marked)} a mark or nothing" if marked else ""),
        tuple(m for m in guess_meanings(others, TABLE_HINTS) if m.field != "entitlement"),
        tuple(c.name for c in looks if c.name in {*levels, *marked}),
        levels,
    )


def marked_columns(looks: Sequence[ColumnLook]) -> tuple[str, ...]:
    """Return the columns that have a mark or nothing, and ask nothing of an account."""
    return tuple(c.name for c in looks if (c.filled == 0 or _mark(c)) and not _STATE.search(meant(c.name)))


def marks_of(looks: Sequence[ColumnLook]) -> list[str]:
    """Return the different marks of some columns."""
    return sorted({mark for look in looks for mark in _marks(look)})


def is_held(mark: str) -> bool:
    """Say whether a mark says that something is held."""
    return mark.casefold() not in {*NO, "disabled"}


def _mark(look: ColumnLook) -> bool:
    return 1 <= look.distinct <= 3 and {mark.casefold() for mark in _marks(look)} <= FLAG_WORDS


def _marks(look: ColumnLook) -> Collection[str]:
    return {w.word for w in look.words} or look.samples


def _two_ids(looks: Sequence[ColumnLook], *, pairs_unique: bool) -> bool:
    return pairs_unique and all(c.form in {Form.NUMBER, Form.CODE, Form.MAIL, Form.GUID} for c in looks)


def _long(looks: Sequence[ColumnLook], table: Sequence[ColumnMeaning]) -> KindGuess:
    first, second = looks
    because = f"two columns of ids: {first.distinct:,} and {second.distinct:,} different, no pair twice"
    known = {m.columns[0]: m.field for m in table}
    if known.get(first.name) == "entitlement" or known.get(second.name) in {"account", "employee_id"}:
        first, second = second, first
    sureness = Sureness.SURE if known else Sureness.GUESS
    reason = "its header" if known else "its place: who comes first"
    return KindGuess(
        FileKind.MATRIX_LONG,
        because,
        (
            ColumnMeaning("account", (first.name,), sureness, reason),
            ColumnMeaning("entitlement", (second.name,), sureness, reason),
        ),
    )
