"""What people sign in the browser beside plans, at an address with a port: it counts for the command line, and both verifiers check it."""

import base64
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from access_review import runs
from access_review.revoke import approve, passkeys, sshsig, statements
from tests.evidence.verifiers import second_here
from tests.support.command import access_review
from tests.support.workspaces import Company
from tests.web.company import Browser, Served, policy
from tests.web.test_guards import HOSTILE, markup_in
from tests.web.test_passkey import Authenticator, b64, unb64

ADDRESS = "https://review.example.test:8443"
MONDAY, NOW = "2026-10-26T06:00:00Z", "2026-10-26T06:30:00Z"
ASKER, APPROVER, SECOND = "hr:person:00007", "hr:person:00008", "hr:person:00009"


@dataclass
class Signing:
    """A company served at a port, and the passkeys of three people."""

    company: Company
    served: Served
    passkeys: dict[str, Authenticator]

    def at(self, minute: int, *words: str) -> Any:
        return self.company.run(*words, at=f"2026-10-26T06:{minute:02}:00Z")

    def ask(self, person: str, place: str, form: dict[str, str] | None = None) -> tuple[Browser, str, str]:
        """Ask for something to sign; return the browser, where it is sent, and the challenge."""
        browser = self.served.signed_in(person)
        page = browser.post(place, form or {})
        assert page.status_code == 200, page.text
        found = re.search(r'action="([^"]+)" class="answer" data-passkey="get" data-challenge="([^"]+)"', page.text)
        assert found, page.text
        return browser, found[1], found[2]

    def sign(self, person: str, place: str, form: dict[str, str] | None = None, **lies: Any) -> Any:
        browser, sent, challenge = self.ask(person, place, form)
        return browser.post(sent, self.passkeys[person].sign(challenge, **{"origin": ADDRESS, **lies}))

    def finding(self, number: int) -> str:
        """Return the id of the finding about somebody's account."""
        found = json.loads(self.at(20, "--json", "explain", f"ledger:user:u{number}").out)
        return str(next(one["finding"] for one in _each(found) if "finding" in one))

    def roles(self) -> dict[str, bytes]:
        folder = self.company.folder
        return {str(path): path.read_bytes() for path in sorted((folder / "roles").rglob("*")) if path.is_file()}


def _each(value: Any) -> Any:
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from _each(one)
    elif isinstance(value, list):
        for one in value:
            yield from _each(one)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Signing:
    company = Company(tmp_path_factory.mktemp("signing") / "company")
    company.besides = [(12, "Payments"), (8, "Payments"), (13, "Payments"), (14, "Payments")]
    company.write()
    theirs = {who: Authenticator() for who in (ASKER, APPROVER, SECOND)}
    path = company.folder / "roles/approvers.yaml"
    lines = (f'  - {{person: "{who}", key: "{one.line}", enrolled: passkey}}\n' for who, one in theirs.items())
    path.write_text(path.read_text() + "".join(lines))
    roles = company.folder / "roles/policy.yaml"
    roles.write_text(roles.read_text() + policy(None, ADDRESS, source="ledger"))
    for words, at in (
        (("audit",), MONDAY),
        (("plan", "--requested-by", "00007", "--person", "00012"), "2026-10-26T06:05:00Z"),
    ):
        done = company.run(*words, at=at)
        assert done.code == 0, done.err
    assert company.sign(7, "--request", at="2026-10-26T06:10:00Z").code == 0
    served = Served(company.folder, runs.find(company.folder), at=NOW, source="ledger", address=ADDRESS)
    return Signing(company, served, theirs)


def test_an_approval_at_an_address_with_a_port_counts_and_is_taken_back(made):
    (place,) = re.findall(r'href="(/plans/[^"]+)"', made.served.signed_in(SECOND).get("/plans").text)
    assert made.sign(SECOND, place, {"reason": "seen"}).status_code == 303
    assert "You approved this plan" in made.served.signed_in(SECOND).get(place).text
    (mine,) = set(re.findall(r"/statements/[0-9a-f]{64}/withdraw", _of_plan(made, SECOND)))
    assert made.sign(SECOND, mine).status_code == 303
    refused = made.at(31, "apply", "--by", "00007")
    assert (refused.code, "0 of 1 approvals" in refused.err) == (4, True), refused.err


def _of_plan(made: Signing, person: str) -> str:
    page = made.served.signed_in(person).get("/statements").text
    return "".join(part for part in page.split("<form") if "<strong>approval</strong>" in part)


