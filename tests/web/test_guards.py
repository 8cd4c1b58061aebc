"""What must not be possible: each of these fails when its guard is taken out."""

import json
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from typing import Any

import pytest

from access_review import store
from access_review.artifacts import WORKLIST
from access_review.audit.worklist import WorkItem
from access_review.errors import PlanRefused
from access_review.stages.decide_signed_in import own_items
from access_review.stages.sign_in import WebRole
from access_review.store import audits
from access_review.web.application import ANYBODY, PAGES
from access_review.web.guard import HEADERS, RateLimit
from tests.web.company import Served, seen_on


@pytest.fixture(scope="module")
def me(served: Served) -> str:
    return served.reviewers()[0]


def filled(path: str) -> str:
    return re.sub(r"\{[a-z:]+\}", "i0123456789abcdef", path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.method} {page.path}")
def test_each_page_is_open_to_its_roles_and_to_nobody_else(served, me, page, monkeypatch):
    if page.may is ANYBODY:
        return
    path, browser = filled(page.path), served.browser()
    out = browser.get(path) if page.method == "GET" else browser.post(path, {}, csrf="x")
    assert (out.status_code, out.headers.get("location", "/sign-in").partition("?")[0]) == (
        303 if page.method == "GET" else 401,
        "/sign-in",
    )
    browser = served.signed_in(me)
    token, viewer = browser.csrf(), type(served.site).viewer
    for role in WebRole:
        if role not in page.may:
            monkeypatch.setattr(
                type(served.site), "viewer", lambda site, who, role=role: _only(viewer(site, who), role)
            )
            asked = browser.get(path) if page.method == "GET" else browser.post(path, {}, csrf=token)
            assert asked.status_code == 403, role
    if page.whole:
        monkeypatch.setattr(
            type(served.site), "viewer", lambda site, who: _only(viewer(site, who), "operations", "HARBOR")
        )
        assert "you see HARBOR alone" in browser.get(path).text


def _only(viewer, role, *clients):
    return replace(viewer, roles=frozenset({role}), clients=clients)


def test_every_answer_carries_every_header_and_nothing_inline(served, me):
    browser = served.signed_in(me)
    item = own_items(served.run, me).items[0].item.item
    answers = {
        200: browser.get(f"/review/{item}"),
        303: browser.get("/"),
        404: browser.get("/nothing/there"),
        405: browser.client.request("PUT", "/review"),
        400: browser.get("/review", headers={"host": "other.example.test"}),
        403: browser.post("/sign-out", {}, csrf="wrong"),
        413: browser.client.post("/review/submit", content=b"x" * 70_000, headers={"sec-fetch-site": "same-origin"}),
        422: browser.post(f"/review/{item}", {}),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=|javascript:", answer.text)
    assert "unsafe" not in HEADERS["content-security-policy"]


def test_a_fault_of_ours_is_a_sentence_with_the_same_headers_and_no_traceback(served, me, monkeypatch, caplog):
    browser = served.signed_in(me)

    def broken(*_: object) -> None:
        raise RuntimeError("secret words of the inside")

    monkeypatch.setattr("access_review.web.site.Site.audit", broken)
    answer = browser.get("/review")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]
    assert "secret words" not in answer.text
    noted = re.search(r"noted as ([0-9a-f]{12})", answer.text)
    assert noted
    assert noted[1] in caplog.text
    assert noted[1] in served.lines()[-1]


