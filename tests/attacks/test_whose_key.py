"""Whose key says what: the unattended job's own, which may nothing else, and whoever asked where another is to carry out."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.support.faulty_company import APPLY, AUDIT, PLAN, POLICY, SIGN, Faulty

pytestmark = pytest.mark.slow
STANDING = 'standing: {daily: 5, until: 2026-12-31, tell: ["00007"]}\n'


def enrol_job(company, more=""):
    """Make a key of the job and enrol it."""
    key = Ed25519PrivateKey.generate()
    (company.folder / "job").touch(mode=0o600)
    (company.folder / "job").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    approvers = company.folder / "roles/approvers.yaml"
    entry = f'  - {{job: standing, key: "{public}", enrolled: made on the machine of the job{more}}}\n'
    approvers.write_text(approvers.read_text() + entry)


def leaves(company, number, day):
    people = company.folder / "sources/people.csv"
    people.write_text(people.read_text().replace(f"Person {number},Active,,", f"Person {number},Terminated,{day},"))


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """Return a company with a key of the job, a standing approval that two signed, and a leaver."""
    company = Faulty(tmp_path_factory.mktemp("keys") / "company", excess=(), policy=POLICY + STANDING, disables=True)
    enrol_job(company)
    assert company.run("audit", at=AUDIT).code == 0
    for person in (8, 9):
        assert company.sign(person, "--standing", at=PLAN).code == 0
    leaves(company, 50, "2026-11-01")
    return company


@pytest.fixture
def company(signed, tmp_path):
    return signed.copy(tmp_path / "company")


def unattended(company, key, at=APPLY):
    return company.run("--json", "apply", "--standing", *(("--key", str(company.folder / key)) if key else ()), at=at)


def test_an_unattended_run_is_signed_by_the_jobs_own_key_and_by_no_other(company):
    for key, said in (("", "none is named to sign with"), ("key7", "is not, or no longer, the key")):
        refused = unattended(company, key)
        assert (refused.code, said in refused.err) == (4, True), refused.err
    assert company.calls == {}
    assert any("nothing could be done" in notice for notice in company.notices())
    done = unattended(company, "job")
    assert (done.code, company.calls["revoke"]) == (0, 1), done.err
    (path,) = company.folder.glob("runs/*/standing/approvals/execution-*.json")
    said = json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))
    assert (said["kind"], said["person"], said["role"]) == ("execution", "job:standing", "job")


@pytest.mark.parametrize("words", [("--request",), (), ("--standing",)], ids=["request", "approval", "standing"])
def test_the_jobs_key_asks_and_approves_nothing(company, words):
    if "--standing" not in words:
        assert company.run("collect", at=PLAN).code == 0
        assert company.run("review", at=PLAN).code == 0
        assert company.run("plan", "--requested-by", "00008", at=PLAN).code == 0
    for by in ("00008", "job:standing", "standing"):
        refused = company.run("approve", "--by", by, "--key", str(company.folder / "job"), *words, at=SIGN)
        assert (refused.code, "Traceback" in refused.err) == (4, False), refused.out


def test_a_key_that_has_ended_or_that_others_may_open_is_none(company):
    (company.folder / "job").chmod(0o644)
    assert unattended(company, "job").code == 1
    (company.folder / "job").chmod(0o600)
    approvers = company.folder / "roles/approvers.yaml"
    approvers.write_text(approvers.read_text().replace("of the job}", "of the job, until: 2026-11-01}"))
    refused = unattended(company, "job")
    assert (refused.code, "is not, or no longer, the key" in refused.err) == (4, True)
    assert company.calls == {}


def test_a_key_of_both_or_of_nobody_and_a_job_that_may_more_are_mistakes(company):
    approvers = company.folder / "roles/approvers.yaml"
    text = approvers.read_text()
    for entry, said in (
        ('job: standing, person: "00007", ', "either person, or job: standing"),
        ("", "either person, or job: standing"),
        ("job: standing, may: [approve], ", "may nothing else"),
        ("job: nightly, ", "job"),
        ("job: 7, ", "job"),
    ):
        approvers.write_text(text.replace("job: standing, ", entry))
        found = company.run("check", at=AUDIT)
        assert (found.code, "roles/approvers.yaml:5" in found.err, said in found.err) == (2, True, True), found.err


def test_what_an_unattended_run_took_is_given_back_also_after_the_policy_and_its_signatures_changed(company):
    assert unattended(company, "job").code == 0
    (run,) = (path.parents[1].name for path in company.folder.glob("runs/*/standing/journal.sqlite"))
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text().replace("daily: 5", "daily: 4"))
    people = company.folder / "sources/people.csv"
    people.write_text(people.read_text().replace("Terminated,2026-11-01", "Active,"))
    for person in (8, 9):
        assert company.sign(person, "--standing", at="2026-11-02T06:30:00Z").code == 0, "over the new words"
        signer = ("--standing", "--by", f"{person:05}", "--key", str(company.folder / f"key{person}"))
        assert company.run("withdraw", *signer, "--comment", "no more", at="2026-11-02T06:31:00Z").code == 0
    undo = ("--run", run, "undo", "--requested-by", "00007", "--of", "standing")
    for words in (("collect",), ("review",), undo):
        done = company.run(*words, at="2026-11-02T06:40:00Z")
        assert done.code == 0, done.err
    for person, more in ((7, ("--request",)), (8, ())):
        assert company.sign(person, *more, "--of", "undo", at="2026-11-02T06:41:00Z").code == 0
    done = company.apply("--of", "undo", at="2026-11-02T06:42:00Z")
    assert (done.code, company.calls["restore"]) == (0, 1), done.err


def test_where_the_policy_says_so_whoever_asked_does_not_carry_it_out(tmp_path):
    company = Faulty(
        tmp_path / "company", excess=(11,), policy=POLICY.replace("{attempts", "{requester_applies: false, attempts")
    )
    assert company.run("audit", at=AUDIT).code == 0
    company.approved((11,))
    refused = company.apply()
    assert (refused.code, "whoever asks does not carry it out" in refused.err) == (4, True), refused.err
    assert company.calls == {}
    words = ("--json", "apply", "--by", "00009", "--key", str(company.folder / "key9"))
    done = company.run(*words, at=APPLY)
    assert (done.code, company.calls["revoke"]) == (0, 1), done.err


def test_an_unattended_run_that_nobody_signs_says_so(company):
    approvers = company.folder / "roles/approvers.yaml"
    approvers.write_text("".join(approvers.read_text().splitlines(keepends=True)[:-1]))
    done = unattended(company, "")
    assert (done.code, company.calls["revoke"], done.json["signed"]) == (0, 1, False), done.err
    assert any("Unsigned: roles/approvers.yaml enrols no key of the job" in notice for notice in company.notices())
