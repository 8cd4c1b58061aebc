"""Every table of a snapshot: its columns, their types, its key.

Rows become tables through :func:`frame` and nowhere else, for connectors, files
and tests alike. A row that breaks its table's contract is a bug in whoever made
it; input that a source cannot use goes to ``problems`` instead, counted, never
dropped.

Ids are text of the form ``source:kind:native-id``. A reference to something
another source knows is written with :func:`ref` and resolved through ``aliases``
when all sources have been read. Times are UTC. A null is *unknown*, never no.
"""

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from access_review.row_order import first_repeated, is_in_order

Row = Mapping[str, Any]

TEXT = pa.string()
FLAG = pa.bool_()
WHOLE = pa.int64()
TIME = pa.timestamp("us", tz="UTC")

PERSON_KINDS = ("employee", "contractor", "agent")
PERSON_STATUSES = ("active", "leave", "left", "missing", "unknown")
ACCOUNT_KINDS = ("human", "service", "shared", "guest", "agent", "computer", "break-glass")
EFFECTS = ("grants", "restricts", "exempts", "distribution", "unknown")
MODES = ("assigned", "eligible")
NESTING_REASONS = ("member", "grants-role", "synced-to", "inherits")
REACHES = ("transitive", "direct-only")
_UNUSABLE = ("quarantined", "dangling-member", "well-known-member", "unresolved", "ambiguous", "unusable")
PROBLEM_KINDS = (*_UNUSABLE, "fewer-members", "still-named", "unknown-member")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``required`` forbids null, ``among`` lists the values allowed, ``id`` may hold a reference."""

    name: str
    type: pa.DataType = TEXT
    required: bool = False
    among: tuple[str, ...] = ()
    id: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table: ``key`` columns are required, unique together, and the order of its rows."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    about: str
    schema: pa.Schema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fields = [pa.field(c.name, c.type, nullable=not self.requires(c)) for c in self.columns]
        object.__setattr__(self, "schema", pa.schema(fields))

    def requires(self, column: Column) -> bool:
        """Tell whether null is forbidden in ``column``."""
        return column.required or column.name in self.key

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the columns that may hold a reference."""
        return tuple(c.name for c in self.columns if c.id)


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def _times(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, TIME) for name in names)


_REMOVAL = (Column("native_id"), Column("mastered_in"), Column("removable", FLAG, required=True), Column("why_not"))

