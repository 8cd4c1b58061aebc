"""What a source file is to say of a table or an export: options with why each is so, and the match ladder."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from access_review.connectors.roster.mapping import RosterColumns
from access_review.draft.account_states import account_states, empty_states
from access_review.draft.columns import ColumnLook, WordCount
from access_review.draft.headers import plain_header
from access_review.draft.inspection import FilesLook, TableLook, unplaced_sentence
from access_review.draft.ladder import suggest_ladder
from access_review.draft.languages import folded
from access_review.draft.meanings import dated_alike, further_entitlements, further_uses
from access_review.draft.naming import slug
from access_review.draft.references import AccountReference, account_column, holds
from access_review.draft.status_words import StatusLook, asks_status
from access_review.settings import ACCOUNT_COLUMNS, PERSON_COLUMNS

_ROSTER_FIELDS = ("person", "name", "mail", "status", "starts", "left_at", "notified", "client", "manager")
_ROSTER_ATTRIBUTES = ("department", "title", "site", "country", "team", "unit")
_HELD_FIELDS = ("entitlement", "since", "until", "used")
_TABLE_FIELDS = ("account", "display_name", "mail", "employee_id", "enabled", "client", "created_at", *_HELD_FIELDS)
_DATED = frozenset({"starts", "left_at", "notified", "created_at", "since", "until", "used", "last_used"})
_DECIDING = frozenset({"left_at", "used"})
_CONTRACTOR = re.compile(
    r"\b(contractors?|subcontract\w*|(?<!permanent )(?<!employment )(?<!term )(?<!time )contract(?! of)|vendor|"
    r"temps?(?! (plein|partiel|complet))|temporary|extern\w*|contingent|consultant|agency|freelance\w*|interim\w*|prestataires?|"
    r"zeitarbeit\w*|leih\w*|autonom[oa]s?|inhuur)\b|派遣|業務委託|外部"
)


_SIGNED_IN = re.compile(r"log ?(in|on)|sign(ed)? ?in|anmeld|conn?exion|logowan|aanmeld|ログイン|サインイン")
_OTHERWISE_OURS = ("kind", "source")
"""What templates ask for of people beside their attributes."""
_MISTAKEN = ("id", "employee_id", "email", "e_mail", "start", "hired", "end", "ends", "left", "last_day")
_ALIKE = 0.85
_NAMED = 5
_UNSPELT = re.compile(r"[^\W\d_a-z]")


@dataclass(frozen=True, slots=True)
class SourceAnswers:
    """What no file says: when a last day ends, where, what words mean."""

    last_day: str = "end-of-day"
    zone: str = "UTC"
    statuses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OptionLine:
    """One line of a source file, and why it is so."""

    name: str
    value: Any
    because: str = ""


@dataclass(frozen=True, slots=True)
class RungLine:
    """A rung of the ladder; ``possible`` is false where it is shown and cannot be written as it would be needed."""

    account: str
    person: str
    certain: bool
    because: str
    ignoring: str = ""
    possible: bool = True


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The source that has the accounts of a list, and how the list names them."""

    source: str
    reference: AccountReference


@dataclass(frozen=True, slots=True)
class SourceDraft:
    """One file of ``sources/``."""

    name: str
    connector: str
    about: tuple[str, ...]
    options: tuple[OptionLine, ...]
    columns: tuple[OptionLine, ...] = ()
    match: tuple[RungLine, ...] = ()
    doubts: tuple[str, ...] = ()
    """What was taken without proof, for a person to look at."""


