"""A guard that one connector has, all have: the same faults, each in its own format."""

import json
from pathlib import Path
from typing import Any

import pytest

from access_review.connectors import Source
from access_review.connectors.contradictions import believed
from access_review.connectors.shrunk import noticed
from access_review.errors import AccessReviewError
from tests.connectors.faulty_inputs import FORMATS, Company, lines, roster, third_party
from tests.connectors.small_sources import AS_OF, Found, read

BUILT_IN = sorted(FORMATS)
EVERY = [*BUILT_IN, "third-party"]


def collected(name: str, folder: Path, company: Company, **options: Any) -> Found:
    """Read the company by one connector."""
    if name == "third-party":
        source = Source("app", folder)
        rows = believed(source, third_party(source, **lines(folder, company)).collect(AS_OF), AS_OF)
        found: dict[str, list[dict[str, Any]]] = {}
        for table, row in rows:
            found.setdefault(table, []).append(dict(row))
        return Found(found)
    return read(name, folder, **FORMATS[name](folder, company), **options)


def account(found: Found, mail_or_name: str = "ana") -> dict[str, Any]:
    return next(row for row in found["accounts"] if mail_or_name in row["name"].lower())


@pytest.mark.parametrize("name", EVERY)
def test_what_is_fine_is_complete(name, tmp_path):
    found = collected(name, tmp_path, Company.usual())
    assert {"accounts", "grants", "nesting"}.isdisjoint(found.reasons)
    assert account(found)["mail"] == "ana@norwind.example.test"
    assert account(found)["last_used_latest"] is not None


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("nothing", ["N/A", "NULL", "-", "none", "nan", "System.Object[]"])
def test_a_mail_that_says_nothing_is_none(name, nothing, tmp_path):
    found = collected(name, tmp_path, Company.usual(mail=nothing))
    assert account(found)["mail"] is None
    assert nothing.casefold() not in {row["value"] for row in found["aliases"]}


@pytest.mark.parametrize("name", EVERY)
def test_a_mail_without_an_address_in_it_joins_nobody_and_is_said(name, tmp_path):
    found = collected(name, tmp_path, Company.usual(mail="unassigned"))
    assert account(found)["mail"] is None
    assert "no address" in found.texts()


@pytest.mark.parametrize("name", EVERY)
def test_a_source_that_holds_much_less_than_before_is_not_believed(name, tmp_path):
    whole = {"accounts": 30, "grants": 30}
    found = collected(name, tmp_path, Company.usual())
    held = noticed(Source("app", tmp_path), found["completeness"], whole, on=AS_OF.date())
    assert "accounts" in {row["subject"] for row in held if not row["complete"]}


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_source_has_words_of_its_own_for_nothing(name, tmp_path):
    found = collected(name, tmp_path, Company.usual(mail="unbekannt"), empty=["unbekannt"])
    assert account(found)["mail"] is None


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("zero", ["1601-01-01", "1899-12-31", "9999-12-31"])
def test_zeros_and_ends_of_calendars_are_no_dates(name, zero, tmp_path):
    found = collected(name, tmp_path, Company.usual(made=zero, used=zero))
    assert account(found)["created_at"] is None
    assert account(found)["last_used_latest"] is None


@pytest.mark.parametrize("name", EVERY)
def test_a_last_use_before_the_account_was_made_is_unknown_and_said(name, tmp_path):
    found = collected(name, tmp_path, Company.usual(made="2026-06-01", used="2025-01-01"))
    assert account(found)["last_used_earliest"] is None
    assert account(found)["last_used_latest"] is None
    assert "before it was made" in found.texts()


@pytest.mark.parametrize("name", EVERY)
def test_a_last_use_after_the_reading_is_unknown_and_said(name, tmp_path):
    found = collected(name, tmp_path, Company.usual(used="2027-05-01"))
    assert account(found)["last_used_earliest"] is None
    assert "after it was read" in found.texts()


@pytest.mark.parametrize("name", BUILT_IN)
def test_lists_that_are_all_empty_were_not_read(name, tmp_path):
    company = Company.usual()
    found = collected(name, tmp_path, Company(company.accounts, ()))
    assert "grants" in found.reasons


@pytest.mark.parametrize("name", ["ldap", "sharphound", "entra"])
def test_groups_alone_are_no_directory(name, tmp_path):
    found = collected(name, tmp_path, Company({}, ("ana", "ben")))
    assert found.reasons.keys() >= {"accounts", "grants"}


@pytest.mark.parametrize("name", ["ldap", "sharphound", "entra"])
def test_a_member_that_resolves_to_nobody_is_not_dropped(name, tmp_path):
    company = Company.usual()
    found = collected(name, tmp_path, Company(company.accounts, ("ana", "gone")))
    assert any(row["account"].startswith("ref:") for row in found["grants"]) or "gone" in found.texts()


