"""A review of what changed alone is the whole review: the same digest, whatever changed, and however often.

``CHANGE_SEQUENCES`` sets how many sequences of changes are tried (``make simulate``).
"""

import os
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access_review.engine.duckdb import EmbeddedEngine
from access_review.engine.kept import MANY, KeptDatabase
from access_review.facts import FORMER_OWNERS, AcceptedAccess, CarryForward, KeptFinding, UnreviewedUnit
from access_review.findings import asked_rules
from access_review.findings.buckets import root_of
from access_review.findings.moment import with_moment
from access_review.findings.reviewed_change import RowsChanged, WholeNeeded
from access_review.model import AsOf, Relation
from access_review.review import Previous, find
from access_review.rules import load
from access_review.snapshot import Snapshot
from access_review.stages.kept_facts import keep
from access_review.stages.review_change import review_change
from access_review.tables import TABLES, frame
from tests.support import sweep
from tests.support.snapshots import fill, workspace

SEQUENCES = int(os.environ.get("CHANGE_SEQUENCES", "3" if sweep.session().whole else "1"))
AS_OF = datetime(2026, 2, 1, tzinfo=UTC)
DAYS = [
    None,
    *(AS_OF + timedelta(days=days, minutes=minutes) for days in (-100, -60, -31, -6, -1, 0, 1) for minutes in (0, 30)),
]
PEOPLE = [f"hr:person:{n}" for n in range(1, 6)]
USERS = [f"ad:user:{n}" for n in range(1, 6)]
CLOUD = [f"entra:user:{n}" for n in range(1, 4)]
APPS = ["entra:sp:app", "entra:sp:bot"]
ACCOUNTS = [*USERS, *CLOUD, *APPS, "ad:service:backup"]
GROUPS = [f"ad:group:{name}" for name in "abcdef"]
THINGS = [*GROUPS, "entra:group:copy", "entra:role:admin", "entra:consent:app/graph:read"]

FLAG = [None, True, False]
NAMES = ["Ana Lim", "Bo Ek", "An\u0430 Lim", "Cy, Vo", None]
MAILS = ["ana@x.test", "bo@x.test", None]

CHOICES: dict[str, dict[str, Sequence[Any]]] = {
    "grants": {
        "account": ACCOUNTS,
        "entitlement": THINGS,
        "mode": ["assigned", "eligible"],
        "since": DAYS,
        "until": DAYS,
        "via": ["member", "primary"],
    },
    "nesting": {
        "child": THINGS,
        "parent": THINGS,
        "why": ["member", "synced-to"],
        "mode": ["assigned", "assigned", "eligible"],
    },
    "people": {
        "person": PEOPLE,
        "status": ["active", "left", "leave", "missing", "unknown"],
        "left_at_latest": DAYS,
        "name": NAMES,
        "mail": MAILS,
        "kind": ["employee", "agent"],
        "sponsor": [None, *PEOPLE],
        "approved_until": DAYS,
        "data_class": [None, "public"],
    },
    "assignments": {
        "person": PEOPLE,
        "seq": [1, 2],
        "role": ["p", "q", None],
        "client": ["north", "south", None],
        "status": ["active", "leave", "left"],
        "starts_earliest": DAYS,
        "starts_latest": DAYS,
        "ends_earliest": DAYS,
        "ends_latest": DAYS,
        "attributes": [None, '{"country":"PH","shift":"08:00-16:00","timezone":"UTC"}'],
    },
    "accounts": {
        "account": ACCOUNTS,
        "employee_id": ["1", "2", "3", "4", None],
        "name": NAMES,
        "display_name": NAMES,
        "mail": MAILS,
        "principal_name": [None, "ana@x.test", "ana.1im@x.test", "ana.lim@x.test"],
        "kind": ["human", "human", "service", "guest", "agent", "shared"],
        "enabled": FLAG,
        "created_at": DAYS,
        "last_used_latest": DAYS,
        "never_used": FLAG,
        "password_set_at": DAYS,
    },
    "entitlements": {
        "entitlement": THINGS,
        "name": "xyz",
        "privileged": FLAG,
        "client": ["north", None],
        "effect": ["grants", "restricts", "exempts"],
        "sensitivity": [None, "restricted"],
    },
    "owners": {"object": [*ACCOUNTS, PEOPLE[0], GROUPS[0]], "owner": [*USERS, *PEOPLE]},
    "custody": {"account": ACCOUNTS, "person": PEOPLE, "ends_at": DAYS},
    "credentials": {"object": ACCOUNTS, "credential": "kl", "set_at": DAYS, "expires_at": DAYS},
    "activity": {"account": ACCOUNTS, "object": THINGS, "last_used_earliest": DAYS, "last_used_latest": DAYS},
    "signins": {
        "account": ACCOUNTS,
        "at": DAYS[1:],
        "signin": "uv",
        "success": FLAG,
        "country": ["PH", "US", None],
        "managed": FLAG,
        "application": ["x", "y", None],
    },
    "training": {
        "source": ["lms"],
        "person": PEOPLE,
        "course": ["Safety", "safety"],
        "line": [1],
        "due_at": DAYS,
        "done_at": DAYS,
        "valid_until": DAYS,
    },
    "aliases": {
        "scheme": ["sid", "on-premises-sid"],
        "value": "ST",
        "id": [*USERS[:3], *CLOUD, GROUPS[0]],
    },
    "problems": {
        "source": ["ad"],
        "locator": ["x", "y"],
        "kind": ["quarantined", "fewer-members", "dangling-member"],
        "reason": ["r"],
        "subject": [None, None, None, USERS[0], GROUPS[1]],
    },
    "tickets": {
        "source": ["desk"],
        "ticket": "12",
        "line": [1],
        "person": ["1", "ana@x.test", "Bo Ek"],
        "entitlement": ["x", "y", "z", None],
        "system": [None, "ad"],
        "approved_by": ["2", "Bo Ek", None],
        "approved": FLAG,
        "starts_at": DAYS,
        "ends_at": DAYS,
    },
}
OFTEN = ["grants"] * 4 + ["people", "assignments", "accounts", "nesting"]
LATER = [*[timedelta(minutes=1)] * 3, timedelta(hours=5), timedelta(days=1), timedelta(days=6)]

