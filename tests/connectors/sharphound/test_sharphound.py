"""SharpHound collections: the same access as in the directory, read with care from files nobody vouches for."""

import inspect
import json
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_type_hints

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from access_review.connectors import SYSTEM, Source
from access_review.connectors.sharphound import connector as sharphound
from access_review.errors import ConnectorError, WorkspaceError
from access_review.tables import frame, ref

AS_OF = datetime(2022, 1, 1, tzinfo=UTC)
DOMAIN = "S-1-5-21-1-2-3"


def sid(rid: int) -> str:
    return f"{DOMAIN}-{rid}"


def thing(rid: int | str, name: str, **more: Any) -> dict[str, Any]:
    native = sid(rid) if isinstance(rid, int) else rid
    properties = {
        "domain": "HOME.TEST",
        "name": name,
        "distinguishedname": f"CN={name.partition('@')[0]},DC=HOME,DC=TEST",
    }
    base = {"ObjectIdentifier": native, "Properties": properties | more.pop("Properties", {}), "IsDeleted": False}
    return base | more


def user(rid: int, name: str, primary: int = 513, **properties: Any) -> dict[str, Any]:
    return thing(rid, f"{name}@HOME.TEST", PrimaryGroupSID=sid(primary), Properties=properties)


def group(rid: int | str, name: str, *members: str, **properties: Any) -> dict[str, Any]:
    listed = [{"ObjectIdentifier": member, "ObjectType": "Base"} for member in members]
    return thing(rid, f"{name}@HOME.TEST", Members=listed, Properties=properties)