_TABLES = (
    Table(
        "people",
        ("person",),
        (
            Column("person"),
            Column("source", required=True),
            Column("native_id", required=True),
            *_text("name", "mail"),
            Column("kind", required=True, among=PERSON_KINDS),
            Column("status", required=True, among=PERSON_STATUSES),
            Column("manager", id=True),
            *_times("left_at_earliest", "left_at_latest", "notified_at", "first_seen_left_at"),
            Column("sponsor", id=True),
            *_text("purpose", "data_class"),
            *_times("approved_until"),
        ),
        "Humans and AI agents of the rosters. `status` is the standing at the time of the snapshot: `missing` was in an "
        "earlier run and vanished without a termination, `unknown` has a row that could not be used (quarantined).",
    ),
    Table(
        "assignments",
        ("person", "seq"),
        (
            Column("person"),
            Column("seq", WHOLE),
            Column("source", required=True),
            *_times("starts_earliest", "starts_latest", "ends_earliest", "ends_latest"),
            Column("status", required=True, among=PERSON_STATUSES),
            *_text("client", "role", "attributes"),
        ),
        "Spells of employment or role, former ones included. `attributes` is canonical JSON of every HR attribute the "
        "source maps; `role` the roster's own role column, where it has one.",
    ),
    Table(
        "accounts",
        ("account",),
        (
            Column("account"),
            Column("source", required=True),
            Column("native_id", required=True),
            Column("stable_id", FLAG, required=True),
            *_text("name", "principal_name", "display_name", "mail", "employee_id"),
            Column("kind", required=True, among=ACCOUNT_KINDS),
            Column("enabled", FLAG),
            *_times("created_at", "last_used_earliest", "last_used_latest"),
            Column("never_used", FLAG),
            *_times("password_set_at", "expires_at"),
            *_text("client", "protected", "attributes"),
        ),
        "Records that can sign in or act. `stable_id` is false where the id may change (a DN), so nothing is planned on "
        "it. `never_used` is true only where the source says so; both bounds of the last use null is unknown. "
        "`protected` is the reason why the source holds the account untouchable (break-glass, sync, tier 0).",
    ),
    Table(
        "aliases",
        ("scheme", "value", "id"),
        (Column("scheme"), Column("value"), Column("id")),
        "Other names of accounts, entitlements and people. Schemes: sid, on-premises-sid, immutable-id, dn, upn, sam "
        "(`DOMAIN\\\\name`), mail, app-id, registered-app (of an application of the tenant's own), person-id, person-mail. A value with two ids is ambiguous and resolves to none.",
    ),
    Table(
        "entitlements",
        ("entitlement",),
        (
            Column("entitlement"),
            Column("source", required=True),
            Column("native_id", required=True),
            Column("stable_id", FLAG, required=True),
            Column("kind", required=True),
            Column("name", required=True),
            *_text("description", "client", "system", "scope"),
            Column("privileged", FLAG),
            Column("sensitivity"),
            Column("effect", required=True, among=EFFECTS),
        ),
        "What can be held: groups, roles, app roles, consents, licences.",
    ),
    Table(
        "grants",
        ("account", "entitlement", "mode"),
        (
            Column("account", id=True),
            Column("entitlement", id=True),
            Column("mode", among=MODES),
            *_times("since", "until"),
            Column("via", required=True),
            *_REMOVAL,
        ),
        "An account holds an entitlement directly. `via`: member, primary, role-assignment, pim, approle, consent, "
        "licence, list. A grant whose account resolves to an entitlement becomes nesting.",
    ),
    Table(
        "nesting",
        ("child", "parent", "mode"),
        (
            Column("child", id=True),
            Column("parent", id=True),
            Column("mode", among=MODES),
            Column("why", required=True, among=NESTING_REASONS),
            Column("reach", required=True, among=REACHES),
            *_REMOVAL,
        ),
        "Holding `child` gives `parent` too. A `direct-only` edge reaches the direct holders of `child`, not those who "
        "hold it through nesting.",
    ),
    Table(
        "owners",
        ("object", "owner"),
        (Column("object", id=True), Column("owner", id=True)),
        "Who answers for a group, application, service account or agent: an account or a person.",
    ),
    Table(
        "custody",
        ("account", "person"),
        (Column("account", id=True), Column("person", id=True), *_times("starts_at", "ends_at")),
        "Who knows the secret of a shared account, and until when.",
    ),
    Table(
        "credentials",
        ("object", "credential"),
        (
            Column("object", id=True),
            Column("credential"),
            Column("kind", required=True),
            *_times("set_at", "expires_at"),
        ),
        "Secrets and certificates of accounts and applications, without their values.",
    ),
    Table(
        "tickets",
        ("source", "ticket", "line"),
        (
            *_text("source", "ticket"),
            Column("line", WHOLE),
            *_text("person", "client", "entitlement", "system", "approved_by"),
            Column("approved", FLAG),
            *_times("starts_at", "ends_at"),
        ),
        "What authorised access: requests of a service desk, one row for each thing asked for. `person`, `entitlement`, `system` "
        "and `approved_by` are as the request writes them (an id, number, mail, login or name): what they mean is told when "
        "it is reviewed. `approved` is null where its word cannot be read; an end that is null never comes.",
    ),
    Table(
        "granters",
        ("account", "entitlement", "granted_by"),
        (Column("account", id=True), Column("entitlement", id=True), Column("granted_by")),
        "Who gave an account an entitlement, as its source says it.",
    ),
    Table(
        "training",
        ("source", "person", "course", "line"),
        (
            Column("source"),
            Column("person", id=True),
            Column("course"),
            Column("line", WHOLE),
            *_times("assigned_at", "due_at", "done_at", "valid_until"),
        ),
        "What people were asked to learn, one row for each time: assigned, done or still due, and until when having done it "
        "counts; without an end it counts for ever.",
    ),
    Table(
        "activity",
        ("account", "object"),
        (Column("account", id=True), Column("object", id=True), *_times("last_used_earliest", "last_used_latest")),
        "Last use of an entitlement or application by an account, where a source knows it.",
    ),
    Table(
        "signins",
        ("account", "at", "signin"),
        (
            Column("account", id=True),
            Column("at", TIME),
            Column("signin"),
            Column("success", FLAG),
            *_text("country", "device", "application", "address"),
            Column("managed", FLAG),
            Column("compliant", FLAG),
            Column("conditional_access"),
        ),
        "Sign-ins of a bounded window, badge swipes included. `address` is an IP address; whether the device is managed, and "
        "compliant, and what Conditional Access said, are null where the log does not say.",
    ),
    Table(
        "problems",
        ("source", "locator", "kind"),
        (
            Column("source"),
            Column("locator"),
            Column("kind", among=PROBLEM_KINDS),
            Column("reason", required=True),
            Column("subject"),
        ),
        "Input that could not be used, and why. `subject` is the person, account or entitlement concerned.",
    ),
    Table(
        "completeness",
        ("source", "subject"),
        (
            Column("source"),
            Column("subject"),
            Column("complete", FLAG, required=True),
            Column("reason"),
            Column("received", WHOLE),
            Column("expected", WHOLE),
        ),
        "The verdict of a source on each table it fills and on each large group. `subject` is a table's name or an id.",
    ),
)