def roster_source(
    name: str, look: TableLook, path: str, reading: Mapping[str, Any], answers: SourceAnswers, keys: Sequence[str] = ()
) -> SourceDraft:
    """Describe a roster; one that names nobody by an id cannot be described, see :func:`names_people`.

    ``keys`` are columns by which accounts find their people, whatever else they mean.
    """
    found = {m.field: m for m in look.guess.meanings}
    columns: list[OptionLine] = []
    doubts: list[str] = []
    form, left = _one_form(look)
    doubts += [*left, *look.unread]
    status = _status(look, answers)
    if look.unplaced and not status:
        doubts.append(unplaced_sentence(look.unplaced))
    for name_ in (*_ROSTER_FIELDS, *_ROSTER_ATTRIBUTES):
        meaning = found.get(name_)
        if meaning is None or (name_ in _DATED and not _has_form(look, meaning.columns[0], form)):
            continue
        value: Any = meaning.columns[0] if len(meaning.columns) == 1 else list(meaning.columns)
        if name_ == "manager" and look.manager_by in {"name", "mail"}:
            value = {"column": meaning.columns[0], "by": look.manager_by}
        columns.append(OptionLine(name_, value, f"{meaning.sureness}: {meaning.because}"))
        if meaning.sureness == "guess":
            doubts.append(f"{meaning.columns[0]} is taken for {name_}: {meaning.because}")
    if status and status is look.unplaced:
        columns.append(OptionLine("status", status.column, "its header, and what was said of its words"))
    taken = {one.name for one in columns}
    kind, kind_column = _kind(look, found)
    for column in (*kind_column, *keys, *look.attributes):
        attribute = attribute_name(column)
        if attribute not in taken:
            taken.add(attribute)
            why = "accounts find their people by it" if column in keys else "an attribute that templates may ask for"
            columns.append(OptionLine(attribute, column, why))
    options, lost = as_written(look, path, reading)
    doubts += lost
    if form:
        options += [OptionLine("dates", form, _evidence(look, form))]
        options.append(OptionLine("timezone", answers.zone, "no file says it: asked for, or UTC"))
    if "left_at" in taken:
        options.append(OptionLine("left_at_means", answers.last_day, "no file says it: asked for, or end-of-day"))
        doubts.append(f"a last day is taken for {answers.last_day}, in {answers.zone}")
    if status:
        words, unplaced = _statuses(status, answers)
        options.append(OptionLine("statuses", words, status.sentence))
        doubts += [_unplaced(word, look.rows) for word in status.unknown if word.word in unplaced]
        if asks_status(status.column) and "left" in words:
            doubts.append(f"whoever has {' or '.join(words['left'])} under {status.column} is taken to have left")
    options.append(kind)
    return SourceDraft(name, "roster", about_table(look), tuple(options), tuple(columns), (), tuple(doubts))


def attribute_name(column: str) -> str:
    """Return what a column of a roster is called as an attribute; never as a column of ours is."""
    words = plain_header(column)
    # A name in letters that have no others beside them stays as it is: without them all such columns would be one.
    name = words.replace(" ", "_") if _UNSPELT.search(folded(words)) else slug(words).replace("-", "_") or "column"
    return next(one for one in (name, f"hr_{name}", f"hr_column_{name}") if not _is_ours(one))


def _is_ours(name: str) -> bool:
    """Say whether a name is one that a source file has for something else, or nearly one."""
    ours = (*RosterColumns.model_fields, *_OTHERWISE_OURS, *_MISTAKEN)
    return bool(get_close_matches(name, ours, 1, _ALIKE))


def names_people(look: TableLook) -> bool:
    """Say whether a roster has a column that says who."""
    return look.column("person") is not None


def table_source(
    name: str,
    look: TableLook,
    path: str,
    reading: Mapping[str, Any],
    answers: SourceAnswers,
    ladder: Sequence[RungLine],
    elsewhere: Elsewhere | None = None,
    named_by: AccountReference | None = None,
    powerful: Sequence[str] = (),
) -> SourceDraft:
    """Describe a list of who holds what; the account is what names somebody best.

    The accounts of a list may stand ``elsewhere``; those of another are ``named_by`` what that list has of them.
    ``powerful`` is what seems so of the things that are held.
    """
    found = {m.field: m.columns[0] for m in look.guess.meanings}
    meant = {m.field: m for m in look.guess.meanings}
    account = elsewhere.reference.column if elsewhere else account_column(look) or ""
    form, doubts = _one_form(look)
    doubts += look.unread
    because = meant["account"].because if "account" in meant else "it names somebody"
    columns = [OptionLine("account", account, elsewhere.reference.because if elsewhere else because)]
    if named_by and not named_by.login:
        columns.append(OptionLine("id", named_by.other_column, "another file names accounts by it"))
    # Without anything that is held, what was used is the account; and so it is by signing in, whatever is held.
    signed_in = "used" in found and _SIGNED_IN.search(folded(plain_header(found["used"])))
    said = {
        "used": "last_used" if signed_in or not holds(look) else "used",
        # Where nothing is held, what ends is the account.
        "until": "until" if elsewhere or holds(look) else "expires_at",
    }
    if elsewhere and not elsewhere.reference.certain:
        doubts.append(f"its accounts are taken for those of {elsewhere.source}, by {account}: are both of one system?")
    if elsewhere and signed_in:
        doubts.append(f"{found.pop('used')} is not read: it is of accounts, which {elsewhere.source} lists")
    columns += [
        OptionLine(said.get(one, one), found[one], f"{meant[one].sureness}: {meant[one].because}")
        for one in (_HELD_FIELDS if elsewhere else _TABLE_FIELDS[1:])
        if one in found and (one not in _DATED or _has_form(look, found[one], form))
    ]
    columns = [_latest(look, one) if one.name == "last_used" else one for one in columns]
    options, lost = as_written(look, path, reading)
    doubts += lost
    if form and any(one.name in _DATED for one in columns):
        options += [
            OptionLine("dates", form, _evidence(look, form)),
            OptionLine("timezone", answers.zone, "asked for, or UTC"),
        ]
    if elsewhere:
        scheme = f"{elsewhere.source}-{'login' if elsewhere.reference.login else 'id'}"
        options.append(OptionLine("references", {"account": scheme}, f"its accounts are those of {elsewhere.source}"))
    elif "enabled" in found:
        states = account_states(_column(look, found["enabled"]))
        words = {"yes": list(states.yes), "no": list(states.no)}
        options.append(OptionLine("enabled", words, "by the words of the column"))
        doubts += states.doubts
        if states.roles and "entitlement" not in found:
            columns.append(OptionLine("entitlement", found["enabled"], f"{', '.join(states.roles)} are roles"))
            powerful = states.powerful
    elif not elsewhere:
        doubts += empty_states(look.columns)
    if "entitlement" in found and (part := _column(look, found["entitlement"]).parted):
        options.append(OptionLine("separator", part, "several stand in one cell"))
    marked, named = privileged(powerful)
    options += marked
    doubts += named
    doubts += [
        f"{one} is not read: is it more of what is held? Then it is a source of its own"
        for one in further_entitlements(look.columns, look.guess.meanings)
    ]
    guesses = [f"{m.columns[0]} is taken for {m.field}" for m in look.guess.meanings if m.sureness == "guess"]
    return SourceDraft(
        name, "table", about_table(look), tuple(options), tuple(columns), tuple(ladder), (*doubts, *guesses)
    )


