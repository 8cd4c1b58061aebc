"""Headings and words that look like others: the end of a probation, who is no longer active, yes and no, marks for nothing."""

import pyarrow as pa
import pytest

from access_review.draft.file_kinds import FileKind
from access_review.draft.holdings import matrix_of
from access_review.draft.inspection import TableLook, inspect_table, inspect_tables, missing
from access_review.draft.powerful import powerful_names
from access_review.draft.sources import SourceAnswers, attribute_name, roster_source, table_source
from access_review.draft.status_words import place_status

PEOPLE = {
    "Employee ID": [f"{n:03}" for n in range(12)],
    "Name": [f"{first} {last}" for first in ("Ana", "Ben", "Cleo") for last in ("Abad", "Brook", "Costa", "Dima")],
    "Department": ["Ops", "IT", "Ops"] * 4,
}


def roster(**columns: list[str]) -> TableLook:
    look = inspect_table("staff.csv", pa.table(PEOPLE | columns))
    assert look.guess.kind is FileKind.ROSTER
    return look


def look_lines(look: TableLook, **statuses: str) -> tuple[str, ...]:
    return roster_source("hr", look, "staff.csv", {}, SourceAnswers(statuses=statuses)).doubts


def options(look: TableLook, **statuses: str) -> dict[str, object]:
    draft = roster_source("hr", look, "staff.csv", {}, SourceAnswers(statuses=statuses))
    return {line.name: line.value for line in (*draft.options, *draft.columns)}


@pytest.mark.parametrize(
    "header",
    [
        *("Elternzeit Ende", "Ende der Probezeit", "Mutterschutz Ende", "Aufenthaltstitel Ende"),
        *("Date de fin de période d'essai", "Date de fin de congé parental", "Titre de séjour : date de fin"),
        *(
            "Fecha fin periodo de prueba",
            "Fecha de baja médica",
            "Fecha fin de vacaciones",
            "Fecha fin permiso de trabajo",
        ),
        *("Data fim de experiência", "Data fim das férias", "Data fine periodo di prova", "Data zakończenia urlopu"),
        *("Einddatum proeftijd", "試用期間終了日", "育休終了日", "休職終了予定日"),
        *("Work Permit End Date", "Training End Date", "Insurance Until", "Bond End Date", "Badge End"),
    ],
)
def test_what_ends_while_somebody_works_here_is_no_last_day(header: str) -> None:
    ended = roster(**{header: [f"2025-0{n % 9 + 1}-17" for n in range(12)]})
    assert ended.column("left_at") is None
    assert header in ended.left_out or f"no last day is read: is it one of {header}?" in look_lines(ended)


@pytest.mark.parametrize(
    "header", ["Vertragsende", "Letzter Arbeitstag", "Fin de contrat", "F. Baja", "退職年月日", "Slutdatum"]
)
def test_a_last_day_is_one_in_any_language(header: str) -> None:
    assert roster(**{header: ["2025-04-17", *[""] * 11]}).column("left_at") == header


def test_a_last_day_that_most_people_have_is_doubted() -> None:
    look = roster(**{"End date": [f"2026-{n + 1:02}-17" for n in range(12)]})
    assert "is End date really left_at?" in look.questions
    assert any(line.startswith("End date is taken for left_at") for line in look_lines(look))


@pytest.mark.parametrize(
    ("word", "status"),
    [
        *(
            (word, None)
            for word in ("Not active", "No longer employed", "nicht mehr aktiv", "Non actif", "Not terminated")
        ),
        *((word, None) for word in ("Termination pending", "Resigned - serving notice", "Sortie prévue", "退職予定")),
        *(
            (word, None)
            for word in ("De baja", "Out of office", "Terminated while on leave", "gekündigt", "Démissionnaire")
        ),
        *(
            (word, "left")
            for word in ("À la retraite", "in Rente", "im Ruhestand", "a riposo", "退職済", "Full time - terminated")
        ),
        *(
            (word, "leave")
            for word in ("Inactive - Leave of Absence", "Baja médica", "Out sick", "Parti en congé", "休職中")
        ),
        *((word, "active") for word in ("Active - Notice given", "Active, non-exempt", "In", "A", "De alta", "在籍中")),
    ],
)
def test_a_status_that_denies_or_is_to_come_is_asked_about(word: str, status: str | None) -> None:
    assert place_status(word) == status


