"""Further instances of the kinds of fault that people reported, each in another connector than the reported one.

A row of a table is one instance: what it is, and what is right. The names of the tables are the kinds.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from access_review import snapshot, workspace
from access_review.errors import AccessReviewError, RosterFault, WorkspaceError
from access_review.tables import TABLES
from tests.connectors.faulty_inputs import DOMAIN, FORMATS, Company
from tests.connectors.good_samples import SAMPLES
from tests.connectors.small_sources import AS_OF, HEADINGS, ROSTER, Found, read, read_table

ADA = ["00007", "Ada", "ada@norwind.example.test", "Active", "2024-01-01", ""]


def roster(folder: Path, rows: list[list[str]], kind: str, **options: Any) -> Found:
    """Read a roster of 20 living people and these rows, as one kind of file."""
    living = [[f"{n:05}", f"P {n}", f"p{n}@norwind.example.test", "Active", "2024-01-01", ""] for n in range(100, 120)]
    every, path = [*living, *rows], folder / f"hr.{kind}"
    match kind:
        case "xlsx":
            book = openpyxl.Workbook()
            for row in [HEADINGS, *every]:
                book.worksheets[0].append([cell or None for cell in row])
            book.save(path)
        case "json":
            path.write_text(json.dumps([dict(zip(HEADINGS, row, strict=True)) for row in every]))
        case "parquet":
            pq.write_table(pa.Table.from_pylist([dict(zip(HEADINGS, row, strict=True)) for row in every]), path)
        case _:
            path.write_text("\n".join(",".join(row) for row in [HEADINGS, *every]) + "\n")
    return read("roster", folder, path=path.name, **{**ROSTER, **options})


def status(found: Found, native: str = "00007") -> str:
    return next(str(row["status"]) for row in found["people"] if row["native_id"] == native)


CONTRADICTING = {
    "ended before hired": [["Terminated", "2024-06-01", "2024-05-31"]],
    "ended in the year of no date": [["Terminated", "2024-06-01", "1899-12-30"]],
    "ended with the epoch": [["Active", "2024-06-01", "1970-01-01"]],
    "ended, and never": [["Terminated", "2024-06-01", "9999-12-31"]],
    "ended, and until further notice": [["Terminated", "2024-06-01", "4712-12-31"]],
    "ended, and hired only later": [["Terminated", "2027-06-01", ""]],
    "goes on and has ended": [["Active", "2024-06-01", ""], ["Terminated", "2024-06-01", "2026-09-30"]],
    "goes on and has ended, undated": [["Active", "", ""], ["Terminated", "", ""]],
}


@pytest.mark.parametrize("kind", ["csv", "xlsx", "json", "parquet"])
@pytest.mark.parametrize("instance", CONTRADICTING)
def test_a_record_that_contradicts_itself_makes_no_leaver(instance, kind, tmp_path):
    found = roster(tmp_path, [[*ADA[:3], *row] for row in CONTRADICTING[instance]], kind)
    assert status(found) == "unknown"
    assert "quarantined" in found.texts()


@pytest.mark.parametrize(
    "rows",
    [
        [["Terminated", "2020-01-01", "2026-09-30"], ["Active", "2026-10-15", ""]],
        [["Terminated", "2024-01-01", "2027-03-31"]],
        [["Active", "2024-01-01", "2026-09-30"]],
        [["Active", "2024-01-01", "9999-12-31"]],
    ],
    ids=["hired again", "leaves next year", "contract that ran on", "until further notice"],
)
def test_whoever_still_works_here_has_not_left(rows, tmp_path):
    assert status(roster(tmp_path, [[*ADA[:3], *row] for row in rows], "csv")) == "active"


@pytest.mark.parametrize(
    ("one", "other"), [("00007", "7"), ("7.0", "7"), ("00007", "7.0"), ("K7", "\u212a7"), ("a7", "A7")]
)
def test_ids_that_a_spreadsheet_makes_of_one_another_are_quarantined(one, other, tmp_path):
    rows = [[one, *ADA[1:3], "Terminated", "2024-01-01", "2026-09-30"], [other, *ADA[1:]]]
    found = roster(tmp_path, rows, "csv")
    assert {status(found, one), status(found, other)} == {"unknown"}


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
def test_ids_that_a_file_stores_as_numbers_are_refused(kind, tmp_path):
    if kind == "xlsx":
        book = openpyxl.Workbook()
        book.worksheets[0].append(HEADINGS)
        book.worksheets[0].append([7.0, *ADA[1:]])
        book.save(tmp_path / "hr.xlsx")
    else:
        pq.write_table(
            pa.table({name: [7.0 if name == "id" else value] for name, value in zip(HEADINGS, ADA, strict=True)}),
            tmp_path / "hr.parquet",
        )
    with pytest.raises(RosterFault, match="1 mistake"):
        read("roster", tmp_path, path=f"hr.{kind}", **ROSTER)


WORDS = ["N/A", "#N/A", "(none)", "unknown", "k.A.", "0000-00-00", "-", "nil", "not set", "\u00a0", "unassigned", "x"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", FORMATS)
def test_a_mail_that_is_none_joins_nobody(name, word, tmp_path):
    found = read(name, tmp_path, **FORMATS[name](tmp_path, Company.usual(mail=word)))
    ana = next(row for row in found["accounts"] if "ana" in row["name"].lower())
    assert ana["mail"] is None
    assert not [row for row in found["aliases"] if row["scheme"] == "mail" and row["id"] == ana["account"]]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_person_whose_mail_is_none_is_joined_by_nothing(word, kind, tmp_path):
    found = roster(tmp_path, [[*ADA[:2], word, *ADA[3:]]], kind)
    assert next(row for row in found["people"] if row["native_id"] == "00007")["mail"] is None
    assert not [row for row in found["aliases"] if row["scheme"] == "person-mail" and row["id"].endswith("00007")]


def ldap_with(folder: Path, line: str, **options: Any) -> Found:
    """Read the directory with one more line in the entry of the first account."""
    found = FORMATS["ldap"](folder, Company.usual())
    path = folder / "ad.ldif"
    path.write_text(path.read_text().replace("sAMAccountName: ana\n", f"sAMAccountName: ana\n{line}\n"), "utf-8")
    return read("ldap", folder, **found, **options)


@pytest.mark.parametrize("word", ["N/A", "-", "unknown", "System.Object[]"])
def test_a_number_of_staff_that_is_none_is_none(word, tmp_path):
    found = ldap_with(tmp_path, f"employeeID: {word}")
    assert next(row for row in found["accounts"] if row["name"] == "ana")["employee_id"] is None
    table = read_table(
        tmp_path,
        f"login,emp\nana,{word}\nben,2\n",
        columns={"account": "login", "employee_id": "emp"},
    )
    assert [row["employee_id"] for row in table["accounts"]] == [None, "2"]


def test_a_list_in_one_cell_holds_nothing_that_says_nothing(tmp_path):
    columns = {"account": "login", "entitlement": "role"}
    found = read_table(tmp_path, "login,role\nana,Agent;N/A;;-\nben,NULL; Lead\n", columns=columns, separator=";")
    assert {row["name"] for row in found["entitlements"]} == {"Agent", "Lead"}
    assert not found.reasons
    typed = read_table(tmp_path, "login,role\nana,Agent;[object Object]\n", columns=columns, separator=";")
    assert {row["name"] for row in typed["entitlements"]} == {"Agent"}
    assert "names of types" in typed.reasons["grants"]


@pytest.mark.parametrize("stamp", ["0", "9223372036854775807", "116444736000000000"])
def test_numbers_of_windows_for_never_are_no_last_use(stamp, tmp_path):
    options = FORMATS["ldap"](tmp_path, Company.usual())
    path = tmp_path / "ad.ldif"
    lines = [
        f"lastLogonTimestamp: {stamp}" if line.startswith("lastLogonT") else line
        for line in path.read_text().split("\n")
    ]
    path.write_text("\n".join(lines))
    assert {row["last_used_latest"] for row in read("ldap", tmp_path, **options)["accounts"]} == {None}


def test_every_list_of_members_empty_was_not_read_wherever_it_is(tmp_path):
    company = Company(Company.usual().accounts, ())
    for name in FORMATS:
        folder = tmp_path / name
        folder.mkdir()
        found = read(name, folder, **FORMATS[name](folder, company))
        assert "grants" in found.reasons, name
    text = "login,role,since\nana,,2024-01-01\nben,N/A,2024-01-01\n"
    assert "grants" in read_table(tmp_path, text).reasons


@pytest.mark.parametrize("by", ["name", "mail", "id"])
def test_a_manager_who_is_nobody_is_said_whatever_names_them(by, tmp_path):
    (tmp_path / "roles").mkdir()
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources/hr.csv").write_text("id,name,mail,boss\n1,Ada,ada@x.test,nobody@x.test\n2,Ben,ben@x.test,\n")
    options = f"{{path: hr.csv, columns: {{person: id, name: name, mail: mail, manager: {{column: boss, by: {by}}}}}}}"
    (tmp_path / "sources/hr.yaml").write_text(f"connector: roster\noptions: {options}\n")
    problems = snapshot.collect(workspace.load(tmp_path), AS_OF).tables["problems"].to_pylist()
    assert [row["kind"] for row in problems] == ["unresolved"]


@pytest.mark.parametrize("heading", ["End\u00a0", "\ufeffend", "e\u200bnd", " end", "end\u3000"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_heading_with_what_nobody_sees_is_the_heading(heading, delimiter, tmp_path):
    lines = [[*HEADINGS[:5], heading], [*ADA[:3], "Terminated", "2024-01-01", "2026-09-30"]]
    (tmp_path / "hr.csv").write_text("".join(delimiter.join(line) + "\n" for line in lines), "utf-8")
    if heading.startswith("End"):
        with pytest.raises(RosterFault):
            read("roster", tmp_path, path="hr.csv", optional=["end"], **ROSTER)
    else:
        assert status(read("roster", tmp_path, path="hr.csv", optional=["end"], **ROSTER)) == "left"


@pytest.mark.parametrize("twice", ["end", "end\u00a0", "e\u200bnd"])
def test_a_heading_that_stands_twice_is_refused(twice, tmp_path):
    (tmp_path / "hr.csv").write_text(
        ",".join([*HEADINGS, twice]) + "\n" + ",".join([*ADA, "2026-09-30"]) + "\n", "utf-8"
    )
    with pytest.raises(RosterFault) as raised:
        read("roster", tmp_path, path="hr.csv", **ROSTER)
    assert "the heading 'end' stands" in str(raised.value.mistakes[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [("weiss", "weiß"), ("irem", "\u0130rem"), ("irem", "\u0131rem"), ("fit", "\ufb01t"), ("kim", "\u212aim")],
)
def test_two_accounts_whose_names_fold_into_one_are_two(one, other, tmp_path):
    table = read_table(tmp_path, f"login,role\n{one},Agent\n{other},Lead\n")
    assert len(table["accounts"]) == 2
    assert len(table["grants"]) == 2
    options = FORMATS["ldap"](tmp_path, Company(Company.usual().accounts, ("ana",)))
    path = tmp_path / "ad.ldif"
    path.write_text(path.read_text().replace("CN=ana,", f"CN={one},").replace("CN=ben,", f"CN={other},"), "utf-8")
    found = read("ldap", tmp_path, **options)
    assert len(found["accounts"]) == 2
    assert [row["account"] for row in found["grants"] if row["via"] == "member"] == [f"app:user:{DOMAIN}-1001"]
    assert not found.reasons


@pytest.mark.parametrize(("one", "other"), [("weiss", "wei\u00df"), ("fit", "\ufb01t"), ("kim", "\u212aim")])
def test_two_mails_that_fold_into_one_are_two(one, other, tmp_path):
    rows = [[f"0000{n}", "Ada", f"{name}@x.test", *ADA[3:]] for n, name in enumerate((one, other))]
    found = roster(tmp_path, rows, "json")
    mails = {row["value"]: row["id"] for row in found["aliases"] if row["scheme"] == "person-mail"}
    assert {mails[f"{one}@x.test"], mails[f"{other}@x.test"]} == {"app:person:00000", "app:person:00001"}
    table = read_table(
        tmp_path, f"login,mail\na,{one}@x.test\nb,{other}@x.test\n", columns={"account": "login", "mail": "mail"}
    )
    assert len({row["value"] for row in table["aliases"] if row["scheme"] == "mail"}) == 2


def test_a_mail_and_a_manager_s_name_that_are_composed_otherwise_are_the_same(tmp_path):
    (tmp_path / "hr.json").write_text(
        json.dumps(
            [
                {"id": "1", "name": "Zoe\u0308  Ros", "mail": "zoe\u0308@x.test", "boss": ""},
                {"id": "2", "name": "Ben", "mail": "ben@x.test", "boss": "Zo\u00eb Ros"},
            ]
        )
    )
    columns = {"person": "id", "name": "name", "mail": "mail", "manager": {"column": "boss", "by": "name"}}
    found = read("roster", tmp_path, path="hr.json", columns=columns)
    assert [(row["mail"], row["manager"]) for row in found["people"]] == [
        ("zo\u00eb@x.test", None),
        ("ben@x.test", "app:person:1"),
    ]
    assert not found.texts()


def test_a_number_that_was_reckoned_with_joins_nobody(tmp_path):
    columns = {"account": "login", "employee_id": "emp"}
    found = read_table(tmp_path, "login,emp\nana,7.0\nben,00007\n", columns=columns)
    assert [row["employee_id"] for row in found["accounts"]] == [None, "00007"]
    assert "reckoned" in found.texts()


def test_a_name_written_apart_is_the_same_name(tmp_path):
    options = FORMATS["ldap"](tmp_path, Company(Company.usual().accounts, ("ana",)))
    path = tmp_path / "ad.ldif"
    text = (
        path.read_text().replace("dn: CN=ana,", "dn: CN=\u00e1na,").replace("member: CN=ana,", "member: CN=a\u0301na,")
    )
    path.write_text(text, "utf-8")
    found = read("ldap", tmp_path, **options)
    assert not found.reasons
    assert not [row for row in found["grants"] if row["account"].startswith("ref:")]


def test_an_object_that_is_deleted_by_its_name_is_nobody(tmp_path):
    options = FORMATS["ldap"](tmp_path, Company(Company.usual().accounts, ("ben",)))
    path = tmp_path / "ad.ldif"
    gone = "CN=ana\\0ADEL:5f0e3a52-1111-2222-3333-444444444444,CN=Deleted Objects,"
    path.write_text(path.read_text().replace("dn: CN=ana,", f"dn: {gone}"))
    found = read("ldap", tmp_path, **options)
    assert {row["name"] for row in found["accounts"]} == {"ben"}
    assert "deleted object" in found.texts()


@pytest.mark.parametrize("word", ["", " N/A", " -"])
def test_a_member_that_says_nothing_names_its_group_and_keeps_the_others(word, tmp_path):
    options = FORMATS["ldap"](tmp_path, Company.usual())
    path = tmp_path / "ad.ldif"
    path.write_text(f"{path.read_text()}member:{word}\n")
    found = read("ldap", tmp_path, **options)
    assert len([row for row in found["grants"] if row["via"] == "member"]) == 2
    assert "members of Ops" in found.reasons["grants"]


@pytest.mark.parametrize("word", ["", "N/A", "(null)"])
def test_a_member_of_a_collection_that_says_nothing_names_its_group(word, tmp_path):
    options = FORMATS["sharphound"](tmp_path, Company.usual())
    path = tmp_path / "groups.json"
    page = json.loads(path.read_text())
    page["data"][0]["Members"].append({"ObjectIdentifier": word, "ObjectType": "User"})
    path.write_text(json.dumps(page))
    found = read("sharphound", tmp_path, **options)
    assert len([row for row in found["grants"] if row["via"] == "member"]) == 2
    assert "members of OPS" in found.reasons["grants"]


@pytest.mark.parametrize("word", ["N/A", "-", "unknown"])
def test_a_name_to_sign_in_with_that_is_none_joins_nobody(word, tmp_path):
    options = FORMATS["entra"](tmp_path, Company.usual())
    path = tmp_path / "users.json"
    page = json.loads(path.read_text())
    page["value"][0]["userPrincipalName"] = word
    path.write_text(json.dumps(page))
    found = read("entra", tmp_path, **options)
    assert not [row for row in found["aliases"] if row["scheme"] == "upn" and row["id"].endswith("id-ana")]


def twice(name: str, folder: Path) -> None:
    """Write the first object a second time, the very same."""
    match name:
        case "ldap":
            path = folder / "ad.ldif"
            path.write_text(path.read_text() + "\n" + path.read_text().split("\n\n")[0] + "\n")
        case "table":
            path = folder / "export.csv"
            path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
        case _:
            path, key = folder / "users.json", "data" if name == "sharphound" else "value"
            page = json.loads(path.read_text())
            page[key].append(page[key][0])
            if name == "sharphound":
                page["meta"]["count"] += 1
            path.write_text(json.dumps(page))


@pytest.mark.parametrize("name", FORMATS)
def test_the_very_same_object_twice_makes_nothing_incomplete(name, tmp_path):
    options = FORMATS[name](tmp_path, Company.usual())
    once = read(name, tmp_path, **options)
    twice(name, tmp_path)
    found = read(name, tmp_path, **options)
    assert found.reasons == once.reasons
    assert found["accounts"] == once["accounts"]
    assert found["grants"] == once["grants"]


def torn(name: str, folder: Path) -> str:
    """Write somebody's account a second time, and disabled there; return its id."""
    sources, login = folder / "sources", "ana15"
    if name.startswith("ldif"):
        path = sources / "ad.ldif"
        (entry,) = [one for one in path.read_text().split("\n\n") if f"dn: CN={login}," in one]
        entry = entry.replace("userAccountControl: 512", "userAccountControl: 514")
        (sources / "more.ldif").write_text(entry.rstrip("\n") + "\n")
        (sources / "app.yaml").write_text((sources / "app.yaml").read_text().replace("ad.ldif", "ad.ldif, more.ldif"))
        return f"app:user:{DOMAIN}-1015"
    path, key = (
        (sources / "bh/20260930_users.json", "data") if "sharp" in name else (sources / "tenant/users.json", "value")
    )
    page = json.loads(path.read_text())
    (one,) = [one for one in page[key] if login in json.dumps(one).replace(f"{login}0", "")]
    page[key].append(json.loads(json.dumps(one).replace("true", "false")))
    page["meta"] = {**page["meta"], "count": len(page[key])} if "meta" in page else None
    path.write_text(json.dumps({name: value for name, value in page.items() if value is not None}))
    return f"app:user:{DOMAIN}-1015" if "sharp" in name else "app:user:u015"


