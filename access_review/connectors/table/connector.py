"""Any application's export: who holds what, who signed in, who knows a shared secret, who owns what.

One source is one file and fills one of these tables:

=============  ===================================================================  ==========================
``table``      columns                                                              also fills
=============  ===================================================================  ==========================
``grants``     ``account``; entitlement, since, until, used, granted_by             accounts, entitlements, activity,
                                                                                    granters
``signins``    ``account, at``; signin, success, country, device, application,      accounts
               address, managed, compliant
``activity``   ``account, entitlement, used``                                       accounts, entitlements
``custody``    ``account, person``; starts, ends
``owners``     ``object, owner``
``tickets``    ``ticket, person, approved_by``; entitlement or system, client,
               since, until, approved
``training``   ``person, course, done``; assigned, due, until
=============  ===================================================================  ==========================

A row of ``grants`` without an entitlement is an account without one. Accounts may
also have ``id, display_name, mail, employee_id, enabled, client, created_at,
last_used, password_set_at, expires_at``; entitlements ``entitlement_id`` and
``description``. With ``references: {account: upn}`` the accounts are those of
another source and stand here by an alias (``upn``, ``mail``, ``sid``, ``sam`` …);
logins of a ``table`` source called ``crm`` are aliases of scheme ``crm-login``.
In ``custody``, ``owners`` and ``training`` everything is elsewhere: persons and owners by
``person-id`` unless said otherwise, accounts and objects by the scheme named or,
without one, by their id (``crm:role:Admin``). In ``tickets`` persons, approvers,
entitlements and systems stand as people write them; what is meant is told when
they are reviewed, and two meanings are none.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from access_review.changes import Capabilities, Mark
from access_review.connectors import Source, complete, incomplete, no_value, shrunk
from access_review.connectors.classification import Classification, Effect
from access_review.connectors.file_marks import mark_locations
from access_review.connectors.table.columns import (
    ALLOWED,
    IDS,
    TIMES,
    ColumnWords,
    Filled,
    MarkedColumns,
    Named,
    TableColumns,
    misfits,
)
from access_review.connectors.table.listed_row import ListingTerms, TableRow
from access_review.connectors.table.listing import ExportListing
from access_review.connectors.tabular import freshness, instants, sheets
from access_review.connectors.tabular.lacking import lacking
from access_review.connectors.tabular.sheets import Sheet, SheetOptions
from access_review.errors import ConnectorError, Mistake, WorkspaceError

UNREAD = 0.01
"""Share of rows of which a cell may be unreadable before the source is incomplete; one row always may."""

_HELD = frozenset({"entitlement", "entitlement_id", "description", "since", "until", "used"})

AccountKind = Literal["human", "service", "shared", "guest", "agent", "computer", "break-glass"]


@dataclass(frozen=True, slots=True)
class Export:
    """One file of an application, ready to be read."""

    capabilities: ClassVar[Capabilities] = Capabilities(signs_in=False)
    recorded: ClassVar[bool] = True
    marks: ClassVar[bool] = True

    source: Source
    path: str
    options: SheetOptions
    terms: ListingTerms
    max_age: timedelta | None = None
    open_end: bool = False

    def collect(self, as_of: datetime) -> Iterator[TableRow]:
        """Yield what the file says, the problems, and a verdict on each table, also where it cannot be had.

        Raises ``WorkspaceError`` with every place when the file is malformed or
        lacks a column.
        """
        try:
            sheet = self._sheet()
        except ConnectorError as error:
            # Of what this file never lists, people above all, as much is known as before.
            unread = error.message.removeprefix(f"{self.source.name}: ")
            yield from self._verdicts(unread, Counter())
            return
        listing = ExportListing(self.source, sheet, self.terms, as_of)
        counted: Counter[str] = Counter()
        for table, row in listing.rows():
            counted[table] += 1
            yield table, row
        old = freshness.stale(sheet, self.max_age, as_of)
        yield from freshness.verdict(self.source, old)
        cut = sheet.broken_off(open_end=self.open_end)
        why = "; ".join(filter(None, (_short(sheet, listing), cut))) or old
        yield from self._verdicts(why, counted)
        # What is held is counted by itself: a cell that says it is emptied by every revocation.
        columns = {column for name, column in self.terms.columns.items() if name not in _HELD}
        yield shrunk.sizes(self.source, sheet.sizes(columns, self.terms.empty))

    def _verdicts(self, short: str | None, counted: Counter[str]) -> Iterator[TableRow]:
        """Yield a verdict on each table; that nothing carries anything else here is known, however much was read."""
        for table in filled(self.terms):
            if short and table != "nesting":
                yield incomplete(self.source, table, short, received=counted[table])
            else:
                yield complete(self.source, table, counted[table])

    def mark(self, before: Mark) -> Mark:
        """Return the mark of the file."""
        return mark_locations(self.source.folder, (self.path,), before)

    def _sheet(self) -> Sheet:
        columns = self.terms.columns
        composed, parts = self.terms.composed or ("", ())
        wanted = {*columns.values(), *parts} - {composed}
        ids = ({column for name, column in columns.items() if name in IDS} | {*parts}) - {composed}
        try:
            sheet = sheets.read(self.path, self.options, folder=self.source.folder, ids=ids, wanted=wanted)
        except OSError as error:
            raise ConnectorError(self.source.name, f"{sheets.shown(self.path)}: {error.strerror or error}") from error
        held = columns.get("entitlement")
        if held and (whole := sheets.whole_list(sheet, held)):
            message = f"{held!r} is one of several things in a list, and the others would not be read"
            raise WorkspaceError.of([Mistake(sheet.file, 0, 0, message, f"name the list: {whole}")])
        sheet = sheets.with_listed(sheet, held) if held else sheet
        if torn := sheets.torn(sheet, wanted):
            raise WorkspaceError.of(torn)
        absent = sorted(column for column in wanted if not sheet.has(column))
        # Nothing can be said of the columns of a JSON file without records: an empty file is incomplete instead.
        if absent and (sheet.columns or sheet.rows):
            raise WorkspaceError.of(lacking(sheet, 0, absent, wanted))
        return sheets.with_composed(sheet, composed, parts) if parts else sheet


def _short(sheet: Sheet, listing: ExportListing) -> str | None:
    """Say why nothing may be concluded from what the file does not show."""
    if not sheet.rows:
        return f"{sheet.file} holds no rows: a failed export looks the same"
    reasons = [f"{listing.lost} of {len(sheet.rows)} rows cannot be used"] if listing.lost else []
    things = listing.terms.things(sheet.columns)
    if things and all(
        no_value.is_nothing(cells.get(one), listing.terms.empty) for _, cells in sheet.rows for one in things
    ):
        reasons.append("nothing is marked in any row: a failed export looks the same")
    reasons += [
        f"{column} is empty in every row: a failed export looks the same"
        for column in _lists(listing.terms)
        if all(no_value.is_nothing(cells.get(column), listing.terms.empty) for _, cells in sheet.rows)
    ]
    reasons += [
        f"{column} holds names of types or failed formulas in place of values, in {count} of {len(sheet.rows)} rows"
        for column, count in sorted(listing.typed.items())
    ]
    reasons += [
        f"{column} cannot be read in {count} of {len(sheet.rows)} rows, {UNREAD:.0%} may"
        for column, count in sorted(listing.unread.items())
        if count > 1 and count > UNREAD * len(sheet.rows)
    ]
    return "; ".join(reasons) or None


def _lists(terms: ListingTerms) -> Iterator[str]:
    """Yield the columns that cannot all be empty: what is held, who owns."""
    for name in ("entitlement", "owner"):
        if name in terms.columns:
            yield terms.columns[name]


def filled(terms: ListingTerms) -> tuple[str, ...]:
    """Return the tables that an export fills, whether or not rows come of it."""
    columns, tables = terms.columns, {str(terms.table)}
    own = set(ALLOWED[terms.table]) >= {"id"} and terms.scheme("account") is None
    named = "entitlement" in columns and terms.scheme("entitlement") is None
    listed = terms.table != "tickets" and (named or terms.matrix is not None)
    tables |= {"accounts", "aliases"} if own else set()
    tables |= {"entitlements"} if listed else set()
    tables |= {"activity"} if "used" in columns else set()
    tables |= {"granters"} if "granted_by" in columns else set()
    # An export is flat: that nothing in it carries anything else is known, not missing.
    tables |= {"nesting"} if terms.table == "grants" else set()
    return tuple(sorted(tables))


def connect(
    source: Source,
    *,
    path: Named,
    columns: TableColumns,
    table: Filled = "grants",
    references: Mapping[str, Named] | None = None,
    matrix: MarkedColumns | None = None,
    kind: AccountKind = "human",
    entitlement_kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] = "role",
    separator: Named | None = None,
    stable_id: bool = False,
    dates: Named | None = None,
    timezone: Named | None = None,
    enabled: ColumnWords | None = None,
    success: ColumnWords | None = None,
    managed: ColumnWords | None = None,
    approved: ColumnWords | None = None,
    never: Sequence[str] = (),
    empty: Sequence[Named] = (),
    privileged: Sequence[str] = (),
    effect: Mapping[Effect, Sequence[str]] | None = None,
    service_accounts: Sequence[str] = (),
    shared_accounts: Sequence[str] = (),
    break_glass: Sequence[str] = (),
    client: Mapping[str, str] | None = None,
    sensitivity: Mapping[str, str] | None = None,
    max_age: freshness.Age | None = None,
    strip: bool = False,
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None,
    encoding: Named | None = None,
    sheet: Named | None = None,
    header_row: Annotated[int, Field(ge=1)] = 1,
    footer: Annotated[int, Field(ge=0)] = 0,
    open_end: bool = False,
    records: Named | None = None,
    number_ids: bool = False,
) -> Export:
    """Take up an export: a CSV, XLSX, JSON or Parquet file, at a path or any fsspec URL.

    ``matrix`` gives the marks of a file with a column for each thing that may be held, and the columns ``apart`` that are none.
    ``separator`` parts several entitlements in one cell. Where one column is both ``enabled`` and ``entitlement``, the
    words for no are nothing that is held. ``stable_id`` says that
    logins and names never change or pass to somebody else; an ``id`` column is
    taken to be stable. ``dates`` is a ``strptime`` form, ``timezone`` one IANA
    zone; a bare date is the whole day. ``enabled``, ``success`` and ``managed``
    (for ``compliant`` too) and ``approved`` give the words for yes and no, ``never`` those for an account that was never used, ``empty`` what
    stands for an empty cell beside the usual (``N/A``, ``NULL``, ``-`` …). ``client``
    is ``{PATTERN: client}`` over logins and entitlement names, ``sensitivity``
    ``{PATTERN: class of data}`` over entitlement names. ``number_ids`` takes ids that a workbook stores as whole
    numbers, without the zeros they had. ``open_end`` says that the program
    which writes the file never ends its last line; one that does not end is a cut file otherwise. Raises
    ``WorkspaceError`` with everything that does not fit.
    """
    wrong = [*misfits(table, columns, references or {}), *_unclear(columns, dates, timezone, table)]
    if matrix and (table != "grants" or columns.entitlement is not None):
        wrong.append("`matrix` goes with `table: grants`, and without an entitlement among `columns`")
    if separator is not None and columns.entitlement_id is not None:
        wrong.append("`separator` parts names, and entitlement_id is one id: only one of the two can be")
    if wrong:
        raise WorkspaceError("; ".join(sorted(wrong)), hint=f"in sources/{source.name}.yaml")
    terms = ListingTerms(
        table=table,
        columns=columns.mapped(),
        matrix=matrix,
        composed=columns.composed,
        references=references or {},
        kind=kind,
        entitlement_kind=entitlement_kind,
        separator=separator,
        stable_id=stable_id,
        dates=dates,
        zone=instants.zone(timezone) if timezone else None,
        enabled=enabled or ColumnWords(),
        success=success or ColumnWords(),
        managed=managed or ColumnWords(),
        approved=approved or ColumnWords(),
        never=frozenset(never),
        empty=frozenset(empty),
        classification=Classification(
            privileged=privileged,
            effect=effect or {},
            service_accounts=service_accounts,
            shared_accounts=shared_accounts,
            break_glass=break_glass,
            client=client or {},
            sensitivity=sensitivity or {},
        ),
    )
    options = SheetOptions(
        delimiter=delimiter,
        encoding=encoding,
        sheet=sheet,
        header_row=header_row,
        footer=footer,
        records=records,
        strip=strip,
        number_ids=number_ids,
    )
    return Export(source, path, options, terms, freshness.span(max_age), open_end)


def _unclear(columns: TableColumns, dates: str | None, timezone: str | None, table: Filled) -> Iterator[str]:
    """Yield what the options say wrongly of times, or leave open."""
    try:
        if timezone:
            instants.zone(timezone)
    except ValueError as error:
        yield f"`timezone`: {error}"
    if dates is not None and not instants.is_form(dates):
        yield f"`dates`: {dates!r} is no form with year, month and day"
    elif dates is not None and "at" in columns.mapped() and not instants.has_zone(dates) and timezone is None:
        yield "`timezone` must say where the clock of `at` stands, or `dates` read a zone (%z)"
    if dates is not None and not TIMES & columns.mapped().keys():
        yield f"`dates` is given, and no column of `table: {table}` is a time"
