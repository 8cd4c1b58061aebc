"""The battery of safety about plan and apply, through the command line, on a system that can be written to and that fails."""

import json
import os
import sqlite3
from collections import Counter

import pytest

from tests.support.command import access_review, in_own_process
from tests.support.example import REPOSITORY
from tests.support.fake_system import FakeOnDisk
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

AUDIT, PLAN, SIGN, APPLY = (
    "2026-11-02T06:00:00Z",
    "2026-11-02T06:05:00Z",
    "2026-11-02T06:10:00Z",
    "2026-11-02T06:20:00Z",
)
EXPIRED = "2026-11-03T06:05:00Z"
STAFF = 120
EXCESS = range(11, 111)

APP = """\
connector: faulty
match:
  - {on: [employee_id, person]}
"""
# Whoever asks, approves and applies has no access here, so that who is whose does not matter.
POLICY = """\
engine: {threads: 1}
apply: {attempts: 1, canary: 0, per_minute: 100000}
limits:
  disable: {percent: 5, floor: 10}
  remove: {percent: 100, floor: 200}
  group: {percent: 100, members: 200}
  batch: 200
"""
PACKAGE = {
    "METADATA": "Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n",
    "entry_points.txt": "[access_review.connectors]\nfaulty = tests.faults.connector:connect\n",
}


def key(number, role):
    return f"app:user:u{number:05}|app:role:{role}||assigned"


class Faulty(Company):
    """The company, with an application in which 100 people hold what no role of theirs allows, and three administer."""

    def __init__(self, folder, excess=EXCESS, policy=POLICY):
        super().__init__(folder)
        (folder / "sources/ledger.yaml").unlink()
        (folder / "sources/app.yaml").write_text(APP)
        (folder / "roles/policy.yaml").write_text(policy)
        (folder / "roles/templates/clerk.yaml").write_text(
            "role: clerk\nwho: {department: Finance}\nmay: [app:role:View]\n"
        )
        people = "".join(f"{number:05},Person {number},Active,,Finance\n" for number in range(1, STAFF + 1))
        (folder / "sources/people.csv").write_text("id,name,status,last_day,department\n" + people)
        held = [key(n, "View") for n in range(11, STAFF + 1)] + [key(n, "Other") for n in excess]
        FakeOnDisk.create(folder / "sources/system.json", held + [key(n, "Admins") for n in (112, 113, 114)])
        package = folder / "packages/faulty-1.0.dist-info"
        package.mkdir(parents=True)
        for name, text in PACKAGE.items():
            (package / name).write_text(text)

    def run(self, *words, at, file_size=None):
        packages = self.folder / "packages"
        if file_size is None:
            return access_review(self.folder, "--as-of", at, *words, path=[packages])
        path = os.pathsep.join([str(REPOSITORY), str(packages)])
        limited = {"PYTHONPATH": path, "FILE_SIZE": str(file_size)}
        return in_own_process(self.folder, "--as-of", at, *words, module="tests.faults", environment=limited)

    def approved(self, numbers, name="plan"):
        """Plan what these people hold too much, ask and approve."""
        of = () if name == "plan" else ("--of", name)
        named = () if name == "plan" else ("--name", name)
        for said in (
            self.run("plan", "--requested-by", "00007", *named, *(f"--person={n:05}" for n in numbers), at=PLAN),
            self.sign(7, "--request", *of, at=SIGN),
            self.sign(8, *of, at=SIGN),
        ):
            assert said.code == 0, said.err

    def apply(self, *words, at=APPLY, **options):
        return self.run("--json", "apply", "--by", "00007", *words, at=at, **options)

    def fail(self, **faults):
        (self.folder / "sources/faults.json").write_text(json.dumps(faults))

    @property
    def system(self):
        return json.loads((self.folder / "sources/system.json").read_text())

    @property
    def calls(self):
        return Counter(what for what, _ in self.system["log"])

    def journal(self, name="plan"):
        (path,) = self.folder.glob(f"runs/*/{name}/journal.sqlite")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as outside:
            found = outside.execute("SELECT change, state FROM rows WHERE change <> '' ORDER BY seq").fetchall()
        outside.close()
        return found


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    company = Faulty(tmp_path_factory.mktemp("faulty") / "company")
    result = company.run("audit", at=AUDIT)
    assert result.code == 0, result.err
    return company


@pytest.fixture(scope="module")
def approved(audited, tmp_path_factory):
    company = audited.copy(tmp_path_factory.mktemp("approved") / "company")
    company.approved(EXCESS)
    return company


@pytest.fixture
def company(approved, tmp_path):
    return approved.copy(tmp_path / "company")


def test_a_batch_takes_away_exactly_what_was_approved_once(company):
    before = set(company.system["there"])
    done = company.apply()
    assert done.code == 0, done.err
    assert Counter(done.json["states"].values()) == {"pending": 100}
    assert before - set(company.system["there"]) == {key(n, "Other") for n in EXCESS}
    assert company.apply().json["calls"] == 0
    assert company.calls == {"revoke called": 100, "revoke": 100}