@pytest.mark.parametrize("name", ["ldif-plain", "ldif-ldifde", "sharphound-folder", "graph-pages"])
def test_an_object_that_two_records_tell_otherwise_is_in_doubt_and_nothing_else_is(name, tmp_path):
    SAMPLES[name](tmp_path)
    native = torn(name, tmp_path)
    found = snapshot.collect(workspace.load(tmp_path), AS_OF)
    assert not [
        row for row in found.tables["completeness"].to_pylist() if not row["complete"] and row["subject"] in TABLES
    ]
    told = [row for row in found.tables["problems"].to_pylist() if row["kind"] == "quarantined"]
    assert [row["subject"] for row in told] == [native]
    people = [row for row in found.tables["accounts"].to_pylist() if row["kind"] != "computer"]
    assert [row["account"] for row in people if row["enabled"] is None] == [native]


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.endswith(("xlsx", "parquet", "zip", "ldifde"))])
def test_a_run_has_the_same_id_when_rows_are_only_shuffled(name, tmp_path):
    files = SAMPLES[name](tmp_path)
    space = workspace.load(tmp_path)
    before = snapshot.collect(space, AS_OF)
    for path in files:
        path.write_bytes(SHUFFLES[path.suffix](path.read_bytes(), random.Random(7)))  # noqa: S311
    assert snapshot.collect(space, AS_OF).digest == before.digest