def test_a_standing_approval_signed_by_two_in_the_browser_counts_and_is_taken_back_there(made):
    before = made.roles()
    early = made.at(32, "apply", "--standing")
    assert "0 of 2 people" in early.err + early.out
    browser, sent, challenge = made.ask(APPROVER, "/statements/standing", {"reason": "as agreed"})
    signed = made.passkeys[APPROVER].sign(challenge, origin=ADDRESS)
    assert browser.post("/waivers/sign", signed).status_code == 409, "of another page"
    browser, sent, challenge = made.ask(APPROVER, "/statements/standing", {"reason": "as agreed"})
    signed = made.passkeys[APPROVER].sign(challenge, origin=ADDRESS)
    for form, code in (({}, 409), (signed, 409)):  # the first uses the challenge up
        assert browser.post(sent, form).status_code == code
    for lie in ("https://review.example.test", "https://review.example.test:8444", "https://evil.example.test:8443"):
        assert made.sign(APPROVER, "/statements/standing", origin=lie).status_code == 409
    assert made.served.signed_in("hr:person:00012").post("/statements/standing", {}).status_code == 403
    for person in (APPROVER, SECOND):
        done = made.sign(person, "/statements/standing", {"reason": "as agreed"})
        assert done.status_code == 303, done.text
    page = made.served.signed_in(APPROVER).get("/statements").text
    assert f"{APPROVER}, {SECOND}" in page
    assert "up to 2 changes in any 24 hours" in page
    counts = made.at(33, "apply", "--standing")
    assert "of 2 people" not in counts.err + counts.out, counts.err
    (mine,) = re.findall(r'action="(/statements/[0-9a-f]{64}/withdraw)"', page)
    assert made.served.signed_in(SECOND).post(mine, {}).status_code == 404, "another's"
    done = made.sign(APPROVER, mine, {"reason": "left the team"})
    assert done.status_code == 303, done.text
    over = made.at(34, "apply", "--standing")
    assert "1 of 2 people" in over.err + over.out, over.err
    assert made.served.signed_in(APPROVER).post(mine, {}).status_code == 404, "taken back once"
    assert made.roles() == before


def test_a_waiver_is_asked_for_and_granted_in_the_browser_and_carried_over_by_command(made):
    before, day = made.roles(), "2027-01-31"
    words = {"reason": " ".join(("covers for <b>Ana</b>", *HOSTILE)), "ticket": "CHG-1", "until": day}
    asked = {**words, "finding": made.finding(12)[:12]}
    for wrong in ({"until": "soon"}, {"finding": "abc"}, {"finding": "0" * 12}):
        assert made.served.signed_in(ASKER).post("/waivers", asked | wrong).status_code == 404
    for wrong in ({"until": "2029-01-31"}, {"reason": " "}, {"ticket": ""}):
        assert made.served.signed_in(ASKER).post("/waivers", asked | wrong).status_code == 409
    assert made.served.signed_in("hr:person:00020").post("/waivers", asked).status_code == 404, "not on their sheet"
    assert made.sign(ASKER, "/waivers", asked).status_code == 303
    assert made.served.signed_in(ASKER).post("/waivers", asked).status_code == 409, "about the same"
    name = re.findall(r'href="/waivers/(W-[\d-]+)"', made.served.signed_in(APPROVER).get("/waivers").text)[0]
    page = made.served.signed_in(APPROVER).get(f"/waivers/{name}").text
    assert "covers for &lt;b&gt;Ana" in page
    asking = made.served.signed_in(APPROVER).post(f"/waivers/{name}", {}).text
    for shown in (page, asking, made.served.signed_in(APPROVER).get("/waivers").text):
        assert markup_in(shown) == set()
        assert not re.search("[\u202e\x00\x0b\ufffe]", shown)
    assert made.served.signed_in("hr:person:00020").get(f"/waivers/{name}").status_code == 404
    assert "so another approves it" in made.served.signed_in(ASKER).get(f"/waivers/{name}").text
    assert made.served.signed_in(ASKER).post(f"/waivers/{name}", {}).status_code == 409
    waiting = json.loads(made.at(41, "--json", "waive", "merge").out)
    assert waiting == {"merged": [], "before": [], "waiting": {name: "asked, waits for an approver"}}
    # About the approver's own access, another grants it.
    assert made.sign(ASKER, "/waivers", {**asked, "finding": made.finding(8)[:12]}).status_code == 303
    own = f"/waivers/W-2026-{int(name[-3:]) + 1:03}"
    assert "is about the access of" in made.served.signed_in(APPROVER).get(own).text
    assert made.served.signed_in(APPROVER).post(own, {}).status_code == 409
    assert made.sign(SECOND, own).status_code == 303
    assert made.sign(APPROVER, f"/waivers/{name}").status_code == 303
    assert made.roles() == before
    _damaged_ones_are_refused(made, name)
    both = sorted((name, own.rpartition("/")[2]))
    done = made.at(42, "--json", "waive", "merge")
    assert json.loads(done.out)["merged"] == both, done.err
    listed = {one["waiver"]: one for one in json.loads(made.at(43, "--json", "waive", "list").out)["waivers"]}
    assert (listed[name]["asked_as"], listed[name]["approved_as"]) == ("authenticated", "authenticated")
    after = made.roles()
    again = made.at(44, "--json", "waive", "merge")
    assert (json.loads(again.out), made.roles()) == ({"merged": [], "before": both, "waiting": {}}, after)
    assert made.at(45, "logbook", "--check").code == 0


