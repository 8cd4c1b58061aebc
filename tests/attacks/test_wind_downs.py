"""A declared wind-down takes more than a day's share, from those whom it is about, and from as many as two people signed."""

import json
import shutil

import pytest
import rfc8785

from tests.support.faulty_company import STAFF, Faulty

pytestmark = pytest.mark.slow
MONDAY = "2026-11-02T06:{:02}:00Z"
POLICY = """\
engine: {threads: 1}
apply: {attempts: 1, canary: 0, per_minute: 100000}
"""
FILE = """\
client: Harbor Bank
expected: 60
since: 2026-11-02
until: 2026-11-20
reason: the contract ends with October
"""
HARBOR, ADMINISTRATOR, OF_ANOTHER = range(11, 71), 112, 100


class Ending(Faulty):
    """The company, of which a client ends: 60 people and one administrator of it have left, and one person of another client."""

    def __init__(self, folder):
        super().__init__(folder, excess=(), policy=POLICY, disables=True)
        hr = folder / "sources/hr.yaml"
        hr.write_text(hr.read_text().replace("department: department", "department: department, client: client"))
        gone = {*HARBOR, ADMINISTRATOR, OF_ANOTHER}
        lines = ["id,name,status,last_day,department,client"]
        for n in range(1, STAFF + 1):
            client = "Harbor Bank" if n in HARBOR or n == ADMINISTRATOR else "Meridian"
            lines.append(f"{n:05},Person {n},{'Terminated,2026-10-31' if n in gone else 'Active,'},Finance,{client}")
        (folder / "sources/people.csv").write_text("\n".join(lines) + "\n")
        self.declare(FILE)

    def declare(self, text, name="harbor-ends"):
        path = self.folder / f"roles/wind-downs/{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def at(self, minute, *words):
        return self.run(*words, at=MONDAY.format(minute))

    def sign_it(self, person, minute=2):
        return self.sign(person, "--wind-down", "harbor-ends", at=MONDAY.format(minute))

    def plan(self, minute, *words, name="plan"):
        more = ("--wind-down", "harbor-ends", "--requested-by", "00007", "--name", name)
        return self.at(minute, "--json", "plan", *more, *words)

    def plan_sign_in(self, minute, *words):
        return self.plan(minute, "--rule", "leaver-active", *words)

    def carry_out(self, minute, name="plan"):
        for person, more in ((7, ("--request",)), (8, ())):
            done = self.sign(person, *more, "--of", name, at=MONDAY.format(minute))
            assert done.code == 0, done.err
        return self.apply("--of", name, at=MONDAY.format(minute + 1))

    @property
    def ended(self):
        there = self.system["there"]
        return {n for n in range(11, STAFF + 1) if f"app:user:u{n:05}|||" not in there}


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    company = Ending(tmp_path_factory.mktemp("ending") / "company")
    assert company.at(0, "collect").code == 0
    assert company.at(0, "review").code == 0
    return company


@pytest.fixture(scope="module")
def signed(declared, tmp_path_factory):
    company = declared.copy(tmp_path_factory.mktemp("signed") / "company")
    for person in (8, 9):
        shown = company.sign_it(person)
        assert (shown.code, "60 people may lose access by it" in shown.out) == (0, True), shown.err
    return company


@pytest.fixture
def company(signed, tmp_path):
    return signed.copy(tmp_path / "company")


def test_two_sign_it_and_then_all_of_them_go_at_once_and_nobody_else(declared, tmp_path):
    company = declared.copy(tmp_path / "company")
    refused = company.at(1, "plan", "--requested-by", "00007")
    assert (refused.code, "goes beyond its limits" in refused.err) == (4, True)
    for person, count in ((8, "0 of 2"), (9, "1 of 2")):
        refused = company.plan(1)
        assert (refused.code, f"{count} people have signed the wind-down" in refused.err) == (4, True), refused.err
        assert company.sign_it(person, 1).code == 0
    made = company.plan(3)
    assert made.code == 0, made.err
    assert len(made.json["changes"]) == 6 * len(HARBOR), "sign-in, and five roles, of which each loses more than half"
    (left,) = [one["reason"] for one in made.json["to_person"] if "wind-down" in one["reason"]]
    assert "Person 112 holds Admins, which is privileged" in left
    shown = company.sign(7, "--request", at=MONDAY.format(3))
    assert "Under the wind-down harbor-ends, in place of the limits: 60 of 60 people" in shown.out
    done = company.carry_out(4)
    assert (done.code, company.ended) == (0, {*HARBOR}), done.err
    assert company.at(7, "collect").code == 0, "a source that holds less because of it is believed, and it is said"
    told = company.at(7, "review")
    assert (told.code, "60 accounts and 300 grants fewer than before, which batches" in told.out) == (0, True), told.out
    another = company.at(8, "--json", "plan", "--requested-by", "00007", "--person", "00100")
    assert another.code == 0, "what a wind-down took blocks no other leaver: " + another.err


