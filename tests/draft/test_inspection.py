"""Looking at files: kind, meanings, dates with their evidence, status words, joins, what is missing, nobody given away."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from access_review.connectors.tabular import instants
from access_review.draft.columns import look_at_columns
from access_review.draft.composite import identifying_columns
from access_review.draft.date_forms import DateOrder, date_look
from access_review.draft.file_kinds import FileKind
from access_review.draft.forms import TextForm, guess_form, guess_json
from access_review.draft.headers import personal, plain_header
from access_review.draft.holdings import matrix_of
from access_review.draft.inspection import inspect_table, inspect_tables
from access_review.draft.joins import JoinStep
from access_review.draft.ladder import suggest_ladder
from access_review.draft.meanings import Sureness
from access_review.draft.shapes import Form, common_shapes, mask
from access_review.draft.sources import SourceAnswers, roster_source, table_source
from access_review.draft.status_words import place_status

MAPPINGS = YAML(typ="safe").load((Path(__file__).parent / "mappings.yaml").read_text("utf-8"))


def table(text: str) -> pa.Table:
    """Return a table of text from lines with ``|`` between cells, the header first."""
    header, *rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(header)})


def read(path: Path) -> pa.Table:
    return pa.Table.from_pandas(pd.read_csv(path, dtype=str, keep_default_na=False), preserve_index=False)


ROSTER = table(
    """
    emp_no | last_name | first_name | work_mail          | dept    | job_title | hired      | last_day   | state      | mgr_no
    00101  | Abad      | Ana        | ana.abad@x.test    | Finance | Analyst   | 04/05/2021 |            | Active     | 00103
    00102  | Cruz      | Ben        | ben.cruz@x.test    | Finance | Analyst   | 17/02/2020 |            | Active     | 00103
    00103  | Diaz      | Cy         | cy.diaz@x.test     | Finance | Lead      | 01/03/2019 |            | LOA        |
    00104  | Elm       | Dee        | dee.elm@x.test     | IT      | Admin     | 09/09/2022 | 05/06/2026 | Terminated | 00103
    00105  | Fox       | Eve        | eve.fox@x.test     | IT      | Admin     | 30/01/2018 |            | Active     | 00103
    00106  | Gil       | Flo        | flo.gil@x.test     | IT      | Admin     | 02/02/2018 |            | Active     | 00103
    """
)
HOLDINGS = table(
    r"""
    login    | emp | app role | last used
    NW\ana   | 101 | Viewer   | 2026-05-01
    NW\ana   | 101 | Entry    | 2026-05-02
    NW\ben   | 102 | Viewer   | 2026-05-03
    NW\dee   | 104 | Viewer   |
    NW\eve   | 105 | Entry    | 2026-05-05
    """
)


def test_a_roster_is_told_with_what_its_columns_mean() -> None:
    look = inspect_table("hr.csv", ROSTER)
    assert look.guess.kind is FileKind.ROSTER
    assert {m.field: m.columns for m in look.guess.meanings} == {
        "person": ("emp_no",),
        "name": ("first_name", "last_name"),
        "mail": ("work_mail",),
        "manager": ("mgr_no",),
        "starts": ("hired",),
        "left_at": ("last_day",),
        "status": ("state",),
        "department": ("dept",),
        "title": ("job_title",),
    }
    assert look.names == "split"
    assert look.manager_by == "id"
    assert next(m for m in look.guess.meanings if m.field == "manager").sureness is Sureness.SURE
    assert look.status is not None
    assert look.status.sentence == "active: Active (4); leave: LOA (1); left: Terminated (1)"
    assert look.questions == ("is the last day still a day of work, and in which zone does it end?",)


def test_days_that_prove_their_order_speak_for_those_that_prove_nothing() -> None:
    hired, left = (next(c for c in look_at_columns(ROSTER) if c.name == name).dates for name in ("hired", "last_day"))
    assert hired is not None
    assert left is not None
    assert (hired.order, hired.format, hired.day_first, hired.silent) == (DateOrder.DAY_FIRST, "%d/%m/%Y", 2, 4)
    assert (left.order, left.format) == (DateOrder.DAY_FIRST, "%d/%m/%Y")
    assert left.sentence == "day first, as hired of the same file proves; here nothing does"


@pytest.mark.parametrize(
    ("values", "order", "form"),
    [
        (["2026-01-02", "2026-03-04 10:00"], DateOrder.YEAR_FIRST, "%Y-%m-%d"),
        (["20260102", "20251231"], DateOrder.YEAR_FIRST, "%Y%m%d"),
        (["02.01.2026", "31.12.2025"], DateOrder.DAY_FIRST, "%d.%m.%Y"),
        (["01/31/26", "2/3/26"], DateOrder.MONTH_FIRST, "%m/%d/%y"),
        (["01/02/2026 5:06 PM", "02/03/2026 6:07 AM"], DateOrder.UNKNOWN, None),
        (["31/01/2026", "01/31/2026"], DateOrder.MIXED, None),
        (["3-Jan-2026", "14-Feb-2025"], DateOrder.DAY_FIRST, "%d-%b-%Y"),
        (["30 September 2026", "1 May 2025"], DateOrder.DAY_FIRST, "%d %B %Y"),
        (["Sep 30, 2026", "Oct 1, 2025"], DateOrder.MONTH_FIRST, "%b %d, %Y"),
        (["September 30, 2026", "October 1, 2025"], DateOrder.MONTH_FIRST, "%B %d, %Y"),
        (["2026年9月30日", "2025年10月1日"], DateOrder.YEAR_FIRST, "%Y年%m月%d日"),
    ],
)
def test_date_forms_are_told_with_their_evidence(values: list[str], order: DateOrder, form: str | None) -> None:
    look = date_look(pa.array(values))
    assert look is not None
    assert (look.order, look.format) == (order, form)
    assert look.sentence
    if form and not look.timed:
        assert [instants.parse(value, form) for value in values], "what is said to be the form reads them all"


@pytest.mark.parametrize(
    "values",
    [[], ["10026", "10084"], ["99/99/2026"], ["text", "2026-01-01"], ["15-Okt-2026", "3-Mai-2026"], ["1 janv. 2026"]],
)
def test_what_is_no_date_is_none(values: list[str]) -> None:
    look = date_look(pa.array(values, pa.string()))
    assert look is None or look.unreadable


def test_holdings_join_the_roster_after_zeros_are_taken_off() -> None:
    look = inspect_tables({"hr.csv": ROSTER, "app.csv": HOLDINGS})
    app = next(t for t in look.tables if t.name == "app.csv")
    assert app.guess.kind is FileKind.HOLDINGS
    assert {m.field for m in app.guess.meanings} == {"account", "employee_id", "entitlement", "used"}
    (join,) = [j for j in look.joins if (j.file, j.column, j.other_column) == ("app.csv", "emp", "emp_no")]
    assert [(r.step, r.found) for r in join.rates] == [(JoinStep.EXACT, 0), (JoinStep.ZEROS, 4)]
    assert join.sentence.endswith("0 % exactly, 100 % after leading zeros")
    assert look.missing == ()


def test_a_domain_and_a_mail_address_lead_to_the_same_login() -> None:
    logins = table("uid | role\nana.abad | a\nben.cruz | a\ncy.diaz | b\ndee.elm | b\neve.fox | c")
    domain = table("account | group\n" + "\n".join(f"NW\\{n} | g" for n in ("Ana.Abad", "ben.cruz", "cy.diaz")))
    joins = inspect_tables({"a.csv": logins, "d.csv": domain, "hr.csv": ROSTER}).joins
    found = {(j.file, j.column, j.other_file, j.other_column): j.best for j in joins}
    assert found["a.csv", "uid", "hr.csv", "work_mail"].step is JoinStep.LOCAL_PART
    assert found["d.csv", "account", "a.csv", "uid"].step is JoinStep.DOMAIN
    assert found["d.csv", "account", "a.csv", "uid"].rate == 1


def test_names_join_in_any_order() -> None:
    first = table("name | job\n" + "\n".join(f"{n} | x" for n in ("Ana Abad", "Ben Cruz", "Cy Diaz")))
    other = table(
        "employee name | site\n" + "\n".join(f"{n} | y" for n in ("Abad, Ana", "Cruz, Ben", "Diaz, Cy", "Elm, Dee"))
    )
    (join,) = [j for j in inspect_tables({"a": first, "b": other}).joins if j.file == "a"]
    assert (join.best.step, join.best.rate) == (JoinStep.NAME_ORDER, 1)


def test_two_ids_that_a_step_makes_one_are_said() -> None:
    ids = table("id | x\n" + "\n".join(f"{n} | y" for n in ("0101", "101", "102", "103")))
    mine = table("emp id | z\n" + "\n".join(f"{n} | w" for n in ("00101", "00102", "00103")))
    (join,) = [j for j in inspect_tables({"a": mine, "b": ids}).joins if j.file == "a"]
    assert join.clashes == 1
    assert "1 values become ambiguous" in join.sentence


def test_a_rung_is_no_certain_one_where_accounts_of_two_become_those_of_one() -> None:
    people = table("emp id | name | dept | title\n" + "\n".join(f"10{n} | Ana B{n} | d | t" for n in range(5)))
    for extra, certain in (("", True), ("\nx | 0101 | g", False)):
        accounts = table("login | emp id | group\n" + "\n".join(f"u{n} | 0010{n} | g" for n in range(5)) + extra)
        files = inspect_tables({"hr.csv": people, "app.csv": accounts})
        rung = suggest_ladder(files, "app.csv", "hr.csv")[0]
        assert (rung.join.column, rung.join.best.step, rung.certain) == ("emp id", JoinStep.ZEROS, certain)


def test_files_of_the_same_columns_are_a_series_and_the_last_is_asked() -> None:
    look = inspect_tables({"hr-01.csv": ROSTER, "hr-02.csv": ROSTER, "app.csv": HOLDINGS})
    assert look.series == (("hr-01.csv", "hr-02.csv"),)
    assert {j.other_file for j in look.joins} == {"hr-02.csv"}


def test_the_ladder_begins_with_what_joins_as_it_stands() -> None:
    accounts = table(
        "login | employee id | mail | group\n"
        + "\n".join(
            f"{n[:3]} | 0010{i} | {n.upper()}@x.test | g" for i, n in enumerate(("ana.abad", "ben.cruz", "cy.diaz"), 1)
        )
    )
    files = inspect_tables({"hr.csv": ROSTER, "app.csv": accounts})
    first, second = suggest_ladder(files, "app.csv", "hr.csv")
    assert (first.join.column, first.field, first.certain) == ("employee id", "person", True)
    assert (second.join.column, second.field, second.certain) == ("mail", "mail", False)
    assert second.because.endswith("after case and blanks")


def test_a_wide_matrix_becomes_who_holds_what() -> None:
    wide = table(
        """
        user | mail | vpn | crm | ledger | vault | badge
        ana  | x    | x   |     |        |       | x
        ben  | x    |     | x   |        |       | x
        cy   | x    |     |     | x      |       |
        dee  | x    | x   | 0   |        |       | x
        """
    )
    look = inspect_table("matrix.csv", wide)
    assert look.guess.kind is FileKind.MATRIX_WIDE
    assert look.guess.marked == ("mail", "vpn", "crm", "ledger", "vault", "badge")
    held = matrix_of(wide, look)
    assert held is not None
    assert sorted(held.pairs())[:3] == [("ana", "badge"), ("ana", "mail"), ("ana", "vpn")]
    assert held.grants == 11


def test_two_columns_of_ids_are_a_long_matrix() -> None:
    long = table("a | b\n" + "\n".join(f"{n % 7} | {n // 7 + 100}" for n in range(30)))
    look = inspect_table("pairs.txt", long)
    assert look.guess.kind is FileKind.MATRIX_LONG
    assert all(m.sureness is Sureness.GUESS for m in look.guess.meanings)
    assert look.questions == ("is a really account?", "is b really entitlement?")
    held = matrix_of(long, look)
    assert held is not None
    assert held.grants == 30


def test_decisions_without_a_person_have_the_columns_that_tell_people_apart() -> None:
    rows = [(m, t, d, r) for m in range(4) for t in range(3) for d in [t % 2] for r in range(3)]
    lines = [f"{'keep' if (m + r) % 4 else 'revoke'} | {r + 500} | {m + 10} | {t + 20} | d{d}" for m, t, d, r in rows]
    decisions = table("decision | resource | manager | title | dept\n" + "\n".join(lines))
    look = inspect_table("decisions.csv", decisions)
    assert look.guess.kind is FileKind.DECISIONS
    assert (look.guess.decision, look.guess.kept, look.guess.revoked) == ("decision", ("keep",), ("revoke",))
    assert look.composite == ("manager", "title")
    held = matrix_of(decisions, look)
    assert held is not None
    assert held.people[0] == "10 | 20"
    assert held.grants == sum("keep" in line for line in lines)


def test_a_wide_matrix_without_a_person_has_the_columns_that_tell_people_apart() -> None:
    rows = "\n".join(
        f"{m + 10} | {t + 20} | fam{t % 2} | x |  | {'x' if m else ''} | | x" for m in range(4) for t in range(6)
    )
    wide = table(f"mgr id | role title | role family | r1 | r2 | r3 | r4 | r5\n{rows}")
    look = inspect_table("wide.csv", wide)
    assert look.guess.kind is FileKind.MATRIX_WIDE
    assert look.composite == ("mgr id", "role title")
    assert not any(m.field == "entitlement" for m in look.guess.meanings)
    held = matrix_of(wide, look)
    assert held is not None
    assert ("10 | 20", "r1") in set(held.pairs())


def test_a_few_columns_that_say_who_somebody_is_win_over_all_that_tell_apart() -> None:
    rows = [(n // 8, n % 8 // 2, n % 2 if n % 8 == 7 else 0) for n in range(64)]
    apart = table("code | manager | title\n" + "\n".join(f"{c} | {a} | {b}" for a, b, c in rows))
    assert identifying_columns(apart, ["code", "manager", "title"], ["manager", "title"]) == ("manager", "title")


def test_headings_of_another_language_are_understood() -> None:
    staff = table(
        """
        PersNr | Nachname | Vorname | Austrittsdatum | Beschäftigungsstatus | Stellenbezeichnung | Kostenstelle | Vorgesetzter | Gehalt
        007    | Weber    | Uwe     | 31.10.2026     | ausgeschieden        | Referent           | 1000         | 009          | 4000
        008    | Koch     | Lena    |                | aktiv                | Referent           | 1000         | 009          | 4100
        009    | Braun    | Jörg    |                | Elternzeit           | Leiter             | 2000         |              | 4200
        010    | Klein    | Mia     |                | aktiv                | Leiter             | 2000         | 009          | 4300
        011    | Lange    | Eva     |                | aktiv                | Leiter             | 2000         | 009          | 4400
        012    | Wolf     | Ida     |                | aktiv                | Leiter             | 2000         | 009          | 4500
        """
    )
    look = inspect_table("staff.csv", staff)
    assert {m.field: m.columns for m in look.guess.meanings} == {
        "person": ("PersNr",),
        "name": ("Vorname", "Nachname"),
        "left_at": ("Austrittsdatum",),
        "status": ("Beschäftigungsstatus",),
        "title": ("Stellenbezeichnung",),
        "unit": ("Kostenstelle",),
        "manager": ("Vorgesetzter",),
    }
    assert look.left_out == ("Gehalt",)
    assert look.status is not None
    assert look.status.unknown == ()


@pytest.mark.parametrize(
    ("heads", "left", "active", "gone"),
    [
        (
            "Matricule | Nom | Prénom | Service | Fonction | Responsable | Date d'entrée | Date de sortie | Statut | Date de naissance",
            "Date de sortie",
            "Actif",
            "Sorti",
        ),
        (
            "Legajo | Apellido | Nombres | Departamento | Puesto | Jefe directo | Fecha de ingreso | Fecha de baja | Estado | Sexo",
            "Fecha de baja",
            "Activo",
            "Despedido",
        ),
        (
            "Nº | Sobrenome | Nome | Departamento | Cargo | Gestor | Data de admissão | Data de demissão | Situação | Salário",
            "Data de demissão",
            "Ativo",
            "Desligado",
        ),
        (
            "Matricola | Cognome | Nome | Reparto | Mansione | Responsabile | Data assunzione | Data cessazione | Stato | Stipendio",
            "Data cessazione",
            "In forza",
            "Cessato",
        ),
        (
            "Nr ewidencyjny | Nazwisko | Imię | Dział | Stanowisko | Przełożony | Data zatrudnienia | Data zwolnienia | Status | Płeć",
            "Data zwolnienia",
            "Aktywny",
            "Zwolniony",
        ),
    ],
)
def test_a_roster_in_another_language_is_read_as_one_in_english(heads: str, left: str, active: str, gone: str) -> None:
    names = ("Silva", "Costa", "Alves", "Ferri", "Nowak", "Lange", "Petit", "Weber")
    rows = "\n".join(
        f"{n:04} | {name} | Ana{n} | {('IT', 'Ops')[n % 2]} | {('Lead', 'Clerk')[n > 0]} | {'Ana0 Silva' if n else ''} | "
        f"2020-01-{n + 13} | {'2026-09-30' if n == 3 else ''} | {gone if n == 3 else active} | 1"
        for n, name in enumerate(names)
    )
    look = inspect_table("people.csv", table(f"{heads}\n{rows}"))
    assert look.guess.kind is FileKind.ROSTER
    person, last, first, department, title, manager, starts, _, status, private = heads.split(" | ")
    fields = {m.field: m.columns for m in look.guess.meanings}
    assert fields == {
        "person": (person,),
        "name": (first, last),
        "department": (department,),
        "title": (title,),
        "manager": (manager,),
        "starts": (starts,),
        "left_at": (left,),
        "status": (status,),
    }
    assert look.manager_by == "name"
    assert look.status is not None
    assert [w.word for w in (*look.status.left, *look.status.active)] == [gone, active]
    assert look.left_out == (private,)


def test_managers_are_named_by_the_mail_that_the_roster_has() -> None:
    rows = "\n".join(f"E{n} | Ana{n} Bor | ana{n}@x.test | {'Ana0@x.test' if n else ''}" for n in range(8))
    look = inspect_table("people.csv", table(f"Employee number | Full name | Mail | Manager\n{rows}"))
    assert look.manager_by == "mail"
    draft = roster_source("hr", look, "people.csv", {}, SourceAnswers())
    assert {"column": "Manager", "by": "mail"} in [line.value for line in draft.columns]


def test_members_of_groups_hold_the_group_and_not_their_role_in_it() -> None:
    rows = "\n".join(f"g{n % 3}@x.test | ana{n // 3}@x.test | MEMBER" for n in range(24))
    look = inspect_table("groups.csv", table(f"Group Email [Required] | Member Email | Member Role\n{rows}"))
    fields = {m.field: m.columns[0] for m in look.guess.meanings}
    assert fields == {"account": "Member Email", "entitlement": "Group Email [Required]"}


def test_a_roster_without_an_id_is_told_apart_by_its_login_and_says_so() -> None:
    rows = "\n".join(f"u{n} | Ana{n} | Bor{n} | {'IT' if n % 2 else 'Ops'} | u{n}@x.test" for n in range(8))
    look = inspect_table("people.csv", table(f"Login | Given name | Family name | Team | Mail\n{rows}"))
    assert look.guess.kind is FileKind.ROSTER
    assert look.column("person") == "Login"
    assert "is Login really person?" in look.questions
    assert next(c for c in look.columns if c.name == "Given name").words == ()


def test_a_list_of_users_with_roles_in_one_cell_is_no_roster() -> None:
    rows = "\n".join(
        f"u{n}@x.test | Ana{n} | Bor{n} | {n:03} | {'ACTIVE' if n % 3 else 'PENDING'} | Everyone;{'IT' if n % 2 else 'Ops'} | Base | "
        f"2026-10-{n + 1:02} | true"
        for n in range(8)
    )
    users = table(
        f"login | firstName | lastName | employeeNumber | status | groups | policies | lastLogin | MFA enabled\n{rows}"
    )
    look = inspect_table("users.csv", users)
    assert look.guess.kind is FileKind.HOLDINGS
    fields = {m.field: m.columns[0] for m in look.guess.meanings}
    assert fields == {
        "employee_id": "employeeNumber",
        "account": "login",
        "enabled": "status",
        "used": "lastLogin",
        "entitlement": "groups",
    }
    assert "policies is not read: is it more of what is held? Then it is a source of its own" in look.questions
    held = matrix_of(users, look)
    assert held is not None
    assert set(held.entitlements) == {"Everyone", "IT", "Ops"}
    source = table_source("users", look, "users.csv", {}, SourceAnswers(), ())
    options = {one.name: one.value for one in source.options}
    assert options["separator"] == ";"
    assert options["enabled"] == {"yes": ["ACTIVE"], "no": ["false"]}
    assert "whether accounts with status PENDING can be used is not known: put the words under enabled" in source.doubts


def test_a_column_of_what_is_disabled_is_read_the_other_way_round() -> None:
    rows = "\n".join(f"u{n} | r{n % 2} | {'true' if n % 4 else 'false'}" for n in range(8))
    look = inspect_table("users.csv", table(f"user name | role | disabled\n{rows}"))
    source = table_source("users", look, "users.csv", {}, SourceAnswers(), ())
    assert {one.name: one.value for one in source.options}["enabled"] == {"yes": ["false"], "no": ["true"]}
    assert any("the other way round" in doubt for doubt in source.doubts)


@pytest.mark.parametrize(
    ("header", "words", "yes", "no"),
    [
        ("Not Active", "Yes No", ["No"], ["Yes"]),
        ("Not Disabled", "Yes No", ["Yes"], ["No"]),
        ("Deprovisioned Status", "Yes No", ["No"], ["Yes"]),
        ("Deprovisioned Status", "Deprovisioned Active", ["Active"], ["Deprovisioned"]),
        ("Account Locked", "locked open", ["open"], ["locked"]),
        ("Active", "Y N", ["Y"], ["N"]),
    ],
)
def test_yes_means_what_its_header_asks_and_a_state_means_itself(header, words, yes, no) -> None:
    first, second = words.split()
    rows = "\n".join(f"u{n} | r{n % 2} | {second if n % 4 else first}" for n in range(8))
    look = inspect_table("users.csv", table(f"user name | role | {header}\n{rows}"))
    source = table_source("users", look, "users.csv", {}, SourceAnswers(), ())
    assert {one.name: one.value for one in source.options}["enabled"] == {"yes": yes, "no": no}


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("Term Start Date", "starts"),
        ("Termination Date", "left_at"),
        ("Leaving Date", "left_at"),
        ("Leave Date", "left_at"),
        ("Contract End", "left_at"),
        ("Leave Start Date", None),
        ("Last Leave Date", None),
        ("Return From Leave", None),
        ("Absence End", None),
    ],
)
def test_a_leave_is_no_leaving_and_what_starts_does_not_end(header, meant) -> None:
    rows = "\n".join(f"{n} | Ana B{n} | 2026-0{n}-17" for n in range(1, 9))
    look = inspect_table("hr.csv", table(f"employee id | name | {header}\n{rows}"))
    assert {c: one.field for one in look.guess.meanings for c in one.columns}.get(header) == meant


def test_what_nobody_can_place_is_unknown_and_says_so() -> None:
    look = inspect_table("notes.csv", table("remark | more\nhello there | a\nhello there | b\nbye | b"))
    assert look.guess.kind is FileKind.UNKNOWN
    assert matrix_of(table("remark\nx"), inspect_table("n", table("remark\nx"))) is None
    assert inspect_tables({"notes.csv": table("remark\nx\nx")}).missing[0].startswith("no roster")


def test_samples_give_nobody_away() -> None:
    look = inspect_table("hr.csv", ROSTER)
    shown = " ".join(s for c in look.columns if c.name in {"last_name", "work_mail", "emp_no"} for s in c.samples)
    assert "Abad" not in shown
    assert "ana" not in shown
    assert mask("ana.abad@x.test") == "a**.a***@x.t***"
    managers = table("id | name | manager\n" + "\n".join(f"{n} | Ana B{n} | Cy Diaz" for n in range(9)))
    named = next(c for c in inspect_table("hr", managers).columns if c.name == "manager")
    assert named.words == ()
    assert named.samples == ("C* D***",)


def test_what_is_about_the_person_is_never_an_attribute() -> None:
    assert personal("MaritalDesc")
    assert personal("DOB")
    assert not personal("Department")
    assert plain_header("DateofHire") == "date of hire"
    assert plain_header("EmpID") == "emp id"


@pytest.mark.parametrize(
    ("word", "status"),
    [("Inactive", "left"), ("On leave", "leave"), ("Active", "active"), ("In", "active"), ("Blue", None)],
)
def test_status_words_are_placed(word: str, status: str | None) -> None:
    assert place_status(word) == status


def test_shapes_are_counted() -> None:
    assert common_shapes(["MMK1532", "NTB0710", "12345678"]) == (("AAA9999", 2), ("9{8}", 1))


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (["a@b.test", "c@d.test"], Form.MAIL),
        (["S-1-5-21-1-2-3", "S-1-5-21-1-2-4"], Form.SID),
        (["CN=Ana,OU=x,DC=y", "CN=Ben,OU=x,DC=y"], Form.DN),
        (["NW\\ana", "NW\\ben"], Form.DOMAIN_ACCOUNT),
        (["3f2504e0-4f89-41d3-9a0c-0305e82c3301"], Form.GUID),
        (["x"], Form.FLAG),
        (["", ""], Form.EMPTY),
        (["some long text, and more", "other"], Form.TEXT),
    ],
)
def test_forms_of_values(values: list[str], form: Form) -> None:
    (look,) = look_at_columns(pa.table({"c": pa.array(values, pa.string())}))
    assert look.form is form


@pytest.mark.parametrize(
    ("head", "form"),
    [
        ("version: 1\n\ndn: cn=a\n", TextForm.LDIF),
        ("# comment\n\ndn:: YQ==\n", TextForm.LDIF),
        ('{"data": [{"Properties": {}}], "meta": {"type": "users"}}', TextForm.SHARPHOUND),
        ('{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users", "value": []}', TextForm.GRAPH),
        ('[{"id": 1}]', TextForm.JSON_RECORDS),
        ("a;b;c\n1;2;3\n4;5;6\n", TextForm.DELIMITED),
        ('a,b\n"x, y",2\n"z, w",3\n', TextForm.DELIMITED),
        ("1 2\n3 4\n5 6\n", TextForm.PAIRS),
        ('DN,objectClass,sAMAccountName\n"CN=a,DC=b",user,a\n', TextForm.LDIF),
        ("Dear all,\nthis is a letter, with commas, and no table.\nBye\n", TextForm.UNKNOWN),
        ("", TextForm.UNKNOWN),
    ],
)
def test_the_beginning_of_a_file_says_what_it_is(head: str, form: TextForm) -> None:
    assert guess_form(head).form is form


@pytest.mark.parametrize(
    ("value", "form", "collection"),
    [
        ({"meta": {"type": "groups"}, "data": []}, TextForm.SHARPHOUND, "groups"),
        ({"@odata.context": "x/$metadata#users/$entity", "id": "1"}, TextForm.GRAPH, "users"),
        ({"value": [{"userPrincipalName": "a"}]}, TextForm.GRAPH, "users"),
        ({"Report_Entry": [{"a": 1}]}, TextForm.JSON_RECORDS, "Report_Entry"),
        ([{"a": 1}], TextForm.JSON_RECORDS, None),
        ([{"Id": "1", "UserPrincipalName": "a@x.test"}], TextForm.GRAPH, "users"),
        ({"a": 1}, TextForm.UNKNOWN, None),
        ([], TextForm.UNKNOWN, None),
    ],
)
def test_parsed_json_says_what_it_is(value: Any, form: TextForm, collection: str | None) -> None:
    guess = guess_json(value)
    assert (guess.form, guess.collection) == (form, collection)


def test_columns_that_others_make_superfluous_are_dropped() -> None:
    rows = table("a | b | c\n" + "\n".join(f"{n // 4} | {n % 4} | {n % 2}" for n in range(16)))
    assert identifying_columns(rows, ["a", "b", "c"]) == ("a", "b")


@pytest.mark.parametrize("name", sorted(MAPPINGS))
def test_columns_of_data_from_elsewhere_are_understood(name: str, outside_data: Path) -> None:
    expected = MAPPINGS[name]
    look = inspect_table(name, read(outside_data / name))
    found = {m.field: list(m.columns) for m in look.guess.meanings}
    fields = {f: [c] if isinstance(c, str) else c for f, c in expected.get("fields", {}).items()}
    assert look.guess.kind == expected["kind"]
    assert {f: found.get(f) for f in fields} == fields
    for key in ("names", "manager_by"):
        assert expected.get(key) in {None, getattr(look, key)}
    for status, words in expected.get("statuses", {}).items():
        assert look.status is not None
        assert [w.word for w in getattr(look.status, status)] == words
    forms = {c.name: c.dates.format for c in look.columns if c.dates}
    assert {c: forms[c] for c in expected.get("dates", {})} == expected.get("dates", {})
    assert set(expected.get("never", ())) <= set(look.left_out)
    assert look.guess.decision == expected.get("decision")
