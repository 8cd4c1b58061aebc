"""What operations heads and auditors see: figures with their rows, one client's part alone, and nothing to change."""

import html
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from access_review import store
from access_review.artifacts import LEAVERS, SAMPLE, WORKLIST
from access_review.audit.client_extract import draw_borders
from access_review.findings.control import CONTROL_RULES
from access_review.snapshot.watch_health import WatchHealth
from access_review.stages import oversight
from access_review.store import audits, reviews, watching
from access_review.views.typeset import typesetter
from tests.audit.half_year_company import START, WEEK, Company
from tests.evidence.verifiers import second
from tests.support.command import access_review
from tests.web.company import Browser, Served, health_at, policy, served_copy
from tests.web.test_guards import HOSTILE, markup_in

HEAD, CLIENT_HEAD, AUDITOR = 3, 4, 5
"""Which reviewers, by how many items they have, are given another role too."""


@pytest.fixture(scope="module")
def served(audited_example: Path) -> Iterator[Served]:
    made = served_copy(audited_example)
    who = made.reviewers()
    path = audited_example / "roles/policy.yaml"
    roles = (
        f"  operations:\n    - {{person: '{who[HEAD]}'}}\n    - {{person: '{who[CLIENT_HEAD]}', clients: [HARBOR]}}\n"
        f"  auditors: ['{who[AUDITOR]}']\n"
    )
    path.write_text(path.read_text("utf-8") + roles, encoding="utf-8")
    yield made
    made.site.close()


def test_a_head_sees_who_left_who_is_waited_for_and_how_the_weeks_go(served):
    page = served.signed_in(served.reviewers()[HEAD]).get("/status")
    assert page.status_code == 200, page.text
    for name in ("iwona.kos", "adm-bruno.zych", "Bruno Zych", "the account is enabled"):
        assert name in page.text
    waiting = audits.waited_for(served.run)
    assert f"<strong>{sum(waiting.values())}</strong>" in page.text
    assert "2026-W45" in page.text
    assert "red, open" in page.text
    assert "No leaver can sign in 24 hours after the end" in page.text


def places_of(browser: Browser, start: str = "/status") -> dict[str, str]:
    """Return the pages that lead on from one, three of a kind, by their address."""
    found: dict[str, str] = {}
    waiting = [start]
    while waiting:
        place = waiting.pop(0)
        answer = browser.get(place)
        assert answer.status_code == 200, (place, answer.text)
        found[place] = answer.text
        for link in map(html.unescape, re.findall(r'href="(/[^"#]*)', answer.text)):
            some = sum(kind_of(link) == kind_of(one) for one in (*found, *waiting))
            if link not in {*found, *waiting} and some < 3 and not link.startswith(("/static", "/review")):
                waiting.append(link)
    return found


def kind_of(place: str) -> str:
    path, asked, query = place.partition("?")
    return "/".join(path.split("/")[:2]) + str(path.count("/")) + asked + query.partition("=")[0]


def test_each_figure_leads_to_its_rows_by_what_the_command_line_says(served):
    head = served.signed_in(served.reviewers()[HEAD])
    pages = places_of(head)
    kinds = {kind_of(place) for place in pages}
    assert {
        f"/{name}1" for name in ("status", "leavers", "campaigns", "findings", "sources", "scorecard", "trend")
    } <= kinds
    assert {
        "/leavers2",
        "/findings2",
        "/campaigns2",
        "/campaigns3",
        "/status2",
        "/findings1?rag",
        "/leavers1?which",
    } <= kinds
    at = ("--as-of", served.clock.now().isoformat())
    told = access_review(served.folder, *at, "--json", "offboarding").json
    left = [one for one in told["leavers"] if one["standing"] == "left"]
    working = [
        one
        for one in left
        if any(c["item"] == "sign-in" and c["state"] == "open" for s in one["systems"] for c in s["checks"])
    ]
    assert f"<strong>{len(working)}</strong>" in pages["/leavers"]
    assert pages["/leavers?which=signs-in"].count('"row"') == len(working)
    for one in working:
        assert one["name"] in pages["/leavers?which=signs-in"]
    bruno = head.get("/leavers/hr%3Aperson%3A10807").text
    for words in (
        "Bruno Zych",
        "2026-10-01 01:00 Europe/Warsaw",
        "failed, late by 32 d",
        "sign-in disabled",
        "1 h (privileged)",
    ):
        assert words in bruno, words
    rows = reviews.read(served.run).findings.to_pylist()
    red = sum(row["rag"] == "red" and row["status"] in {"new", "open"} for row in rows)
    assert pages["/findings?rag=red"].count('"row"') == red
    card = access_review(served.folder, *at, "--json", "scorecard").json
    assert f"{card['total']:g} of 100 points" in pages["/scorecard"]
    assert all(one["metric"] in pages["/scorecard"] for one in card["metrics"])
    assert all(name in pages["/sources"] for name in ("entra", "hr", "ledger"))


