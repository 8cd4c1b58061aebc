import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from access_review.audit.judge import Judgement, JudgementLine, Rate
from access_review.changes import Action, Expectation, Target, Thing, change
from access_review.errors import Unclear
from access_review.offboarding.lag import lag_of
from access_review.plan.withheld import ToPerson
from access_review.policy import Sampling
from access_review.sample.choice import Draw, Pick, Stratum
from access_review.sample.draw import DrawPart, Sample
from access_review.sample.hypergeometric import Size
from access_review.views import charts, report_data, report_page
from access_review.views.report_contents import contents
from access_review.views.report_trend import RunFindings, change_in
from access_review.views.summary import highest
from tests.support.fake_system import a_plan
from tests.support.small_company import AS_OF, MARKUP, account, group, member, person, reviewed, rows

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

MEMBERSHIP = Target("ad", "ldap", Thing("ad:user:ana", "ana", "ana"), Thing("ad:group:x", "x", MARKUP), mode="assigned")
PLAN = replace(
    a_plan(
        replace(
            change(Action.REMOVE_MEMBER, MEMBERSHIP, Expectation(present=True), "x"),
            because=("x", "y"),
            collateral=("loses the licence Office E3",),
        )
    ),
    to_person=(ToPerson(("z",), "part of it is expected", ("cut the nesting",)),),
)
PICKS = tuple(Pick(f"person {n}", Stratum.LEAVERS, Draw.CENSUS) for n in range(3))
SAMPLE = Sample(
    run="20260201T000000Z-0123abcd",
    as_of=AS_OF,
    policy=Sampling(minutes_per_item=6),
    size=Size(12, 12, 1, 12, ""),
    parts=(DrawPart(Stratum.LEAVERS, 1, 1, 0, 0),),
    picks=PICKS,
    overdue=0,
    reasons=("5 % of 12 is 1; 12 are needed",),
    committed=True,
    commitment="",
    key="",
    root="",
    seed="",
    next_commitment="",
)
JUDGEMENT = Judgement(
    run="20260201T000000Z-0123abcd",
    confidence=0.95,
    lines=(
        JudgementLine("rest", 12, 3, 1, 2, Rate(1, 3, None, None, None, 0.0467), Rate(0, 2, None, None, None, None)),
    ),
    reviewers=(),
    reviewed=(),
    unanswered=2,
    within_tolerance=None,
)


class Page(HTMLParser):
    """What a reader of the page meets: elements, their attributes, the text."""

    VOID = frozenset({"meta", "link", "br", "input", "img"})

    def __init__(self, page):
        super().__init__()
        self.elements, self.words, self.open, self.headings = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag, f"{tag} closes what is not open"

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, words):
        self.words.append(words)
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            self.headings.append(int(self.open[-1][1]))

    def named(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def data_of(page):
    """Return the rows that the page draws, as its script reads them."""
    (island,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    data = json.loads(island)
    return [
        {name: data["texts"][n] if name != "risk" else n for name, n in zip(data["columns"], row, strict=True)}
        for row in data["rows"]
    ]


def report_of(told=None, **more):
    with reviewed(told) as one:
        return report_page.render(contents(one.engine, one.workspace, one.report, one.manifest, **more)).decode()


@pytest.fixture(scope="module")
def page():
    return report_of(run="20260201T000000Z-0123abcd", plan=PLAN, sample=SAMPLE, judgement=JUDGEMENT)


@pytest.fixture(scope="module")
def hostile():
    return report_of(rows(hostile=True), plan=PLAN, sample=SAMPLE)


def test_the_same_review_gives_the_same_bytes(page):
    again = report_of(run="20260201T000000Z-0123abcd", plan=PLAN, sample=SAMPLE, judgement=JUDGEMENT)
    assert again == page


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ([1, 1], "1 red, as before"),
        ([4, 2], "red went from 4 on 2026-02-01 to 1"),
        ([1, 2, 0], "1 red, as on 2026-02-01, and 0 to 2 between"),
    ],
)
def test_what_red_findings_did_is_told_from_the_first_of_the_runs(before, said):
    runs = [RunFindings(AS_OF + timedelta(weeks=week), red, 0, 0) for week, red in enumerate(before)]
    assert change_in(runs, 1) == said


