"""A batch on a real domain and a tenant that follows it, through the command line, with everything on the wire recorded.

Somebody holds too much in both, somebody has left. Two people stand behind the plan; what
is taken is seen gone, and what was the employee's is given back.
"""

import json
import subprocess
import sys
from datetime import timedelta
from time import perf_counter, sleep

import pytest

from access_review.cli.clocks import MachineClock
from tests.faults.ldap_proxy import SEARCH, reset, result
from tests.real import hybrid
from tests.real.ad import now
from tests.real.conftest import servers
from tests.real.hybrid import EXCESS
from tests.real.live_company import ASKS, SECOND, enabled, live_company, payments
from tests.support.workspaces import key_of

LEAVER = "h12"


@pytest.fixture
def domain(hybrid_domain):
    return hybrid_domain


@pytest.fixture
def admin(domain, tmp_path):
    with servers(tmp_path, domain, "Administrator").session() as session:
        yield session


@pytest.fixture
def company(domain, admin, authority, tmp_path):
    with live_company(domain, admin, authority, tmp_path, left=[LEAVER]) as made:
        yield made


def test_from_plan_to_undo_and_nothing_is_written_but_by_apply(company, domain, admin):
    before, board = payments(admin, domain), ("groups/members", company.cloud_group)
    (holder,) = company.simulator.tenant.links[board]

    # All before `apply` reads, as the reader.
    company.done("check", "--live")
    company.done("collect")
    company.done("review")
    company.done("audit")
    plan = company.done("plan", "--requested-by", ASKS, "--rule", "access-beyond-role", "--rule", "leaver-active")
    asked = {(c["action"], c["target"]["source"]): c for c in plan["changes"]}
    assert set(asked) == {
        ("disable-account", "ad"),
        ("revoke-sessions", "entra"),
        ("remove-member", "ad"),
        ("remove-member", "entra"),
    }
    assert company.run("apply", "--by", ASKS, "--key", ASKS).code == 4, "nobody has approved"
    company.agreed()
    assert company.wire().only_read()

    run = plan["run"]
    done = company.done("apply", "--by", ASKS, "--key", ASKS)
    assert set(done["states"].values()) == {"pending"}, done
    wire = company.wire()
    sessions = asked["revoke-sessions", "entra"]["target"]["account"]["native_id"]
    assert wire.written == [
        ("DELETE", f"/groups/{company.cloud_group}/members/{holder}/$ref"),
        ("POST", f"/users/{sessions}/revokeSignInSessions"),
    ]
    assert len(wire.modified) == 2
    assert payments(admin, domain) == before - {EXCESS}
    assert not enabled(admin, domain, LEAVER)
    assert company.simulator.tenant.links[board] == []
    assert company.done("apply", "--by", ASKS, "--key", ASKS)["calls"] == 0, "applied twice equals once"
    company.wire()

    later = now() + timedelta(minutes=20)
    proven = company.done("--run", run, "verify", at=later)
    assert {one["state"] for one in proven["changes"]} == {"revoked"}
    assert company.wire().only_read(), "verify looks as the reader"

    company.done("audit", at=later)
    later += timedelta(minutes=1)  # each command begins its clock anew, and the one before may have taken long
    undone = company.done("--run", run, "undo", "--requested-by", ASKS, at=later)
    assert {(c["action"], c["target"]["source"]) for c in undone["changes"]} == {
        ("add-member", "ad"),
        ("add-member", "entra"),
    }, "who has left gets nothing back"
    later += timedelta(minutes=1)
    company.agreed("undo", at=later)
    assert company.wire().only_read()
    given = company.done("apply", "--of", "undo", "--by", ASKS, "--key", ASKS, at=later)
    assert set(given["states"].values()) == {"pending"}
    wire = company.wire()
    assert wire.written == [("POST", f"/groups/{company.cloud_group}/members/$ref")]
    assert len(wire.modified) == 1
    assert payments(admin, domain) == before
    assert company.simulator.tenant.links[board] == [holder]
    assert not enabled(admin, domain, LEAVER)
    restored = company.done("verify", "--of", "undo", at=later + timedelta(minutes=20))
    assert {one["state"] for one in restored["changes"]} == {"restored"}
    assert company.simulator.violations == []
    _kept_grants_go_by_themselves_and_a_stopped_one_stays(company, domain, admin, later + timedelta(minutes=30))