one = st.sampled_from
CHANGES = one([*OFTEN, *CHOICES]).flatmap(
    lambda table: st.fixed_dictionaries({name: one(choices) for name, choices in CHOICES[table].items()}).map(
        lambda row: (table, row)
    )
)
"""A row that is put in, or, where it is there already, taken out."""

STEP = st.tuples(
    st.lists(CHANGES, min_size=0, max_size=3),
    one(LATER),
    st.one_of(st.none(), st.none(), st.none(), st.integers(0, 3)),
)
BEFORE = {"course": "safety", "before": ["ad:group:b", "ad:group:d"]}
SPACES: list[dict[str, Any]] = [
    {"templates": [{"role": "p", "must": ["ad:group:a"], "may": ["ad:group:b"], "never": ["ad:group:f"]}]},
    {
        "templates": [
            {
                "role": "p",
                "may": ["ad:group:b", "ad:group:d"],
                "eligible": ["entra:role:*"],
                "training": ["Safety", BEFORE],
            },
            {"role": "q", "must": ["ad:group:c"], "never": ["ad:group:e"], "who": {"client": ["north"]}},
        ],
        "pairs": [{"pair": "pay", "a": ["ad:group:a"], "b": ["ad:group:e"]}],
        "waivers": [
            {
                "waiver": "w1",
                "rule": "access-beyond-role",
                "subject": "ad:user:1",
                "about": "ad:group:c",
                "reason": "r",
                "approver": "a",
                "ticket": "t",
                "expires": date(2026, 2, 2),
            },
            {
                "waiver": "w2",
                "rule": "leaver-active",
                "subject": "ad:user:2",
                "reason": "r",
                "approver": "a",
                "ticket": "t",
                "expires": date(2026, 3, 2),
            },
        ],
        "policy": {"applications": {"ai": ["*app*"]}},
    },
]
MATCH = {
    "ad": [{"on": ["employee_id", "person"]}, {"on": ["mail", "mail"], "certain": False}],
    "entra": [{"on": ["employee_id", "person"]}, {"on": ["display_name", "name"], "certain": False}],
}


def space_of(number: int) -> Any:
    made = workspace(match=MATCH, **SPACES[number % len(SPACES)])
    object.__setattr__(made, "digest", f"sha256:{number}")
    return made


