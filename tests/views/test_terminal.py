import io
import json
import re
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from rich.cells import cell_len

from access_review import roles
from access_review.engine import ParquetFile
from access_review.model import Family
from access_review.review import Report
from access_review.views import role_template, terminal, text
from access_review.views.families import _FIRST, family_of
from access_review.views.summary import highest, summary
from tests.support.small_company import ANSI, BIDI, FORMULA, HOSTILE, MARKUP, reviewed, rows

GOLDEN = """\
Access review of Norwind, as of 2026-02-01 00:00 UTC
4 people, 4 accounts, 10 grants of 10 entitlements
11 findings: 2 red, 3 amber, 6 green (11 new, 0 known before; 0 waived, 0 closed)
"""


@pytest.fixture(scope="module")
def company():
    with reviewed() as one:
        yield one


@pytest.fixture(scope="module")
def hostile():
    with reviewed(rows(hostile=True)) as one:
        yield one


def told(company, **more):
    return summary(company.report, company.manifest, organisation="Norwind", **more)


def test_the_summary_survives_json(company):
    value = told(company, report_file="runs/x/report.html", next_command="access-review plan")
    assert json.loads(json.dumps(value)) == value


def test_the_summary_counts_every_current_finding_once(company):
    value = told(company)
    assert value["findings"]["current"] == len(company.report.findings) == 11
    assert sum(value["findings"]["severity"].values()) == sum(value["findings"]["rag"].values()) == 11
    assert sum(rule["total"] for rule in value["rules"]) == 11


def test_findings_are_never_read_whole_for_a_summary_and_come_out_as_if_they_were(company, tmp_path, monkeypatch):
    path = tmp_path / "findings.parquet"
    pq.write_table(company.report.findings, path, row_group_size=2)
    whole, on_disk = company.report.findings, replace(company.report, found=ParquetFile(path))
    pieces = [whole.slice(place, 2) for place in range(0, len(whole), 2)]
    for most in (1, 3, 99):
        assert highest(pieces, most) == highest(pieces[::-1], most) == highest([whole], most)
    expected = told(company)
    monkeypatch.setattr(Report, "findings", property(lambda _: pytest.fail("there may be more than fit into memory")))
    assert summary(on_disk, company.manifest, organisation="Norwind") == expected


def test_the_summary_names_what_was_not_evaluated_and_why(company):
    reasons = {rule["rule"]: rule["reason"] for rule in told(company)["not_evaluated"]}
    assert reasons["signin-after-end"] == "no source provides signins"
    assert "Not evaluated: " in terminal.render(told(company))


def test_quiet_is_the_first_lines_and_what_was_not_looked_at(company):
    shown = terminal.render(told(company), quiet=True)
    assert shown.startswith(GOLDEN)
    assert "Highest risk" not in shown
    assert "signin-after-end" in shown


def test_the_summary_in_full_begins_like_the_quiet_one_and_ends_with_what_is_next(company):
    shown = terminal.render(told(company, report_file="runs/x/report.html", next_command="access-review plan"))
    assert shown.startswith(GOLDEN)
    assert shown.endswith("Report: runs/x/report.html\nNext:   access-review plan\n")
    assert "Leavers whose accounts still work" in shown


def test_an_incomplete_source_is_said_to_be():
    broken = rows()
    broken["completeness"][2] = {**broken["completeness"][2], "complete": False, "reason": "page 3 never came"}
    with reviewed(broken) as one:
        shown = terminal.render(told(one), width=120)
    assert "incomplete: accounts: page 3 never came" in shown
    assert "Withheld" in shown


def test_a_source_without_a_verdict_is_not_complete(company):
    source = replace(company.manifest.sources["ad"], verdicts={})
    silent = replace(company.manifest, sources={"ad": source})
    assert summary(company.report, silent)["sources"][0]["complete"] is False


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_table_is_wider_than_the_terminal(hostile, width):
    lines = terminal.render(told(hostile), width=width).splitlines()[3:]
    assert max(map(cell_len, lines)) <= width


