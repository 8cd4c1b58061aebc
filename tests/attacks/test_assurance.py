"""Who signed with a key of their own is told apart from whose name was typed, whatever a file says of it."""

import pytest

from tests.support.workspaces import Company

pytestmark = pytest.mark.slow
MONDAY, LATER = "2026-10-26T06:00:00Z", "2026-10-26T09:00:00Z"


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    company = Company(tmp_path_factory.mktemp("assured") / "company")
    company.besides = [(12, "Payments")]
    company.write()
    assert company.run("audit", at=MONDAY).code == 0
    return company


def with_key(company, person, by=None):
    return ("--by", f"{by or person:05}", "--key", str(company.folder / f"key{person}"))


def how(company):
    (one,) = company.run("--json", "waive", "list", at=LATER).json["waivers"]
    return one["approved_as"]


def test_a_waiver_says_whether_its_approver_signed_it_as_it_now_is(company, tmp_path):
    company = company.copy(tmp_path / "company")
    plan = company.run("--json", "plan", "--requested-by", "00007", at="2026-10-26T06:05:00Z").json
    (finding,) = plan["changes"][0]["because"]
    more = ("--reason", "needed", "--ticket", "T-1", "--until", "2026-12-31", "--by", "00007")
    asked = company.run("--json", "waive", "ask", finding[:12], *more, at=LATER)
    assert asked.code == 0, asked.err
    name = asked.json["waiver"]
    log = company.folder / "roles/waivers.yaml"
    assert "asked_as: claimed" in log.read_text()
    before = log.read_text()
    refused = company.run("waive", "approve", name, *with_key(company, 9, by=8), at=LATER)
    assert (refused.code, log.read_text()) == (4, before), "with another's key nothing is written"
    done = company.run("waive", "approve", name, *with_key(company, 8), at=LATER)
    assert (done.code, "(authenticated)" in done.out) == (0, True), done.err
    assert how(company) == "authenticated"
    signed = log.read_text()
    log.write_text(signed.replace("2026-12-31", "2027-01-31"))
    assert how(company) == "claimed", "it was edited after it was signed"
    log.write_text(signed.replace("00008", "00009"))
    assert how(company) == "claimed", "another's name"
    log.write_text(before)
    assert company.run("waive", "approve", name, "--by", "00008", at=LATER).code == 0
    assert "approved_as: claimed" in log.read_text()
    log.write_text(before + "    approver: hr:person:00009\n    approved_as: authenticated\n")
    assert how(company) == "claimed", "a file that merely says so"
    log.write_text(before + "    approver: hr:person:00009\n    approved_as: certain\n")
    assert company.run("waive", "list", at=LATER).code == 2


def test_whoever_asks_for_a_waiver_may_sign_it_and_is_claimed_otherwise(company, tmp_path):
    company = company.copy(tmp_path / "company")
    (change,) = company.run("--json", "plan", "--requested-by", "00007", at="2026-10-26T06:05:00Z").json["changes"]
    more = ("--reason", "needed", "--ticket", "T-1", "--until", "2026-12-31")
    ask = ("waive", "ask", change["because"][0][:12], *more)
    refused = company.run(*ask, *with_key(company, 9, by=7), at=LATER)
    assert (refused.code, (company.folder / "roles/waivers.yaml").exists()) == (4, False), refused.out
    asked = company.run("--json", *ask, *with_key(company, 7), at=LATER)
    assert (asked.code, asked.json["assurance"]) == (0, "authenticated"), asked.err
    name = asked.json["waiver"]
    assert who_asked(company) == "authenticated"
    assert company.run("waive", "approve", name, *with_key(company, 8), at=LATER).code == 0
    assert (who_asked(company), how(company)) == ("authenticated", "authenticated"), "both signed the same words"
    later = ("waive", "renew", name, "--until", "2027-01-31", "--ticket", "T-2")
    assert company.run(*later, "--by", "00009", at=LATER).code == 0
    assert (who_asked(company), how(company)) == ("claimed", None)
    log = company.folder / "roles/waivers.yaml"
    log.write_text(log.read_text().replace("asked_as: claimed", "asked_as: authenticated"))
    assert who_asked(company) == "claimed", "a file that merely says so"
    assert company.run(*later, *with_key(company, 9), at=LATER).code == 0
    assert who_asked(company) == "authenticated"


def who_asked(company):
    (one,) = company.run("--json", "waive", "list", at=LATER).json["waivers"]
    return one["asked_as"]


def test_a_sign_off_says_whether_it_was_signed(company, tmp_path):
    for words, said in ((("--by", "00008"), "claimed"), (None, "authenticated")):
        own = company.copy(tmp_path / said)
        assert own.run("remind", at="2026-11-20T06:00:00Z").code == 0
        refused = own.run("sign-off", "--yes", *with_key(own, 9, by=8), at="2026-11-20T06:10:00Z")
        assert refused.code == 4, refused.out
        done = own.run("--json", "sign-off", "--yes", *(words or with_key(own, 8)), at="2026-11-20T06:20:00Z")
        assert (done.code, done.json["signed_off_as"]) == (0, said), done.err
        path = next(own.folder.glob("runs/2*/sample/audit.json"), None) or next(own.folder.glob("runs/2*/audit.json"))
        path.write_text(path.read_text().replace('"claimed"', '"authenticated"'))
        if said == "claimed":
            edited = own.run("remind", at="2026-11-20T06:25:00Z")
            assert (edited.code, "audit.json" in edited.err) == (1, True), "the logbook knows it otherwise"
            (own.folder / "runs/logbook.jsonl").unlink()
        shown = own.run("remind", at="2026-11-20T06:30:00Z")
        assert f"({said})" in shown.out, (shown.out, shown.err)
        if said == "claimed":
            continue
        kinds = [line["details"].get("kind") for line in own.run("--json", "logbook", at=LATER).json["lines"]]
        assert ("sign-off" in kinds) == (said == "authenticated")
        assert own.run("logbook", "--check", at=LATER).code == 0