def _latest(look: TableLook, line: OptionLine) -> OptionLine:
    """Add to a column of last uses the others that are written alike: the latest counts."""
    used = _column(look, line.value)
    others = [_column(look, name) for name in further_uses(look.columns, look.guess.meanings)]
    further = [one.name for one in others if not one.filled or dated_alike(one, used)]
    return OptionLine(line.name, [line.value, *further], f"{line.because}; the latest of them") if further else line


def privileged(powerful: Sequence[str]) -> tuple[list[OptionLine], list[str]]:
    """Return the option that says what is privileged, and the doubt that only names say so; nothing for nothing."""
    said = ", ".join(powerful[:_NAMED]) + (f" and {len(powerful) - _NAMED} more" if len(powerful) > _NAMED else "")
    line = OptionLine("privileged", list(powerful), "by their names: no column says which are")
    return ([line], [f"taken for privileged by name alone: {said}"]) if powerful else ([], [])


def key_columns(files: FilesLook, rosters: Sequence[str]) -> dict[str, list[str]]:
    """Return of each roster the columns by which accounts find their people and that are none of ours, in order."""
    keys: dict[str, list[str]] = {roster: [] for roster in rosters}
    for roster in rosters:
        for look in files.tables:
            rungs = suggest_ladder(files, look.name, roster) if look.name not in rosters else ()
            keys[roster] += [r.join.other_column for r in rungs if r.field not in PERSON_COLUMNS]
        keys[roster] = list(dict.fromkeys(keys[roster]))
    return keys


def ladder_lines(
    files: FilesLook, accounts: str, rosters: Sequence[str], only: str | None = None
) -> tuple[RungLine, ...]:
    """Propose the ladder of one file of accounts, with the rate of each rung; the best roster speaks for each.

    Of a file that is written anew ``only`` one column is left, as the accounts.
    """
    look = next(t for t in files.tables if t.name == accounts)
    mine = {c: m.field for m in look.guess.meanings for c in m.columns}
    lines: dict[tuple[str, str], RungLine] = {}
    for roster in rosters:
        for rung in suggest_ladder(files, accounts, roster):
            if only is not None and rung.join.column != only:
                continue
            account = "account" if only else mine.get(rung.join.column, rung.join.column)
            account = "name" if account == "account" else account
            person = rung.field if rung.field in PERSON_COLUMNS else attribute_name(rung.join.other_column)
            because = f"{rung.join.column} beside {rung.join.other_column} in {roster}: {rung.because}"
            ignoring = rung.ignoring or ""
            possible = account in ACCOUNT_COLUMNS
            lines.setdefault((account, person), RungLine(account, person, rung.certain, because, ignoring, possible))
    return tuple(sorted(lines.values(), key=lambda line: (not line.possible, not line.certain)))


