"""Look at files before anything is configured: what each is, what its columns mean, how they fit together."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from access_review.draft.columns import ColumnLook, look_at_columns
from access_review.draft.composite import identifying_columns, pairs_repeat
from access_review.draft.date_forms import DateOrder
from access_review.draft.file_kinds import FileKind, KindGuess, guess_kind, marked_columns
from access_review.draft.headers import meant, names_somebody, personal
from access_review.draft.hints import ELIGIBLE, ROSTER_HINTS, TABLE_HINTS
from access_review.draft.joins import LEAST, ColumnJoin, JoinStep, Spelling, join_columns, joins_between, name_key
from access_review.draft.levels import level_columns, level_doubts
from access_review.draft.meanings import (
    ColumnMeaning,
    Sureness,
    dated_alike,
    further_entitlements,
    further_uses,
    headed_like,
    undated,
    unplaced_status,
)
from access_review.draft.shapes import Form, mask
from access_review.draft.status_words import StatusLook, asks_status, status_look

_MANY_COLUMNS = 60  # columns of a wide file that are looked at for joins
_PEOPLE = frozenset({"name", "manager", "mail", "display_name", "sponsor", "owner", "account"})


@dataclass(frozen=True, slots=True)
class TableLook:
    """What one table is."""

    name: str
    rows: int
    columns: tuple[ColumnLook, ...]
    guess: KindGuess
    attributes: tuple[str, ...]
    """Columns of a roster that may explain access and are no field of ours."""
    left_out: tuple[str, ...]
    """Columns about the person and not the work: never proposed."""
    status: StatusLook | None
    unplaced: StatusLook | None
    """The column that is headed like a status, where too few of its words are known to take it for one."""
    names: str | None
    """How people are named: ``split``, ``last, first`` or ``joined``; null where they are not."""
    manager_by: str | None
    """``id`` or ``name``: how the manager is named; null where no manager is."""
    composite: tuple[str, ...]
    """Without a column for the person, the columns that together tell people apart best."""
    questions: tuple[str, ...]
    """What the file does not say."""
    unread: tuple[str, ...] = ()
    """Which columns look like something and are not read, and why."""

    def column(self, field: str) -> str | None:
        """Return the first column that is taken for a field."""
        return next((m.columns[0] for m in self.guess.meanings if m.field == field), None)


@dataclass(frozen=True, slots=True)
class FilesLook:
    """What several tables are together."""

    tables: tuple[TableLook, ...]
    joins: tuple[ColumnJoin, ...]
    """Between files of different columns, by file, best first."""
    series: tuple[tuple[str, ...], ...]
    """Files with the very same columns: one list at several times, or in several parts."""
    missing: tuple[str, ...]
    """What a review would not see with these files."""


def inspect_table(name: str, table: Any) -> TableLook:
    """Look at an Arrow table of text columns; an empty text is a missing value. A million rows take seconds."""
    looks = look_at_columns(table)
    guess = guess_kind(looks, pairs_unique=len(looks) == 2 and not pairs_repeat(table))
    by_name = {look.name: look for look in looks}
    guessed = guess
    guess, manager_by = _settle_manager(table, by_name, _without_typed(guess, by_name))
    guess = _doubting_ends(guess, by_name)
    unread = (*_unread(guessed, guess, by_name), *_undated(looks, guess), *_misleading(looks, guess))
    used = {c for m in guess.meanings for c in m.columns} | {guess.decision} | set(guess.marked)
    left_out = tuple(c.name for c in looks if c.name not in used and personal(c.name))
    status = next((status_look(by_name[m.columns[0]]) for m in guess.meanings if m.field == "status"), None)
    headed = unplaced_status(looks, guess.meanings) if guess.kind is FileKind.ROSTER else None
    unplaced = status_look(headed) if headed else None
    return TableLook(
        name,
        table.num_rows,
        tuple(_masked(look, guess, left_out) for look in looks),
        guess,
        _attributes(looks, guess, used, left_out),
        left_out,
        status,
        unplaced,
        _naming(by_name, guess),
        manager_by,
        _composite(table, looks, guess, left_out),
        (*unread, *([unplaced_sentence(unplaced)] if unplaced else []), *_questions(looks, guess, status)),
        unread,
    )


def inspect_tables(tables: Mapping[str, Any], *, apart: Collection[str] = ()) -> FilesLook:
    """Look at several tables, by the name of their file, and at what joins them.

    Those ``apart`` are no series though their columns are the same: what a connector read is always in its columns.
    """
    looks = {name: inspect_table(name, table) for name, table in sorted(tables.items())}
    spelled = {
        name: [
            *(
                Spelling(c, tables[name].column(c.name))
                for c in look.columns[:_MANY_COLUMNS]
                if c.name not in look.guess.marked
            ),
            *_whole_names(tables[name], look),
        ]
        for name, look in looks.items()
    }
    series = _series({name: look for name, look in looks.items() if name not in apart})
    # Of a series the last is asked: by their names those are the newest.
    standing_for = {name: files[-1] for files in series for name in files}
    asked = [name for name in looks if standing_for.get(name, name) == name]
    joins = [
        join
        for name in asked
        for other in asked
        if name != other and looks[other].guess.kind is not FileKind.DECISIONS
        for join in joins_between(name, spelled[name], other, spelled[other])
    ]
    joins.sort(key=lambda j: (j.file, j.other_file, -j.best.rate, len(j.rates), j.column, j.other_column))
    told = tuple(_numbered(look, looks, joins) for look in looks.values())
    return FilesLook(told, tuple(joins), series, missing(told, series))


def _numbered(look: TableLook, looks: Mapping[str, TableLook], joins: Sequence[ColumnJoin]) -> TableLook:
    """Take a column of accounts for the number of staff, whatever its header, where it has those of a roster."""
    taken = {c for m in look.guess.meanings for c in m.columns}
    if look.guess.kind is not FileKind.HOLDINGS or look.column("account") is None or look.column("employee_id"):
        return look
    found = [
        join
        for join in joins
        if join.file == look.name and join.column not in taken and join.rates[0].rate >= LEAST
        if looks[join.other_file].guess.kind is FileKind.ROSTER
        if join.other_column == looks[join.other_file].column("person")
    ]
    if not found:
        return look
    best = max(found, key=lambda join: join.rates[0].rate)
    because = f"{best.rates[0].rate:.0%} of its values are {best.other_column} of {best.other_file}"
    meaning = ColumnMeaning("employee_id", (best.column,), Sureness.LIKELY, because)
    return replace(look, guess=replace(look.guess, meanings=(*look.guess.meanings, meaning)))


def _whole_names(table: Any, look: TableLook) -> Iterator[Spelling]:
    """Yield the names that a table has in parts, put together: other files have them whole."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for meaning in look.guess.meanings:
        if len(meaning.columns) > 1:
            parts = [pc.utf8_trim_whitespace(table.column(column).cast(pa.string())) for column in meaning.columns]
            whole = pc.binary_join_element_wise(*parts, " ")
            (joined,) = look_at_columns(pa.table({meaning.label: whole}))
            yield Spelling(joined, whole)