@pytest.mark.parametrize(
    ("header", "yes", "no", "means"),
    [
        ("Active?", "Yes", "No", "active"),
        ("Active (Y/N)", "Y", "N", "active"),
        ("isActive", "true", "false", "active"),
        ("Currently employed", "1", "0", "active"),
        ("Actif", "Oui", "Non", "active"),
        ("PRESENT", "O", "N", "active"),
        ("Aktiv", "ja", "nein", "active"),
        ("Terminated?", "Yes", "No", "left"),
        ("Inactive", "Y", "N", "left"),
    ],
)
def test_who_works_here_is_asked_by_yes_and_no(header: str, yes: str, no: str, means: str) -> None:
    look = roster(**{header: [yes, no] * 6})
    gone = no if means == "active" else yes
    assert options(look)["statuses"] == {"active": [yes if gone == no else no], "left": [gone]}
    assert f"whoever has {gone} under {header} is taken to have left" in look_lines(look)


@pytest.mark.parametrize("header", ["Active?", "Terminated?"])
def test_what_an_empty_cell_means_beside_one_answer_nobody_knows(header: str) -> None:
    look = roster(**{header: ["Yes", "", "Yes"] * 4})
    assert look.column("status") is None
    (said,) = [question for question in look.questions if header in question]
    assert said == f"{header} is not read: it says Yes or nothing, and what nothing means is not known"
    assert said in look_lines(look)


@pytest.mark.parametrize("header", ["On leave?", "LOA", "En congé", "Beurlaubt", "休職"])
def test_whoever_is_away_by_yes_and_no_is_not_seen_and_that_is_said(header: str) -> None:
    look = roster(**{header: ["Yes", "", "No"] * 4, "Active": ["Yes"] * 11 + ["No"]})
    assert options(look)["statuses"] == {"active": ["Yes"], "left": ["No"]}
    assert f"{header} is not read: whoever is away counts as working, unless a status says it" in look_lines(look)


def test_a_status_whose_words_nobody_knows_is_asked_about_and_can_be_answered() -> None:
    look = roster(Status=["3", "3", "0"] * 4)
    assert look.column("status") is None
    assert "Status is not read: what do 3, 0 mean? init --status WORD=MEANING says it of each" in look_lines(look)
    told = options(look, **{"3": "active", "0": "left"})
    assert (told["status"], told["statuses"]) == ("Status", {"active": ["3"], "left": ["0"]})


def test_what_is_said_of_a_word_counts_before_what_is_guessed() -> None:
    look = roster(Status=["Active", "Active", "Inactive"] * 4)
    assert options(look, Inactive="leave")["statuses"] == {"active": ["Active"], "leave": ["Inactive"]}


@pytest.mark.parametrize("values", [["46272", "46273"], ["1. Okt. 2026", "3. Okt. 2026"], ["R8.9.30", "R8.10.1"]])
def test_a_last_day_that_is_no_date_is_said(values: list[str]) -> None:
    look = roster(**{"Termination Date": [*values, *[""] * 10]})
    said = "Termination Date is not read: it is headed like left_at, and has no dates in a form that is known"
    assert said in look.questions
    assert said in look_lines(look)


def test_dates_are_read_as_the_last_day_is_written() -> None:
    look = roster(**{"Hire Date": ["2020-01-31"] * 12, "End Date": ["30/09/2026", *[""] * 11]})
    assert options(look)["dates"] == "%d/%m/%Y"
    assert "Hire Date is left out: its dates are written as %Y-%m-%d" in look_lines(look)


@pytest.mark.parametrize(
    "kind", ["Temps plein", "Contrato indefinido", "Permanent contract", "Full time contract", "正社員"]
)
def test_how_much_somebody_works_makes_no_contractor(kind: str) -> None:
    look = roster(**{"Contract type": [kind, "External", kind] * 4})
    assert options(look)["kind"] == {"column": "Contract type", "map": {kind: "employee", "External": "contractor"}}