def test_what_is_found_about_a_finding_is_of_no_system():
    names = ("person_name", "subject_name", "about", "about_name", "risk_reasons", "client", "controls", "person")
    row = {**dict.fromkeys(names), "risk": 30, "first_seen": AS_OF, "finding": "e" * 64, "rule": "repeat-finding"}
    row |= dict.fromkeys(("rag", "severity", "status", "reason", "remedy"), "")
    told = [{**row, "subject": one, "source": one.partition(":")[0]} for one in ("f" * 64, "ad:user:1")]
    drawn = data_of(f'<script type="application/json" id="data">{report_data.island(told, {}, {}, {})}</script>')
    assert [one["system"] for one in drawn] == ["", "ad"]


def test_each_unit_that_people_checked_is_counted_once():
    one = JUDGEMENT.lines[0]
    lines = (*(replace(one, stratum=name) for name in ("people", "accounts")), replace(one, drawn=6, tested=2))
    answered = replace(JUDGEMENT, lines=lines, reviewed=("hr:person:1", "hr:person:2"))
    drawn = len(SAMPLE.picks)
    told = report_of(run="20260201T000000Z-0123abcd", sample=SAMPLE, judgement=answered)
    assert f"people checked 2 of {drawn} drawn" in told
    assert f"Of {drawn} unit{'s' * (drawn > 1)} drawn for people to check, 2 are checked" in told


def test_every_element_is_closed_and_ids_stand_once(page):
    read = Page(page)
    assert read.open == []
    ids = [a["id"] for _, a in read.elements if "id" in a]
    assert len(set(ids)) == len(ids)
    targets = {a["href"][1:] for a in read.named("a")}
    assert targets <= set(ids)


def test_nothing_is_fetched_and_nothing_runs_but_the_page_s_own_script(hostile):
    read = Page(hostile)
    policies = [a["content"] for a in read.named("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; style-src 'sha256-")
    assert "require-trusted-types-for 'script'" in policies[0]
    assert "unsafe" not in policies[0]
    tags = {tag for tag, _ in read.elements}
    island = {"type": "application/json"}
    assert read.named("script") == [{**island, "id": "cards"}, {**island, "id": "data"}, {}]
    assert not tags & {"img", "iframe", "object", "embed", "form", "base", "audio", "video"}
    links = [value for _, a in read.elements for name, value in a.items() if name in {"src", "href", "xlink:href"}]
    assert all(link.startswith("#") or link == "data:," for link in links)
    assert not [name for _, a in read.elements for name in a if name.startswith("on") or name == "style"]


def test_the_policy_allows_exactly_the_page_s_style_and_script(page):
    import base64
    import hashlib

    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    for kind, text in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in re.sub("&#39;", "'", page)


def test_a_reader_without_eyes_finds_the_way(page):
    read = Page(page)
    assert read.named("html") == [{"lang": "en"}]
    for landmark in ("header", "nav", "main", "footer"):
        assert len(read.named(landmark)) == 1
    assert read.headings[0] == 1
    assert read.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(read.headings, read.headings[1:], strict=False))
    assert len(read.named("caption")) == len(read.named("table"))
    assert all(a.get("scope") in {"col", "row"} for a in read.named("th"))
    drawings = read.named("svg")
    assert drawings
    assert all(a.get("role") == "img" for a in drawings)
    assert len(read.named("title")) >= 1 + len(drawings)


def test_colour_is_never_alone(page):
    for look in ("red", "amber", "green"):
        assert re.search(rf'<span class="badge {look}">{look}</span>', page)