def _series(looks: Mapping[str, TableLook]) -> tuple[tuple[str, ...], ...]:
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, look in looks.items():
        alike.setdefault(tuple(c.name for c in look.columns), []).append(name)
    return tuple(tuple(files) for files in alike.values() if len(files) > 1)


def missing(
    tables: Sequence[TableLook], series: Sequence[Sequence[str]] = (), *, listed: bool = False, used: bool = False
) -> tuple[str, ...]:
    """Say what these files do not tell, and what a review cannot see for it.

    What connectors read tells of grants where they are ``listed``, and of last uses where accounts are ``used``.
    """
    repeated = any(t.name in files for t in tables if t.guess.kind is FileKind.ROSTER for files in series)
    gone = "the roster has no leavers: neither a last day nor a status that means gone is read"
    if repeated:
        gone += "; who is missing in a later file of the series may have left"
    kinds = {t.guess.kind for t in tables}
    fields = {m.field for t in tables for m in t.guess.meanings}
    rosters = [t for t in tables if t.guess.kind is FileKind.ROSTER]
    held = listed or "entitlement" in fields or FileKind.MATRIX_WIDE in kinds
    leavers = "left_at" in fields or any(t.status and t.status.left for t in rosters)
    said = (
        (not rosters, "no roster: nobody can be seen to have left, and no access can be held against a role"),
        (bool(rosters) and not leavers, gone),
        (bool(rosters) and "manager" not in fields, "no managers: nobody to ask about an account"),
        (bool(rosters) and not fields & {"title", "department", "role"}, "neither title nor department: no roles"),
        (not held, "nobody's access: no file says who holds what"),
        (held and not used and not fields & {"used", "at"}, "no last use: access that nobody uses cannot be seen"),
    )
    return tuple(sentence for lacks, sentence in said if lacks)