@pytest.mark.parametrize("name", ["ldap", "sharphound", "entra"])
def test_a_file_in_utf_16_reads_as_in_utf_8(name, tmp_path):
    company = Company.usual(mail="ána@norwind.example.test")
    options = FORMATS[name](tmp_path, company)
    plain = read(name, tmp_path, **options)
    for path in [*tmp_path.rglob("*.json"), *tmp_path.rglob("*.ldif")]:
        path.write_text(path.read_text("utf-8"), "utf-16")
    assert read(name, tmp_path, **options) == plain


@pytest.mark.parametrize("name", ["table", "sharphound", "entra"])
def test_a_file_that_was_cut_is_refused_or_incomplete(name, tmp_path):
    options = FORMATS[name](tmp_path, Company.usual())
    for path in sorted([*tmp_path.glob("users.json"), *tmp_path.glob("*.ldif"), *tmp_path.glob("*.csv")]):
        data = path.read_bytes()
        path.write_bytes(data[: data.index(b"ben") - 1])
    try:
        found = read(name, tmp_path, **options)
    except AccessReviewError:
        return
    assert found.reasons


def test_objects_that_the_recycle_bin_holds_are_nobody(tmp_path):
    for name in ("ldap", "sharphound", "entra"):
        folder = tmp_path / name
        folder.mkdir()
        options = FORMATS[name](folder, Company.usual())
        if name == "ldap":
            path = folder / "ad.ldif"
            path.write_text(path.read_text().replace("objectClass: user\n", "objectClass: user\nisDeleted: TRUE\n", 1))
        else:
            path = folder / "users.json"
            page = json.loads(path.read_text())
            first = page["data" if name == "sharphound" else "value"][0]
            first |= {"IsDeleted": True} if name == "sharphound" else {"deletedDateTime": "2026-10-01T00:00:00Z"}
            path.write_text(json.dumps(page))
        found = read(name, folder, **options)
        assert not [row for row in found["accounts"] if "ana" in row["name"].lower()], name
        assert "deleted object" in found.texts(), name


# Rosters hold people where the others hold accounts; what is done to them is the same.


def people(folder: Path, company: Company, **options: Any) -> Found:
    return read("roster", folder, **roster(folder, company), **options)


@pytest.mark.parametrize("nothing", ["N/A", "NULL", "-", "none", "nan", "System.Object[]"])
def test_a_person_s_mail_that_says_nothing_is_none(nothing, tmp_path):
    found = people(tmp_path, Company.usual(mail=nothing))
    assert found["people"][0]["mail"] is None
    assert nothing.casefold() not in {row["value"] for row in found["aliases"]}
    assert people(tmp_path, Company.usual(mail="keine"), empty=["keine"])["people"][0]["mail"] is None


@pytest.mark.parametrize("zero", ["1601-01-01", "1899-12-31", "0001-01-01"])
def test_a_person_who_began_at_the_zero_of_a_calendar_began_nobody_knows_when(zero, tmp_path):
    found = people(tmp_path, Company.usual(made=zero))
    assert found["assignments"][0]["starts_earliest"] is None
    assert found["people"][0]["status"] == "active"


def test_a_roster_in_utf_16_reads_as_in_utf_8(tmp_path):
    plain = people(tmp_path, Company.usual(mail="ána@norwind.example.test"))
    path = tmp_path / "hr.csv"
    path.write_text(path.read_text("utf-8"), "utf-16")
    assert read("roster", tmp_path, **{**roster_options(tmp_path), "path": "hr.csv"}) == plain


def roster_options(folder: Path) -> dict[str, Any]:
    (folder / "other").mkdir()
    return roster(folder / "other", Company.usual())


@pytest.mark.parametrize(
    "text", ["", "id,name,mail,status,start,end\n", "id,name,mail,status,start,end\nana,Ana,a@x.test,Act"]
)
def test_a_roster_that_holds_nobody_or_was_cut_is_refused(text, tmp_path):
    options = roster_options(tmp_path)
    (tmp_path / "hr.csv").write_text(text)
    with pytest.raises(AccessReviewError):
        read("roster", tmp_path, **options)


def test_a_roster_whose_last_line_does_not_end_may_have_been_cut(tmp_path):
    options = roster_options(tmp_path)
    (tmp_path / "hr.csv").write_text("id,name,mail,status,start,end\nana,Ana,a@x.test,Terminated,2024-01-01,")
    assert "does not end" in read("roster", tmp_path, **options).reasons["people"]
    assert not read("roster", tmp_path, **options, open_end=True).reasons