def test_nothing_drives_the_terminal_unless_colour_is_wanted(hostile):
    plain = terminal.render(told(hostile))
    assert not re.search(r"[^\n -~·…–─×⟨⟩→]", plain)
    assert "\x1b" not in plain
    coloured = terminal.render(told(hostile), colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert "\x1b[31mRed" not in coloured


def test_the_same_review_gives_the_same_text(company):
    with reviewed() as again:
        assert terminal.render(told(again), width=97) == terminal.render(told(company), width=97)


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "wanted"),
    [
        (_Terminal(), {"TERM": "xterm"}, True),
        (_Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (_Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colour_is_for_terminals_whose_user_did_not_decline(stream, environment, wanted):
    assert terminal.wants_colour(stream, environment) is wanted


def test_progress_draws_nothing_where_nobody_looks(capsys):
    with terminal.progress() as tell:
        tell("ad", 10)
    with terminal.progress(shown=False) as tell:
        tell("ad", 10)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_with_what_cannot_be_seen(name):
    shown = text.visible(name)
    assert shown.isprintable()
    assert text.visible(shown) == shown


def test_order_marks_blanks_and_escapes_are_spelled_out():
    assert text.visible(BIDI) == "Ledger⟨U+202E⟩reswor" + "B⟨U+2066⟩"
    assert text.visible(ANSI) == "⟨U+001B⟩[31mRed⟨U+001B⟩[0m⟨U+0007⟩"
    assert text.visible("a\u3164b\u200bc\ufe0fd\u00a0e") == "a⟨U+3164⟩b⟨U+200B⟩c⟨U+FE0F⟩d e"
    assert text.visible(MARKUP) == MARKUP
    assert text.visible(FORMULA) == FORMULA
    assert text.visible("Zoë 東京 Ñ") == "Zoë 東京 Ñ"


def test_shortened_text_fits_in_cells_not_letters():
    assert text.shorten("東京東京", 5) == "東京…"
    assert text.shorten("short", 5) == "short"
    assert cell_len(text.shorten("東京東京東京", 6)) <= 6


def test_every_rule_has_a_family_and_every_family_has_its_rules():
    from access_review.rules import load

    rules = load()
    assert set(_FIRST) <= set(rules)
    assert {rule.family for rule in rules.values()} == set(Family) - {Family.OTHER}
    assert family_of("somebody-elses") == "Other"


def test_a_template_is_shown_with_where_each_line_comes_from(company):
    table = company.snapshot.tables["entitlements"]
    one = {r.template.role: r for r in roles.resolve(company.workspace.templates, table)}["finance-analyst"]
    value = role_template.value(one, company.workspace, table, ["Ana Cruz", "Bo Reyes"])
    assert json.loads(json.dumps(value)) == value
    assert role_template.text(value) == TEMPLATE
    assert role_template.text(value, short=True).endswith(": 2 people; 1 must, 1 may, 1 never")


def test_a_pattern_that_matches_many_is_counted():
    value: role_template.RoleTemplateValue = {
        "role": "r",
        "place": "",
        "who": {},
        "extends": [],
        "review_by": "2027-01-01",
        "people": [],
        "lists": {"may": [{"pattern": "ad:group:*", "template": "r", "place": "", "matches": _named(20)}]},
    }
    assert "20 matches: G00, G01, G02, G03, G04, G05, G06, G07 and 12 more" in role_template.text(value)


def _named(number: int) -> list[role_template.MatchedEntitlement]:
    return [{"entitlement": f"ad:group:{n}", "name": f"G{n:02}"} for n in range(number)]


TEMPLATE = """\
finance-analyst (roles/templates/finance-analyst.yaml:1)
├── applies to whoever has this role in the roster, or whose department is Finance
├── 2 people have it now: Ana Cruz, Bo Reyes
├── extends all-staff
├── never to be looked at again
├── must have
│   └── ad:group:All-Staff, from all-staff (roles/templates/all-staff.yaml:2)
│       └── 1 match: All-Staff
├── may have
│   └── ad:group:Finance-* (roles/templates/finance-analyst.yaml:4)
│       └── 2 matches: Finance-Read, Finance-Write
└── must never have
    └── ad:group:Red
        └── 1 match: Red
"""