def _unread(guessed: KindGuess, settled: KindGuess, looks: Mapping[str, ColumnLook]) -> Iterator[str]:
    """Say of each column that was taken for something at first why it is not."""
    kept = {column for m in settled.meanings for column in m.columns}
    found = {m.field for m in settled.meanings}
    for meaning in guessed.meanings:
        for column in meaning.columns:
            if column in kept or column not in looks or (meaning.field in found and not looks[column].typed):
                continue
            if looks[column].typed:
                yield f"{column} is not read: it holds the name of a type; export its values joined by semicolons"
            else:
                yield f"{column} is not read: none of its {looks[column].distinct:,} values is anybody in the file"


_AWAY = re.compile(r"\b(leave|loa|absence|absent)\b")


def _undated(looks: Sequence[ColumnLook], guess: KindGuess) -> Iterator[str]:
    """Say of each column that is headed like a day that counts and has no dates that it is not read, and which days are not."""
    hints = {FileKind.ROSTER: ROSTER_HINTS, FileKind.HOLDINGS: TABLE_HINTS}.get(guess.kind, ())
    for column, field in undated(looks, guess.meanings, hints).items():
        yield f"{column} is not read: it is headed like {field}, and has no dates in a form that is known"
    taken = {column for m in guess.meanings for column in m.columns}
    away = [c.name for c in looks if c.form is Form.FLAG and c.name not in taken and _AWAY.search(meant(c.name))]
    if guess.kind is FileKind.ROSTER and away:
        yield f"{', '.join(away)} is not read: whoever is away counts as working, unless a status says it"
    if guess.kind is FileKind.ROSTER and not any(m.field == "left_at" for m in guess.meanings):
        dated = [c.name for c in looks if c.form is Form.DATE and c.name not in taken and not personal(c.name)]
        if dated:
            yield f"no last day is read: is it one of {', '.join(dated)}?"


def _misleading(looks: Sequence[ColumnLook], guess: KindGuess) -> Iterator[str]:
    """Say what a column says that is not read: levels of access, a further use, that something is only to be had."""
    taken = {column for m in guess.meanings for column in m.columns}
    levels = [name for name in level_columns(looks, marked_columns(looks)) if name not in taken]
    if levels and guess.kind in {FileKind.ROSTER, FileKind.HOLDINGS}:
        yield f"{', '.join(levels)} is not read: its cells say levels of access; put them in a file of their own, with who has them"
    if guess.kind is not FileKind.HOLDINGS:
        return
    used = next((look for m in guess.meanings if m.field == "used" for look in looks if look.name in m.columns), None)
    further = [look for look in looks if used and look.name in further_uses(looks, guess.meanings)]
    if unread := [look.name for look in further if used and look.filled and not dated_alike(look, used)]:
        yield f"{', '.join(unread)} is not read: an account may be in use by it and seem idle by the one that is"
    for look in looks:
        words = [word for word in look.words if ELIGIBLE.search(word.word)]
        if words and any(m.field == "entitlement" for m in guess.meanings):
            rows = sum(word.rows for word in words)
            yield f"{look.name} is not read: {rows:,} rows say {words[0].word}, and are read as held; export them apart"