def test_a_client_head_sees_their_client_alone_whatever_address_they_type(served):
    head = served.signed_in(served.reviewers()[CLIENT_HEAD])
    pages = places_of(head)
    items = store.read(served.run, WORKLIST).items
    theirs = [one for one in items if "HARBOR" in one.clients]
    assert f"<strong>{len(theirs)}</strong>" in pages["/status"]
    assert "The check list" not in pages["/status"]
    assert "130" in pages["/scorecard"]
    with reviews.opened(served.site.workspace(), served.run) as facts:
        within = draw_borders(facts.engine, "HARBOR")
    for place, page in pages.items():
        assert within.strike(_said(page)) == _said(page), place
    everything = places_of(served.signed_in(served.reviewers()[HEAD]))
    beyond = [place for place in everything if place.count("/") > 1 and place not in pages]
    answers = {place: head.get(place) for place in beyond}
    assert {answer.status_code for answer in answers.values()} <= {200, 403, 404}
    for place, answer in answers.items():
        assert answer.status_code != 200 or within.strike(_said(answer.text)) == _said(answer.text), place
    assert head.get("/leavers/hr%3Aperson%3A10807").status_code == 404
    assert head.get("/trend").status_code == 403
    assert head.get("/status/leavers-24h").status_code == 403
    assert head.get("/auditor").status_code == 403


def _said(page: str) -> str:
    """Return what a page says, without what all pages have, as who is signed in."""
    return html.unescape(re.sub(r"<header.*?</header>|<footer.*?</footer>|<[^>]*>", " ", page, flags=re.DOTALL))


def test_who_oversees_a_client_that_nobody_works_for_reads_so_and_no_other_is_named(served, monkeypatch):
    head, viewer = served.signed_in(served.reviewers()[CLIENT_HEAD]), type(served.site).viewer
    monkeypatch.setattr(type(served.site), "viewer", lambda site, who: replace(viewer(site, who), clients=("NOBODY",)))
    for place in ("/status", "/leavers", "/findings", "/scorecard"):
        answer = head.get(place)
        assert answer.status_code == 404
        assert "nobody works for NOBODY" in answer.text
        assert "HARBOR" not in answer.text
    assert "Nobody worked for NOBODY then" in head.get("/campaigns").text
    monkeypatch.setattr(
        type(served.site), "viewer", lambda site, who: replace(viewer(site, who), clients=("NOBODY", "HARBOR"))
    )
    assert "Nobody works for NOBODY in this run" in head.get("/leavers").text


