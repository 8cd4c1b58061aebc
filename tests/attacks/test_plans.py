"""Who may write to ``runs/`` edits, copies and forges plans: through the command line, on a system that can be written to.

Even where two people were brought to sign what was edited, nothing is carried out that does not
follow from the run; and where the run itself was edited, nothing that is not so in the system.
"""

import csv
import json
import shutil
from dataclasses import replace

import pyarrow as pa
import pytest
import rfc8785

from access_review import runs, workspace
from access_review.snapshot import Snapshot, digest_of
from access_review.store import logbook, snapshots
from tests.support.faulty_company import APPLY, AUDIT, PLAN, SIGN, Faulty, key
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

LATER = "2026-11-02T06:15:00Z"


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    company = Faulty(tmp_path_factory.mktemp("attacked") / "company", excess=range(11, 14))
    assert company.run("audit", at=AUDIT).code == 0
    made = company.run("plan", "--requested-by", "00007", at=PLAN)
    assert made.code == 0, made.err
    return company


@pytest.fixture
def company(audited, tmp_path):
    return audited.copy(tmp_path / "company")


def edited(company, edit):
    """Rewrite the plan as this tool would write it, without its lists, and let the logbook begin anew with what lies there."""
    (path,) = company.folder.glob("runs/*/plan/plan.json")
    plan = json.loads(path.read_text())
    plan["inputs"]["logbook"] = None
    edit(plan)
    path.write_bytes(rfc8785.dumps(plan) + b"\n")
    for made in (logbook.path_of(company.folder), *path.parent.glob("*.csv"), *path.parent.glob("*.xlsx")):
        made.unlink()


def signed(company, *words):
    for person, more in ((7, ("--request",)), (8, ())):
        done = company.sign(person, *more, *words, at=SIGN)
        assert done.code == 0, done.err


def by_the_first(company):
    return ("--by", "00007", "--key", str(company.folder / "key7"))


def refused(company, said, *words):
    done = company.apply(*words)
    assert done.code == 4, done.out
    assert said in done.err, done.err
    assert "Traceback" not in done.err
    assert company.calls == {}


def further(plan):
    """Another account loses what it may have, and the plan holds for ten years."""
    first = plan["changes"][0]
    other = json.loads(json.dumps(first).replace("00011", "00050").replace(first["id"], "c-0000000000000000"))
    plan["changes"].append(other)
    plan["batches"][0]["changes"].append(other["id"])
    plan["expires_at"] = "2036-11-02T06:05:00Z"


def giving(plan):
    """A privileged role is granted among what is taken away."""
    first = plan["changes"][0]
    role = {**first["target"]["entitlement"], "id": "app:role:Admins", "native_id": "Admins", "name": "Admins"}
    other = {**first, "id": "c-0000000000000001", "action": "add-member"}
    plan["changes"].append({**other, "target": {**first["target"], "entitlement": role}})
    plan["batches"][0]["changes"].append(other["id"])


def longer(plan):
    plan["expires_at"] = "2036-11-02T06:05:00Z"


def unaccepted(plan):
    plan["limits"]["remove_percent"] = 100
    plan["limits"]["counts"] = []


@pytest.mark.parametrize("edit", [further, giving, longer, unaccepted])
def test_an_edited_plan_is_not_carried_out_though_two_people_signed_it(company, edit):
    edited(company, edit)
    signed(company)
    refused(company, "not what follows from the run")


def test_a_plan_that_was_edited_after_it_was_signed_has_no_signatures(company):
    signed(company)
    edited(company, further)
    refused(company, "has not signed the request")


def test_a_plan_cannot_say_that_nobody_need_approve_it(company):
    def alone(plan):
        plan["limits"]["approvals"] = 0

    edited(company, alone)
    refused(company, "not as it was written")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("tool", "0.0.9", "made by version 0.0.9"),
        ("findings", "sha256:0", "the findings of"),
        ("left_open", "sha256:0", "what earlier audits left open"),
        (
            "previous",
            {"run": "20260101T000000Z-00000000", "digest": "sha256:0"},
            "20260101T000000Z-00000000 is not there",
        ),
        (
            "accepted",
            {"run": "20260101T000000Z-00000000", "digest": "sha256:0"},
            "20260101T000000Z-00000000 is not there",
        ),
    ],
)
def test_an_input_that_is_missing_or_different_is_named(company, name, value, said):
    def other(plan):
        plan["inputs"][name] = value

    edited(company, other)
    for person, more in ((7, ("--request",)), (8, ())):
        done = company.sign(person, *more, at=SIGN)
        assert (done.code, said in done.err) == (4, True), done.err