def test_a_workspace_that_cannot_be_read_any_more_is_told_to_the_log_and_to_nobody_else(served, me, caplog):
    browser = served.signed_in(me)
    policy = served.folder / "roles/policy.yaml"
    before = policy.read_bytes()
    try:
        policy.write_bytes(before + b"\nno_such_setting: 1\n")
        for path in ("/review", "/nothing/there"):
            answer = browser.get(path)
            assert answer.status_code == 503
            assert "its log says which file" in answer.text
            assert "no_such_setting" not in answer.text
        assert "roles/policy.yaml" in caplog.text
        assert "no_such_setting" in caplog.text
        assert "Traceback" not in caplog.text
    finally:
        policy.write_bytes(before)
    assert browser.get("/review").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site", "origin": "https://evil.example.test"},
        {"sec_fetch_site": "same-site", "origin": "https://review.example.test:8443"},
        {"sec_fetch_site": "", "origin": "https://evil.example.test"},
        {"sec_fetch_site": "", "origin": ""},
        {"sec_fetch_site": "", "origin": "null"},
        {"sec_fetch_site": "none", "origin": ""},
    ],
)
def test_a_form_of_another_site_or_port_is_refused_though_the_cookie_comes_along(served, me, headers):
    browser = served.signed_in(me)
    item = own_items(served.run, me).open[0].item.item
    before = audits.recorded(served.run)
    form = {"answer": "keep", "reason": "x", "seen": seen_on(browser.get(f"/review/{item}").text)}
    assert browser.post(f"/review/{item}", form, **headers).status_code == 403
    assert audits.recorded(served.run) == before


def test_what_was_typed_is_given_back_where_a_session_or_the_audit_ended_meanwhile(served, me, monkeypatch):
    item, typed = own_items(served.run, me).open[0].item.item, "the client <b>asked</b> for it\non Monday"
    form, shown = (
        {"answer": "revoke", "reason": typed, "seen": "0"},
        "the client &lt;b&gt;asked&lt;/b&gt; for it\non Monday",
    )
    browser = served.signed_in(me)
    token = browser.csrf()
    assert shown in browser.post(f"/review/{item}", form, csrf="of another").text

    def ended(*_: object, **__: object) -> None:
        raise PlanRefused("the audit has ended", hint="the next one asks again")

    monkeypatch.setattr("access_review.web.review_pages.deciding.answer_own_item", ended)
    refused = browser.post(f"/review/{item}", form, csrf=token)
    assert (refused.status_code, "The next one asks again" in refused.text, shown in refused.text) == (409, True, True)

    served.ticks[0] += 1801
    late = browser.post(f"/review/{item}", form, csrf=token)
    assert (late.status_code, "You are signed out" in late.text, shown in late.text) == (401, True, True)
    assert item not in audits.decisions(served.run).current
    assert typed not in browser.post(f"/review/{item}", form, csrf=token, sec_fetch_site="cross-site").text
    assert shown not in browser.post(f"/review/{item}", form, csrf=token, sec_fetch_site="cross-site").text


def test_a_form_without_the_token_of_this_very_session_is_refused(served, me):
    mine, others = served.signed_in(me), served.signed_in(served.reviewers()[1])
    item = own_items(served.run, me).open[0].item.item
    for token in ("", "x", "é", others.csrf(), served.signed_in(me).csrf()):
        refused = mine.post(f"/review/{item}", {"answer": "keep", "reason": "x", "seen": "0"}, csrf=token)
        assert refused.status_code == 403
    assert item not in audits.decisions(served.run).current


@pytest.mark.parametrize("page", [one for one in PAGES if one.method == "POST"], ids=lambda page: page.path)
def test_no_form_is_taken_from_elsewhere_or_without_its_token(served, me, page, monkeypatch):
    browser, viewer = served.signed_in(me), type(served.site).viewer
    token = browser.csrf()
    everything = frozenset(WebRole)
    monkeypatch.setattr(type(served.site), "viewer", lambda site, who: replace(viewer(site, who), roles=everything))
    path = filled(page.path)
    assert browser.post(path, {}, csrf="x").status_code == 403
    assert browser.post(path, {}, csrf=token, sec_fetch_site="cross-site").status_code == 403


def test_a_session_gets_a_new_name_at_sign_in_and_a_name_from_elsewhere_is_none(served, me):
    attacker = served.browser()
    attacker.client.cookies.set("__Host-session", "chosen-by-somebody-else", domain="review.example.test")
    assert attacker.begin().status_code == 303
    begun = attacker.cookie
    assert begun != "chosen-by-somebody-else"
    assert attacker.come_back(me).status_code == 303
    assert attacker.cookie not in {begun, "chosen-by-somebody-else"}
    planted = served.browser()
    for name in (begun, "chosen-by-somebody-else"):
        planted.client.cookies.clear()
        planted.client.cookies.set("__Host-session", name, domain="review.example.test")
        assert planted.get("/review").headers["location"].startswith("/sign-in")