class World:
    """The rows of a company, by table and key; of tables that are ``short`` not everything was read, by source."""

    def __init__(self, short: Collection[tuple[str, str]] = ()) -> None:
        self.rows: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {table: {} for table in TABLES}
        start: list[tuple[str, dict[str, Any]]] = [
            *(("people", {"person": person, "name": "Ana Lim"}) for person in PEOPLE[:4]),
            *(("assignments", {"person": person, "role": "p"}) for person in PEOPLE[:4]),
            *(("accounts", {"account": account, "employee_id": account[-1]}) for account in ACCOUNTS),
            *(("entitlements", {"entitlement": thing}) for thing in THINGS),
            *(("grants", {"account": account, "entitlement": thing}) for account in USERS[:3] for thing in GROUPS[1:4]),
            ("nesting", {"child": GROUPS[1], "parent": GROUPS[4]}),
            *(
                ("completeness", {"source": source, "subject": table, "complete": (source, table) not in short})
                for source in ("ad", "entra", "hr", "desk", "lms")
                for table in TABLES
            ),
        ]
        for table, row in start:
            self.toggle(table, row)

    def toggle(self, table: str, row: dict[str, Any]) -> None:
        """Put a row in, replace what has its key, or take out what is the same."""
        filled = fill(TABLES[table], row)
        key = tuple(filled[column] for column in TABLES[table].key)
        if self.rows[table].get(key) == filled:
            del self.rows[table][key]
        else:
            self.rows[table][key] = filled

    def tables(self) -> dict[str, pa.Table]:
        """Return the tables; what refers to nothing is left out, as reading does."""
        there = {key[0] for table in ("accounts", "entitlements", "people") for key in self.rows[table]}
        made = {}
        for table, rows in self.rows.items():
            ends = {
                "grants": ("account", "entitlement"),
                "nesting": ("child", "parent"),
                "assignments": ("person",),
            }.get(table, ())
            made[table] = frame(table, [row for row in rows.values() if all(row[end] in there for end in ends)])
        return made


def between(before: dict[str, pa.Table], now: dict[str, pa.Table]) -> dict[str, RowsChanged]:
    changes = {}
    for table, rows in now.items():
        old, new = ({tuple(r[k] for k in TABLES[table].key): r for r in t.to_pylist()} for t in (before[table], rows))
        gone = [dict(zip(TABLES[table].key, key, strict=True)) for key in old.keys() - new.keys()]
        fresh = [row for key, row in new.items() if old.get(key) != row]
        keys = pa.schema([rows.schema.field(column) for column in TABLES[table].key])
        changes[table] = RowsChanged(pa.Table.from_pylist(gone, keys), pa.Table.from_pylist(fresh, rows.schema))
    return changes


def whole(world: dict[str, pa.Table], at: datetime, space: Any, known: Previous) -> pa.Table:
    with EmbeddedEngine(at) as engine:
        found = find(Snapshot(at, world, ""), space, engine, known, digested=False).found
    assert isinstance(found, pa.Table)
    return found


def rooted(found: pa.Table, at: datetime) -> str:
    with EmbeddedEngine(at) as engine:
        engine.register("found", found)
        return root_of(engine, "found")


def known_of(world: dict[str, pa.Table], space: Any) -> Previous:
    told = {"name": "Ana Lim", "mail": "ana@x.test", "rungs": "|synced|"}
    theirs = [{"account": user, "person": person, **told} for user, person in zip(USERS, PEOPLE, strict=True)]
    owners = frame(FORMER_OWNERS, theirs)
    accepted = AcceptedAccess(world["grants"].slice(0, 4), frozenset({"ad"}), AS_OF - timedelta(days=9))
    left_open = CarryForward(
        (UnreviewedUnit(PEOPLE[0], "2026-W01", 1, "Bo"), UnreviewedUnit(USERS[4], "2026-W01", 2)),
        (KeptFinding("f" * 64, USERS[0], GROUPS[2], "Bo", date(2026, 1, 5)),),
    )
    first = whole(
        world, AS_OF - timedelta(days=29), space, Previous(left_open=left_open, owners=owners, accepted=accepted)
    )
    kept = KeptFinding(first["finding"][0].as_py(), USERS[0], GROUPS[2], "Bo", date(2026, 1, 5))
    return Previous(first, CarryForward(left_open.unreviewed, (kept,)), owners, accepted)