def test_a_plan_is_carried_out_from_where_it_was_made_and_once(company):
    signed(company)
    (folder,) = company.folder.glob("runs/*/plan")
    shutil.copytree(folder, folder.with_name("again"))
    shutil.copytree(folder, company.folder / "outside")
    refused(company, "was made as", "--of", "again")
    for linked in (folder.parent / "linked", company.folder / "runs/.rights", folder):
        kept = company.folder / "kept"
        if linked.exists():
            linked.rename(kept)
        linked.symlink_to(kept if kept.exists() else company.folder / "outside")
        done = company.apply()
        assert (done.code, company.calls) == (1, {})
        assert f"{linked} is a link to elsewhere" in done.err
        linked.unlink()
        if kept.exists():
            kept.rename(linked)
    assert company.apply("--of", "../plan").code != 0
    assert company.apply().code == 0
    assert company.calls == {"revoke called": 3, "revoke": 3}


@pytest.mark.parametrize("name", ["undo", "standing", "ahead", "sample", "con", "CON", "../x", "a/b"])
def test_a_name_that_is_a_commands_own_or_no_folders_is_refused(company, name):
    before = sorted(company.folder.rglob("*"))
    done = company.run("plan", "--requested-by", "00007", "--name", name, at=PLAN)
    assert (done.code, "→" in done.err, "Traceback" in done.err) == (2, True, False), done.err
    assert sorted(company.folder.rglob("*")) == before


def test_a_plan_copied_into_another_run_is_refused(company):
    signed(company)
    assert company.run("collect", at=LATER).code == 0
    assert company.run("review", at=LATER).code == 0
    old, new = sorted(path for path in company.folder.glob("runs/2*"))
    shutil.copytree(old / "plan", new / "plan")
    done = company.run("--run", new.name, "apply", *by_the_first(company), at=APPLY)
    assert done.code == 4
    assert "was made as" in done.err
    assert company.calls == {}


def with_column(table, name, values):
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), pa.array(values, table.schema.field(place).type))


def planned_on(company, run, taken, tables):
    """Plan on a run that was edited, as this tool would have written it, with a logbook that begins anew."""
    edited_run = replace(taken, tables=tables, digest=digest_of(taken.as_of, tables))
    assert isinstance(edited_run, Snapshot)
    made = snapshots.save(edited_run, workspace.load(company.folder))
    shutil.rmtree(run.folder)
    logbook.path_of(company.folder).unlink()
    assert company.run("--run", made.id, "review", at=AUDIT).code == 0
    assert company.run("plan", "--requested-by", "00007", at=PLAN).code == 0


@pytest.mark.parametrize(
    ("table", "column", "of", "what"),
    [
        ("accounts", "native_id", "app:user:u00012", "the native id of the account"),
        ("grants", "native_id", "app:user:u00012", "the id of the assignment"),
    ],
)
def test_a_run_whose_ids_lead_elsewhere_changes_nothing_of_somebody_else(company, monkeypatch, table, column, of, what):
    """Screen and approvers see the one account, and what an executor or a person goes by is the other's."""
    monkeypatch.syspath_prepend(company.folder / "packages")
    (run,) = runs.all_runs(company.folder)
    taken = snapshots.load(run)
    tables = {name: taken.tables[name] for name in taken.tables}
    rows = tables[table]
    values = [
        "u00050" if one == of else value
        for one, value in zip(rows[0].to_pylist(), rows[column].to_pylist(), strict=True)
    ]
    tables[table] = with_column(rows, column, values)
    planned_on(company, run, taken, tables)
    signed(company)
    done = company.apply()
    assert done.code == 4
    assert sorted(done.json["states"].values()) == ["pending", "pending", "refused"]
    (refused,) = (name for name, state in done.json["states"].items() if state == "refused")
    assert f"it would go elsewhere: {what} is " in done.json["reasons"][refused]
    assert "and u00050 in the plan" in done.json["reasons"][refused]
    assert company.calls == {"revoke called": 2, "revoke": 2}
    assert key(12, "Other") in company.system["there"]


def test_a_run_edited_consistently_changes_nothing_for_who_is_employed(company, monkeypatch):
    """The account of somebody employed is given the number of somebody else, in the snapshot and in its manifest."""
    monkeypatch.syspath_prepend(company.folder / "packages")
    (run,) = runs.all_runs(company.folder)
    taken = snapshots.load(run)
    tables = {name: taken.tables[name] for name in taken.tables}
    grants = taken.tables["grants"]
    forged = grants.slice(0, 1).to_pylist()[0] | {"account": "app:user:u00050", "entitlement": "app:role:Other"}
    tables["grants"] = pa.concat_tables([grants, pa.Table.from_pylist([forged], schema=grants.schema)]).sort_by(
        [("account", "ascending"), ("entitlement", "ascending"), ("mode", "ascending")]
    )
    number = pa.array(
        [
            "00050" if one == "00012" else "00012" if one == "00050" else one
            for one in tables["accounts"]["employee_id"].to_pylist()
        ]
    )
    tables["accounts"] = with_column(tables["accounts"], "employee_id", number)
    planned_on(company, run, taken, tables)
    signed(company)
    done = company.apply()
    states = done.json["states"]
    assert sorted(states.values()).count("pending") == 2, "those whose excess and whose owner are as they were"
    assert key(12, "Other") in company.system["there"], "its owner is another than the run said"
    taken_away = {key(11, "Other"), key(13, "Other")}
    assert company.calls == {"revoke called": 2, "revoke": 2}
    assert not taken_away & company.system["there"].keys()


