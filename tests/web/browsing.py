"""Chromium, the server in a process of its own, and people signed in by an independent provider on another site."""

import base64
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from access_review.runs import Run
from access_review.store import reviews
from tests.real.authority import Authority
from tests.simulated_tenant.token_service import TokenService, by_code
from tests.web.company import ADDRESS, TENANT, policy, tenant_of

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
SECRET = "not-a-real-secret-8J~canary"  # noqa: S105 - of a service that lives for one test
SIZES = {"desk": {"width": 1400, "height": 900}, "phone": {"width": 390, "height": 844}}
_HOST = "review.example.test"


@dataclass
class Site:
    """A company as it is served; ``people`` are the object ids of those who can sign in."""

    folder: Path
    run: Run
    people: dict[str, str]
    port: int
    keys: tuple[str, ...]


@contextmanager
def serving(
    folder: Path, run: Run, authority: Authority, at: str | None, source: str = "entra", *, roles: str = ""
) -> Iterator[Site]:
    """Serve a workspace, whose policy says so from here on, until the block ends: then it must stop in peace.

    Without ``at`` it goes by the clock on the wall. ``roles`` is what the policy says of the pages besides.
    """
    certificate, key = authority.issue(authority.folder / "pages", _HOST)
    people = people_of(run, source)
    claims = {person: {"oid": oid} for person, oid in people.items()} | {"stranger": {"oid": "0" * 36}}
    tenant, port = tenant_of(run) if source == "entra" else TENANT, free_port()
    clients = [by_code("review", SECRET, f"{ADDRESS}/callback")]
    with TokenService(authority, "unused", clients, frozenset(), claims, tenant) as service:
        path = folder / "roles/policy.yaml"
        settings = {
            "issuer": f"{service.url}/{tenant}/v2.0",
            "tenant": tenant,
            "ca": str(authority.file),
            "source": source,
        }
        path.write_text(path.read_text("utf-8") + policy(None, **settings) + roles, encoding="utf-8")
        words = ["serve", "--port", str(port), "--cert", str(certificate), "--key", str(key)]
        command = ["tests.support.launcher", at] if at else ["access_review"]
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "-C", str(folder), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "WEB_SECRET": SECRET},
        )
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert "Serving" in ready, ready + process.stdout.read()
        keys = tuple(fingerprint(one / "cert.pem") for one in (certificate.parent, authority.folder / "tokens"))
        try:
            yield Site(folder, run, people, port, keys)
        finally:
            process.send_signal(signal.SIGTERM)
            last, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Stopped" in last
        assert "Traceback" not in last


def people_of(run: Run, source: str) -> dict[str, str]:
    """Return the object ids of those whose account in a source is certainly theirs, by person."""
    table = reviews.owners(run)
    assert table is not None
    rows = table.read().to_pylist()
    return {r["person"]: r["account"].rpartition(":")[2] for r in rows if r["account"].startswith(f"{source}:")}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def fingerprint(certificate: Path) -> str:
    """Return the digest of a certificate's key, by which Chromium is told to trust it and no other."""
    public = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    data = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


@contextmanager
def chromium(driver: Any, site: Site) -> Iterator[Any]:
    """Open Chromium, which finds the pages under their name and the usual port."""
    browser = driver.chromium.launch(
        executable_path=CHROMIUM,
        headless=True,
        args=[
            f"--ignore-certificate-errors-spki-list={','.join(site.keys)}",
            f"--host-resolver-rules=MAP {_HOST}:443 127.0.0.1:{site.port}",
        ],
    )
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def pages(browser: Any) -> Iterator[Callable[..., Any]]:
    """Give what opens a browser of its own, signed in; nothing may be asked of another host, or complained of."""
    contexts: list[Any] = []
    said: list[str] = []

    def opened(person: str = "", *, size: str = "desk", script: bool = True, prepare: Any = None) -> Any:
        context = browser.new_context(viewport=SIZES[size], java_script_enabled=script)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.route("**/*", _nowhere_else)
        if prepare:
            prepare(page)
        if person:
            sign_in(page, person)
        return page

    try:
        yield opened
    finally:
        for context in contexts:
            context.close()
    # Chromium tells of each page that is refused, and would rather have a kind of key that OpenSSH does not check.
    known = ("status of 4", "pubKeyCredParams")
    assert [one for one in said if not any(part in one for part in known)] == []


def attach(page: Any) -> None:
    """Give the page an authenticator that verifies its person."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
    able = {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    page.authenticator = (session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options | able}))


def wait_for(page: Any, text: str) -> None:
    """Wait until a page says something; what it says instead is in the error."""
    try:
        page.wait_for_selector(f"text={text}")
    except Exception as error:
        raise AssertionError(f"not said: {text}; but: {page.inner_text('main')}") from error


def enrol(page: Any) -> str:
    """Enrol a passkey; return the entry that is to go into ``roles/approvers.yaml``."""
    page.goto(f"{ADDRESS}/passkey")
    page.click("button.strong")
    wait_for(page, "Now let it sign once")
    page.click("button.strong")
    wait_for(page, "It signed.")
    return str(page.inner_text("pre.plan").rstrip())


def _nowhere_else(route: Any) -> None:
    if route.request.url.startswith((f"{ADDRESS}/", "https://localhost:")):
        route.continue_()
    else:
        route.abort()


def sign_in(page: Any, person: str) -> None:
    page.goto(f"{ADDRESS}/review")
    page.wait_for_url(re.compile("/sign-in/"))
    page.fill("input[name=name]", person)
    page.click("button")
    page.wait_for_url(re.compile(re.escape(ADDRESS)))