def write(folder: Path, prefix: str = "", version: Any = 6, **kinds: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("users", "groups", "computers"):
        objects = kinds.get(kind, [])
        meta = {"methods": 0, "type": kind, "count": kinds.get("count", len(objects)), "version": version}
        (folder / f"{prefix}{kind}.json").write_text(json.dumps({"meta": meta, "data": objects}), "utf-8-sig")
    return folder


def tables(connector: sharphound.SharpHound) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for table, row in connector.collect(AS_OF):
        rows[table].append(row)
    return defaultdict(list, {name: frame(name, found).to_pylist() for name, found in rows.items()})


@pytest.fixture
def collected(tmp_path):
    def collect(*, count: int | None = None, options: Mapping[str, Any] | None = None, **kinds: Any):
        counted: dict[str, Any] = {} if count is None else {"count": count}
        write(tmp_path / "c", **kinds, **counted)
        return tables(sharphound.connect(Source("ad", tmp_path), path="c", **(options or {})))

    return collect


def mistakes(folder: Path, path: str = "c") -> list[str]:
    with pytest.raises(WorkspaceError) as caught:
        list(sharphound.connect(Source("ad", folder), path=path).collect(AS_OF))
    return [str(mistake) for mistake in caught.value.mistakes]


def verdicts(found: Mapping[str, Any]) -> dict[str, str | None]:
    rows = [row for row in found["completeness"] if row["subject"] != SYSTEM]
    return {row["subject"]: None if row["complete"] else row["reason"] for row in rows}


def test_accounts_have_the_name_and_the_state_of_the_directory(collected):
    found = collected(
        users=[
            user(
                1001,
                "ANA",
                enabled=True,
                lastlogon=1640000000,
                lastlogontimestamp=1639900000,
                displayname="Ana",
                email="A@B.test",
            ),
            user(1002, "BEN", enabled=False, lastlogon=0, lastlogontimestamp=-1, samaccountname="ben", title="Analyst"),
            user(1003, "CY"),
            user(1004, "GM$", enabled=True),
            user(501, "GUEST"),
            user(502, "KRBTGT"),
            user(1005, "SVC-PAY"),
        ],
        computers=[thing(1101, "PC.HOME.TEST", PrimaryGroupSID=sid(515))],
        options={"service_accounts": ["svc-*"], "attributes": {"job": "title"}},
    )
    accounts = {row["name"]: row for row in found["accounts"]}
    assert {name: row["kind"] for name, row in accounts.items()} == {
        "ANA": "human",
        "ben": "human",
        "CY": "human",
        "GM$": "service",
        "GUEST": "computer",
        "KRBTGT": "computer",
        "SVC-PAY": "service",
        "PC.HOME.TEST": "computer",
    }
    assert [(accounts[n]["enabled"], accounts[n]["never_used"]) for n in ("ANA", "ben", "CY")] == [
        (True, False),
        (False, True),
        (None, None),
    ]
    assert accounts["ANA"]["last_used_earliest"] == datetime.fromtimestamp(1640000000, UTC)
    assert accounts["ANA"]["last_used_latest"] == AS_OF
    assert accounts["ben"]["attributes"] == '{"job":"Analyst"}'
    assert accounts["KRBTGT"]["protected"]
    names = {(row["scheme"], row["value"]) for row in found["aliases"] if row["id"] == f"ad:user:{sid(1001)}"}
    assert names == {("sid", sid(1001)), ("dn", "cn=ana,dc=home,dc=test"), ("sam", "home\\ana"), ("mail", "a@b.test")}


def test_memberships_primary_groups_and_foreign_members(collected):
    builtin, foreign = "HOME.TEST-S-1-5-32-544", "S-1-5-21-9-9-9-1001"
    found = collected(
        users=[user(1001, "ANA"), user(1002, "ROOT", admincount=True)],
        groups=[
            group(builtin, "ADMINISTRATORS", sid(512), foreign, "HOME.TEST-S-1-5-11", admincount=True),
            group(512, "DOMAIN ADMINS", sid(1002), sid(1201), builtin, admincount=True),
            group(1201, "OPS", sid(1001), sid(1002), sid(1201)),
            group("HOME.TEST-S-1-5-11", "AUTHENTICATED USERS"),
            group(513, "DOMAIN USERS"),
        ],
    )
    assert {row["entitlement"] for row in found["entitlements"] if row["privileged"]} == {
        f"ad:group:{builtin}",
        f"ad:group:{sid(512)}",
    }
    assert len(found["entitlements"]) == 4
    members = {
        (row["account"], row["entitlement"][-4:], row["removable"]) for row in found["grants"] if row["via"] == "member"
    }
    assert members == {
        (ref("sid", foreign), "-544", False),
        (f"ad:user:{sid(1002)}", "-512", False),
        (f"ad:user:{sid(1001)}", "1201", True),
        (f"ad:user:{sid(1002)}", "1201", True),
    }
    assert {(row["child"][-4:], row["parent"][-4:]) for row in found["nesting"]} == {
        ("-544", "-512"),
        ("-512", "-544"),
        ("1201", "-512"),
        ("1201", "1201"),
    }
    assert {row["account"][-4:] for row in found["grants"] if row["via"] == "primary"} == {"1001", "1002"}
    assert [row["kind"] for row in found["problems"]] == ["well-known-member"]


def test_sid_history_and_deleted_objects(collected):
    history = [{"ObjectIdentifier": "S-1-5-21-9-9-9-7", "ObjectType": "User"}]
    gone = user(1009, "GONE") | {"IsDeleted": True}
    found = collected(
        users=[user(1001, "ANA", sidhistory=[sid(1002)]) | {"HasSIDHistory": history}, user(1002, "BEN"), gone],
        groups=[group(1201, "OPS", sid(1009))],
    )
    assert {"scheme": "sid", "value": "S-1-5-21-9-9-9-7", "id": f"ad:user:{sid(1001)}"} in found["aliases"]
    assert sorted(row["kind"] for row in found["problems"]) == ["ambiguous", "dangling-member", "unusable"]
    assert [row["via"] for row in found["grants"]] == ["primary", "primary"]


def test_an_object_that_two_records_tell_otherwise_is_in_doubt_alone(collected):
    found = collected(
        users=[user(1001, "ANA", enabled=False), user(1001, "ANA", enabled=True), user(1002, "BEN", enabled=True)],
        groups=[group(1201, "OPS", sid(1001)), group(1202, "DEV", sid(1001)), group(1201, "OPS", sid(1002))],
        computers=[thing(1101, "PC.HOME.TEST", PrimaryGroupSID=sid(515))],
    )
    short = {subject for subject, reason in verdicts(found).items() if reason}
    assert short == {f"ad:group:{sid(1201)}"}
    assert [row["enabled"] for row in found["accounts"] if row["kind"] == "human"] == [False, True]
    held = {(row["account"][-4:], row["entitlement"][-4:]) for row in found["grants"] if row["via"] == "member"}
    assert held == {("1001", "1201"), ("1002", "1201"), ("1001", "1202")}
    subjects = {row["subject"] for row in found["problems"] if row["kind"] == "quarantined"}
    assert subjects == {f"ad:user:{sid(1001)}", f"ad:group:{sid(1201)}"}


@pytest.mark.parametrize(
    ("count", "complete"),
    [(1, True), (0, True), (2, False), (5, False)],
)
def test_a_count_that_differs_means_incomplete_and_zero_means_not_counted(collected, count, complete):
    found = collected(
        users=[user(1001, "ANA")],
        groups=[group(513, "DOMAIN USERS", sid(1001))],
        computers=[thing(1101, "PC.HOME.TEST", PrimaryGroupSID=sid(515))],
        count=count,
    )
    assert all((reason is None) is complete for reason in verdicts(found).values())


def test_what_is_missing_or_unusable_is_not_concluded_from(collected, tmp_path):
    found = collected(
        users=[
            user(1001, "ANA"),
            {"ObjectIdentifier": 5, "Properties": {}},
            "nonsense",
            user(1001, "ANN"),
            user(1001, "ANA"),
        ],
        groups=[thing(1201, "OPS@HOME.TEST")],
    )
    assert all(verdicts(found).values())
    assert sorted(row["kind"] for row in found["problems"]) == [*["quarantined"] * 2, *["unusable"] * 2]
    (tmp_path / "c" / "computers.json").unlink()
    found = tables(sharphound.connect(Source("ad", tmp_path), path="c"))
    assert "no computers were collected" in str(verdicts(found)["accounts"])
    empty = collected()
    assert set(verdicts(empty).values()) == {"nothing was read"}
    assert "owners" not in verdicts(empty)


def test_a_primary_group_that_was_not_collected_leaves_grants_open(collected):
    found = collected(
        users=[thing(1001, "ANA@HOME.TEST")], groups=[group(513, "DOMAIN USERS"), group(1201, "OPS", sid(1001))]
    )
    assert {table for table, reason in verdicts(found).items() if reason} == {"grants"}


def test_a_zip_reads_as_its_folder_with_time_stamps_in_the_names(tmp_path):
    users, groups = [user(1001, "ANA")], [group(1201, "OPS", sid(1001))]
    folder = write(tmp_path / "c", "20230101120000_", version=5, users=users, groups=groups)
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            archive.write(file, f"sub/{file.name}")
        archive.writestr("sub/20230101120000_sessions.json", "not read")
    one = tables(sharphound.connect(Source("ad", tmp_path), path="c"))
    assert one == tables(sharphound.connect(Source("ad", tmp_path), path="c.zip"))
    assert one["grants"]


@pytest.mark.parametrize("version", [2, 7, None, "6", True])
def test_other_versions_are_refused_by_name(tmp_path, version):
    write(tmp_path / "c", version=version)
    found = mistakes(tmp_path)
    assert len(found) == 3
    assert all(f"version {version!r} of the format is not known" in text for text in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "users.json:1:2: not JSON"),
        ("[]", "no meta"),
        ('{"meta": {"type": "groups", "version": 6, "count": 0}, "data": []}', "its type is 'groups'"),
        ('{"meta": {"type": "users", "version": 6, "count": 0}, "data": {}}', "no list of data"),
        ('{"meta": {"type": "users", "version": 6}, "data": []}', "or no count"),
        ("[" * 200_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_collection_is_named(tmp_path, text, said):
    write(tmp_path / "c")
    (tmp_path / "c" / "users.json").write_text(text)
    (found,) = mistakes(tmp_path)
    assert said in found


@pytest.mark.parametrize("name", ["../users.json", "/users.json", "a/../../users.json", "..\\users.json"])
def test_a_zip_that_points_elsewhere_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "{}")
    (found,) = mistakes(tmp_path, "c.zip")
    assert "points elsewhere" in found


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    from access_review.connectors.sharphound import files

    monkeypatch.setattr(files, "LARGEST", 1000)
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.json", " " * 5000)
    (found,) = mistakes(tmp_path, "c.zip")
    assert "larger than 1000 bytes" in found


def test_what_is_neither_folder_nor_zip_is_named(tmp_path):
    (tmp_path / "c.zip").write_text("no zip")
    (tmp_path / "empty").mkdir()
    assert "neither a folder nor a sound zip" in mistakes(tmp_path, "c.zip")[0]
    assert "no users, groups or computers" in mistakes(tmp_path, "empty")[0]


def test_a_collection_that_is_not_there_was_not_read(tmp_path):
    with pytest.raises(ConnectorError, match="gone: no such file or folder"):
        list(sharphound.connect(Source("ad", tmp_path), path="gone").collect(AS_OF))


def test_every_option_is_annotated_so_that_a_file_can_be_checked():
    hints = get_type_hints(sharphound.connect)
    options = [p for p in inspect.signature(sharphound.connect).parameters.values() if p.kind is p.KEYWORD_ONLY]
    assert all(TypeAdapter(hints[option.name]).json_schema() for option in options)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["ObjectIdentifier", "PrimaryGroupSID", "Members", "HasSIDHistory", "IsDeleted"]), JSON
    ),
    st.dictionaries(
        st.sampled_from(
            [
                "name",
                "samaccountname",
                "distinguishedname",
                "lastlogon",
                "whencreated",
                "sidhistory",
                "admincount",
                "domain",
            ]
        ),
        JSON,
    ),
)
def test_odd_values_give_rows_of_the_contract(tmp_path_factory, outer, properties):
    folder = tmp_path_factory.mktemp("odd")
    odd = {"ObjectIdentifier": sid(1001), "Properties": properties} | outer
    write(folder / "c", users=[odd], groups=[odd, group(1201, "OPS", sid(1001))])
    tables(sharphound.connect(Source("ad", folder), path="c"))


