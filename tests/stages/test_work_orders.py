"""The batch through the command line, on the example, whose systems are recordings: all of it becomes work orders."""

import csv
import json
import os
import shutil
import sqlite3
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.support.command import access_review
from tests.support.example import copy_example
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

ASKS, SECOND = "hr:person:10031", "hr:person:10032"
AT = "2026-11-02T06:05:00Z"


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    folder = copy_example(tmp_path_factory.mktemp("workspace"))
    lines = ["approvers:"]
    for number, person in enumerate((ASKS, SECOND)):
        key = Ed25519PrivateKey.generate()
        (folder / f"key{number}").touch(mode=0o600)
        (folder / f"key{number}").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        (folder / f"key{number}").chmod(0o600)
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        lines.append(f'  - {{person: "{person}", key: "{public}", enrolled: in person}}')
    (folder / "roles/approvers.yaml").write_text("\n".join(lines) + "\n")
    with (folder / "roles/policy.yaml").open("a") as policy:
        policy.write("\napply: {canary: 0, per_minute: 100000}\n")
    assert access_review(folder, "--as-of", "2026-11-02T06:00:00Z", "--quiet", "audit").code in {0, 3}
    assert access_review(folder, "--as-of", AT, "plan", "--requested-by", ASKS).code == 0
    return folder


def run(folder, *words, at=AT):
    return access_review(folder, "--as-of", at, *words)


def test_a_batch_from_request_to_confirmation(planned):
    assert run(planned, "apply", "--by", ASKS, "--key", "key0").code == 4, "nobody has asked"
    assert run(planned, "approve", "--request", "--by", ASKS, "--key", "key0").code == 0
    assert run(planned, "approve", "--by", ASKS, "--key", "key0").code == 4, "not independent"
    assert run(planned, "approve", "--by", SECOND, "--key", "key0").code == 4, "not their key"
    assert run(planned, "apply", "--by", ASKS, "--key", "key0").code == 4, "nobody has approved"
    assert run(planned, "approve", "--by", SECOND, "--key", "key1").code == 0
    assert run(planned, "apply", "--by", ASKS, "--key", "key0", at="2026-11-03T06:06:00Z").code == 4, "expired"
    done = run(planned, "--json", "apply", "--by", ASKS, "--key", "key0")
    assert done.code == 0, done.err
    assert set(done.json["states"].values()) == {"ordered"}
    (orders,) = planned.glob("runs/*/plan/orders.csv")
    assert len(orders.read_text().splitlines()) == done.json["calls"] + 1
    with orders.open(newline="", encoding="utf-8-sig") as read:
        due = {row["Change"]: row["Due"] for row in csv.DictReader(read)}
    records = json.loads(orders.with_name("orders.json").read_text())["records"]
    assert {one["correlation_id"]: f"{one['due_date'][:-3]} UTC" for one in records} == due
    said = orders.with_name("orders.txt").read_text()
    assert all(f"by {at}" in said for at in due.values())
    assert due.keys() == done.json["states"].keys()
    assert run(planned, "--json", "apply", "--by", ASKS, "--key", "key0").json["calls"] == 0, (
        "applied twice equals once"
    )
    first = min(done.json["states"])
    verified = run(planned, "--json", "verify", "--confirm", first, "--by", ASKS, at="2026-11-02T09:00:00Z")
    states = {one["change"]: one["state"] for one in verified.json["changes"]}
    assert states[first] == "contradicted", "a person's word is not taken: the source still shows it"


def test_one_byte_of_the_plan_or_of_the_workspace_changed_is_refused(planned, tmp_path):
    copy = shutil.copytree(planned, tmp_path / "copy")
    for journal in copy.glob("runs/*/plan/journal.sqlite*"):
        journal.unlink()
    (path,) = copy.glob("runs/*/plan/plan.json")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"hr:person:10031", b"hr:person:10032", 1))
    assert run(copy, "apply", "--by", ASKS, "--key", "key0").code == 4
    path.write_bytes(whole)
    with (copy / "roles/policy.yaml").open("a") as policy:
        policy.write("# edited\n")
    assert run(copy, "apply", "--by", ASKS, "--key", "key0").code == 4
    assert not any(
        sqlite3.connect(j).execute("SELECT count(*) FROM rows").fetchone()[0]
        for j in copy.glob("runs/*/plan/journal.sqlite")
    )


EDITORS = range(11, 21)
GENEROUS = """\
engine: {threads: 1}
apply: {canary: 0, per_minute: 100000}
limits: {group: {percent: 100, members: 50}}
"""
LOOKS = ("2026-11-03T09:00:00Z", "2026-11-03T09:30:00Z")


@pytest.fixture(scope="module")
def editors(tmp_path_factory):
    """A list of 40 rows of which ten are ordered to go, a quarter."""
    return made_editors(tmp_path_factory.mktemp("editors") / "company", by_machine=False)


@pytest.fixture(scope="module")
def today(tmp_path_factory):
    """The same by the machine's clock, which dates files too."""
    return made_editors(tmp_path_factory.mktemp("today") / "company", by_machine=True)


def made_editors(folder, *, by_machine):
    company = Company(folder)
    company.by_machine = by_machine
    (company.folder / "roles/policy.yaml").write_text(GENEROUS)
    company.besides = [(number, "Editor") for number in EDITORS]
    company.write()
    assert company.run("audit", at="2026-11-02T06:00:00Z").code == 0
    assert company.run("plan", "--requested-by", "00007", at="2026-11-02T06:05:00Z").code == 0
    for person, more in ((7, ("--request",)), (9, ())):
        assert company.sign(person, *more, at="2026-11-02T06:10:00Z").code == 0
    return company


