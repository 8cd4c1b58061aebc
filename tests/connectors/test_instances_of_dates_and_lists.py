"""More instances of what people reported: dates of two orders or of everybody, lists of which one is cut, odd letters."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from access_review.connectors import no_value
from access_review.errors import RosterFault, WorkspaceError
from tests.connectors.faulty_inputs import FORMATS, Company
from tests.connectors.small_sources import ROSTER, Found, read, read_table

UNTOLD = {
    **ROSTER,
    "statuses": None,
    "columns": {name: column for name, column in ROSTER["columns"].items() if name != "status"},
}
"""Options of a roster in which nothing but a last day says that somebody has left."""


def statuses(found: Found) -> dict[str, str]:
    return {row["native_id"]: row["status"] for row in found["people"]}


def roster(folder: Path, rows: list[tuple[str, str]], **options: Any) -> dict[str, str]:
    """Read a roster of a first and a last day each, and return where everybody stands."""
    lines = [f"{n:03},P {n},p{n}@x.test,{first},{last}\n" for n, (first, last) in enumerate(rows, 1)]
    (folder / "hr.csv").write_text("id,name,mail,start,end\n" + "".join(lines))
    return statuses(read("roster", folder, path="hr.csv", **{**UNTOLD, **options}))


def test_nobody_leaves_by_a_day_that_is_that_of_most(tmp_path):
    rows = [("2024-01-01", "2026-09-30")] * 6 + [("2024-01-01", "")] * 4 + [("2024-01-01", "2026-08-31")]
    assert list(roster(tmp_path, rows).values()) == ["unknown"] * 6 + ["active"] * 4 + ["left"]
    told = roster(tmp_path, rows, left_together=date(2026, 9, 30))
    assert list(told.values()) == ["left"] * 6 + ["active"] * 4 + ["left"]


@pytest.mark.parametrize("others", [[("2024-01-01", "")] * 7, [("2024-01-01", "2026-08-31")] * 6])
def test_a_site_that_closed_is_no_mistake(others, tmp_path):
    rows = [("2024-01-01", "2026-09-30")] * 6
    assert list(roster(tmp_path, [*rows, *others]).values())[:6] == ["left"] * 6


def test_a_date_that_reads_both_ways_ends_nothing_where_both_orders_stand(tmp_path):
    rows = [("01/02/2024", "03/11/2025"), ("01/02/2024", ""), ("05/05/2024", ""), ("02/02/2024", "25/09/2026")]
    assert list(roster(tmp_path, rows, dates="%m/%d/%Y").values()) == ["unknown", "unknown", "active", "unknown"]
    assert list(roster(tmp_path, rows, dates="%d/%m/%Y").values()) == ["left", "active", "active", "left"]


@pytest.mark.parametrize(
    ("name", "mail", "found"),
    [
        ("Bo Reyes", "bo@x.test", "unknown"),
        ("Ana Reyes", "ana.reyes@x.test", "active"),
        ("Cruz, Ana", "ac@x.test", "active"),
        ("Bo Reyes", "ana@x.test", "active"),
    ],
)
def test_an_id_that_was_given_to_somebody_else_is_nobody_s(name, mail, found, tmp_path):
    text = f'id,name,mail,start,end\n7,Ana Cruz,ana@x.test,2010-01-01,2015-01-01\n7,"{name}",{mail},2024-01-01,\n'
    (tmp_path / "hr.csv").write_text(text)
    assert statuses(read("roster", tmp_path, path="hr.csv", **UNTOLD)) == {"7": found}


def test_one_slip_of_the_pen_makes_no_date_doubtful(tmp_path):
    rows = [("13/01/2024", "")] * 25 + [("01/02/2024", "03/09/2026"), ("01/13/2024", "")]
    assert list(roster(tmp_path, rows, dates="%d/%m/%Y").values())[25:] == ["left", "unknown"]


def test_dates_that_a_spreadsheet_read_in_its_own_order_are_not_believed(tmp_path):
    book = openpyxl.Workbook()
    rows = [("1", date(2024, 2, 1), date(2026, 3, 9)), ("2", date(2024, 2, 1), None), ("3", "13/02/2024", "25/09/2026")]
    for row in [("id", "name", "mail", "start", "end"), *((n, "P", "", first, last) for n, first, last in rows)]:
        book.worksheets[0].append(list(row))
    book.save(tmp_path / "hr.xlsx")
    found = read("roster", tmp_path, path="hr.xlsx", **{**UNTOLD, "dates": "%d/%m/%Y"})
    assert statuses(found) == {"1": "unknown", "2": "unknown", "3": "left"}


def test_a_last_use_that_reads_both_ways_is_unknown(tmp_path):
    columns = {"account": "login", "entitlement": "role", "last_used": "used"}
    text = "login,role,used\nana,A,03/11/2025\nben,A,25/09/2026\ncem,A,05/05/2026\n"
    found = read_table(tmp_path, text, columns=columns, dates="%m/%d/%Y", timezone="UTC")
    assert [row["name"] for row in found["accounts"] if row["last_used_latest"]] == ["cem"]
    assert "both orders" in found.texts()


@pytest.mark.parametrize(("one", "other"), [("\u01301", "i1"), ("\u01311", "I1"), ("\u01301", "\u01311")])
def test_ids_that_turkish_writes_alike_are_quarantined(one, other, tmp_path):
    text = f"id,name,mail,start,end\n{one},A,,2024-01-01,2026-09-30\n{other},B,,2024-01-01,\n"
    (tmp_path / "hr.csv").write_text(text, "utf-8")
    assert set(statuses(read("roster", tmp_path, path="hr.csv", **UNTOLD)).values()) == {"unknown"}


@pytest.mark.parametrize("heading", ["ma\u0131l", "MA\u0130L", "m\u00e4il"])
def test_a_heading_that_another_language_makes_of_an_optional_one_is_an_error(heading, tmp_path):
    (tmp_path / "hr.csv").write_text(f"id,name,{heading},start,end\n1,A,,2024-01-01,\n", "utf-8")
    with pytest.raises(RosterFault) as raised:
        read("roster", tmp_path, path="hr.csv", optional=["mail"], **UNTOLD)
    assert f"is {heading!r} meant?" in str(raised.value.mistakes[0])


@pytest.mark.parametrize(
    "text", ["a\0na@x.test", "ana@x\u200b.test", "noemail@x.test", "no.mail@x.test", "na@na.com", "none@x.test"]
)
def test_what_is_no_address_joins_nobody(text):
    assert not no_value.is_mail(text)
    assert no_value.is_mail("na@norwind.example.test")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_directory_saved_as_utf_16_without_its_mark_is_read(encoding, tmp_path):
    options = FORMATS["ldap"](tmp_path, Company.usual())
    whole = read("ldap", tmp_path, **options)
    (tmp_path / "ad.ldif").write_bytes((tmp_path / "ad.ldif").read_text().encode(encoding))
    assert read("ldap", tmp_path, **options) == whole


@pytest.mark.parametrize("form", ["files", "batch", "named"])
def test_members_that_were_saved_of_a_group_that_is_not_listed_tell_that_the_list_was_cut(form, tmp_path):
    options = FORMATS["entra"](tmp_path, Company.usual())
    page = {"value": [{"id": "id-ana", "@odata.type": "#microsoft.graph.user"}]}
    if form == "batch":
        answers = [{"id": name, "status": 200, "body": page} for name in ("g1", "g2", "g9")]
        for name in ("g1", "g2"):
            (tmp_path / f"groups/{name}/members.json").unlink()
        (tmp_path / "groups/members.json").write_text(json.dumps({"responses": answers}))
    else:
        (tmp_path / "groups/g9").mkdir()
        (tmp_path / "groups/g9/members.json").write_text(json.dumps(page))
    if form == "named":
        names = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json")]
        options = {"recorded": {name.removesuffix(".json"): name for name in names}}
    reasons = read("entra", tmp_path, **options).reasons
    assert {"entitlements", "grants"} <= reasons.keys()
    assert "g9 first" in reasons["grants"]


@pytest.mark.parametrize("kind", ["users", "groups"])
def test_an_empty_list_of_a_second_domain_was_not_read(kind, tmp_path):
    options = FORMATS["sharphound"](tmp_path, Company.usual())
    meta = {"version": 6, "type": kind, "count": 0}
    (tmp_path / f"other_{kind}.json").write_text(json.dumps({"data": [], "meta": meta}))
    reasons = read("sharphound", tmp_path, **options).reasons
    assert f"other_{kind}.json holds no {kind}" in reasons["grants"]


def test_a_sign_in_that_is_yet_to_come_is_none(tmp_path):
    columns = {"account": "who", "at": "at"}
    text = "who,at\nana,2026-10-30T08:00:00\nana,2027-10-30T08:00:00\n"
    found = read_table(tmp_path, text, table="signins", columns=columns, dates="%Y-%m-%dT%H:%M:%S", timezone="UTC")
    assert [row["at"].year for row in found["signins"]] == [2026]
    assert "1 of them are after" in found.texts()


@pytest.mark.parametrize("word", ["#REF!", "#NAME?", "#DIV/0!", "#\u00a1VALOR!", "#BEZUG!", "########"])
def test_what_a_failed_formula_leaves_is_no_value(word, tmp_path):
    found = read_table(tmp_path, f"login,role\nana,{word}\nben,Agent\n")
    assert {row["name"] for row in found["entitlements"]} == {"Agent"}
    assert "failed formulas" in found.reasons["grants"]
    assert roster(tmp_path, [("2024-01-01", "")] * 200) == {f"{n:03}": "active" for n in range(1, 201)}
    (tmp_path / "hr.csv").write_text((tmp_path / "hr.csv").read_text().replace("P 7,", f"{word},", 1), "utf-8")
    assert statuses(read("roster", tmp_path, path="hr.csv", **UNTOLD))["007"] == "unknown"
    assert no_value.is_nothing("#NV")


@pytest.mark.parametrize(
    "text", ["login,role,\nana,A,\nben,B,\n", "login,role\nana,A,\nben,B,\n", "login,role,,\nana,A\n"]
)
def test_a_delimiter_at_the_end_of_each_line_is_no_column(text, tmp_path):
    if text.endswith("ana,A\n"):
        text = text.replace("ana,A", "ana,A,,")
    assert read_table(tmp_path, text)["grants"][0]["entitlement"] == "app:role:A"


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("2 rows selected.,", "a total"),
        ("2 rows in set (0.01 sec),", "a total"),
        ("3 entries exported,", "a total"),
        ("Results truncated to 2 rows,", "more than it holds"),
        ("... more rows,", "more than it holds"),
    ],
)
def test_what_a_program_says_below_its_rows_is_nobody(last, said, tmp_path):
    with pytest.raises(WorkspaceError) as raised:
        read_table(tmp_path, f"login,role\nana,A\nben,A\n{last}\n")
    assert said in str(raised.value.mistakes[0])


def test_a_rule_below_the_headings_is_nobody(tmp_path):
    with pytest.raises(WorkspaceError) as raised:
        read_table(tmp_path, "login,role\n-----,----\nana,A\n")
    assert "a rule below the headings" in str(raised.value.mistakes[0])