# ── outside data ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def labs(outside_data) -> list[dict[str, list[dict[str, Any]]]]:
    return [
        tables(sharphound.connect(Source("lab", outside_data), path=f"sharphound-testlab-v{version}"))
        for version in (5, 6)
    ]


def test_both_versions_of_one_domain_say_the_same(labs):
    five, six = labs
    assert five == six
    assert {name: len(rows) for name, rows in five.items()} == {
        "accounts": 21,
        "entitlements": 30,
        "grants": 32,
        "nesting": 10,
        "aliases": 151,
        "problems": 5,
        "completeness": 6,
    }
    assert set(verdicts(five).values()) == {None}


def test_the_lab_has_the_access_its_files_say(labs, outside_data):
    """Hold our closure against one walked in the raw files."""
    folder = outside_data / "sharphound-testlab-v6"
    raw = {
        kind: json.loads((folder / f"{kind}.json").read_text("utf-8-sig"))["data"]
        for kind in ("users", "groups", "computers")
    }
    theirs = nx.DiGraph()
    for parent in raw["groups"]:
        theirs.add_node(parent["ObjectIdentifier"])
        theirs.add_edges_from((m["ObjectIdentifier"], parent["ObjectIdentifier"]) for m in parent["Members"])
    for holder in raw["users"] + raw["computers"]:
        theirs.add_edge(holder["ObjectIdentifier"], holder["PrimaryGroupSID"])
    ours = nx.DiGraph([(row["account"], row["entitlement"]) for row in labs[1]["grants"]])
    ours.add_edges_from((row["child"], row["parent"]) for row in labs[1]["nesting"])
    for row in labs[1]["accounts"]:
        reached = {node.split(":", 2)[2] for node in nx.descendants(ours, row["account"])}
        assert reached == nx.descendants(theirs, row["native_id"])