def test_what_happens_besides_between_plan_and_apply_refuses_nothing(company):
    """Another audit is signed off, a newer run reviewed, decisions come in: the plan is derived from what it pinned."""
    signed(company)
    old = next(iter(runs.all_runs(company.folder))).id
    assert company.run("remind", at="2026-11-02T06:12:00Z").code == 0
    company.run("sign-off", "--yes", "--by", "00007", at="2026-11-02T06:13:00Z")
    assert company.run("collect", at=LATER).code == 0
    assert company.run("review", at=LATER).code == 0
    done = company.run("--json", "--run", old, "apply", *by_the_first(company), at=APPLY)
    assert (done.code, set(done.json["states"].values())) == (0, {"pending"}), done.err


def test_a_plan_is_not_carried_out_on_another_system_than_the_one_it_was_made_for(tmp_path):
    company = Faulty(tmp_path / "company", excess=range(11, 14))
    (company.folder / "sources/identity").write_text("S-1-5-21-1")
    assert company.run("audit", at=AUDIT).code == 0
    assert company.run("plan", "--requested-by", "00007", at=PLAN).code == 0
    signed(company)
    (company.folder / "sources/identity").write_text("S-1-5-21-2")
    done = company.apply()
    assert (done.code, company.calls) == (4, {})
    assert (
        "app is now app.example (S-1-5-21-2), and the plan was made for app.example (S-1-5-21-1)"
        in done.json["stopped"]
    )


FRIDAY = "2026-10-30T19:00:00Z"


def test_a_plan_that_nobody_signed_is_not_carried_out_unattended(tmp_path):
    company = Company(tmp_path / "company")
    company.leave(20, "2026-10-29")
    assert company.run("audit", at=FRIDAY).code == 0
    for person in (8, 9):
        assert company.sign(person, "--standing", at=FRIDAY).code == 0
    made = company.run("--json", "plan", "--requested-by", "00007", "--rule", "leaver-active", "--name", "x", at=FRIDAY)
    assert made.code == 0, made.err
    for run in (("--run", made.json["run"]), ()):
        done = company.run(*run, "apply", "--standing", "--of", "x", at=FRIDAY)
        assert (done.code, "was not made for an unattended run" in done.err) == (4, True), done.err
    assert not list(company.folder.glob("runs/*/x/orders.csv"))


def answered(company):
    sheet = min(company.folder.glob("runs/2*/sample/*.csv"))
    rows = list(csv.DictReader(sheet.read_text("utf-8-sig").splitlines()))
    for row in rows:
        row |= {"decision": "keep", "decided by": "Person 7", "decided on": "2026-11-02", "comment": "agreed"}
    path = company.folder / "back.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    done = company.run("decide", str(path), at="2026-11-02T06:12:00Z")
    assert done.code == 0, done.err


def test_new_decisions_between_plan_and_apply_refuse_nothing(company):
    signed(company)
    answered(company)
    done = company.apply()
    assert (done.code, set(done.json["states"].values())) == (0, {"pending"}), done.err


def test_a_batch_that_was_stopped_goes_on_after_a_newer_review(company):
    signed(company)
    old = next(iter(runs.all_runs(company.folder))).id
    company.fail(calls={"2": "transient", "3": "transient"})
    company.apply()
    assert company.calls["revoke"] == 1
    company.fail()
    for command in ("collect", "review"):
        assert company.run(command, at="2026-11-02T06:25:00Z").code == 0
    again = company.run("--json", "--run", old, "apply", *by_the_first(company), at="2026-11-02T06:30:00Z")
    assert (again.code, company.calls["revoke"]) == (0, 3), (again.out, again.err)


def test_a_batch_stopped_and_resumed_between_plan_and_apply_of_another_refuses_nothing(company):
    company.approved((11,), name="beside")
    company.fail(calls={"1": "transient"})
    assert company.apply("--of", "beside", at="2026-11-02T06:15:00Z").code == 4
    signed(company)
    company.fail()
    resumed, done = company.apply("--of", "beside", at="2026-11-02T06:18:00Z"), company.apply()
    assert (resumed.code, done.code, company.calls["revoke"]) == (0, 0, 3), (resumed.out, done.out, done.err)


def test_signing_off_another_audit_between_plan_and_apply_refuses_nothing(tmp_path):
    company = Faulty(tmp_path / "company", excess=range(11, 14))
    before = "2026-10-26T06:00:00Z"
    assert company.run("audit", at=before).code == 0
    (earlier,) = runs.all_runs(company.folder)
    assert company.run("audit", at=AUDIT).code == 0
    assert company.run("plan", "--requested-by", "00007", at=PLAN).code == 0
    signed(company)
    for words in (("remind",), ("sign-off", "--yes", "--by", "00007")):
        done = company.run("--run", earlier.id, *words, at="2026-11-02T06:12:00Z")
        assert done.code == 0, done.err
    done = company.apply()
    assert (done.code, set(done.json["states"].values())) == (0, {"pending"}), done.err
