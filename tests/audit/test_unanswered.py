"""Five monthly campaigns that nobody answers: what is said first is still about access, and nobody drowns in old questions."""

import re
from dataclasses import dataclass
from datetime import date, timedelta

import pytest

from access_review import store
from access_review import workspace as workspaces
from access_review.artifacts import AUDIT, SAMPLE, WORKLIST
from access_review.audit.worklist import UNASSIGNED
from access_review.findings.control import CONTROL_RULES
from access_review.model import CURRENT, Rag
from access_review.runs import Run
from access_review.stages.collect import collect_run
from access_review.stages.review import review_run
from access_review.stages.trend import read_trend
from access_review.store import audits, reviews, snapshots
from access_review.views import summary, terminal
from access_review.views.summary import Summary
from tests.audit.half_year_company import START, Company

pytestmark = pytest.mark.slow

MONTH = timedelta(weeks=4)


@dataclass(frozen=True)
class FiveMonths:
    runs: list[Run]
    told: Summary
    found: list[dict[str, object]]


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> FiveMonths:
    company = Company(tmp_path_factory.mktemp("unanswered"))
    for name in ("e8", "e9", "e12"):
        company.change(name, role="Lead")  # beyond the role, all the time
    company.change("e0", last_day=date(2026, 4, 20))  # left before the last, and still signs in
    runs = [opened.run for n in range(5) if (opened := company.week(START + n * MONTH)[0]).run]
    company.write()
    space, at = workspaces.load(company.folder), START + 5 * MONTH
    run = collect_run(space, at)
    report = review_run(space, run, at)
    told = summary.summary(report, snapshots.read_manifest(run))
    return FiveMonths(runs, told, report.findings.to_pylist())


def test_the_highest_risks_and_the_first_lines_are_about_access(months: FiveMonths) -> None:
    current = [row for row in months.found if row["status"] in CURRENT]
    fell_short = [row for row in current if row["rule"] in CONTROL_RULES]
    assert len(fell_short) > len(current) - len(fell_short) > 0
    assert any(row["rule"] == "not-reviewed-again" for row in fell_short)
    groups = months.told["groups"]
    assert groups
    assert not {row["rule"] for row in (*months.told["top"], *groups["first"])} & set(CONTROL_RULES)
    assert groups["first"][0]["rule"] == "leaver-active"
    assert groups["findings"] == len(current) - len(fell_short)


def test_no_control_finding_is_repeated_as_a_finding_that_stays_open(months: FiveMonths) -> None:
    old = {row["finding"]: row["rule"] for row in months.found}
    repeated = [old.get(row["subject"]) for row in months.found if row["rule"] == "repeat-finding"]
    assert repeated
    assert set(repeated) == {"access-beyond-role"}


def test_the_weeks_count_what_was_found_about_access(months: FiveMonths) -> None:
    folder = months.runs[0].workspace
    weeks = read_trend(workspaces.load(folder), START + 5 * MONTH).weeks
    found = [row for row in reviews.read(months.runs[-1]).findings.to_pylist() if row["status"] in CURRENT]
    access = [row["rag"] for row in found if row["rule"] not in CONTROL_RULES]
    assert 0 < len(access) < len(found)
    assert (weeks[-1].findings, weeks[-1].red) == (len(access), access.count("red"))


def test_what_nobody_reviewed_can_still_be_missed_by_the_machine(months: FiveMonths) -> None:
    """That it was not reviewed is nothing that was found about the access, and nothing that a reviewer keeps."""
    left = audits.not_reviewed(months.runs[-2])
    asked = [item for item in store.read(months.runs[-1], WORKLIST).items if item.unit in left and not item.planted]
    beyond = [item for item in asked if item.entitlement_name == "Lead"]
    assert {item.found.partition(":")[0] for item in beyond} == {"access-beyond-role"}
    others = [item for item in asked if item.entitlement_name == "Agent" and item.unit != "hr:person:e0"]
    assert {(item.found, item.findings) for item in others} == {("", ())}


def test_where_the_review_fell_short_is_one_line_a_campaign_and_reviewer(months: FiveMonths) -> None:
    control = months.told["control"]
    keys = [(line["kind"], line["campaign"], line["reviewer"]) for line in control]
    assert len(set(keys)) == len(keys) <= 6
    assert sum(line["findings"] for line in control) == sum(
        row["rule"] in CONTROL_RULES and row["status"] in CURRENT for row in months.found
    )
    missed = [line for line in control if line["kind"] == "not-reviewed"]
    assert not any(f"{UNASSIGNED} did not" in line["said"] for line in missed)
    assert any(line["reviewer"] and line["most"] >= 2 for line in missed)
    said = terminal.render(months.told, width=100)
    short = sum(line["findings"] for line in control)
    access = months.told["access"]
    assert months.told["findings"]["current"] == access["current"] + short
    assert f"\n{access['current']} findings: {access['rag']['red']} red, " in said
    assert f"\n{short} more about the review itself\n" in said
    (total,) = re.findall(r"^all about access (.*)$", said, re.MULTILINE)
    assert [int(n.replace("·", "0")) for n in total.split()[-3:]] == [access["rag"][rag] for rag in Rag]
    assert said.index("all about access") < said.index("Findings that stay open run after run")
    assert said.index("What to do first") < said.index("The review itself fell short")
    assert "did not review" in said


def test_what_is_carried_forward_adds_no_more_than_the_draw_and_the_rest_is_told(months: FiveMonths) -> None:
    put_off = 0
    for before, run in zip(months.runs, months.runs[1:], strict=False):
        sample, work = store.read(run, SAMPLE), store.read(run, WORKLIST)
        left = audits.not_reviewed(before)
        assert left <= {pick.unit for pick in sample.picks} | set(sample.put_off or ())
        assert set(sample.put_off or ()) <= audits.not_reviewed(run)
        again = [item for item in work.items if item.unit in left and not item.planted]
        assert len(again) <= len(work.items)
        if sample.put_off:
            assert any("count as not tested" in reason for reason in sample.reasons)
        put_off += len(sample.put_off or ())
        assert set(store.read(run, AUDIT).missed) == left
    assert put_off == 0 or any(line["reviewer"] is None for line in months.told["control"])