@pytest.mark.parametrize(
    ("held", "not_held"),
    [
        ("X", "N/A"),
        ("x", "\N{EM DASH}"),
        ("Yes", "?"),
        ("○", "×"),
        ("✓", "✗"),
        ("Ja", "k.A."),
        ("Sí", "No"),
        ("TRUE", "none"),
    ],
)
def test_a_cell_of_a_matrix_that_says_nothing_gives_nobody_access(held: str, not_held: str) -> None:
    apps = {
        name: [held if n % (k + 2) == 0 else not_held for n in range(12)]
        for k, name in enumerate(("CRM", "ERP", "VPN"))
    }
    wide = pa.table({"User": [f"u{n}" for n in range(12)], **apps})
    look = inspect_table("matrix.csv", wide)
    assert look.guess.kind is FileKind.MATRIX_WIDE
    assert f": {held} is held" in look.guess.because
    matrix = matrix_of(wide, look)
    assert matrix is not None
    assert matrix.grants == sum(cells.count(held) for cells in apps.values())


def test_a_matrix_of_crosses_alone_says_neither_held_nor_not() -> None:
    wide = pa.table({"User": [f"u{n}" for n in range(12)], **{name: ["×", ""] * 6 for name in ("CRM", "ERP", "VPN")}})
    look = inspect_table("matrix.csv", wide)
    assert look.guess.kind is not FileKind.MATRIX_WIDE
    assert "nobody's access: no file says who holds what" in missing([look])


def test_a_matrix_of_three_people_is_one() -> None:
    wide = pa.table({"User": ["ana", "ben", "cy"], **{name: ["Yes", "No", "Yes"] for name in ("CRM", "ERP", "VPN")}})
    matrix = matrix_of(wide, inspect_table("matrix.csv", wide))
    assert matrix is not None
    assert matrix.grants == 6


def test_a_roster_in_japanese_is_read_as_one_in_english() -> None:
    table = {
        "社員番号": [f"{n:06}" for n in range(12)],
        "氏名": ["山田 太郎", "佐藤 花子", "鈴木 健", "高橋 美咲"] * 3,
        "氏名（カナ）": ["ヤマダ タロウ", "サトウ ハナコ", "スズキ ケン", "タカハシ ミサキ"] * 3,
        "所属": ["営業部", "総務部"] * 6,
        "役職": ["主任", "課長", "社員"] * 4,
        "入社年月日": [f"2020年4月{n + 1}日" for n in range(12)],
        "退職年月日": ["2026年9月30日", *[""] * 11],
        "在籍状況": ["退職", "休職中", *["在籍中"] * 10],
        "ﾒｰﾙｱﾄﾞﾚｽ": [f"u{n}@x.test" for n in range(12)],
        "上司社員番号": ["", *["000000"] * 11],
        "給与": ["1"] * 12,
        "勤務地": ["東京", "大阪"] * 6,
        "備考区分": ["い", "ろ"] * 6,
    }
    look = inspect_table("社員.csv", pa.table(table))
    assert {m.field: m.label for m in look.guess.meanings} == {
        "person": "社員番号",
        "name": "氏名",
        "department": "所属",
        "title": "役職",
        "starts": "入社年月日",
        "left_at": "退職年月日",
        "status": "在籍状況",
        "mail": "ﾒｰﾙｱﾄﾞﾚｽ",
        "manager": "上司社員番号",
        "site": "勤務地",
    }
    assert look.left_out == ("給与",)
    assert options(look)["dates"] == "%Y年%m月%d日"
    assert options(look)["statuses"] == {"active": ["在籍中"], "leave": ["休職中"], "left": ["退職"]}