def _source(folder):
    with (folder / "sources/app.yaml").open("a") as file:
        file.write("# edited\n")


def _template(folder):
    path = folder / "roles/templates/clerk.yaml"
    path.write_text(path.read_text().replace("View]", "View, app:role:Other]"))


def _byte(at):
    def flip(folder):
        (path,) = folder.glob("runs/*/plan/plan.json")
        data = bytearray(path.read_bytes())
        data[int(len(data) * at)] ^= 1
        path.write_bytes(bytes(data))

    return flip


@pytest.mark.parametrize(
    ("edit", "at", "said"),
    [
        (lambda _: None, EXPIRED, "the plan expired"),
        (_source, APPLY, "have changed since the plan"),
        (_template, APPLY, "have changed since the plan"),
        (_byte(0.01), APPLY, "not as it was sealed"),
        (_byte(0.5), APPLY, "not as it was sealed"),
        (_byte(0.999), APPLY, "not as it was sealed"),
    ],
    ids=["expired", "source", "template", "first byte", "middle byte", "last byte"],
)
def test_what_is_not_as_it_was_approved_is_refused_and_nothing_is_called(company, edit, at, said):
    edit(company.folder)
    done = company.apply(at=at)
    assert done.code == 4
    assert said in done.err
    assert company.calls == {}


def test_a_storm_at_action_40_of_100_stops_the_batch_and_it_is_resumed(company):
    company.fail(calls=dict.fromkeys(range(40, 200), "throttled"))
    done = company.apply()
    assert done.code == 4
    assert Counter(done.json["states"].values()) == {"pending": 39, "deferred": 5, "planned": 56}
    company.fail()
    again = company.apply()
    assert again.code == 0, again.err
    assert Counter(again.json["states"].values()) == {"pending": 100}
    assert company.calls == {"revoke called": 105, "revoke": 100}


def test_a_disk_that_fills_up_stops_the_batch_before_the_next_call(company):
    done = company.apply(file_size=48 * 1024)
    assert done.code == 4, done.err
    assert "nothing is called without it" in done.out
    made = company.calls["revoke called"]
    assert 0 < made < 100
    assert made <= sum(state == "calling" for _, state in company.journal())
    again = company.apply()
    assert again.code == 0, again.err
    assert Counter(again.json["states"].values()) == {"pending": 100}
    assert company.calls == {"revoke called": 100, "revoke": 100}, "nothing twice"


def test_a_disk_that_is_full_from_the_start_lets_nothing_be_called(company):
    done = company.apply(file_size=4096)
    assert done.code != 0
    assert "journal.sqlite" in done.err + done.out
    assert "Traceback" not in done.err
    assert company.calls == {}


def test_a_flapping_replica_keeps_a_change_pending(company):
    assert company.apply().code == 0
    company.fail(looks={"1": "stale"})
    flapped = company.run("--json", "verify", at="2026-11-02T06:40:00Z").json["changes"]
    assert Counter(one["state"] for one in flapped) == {"contradicted": 1, "revoked": 99}
    company.fail()
    states = [
        Counter(one["state"] for one in company.run("--json", "verify", at=f"2026-11-02T{at}:00Z").json["changes"])
        for at in ("06:45", "06:55", "07:01")
    ]
    assert states == [{"pending": 1, "revoked": 99}, {"pending": 1, "revoked": 99}, {"revoked": 100}]


# Two batches of one run

TWO = POLICY.replace("group: {percent: 100, members: 200}", "group: {percent: 50, members: 3}")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    company = Faulty(tmp_path_factory.mktemp("small") / "company", excess=range(11, 19), policy=TWO)
    assert company.run("audit", at=AUDIT).code == 0
    return company


def test_a_batch_within_its_share_that_empties_a_group_is_stopped(small):
    result = small.run("plan", "--requested-by", "00007", "--rule", "access-beyond-role", at=PLAN)
    assert result.code == 4
    assert "Other" in result.err


def test_two_batches_together_do_not_take_what_one_may_not(small, tmp_path):
    company = small.copy(tmp_path / "company")
    for name, numbers in (("first", (11, 12, 13)), ("second", (14, 15))):
        company.approved(numbers, name)
    assert company.apply("--of", "first").code == 0
    second = company.apply("--of", "second")
    assert second.code == 4
    assert "with what other batches have taken" in second.out
    assert company.calls == {"revoke called": 3, "revoke": 3}


def test_the_last_holders_are_protected_over_two_batches(small, tmp_path):
    company = small.copy(tmp_path / "company")
    for name, number in (("first", 112), ("second", 113)):
        company.approved([number], name)
    first = company.apply("--of", "first")
    assert (first.code, set(first.json["states"].values())) == (0, {"pending"})
    second = company.apply("--of", "second")
    assert (second.code, set(second.json["states"].values())) == (4, {"refused"})
    assert key(113, "Admins") in company.system["there"]
    assert company.calls == {"revoke called": 1, "revoke": 1}
