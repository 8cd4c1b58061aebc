"""Rows of an application's export, translated. Pure: a sheet goes in, rows come out."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import assert_never

from access_review.connectors import Source, problem
from access_review.connectors.contradictions import SKEW
from access_review.connectors.same_name import folded
from access_review.connectors.table.columns import LAST_USED, TIMES, field_of
from access_review.connectors.table.listed_account import ListedAccount
from access_review.connectors.table.listed_row import ListedRow, ListingTerms, LostError, TableRow
from access_review.connectors.table.ticket_rows import ticket_rows
from access_review.connectors.tabular import date_order, instants
from access_review.connectors.tabular.sheets import Sheet
from access_review.tables import TABLES, Row

_OF_GRANTS = frozenset(
    {"account", "id", "entitlement", "entitlement_id", "description", "since", "until", "used", "granted_by"}
)
"""The columns of what is held, and of which account it is."""


@dataclass
class ExportListing:
    """One export on its way to rows: accounts and entitlements gather over many lines, the rest stands by itself."""

    source: Source
    sheet: Sheet
    terms: ListingTerms
    as_of: datetime
    lost: int = 0
    typed: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    _accounts: dict[str, ListedAccount] = field(default_factory=dict)
    _entitlements: dict[str, Row] = field(default_factory=dict)
    _links: dict[tuple[str, ...], TableRow] = field(default_factory=dict)
    _problems: list[TableRow] = field(default_factory=list)
    _unnamed: Counter[str] = field(default_factory=Counter)
    _asked_for: Counter[str] = field(default_factory=Counter)

    def rows(self) -> Iterator[TableRow]:
        """Yield everything the sheet says."""
        translate = self._translator()
        dated = [column for name, column in self.terms.columns.items() if field_of(name) in TIMES]
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

    def _translator(self) -> Callable[[ListedRow], Iterator[TableRow]]:
        match self.terms.table:
            case "grants":
                return self._grants
            case "signins":
                return self._signins
            case "activity":
                return self._activity
            case "custody":
                return self._custody
            case "owners":
                return self._owners
            case "tickets":
                return self._tickets
            case "training":
                return self._training
            case never:
                assert_never(never)

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
            if by := line.text("granted_by"):
                yield "granters", {"account": account, "entitlement": entitlement, "granted_by": by}

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
            "address": line.address(),
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

    def _tickets(self, line: ListedRow) -> Iterator[TableRow]:
        for row in ticket_rows(line):
            self._asked_for[row["ticket"]] += 1
            yield "tickets", {**row, "source": self.source.name, "line": self._asked_for[row["ticket"]]}

    def _training(self, line: ListedRow) -> Iterator[TableRow]:
        person, course = line.named("person"), " ".join(line.needed("course").split())
        done, until = line.when("done", instants.start), line.when("until", instants.until)
        # Whoever cannot read whether it is done, or until when that counts, does not know whether it is missing.
        if line.faults:
            raise LostError(line.faults.pop())
        if done.earliest and until.latest and until.latest < done.earliest:
            raise LostError("it counts until a day before the one on which it was done: neither is believed")
        if done.earliest and done.earliest > self.as_of + SKEW:
            raise LostError(f"done on {done.earliest:%Y-%m-%d}, after it was read: whether it is done is not known")
        self._asked_for[f"{person} {course}"] += 1
        yield (
            "training",
            {
                "source": self.source.name,
                "person": person,
                "course": course,
                "line": self._asked_for[f"{person} {course}"],
                "assigned_at": line.when("assigned", instants.start).earliest,
                "due_at": line.when("due", instants.until).latest,
                "done_at": done.earliest,
                "valid_until": until.latest,
            },
        )

    def _who(self, line: ListedRow) -> str:
        """Return the account of a row, and note what the row says of it when it is this source's own."""
        if self.terms.scheme("account"):
            return line.named("account")
        login = line.needed("account")
        native = line.needed("id") if "id" in self.terms.columns else login
        account = self._accounts.get(native)
        if account is None:
            account = self._accounts[native] = ListedAccount(login)
        cells = (login, *map(line.written, self._stating))
        # An account has a row for each thing that it holds, and all of them say the same of it: that is read once.
        if cells != account.read:
            account.add_row(line.number, {"name": login, **self._stated(line)})
            if not (line.faults or line.typed or line.unread or line.doubtful or self.sheet.stored_dates):
                account.read = cells
        return self.source.id("user", native)

    @cached_property
    def _stating(self) -> tuple[str, ...]:
        """The mapped columns that may say something of an account itself."""
        return tuple(name for name in self.terms.columns if name not in _OF_GRANTS)

    def _stated(self, line: ListedRow) -> Row:
        return {
            **{name: line.text(name) for name in ("display_name", "mail", "employee_id", "client")},
            "enabled": line.flag("enabled", self.terms.enabled),
            "created_at": line.when("created_at", instants.start).earliest,
            "password_set_at": line.when("password_set_at", instants.start).earliest,
            "expires_at": line.when("expires_at", instants.until).latest,
            **self._last_use(line),
        }

    def _last_use(self, line: ListedRow) -> Row:
        """Return when an account was last used: by the latest of its columns, of which each must be readable."""
        names = [name for name in self.terms.columns if field_of(name) == LAST_USED]
        bounds = {name: (line.when(name, instants.start), line.when(name, instants.until)) for name in names}
        known = [(start.earliest, until.latest) for start, until in bounds.values() if start.known]
        if any(self.terms.columns[name] in line.unread for name in names):
            known = []
        never = bool(names) and all(line.never(name) for name in names)
        return {
            "last_used_earliest": max((earliest for earliest, _ in known if earliest), default=None),
            "last_used_latest": max((latest for _, latest in known if latest), default=None),
            "never_used": True if never else (False if known else None),
        }

    def _what(self, line: ListedRow) -> list[str]:
        """Return the entitlements of a row: none, one, as many as the separator parts, or those that are marked."""
        if matrix := self.terms.matrix:
            things = self.terms.things(self.sheet.columns)
            return [self._entitlement(line, one, one) for one in things if line.marked(one, matrix)]
        named = line.text("entitlement")
        if named is None or self._is_shut(named):
            return []
        if self.terms.scheme("entitlement"):
            return [line.named("entitlement")]
        if self.terms.separator is None:
            return [self._entitlement(line, line.text("entitlement_id") or named, named)]
        names = dict.fromkeys(name.strip() for name in named.split(self.terms.separator))
        return [self._entitlement(line, name, name) for name in names if line.item("entitlement", name)]

    def _is_shut(self, named: str) -> bool:
        """Tell whether what stands for a role says that the account cannot be used: one column may say both."""
        columns = self.terms.columns
        return columns["entitlement"] == columns.get("enabled") and self.terms.enabled.read(named) is False

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
        if "id" in self.terms.columns:
            yield "aliases", {"scheme": f"{self.source.name}-id", "value": native, "id": account_id}
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