def test_the_report_says_what_was_found_and_what_was_not_looked_at(page):
    words = re.sub(r"\s+", " ", " ".join(Page(page).words))
    for said in (
        "Norwind Outsourcing",
        "As of 2026-02-01 00:00 UTC",
        "11 rules not evaluated.",
        "no source provides signins",
        "Leavers whose accounts still work",
        "3 d to 3 d 8 h",
        "20 h after the end",
        "not verified",
        "Invoice agent",
        "ana → <script>",
        "loses the licence Office E3",
        "5 % of 12 is 1; 12 are needed",
        "4.7%",
        "20260201T000000Z-0123abcd",
    ):
        assert said in words


def test_every_finding_is_listed_with_a_picture_where_there_is_a_path(page):
    with reviewed() as one:
        table = one.report.findings
    found = table.to_pylist()
    assert [row["id"] for row in data_of(page)] == [f["finding"][:16] for f in highest([table], 100)]
    assert page.count('<div class="picture" data-finding=') == sum(
        1 for f in found if f["about"] and ":group:" in f["about"]
    )


def test_beyond_the_most_the_highest_are_listed_and_the_others_counted():
    short = report_of(most=3)
    assert "The 3 of highest risk." in short
    assert "8 more findings are in <code>findings.parquet</code>" in short
    assert len(data_of(short)) == 3


def test_hostile_names_are_text(hostile):
    assert MARKUP not in hostile
    assert "\\u003cscript\\u003edocument.title='owned'" in hostile
    assert any(row["what"] == MARKUP for row in data_of(hostile))
    assert "&lt;script&gt;document.title=&#39;owned&#39;" in hostile
    assert "⟨U+202E⟩" in hostile
    assert "⟨U+001B⟩[31mRed" in hostile
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f\x7f]", hostile)


def test_an_incomplete_source_is_prominent():
    told = rows()
    told["completeness"][4] = {**told["completeness"][4], "complete": False, "reason": "page <3> never came"}
    said = report_of(told)
    note = said[said.index('<section id="summary"') : said.index('<section id="families"')]
    assert "1 source not read whole." in note
    assert "page &lt;3&gt; never came" in note
    assert "withheld" in note


def test_the_page_of_a_manager_is_about_their_people_and_names_nobody_else():
    told = rows()
    told["people"].append(person("8", "Dora Solo"))
    told["accounts"].append(account("8", "dora", "8"))
    alone = report_of(told, plan=PLAN, sample=SAMPLE, judgement=JUDGEMENT, manager="hr:person:3")
    assert {row["who"] for row in data_of(alone)} == {"Ana Lim"}
    assert {row["manager"] for row in data_of(alone)} == {"Cem Aydin"}
    assert "What concerns those who report to" in alone
    for other in ("Bo Reyes", "Dora Solo", "Invoice agent", 'id="plan"', 'id="sample"', 'id="unusual"', 'id="ai"'):
        assert other not in alone
    assert report_of(told, manager="cem aydin") == report_of(told, manager="3")
    assert "Bo Reyes" in report_of(told)


@pytest.mark.parametrize("who", ["nobody", "Ana Lim", ""])
def test_a_page_is_written_for_no_one_whom_nobody_knows_or_reports_to(who):
    if not who:
        assert "What concerns those" not in report_of(manager=who)
        return
    with pytest.raises(Unclear):
        report_of(manager=who)


def test_problems_are_counted_by_kind():
    told = rows()
    told["problems"] = [
        {"source": "hr", "locator": f"roster.csv:{n}", "kind": "quarantined", "reason": "no readable date"}
        for n in (3, 9)
    ]
    words = " ".join(" ".join(Page(report_of(told)).words).split())
    assert "Input that could not be used" in words
    assert "quarantined 2 no readable date" in words


def _leaver(**more):
    ended = AS_OF - timedelta(hours=10)
    known = {"left_at_earliest": ended, "left_at_latest": ended, "notified_at": None, "verified_gone_at": None}
    return {**known, "enabled": 1, "unknown": 0, "grants": 0, **more}