def _damaged_ones_are_refused(made: Signing, name: str) -> None:
    """Whatever lies in ``runs/`` otherwise than it was signed, or by whom has left, carries nothing over."""
    folder, before = made.company.folder, made.roles()
    for path in sorted(folder.glob("runs/waivers/*.json")):
        good = path.read_bytes()
        path.write_bytes(good.replace(b"CHG-1", b"CHG-2"))
        assert made.at(42, "waive", "merge", name).code == 1
        path.write_bytes(good)
    approvers = folder / "roles/approvers.yaml"
    text = approvers.read_text()
    approvers.write_text(text.replace(made.passkeys[APPROVER].line, Authenticator().line))
    refused = made.at(42, "waive", "merge", name)
    assert (refused.code, f"no signature of {APPROVER} as approver that holds" in refused.err) == (4, True), refused.err
    approvers.write_text(text)
    assert made.at(42, "waive", "merge", "W-2026-999").code == 2
    assert made.roles() == before


def test_a_waiver_is_signed_beside_the_log_on_the_command_line(made):
    folder = made.company.folder
    before = made.roles()
    asked = ("waive", "ask", made.finding(13)[:12], "--reason", "x", "--ticket", "CHG-3", "--until", "2027-01-31")
    assert made.at(46, *asked, "--by", "00007", "--for-merge").code == 2
    done = made.at(46, "--json", *asked, "--by", "00007", "--for-merge", "--key", str(folder / "key7"))
    assert done.code == 0, done.err
    name = json.loads(done.out)["waiver"]
    assert made.at(47, "waive", "approve", name, "--by", "00008").code == 2
    own = made.at(47, "waive", "approve", name, "--by", "00007", "--key", str(folder / "key7"))
    assert own.code == 4, own.err
    done = made.at(47, "waive", "approve", name, "--by", "00008", "--key", str(folder / "key8"))
    assert done.code == 0, done.err
    assert made.roles() == before
    assert f"{name}  " in made.at(48, "waive", "list").out
    # One that is asked for in the log itself takes no name that waits.
    other = json.loads(
        made.at(
            48, "--json", *(part if part != asked[2] else made.finding(14)[:12] for part in asked), "--by", "00007"
        ).out
    )
    assert other["waiver"] > name
    assert json.loads(made.at(49, "--json", "waive", "merge", name).out)["merged"] == [name]


def test_both_verifiers_check_offline_what_was_signed_here_and_find_a_copied_passkey(made, tmp_path):
    assert made.at(50, "audit").code == 0
    pack = tmp_path / "pack"
    done = made.at(51, "evidence", "pack", "-o", str(pack))
    assert done.code == 0, done.err
    assert len(list(pack.glob("runs/approvals/*.json"))) > 5
    checked = access_review(made.company.folder, "evidence", "check", str(pack))
    assert checked.code == 0, checked.out + checked.err
    assert second_here(pack)[0] == 0
    _lies_are_found(made, pack)


def _lies_are_found(made: Signing, pack: Path) -> None:
    """Hold statements in a pack to what was signed, past the digests that pack.json has of the files."""
    signed = min(pack.glob("runs/approvals/standing-*.json"))
    good = signed.read_bytes()
    envelope = json.loads(good)
    envelope["payload"] = envelope["payload"][:-8] + "A" * 8
    for wrong in (json.dumps(envelope).encode(), b"{}"):
        signed.write_bytes(wrong)
        assert _both_name(made, pack, signed.name)
    signed.write_bytes(good)
    words = min(pack.glob("runs/waivers/*.json"))
    good = words.read_bytes()
    words.write_bytes(good + b" ")
    assert _both_name(made, pack, "the words that were signed are gone, or others")
    words.write_bytes(good)
    _a_copy_is_found(made, pack)


def _a_copy_is_found(made: Signing, pack: Path) -> None:
    """Let a passkey sign something else with a count that it had before, as its copy would."""
    for path in sorted(pack.glob("runs/approvals/*.json")):
        said = statements.payload_of(path.read_bytes())
        attended = statements.open_statement(path.read_bytes(), _lines(made)).attended if _by_passkey(path) else {}
        if said.person == SECOND and attended:
            break
    (count,) = (one.counter for one in attended.values())
    other, passkey = replace(said, reason="another"), made.passkeys[SECOND]
    passkey.counter = count - 1
    answer = passkey.sign(b64(passkeys.challenge(other)), origin=ADDRESS)
    assertion = passkeys.Assertion(**{name: unb64(text) for name, text in answer.items()})
    line = sshsig.PublicKeyLine.parse(passkey.line)
    (pack / "runs/approvals/copy.json").write_bytes(passkeys.sealed(other, [line], assertion, ADDRESS))
    assert _both_name(made, pack, "there is a copy of it")


def _lines(made: Signing) -> list[sshsig.PublicKeyLine]:
    return approve.public_keys(made.served.site.workspace().approvers)


def _by_passkey(path: Path) -> bool:
    (signed,) = json.loads(path.read_bytes())["signatures"]
    return b"webauthn" in base64.b64decode(signed["sig"])


def _both_name(made: Signing, pack: Path, what: str) -> bool:
    first = access_review(made.company.folder, "evidence", "check", str(pack))
    return what in first.out + first.err and what in second_here(pack)[1]
