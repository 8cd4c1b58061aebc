"""Init from exports: sources, ladder, policy and drafted templates, then a first trial review."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from access_review import workspace as workspaces
from access_review.connectors.entra.tenant_objects import SCHEME as ENTRA_OBJECT
from access_review.draft.file_kinds import FileKind
from access_review.draft.holdings import matrix_of, person_column
from access_review.draft.inspection import TableLook
from access_review.draft.levels import level_doubts
from access_review.draft.marked import matrix_source
from access_review.draft.naming import slug
from access_review.draft.powerful import powerful_names
from access_review.draft.references import account_column, account_references
from access_review.draft.sign_ins import accounts_of_log, sign_in_source
from access_review.draft.sources import (
    Elsewhere,
    OptionLine,
    RungLine,
    SourceAnswers,
    SourceDraft,
    attribute_name,
    key_columns,
    ladder_lines,
    names_people,
    privileged,
    roster_source,
    table_source,
)
from access_review.draft.training import training_source
from access_review.errors import WorkspaceError, near_names
from access_review.review import Report
from access_review.runs import Run
from access_review.stages.collect import collect_run
from access_review.stages.drafting import Drafted, draft_roles
from access_review.stages.found_files import FoundTable
from access_review.stages.init import lay_out_empty
from access_review.stages.inspect import Inspection
from access_review.stages.report import write_report
from access_review.stages.review import review_run
from access_review.store import files
from access_review.views import source_yaml
from access_review.workspace import Workspace

_HELD = frozenset({FileKind.HOLDINGS, FileKind.MATRIX_LONG, FileKind.MATRIX_WIDE, FileKind.DECISIONS})
_IDS = frozenset({"person", "manager", "account", "employee_id", "entitlement"})
_CONVERTED = frozenset({FileKind.MATRIX_WIDE, FileKind.DECISIONS})


_LARGE = 2_000_000
"""Cells of a matrix above which a list of what is held is read in a fraction of the time."""


@dataclass(frozen=True, slots=True)
class FirstWorkspace:
    """What was laid out, and what was left out and why."""

    sources: tuple[SourceDraft, ...]
    unused: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """A first review, that starts no clock."""

    run: Run
    drafted: Drafted
    report: Report
    page: Path
    workspace: Workspace


def lay_out(folder: Path, seen: Inspection, organisation: str, answers: SourceAnswers) -> FirstWorkspace:
    """Write the sources of a new workspace.

    Raises ``WorkspaceError`` where nothing can be a source, where one is there, and for the meaning of a word that nobody has.
    """
    _require_words(seen, answers)
    if (here := folder / "sources").exists():
        beside = "name an empty folder; of a further export, take what init writes there to sources/ over into these"
        raise WorkspaceError(f"{here} is already there", hint=beside)
    drafting = _Drafting(folder, seen, answers)
    unused = drafting.draft()
    if not drafting.drafts:
        raise WorkspaceError(
            "none of these files can be a source", hint="see what they are: access-review inspect FILE…"
        )
    lay_out_empty(folder, organisation)
    for draft in drafting.drafts:
        files.write(folder / "sources" / f"{draft.name}.yaml", source_yaml.source(draft).encode())
    for name, table in drafting.converted.items():
        pyarrow.csv.write_csv(table, folder / "sources" / name)
    return FirstWorkspace(tuple(drafting.drafts), tuple(unused))


def _require_words(seen: Inspection, answers: SourceAnswers) -> None:
    columns = filter(None, (status for look in seen.look.tables for status in (look.status, look.unplaced)))
    words = {w.word for one in columns for w in (*one.active, *one.leave, *one.left, *one.unknown)}
    for word in sorted(answers.statuses.keys() - words):
        near = near_names(word, sorted(words))
        hint = f"is {near[0]!r} meant?" if near else f"they have: {', '.join(sorted(words)) or 'none'}"
        raise WorkspaceError(f"no status column of these files has the word {word!r}", hint=hint)


def first_review(folder: Path, now: datetime) -> Trial:
    """Draft templates and make a first review, both from a run that starts no clock; raises what reading and drafting raise.

    That is ``RosterFault`` for a roster that contradicts itself, ``Unclear`` for what is not clear of it, and ``PlanRefused``
    for a journal that lost rows.
    """
    workspace = workspaces.load(folder)
    run = collect_run(workspace, now, trial=True)
    drafted = draft_roles(workspace, run, folder / "roles" / "templates", now.date())
    workspace = workspaces.load(folder)
    report = review_run(workspace, run, now)
    return Trial(run, drafted, report, write_report(workspace, run).path, workspace)


class _Names:
    """Names of sources, none twice."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, wanted: str, file: str) -> str:
        """Return a name for the source of a file: the one wanted, or one made of the file's."""
        base = wanted or slug(Path(file).stem) or "table"
        name, number = base, 1
        while name in self._taken:
            number += 1
            name = f"{base}-{number}"
        self._taken.add(name)
        return name