def ordered(company):
    done = company.run("--json", "apply", "--by", "00007", at="2026-11-02T06:15:00Z")
    assert (done.code, list(done.json["states"].values())) == (0, ["ordered"] * 10), done.out


def found(company):
    """Return the states after two looks that lie apart."""
    (plan,) = company.folder.glob("runs/*/plan/plan.json")
    for at in LOOKS:
        verified = company.run("--json", "--run", plan.parents[1].name, "verify", at=at)
    return [one["state"] for one in verified.json["changes"]]


def cut(company, keep):
    """Leave the first rows of the list, as an export that broke off at the end of a line."""
    path = company.folder / "sources/ledger.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[: keep + 1]))


@pytest.mark.parametrize("read_between", [False, True], ids=["", "after another audit that still shows it"])
def test_a_quarter_of_a_list_that_was_ordered_to_go_is_proven(editors, tmp_path, read_between):
    company = editors.copy(tmp_path / "company")
    ordered(company)
    if read_between:
        assert company.run("audit", at="2026-11-03T06:00:00Z").code == 0
    company.besides = []
    company.write()
    assert found(company) == ["revoked"] * 10


def test_a_list_that_was_cut_proves_nothing(editors, tmp_path):
    company = editors.copy(tmp_path / "company")
    ordered(company)
    cut(company, 20)
    assert found(company) == ["ordered"] * 10


def test_before_anything_is_ordered_a_list_that_was_cut_ends_nothing(editors, tmp_path):
    company = editors.copy(tmp_path / "company")
    cut(company, 20)
    done = company.run("--json", "apply", "--by", "00007", at="2026-11-02T06:15:00Z")
    assert done.code == 4
    assert set(done.json["states"].values()) <= {"deferred", "planned"}
    assert any("shrunk" in reason for reason in done.json["reasons"].values())
    company.write()
    ordered(company)


def write_at(company, at):
    """Write the list as it is exported at a moment."""
    company.write()
    moment = datetime.fromisoformat(at).timestamp()
    os.utime(company.folder / "sources/ledger.csv", (moment, moment))


def verified(company, at, *words):
    (plan,) = company.folder.glob("runs/*/plan/plan.json")
    return company.run("--run", plan.parents[1].name, *words, "verify", at=at)


def states(company, *looks):
    found = [verified(company, at, "--json").json["changes"] for at in looks]
    return [{one["state"] for one in changes} for changes in found]


def test_nobody_says_of_their_own_access_that_it_is_gone(editors, tmp_path):
    """Held against it by three lists, it would end the order as failed."""
    company = editors.copy(tmp_path / "company")
    ordered(company)
    (plan,) = company.folder.glob("runs/*/plan/plan.json")
    own = next(one["id"] for one in json.loads(plan.read_bytes())["changes"] if one["target"]["person"][-2:] == "11")
    words = ("--run", plan.parents[1].name, "verify", "--confirm", own, "--by")
    refused = company.run(*words, "00011", at=LOOKS[0])
    assert (refused.code, "is about the access of hr:person:00011" in refused.err) == (4, True), refused.err
    assert states(company, LOOKS[0]) == [{"ordered"}]
    assert company.run(*words, "00012", at=LOOKS[0]).code == 0


def test_an_export_that_is_read_twice_is_one_read(today, tmp_path):
    company = today.copy(tmp_path / "company")
    ordered(company)
    company.besides = []
    write_at(company, "2026-11-03T08:00:00Z")
    assert states(company, *LOOKS, "2026-11-09T09:00:00Z") == [{"pending"}] * 3
    said = verified(company, "2026-11-09T09:10:00Z").out
    assert "Too old to say anything of 10 changes: ledger, written 2026-11-03 08:00 UTC" in said
    write_at(company, "2026-11-09T09:20:00Z")
    assert states(company, "2026-11-09T09:30:00Z") == [{"revoked"}]


def test_a_list_from_before_the_order_neither_confirms_nor_fails_what_somebody_says_they_did(today, tmp_path):
    company = today.copy(tmp_path / "company")
    write_at(company, "2026-11-02T05:00:00Z")
    ordered(company)
    (plan,) = company.folder.glob("runs/*/plan/plan.json")
    changes = [one["id"] for one in json.loads(plan.read_bytes())["changes"]]
    words = [word for change in changes for word in ("--confirm", change)]
    said = company.run("--run", plan.parents[1].name, "verify", *words, "--by", "00007", at="2026-11-02T12:00:00Z")
    assert said.code == 0, said.err
    assert states(company, *LOOKS, "2026-11-04T09:00:00Z", "2026-11-05T09:00:00Z") == [{"pending"}] * 4
    write_at(company, "2026-11-06T05:00:00Z")
    assert (
        states(company, "2026-11-06T06:00:00Z", "2026-11-06T07:00:00Z", "2026-11-06T08:00:00Z")
        == [{"contradicted"}] * 3
    ), "one export contradicts once"


def test_where_another_time_is_asked_for_files_have_the_dates_of_none(editors, tmp_path):
    company = editors.copy(tmp_path / "company")
    ordered(company)
    company.besides = []
    write_at(company, "2026-01-01T00:00:00Z")
    assert states(company, *LOOKS) == [{"pending"}, {"revoked"}]


def test_files_have_the_date_of_no_time_to_come_that_is_asked_for(today, tmp_path):
    company = today.copy(tmp_path / "company")
    ordered(company)
    company.besides = []
    write_at(company, "2026-11-02T06:30:00Z")
    (plan,) = company.folder.glob("runs/*/plan/plan.json")
    for at in LOOKS:
        words = ("--as-of", at, "--json", "--run", plan.parents[1].name, "verify")
        done = access_review(company.folder, *words, at="2026-11-02T07:00:00Z")
    assert {one["state"] for one in done.json["changes"]} == {"revoked"}
