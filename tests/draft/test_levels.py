"""A matrix whose cells say how much somebody may, and tables that only look like one."""

import pyarrow as pa
import pytest

from access_review.draft.file_kinds import FileKind
from access_review.draft.holdings import matrix_of
from access_review.draft.inspection import inspect_table
from access_review.draft.powerful import powerful_names
from access_review.draft.turned import turned

USERS = [f"u{n}" for n in range(12)]
NAMES = [f"{first} {last}" for first in ("Ana", "Ben", "Cleo") for last in ("Abad", "Brook", "Costa", "Dima")]


def held(table: dict[str, list[str]]) -> set[tuple[str, str]]:
    """Return who holds what by a matrix."""
    wide = pa.table(table)
    matrix = matrix_of(wide, inspect_table("matrix.csv", wide))
    assert matrix is not None
    return set(matrix.pairs())


def test_a_level_of_a_thing_is_what_is_held() -> None:
    table = {
        "User": USERS,
        "CRM": ["Admin", "User", "Read", ""] * 3,
        "ERP": ["R", "RW", "\N{EN DASH}"] * 4,
        "VPN": ["Yes", "No"] * 6,
    }
    look = inspect_table("matrix.csv", pa.table(table))
    assert look.guess.kind is FileKind.MATRIX_WIDE
    assert look.guess.because == (
        "2 columns have levels (CRM, ERP), each of which is an entitlement, and 1 a mark or nothing"
    )
    assert not look.questions
    pairs = held(table)
    assert {what for _, what in pairs} == {"CRM: Admin", "CRM: User", "CRM: Read", "ERP: R", "ERP: RW", "VPN"}
    assert {what for who, what in pairs if who == "u3"} == {"ERP: R"}
    assert len(pairs) == 9 + 8 + 6
    assert powerful_names({what for _, what in pairs}) == ["CRM: Admin"]


@pytest.mark.parametrize("people", [1, 2, 3, 12])
def test_a_company_of_a_few_has_levels_too(people: int) -> None:
    cells = {"CRM": ["Admin", "Read", "User"], "ERP": ["RW", "R", "-"], "VPN": ["Yes", "No", "Yes"]}
    table = {"User": USERS[:people], **{name: (words * 4)[:people] for name, words in cells.items()}}
    assert ("u0", "CRM: Admin") in held(table)


@pytest.mark.parametrize(
    ("held_as", "not_held"),
    [
        ("Vollzugriff", "Kein Zugriff"),
        ("Lecture seule", "Aucun"),
        ("Read-only", "No access"),
        ("Super User", "None"),
        ("read/write", "n/a"),
        ("READ_WRITE", "0"),
    ],
)
def test_words_of_levels(held_as: str, not_held: str) -> None:
    table = {"User": USERS, "Store": [held_as, not_held] * 6, "Ledger": ["Admin", "Read"] * 6}
    assert {what for _, what in held(table) if what.startswith("Store")} == {f"Store: {held_as}"}


def test_one_level_in_several_spellings_is_one() -> None:
    table = {"User": USERS, "CRM": ["Admin", "admin ", "ADMIN"] * 4, "ERP": ["R", "RW"] * 6}
    assert len({what for _, what in held(table) if what.startswith("CRM")}) == 1


def test_what_is_no_level_that_is_known_is_read_and_asked_about() -> None:
    table = {
        "User": USERS,
        "CRM": ["Admin", "Pending"] * 6,
        "ERP": ["R", "F"] * 6,
        "SAP": ["Z_FI_DISPLAY", "Z_FI_DISPLAY; Z_MM_BUYER", "none"] * 4,
    }
    asked = inspect_table("matrix.csv", pa.table(table)).questions
    assert "CRM says Pending: is that access? It is read as CRM: Pending" in asked
    assert "ERP says F: is that access? It is read as ERP: F" in asked
    assert "SAP says Z_FI_DISPLAY, Z_MM_BUYER: is that access? It is read as SAP: Z_FI_DISPLAY" in asked
    assert {what for who, what in held(table) if who == "u1"} == {
        *("CRM: Pending", "ERP: F", "SAP: Z_FI_DISPLAY", "SAP: Z_MM_BUYER"),
    }


def test_people_across_have_levels_down() -> None:
    cells = [["Admin", "User", ""], ["R", "RW", "R"], ["Editor", "", "Viewer"]]
    across = {"Application": ["CRM", "ERP", "Wiki"], **{f"u{n}": [row[n] for row in cells] for n in range(3)}}
    table = turned(pa.table(across))
    assert table is not None
    assert held({name: table.column(name).to_pylist() for name in table.column_names}) == {
        *(("u0", "CRM: Admin"), ("u1", "CRM: User"), ("u0", "ERP: R"), ("u1", "ERP: RW"), ("u2", "ERP: R")),
        *(("u0", "Wiki: Editor"), ("u2", "Wiki: Viewer")),
    }


def test_people_with_levels_beside_stay_people_and_the_levels_are_said() -> None:
    staff = {
        "Employee ID": [f"{n:03}" for n in range(12)],
        "Name": NAMES,
        "Department": ["Ops", "IT"] * 6,
        "Start Date": ["2021-03-01"] * 12,
        "CRM": ["Admin", "User"] * 6,
        "ERP": ["R", "RW"] * 6,
    }
    look = inspect_table("staff.csv", pa.table(staff))
    assert look.guess.kind is FileKind.ROSTER
    said = "CRM, ERP is not read: its cells say levels of access; put them in a file of their own, with who has them"
    assert said in look.unread


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (
            {
                "userPrincipalName": [f"{user}@x.test" for user in USERS],
                "displayName": NAMES,
                "userType": ["Guest", "Member"] * 6,
                "role scope": ["Admin", "Read"] * 6,
                "accountEnabled": ["True", "False"] * 6,
                "directorySynced": ["True", ""] * 6,
                "identityIssuer": ["x.test"] * 12,
                "ageGroup": [""] * 12,
                "companyName": ["X"] * 12,
            },
            FileKind.HOLDINGS,
        ),
        (
            {
                "timestamp": [f"2026-10-{n + 10}T09:00:00Z" for n in range(12)],
                "uuid": [f"e{n}" for n in range(12)],
                "actor.type": ["User", "System"] * 6,
                "actor.alternate_id": [f"{user}@x.test" for user in USERS],
                "severity": ["Read", "Admin"] * 6,
                "event_type": ["Write", "Admin"] * 6,
            },
            FileKind.SIGNINS,
        ),
        (
            {"User": USERS * 2, "Application": ["CRM"] * 12 + ["ERP"] * 12, "Access Level": ["Read", "Admin"] * 12},
            FileKind.HOLDINGS,
        ),
        (
            {
                "Employee ID": USERS,
                "Name": NAMES,
                "Department": ["Ops", "IT"] * 6,
                "Employment type": ["Full", "Standard"] * 6,
                "Grade": ["Standard", "Basic"] * 6,
            },
            FileKind.ROSTER,
        ),
    ],
)
def test_a_list_and_a_roster_are_no_matrix_of_levels(columns: dict[str, list[str]], kind: FileKind) -> None:
    assert inspect_table("table.csv", pa.table(columns)).guess.kind is kind