@dataclass(slots=True)
class _Drafting:
    """The sources of a new workspace, drafted one after another, since each may name those before it."""

    folder: Path
    seen: Inspection
    answers: SourceAnswers
    names: _Names = field(default_factory=_Names)
    drafts: list[SourceDraft] = field(default_factory=list)
    converted: dict[str, pa.Table] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    """What the source of a list of accounts is called, by its file."""

    def draft(self) -> list[tuple[str, str]]:
        """Draft them all; return the files that are left out, and why."""
        look = self.seen.look
        earlier = {file: files[-1] for files in look.series for file in files[:-1]}
        tables = [one for one in look.tables if one.name in self.seen.found.tables and one.name not in earlier]
        rosters = [one for one in tables if one.guess.kind is FileKind.ROSTER and names_people(one)]
        logs = [one for one in tables if one.guess.kind is FileKind.SIGNINS]
        others = [one for one in tables if one not in rosters and one not in logs]
        people = [one.name for one in rosters]
        self._draft_rosters(rosters)
        self._draft_exports(people)
        self._draft_tables([one for one in others if not _unfit(one)], people)
        unused = [(one.name, unfit) for one in others if (unfit := _unfit(one))] + list(self._draft_logs(logs))
        return [*unused, *((file, f"an earlier state of {last}, which is read") for file, last in earlier.items())]

    def _draft_rosters(self, rosters: Sequence[TableLook]) -> None:
        keys = key_columns(self.seen.look, [look.name for look in rosters])
        for look in rosters:
            name, path, reading = self._place("hr", look)
            self.drafts.append(roster_source(name, look, path, reading, self.answers, keys[look.name]))

    def _draft_exports(self, people: Sequence[str]) -> None:
        directory = ""
        exports = self.seen.found.exports
        for name, export in sorted(exports.items(), key=lambda item: item[1].connector == "entra"):
            draft = _export_source(self.folder, self.names, self.seen, name, people, directory)
            directory = directory or (draft.name if export.connector != "entra" else "")
            self.drafts.append(draft)

    def _draft_tables(self, tables: Sequence[TableLook], people: Sequence[str]) -> None:
        references = account_references(self.seen.look, [one for one in tables if not _is_converted(self.seen, one)])
        named_by = {reference.file: reference for reference in references.values()}
        # Those whose accounts stand elsewhere come last, when their sources have names.
        for look in sorted(tables, key=lambda look: look.name in references):
            if _is_converted(self.seen, look):
                self._convert(look, people)
                continue
            name, path, reading = self._place("", look)
            if look.guess.kind is FileKind.MATRIX_WIDE:
                person = person_column(look) or ""
                ladder = ladder_lines(self.seen.look, look.name, people, only=person)
                self.drafts.append(matrix_source(name, look, path, reading, person, ladder, self._powerful(look)))
                continue
            if look.guess.kind is FileKind.TRAINING:
                self.drafts.append(training_source(name, look, path, reading, self.answers))
                continue
            reference = references.get(look.name)
            elsewhere = Elsewhere(self.sources[reference.file], reference) if reference else None
            ladder = () if elsewhere else ladder_lines(self.seen.look, look.name, people)
            self.sources[look.name] = name
            named, powerful = named_by.get(look.name), self._powerful(look)
            self.drafts.append(
                table_source(name, look, path, reading, self.answers, ladder, elsewhere, named, powerful)
            )

    def _draft_logs(self, logs: Sequence[TableLook]) -> Iterator[tuple[str, str]]:
        """Draft logs of sign-ins, whose accounts the other sources have; yield those whose accounts none has, and why."""
        schemes = {
            (name, "native_id"): ENTRA_OBJECT
            for name, one in self.seen.found.exports.items()
            if one.connector == "entra"
        }
        logins = {name: account_column(self.seen.table(name)) or "" for name in self.sources}
        schemes |= {(file, logins[file]): f"{source}-login" for file, source in self.sources.items()}
        schemes |= {(name, "principal_name"): "upn" for name in self.seen.found.exports}
        for look in logs:
            accounts = accounts_of_log(look, self.seen.look, schemes)
            if accounts is None:
                yield look.name, f"{look.guess.kind}: no one file here has the accounts that stand in it"
                continue
            name, path, reading = self._place("", look)
            self.drafts.append(sign_in_source(name, look, path, reading, self.answers, accounts))

    def _powerful(self, look: TableLook) -> list[str]:
        """Return what is powerful by its name of all that a list says is held."""
        matrix = matrix_of(self.seen.found.tables[look.name].table, look)
        return powerful_names(matrix.entitlements) if matrix else []

    def _convert(self, look: TableLook, people: Sequence[str]) -> None:
        ladder = ladder_lines(self.seen.look, look.name, people, only=person_column(look) or "")
        drafts, tables = _converted(self.names, look, self.seen.found.tables[look.name].table, ladder)
        self.drafts += drafts
        self.converted |= tables

    def _place(self, wanted: str, look: TableLook) -> tuple[str, str, dict[str, Any]]:
        """Return what the source of a file is called, where the file lies, and how it is read."""
        file = self.seen.found.tables[look.name]
        return self.names.of(wanted, look.name), _relative(self.folder, file.path), _reading(file, look)


