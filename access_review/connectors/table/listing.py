"""Rows of an application's export, translated. Pure: a sheet goes in, rows come out."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from access_review.connectors import Source, no_value, problem
from access_review.connectors.addresses import address
from access_review.connectors.classification import Classification
from access_review.connectors.no_value import NoDate
from access_review.connectors.same_name import folded
from access_review.connectors.table.columns import ELSEWHERE, TIMES, ColumnWords, Filled, TableColumns
from access_review.connectors.table.listed_account import ListedAccount
from access_review.connectors.tabular import date_order, instants
from access_review.connectors.tabular.instants import UNKNOWN, Bounds, Unreadable
from access_review.connectors.tabular.sheets import Cells, Sheet
from access_review.tables import TABLES, Row, ref

TableRow = tuple[str, Row]
Reading = Callable[[date, ZoneInfo | None], Bounds]

_FOLDED = frozenset({"upn", "mail", "sam", "dn", "uid", "person-mail"})
"""Schemes whose values are compared without regard to case."""


@dataclass(frozen=True, slots=True)
class ListingTerms:
    """How an export is to be understood; the meaning of each stands at ``table.connect``."""

    table: Filled
    columns: Mapping[str, str]
    composed: tuple[str, tuple[str, ...]] | None = None
    references: Mapping[str, str] = field(default_factory=dict)
    kind: str = "human"
    entitlement_kind: str = "role"
    separator: str | None = None
    stable_id: bool = False
    dates: str | None = None
    zone: ZoneInfo | None = None
    enabled: ColumnWords = field(default_factory=ColumnWords)
    success: ColumnWords = field(default_factory=ColumnWords)
    managed: ColumnWords = field(default_factory=ColumnWords)
    never: frozenset[str] = frozenset()
    empty: frozenset[str] = frozenset()
    classification: Classification = field(default_factory=Classification)

    @classmethod
    def of(cls, columns: TableColumns, **terms: Any) -> "ListingTerms":
        """Take the columns that are set."""
        return cls(columns=columns.mapped(), composed=columns.composed, **terms)

    def scheme(self, name: str) -> str | None:
        """Return the alias scheme by which a column names something elsewhere; null when there is none."""
        return self.references.get(name) or ELSEWHERE.get(self.table, {}).get(name)


class LostError(Exception):
    """A row cannot be used at all; the message says why."""


@dataclass(frozen=True, slots=True)
class ListedRow:
    """One row of the sheet, read by what its columns hold. A cell that cannot be used is unknown and leaves a fault."""

    number: int
    cells: Cells
    sheet: Sheet
    terms: ListingTerms
    doubtful: Collection[tuple[int, str]] = ()
    faults: list[str] = field(default_factory=list)
    typed: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)

    def written(self, name: str) -> str | None:
        """Return a cell as it stands; null when the column is not mapped or the cell empty."""
        column = self.terms.columns.get(name)
        return None if column is None else self.cells.get(column)

    def text(self, name: str) -> str | None:
        """Return a text; null when the column is not mapped or the cell holds nothing, or the name of a type."""
        return self.item(name, self.written(name))

    def item(self, name: str, value: str | None) -> str | None:
        """Return a value of a column, or of the list in one; null when it holds nothing, or the name of a type."""
        if no_value.is_type_name(value):
            self.typed.add(self.terms.columns[name])
            self._fault(f"{name} is the name of a type or a failed formula, not a value: {value!r}")
            return None
        return no_value.something(value, self.terms.empty, name=name == "display_name")

    def needed(self, name: str) -> str:
        """Return a text without which the row is lost."""
        value = self.text(name)
        if value is None:
            raise LostError(f"{name} ({self.terms.columns[name]}) is empty")
        return value

    def named(self, name: str) -> str:
        """Return what names something elsewhere: a reference by its alias, or its id where no scheme is set."""
        value, scheme = self.needed(name), self.terms.scheme(name)
        if scheme is None:
            return value
        return ref(scheme, folded(value) if scheme in _FOLDED else value)

    def flag(self, name: str, words: ColumnWords) -> bool | None:
        """Return yes, no, or null."""
        word = self.written(name)
        meant = None if word is None else words.read(word)
        if meant is None:  # a word that is declared is one, whatever it is elsewhere
            word = self.text(name)
        if word is not None and meant is None:
            self.unread.add(self.terms.columns[name])
            self.faults.append(f"{name} {word!r} is none of the words declared")
        return meant

    def when(self, name: str, reading: Reading) -> Bounds:
        """Return between which instants something happened."""
        if name not in self.terms.columns:
            return UNKNOWN
        try:
            return self._when(name, reading)
        except Unreadable as error:
            self.unread.add(self.terms.columns[name])
            self._fault(f"{name} {error}")
            return UNKNOWN

    def _fault(self, message: str) -> None:
        if message not in self.faults:
            self.faults.append(message)

    def _when(self, name: str, reading: Reading) -> Bounds:
        value = self.moment(name)
        return UNKNOWN if value is None else _read(reading, value, self.terms.zone)

    def moment(self, name: str) -> date | None:
        """Return a date as the file stores it or its text says; null for none. Raises ``Unreadable``."""
        text = self.written(name)
        if text is None or text in self.terms.never or no_value.is_nothing_dated(text, self.terms.empty):
            return None
        if (self.number, self.terms.columns[name]) in self.doubtful:
            raise Unreadable(f"{date_order.EITHER}: {text!r}")
        stored = self.sheet.stored_dates.get((self.number, self.terms.columns[name]))
        if stored is not None:
            return stored
        if self.terms.dates is None:
            raise Unreadable("is text, and `dates` does not say how it is written")
        return instants.parse(text, self.terms.dates)

    def never(self, name: str) -> bool:
        """Tell whether a cell says *never*: by a word for it, or as the zero of a calendar."""
        written = self.written(name)
        if written in self.terms.never or no_value.is_never(written):
            return True
        try:
            value = self.moment(name) if name in self.terms.columns else None
        except Unreadable:
            return False
        return value is not None and no_value.no_date(value) is NoDate.ZERO

    def instant(self, name: str) -> datetime:
        """Return a time of day that the row cannot do without; in the hour a clock repeats, the earlier one."""
        self.needed(name)
        bounds = self.when(name, _time_of_day)
        if bounds.earliest is None:
            raise LostError(self.faults.pop() if self.faults else f"{name} is unknown")
        return bounds.earliest


@lru_cache(maxsize=100_000)
def _read(reading: Reading, value: date, zone: ZoneInfo | None) -> Bounds:
    """Read a date once, however many rows it stands in."""
    return reading(value, zone)


def _time_of_day(value: date, zone: ZoneInfo | None) -> Bounds:
    if not isinstance(value, datetime):
        raise Unreadable("has no time of day")
    if value.tzinfo is None and zone is None:
        raise Unreadable("has no time zone, and `timezone` names none")
    return instants.start(value, zone)


@dataclass
class ExportListing:
    """One export on its way to rows: accounts and entitlements gather over many lines, the rest stands by itself."""

    source: Source
    sheet: Sheet
    terms: ListingTerms
    lost: int = 0
    typed: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    _accounts: dict[str, ListedAccount] = field(default_factory=dict)
    _entitlements: dict[str, Row] = field(default_factory=dict)
    _links: dict[tuple[str, ...], TableRow] = field(default_factory=dict)
    _problems: list[TableRow] = field(default_factory=list)
    _unnamed: Counter[str] = field(default_factory=Counter)

    def rows(self) -> Iterator[TableRow]:
        """Yield everything the sheet says."""
        translate: Callable[[ListedRow], Iterator[TableRow]] = getattr(self, f"_{self.terms.table}")
        dated = [column for name, column in self.terms.columns.items() if name in TIMES]
        doubtful = date_order.doubtful(self.sheet, dated, self.terms.dates)
        for number, cells in self.sheet.rows:
            line = ListedRow(number, cells, self.sheet, self.terms, doubtful)
            try:
                for table, row in translate(line):
                    self._link(line, table, row)
            except LostError as error:
                self.lost += 1
                line.faults.append(str(error))
            self.typed.update(line.typed)
            self.unread.update(line.unread)
            if line.faults:
                why = "; ".join(line.faults)
                self._problems.append(problem(self.source, f"{self.sheet.file}:{number}", "unusable", why))
        for native, account in self._accounts.items():
            yield from self._account(native, account)
        yield from (("entitlements", row) for row in self._entitlements.values())
        yield from self._links.values()
        yield from self._problems

    def _link(self, line: ListedRow, table: str, row: Row) -> None:
        key = (table, *(str(row[column]) for column in TABLES[table].key))
        if self._links.setdefault(key, (table, row))[1] != row:
            line.faults.append(f"{table}: stands again and differs: the first one counts")

    def _grants(self, line: ListedRow) -> Iterator[TableRow]:
        account = self._who(line)
        since, until = line.when("since", instants.start), line.when("until", instants.until)
        used = line.when("used", instants.until)
        for entitlement in self._what(line):
            yield (
                "grants",
                {
                    "account": account,
                    "entitlement": entitlement,
                    "mode": "assigned",
                    "since": since.earliest,
                    "until": until.latest,
                    "via": "list",
                    "mastered_in": self.source.name,
                    "removable": True,
                },
            )
            if used.known:
                yield "activity", _used(account, entitlement, line)

    def _activity(self, line: ListedRow) -> Iterator[TableRow]:
        account, entitlements = self._who(line), self._what(line)
        if not entitlements:
            raise LostError(f"entitlement ({self.terms.columns['entitlement']}) is empty")
        for entitlement in entitlements:
            yield "activity", _used(account, entitlement, line)

    def _signins(self, line: ListedRow) -> Iterator[TableRow]:
        row = {
            "account": self._who(line),
            "at": line.instant("at"),
            "success": line.flag("success", self.terms.success),
            **{name: line.text(name) for name in ("country", "device", "application")},
            "address": address(line.text("address")),
            **{name: line.flag(name, self.terms.managed) for name in ("managed", "compliant")},
        }
        yield "signins", {**row, "signin": line.text("signin") or self._signin_name(row)}

    def _signin_name(self, row: Row) -> str:
        """Name a sign-in that its log does not: by what it says, so that rows in another order have the same names."""
        said = hashlib.sha256("\x1f".join(map(str, row.values())).encode()).hexdigest()[:16]
        self._unnamed[said] += 1
        return f"{self.sheet.file}:{said}-{self._unnamed[said]}"

    def _custody(self, line: ListedRow) -> Iterator[TableRow]:
        ends = line.when("ends", instants.until)
        if line.faults and not ends.known:
            raise LostError(line.faults.pop())
        row = {"account": line.named("account"), "person": line.named("person")}
        yield "custody", {**row, "starts_at": line.when("starts", instants.start).earliest, "ends_at": ends.latest}

    def _owners(self, line: ListedRow) -> Iterator[TableRow]:
        owned = line.named("object")
        # That nobody owns it is what such a list is read for, not damage; the rule finds it by the row that is not there.
        if line.text("owner") is not None:
            yield "owners", {"object": owned, "owner": line.named("owner")}

    def _who(self, line: ListedRow) -> str:
        """Return the account of a row, and note what the row says of it when it is this source's own."""
        if self.terms.scheme("account"):
            return line.named("account")
        login = line.needed("account")
        native = line.needed("id") if "id" in self.terms.columns else login
        self._accounts.setdefault(native, ListedAccount(login)).add_row(
            line.number, {"name": login, **self._stated(line)}
        )
        return self.source.id("user", native)

    def _stated(self, line: ListedRow) -> Row:
        used = line.when("last_used", instants.start)
        return {
            **{name: line.text(name) for name in ("display_name", "mail", "employee_id", "client")},
            "enabled": line.flag("enabled", self.terms.enabled),
            "created_at": line.when("created_at", instants.start).earliest,
            "password_set_at": line.when("password_set_at", instants.start).earliest,
            "expires_at": line.when("expires_at", instants.until).latest,
            "last_used_earliest": used.earliest,
            "last_used_latest": line.when("last_used", instants.until).latest if used.known else None,
            "never_used": True if line.never("last_used") else (False if used.known else None),
        }

    def _what(self, line: ListedRow) -> list[str]:
        """Return the entitlements of a row: none, one, or as many as the separator parts."""
        named = line.text("entitlement")
        if named is None:
            return []
        if self.terms.scheme("entitlement"):
            return [line.named("entitlement")]
        if self.terms.separator is None:
            return [self._entitlement(line, line.text("entitlement_id") or named, named)]
        names = dict.fromkeys(name.strip() for name in named.split(self.terms.separator))
        return [self._entitlement(line, name, name) for name in names if line.item("entitlement", name)]

    def _entitlement(self, line: ListedRow, native: str, name: str) -> str:
        entitlement = self.source.id(self.terms.entitlement_kind, native)
        known = self._entitlements.get(entitlement)
        if known is None:
            known = self._entitlements[entitlement] = self._described(line, entitlement, native, name)
        if known["name"] != name:
            line.faults.append(f"entitlement {native} is also called {known['name']!r}")
        return entitlement

    def _described(self, line: ListedRow, entitlement: str, native: str, name: str) -> Row:
        terms = self.terms
        return {
            "entitlement": entitlement,
            "source": self.source.name,
            "native_id": native,
            "stable_id": "entitlement_id" in terms.columns or terms.stable_id,
            "kind": terms.entitlement_kind,
            "name": name,
            "description": line.text("description"),
            "client": _only(terms.classification.clients(name, "")),
            "privileged": terms.classification.is_privileged(name, "") if terms.classification.privileged else None,
            "effect": terms.classification.effect_of(name, ""),
            "sensitivity": terms.classification.sensitivity_of(name, ""),
        }

    def _account(self, native: str, account: ListedAccount) -> Iterator[TableRow]:
        agreed, disputes = account.settled()
        account_id, classification, login = self.source.id("user", native), self.terms.classification, account.login
        kind = classification.kind(login, "", self.terms.kind)
        row = {
            "account": account_id,
            "source": self.source.name,
            "native_id": native,
            "stable_id": "id" in self.terms.columns or self.terms.stable_id,
            "name": login,
            "kind": kind,
            "protected": "break-glass account" if kind == "break-glass" else None,
            **agreed,
        }
        if row.get("never_used") and row.get("last_used_latest"):
            row["never_used"] = False
        yield "accounts", {**row, "client": _only(classification.clients(login, "")) or agreed.get("client")}
        yield "aliases", {"scheme": f"{self.source.name}-login", "value": login, "id": account_id}
        if mail := agreed.get("mail"):
            yield "aliases", {"scheme": "mail", "value": folded(mail), "id": account_id}
        if disputes:
            why = "; ".join(sorted(disputes))
            yield problem(self.source, f"{self.sheet.file}: {native}", "ambiguous", why, account_id)


def _used(account: str, entitlement: str, line: ListedRow) -> Row:
    earliest, latest = line.when("used", instants.start).earliest, line.when("used", instants.until).latest
    return {"account": account, "object": entitlement, "last_used_earliest": earliest, "last_used_latest": latest}


def _only(clients: tuple[str, ...]) -> str | None:
    return clients[0] if len(clients) == 1 else None