TABLES: Mapping[str, Table] = {table.name: table for table in _TABLES}

SINCE = frozenset({"tickets", "granters", "training"})
"""Tables that runs from before them lack: without a row they are no part of a snapshot's digest, which stays as it was."""


def ref(scheme: str, value: str) -> str:
    """Name something by an alias, to be resolved when every source has been read."""
    return f"ref:{scheme}:{value}"


def frame(table: str | Table, rows: Iterable[Row], *, also: Iterable[pa.Table] = ()) -> pa.Table:
    """Build a table from rows (and from tables of the same schema), sorted by its key.

    Raises ``ValueError`` when a column is unknown, a required value missing, a
    value outside its set or type, or a key stands twice.
    """
    table = _named(table)
    name, rows = table.name, list(rows)
    known = set(table.schema.names)
    for row in rows:
        if not row.keys() <= known:
            raise ValueError(f"{name}: unknown column {min(row.keys() - known)!r}")
    try:
        # A null in a required column must be reported by name below, not coerced here.
        loose = pa.schema([f.with_nullable(True) for f in table.schema])
        made = pa.Table.from_pylist(rows, schema=loose)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"{name}: {error}") from error
    return settle(table, pa.concat_tables([made, *(t.cast(loose) for t in also)]))


def _named(table: str | Table) -> Table:
    return TABLES[table] if isinstance(table, str) else table


def settle(table: str | Table, data: pa.Table, *, ordered: bool = False) -> pa.Table:
    """Check a table against its contract and sort it by its key, unless it is; raises ``ValueError`` as :func:`frame` does."""
    table = _named(table)
    name = table.name
    for column in table.columns:
        values = data[column.name]
        if table.requires(column) and values.null_count:
            raise ValueError(f"{name}: {column.name} is missing in {values.null_count} of {len(data)} rows")
        if column.among:
            odd = pc.unique(values.filter(pc.invert(pc.is_in(values, pa.array(column.among)))))
            if len(odd):
                raise ValueError(f"{name}: {column.name} {odd[0].as_py()!r} is not one of {', '.join(column.among)}")
    if ordered:
        return data.cast(table.schema)
    if not is_in_order(data, table.key):
        data = data.sort_by([(k, "ascending") for k in table.key])
        if repeated := first_repeated(data, table.key):
            raise ValueError(f"{name}: key {repeated} stands more than once")
    return data.combine_chunks().cast(table.schema)


def empty(name: str) -> pa.Table:
    """Return table ``name`` without rows."""
    return TABLES[name].schema.empty_table()


def digest(data: pa.Table | pa.RecordBatchReader) -> str:
    """Fingerprint a table by its rows, not by its file: ``sha256:`` and 64 hex digits.

    The hash of its rows as CSV, in the order given (sorted by key when made by
    :func:`frame`), every value quoted and null left empty, so anyone can repeat it.
    A reader is read to its end, batch by batch.
    """
    found = hashlib.sha256(_csv(data.schema.empty_table(), header=True))
    batches = iter(data.to_batches(max_chunksize=100_000) if isinstance(data, pa.Table) else data)
    first = [*islice(batches, 2)]
    if len(first) < 2:  # a small table is hashed sooner than a thread begins
        for batch in first:
            found.update(_csv(batch))
        return "sha256:" + found.hexdigest()
    with ThreadPoolExecutor(1) as pool:
        before: Future[pa.Buffer] | None = None
        for batch in chain(first, batches):  # the next one is read while one is written and the one before it is hashed
            text = pool.submit(_csv, batch)
            if before:
                found.update(before.result())
            before = text
        if before:
            found.update(before.result())
    return "sha256:" + found.hexdigest()


def write_rows(rows: pa.RecordBatchReader, to: IO[bytes]) -> None:
    """Write rows as the CSV text that :func:`digest` hashes, batch by batch: the SHA-256 of the file is the digest."""
    to.write(_csv(rows.schema.empty_table(), header=True))
    for batch in rows:
        to.write(_csv(batch))


def _csv(rows: pa.Table | pa.RecordBatch, *, header: bool = False) -> pa.Buffer:
    from pyarrow import csv

    sink = pa.BufferOutputStream()
    csv.write_csv(rows, sink, csv.WriteOptions(include_header=header, quoting_style="all_valid"))
    return sink.getvalue()