def test_more_people_than_were_declared_are_too_many_also_over_several_batches(company):
    company.declare(FILE.replace("60", "20"))
    for person in (8, 9):
        assert company.sign_it(person, 3).code == 0
    for words in (("collect",), ("review",)):
        assert company.at(3, *words).code == 0
    refused = company.plan_sign_in(4)
    assert (refused.code, "60 people would lose access by it, and 20 were declared" in refused.err) == (4, True)
    first = [f"--person={n:05}" for n in range(11, 29)]
    assert company.plan_sign_in(4, *first).code == 0
    assert company.carry_out(5).code == 0
    for words in (("collect",), ("review",)):
        assert company.at(7, *words).code == 0
    refused = company.plan_sign_in(8, *(f"--person={n:05}" for n in range(29, 33)))
    assert (refused.code, "4 people and 18 before would lose" in refused.err) == (4, True), refused.err
    assert company.plan_sign_in(8, "--person=00029", "--person=00030").code == 0
    assert company.ended == {*range(11, 29)}


def test_a_source_that_lost_more_than_a_batch_took_is_not_believed(company):
    assert company.plan(3).code == 0
    assert company.carry_out(4).code == 0
    path = company.folder / "sources/system.json"
    system = json.loads(path.read_text())
    lost = [one for one in system["there"] if one.startswith(tuple(f"app:user:u{n:05}|" for n in range(71, 80)))]
    system["there"] = {one: at for one, at in system["there"].items() if one not in lost}
    path.write_text(json.dumps(system))
    less = company.at(7, "collect")
    assert (less.code, "shrunk: 41 where 50 were" in less.out + less.err) == (1, True), less


def test_a_journal_that_merely_lies_there_explains_nothing(company, tmp_path):
    after = company.copy(tmp_path / "after")
    assert after.plan(3).code == 0
    assert after.carry_out(4).code == 0
    (made,) = after.folder.glob("runs/2*/plan")
    shutil.copytree(made, company.folder / "runs" / made.parent.name / "plan")
    shutil.copy(after.folder / "sources/system.json", company.folder / "sources")
    less = company.at(7, "collect")
    assert (less.code, "accounts shrunk: 50 where 110 were" in less.out + less.err) == (1, True), less


@pytest.mark.parametrize("other", ["client: Harbor Bank", "who: {department: Finance}"])
def test_a_second_file_for_the_same_client_does_not_begin_anew(company, other):
    company.declare(FILE.replace("60", "20"))
    company.declare(FILE.replace("60", "20").replace("client: Harbor Bank", other), name="harbor-again")
    for person in (8, 9):
        for name in ("harbor-ends", "harbor-again"):
            assert company.sign(person, "--wind-down", name, at=MONDAY.format(3)).code == 0
    for words in (("collect",), ("review",)):
        assert company.at(3, *words).code == 0
    assert company.plan_sign_in(4, *(f"--person={n:05}" for n in range(11, 29))).code == 0
    assert company.carry_out(5).code == 0
    for words in (("collect",), ("review",)):
        assert company.at(7, *words).code == 0
    again = ("plan", "--wind-down", "harbor-again", "--rule", "leaver-active", "--requested-by", "00007")
    refused = company.at(8, *again, *(f"--person={n:05}" for n in range(29, 33)))
    assert (refused.code, "4 people and 18 before would lose" in refused.err) == (4, True), refused.err


def test_edited_after_it_was_signed_it_counts_for_nothing(company):
    assert company.plan_sign_in(3).code == 0
    company.declare(FILE.replace("60", "61"))
    for person, more in ((7, ("--request",)), (8, ())):
        refused = company.sign(person, *more, at=MONDAY.format(4))
        assert (refused.code, "have changed since the plan was made" in refused.err) == (4, True)
    for words in (("collect",), ("review",)):
        assert company.at(5, *words).code == 0
    refused = company.plan_sign_in(6)
    assert (refused.code, "0 of 2 people have signed the wind-down" in refused.err) == (4, True), refused.err


def test_a_signature_taken_back_ends_it_also_for_a_plan_that_is_approved(company):
    assert company.plan_sign_in(3).code == 0
    for person, more in ((7, ("--request",)), (8, ())):
        assert company.sign(person, *more, at=MONDAY.format(4)).code == 0
    words = ("withdraw", "--wind-down", "harbor-ends", "--by", "00009", "--key", str(company.folder / "key9"))
    assert company.at(5, *words, "--comment", "wrong client").code == 0
    for path in (company.folder / "roles/approvals").glob("withdrawal-*.json"):
        path.unlink()
    refused = company.apply()
    assert (refused.code, "1 of 2 people have signed the wind-down" in refused.err) == (4, True), refused.err
    assert company.calls == {}