def _kept_grants_go_by_themselves_and_a_stopped_one_stays(company, domain, admin, at):
    """Under the standing removal, in the same domain: what two hold and never may goes of one, a day after it was told."""
    stays, group = "h04", f"CN=Payments,OU=Groups,{domain.base}"
    assert admin.modify(group, {"member": [("MODIFY_ADD", [f"CN={stays},OU=Staff,{domain.base}"])]}).fault is None
    before = payments(admin, domain)
    standing_removal(company.folder, hybrid.roster(left=[LEAVER]))
    company.done("audit", at=at)
    for person in (ASKS, SECOND):
        company.done("approve", "--standing-removal", "--by", person, "--key", person, at=at + timedelta(minutes=1))
    job = ("apply", "--standing", "--key", str(company.folder / "job"))
    told = company.done(*job, at=at + timedelta(minutes=2))["removals"]
    changes = {line.split(":")[0].removeprefix("Person "): line.rsplit(" ", 1)[1] for line in told["announced"]}
    assert (set(changes), payments(admin, domain)) == ({EXCESS, stays}, before)
    company.done("stop", changes[stays], "--by", ASKS, "--comment", "stands in", at=at + timedelta(hours=1))
    company.wire()
    taken = company.done(*job, at=at + timedelta(hours=24, minutes=5))["removals"]
    assert (len(taken["done"]), taken["undo_prepared"], payments(admin, domain)) == (1, True, before - {EXCESS}), taken
    assert len(company.wire().modified) == 1
    # Others share the domain.
    members = [("MODIFY_DELETE", [f"CN={stays},OU=Staff,{domain.base}"])]
    assert admin.modify(group, {"member": members}).fault is None
    members = [("MODIFY_ADD", [f"CN={EXCESS},OU=Staff,{domain.base}"])]
    assert admin.modify(group, {"member": members}).fault is None


def standing_removal(folder, roster):
    """Declare a standing removal, the line that it rests on, who answers for whom, and the key of the job."""
    hr = folder / "sources/hr.yaml"
    hr.write_text(
        hr.read_text().replace('"department": "department"', '"department": "department", "manager": "manager"')
    )
    first, *rows = roster.splitlines()
    (folder / "sources/people.csv").write_text(
        "\n".join([f"{first},manager", *(f"{row},{ASKS}" for row in rows)]) + "\n"
    )
    never = "never: [ad:group:Payments]\ntests: [{has: [ad:group:Payments], expect: [never-allowed]}]\n"
    for name, more in (
        ("templates/audit", never),
        (
            "policy",
            'standing_removal: {rules: [never-allowed], entitlements: ["ad:group:Payments"], daily: 5, until: 2099-12-31}\n',
        ),
        ("approvers", f'  - {{job: standing, key: "{key_of(99)[1]}", enrolled: made there}}\n'),
    ):
        path = folder / f"roles/{name}.yaml"
        path.write_text(path.read_text() + more)
    (folder / "job").touch(mode=0o600)
    (folder / "job").write_bytes(key_of(99)[0])


def members_of(admin, domain, name):
    answer = admin.search(domain.base, f"(sAMAccountName={name})", ["member"], scope="SUBTREE")
    return {value.decode().split(",")[0].removeprefix("CN=") for value in answer.entries[0][1].get("member", ())}


