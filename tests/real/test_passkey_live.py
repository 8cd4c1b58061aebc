"""A plan approved with a passkey in Chromium is carried out on a real domain and a tenant, and its evidence proves itself."""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from access_review import runs
from access_review.revoke import statements
from tests.evidence.verifiers import second
from tests.real.ad import now
from tests.real.conftest import servers
from tests.real.hybrid import EXCESS
from tests.real.live_company import ASKS, SECOND, LiveCompany, live_company, payments
from tests.simulated_tenant import token_service
from tests.support.programs import need
from tests.trust.openssh import armored
from tests.web.browsing import CHROMIUM, attach, chromium, enrol, pages, serving, wait_for
from tests.web.company import ADDRESS

sync_api = pytest.importorskip("playwright.sync_api", reason="the pages are not looked at: playwright is not installed")
pytest.importorskip("starlette", reason="the pages are not tested: pip install 'access-review[web]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="the pages are not looked at in a browser: no chromium is installed"),
]
APPROVER = f"hr:person:{SECOND}"


@pytest.fixture
def admin(hybrid_domain, tmp_path) -> Iterator[Any]:
    with servers(tmp_path, hybrid_domain, "Administrator").session() as session:
        yield session


@pytest.fixture
def company(hybrid_domain, admin, authority, tmp_path) -> Iterator[LiveCompany]:
    need("oidc-provider", "people signing in", token_service.missing())
    with live_company(hybrid_domain, admin, authority, tmp_path, left=()) as made:
        yield made


def approved_in_a_browser(company: LiveCompany, authority: Any) -> str:
    """Have a plan made on the command line and approved with a new passkey; return the line of the passkey."""
    company.done("audit")
    with (
        serving(company.folder, runs.find(company.folder), authority, None) as site,
        sync_api.sync_playwright() as driver,
        chromium(driver, site) as browser,
        pages(browser) as opened,
    ):
        page = opened(APPROVER, prepare=attach)
        entry = enrol(page)
        with (company.folder / "roles/approvers.yaml").open("a") as file:
            file.write(entry + "\n")
        company.done("review")
        company.done("plan", "--requested-by", ASKS, "--rule", "access-beyond-role")
        company.done("approve", "--request", "--by", ASKS, "--key", ASKS)
        page.goto(f"{ADDRESS}/plans")
        page.click("main th a")
        shown = page.inner_text("pre.plan")
        assert "Payments" in shown
        assert "Board papers" in shown
        page.fill("#reason", "seen in full")
        page.click("button.strong")
        wait_for(page, "Your passkey signs this")
        page.click("button.strong")
        wait_for(page, "You approved this plan")
    found = re.search(r"sk-ecdsa\S+ [\w+/=]+", entry)
    assert found, entry
    return found[0]


def test_it_goes_out_on_both_and_both_verifiers_and_ssh_keygen_believe_it(
    company, hybrid_domain, admin, authority, tmp_path
):
    before, board = payments(admin, hybrid_domain), list(company.board)
    line = approved_in_a_browser(company, authority)
    assert company.wire().only_read(), "the server writes to no system"
    done = company.done("apply", "--by", ASKS, "--key", ASKS)
    assert set(done["states"].values()) == {"pending"}, done
    wire = company.wire()
    assert wire.written == [("DELETE", f"/groups/{company.cloud_group}/members/{board[0]}/$ref")]
    assert len(wire.modified) == 1
    assert payments(admin, hybrid_domain) == before - {EXCESS}
    assert company.board == []
    later = now() + timedelta(minutes=20)
    proven = company.done("verify", at=later)
    assert {one["state"] for one in proven["changes"]} == {"revoked"}

    pack = tmp_path / "pack"
    made = company.done("evidence", "pack", "-o", str(pack), at=later)
    checked = company.run("evidence", "check", str(pack), "--head", made["head"])
    assert checked.code == 0, checked.err
    again = second(pack, "--head", made["head"])
    assert again.returncode == 0, again.stdout + again.stderr
    (approval,) = pack.glob("runs/*/plan/approvals/approval-*.json")
    _openssh_agrees(approval, line, tmp_path)

    # Whatever is changed in what the passkey said, both see it: verified or not, its count, its site.
    good = json.loads(approval.read_text())
    signed = base64.b64decode(good["signatures"][0]["sig"])
    at = signed.index(b"https://") - 4 - 5  # flags and counter stand before the site
    assert signed[at] & 5 == 5
    for change in (
        signed[:at] + bytes([signed[at] & ~4]) + signed[at + 1 :],
        signed[: at + 4] + bytes([signed[at + 4] ^ 1]) + signed[at + 5 :],
        signed.replace(b"https://review.", b"https://rewiev."),
    ):
        good["signatures"][0]["sig"] = base64.b64encode(change).decode()
        approval.write_text(json.dumps(good))
        assert approval.name in company.run("evidence", "check", str(pack)).err
        assert approval.name in (said := second(pack)).stdout + said.stderr
        assert said.returncode


def _openssh_agrees(approval: Path, line: str, folder: Path) -> None:
    need("ssh-keygen", "signatures against OpenSSH", None if shutil.which("ssh-keygen") else "ssh-keygen is missing")
    data = approval.read_bytes()
    (folder / "allowed").write_text(f"{APPROVER} {line}\n")
    (folder / "approval.sig").write_text(armored(base64.b64decode(json.loads(data)["signatures"][0]["sig"])))
    words = ["-Y", "verify", "-f", "allowed", "-I", APPROVER, "-n", "access-review-approval", "-s", "approval.sig"]
    message = statements.message(statements.payload_of(data))
    done = subprocess.run(["ssh-keygen", *words], input=message, capture_output=True, check=False, cwd=folder)
    assert b"Good" in done.stdout, done.stderr