def as_written(look: TableLook, path: str, reading: Mapping[str, Any]) -> tuple[list[OptionLine], list[str]]:
    """Return the options that say how a file is written, and what is lost by that."""
    options = [OptionLine("path", path), *(OptionLine(k, v, "seen in the file") for k, v in reading.items())]
    if any(column.blanks_around for column in look.columns):
        options.append(OptionLine("strip", value=True, because="some values have blanks around"))
    doubts = []
    if "number_ids" in reading:
        doubts.append("ids are stored as numbers: zeros before them, if there were any, are lost in this file")
    if "encoding" in reading:
        doubts.append(foreign_letters(reading["encoding"]))
    return options, doubts


def foreign_letters(encoding: str) -> str:
    """Say that a file names no encoding and is no UTF-8, and what it is read as."""
    return f"the file is no UTF-8, and is read as {encoding}: are names with other letters than a to z right?"


def about_table(look: TableLook) -> tuple[str, ...]:
    """Say what a table was taken for, and why."""
    return (f"{look.name}: {look.guess.kind}, {look.rows:,} rows: {look.guess.because}.",)


def _column(look: TableLook, name: str) -> ColumnLook:
    return next(c for c in look.columns if c.name == name)


def _one_form(look: TableLook) -> tuple[str | None, list[str]]:
    """Return the form of the dates that decide most, or of most of the columns in use, and what is left out for another."""
    dated = {m.columns[0]: m.field for m in look.guess.meanings if m.field in _DATED}
    forms = {c: _form(_column(look, c)) for c in dated}
    known = [form for form in forms.values() if form]
    most = max(dict.fromkeys(known), key=known.count, default=None)
    best = next((form for c, form in forms.items() if form and dated[c] in _DECIDING), most)
    left = [
        f"{c} is left out: its dates are {'not clear' if f is None else f'written as {f}'}"
        for c, f in forms.items()
        if f is None or f != best
    ]
    return best, left


def _form(column: ColumnLook) -> str | None:
    """Return the form of a column's dates with their time of day; nothing where some have one and some have none."""
    if column.dates is None or column.dates.format is None or (column.dates.timed and column.dates.clock is None):
        return None
    return column.dates.format + (column.dates.clock or "")


def _has_form(look: TableLook, column: str, form: str | None) -> bool:
    return form is not None and _form(_column(look, column)) == form


def _evidence(look: TableLook, form: str) -> str:
    return next(c.dates.sentence for c in look.columns if c.dates and _form(c) == form)


def _words(look: TableLook, column: str) -> list[str]:
    return [word.word for word in _column(look, column).words]


def _status(look: TableLook, answers: SourceAnswers) -> StatusLook | None:
    """Return the column of statuses: one whose words are known, or become so by the answers."""
    found = look.status or look.unplaced
    if found is None or found is look.status:
        return found
    return found if any(word.word in answers.statuses for word in found.unknown) else None


def _statuses(status: StatusLook, answers: SourceAnswers) -> tuple[dict[str, list[str]], list[str]]:
    """Return the words of each meaning, what was answered before what was guessed, and those without one."""
    words: dict[str, list[str]] = {"active": [], "leave": [], "left": [], "unknown": []}
    for guessed in words:
        for one in getattr(status, guessed):
            words[answers.statuses.get(one.word, guessed)].append(one.word)
    unplaced = words.pop("unknown")
    return {name: found for name, found in words.items() if found}, unplaced


def _unplaced(word: WordCount, rows: int) -> str:
    # A roster of which one row in a hundred cannot be used is incomplete.
    more = "nothing is concluded from this list" if word.rows > max(1, rows / 100) else "they are set aside"
    return f"the status {word.word!r} has no meaning yet: {word.rows:,} of {rows:,} rows have it, and {more}; --status says it"


def _kind(look: TableLook, found: Mapping[str, Any]) -> tuple[OptionLine, Iterator[str]]:
    """Say of which kind people are: by the words of a column that has one in each row."""
    if "kind" not in found:
        return OptionLine("kind", "employee", "no column says otherwise"), iter(())
    column = _column(look, found["kind"].columns[0])
    words = [word.word for word in column.words]
    if not words or column.filled < column.rows:
        return OptionLine("kind", "employee", f"{column.name} is not filled in each row"), iter((column.name,))
    kinds = {word: "contractor" if _CONTRACTOR.search(folded(plain_header(word))) else "employee" for word in words}
    return OptionLine("kind", {"column": column.name, "map": kinds}, "by its words"), iter((column.name,))