def _is_converted(seen: Inspection, look: TableLook) -> bool:
    """Tell whether a table is written anew beside the source: decisions, pairs, a matrix that no source reads as it stands."""
    file = seen.found.tables[look.name]
    large = look.rows * len(look.guess.marked) > _LARGE
    as_it_stands = not (file.turned or look.guess.levels or look.composite or large or person_column(look) is None)
    if look.guess.kind is FileKind.MATRIX_WIDE and as_it_stands:
        return not file.path.suffix
    return look.guess.kind in _CONVERTED or not file.path.suffix or file.form.form == "pairs"


def _reading(file: FoundTable, look: TableLook) -> dict[str, Any]:
    """Return how a file is read, ids that a workbook stores as numbers included."""
    ids = {column for meaning in look.guess.meanings if meaning.field in _IDS for column in meaning.columns}
    return {**file.reading, **({"number_ids": True} if ids & file.numbers else {})}


def _unfit(look: TableLook) -> str:
    """Say why a table becomes no source, or nothing."""
    if look.guess.kind is FileKind.ROSTER:
        return "a roster without a column that says who: give its people an id"
    if look.guess.kind not in {*_HELD, FileKind.TRAINING}:
        return f"{look.guess.kind}: {look.guess.because}; describe it by hand where it matters"
    says = (look.column(field) for field in ("entitlement", "account", "mail", "employee_id"))
    if look.guess.kind is FileKind.HOLDINGS and not any(says):
        return "it says neither whose nor what"
    return ""


def _export_source(
    folder: Path, names: _Names, seen: Inspection, name: str, people: Sequence[str], directory: str
) -> SourceDraft:
    export = seen.found.exports[name]
    wanted = {"ldap": "ad", "sharphound": "ad", "entra": "entra"}[export.connector]
    options = []
    for key, value in export.options.items():
        here = [value] if isinstance(value, str) else list(value)
        paths = [_relative(folder, export.folder / one) for one in here]
        options.append(OptionLine(key, paths[0] if isinstance(value, str) else paths))
    if export.connector == "entra" and directory:
        options.append(OptionLine("synced_from", directory, "most users are synchronised from there"))
    inside = ", ".join(f"{number:,} {table}" for table, number in export.rows.items())
    ladder = ladder_lines(seen.look, name, people)
    about = (f"{name}: {inside}.", *(f"Not read whole: {reason}" for reason in export.unread[:3]))
    return SourceDraft(names.of(wanted, name), export.connector, about, tuple(options), (), ladder)


def _converted(
    names: _Names, look: TableLook, table: pa.Table, ladder: tuple[RungLine, ...]
) -> tuple[list[SourceDraft], dict[str, pa.Table]]:
    """Turn a matrix or decisions into a list of who holds what, beside the source; people by what tells them apart."""
    matrix = matrix_of(table, look)
    if matrix is None:
        return [], {}
    name = names.of("", look.name)
    person = [matrix.people[p] for p in matrix.person.tolist()]
    entitlement = [matrix.entitlements[e] for e in matrix.entitlement.tolist()]
    tables = {f"{name}.csv": pa.table({"account": person, "entitlement": entitlement})}
    about = (
        f"{look.name}: {look.guess.kind}: {look.guess.because}.",
        f"Written out as {name}.csv, one row a grant: make it again when the export changes.",
    )
    columns = (OptionLine("account", "account"), OptionLine("entitlement", "entitlement"))
    marked, doubts = privileged(powerful_names(matrix.entitlements))
    doubts.append(
        f"it is read from {name}.csv, written now: what changes in the export is not seen there until it is written anew"
    )
    doubts += level_doubts(look.columns, look.guess.levels)
    options = (OptionLine("path", f"{name}.csv"), *marked)
    held = SourceDraft(name, "table", about, options, columns, (), tuple(doubts))
    if not look.composite:
        return [replace(held, match=ladder)], tables
    people = names.of("people", look.name)
    known = table.select(list(look.composite)).group_by(list(look.composite)).aggregate([])
    ids = [" | ".join(str(v).strip() for v in row.values()) for row in known.select(list(look.composite)).to_pylist()]
    tables[f"{people}.csv"] = known.append_column("person", pa.array(ids))
    attributes = tuple(OptionLine(attribute_name(c), c, "of those that tell people apart") for c in look.composite)
    who = f"No column says who: {', '.join(look.composite)} together stand for a person."
    roster = SourceDraft(
        people,
        "roster",
        (*about, who),
        (OptionLine("path", f"{people}.csv"),),
        (OptionLine("person", "person"), *attributes),
    )
    rung = RungLine("name", "person", certain=True, because="both are made of the same columns")
    return [roster, replace(held, match=(rung,))], tables


def _relative(folder: Path, path: Path) -> str:
    """Return a path as the workspace's sources say it: exports stay where they are."""
    try:
        return Path(os.path.relpath(path.resolve(), (folder / "sources").resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()