@pytest.mark.parametrize(
    ("leaver", "state", "least"),
    [
        (_leaver(), "open", timedelta(hours=10)),
        (_leaver(enabled=0, grants=2), "disabled", None),
        (_leaver(enabled=0), "closed", None),
        (_leaver(enabled=0, unknown=1), "unknown", None),
        (_leaver(left_at_latest=None, left_at_earliest=None), "unknown", None),
        (_leaver(verified_gone_at=AS_OF - timedelta(hours=9)), "verified", timedelta(hours=1)),
        (_leaver(left_at_latest=AS_OF + timedelta(days=1)), "open", timedelta()),
    ],
)
def test_the_lag_of_a_leaver_is_what_is_known_of_it(leaver, state, least):
    found = lag_of(leaver, AS_OF)
    assert (found.state, found.least) == (state, least)


def test_a_late_word_from_hr_is_shown_as_hrs():
    late = lag_of(_leaver(notified_at=AS_OF), AS_OF)
    assert late.told_late == timedelta(hours=10)
    assert lag_of(_leaver(notified_at=AS_OF - timedelta(days=1)), AS_OF).told_late is None


def test_no_bar_is_lost_however_small_its_share():
    drawn = charts.bars("x", [charts.Bar("a", [("high", 100_000), ("low", 1)]), charts.Bar("b", [])])
    assert drawn.count("<rect") == 2
    assert all(float(w) >= 2 for w in re.findall(r'width="([\d.]+)" height="20"', drawn))


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="the report in a browser is not tested: no chromium is installed")
def test_a_browser_shows_the_report_and_runs_nothing_of_it(hostile, tmp_path):
    # The page's own policy forbids scripts; without it, escaping alone must do.
    unguarded = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", hostile)
    for name, content in (("guarded.html", hostile), ("unguarded.html", unguarded)):
        file = tmp_path / name
        file.write_text(content, encoding="utf-8")
        shown = _dumped(file, tmp_path / "profile")
        assert "<title>Access review of Norwind Outsourcing, 2026-02-01</title>" in shown
        assert shown.count("<script") == 3
        assert "<img" not in shown
        assert shown.count("<table") == hostile.count("<table")
        assert shown.count('id="f-') == len(data_of(hostile))
        assert shown.count("<svg") == hostile.count("<svg")


def _dumped(file, profile):
    assert CHROMIUM
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command += ["--no-first-run", f"--user-data-dir={profile}", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode()


def test_a_large_report_stays_quick_and_bounded():
    told = rows()
    told["entitlements"] += [group(f"Extra-{n}") for n in range(50)]
    told["accounts"] += [account(f"9{n}", f"user{n}", "1") for n in range(30)]
    told["grants"] += [member(f"9{n}", f"Extra-{g}") for n in range(30) for g in range(50)]
    said = report_of(told, most=1000)
    assert len(data_of(said)) == 1000
    assert len(said) < 2_000_000


@pytest.mark.parametrize(
    ("zone", "said"),
    [("America/Bogota", "left 2026-01-19"), ("Asia/Manila", "left 2026-01-20"), ("", "left 2026-01-20")],
)
def test_the_last_day_of_a_leaver_is_said_on_their_own_clock(zone, said):
    """The end of a day's work west of London is the next day in UTC."""
    ended = datetime(2026, 1, 20, 5, tzinfo=UTC)
    told = rows()
    told["people"][1] |= {"left_at_earliest": ended, "left_at_latest": ended}
    with reviewed(told) as one:
        made = contents(one.engine, one.workspace, one.report, one.manifest)
    assert "Bo Reyes" in [row["name"] for row in made.leavers]
    page = Page(report_page.render(replace(made, zones={"hr:person:2": zone} if zone else {})).decode())
    words = " ".join(" ".join(page.words).split())
    assert f"Bo Reyes : {said}," in words or f"Bo Reyes: {said}," in words
