"""Approving with a passkey, with an authenticator in software: what is signed counts as any key's, and nothing else does."""

import base64
import hashlib
import json
import re
import runpy
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from access_review import runs
from access_review.errors import PlanRefused
from access_review.logbook.tree import TreeHead
from access_review.revoke import approve, passkeys, sshsig, statements
from access_review.revoke.statements import Statement, StatementKind
from access_review.stages import approve as approving
from access_review.stages import keep_signed
from access_review.stages.waiting_plans import waiting_plans
from access_review.store.plans import signatories
from tests.evidence.verifiers import SECOND as SECOND_VERIFIER
from tests.support.programs import need
from tests.support.workspaces import Company
from tests.trust.openssh import armored
from tests.web.company import ADDRESS, Browser, Served, policy

SITE = "review.example.test"
MONDAY, ASKED, NOW = "2026-10-26T06:00:00Z", "2026-10-26T06:05:00Z", "2026-10-26T06:30:00Z"
APPROVER, SECOND = "hr:person:00008", "hr:person:00009"
PLAN = re.compile(r'href="(/plans/[^"]+)"')


@dataclass
class Authenticator:
    """A passkey in software, as truthful or not as it is told to be."""

    site: str = SITE
    counter: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def spki(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def line(self) -> str:
        return str(passkeys.public_line(self.spki, self.site))

    def sign(self, asked: str, /, **lies: Any) -> dict[str, str]:
        """Return the fields of the form for a challenge as the page has it."""
        self.counter += 1
        origin, kind = lies.get("origin", ADDRESS), lies.get("type", "webauthn.get")
        told = f'{{"type":"{kind}","challenge":"{lies.get("challenge", asked)}","origin":"{origin}"{lies.get("more", "")}}}'
        site = hashlib.sha256(str(lies.get("site", self.site)).encode()).digest()
        said = site + bytes([lies.get("flags", 0x05)]) + self.counter.to_bytes(4) + lies.get("extensions", b"")
        data = said + hashlib.sha256(told.encode()).digest()
        key: ec.EllipticCurvePrivateKey = lies.get("key", self.key)
        signature = key.sign(data, ec.ECDSA(hashes.SHA256()))
        return {"authenticator": b64(said), "client": b64(told.encode()), "signature": b64(signature)}


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class Planned:
    company: Company
    served: Served
    passkey: Authenticator
    second: Authenticator

    def approvals(self) -> set[str]:
        folder = self.served.run.folder / "plan/approvals"
        return {path.name for path in folder.glob("approval-*.json")}

    def asked(self, browser: Browser, reason: str = "seen in full") -> tuple[str, str]:
        """Ask for the challenge of the one plan; return its page's address and the challenge."""
        (place,) = PLAN.findall(browser.get("/plans").text)[:1]
        page = browser.post(place, {"reason": reason}).text
        found = re.search(r'data-passkey="get" data-challenge="([^"]+)"', page)
        assert found, page
        return place, found[1]


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    company = Company(tmp_path_factory.mktemp("passkey") / "company")
    company.besides = [(12, "Payments")]
    company.write()
    passkey, second = Authenticator(), Authenticator()
    path = company.folder / "roles/approvers.yaml"
    lines = [
        f'  - {{person: "{person}", key: "{one.line}", enrolled: passkey, may: [approve]}}\n'
        for person, one in ((APPROVER, passkey), (SECOND, second))
    ]
    path.write_text(path.read_text() + "".join(lines))
    said = policy(None, source="ledger")
    (company.folder / "roles/policy.yaml").write_text((company.folder / "roles/policy.yaml").read_text() + said)
    for words, at in ((("audit",), MONDAY), (("plan", "--requested-by", "00007"), ASKED)):
        done = company.run(*words, at=at)
        assert done.code == 0, done.err
    done = company.sign(7, "--request", at="2026-10-26T06:10:00Z")
    assert done.code == 0, done.err
    served = Served(company.folder, runs.find(company.folder), at=NOW, source="ledger")
    return Planned(company, served, passkey, second)


def test_a_passkey_is_enrolled_by_a_line_for_the_repository_and_never_by_the_server(planned):
    browser, new = planned.served.signed_in(APPROVER), Authenticator()
    before = (planned.company.folder / "roles/approvers.yaml").read_bytes()
    assert 'data-passkey="create"' in browser.get("/passkey").text
    made = browser.post("/passkey", {"spki": b64(new.spki), "id": "abc"}).text
    challenge = re.search(r'data-challenge="([^"]+)"', made)
    assert challenge
    shown = browser.post("/passkey/proven", new.sign(challenge[1])).text
    assert new.line in shown.replace("&#43;", "+")
    assert passkeys.public_line(new.spki, SITE).fingerprint in shown.replace("&#43;", "+")
    assert browser.post("/passkey/proven", new.sign(challenge[1])).status_code == 409, "once"
    browser.get("/passkey")
    browser.post("/passkey", {"spki": b64(new.spki), "id": "abc"})
    assert browser.post("/passkey/proven", Authenticator().sign(challenge[1])).status_code == 409
    browser.get("/passkey")
    p384 = ec.generate_private_key(ec.SECP384R1()).public_key()
    other = p384.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for spki in (b"", b"\x30\x00", other):
        assert browser.post("/passkey", {"spki": b64(spki)}).status_code == 409
    assert (planned.company.folder / "roles/approvers.yaml").read_bytes() == before


def lies(planned: Planned, other: str) -> dict[str, dict[str, Any]]:
    """Return what an assertion could be that must not count; ``other`` is a challenge of another plan."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    told: dict[str, dict[str, Any]] = {
        f"origin {origin}": {"origin": origin}
        for origin in (
            "https://evil.example.test",
            "http://review.example.test",
            "https://review.example.test:8443",
            "https://review.example.test.evil.test",
            "https://example.test",
            "null",
            "",
        )
    }
    told |= {
        f"challenge {n}": {"challenge": one} for n, one in enumerate((other, "", "AAAA", b64(b"x" * 64), other * 2))
    }
    told |= {f"flags {flags:#x}": {"flags": flags} for flags in (0x00, 0x01, 0x04, 0x41, 0x45, 0x85, 0x80)}
    told |= {f"site {site}": {"site": site} for site in ("example.test", "evil.example.test", "")}
    told |= {f"type {kind}": {"type": kind} for kind in ("webauthn.create", "payment.get", "")}
    told |= {
        "in another page": {"more": ',"crossOrigin":true'},
        "in another page, unsaid": {"more": ',"crossOrigin":true,"crossOrigin":false'},
        "half a sentence": {"more": ',"x"'},
        "extensions unsaid": {"extensions": b"\xa0"},
        "a stranger's key": {"key": stranger},
        "another approver's key": {"key": planned.second.key},
    }
    return told


def test_more_than_thirty_lies_approve_nothing(planned):
    browser = planned.served.signed_in(APPROVER)
    place, other = planned.asked(browser, "another reason")
    wrong = lies(planned, other)
    tried = 0
    for name, lie in wrong.items():
        _, challenge = planned.asked(browser)
        answer = browser.post(f"{place}/sign", planned.passkey.sign(challenge, **lie))
        assert answer.status_code == 409, name
        tried += 1
    broken = (
        {"authenticator": "AAAA"},
        {"client": ""},
        {"signature": b64(b"\x30\x06\x02\x01\x00\x02\x01\x00")},
        {"signature": "!"},
    )
    for one in broken:
        _, challenge = planned.asked(browser)
        answer = browser.post(f"{place}/sign", {**planned.passkey.sign(challenge), **one})
        assert answer.status_code == 409, one
        tried += 1
    _, challenge = planned.asked(browser)
    signed = planned.passkey.sign(challenge)
    assert planned.served.signed_in(APPROVER).post(f"{place}/sign", signed).status_code == 409, "another session"
    assert planned.served.signed_in(SECOND).post(f"{place}/sign", signed).status_code == 409, "another person"
    planned.served.ticks[0] += 301
    assert browser.post(f"{place}/sign", signed).status_code == 409, "too late"
    assert browser.post(place.replace("/plan", "/plans/x", 1) + "/sign", signed).status_code == 404
    assert tried + 4 > 30
    assert planned.approvals() == set()


def test_what_the_server_refuses_both_verifiers_refuse_offline_though_it_lies_there(planned):
    verify = runpy.run_path(str(SECOND_VERIFIER), run_name="second")["verify_ssh"]
    key, place = sshsig.PublicKeyLine.parse(planned.passkey.line), planned.served.site.workspace().approvers
    browser = planned.served.signed_in(APPROVER)
    _, challenge = planned.asked(browser)
    _, other = planned.asked(browser, "another reason")
    statement = Statement(StatementKind.APPROVAL, "sha256:" + "1" * 64, APPROVER, datetime(2026, 10, 26, tzinfo=UTC))
    statement = replace(statement, workspace="w", run="r", role="approver", head=TreeHead(1, "sha256:" + "0" * 64))
    challenge, people = b64(passkeys.challenge(statement)), signatories(planned.served.run)

    def left(**lies: Any) -> bytes:
        """Return what somebody who has the passkey leaves in a pack, past the server."""
        said = {name: unb64(text) for name, text in planned.passkey.sign(challenge, **lies).items()}
        return passkeys.signature_of(key, passkeys.Assertion(**said), lies.get("origin", ADDRESS))

    good = left()
    assert approve.read_statement(statements.envelope(statement, key.fingerprint, good), place, people)[0] == statement
    assert verify(good, statements.message(statement), planned.passkey.line) == planned.passkey.counter
    wrong = lies(planned, other)
    assert len(wrong) >= 30
    for name, lie in wrong.items():
        signature = left(**lie)
        with pytest.raises(PlanRefused):
            approve.read_statement(statements.envelope(statement, key.fingerprint, signature), place, people)
        with pytest.raises((ValueError, InvalidSignature)):
            verify(signature, statements.message(statement), planned.passkey.line)
        assert name


def test_whoever_asked_is_touched_or_has_no_passkey_is_told_so_and_cannot(planned):
    for person, told in (("hr:person:00007", "You cannot approve this plan"),):
        browser = planned.served.signed_in(person)
        (place,) = PLAN.findall(browser.get("/plans").text)[:1]
        assert told in browser.get(place).text
        assert browser.post(place, {"reason": "x"}).status_code == 409
    assert planned.served.signed_in("hr:person:00012").get("/plans").status_code == 403


def test_a_plan_is_approved_and_goes_out_and_ssh_keygen_agrees(planned, tmp_path):
    browser = planned.served.signed_in(APPROVER)
    early = planned.company.run("apply", "--by", "00007", at=NOW)
    assert early.code == 4
    place, challenge = planned.asked(browser)
    page = browser.get(place).text
    assert "Payments" in page
    signed = planned.passkey.sign(challenge)
    done = browser.post(f"{place}/sign", signed)
    assert done.status_code == 303, done.text
    assert "You approved this plan" in browser.get(place).text
    assert browser.post(f"{place}/sign", signed).status_code == 409, "replayed"
    (name,) = planned.approvals()
    _a_copy_of_the_passkey_is_refused(planned)
    _ssh_keygen_agrees(planned, planned.served.run.folder / "plan/approvals" / name, tmp_path)
    assert planned.company.run("logbook", "--check", at=NOW).code == 0
    applied = planned.company.run("apply", "--by", "00007", at="2026-10-26T06:40:00Z")
    assert "approval" not in applied.err, applied.err
    assert applied.code in {0, 4}, applied.err
    assert (planned.served.run.folder / "plan/journal.sqlite").exists(), applied.err


def _a_copy_of_the_passkey_is_refused(planned: Planned) -> None:
    (stored,) = waiting_plans(planned.company.folder, planned.served.clock.now())
    declared, now = planned.served.site.workspace(), planned.served.clock.now()
    wanted = approving.approval_to_sign(stored, declared, APPROVER, "seen again", now)
    statement = keep_signed.whole(wanted, declared)
    planned.passkey.counter -= 1  # as one that was made before it signed
    said = planned.passkey.sign(b64(passkeys.challenge(statement)))
    assertion = passkeys.Assertion(**{name: unb64(text) for name, text in said.items()})
    data = passkeys.sealed(statement, [sshsig.PublicKeyLine.parse(planned.passkey.line)], assertion, ADDRESS)
    with pytest.raises(PlanRefused, match="there may be a copy of it"):
        keep_signed.keep_passkey(wanted, statement, data, declared)


def _ssh_keygen_agrees(planned: Planned, file: Path, folder: Path) -> None:
    need("ssh-keygen", "signatures against OpenSSH", None if shutil.which("ssh-keygen") else "ssh-keygen is missing")
    envelope = json.loads(file.read_text())
    message = statements.message(statements.payload_of(file.read_bytes()))
    (folder / "allowed").write_text(f"{APPROVER} {planned.passkey.line}\n")
    (folder / "approval.sig").write_text(armored(base64.b64decode(envelope["signatures"][0]["sig"])))
    words = ["-Y", "verify", "-f", "allowed", "-I", APPROVER, "-n", "access-review-approval", "-s", "approval.sig"]
    done = subprocess.run(["ssh-keygen", *words], input=message, capture_output=True, check=False, cwd=folder)
    assert b"Good" in done.stdout, done.stderr