def step_to(
    kept: KeptDatabase, space: Any, at: datetime, before: dict[str, pa.Table], now: dict[str, pa.Table], known: Previous
) -> None:
    """Review the change alone and everything, and hold the one to the other, row by row."""
    digest = review_change(kept, space, at, between(before, now), most=1.0).digest
    found = whole(now, at, space, known)
    alone = with_moment(kept.engine.query("SELECT * FROM findings ORDER BY finding"), at).to_pylist()
    theirs = found.to_pylist()
    assert [one for one in alone if one not in theirs] == [one for one in theirs if one not in alone]
    assert digest == rooted(found, at)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A company that was reviewed and kept."""
    file = tmp_path_factory.mktemp("kept") / "kept.duckdb"
    world = World()
    chance = Random(8)  # noqa: S311 - a test
    for _ in range(30):
        world.toggle(*drawn(chance))
    tables, space = world.tables(), space_of(1)
    known = known_of(tables, space)
    keep(file, Snapshot(AS_OF, tables, ""), space, known, whole(tables, AS_OF, space, known), many=0)
    return file, world, space, known


def drawn(chance: Random) -> tuple[str, dict[str, Any]]:
    table = chance.choice([*OFTEN, *CHOICES])
    return table, {name: chance.choice(list(choices)) for name, choices in CHOICES[table].items()}


def test_a_few_changes_give_the_findings_of_a_whole_review(first):
    file, world, space, known = first
    chance, at, tables = Random(21), AS_OF, world.tables()  # noqa: S311 - a test
    with KeptDatabase(file, at, many=0) as kept:
        for later in (timedelta(minutes=1), timedelta(days=1), timedelta(minutes=1)):
            for _ in range(3):
                world.toggle(*drawn(chance))
            now, at = world.tables(), at + later
            step_to(kept, space, at, tables, now, known)
            tables = now


@pytest.mark.parametrize(
    ("number", "most", "later", "why"),
    [
        (2, 1.0, timedelta(minutes=1), "the workspace, a rule or the tool is another"),
        (1, 0.0, timedelta(minutes=1), "grants would be judged anew"),
        (1, 1.0, timedelta(days=-9), "time went back"),
    ],
)
def test_what_cannot_be_reviewed_alone_is_said_and_changes_nothing(first, number, most, later, why):
    file, world, *_ = first
    tables = world.tables()
    fewer = {**tables, "grants": tables["grants"].slice(1)}
    with KeptDatabase(file, AS_OF) as kept:
        before = kept.engine.query("SELECT * FROM grants ORDER BY ALL")
        with pytest.raises(WholeNeeded, match=why):
            review_change(kept, space_of(number), AS_OF + timedelta(days=4) + later, between(tables, fewer), most=most)
        assert kept.engine.query("SELECT * FROM grants ORDER BY ALL").equals(before)


def test_what_is_no_row_of_an_account_or_person_is_reviewed_whole(first):
    file, world, space, _ = first
    tables = world.tables()
    row = {"source": "ad", "locator": "z", "kind": "quarantined", "reason": "r", "subject": "ad:user:9"}
    now = {**tables, "problems": frame("problems", [*tables["problems"].to_pylist(), row])}
    with KeptDatabase(file, AS_OF) as kept, pytest.raises(WholeNeeded, match="rows of problems"):
        review_change(kept, space, AS_OF + timedelta(days=9), between(tables, now))


@pytest.mark.parametrize(
    ("sql", "direct"),
    [
        ("SELECT account FROM accounts WHERE created_at < :cutoff", True),
        ("SELECT account FROM accounts WHERE coalesce(:cutoff >= created_at, TRUE)", True),
        ("SELECT account FROM accounts WHERE created_at < :cutoff - INTERVAL 3 DAY", False),
        ("SELECT account, date_diff('day', created_at, :cutoff) AS age FROM accounts", False),
    ],
)
def test_a_rule_that_counts_with_the_time_of_the_snapshot_is_asked_about_everything(sql, direct):
    asked = Relation(sql, {"cutoff": AsOf()})
    rules = load()
    assert asked_rules.compares_directly(asked) is direct
    assert asked_rules.is_local(rules["leaver-active"], asked) is direct
    assert not asked_rules.is_local(rules["lookalike-account"], asked)


@pytest.mark.slow
@settings(
    max_examples=SEQUENCES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(
    before=st.lists(CHANGES, max_size=25),
    steps=st.lists(STEP, min_size=1, max_size=4),
    many=one([0, MANY]),
    short=st.sets(one([("ad", "grants"), ("entra", "accounts"), ("entra", "nesting"), ("hr", "owners")]), max_size=2),
)
def test_whatever_changes_the_findings_are_those_of_a_whole_review(tmp_path_factory, before, steps, many, short):
    file = tmp_path_factory.getbasetemp() / "kept.duckdb"
    world, space, at = World(short), space_of(0), AS_OF
    for table, row in before:
        world.toggle(table, row)
    tables = world.tables()
    known = known_of(tables, space)
    found = whole(tables, at, space, known)
    assert keep(file, Snapshot(at, tables, ""), space, known, found, many=many) == rooted(found, at)
    for changes, later, other in steps:
        for table, row in changes:
            world.toggle(table, row)
        now, at = world.tables(), at + later
        space = space if other is None else space_of(other)
        with KeptDatabase(file, at, many=many) as kept:
            try:
                step_to(kept, space, at, tables, now, known)
                is_whole = False
            except WholeNeeded:
                is_whole = True
        if is_whole:
            keep(file, Snapshot(at, now, ""), space, known, whole(now, at, space, known), many=many)
        tables = now