def test_ten_thousand_leavers_and_findings_are_a_page_at_a_time(served, monkeypatch):
    kept = (served.run.folder / LEAVERS.path).read_bytes()
    made = LEAVERS.load(kept, "leavers.json")
    one = next(each for each in made.leavers if each.name == "Iwona Kos")
    names = [f"Name {n} {HOSTILE[n % len(HOSTILE)]}" for n in range(10_000)]
    many = tuple(replace(one, person=f"hr:person:x{n}", name=name, clients=(name,)) for n, name in enumerate(names))
    row = oversight.open_findings(served.run, oversight.Sight()).slice(0, 1)
    found = pa.concat_tables([row] * len(many))
    found = found.set_column(found.column_names.index("subject_name"), "subject_name", [[one.name for one in many]])
    monkeypatch.setattr(served.site, "_made", {})
    monkeypatch.setattr(oversight, "seen_leavers", lambda *_: replace(made, leavers=many))
    monkeypatch.setattr(oversight, "open_findings", lambda *_: found)
    head = served.signed_in(served.reviewers()[HEAD])
    for place, name in (("/leavers", "Leavers"), ("/findings", "Findings")):
        page = head.get(place).text
        assert page.count('<th scope="row">') == 200
        assert f"{name} 1 to 200 of 10,000" in page
        assert 'href="?from=200"' in page
        assert "Name 0 &lt;script&gt;" in page
        assert markup_in(page) == set()
        assert not re.search("[\u202e\x00\x0b\ufffe]", page)
        last = head.get(place + "?from=9900").text
        assert f"{name} 9,901 to 10,000 of 10,000" in last
        assert "The next" not in last
        for odd in ("-1", "99999999999999", "٣"):
            assert head.get(place, params={"from": odd}).status_code == 200
    assert markup_in(head.get("/leavers/hr%3Aperson%3Ax9").text) == set()


def test_how_watching_goes_is_a_page_for_who_sees_everything_and_what_it_is_told_is_text(served):
    head, now = served.signed_in(served.reviewers()[HEAD]), served.clock.now()
    assert "Nobody has watched here yet" in head.get("/watched").text
    health = health_at(now, served.run, lost=HOSTILE[0], seen=HOSTILE[1])

    def shown(health: WatchHealth) -> str:
        watching.write_health(served.folder, health)
        page = head.get("/watched").text
        assert markup_in(page) == set()
        return " ".join(_said(page).split())

    page = shown(health)
    for words in (
        "in part",
        "1.7 s for the last one",
        "3,141, 2 of them failed",
        "12 of what changed alone",
        f"not read since 2026-11-03 07:00 UTC: {HOSTILE[0]}",
        "3 h ago",
        "moments ago",
        "Changes made for leavers 4",
        "Refused of them, or not begun 2",
    ):
        assert words in page, words
    assert "silent" not in page
    assert "failing the disk is full" in shown(replace(health, failing="the disk is full"))
    assert "well Every source" in shown(replace(health, well=True))
    rest = {name: replace(one, short=f"grants: {HOSTILE[0]}") for name, one in health.sources.items()}
    assert f"not whole grants: {HOSTILE[0]}" in (page := shown(replace(health, well=True, sources=rest)))
    assert "in part Every source can be read, and some do not show everything" in page
    for away in (timedelta(minutes=2), timedelta(minutes=-2)):
        assert "silent Nothing was heard since" in shown(replace(health, well=True, at=now - away)), (
            "a clock may be wrong"
        )
    assert served.signed_in(served.reviewers()[CLIENT_HEAD]).get("/watched").status_code == 403
    damaged = served.folder / "runs/watch/health.json"
    damaged.write_text("{", encoding="utf-8")
    assert "cannot be read" in head.get("/watched").text
    damaged.unlink()


def test_an_auditor_sees_runs_draws_and_everything_and_changes_nothing(served):
    auditor = served.signed_in(served.reviewers()[AUDITOR])
    page = auditor.get("/auditor").text
    assert served.run.id in page
    assert "No draw was committed to" in page  # the first, which the report calls uncommitted
    one = auditor.get(f"/auditor/{served.run.id}").text
    assert "grants: " in one
    sample = store.read(served.run, SAMPLE)
    assert sample.commitment in one
    assert sample.root in one
    assert sample.key not in one, "before sign-off"
    assert f'<td class="n">{sample.parts[0].population}</td>' in one
    assert auditor.get("/auditor/20200101T000000Z-00000000").status_code == 404
    for place in ("/status", "/leavers", "/trend", "/plans"):
        assert auditor.get(place).status_code == 200
    assert auditor.post("/statements/standing", {}).status_code == 403
    other = served.signed_in(served.reviewers()[0])
    assert [other.get(place).status_code for place in ("/status", "/auditor", "/plans")] == [403, 403, 403]