def unplaced_sentence(status: StatusLook) -> str:
    """Say that a column that is headed like a status is not read, and what would make it so."""
    words = ", ".join(w.word for w in (*status.active, *status.leave, *status.left, *status.unknown))
    if asks_status(status.column):
        return f"{status.column} is not read: it says {words} or nothing, and what nothing means is not known"
    return f"{status.column} is not read: what do {words} mean? init --status WORD=MEANING says it of each"


def _doubting_ends(guess: KindGuess, looks: Mapping[str, ColumnLook]) -> KindGuess:
    """Doubt a last day that most people have, each another: it is rather the end of something else."""
    return replace(
        guess,
        meanings=tuple(
            replace(m, sureness=Sureness.GUESS, because="its header, and most people have a day of their own in it")
            if m.field == "left_at" and looks[m.columns[0]].distinct > 0.5 * looks[m.columns[0]].rows
            else m
            for m in guess.meanings
        ),
    )


def _without_typed(guess: KindGuess, looks: Mapping[str, ColumnLook]) -> KindGuess:
    """Take no column for anything that has nothing but names of types."""
    kept = tuple(m for m in guess.meanings if not any(looks[c].typed for c in m.columns if c in looks))
    return replace(guess, meanings=kept)


def _settle_manager(table: Any, looks: Mapping[str, ColumnLook], guess: KindGuess) -> tuple[KindGuess, str | None]:
    """Take the manager's column that finds people of the same file: an id among the ids, or a name among the names."""
    manager = next((m for m in guess.meanings if m.field == "manager"), None)
    if manager is None:
        return guess, None
    named = [look for look in looks.values() if "manager" in meant(look.name) or look.name == manager.columns[0]]
    rates = []
    for look in named:
        by, rate = _found_among(table, looks, guess, look)
        # Of two that find as many, the one by id is surer: two people may have one name.
        rates.append((rate, by == "id", look.name == manager.columns[0], look.name, by))
    rate, _, _, column, by = max(rates)
    if not rate and next(look for look in named if look.name == column).distinct >= _FEW_MANAGERS:
        return replace(guess, meanings=tuple(m for m in guess.meanings if m is not manager)), None
    sure = Sureness.SURE if rate >= 0.9 else Sureness.LIKELY if rate >= 0.5 else Sureness.GUESS
    because = f"{100 * rate:.0f} % of its values are {by}s of people in the same file"
    settled = ColumnMeaning("manager", (column,), sure, because)
    return replace(guess, meanings=tuple(settled if m is manager else m for m in guess.meanings)), by


def _found_among(
    table: Any, looks: Mapping[str, ColumnLook], guess: KindGuess, manager: ColumnLook
) -> tuple[str, float]:
    """Return how a column names managers, and the share of its values that name somebody of the file."""
    spelled = Spelling(manager, table.column(manager.name))
    person, mail = (
        next((m.columns[0] for m in guess.meanings if m.field == field and m.columns[0] != manager.name), None)
        for field in ("person", "mail")
    )
    if mail and manager.form is Form.MAIL and looks[mail].form is Form.MAIL:
        join = join_columns("", spelled, "", Spelling(looks[mail], table.column(mail)), fewest=1)
        # Only as the roster reads it: upper and lower case are all that mails may differ in.
        if join and join.best.step in {JoinStep.EXACT, JoinStep.CASE}:
            return "mail", join.best.rate
    by_id = 0.0
    if person and manager.form is not Form.NAME:
        join = join_columns("", spelled, "", Spelling(looks[person], table.column(person)), fewest=1)
        by_id = join.best.rate if join else 0.0
    wanted = set(spelled.values(JoinStep.NAME_ORDER).to_pylist())
    parts = [table.column(c).to_pylist() for m in guess.meanings if m.field == "name" for c in m.columns]
    known = {name_key(" ".join(p or "" for p in row)) for row in zip(*parts, strict=True)} if parts else set()
    by_name = len(wanted & known) / len(wanted) if wanted else 0.0
    return ("name", by_name) if by_name > by_id or manager.form is Form.NAME else ("id", by_id)