@pytest.mark.parametrize(
    "heads",
    [
        "PNR | NAME | EINTRITT | AUSTRITT | Abteilung",
        "Pers.Nr. | Name | Eintritt | Austritt | OrgEinheit",
        "Matricule salarié | Nom complet | Date entrée | Date sortie | Service",
        "Cód. trabajador | Apellidos y nombre | F. Alta | F. Baja | Departamento",
        "Anställningsnummer | Namn | Anställningsdatum | Slutdatum | Avdelning",
        "従業員番号 | 氏名 | 入社日 | 退職日 | 所属",
    ],
)
def test_heads_of_what_payrolls_export_are_understood(heads: str) -> None:
    person, name, starts, left, department = heads.split(" | ")
    days = {starts: [f"{n + 1:02}.03.2020" for n in range(12)], left: ["30.09.2026", *[""] * 11]}
    names = {person: PEOPLE["Employee ID"], name: PEOPLE["Name"], department: PEOPLE["Department"]}
    look = inspect_table("staff.csv", pa.table(names | days))
    assert look.guess.kind is FileKind.ROSTER
    fields = ("person", "starts", "left_at", "department")
    assert [look.column(field) for field in fields] == [person, starts, left, department]


def test_a_notice_has_an_end_and_is_not_given_then() -> None:
    look = roster(**{"Notice Period End Date": ["2026-09-30", *[""] * 11]})
    assert look.column("notified") is None
    assert "no last day is read: is it one of Notice Period End Date?" in look_lines(look)


def test_attributes_in_other_letters_stay_apart() -> None:
    assert [attribute_name(column) for column in ("備考区分", "Отдел кадров", "Tätigkeit")] == [
        "備考区分",
        "отдел_кадров",
        "tatigkeit",
    ]


def test_what_is_powerful_is_told_by_its_name() -> None:
    strong = [
        "Admins du domaine",
        "Backup Operators",
        "Domain Admins",
        "Domänen-Admins",
        "ERP_ADMIN",
        "Global Administrator",
        "sudoers",
    ]
    assert powerful_names([*strong, "Administration", "Adminton club", "Readmin", "VPN"]) == sorted(strong)


@pytest.mark.parametrize(
    ("header", "read_as"),
    [
        *(
            (header, "last_used")
            for header in ("Last login", "Letzte Anmeldung", "Dernière connexion", "最終ログイン日時")
        ),
        *((header, "used") for header in ("Last used", "Dernière utilisation", "最終利用日")),
    ],
)
def test_signing_in_uses_the_account_and_nothing_that_it_holds(header: str, read_as: str) -> None:
    days = [f"2026-10-{n + 10}" for n in range(12)]
    table = pa.table({"User": [f"u{n}" for n in range(12)], "Role": ["Clerk", "Agent"] * 6, header: days})
    source = table_source("app", inspect_table("app.csv", table), "app.csv", {}, SourceAnswers(), ())
    assert {line.value: line.name for line in source.columns}[header] == read_as


@pytest.mark.parametrize("people", [1, 2, 3, 4])
def test_in_a_company_of_a_few_each_may_have_a_status_of_its_own(people: int) -> None:
    words = ("Active", "Terminated", "On leave", "Active")[:people]
    staff = {
        "Employee ID": [f"E{n}" for n in range(people)],
        "Name": ["Ana Abad", "Ben Brook", "Cy Cox", "Di Dee"][:people],
    }
    look = inspect_table("staff.csv", pa.table({**staff, "Department": ["Ops"] * people, "Status": list(words)}))
    assert look.column("status") == "Status"
    assert look.status is not None
    assert [w.word for w in look.status.left] == [word for word in words if word == "Terminated"]
    (names,) = (c for c in look.columns if c.name == "Name")
    assert not names.words


def test_numbers_of_staff_are_told_by_the_roster_whatever_their_heading() -> None:
    numbers = [*PEOPLE["Employee ID"], "900", "901"]
    held = pa.table({"Login": [f"u{n}" for n in range(14)], "Ref": numbers, "Role": ["Clerk", "Agent"] * 7})
    files = inspect_tables({"staff.csv": pa.table(PEOPLE), "app.csv": held})
    app = next(look for look in files.tables if look.name == "app.csv")
    (meaning,) = (m for m in app.guess.meanings if m.field == "employee_id")
    assert (meaning.label, meaning.sureness) == ("Ref", "likely")
    assert meaning.because == "86% of its values are Employee ID of staff.csv"