def test_the_cookie_is_ours_alone_unreadable_and_sent_over_tls_only(served):
    browser = served.browser()
    said = browser.begin().headers["set-cookie"]
    parts = {part.strip().lower() for part in said.split(";")[1:]}
    assert said.startswith("__Host-session=")
    assert parts == {"httponly", "path=/", "samesite=lax", "secure"}


def test_a_session_ends_idle_at_its_longest_at_sign_out_and_everywhere(served, me):
    browser = served.signed_in(me)
    served.ticks[0] += 1799
    assert browser.get("/review").status_code == 200
    served.ticks[0] += 1801
    assert browser.get("/review").status_code == 303
    browser = served.signed_in(me)
    for _ in range(21):
        served.ticks[0] += 1750
        last = browser.get("/review").status_code
    assert last == 303
    one, other = served.signed_in(me), served.signed_in(me)
    cookie = one.cookie
    assert one.post("/sign-out", {}).status_code == 200
    one.client.cookies.set("__Host-session", cookie, domain="review.example.test")
    assert one.get("/review").status_code == 303
    assert other.get("/review").status_code == 200
    third = served.signed_in(me)
    assert re.search("everywhere: [0-9]", other.post("/sign-out-everywhere", {}).text)
    assert third.get("/review").status_code == 303


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example.test/",
        "//evil.example.test",
        "/\\evil.example.test",
        "/review\r\nSet-Cookie: a=b",
        "/review/%0d%0ax",
        "javascript:alert(1)",
        "/..//evil.example.test",
        "/%2f/evil.example.test",
        "",
    ],
)
def test_sign_in_sends_nobody_anywhere_else(served, me, place):
    browser = served.browser()
    browser.begin(to=place)
    back = browser.come_back(me)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    assert "a" not in dict(browser.client.cookies)


def test_sign_in_goes_on_where_it_was_begun(served, me):
    browser = served.browser()
    item = own_items(served.run, me).items[0].item.item
    asked = browser.get(f"/review/{item}")
    assert asked.headers["location"] == f"/sign-in?to=%2Freview%2F{item}"
    browser.begin(to=f"/review/{item}")
    assert browser.come_back(me).headers["location"] == f"/review/{item}"


def test_coming_back_counts_once_in_the_browser_that_began(served, me):
    browser, stranger = served.browser(), served.browser()
    browser.begin()
    assert stranger.come_back(me).status_code == 403
    assert browser.come_back(me, state="other").status_code == 403
    assert browser.come_back(me).status_code == 403  # the session that began is used up
    browser.begin()
    assert browser.come_back(me).status_code == 303
    assert browser.come_back(me).status_code == 403
    browser.begin()
    served.ticks[0] += 601
    assert browser.come_back(me).status_code == 403


def test_who_is_nobody_here_reads_why_and_gets_no_session(served, me):
    for person, more in (("0" * 8, {}), (me, {"tid": "another"})):
        browser = served.browser()
        browser.begin()
        refused = browser.come_back(person, **more)
        assert refused.status_code == 403
        assert "You are not known here" in refused.text
        assert browser.get("/review").status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        "/static/../application.py",
        "/static/..%2fapplication.py",
        "/static/%2e%2e/%2e%2e/policy.py",
        "/static/",
        "/static/base.html.jinja",
        "/review/..%2f..%2froles%2fpolicy.yaml",
        "/../../etc/passwd",
        "/static/pages.css%00",
        "/waivers/..%2f..%2froles%2fpolicy.yaml",
        "/plans/..%2f..%2froles/policy.yaml",
    ],
)
def test_no_path_leads_to_a_file_that_is_not_for_browsers(served, me, path):
    answer = served.signed_in(me).get(path)
    assert answer.status_code in {303, 404}
    assert "import" not in answer.text