_FEW_MANAGERS = 3
"""Different managers from which on it says something that none of them is anybody in the file."""


def _masked(look: ColumnLook, guess: KindGuess, left_out: Sequence[str]) -> ColumnLook:
    """Show no words of a column that names people or says something personal."""
    fields = {m.field for m in guess.meanings if look.name in m.columns}
    if look.words and (fields & _PEOPLE or look.name in left_out or names_somebody(look.name)):
        return replace(look, words=(), samples=tuple(mask(sample) for sample in look.samples))
    return look


def _attributes(
    looks: Sequence[ColumnLook], guess: KindGuess, used: set[str | None], left_out: Sequence[str]
) -> tuple[str, ...]:
    """Return what is left of a roster and may explain access: words that repeat."""
    if guess.kind is not FileKind.ROSTER:
        return ()
    return tuple(
        look.name
        for look in looks
        if look.name not in used
        and look.name not in left_out
        and look.form not in {Form.DATE, Form.EMPTY, Form.MAIL, Form.FLAG, Form.NUMBER}
        and 1 < look.distinct <= 0.5 * look.filled
        and not names_somebody(look.name)
    )


def _naming(looks: Mapping[str, ColumnLook], guess: KindGuess) -> str | None:
    name = next((m for m in guess.meanings if m.field in {"name", "display_name"}), None)
    if name is None:
        return None
    if len(name.columns) > 1:
        return "split"
    return "last, first" if looks[name.columns[0]].commas >= 0.5 else "joined"


def _composite(table: Any, looks: Sequence[ColumnLook], guess: KindGuess, left_out: Sequence[str]) -> tuple[str, ...]:
    """Say which columns together stand for the person where none does."""
    fields = {m.field for m in guess.meanings}
    if fields & {"person", "account", "employee_id", "mail"} or guess.kind is FileKind.LOOKUP:
        return ()
    taken = {guess.decision} | set(left_out) | set(guess.marked)
    taken |= {c for m in guess.meanings if m.field == "entitlement" for c in m.columns}
    rest = [c for c in looks if c.name not in taken and c.form not in {Form.DATE, Form.EMPTY}]
    if guess.kind is FileKind.MATRIX_WIDE and any(c.keylike for c in rest):
        return ()
    names = [c.name for c in rest]
    who = [found for field in ("manager", "title") if (found := headed_like(field, names))]
    return identifying_columns(table, names, who) if 1 < len(names) <= 20 else ()


def _questions(looks: Sequence[ColumnLook], guess: KindGuess, status: StatusLook | None) -> tuple[str, ...]:
    asked = [
        f"{look.name}: {look.dates.sentence}"
        for look in looks
        if look.dates and look.dates.order in {DateOrder.UNKNOWN, DateOrder.MIXED}
    ]
    if status and status.unknown:
        asked.append(f"{status.column}: what do {', '.join(w.word for w in status.unknown)} mean?")
    if any(m.field == "left_at" for m in guess.meanings):
        asked.append("is the last day still a day of work, and in which zone does it end?")
    asked += level_doubts(looks, guess.levels)
    if guess.kind is FileKind.HOLDINGS:
        further = further_entitlements(looks, guess.meanings)
        asked += [f"{name} is not read: is it more of what is held? Then it is a source of its own" for name in further]
    asked += [f"is {m.columns[0]} really {m.field}?" for m in guess.meanings if m.sureness is Sureness.GUESS]
    return tuple(asked)