def test_before_it_begins_and_after_it_is_over_nothing_is_planned_or_carried_out(company):
    assert company.plan_sign_in(3).code == 0
    for person, more in ((7, ("--request",)), (8, ())):
        assert company.sign(person, *more, at=MONDAY.format(4)).code == 0
    over = company.apply(at="2026-11-21T00:00:01Z")
    assert over.code == 4
    for day in ("2026-11-01", "2026-11-21"):
        run = ("--run", day.replace("-", ""))
        for words in (("collect",), (*run, "review")):
            assert company.run(*words, at=f"{day}T07:00:00Z").code == 0
        asked = ("plan", "--wind-down", "harbor-ends", "--requested-by", "00007")
        refused = company.run(*run, *asked, at=f"{day}T07:10:00Z")
        assert (refused.code, "lasts from 2026-11-02 to 2026-11-20" in refused.err) == (4, True), refused.err
    assert company.calls == {}


def test_people_of_another_client_are_not_taken_by_name_nor_by_an_edited_plan(company):
    made = company.plan_sign_in(3, "--person=00100")
    assert (made.code, made.json["changes"]) == (0, [])
    assert "Person 100 is not of Harbor Bank alone" in json.dumps(made.json["to_person"])
    assert company.plan(4, "--rule", "leaver-active", name="beside").code == 0
    (path,) = company.folder.glob("runs/*/beside/plan.json")
    plan = json.loads(path.read_text())
    one = json.loads(json.dumps(plan["changes"][0]).replace("00011", "00100"))
    plan["changes"][0] = one
    path.write_bytes(rfc8785.dumps(plan) + b"\n")
    refused = company.sign(7, "--request", "--of", "beside", at=MONDAY.format(5))
    assert refused.code in {1, 4}
    assert company.calls == {}


def test_somebody_who_moves_to_another_client_before_it_goes_out_is_left_alone(company):
    assert company.plan_sign_in(3).code == 0
    people = company.folder / "sources/people.csv"
    text = people.read_text()
    people.write_text(text + "00011,Person 11,Active,,Finance,Meridian\n")
    done = company.carry_out(4)
    assert 11 not in company.ended, done.out
    assert company.calls["revoke"] <= len(HARBOR) - 1


def test_what_is_no_wind_down_is_a_mistake_with_its_place(company):
    for old, new, said in (
        ("client: Harbor Bank", "client: 7", "client: must be text"),
        ("client: Harbor Bank", "client: ''", "either client, or who"),
        ("client: Harbor Bank", "client: X\nwho: {site: Cebu}", "either client, or who"),
        ("client: Harbor Bank", "who: {site: []}", "each attribute has the values"),
        ("client: Harbor Bank", "who: {site: 7}", "site: must be a list"),
        ("expected: 60", "expected: 0", "expected: must be at least 1"),
        ("expected: 60", "expected: many", "expected: must be a whole number"),
        ("expected: 60", "expected: true", "expected: must be a whole number"),
        ("expected: 60\n", "", "expected: is missing"),
        ("until: 2026-11-20", "until: 2026-11-01", "until: between since and"),
        ("until: 2026-11-20", "until: 2027-11-20", "until: between since and"),
        ("until: 2026-11-20", "until: soon", "until"),
        ("reason: the", "why: the", "why: is not known here"),
    ):
        company.declare(FILE.replace(old, new))
        found = company.at(9, "check")
        assert (found.code, "roles/wind-downs/harbor-ends.yaml" in found.err) == (2, True), (new, found.err)
        assert said in found.err, found.err
    company.declare(FILE)
    shown = company.at(9, "check")
    assert "Harbor Bank, 60 people from 2026-11-02 to 2026-11-20; 61 in the rosters are of it alone" in shown.out
    company.declare(FILE, name="Harbor ends")
    assert "cannot be the name of a wind-down" in company.at(9, "check").err


def test_it_is_not_mixed_with_what_sets_other_bounds(company):
    for words in (
        ("--raise", "app.disable=100", "--reason", "x"),
        ("--ahead",),
        ("--reviewed",),
        ("--client", "Meridian"),
    ):
        assert company.plan_sign_in(3, *words).code == 2
    unknown = company.at(3, "plan", "--wind-down", "nobody", "--requested-by", "00007")
    assert (unknown.code, "there is: harbor-ends" in unknown.err) == (2, True)