def _csv(data: bytes, chance: random.Random) -> bytes:
    heading, *rows = data.splitlines(keepends=True)
    return b"".join([heading, *chance.sample(rows, len(rows))])


def _ldif(data: bytes, chance: random.Random) -> bytes:
    head, body = data.split(b"\n\ndn:", 1) if data.startswith(b"#") else (b"", data.removeprefix(b"dn:"))
    body, mark, end = body.partition(b"\n# search result")
    records = [record.strip(b"\n") for record in body.split(b"\n\ndn:")]
    text = b"\n\ndn:".join(chance.sample(records, len(records)))
    return (head + b"\n\n" if head else b"") + b"dn:" + text + b"\n" + (mark and b"\n" + mark.lstrip(b"\n") + end)


def _json(data: bytes, chance: random.Random) -> bytes:
    content = json.loads(data)

    def shuffled(value: Any) -> Any:
        if isinstance(value, list):
            return [shuffled(item) for item in chance.sample(value, len(value))]
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in chance.sample(sorted(value), len(value))}
        return value

    return json.dumps(shuffled(content)).encode()


SHUFFLES: dict[str, Callable[[bytes, random.Random], bytes]] = {".csv": _csv, ".ldif": _ldif, ".json": _json}


def test_a_roster_in_json_says_its_rows_and_cells_at_once(tmp_path):
    rows: list[Any] = [dict(zip(HEADINGS, ADA, strict=True)) for _ in range(3)]
    rows[0] |= {"status": "Gone?"}
    rows[1] |= {"start": "yesterday"}
    (tmp_path / "hr.json").write_text(json.dumps([*rows, "no object"]))
    with pytest.raises(RosterFault) as raised:
        read("roster", tmp_path, path="hr.json", **ROSTER)
    assert [mistake.line for mistake in raised.value.mistakes] == [1, 2, 4]


@pytest.mark.parametrize("name", ["sharphound", "entra"])
def test_one_null_among_the_members_keeps_the_others_and_names_the_group(name, tmp_path):
    options = FORMATS[name](tmp_path, Company.usual())
    path = tmp_path / ("groups.json" if name == "sharphound" else "groups/g1/members.json")
    page = json.loads(path.read_text())
    (page["data"][0]["Members"] if name == "sharphound" else page["value"]).append(None)
    path.write_text(json.dumps(page))
    found = read(name, tmp_path, **options)
    assert len([row for row in found["grants"] if row["via"] == "member"]) == 2
    assert "grants" in found.reasons


def test_whatever_is_read_of_a_damaged_workbook_is_an_error_of_ours(tmp_path):
    (tmp_path / "hr.xlsx").write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(WorkspaceError):
        read("roster", tmp_path, path="hr.xlsx", **ROSTER)
    with pytest.raises(AccessReviewError):
        read("table", tmp_path, path="hr.xlsx", columns={"account": "a"})