def test_another_host_name_and_what_a_stranger_says_of_himself_count_for_nothing(served):
    browser = served.browser()
    for host in ("evil.example.test", "review.example.test.evil.test", "review.example.test:81", "127.0.0.1"):
        assert browser.get("/", headers={"host": host}).status_code == 400
    browser.get("/", headers={"x-forwarded-for": "10.9.9.9", "x-forwarded-host": "evil.example.test"})
    assert json.loads(served.lines()[-1])["from"] == "testclient"
    served.app.behind_proxy = True
    browser.get("/", headers={"x-forwarded-for": "6.6.6.6, 10.9.9.9"})
    served.app.behind_proxy = False
    assert json.loads(served.lines()[-1])["from"] == "10.9.9.9"


def test_sign_ins_are_limited_for_each_address(served):
    browser = served.browser()
    before, served.app.sign_ins = served.app.sign_ins, RateLimit(3, 60.0, lambda: served.ticks[0])
    try:
        assert [browser.begin().status_code for _ in range(4)] == [303, 303, 303, 429]
        served.ticks[0] += 60
        assert browser.begin().status_code == 303
    finally:
        served.app.sign_ins = before


def test_the_access_log_says_who_did_what_and_holds_no_code_and_no_secret(served, me):
    browser = served.signed_in(me)
    browser.get("/review?code=SECRET-CODE")
    cookie, token = browser.cookie, browser.csrf()
    whole = "\n".join(served.lines())
    line = json.loads(served.lines()[-1])
    assert (line["person"], line["method"], line["path"], line["status"]) == (me, "GET", "/review", 200)
    for secret in ("SECRET-CODE", "state=", cookie, token):
        assert secret not in whole


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "{{ 7*7 }}{% raw %}",
    "gpj.\u202eexe",
    "a\r\nSet-Cookie: x=y",
    "</textarea><script>x</script>",
    "\x00\x0b\ufffe",
)


def markup_in(page: str) -> set[str]:
    """Return what a page has that ours do not: elements, handlers, addresses of elsewhere."""
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            if tag in {"img", "iframe", "object", "base", "style"} or (tag == "script" and "src" not in given):
                found.add(tag)
            found.update(name for name in given if name.startswith("on") or name == "autofocus")
            links = [given[name] or "" for name in ("href", "src", "action") if name in given]
            found.update(link for link in links if not link.startswith(("/", "#", "?")))

    Reader().feed(page)
    return found


def _all(names: list[str], text: str) -> Any:
    return dict.fromkeys(names, text)


def test_hostile_names_and_reasons_are_inert_on_every_page(served, me):
    work = store.read(served.run, WORKLIST)
    mine = [one for one in work.items if one.reviewer == me and one.entitlement and not one.planted]
    texts = [
        one.name
        for one in fields(mine[0])
        if isinstance(getattr(mine[0], one.name), str)
        and one.name not in {"item", "reviewer", "unit", "account", "entitlement", "stratum", "draw", "mode"}
    ]
    hostile: list[WorkItem] = [replace(item, **_all(texts, name)) for item, name in zip(mine, HOSTILE, strict=False)]
    changed = replace(work, items=tuple({one.item: one for one in (*work.items, *hostile)}.values()))
    plain = (served.run.folder / WORKLIST.path).read_bytes()
    store.write(served.run, WORKLIST, changed)
    try:
        browser = served.signed_in(me)
        pages = [browser.get("/review").text, browser.get("/review/submit").text]
        for one in hostile:
            pages.append(browser.get(f"/review/{one.item}").text)
            pages.append(browser.post(f"/review/{one.item}", {"reason": one.person, "seen": "0"}).text)
            pages.append(browser.post(f"/review/{one.item}/hand-on", {"to": one.person, "why": "x"}).text)
    finally:
        (served.run.folder / WORKLIST.path).write_bytes(plain)
    for page in pages:
        assert markup_in(page) == set()
        assert not re.search("[\u202e\x00\x0b\ufffe]", page)
        assert page.count("<textarea") == page.count("</textarea>")


def test_somebody_who_left_is_out_at_the_next_page(served, me, monkeypatch):
    browser = served.signed_in(me)
    people = served.site.people()
    gone = replace(people, here=people.here - {me})
    monkeypatch.setattr(type(served.site), "people", lambda _: gone)
    assert browser.get("/review").headers["location"].startswith("/sign-in")