@pytest.mark.slow
def test_what_was_deleted_or_is_in_doubt_is_left_alone_and_what_cannot_be_read_waits(
    company, domain, admin, monkeypatch
):
    """Of four changes two go out: a group is deleted, an owner doubtful, and each fault passes before."""
    monkeypatch.setattr(
        MachineClock, "wait", lambda _, seconds: sleep(seconds / 50)
    )  # between attempts, as many of them
    names, leavers, mover = ("Doomed", "Standing"), ("h08", "h10"), "h06"
    for name in names:
        member = [f"CN={mover},OU=Staff,{domain.base}"]
        admin._connection.add(f"CN={name},OU=Groups,{domain.base}", "group", {"sAMAccountName": name, "member": member})
        assert admin._connection.result["result"] == 0
    people = company.folder / "sources/people.csv"
    people.write_text(hybrid.roster(left=leavers))
    company.done("audit")
    who = [word for login in (*leavers, mover) for word in ("--person", f"Person {login}")]
    rules = ("--rule", "access-beyond-role", "--rule", "leaver-active")
    made = company.done("plan", "--requested-by", ASKS, *rules, *who)["changes"]
    targets = {c["id"]: c["target"] for c in made if c["target"]["source"] == "ad"}
    of = {(one.get("entitlement") or one["account"])["name"].split("@")[0]: c for c, one in targets.items()}
    assert of.keys() == {*names, *leavers}
    company.agreed()

    admin._connection.delete(f"CN=Doomed,OU=Groups,{domain.base}")
    people.write_text(people.read_text() + f"00099,Person {leavers[0]},Active,,Audit\n")
    company.wire()
    for name, faults in (
        ("referral", on_looks(result(10))),
        ("busy", on_looks(result(51))),
        ("lost", on_looks(reset)),
        ("gone", lambda r, a: reset(r, a) if r.operation == SEARCH else a),
    ):
        company.proxy.faults = [faults]
        said = company.run("--json", "apply", "--by", ASKS, "--key", ASKS)
        assert not company.wire().modified, name
        states = said.json.get("states", {}) if said.out.startswith("{") else {}
        ended = {held: states[of[held]] for held in ("Standing", "h10") if states.get(of[held]) in ENDED}
        assert (said.code, ended) == (4, {}), (name, said.out, said.err)

    company.proxy.faults = ()
    done = company.done("apply", "--by", ASKS, "--key", ASKS)
    assert {name: done["states"][change] for name, change in of.items()} == {
        "Doomed": "skipped",
        "Standing": "pending",
        "h08": "skipped",
        "h10": "pending",
    }
    assert enabled(admin, domain, "h08")
    assert not enabled(admin, domain, "h10")
    assert members_of(admin, domain, "Standing") == set()
    again = company.run("--json", "apply", "--by", ASKS, "--key", ASKS)
    assert again.json["calls"] == 0
    # Others share the domain.
    admin._connection.delete(f"CN=Standing,OU=Groups,{domain.base}")
    back = {"userAccountControl": [("MODIFY_REPLACE", ["512"])]}
    assert admin.modify(f"CN=h10,OU=Staff,{domain.base}", back).fault is None


ENDED = {"skipped", "absent", "refused", "failed"}


def on_looks(change):
    """Change the answers to searches of one object only, which are those just before a change."""
    return lambda r, a: change(r, a) if r.operation == SEARCH and r.base.startswith(b"<GUID=") else a


def test_without_a_writer_each_change_is_a_work_order(company, domain, admin):
    for name in ("ad", "entra"):
        path = company.folder / f"sources/{name}.yaml"
        source = json.loads(path.read_text())
        del source["options"]["writer"]
        path.write_text(json.dumps(source))
    before = payments(admin, domain)
    company.done("audit")
    company.done("plan", "--requested-by", ASKS, "--rule", "access-beyond-role")
    company.agreed()
    done = company.done("apply", "--by", ASKS, "--key", ASKS)
    assert set(done["states"].values()) == {"ordered"}
    assert company.wire().only_read()
    assert payments(admin, domain) == before


@pytest.mark.slow
def test_a_leaver_goes_from_a_name_to_disabled_sign_in(company, domain, admin, capsys):
    """Every command as a process of its own, start-up and signatures included; the runbook says which time was seen."""
    leaver = "h11"
    (company.folder / "sources/people.csv").write_text(hybrid.roster(left=[leaver]))
    assert enabled(admin, domain, leaver)
    began, took = perf_counter(), []
    for words in (
        ("collect",),
        ("review",),
        ("plan", "--requested-by", ASKS, "--person", f"Person {leaver}", "--rule", "leaver-active"),
        ("approve", "--request", "--by", ASKS, "--key", ASKS),
        ("approve", "--by", SECOND, "--key", SECOND),
        ("apply", "--by", ASKS, "--key", ASKS, "--go-on"),
    ):
        since = perf_counter()
        command = [sys.executable, "-m", "access_review", "-C", str(company.folder), "--quiet", *words]
        done = subprocess.run(command, cwd=company.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)
        took.append(f"{words[0]} {perf_counter() - since:.1f}")
    seconds = perf_counter() - began
    assert not enabled(admin, domain, leaver)
    assert [path.endswith("/revokeSignInSessions") for method, path in company.wire().written] == [True]
    with capsys.disabled():
        print(f"\nfrom a name to disabled sign-in: {seconds:.0f} s ({', '.join(took)})")  # noqa: T201 - the figure is what it is for
