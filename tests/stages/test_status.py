"""The check list through the command line: how it stands, what is stated, told and done, and that none of it can be taken back."""

import hmac
import json
import shutil
import sqlite3

import pyarrow.parquet as pq
import pytest

from access_review.evidence.controls import CONTROLS
from access_review.scorecard.mini_audit import QuarterKey, draw_controls
from tests.support.workspaces import Company

MONDAY, LATER = "2026-11-02T06:00:00Z", "2026-11-02T09:00:00Z"
CHECKLIST = """\
notify: ["00007", "nobody@example.test"]
checkpoints:
  - {checkpoint: sources-read, title: Read, every: daily, measured: sources-complete, green: {at_least: 100}, halt: stop}
  - checkpoint: beyond
    title: Beyond a role
    every: weekly
    measured: open-findings
    rules: [access-beyond-role]
    green: {at_most: 0}
    halt: "No | grants"
  - {checkpoint: log-signed, title: Signed, every: monthly, attested: {valid: 31d, by: ["00009", "00010"]}, halt: stop}
"""
LMS = """\
connector: table
options:
  path: lms.csv
  table: training
  dates: "%Y-%m-%d"
  timezone: UTC
  columns: {person: id, course: course, due: due, done: done}
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    made = Company(tmp_path_factory.mktemp("company"))
    made.besides = [(3, "Approver")]
    made.write()
    (made.folder / "roles/checklist.yaml").write_text(CHECKLIST)
    assert made.run("--quiet", "audit", at=MONDAY).code in {0, 5}
    return made


@pytest.fixture
def workspace(company, tmp_path):
    return company.copy(tmp_path / "copy")


def shown(company, at=LATER):
    found = company.run("--json", "status", at=at)
    return found.code, {one["checkpoint"]: one for one in found.json["checkpoints"]}


def test_one_screen_says_what_is_red_and_the_code_says_why(company):
    found = company.run("status", at=LATER)
    assert found.code == 3
    assert "1 red, 1 amber, 1 green; 1 of the red and amber: not done, or not known" in found.out
    assert found.err.strip() == "access-review: red: beyond"
    assert len(found.out.splitlines()) <= 24
    plain = shown(company)[1]
    assert (plain["beyond"]["measured"]["value"], plain["beyond"]["case"]["due"]) == (1, "2026-11-02T10:00:00+00:00")
    assert (plain["log-signed"]["rag"], plain["log-signed"]["reason"]) == ("amber", "never-done")
    assert "status step beyond isolate" in found.out
    [report] = (company.folder / "runs").glob("2*/report.html")
    assert "What would buy the next points." in report.read_text().partition('id="scorecard"')[2]


def test_the_days_after_without_a_run_nothing_is_green(company):
    code, plain = shown(company, "2026-11-20T06:00:00Z")
    assert code == 3
    assert [one["reason"] for one in plain.values()] == ["out-of-date", "out-of-date", "never-done"]
    assert not any(one["rag"] == "green" for one in plain.values())


def test_a_statement_is_of_somebody_who_may_and_expires(workspace):
    words = ("status", "attest", "log-signed", "--link", "https://wiki.example.test/1", "--note", "signed")
    refused = [
        workspace.run(*words, "--by", "00008", at=LATER),
        workspace.run(*words, "--by", "stranger", at=LATER),
        workspace.run(*words, "--by", "00009", "--until", "2027-05-01", at=LATER),
        workspace.run("status", "attest", "log-signed", "--by", "00009", "--link", " ", "--note", "x", at=LATER),
        workspace.run("status", "attest", "sources-read", "--by", "00009", "--link", "x", "--note", "x", at=LATER),
    ]
    assert [one.code for one in refused] == [4] * 5
    assert shown(workspace)[1]["log-signed"]["reason"] == "never-done"
    claimed = workspace.run(*words, "--by", "00010", at=LATER)
    assert (claimed.code, "(claimed)" in claimed.out) == (0, True)
    key = str(workspace.folder / "key9")
    signed = workspace.run(*words, "--by", "00009", "--key", key, at=LATER)
    assert (signed.code, "(authenticated)" in signed.out) == (0, True)
    assert shown(workspace)[1]["log-signed"]["rag"] == "green"
    shows = workspace.run("status", "show", "log-signed", at=LATER).out
    assert [line.rpartition("(")[2] for line in shows.splitlines() if "signed [" in line] == [
        "claimed)",
        "authenticated)",
    ]
    assert shown(workspace, "2026-12-04T00:00:00Z")[1]["log-signed"]["reason"] == "expired"


def test_red_is_told_once_with_an_incident_record_and_goes_up_the_ladder(workspace):
    told = workspace.run("status", "--tell", at=LATER)
    assert "told 1 of beyond" in told.out
    assert "nobody@example.test is nobody who works here" in told.out
    [incident] = (workspace.folder / "runs/incidents").glob("*.md")
    assert "No \\| grants" in incident.read_text()
    assert "| 1 |" in incident.read_text()
    assert "Red: Beyond a role" in workspace.notices()[-1]
    assert "told 1" not in workspace.run("status", "--tell", at=LATER).out
    assert len(workspace.notices()) == 1
    step = ("status", "step", "beyond")
    by = ("--by", "00008", "--note", "seen")
    assert workspace.run(*step, "investigate", *by, "--cause", "mover", at=LATER).code == 4
    assert workspace.run(*step, "isolate", *by, at=LATER).code == 0
    assert workspace.run(*step, "investigate", *by, at=LATER).code == 4
    assert workspace.run(*step, "investigate", *by, "--cause", "mover", "--next-by", "2026-11-05", at=LATER).code == 0
    case = shown(workspace)[1]["beyond"]["case"]
    assert (case["next"], case["due"], case["told"]) == ("remediate", "2026-11-06T00:00:00+00:00", ["hr:person:00007"])
    assert workspace.run(*step, "remediate", *by, at=LATER).code == 0
    assert workspace.run(*step, "reinforce", *by, at=LATER).code == 4, "it is red still"
    workspace.besides = []
    workspace.write()
    assert workspace.run("--quiet", "audit", at="2026-11-05T06:00:00Z").code in {0, 5}
    assert shown(workspace, "2026-11-05T07:00:00Z")[1]["beyond"]["case"]["next"] == "reinforce"
    assert workspace.run(*step, "reinforce", *by, at="2026-11-05T07:00:00Z").code == 0
    assert shown(workspace, "2026-11-05T08:00:00Z")[1]["beyond"]["case"] is None
    assert workspace.run("logbook", "--check", at="2026-11-05T08:00:00Z").code == 0


def test_what_was_recorded_cannot_be_changed_or_left_out(workspace):
    words = ("status", "attest", "log-signed", "--by", "00010", "--link", "x", "--note", "y")
    assert workspace.run(*words, at=LATER).code == 0
    store = workspace.folder / "runs/follow-up.sqlite"
    whole = store.read_bytes()
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE rows SET person = 'hr:person:00001'")
    assert workspace.run("status", at=LATER).code == 1
    store.write_bytes(whole)
    with sqlite3.connect(store) as connection:
        connection.execute("DELETE FROM rows")
    assert workspace.run("status", at=LATER).code == 1
    store.unlink()
    assert workspace.run("status", at=LATER).code == 1


def test_mistakes_of_the_file_are_told_with_their_place(workspace):
    file = workspace.folder / "roles/checklist.yaml"
    file.write_text(
        CHECKLIST.replace("access-beyond-role", "access-beyond-rule").replace("sources-complete", "sources")
    )
    found = workspace.run("check", at=LATER)
    assert found.code == 2
    assert "roles/checklist.yaml:8:13: no rule is called 'access-beyond-rule'" in found.err, found.err
    file.unlink()
    assert workspace.run("status", at=LATER).code == 2


def test_the_scorecard_is_of_the_same_records_and_its_formulas_can_be_changed(workspace):
    card = workspace.run("--json", "scorecard", at=LATER).json
    metrics = {one["metric"]: one for one in card["metrics"]}
    assert (metrics["sources-complete"]["points"], metrics["sources-complete"]["known"]) == (5, "measured")
    assert (metrics["grants-judged"]["part"], metrics["grants-judged"]["whole"]) == (31, 31)
    assert (metrics["training-done"]["known"], metrics["training-done"]["points"]) == ("unknown", 0)
    assert card["risk"] == "high"
    points = workspace.run("--json", "scorecard", "trend", "movers", at=LATER).json["points"]
    assert [one["run"] for one in points] == [one["run"] for one in card["trend"]]
    counted = {one["metric"]: one for one in card["metrics"]}
    behind = {
        name: workspace.run("--json", "scorecard", "rows", name, at=LATER).json
        for name in ("leavers-in-time", "sources-complete", "movers", "review-coverage")
    }
    assert {one["run"] for one in behind.values()} == {card["trend"][-1]["run"]}
    assert len(behind["leavers-in-time"]["rows"]) == counted["leavers-in-time"]["whole"]
    assert len(behind["sources-complete"]["rows"]) == counted["sources-complete"]["whole"]
    assert (behind["movers"]["rows"], counted["movers"]["known"]) == ([], "not-measured"), "nobody has moved on"
    assert behind["review-coverage"]["what"] == "audits of the quarter"
    unknown = workspace.run("scorecard", "rows", "leavers-in-tme", at=LATER)
    assert (unknown.code, "did you mean 'leavers-in-time'?" in unknown.err) == (2, True)
    words = ("scorecard", "attest", "training-done", "--by", "00010", "--link", "x", "--note", "y", "--value")
    assert [workspace.run(*words, value, at=LATER).code for value in ("101", "95")] == [4, 0]
    assert workspace.run("scorecard", "attest", "movers", *words[3:], "95", at=LATER).code == 4
    text = workspace.run("scorecard", at=LATER).out
    assert "(3 attested, " in text
    assert len(text.splitlines()) <= 24
    own = workspace.run("scorecard", "--formulas", at=LATER).out.replace("weight: 5", "weight: 4", 1)
    (workspace.folder / "roles/scorecard.yaml").write_text(own)
    refused = workspace.run("check", at=LATER)
    assert (refused.code, "make 19 points" in refused.err) == (2, True)


def test_whichever_controls_are_drawn_each_kind_of_their_evidence_is_asked_about():
    known = {"runs/follow-up.sqlite": "sha256:0", "runs/x/leavers.json": "sha256:1"}
    drawn = [draw_controls(f"2026-Q{n}", QuarterKey("x", "00", True), CONTROLS, known) for n in range(60)]
    controls = {one.control: one for each in drawn for one in each.controls}
    assert len(controls) == len(CONTROLS)
    assert all(one.questions for one in controls.values())
    assert {path for one in controls.values() for path, _ in one.evidence} == known.keys()


def test_five_controls_are_drawn_once_a_quarter_by_a_key_that_anybody_can_repeat(workspace):
    made = workspace.run("--json", "mini-audit", at=LATER).json
    names = [one["control"] for one in made["controls"]]
    [sample] = workspace.folder.glob("runs/*/sample/sample.json")
    assert (made["quarter"], made["committed"], made["key"]) == (
        "2026-Q4",
        False,
        json.loads(sample.read_text())["key"],
    )
    seed = hmac.digest(bytes.fromhex(made["key"]), (made["root"] + "mini-audit 2026-Q4").encode(), "sha256")
    every = [f"{one.framework} {one.control}" for one in CONTROLS]
    assert names == sorted(sorted(every, key=lambda name: hmac.digest(seed, name.encode(), "sha256"))[:5])
    for one in made["controls"]:
        for file in one["evidence"]:
            assert (workspace.folder / file["path"]).is_file()
    assert shown(workspace)[1].keys() == {"sources-read", "beyond", "log-signed"}
    assert workspace.run("--quiet", "audit", at="2026-11-09T06:00:00Z").code in {0, 5}
    again = workspace.run("--json", "mini-audit", at="2026-11-09T07:00:00Z").json
    assert ([one["control"] for one in again["controls"]], again["key"]) == (names, made["key"])
    words = ("--by", "00008", "--link", "ticket 7", "--note", "looked at two", "--key", str(workspace.folder / "key8"))
    for name, says in zip(names, ("works", "works", "cannot-say", "works", "fails"), strict=True):
        told = workspace.run("mini-audit", "answer", name.lower(), says, *words, at="2026-11-10T07:00:00Z")
        assert (told.code, "(authenticated)" in told.out) == (0, True), told.err
    ended = workspace.run("mini-audit", at="2026-11-10T08:00:00Z")
    assert (ended.code, ended.err.strip()) == (3, f"access-review: fails: {names[-1]}")
    other = next(name for name in every if name not in names)
    assert workspace.run("mini-audit", "answer", other, "works", *words[:6], at="2026-11-10T07:00:00Z").code == 2
    assert workspace.run("mini-audit", at="2027-01-02T08:00:00Z").code == 4, "no audit of that quarter yet"
    assert "mini-audit-answered" in workspace.run("status", "--measures", at="2026-11-10T08:00:00Z").out


def test_a_mock_audit_is_a_case_that_only_a_newer_run_can_test(workspace):
    by = ("--by", "00008", "--note", "before the client comes")
    assert workspace.run("mock-audit", at=LATER).code == 0
    assert workspace.run("mock-audit", "step", "engage", *by, at=LATER).code == 2
    assert workspace.run("mock-audit", "open", *by, "--next-by", "2026-11-04", at=LATER).code == 0
    assert workspace.run("mock-audit", "open", *by, at=LATER).code == 4
    late = workspace.run("mock-audit", at="2026-11-05T00:01:00Z")
    assert (late.code, late.err.strip()) == (3, "access-review: overdue: engage")
    assert "overdue since 2026-11-04" in late.out
    assert workspace.run("mock-audit", "step", "control", *by, at=LATER).code == 4
    for step in ("engage", "architect", "control"):
        assert workspace.run("mock-audit", "step", step, *by, "--owner", "00009", at=LATER).code == 0
    assert workspace.run("mock-audit", "step", "test", *by, at=LATER).code == 4, "the run is older than the case"
    workspace.besides = []
    workspace.write()
    assert workspace.run("--quiet", "audit", at="2026-11-05T06:00:00Z").code in {0, 5}
    assert workspace.run("mock-audit", "step", "test", *by, at="2026-11-05T07:00:00Z").code == 0
    case = workspace.run("--json", "mock-audit", at="2026-11-05T08:00:00Z").json["case"]
    assert [one["step"] for one in case["steps"]] == ["engage", "architect", "control", "test"]
    assert (case["next"], case["causes"]["people"], case["steps"][-1]["causes"].get("people", 0)) == (None, 1, 0)


def test_a_training_is_assigned_done_or_overdue(workspace):
    words = ("mock-audit", "train", "00003", "Least privilege", "--by", "00008")
    assert workspace.run(*words, at=LATER).code == 4
    assert workspace.run(*words, "--done", "lms/1", at=LATER).code == 4
    assert workspace.run(*words, "--due", "2026-11-10", at=LATER).code == 0

    def states(at):
        told = workspace.run("--json", "mock-audit", at=at)
        return told.code, [one["state"] for one in told.json["trainings"]]

    assert states("2026-11-10T23:00:00Z") == (0, ["assigned"])
    assert states("2026-11-11T01:00:00Z") == (3, ["overdue"])
    assert workspace.run(*words, "--done", "lms/1", at="2026-11-11T02:00:00Z").code == 0
    assert states("2026-11-11T03:00:00Z") == (0, ["done"])


def test_a_table_of_trainings_is_asked_by_templates_and_measured(workspace):
    (workspace.folder / "sources/lms.yaml").write_text(LMS)
    rows = [f"{number:05},Least privilege,2026-10-01,2026-09-30\n" for number in range(4, 31)]
    text = "id,course,due,done\n00003,least privilege,2026-10-01,\n00001,Least privilege,2027-10-01,\n"
    (workspace.folder / "sources/lms.csv").write_text(text + "".join(rows))
    with (workspace.folder / "roles/templates/clerk.yaml").open("a") as template:
        template.write("training: [Least privilege, {course: Release rules, before: ['ledger:role:App*']}]\n")
    assert workspace.run("--quiet", "audit", at="2026-11-12T06:00:00Z").code in {0, 5}
    after = "2026-11-12T07:00:00Z"
    told = pq.read_table(max((workspace.folder / "runs").glob("2*/findings.parquet"))).to_pylist()
    found = {one["person_name"]: one["code"] for one in told if one["rule"] == "training-missing"}
    assert found == {"Person 1": "assigned", "Person 2": "never", "Person 3": "overdue"}
    untrained = [(one["subject"], one["about"], one["remedy"]) for one in told if one["rule"] == "access-untrained"]
    assert untrained == [("ledger:user:u3", "ledger:role:Approver", "train")]
    [done] = [
        one for one in workspace.run("--json", "scorecard", at=after).json["metrics"] if "training" in one["metric"]
    ]
    assert (done["known"], done["part"], done["whole"]) == ("measured", 27, 28)
    rows = workspace.run("--json", "scorecard", "rows", "training-done", at=after).json["rows"]
    assert len(rows) == 28
    assert [one["person"] for one in rows if one["done"] == "no"] == ["hr:person:00003"]
    words = ("--value", "100", "--by", "00010", "--link", "x", "--note", "y")
    assert workspace.run("scorecard", "attest", "training-done", *words, at=after).code == 4


def test_the_rows_behind_a_share_are_those_that_it_counts(workspace):
    workspace.besides.append((99, "Viewer"))  # an account of nobody
    workspace.write()
    assert workspace.run("--quiet", "audit", at="2026-11-09T06:00:00Z").code in {0, 5}
    sign = ("approve", "--request", "--by", "00007", "--key", str(workspace.folder / "key7"))
    for words in (("plan", "--requested-by", "00007"), sign):
        assert workspace.run(*words, at="2026-11-09T06:05:00Z").code == 0
    assert workspace.sign(8, at="2026-11-09T06:06:00Z").code == 0
    assert workspace.run("apply", "--by", "00007", at="2026-11-09T06:07:00Z").code == 0
    assert counted_and_rows(workspace, "changes-proven", "2026-11-09T07:00:00Z") == (None, None, [])
    part, whole, rows = counted_and_rows(workspace, "changes-proven", "2026-11-11T06:00:00Z")
    assert (part, whole, [one["proven"] for one in rows]) == (0, 1, [""])
    workspace.besides = [(99, "Viewer")]
    workspace.write()
    for day in ("11", "12"):
        assert workspace.run("verify", at=f"2026-11-{day}T06:05:00Z").code == 0
    part, whole, rows = counted_and_rows(workspace, "changes-proven", "2026-11-12T07:00:00Z")
    assert (part, whole, [one["called"][:16] for one in rows]) == (1, 1, ["2026-11-09T06:07"])
    part, whole, rows = counted_and_rows(workspace, "grants-judged", "2026-11-12T07:00:00Z")
    assert [(one["account"], one["why"]) for one in rows] == [("ledger:user:u99", "no-owner")]
    assert whole - part == sum(int(one["grants"]) for one in rows) == 1
    policy = workspace.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + "sampling: {tolerable: 0.2}\n")
    assert workspace.run("scorecard", "rows", "grants-judged", at="2026-11-12T07:00:00Z").code == 4


def counted_and_rows(workspace, metric, at):
    """Return the part and the whole of a metric's figure, and the rows behind it."""
    [figure] = (one for one in workspace.run("--json", "scorecard", at=at).json["metrics"] if one["metric"] == metric)
    return figure["part"], figure["whole"], workspace.run("--json", "scorecard", "rows", metric, at=at).json["rows"]


def test_a_trial_starts_no_clock_and_page_and_screen_say_so(company, tmp_path):
    setting_up = company.copy(tmp_path / "trial")
    shutil.rmtree(setting_up.folder / "runs")
    assert setting_up.run("--quiet", "audit", "--trial", at=MONDAY).code in {0, 5}
    (report,) = setting_up.folder.glob("runs/rehearsals/*/report.html")
    assert "No clock starts by this run" in report.read_text()
    assert f"only trials, the last {report.parent.name}" in setting_up.run("status", at=LATER).out
    assert "No clock starts by this run" not in next(company.folder.glob("runs/2*/report.html")).read_text()
