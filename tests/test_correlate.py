import pytest

from access_review.correlate import Ladder, candidates_of, correlate
from access_review.engine.duckdb import EmbeddedEngine
from access_review.settings import Ignored, Rung
from tests.support.snapshots import AS_OF, tables

ID = Rung(on=("employee_id", "person"))
MAIL = Rung(on=("mail", "mail"), certain=False)


def linked(rows, *ladders):
    with EmbeddedEngine(AS_OF) as engine:
        for name, table in tables(rows).items():
            engine.register("read_accounts" if name == "accounts" else name, table)
        correlate(engine, ladders)
        found = {row["account"]: row for row in engine.rows("SELECT * FROM accounts")}
        tried = {account: engine.rows(*_parts(candidates_of(account))) for account in found} if rows else {}
    return found, tried


def _parts(relation):
    return (relation.sql.replace(":account", f"'{relation.params['account']}'"),)


PEOPLE = [
    {"person": "hr:person:00123", "mail": "Ana@example.test", "name": "Ana Cruz"},
    {"person": "hr:person:123", "mail": "bo@example.test", "name": "Bo Lee"},
    {"person": "hr:person:7", "mail": "bo@example.test", "name": "Bo Lee"},
]


@pytest.mark.parametrize(
    ("account", "person", "rung", "certain"),
    [
        ({"employee_id": "00123"}, "hr:person:00123", "employee_id = person", True),
        ({"employee_id": " 123 "}, "hr:person:123", "employee_id = person", True),
        ({"employee_id": "0123"}, None, None, None),
        ({"employee_id": "", "mail": "ANA@example.test"}, "hr:person:00123", "mail = mail", False),
        ({"mail": "bo@example.test"}, None, None, None),
        ({"employee_id": "123", "mail": "ana@example.test"}, "hr:person:123", "employee_id = person", True),
        ({"name": "Ana Cruz"}, None, None, None),
        ({"employee_id": "123", "kind": "service"}, None, None, None),
        ({"employee_id": "123", "kind": "computer"}, None, None, None),
    ],
)
def test_the_first_rung_with_a_candidate_decides(account, person, rung, certain):
    found, _ = linked({"people": PEOPLE, "accounts": [{"account": "ad:user:x", **account}]}, Ladder("ad", [ID, MAIL]))
    row = found["ad:user:x"]
    assert (row["person"], row["rung"], row["certain"]) == (person, rung, certain)


@pytest.mark.parametrize(
    ("on", "ignoring", "account", "person"),
    [
        (("employee_id", "person"), "leading-zeros", {"employee_id": "0007"}, "hr:person:7"),
        (("employee_id", "person"), "leading-zeros", {"employee_id": "0123"}, None),  # 00123 and 123 are two
        (("name", "login"), None, {"name": "ACruz"}, "hr:person:00123"),
        (("name", "login"), "domain", {"name": r"ACME\acruz"}, "hr:person:00123"),
        (("name", "login"), "domain", {"name": "ACME\\"}, None),
        (("mail", "mail"), "mail-domain", {"mail": "ana@new.test"}, "hr:person:00123"),
        (("display_name", "name"), "name-order", {"display_name": "CRUZ,  Ana"}, "hr:person:00123"),
        (("display_name", "name"), "name-order", {"display_name": "Lee, Bo"}, None),  # two are called so
        (("name", "badge"), None, {"name": "acruz"}, None),  # an attribute nobody has
    ],
)
def test_a_rung_may_say_what_it_ignores_and_ask_for_an_attribute(on, ignoring, account, person):
    rows = {
        "people": PEOPLE,
        # Twice the same login of one person, spelled in two ways, is one person.
        "assignments": [
            {"person": "hr:person:00123", "seq": seq, "attributes": f'{{"login":"{login}"}}'}
            for seq, login in enumerate(("acruz", "ACRUZ"), 1)
        ],
        "accounts": [{"account": "ad:user:x", **account}],
    }
    rung = Rung(on=on, ignoring=ignoring and Ignored(ignoring), certain=False)
    found, _ = linked(rows, Ladder("ad", [rung]))
    assert found["ad:user:x"]["person"] == person
    assert found["ad:user:x"]["rung"] in (None, rung.label)


def test_what_ignores_most_can_never_be_certain():
    for ignoring in (Ignored.MAIL_DOMAIN, Ignored.NAME_ORDER):
        with pytest.raises(ValueError, match="certain: false"):
            Rung(on=("name", "name"), ignoring=ignoring)


def test_two_candidates_are_no_owner_and_the_reason_says_so():
    rows = {"people": PEOPLE, "accounts": [{"account": "ad:user:x", "mail": "bo@example.test"}]}
    found, tried = linked(rows, Ladder("ad", [ID, MAIL]))
    assert found["ad:user:x"]["link"] == "2 people match on mail = mail: two candidates are no owner"
    assert [row["person"] for row in tried["ad:user:x"]] == ["hr:person:123", "hr:person:7"]


def hybrid(**cloud):
    return {
        "people": PEOPLE,
        "accounts": [
            {"account": "ad:user:x", "employee_id": "123"},
            {"account": "entra:user:y", **cloud},
        ],
        "aliases": [
            {"scheme": "sid", "value": "S-1-5-21-1-2-3-1000", "id": "ad:user:x"},
            {"scheme": "on-premises-sid", "value": "S-1-5-21-1-2-3-1000", "id": "entra:user:y"},
        ],
    }


def test_a_synced_account_takes_the_person_of_its_origin():
    found, _ = linked(hybrid(), Ladder("ad", [ID]), Ladder("entra", [MAIL]))
    assert found["entra:user:y"]["person"] == "hr:person:123"
    assert found["entra:user:y"]["rung"] == "synced"
    assert found["entra:user:y"]["certain"] is True


def test_a_synced_account_that_matches_somebody_else_has_no_owner():
    found, _ = linked(hybrid(mail="ana@example.test"), Ladder("ad", [ID]), Ladder("entra", [MAIL]))
    assert found["entra:user:y"]["person"] is None
    assert "another as the copy of ad:user:x" in found["entra:user:y"]["link"]