def test_an_auditor_takes_evidence_away_that_both_verifiers_believe_and_nobody_else_does(served, tmp_path):
    auditor, place = served.signed_in(served.reviewers()[AUDITOR]), f"/auditor/{served.run.id}/evidence"
    there = {path for path in served.folder.rglob("*") if "web" not in path.parts}
    sent = auditor.post(place, {"period": "run"})
    assert (sent.status_code, sent.headers["content-type"]) == (200, "application/zip")
    assert sent.headers["content-disposition"] == f'attachment; filename="evidence-{served.run.id}.zip"'
    assert int(sent.headers["content-length"]) == len(sent.content)
    with zipfile.ZipFile(io.BytesIO(sent.content)) as archive:
        archive.extractall(tmp_path)
    head = re.search(r"--head (\d+:sha256:\w+)", auditor.get("/auditor").text)
    assert head
    checked = access_review(served.folder, "evidence", "check", str(tmp_path), "--head", head[1])
    assert checked.code == 0, checked.err
    again = second(tmp_path, "--head", head[1])
    assert again.returncode == 0, again.stdout
    assert {path for path in served.folder.rglob("*") if "web" not in path.parts} == there, "nothing is left here"
    assert auditor.post("/auditor/20200101T000000Z-00000000/evidence", {}).status_code == 404
    assert served.signed_in(served.reviewers()[HEAD]).post(place, {}).status_code == 403


@pytest.mark.parametrize(("working", "unread", "colour"), [(0, 0, "green"), (0, 2, "amber"), (3, 2, "red")])
def test_who_may_still_sign_in_is_no_green_nought(working, unread, colour):
    counted = {"signs-in": working, "not-known": unread, "late": 0}
    parts: Any = typesetter("access_review.web").get_template("parts.html.jinja").module
    shown = parts.signing_in(counted)
    assert f'<li class="{colour}"><a href="/leavers?which=signs-in"><strong>{working}</strong>' in shown
    assert ('which=not-known"><strong>2</strong>' in shown) is bool(unread)


def test_what_says_that_the_review_fell_short_stands_apart_from_what_is_found_about_access(tmp_path):
    company = Company(tmp_path / "w")
    for name in ("e8", "e9"):
        company.change(name, role="Lead")
    run = [company.week(START + week * WEEK)[0].run for week in range(3)][-1]
    assert run
    path = company.folder / "roles/policy.yaml"
    path.write_text(path.read_text() + policy(None, source="desk") + "  operations: [{person: 'hr:person:m0'}]\n")
    made = Served(company.folder, run, START + 2 * WEEK + timedelta(hours=1), "desk")
    browser = made.signed_in("hr:person:m0")
    rules = reviews.read(run).findings.filter(pc.field("status") != "closed")["rule"].to_pylist()
    short = sum(rule in CONTROL_RULES for rule in rules)
    assert len(rules) - short == 2 < short
    apart = f'<a href="/findings?about=review"><strong>{short}</strong></a><span>about the review itself'
    status, access, review = (browser.get(place).text for place in ("/status", "/findings", "/findings?about=review"))
    assert apart in status
    assert apart in access
    assert sum(map(int, re.findall(r"<strong>(\d+)</strong></a><span>(?:red|amber|green), open", status))) == 2
    assert "not-reviewed" not in access
    assert (review.count("access-beyond-role"), review.count('<th scope="row">')) == (0, short)
    one = browser.get("/findings?rule=not-reviewed-again").text
    assert "Findings of not-reviewed-again" in one
    made.site.close()
