"""A batch on a real domain and a tenant that follows it, through the command line, with everything on the wire recorded.

Somebody holds too much in both, somebody has left. Two people stand behind the plan; what
is taken is seen gone, and what was the employee's is given back.
"""

import json
import subprocess
import sys
from datetime import timedelta
from time import perf_counter

import pytest

from tests.real import hybrid
from tests.real.ad import now
from tests.real.conftest import servers
from tests.real.hybrid import EXCESS
from tests.real.live_company import ASKS, SECOND, enabled, live_company, payments

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
    undone = company.done("--run", run, "undo", "--requested-by", ASKS, at=later)
    assert {(c["action"], c["target"]["source"]) for c in undone["changes"]} == {
        ("add-member", "ad"),
        ("add-member", "entra"),
    }, "who has left gets nothing back"
    for words in (("--request", "--by", ASKS, "--key", ASKS), ("--by", SECOND, "--key", SECOND)):
        company.done("approve", "--of", "undo", *words, at=later)
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
