"""The attacks that end in a write, on a real domain and a tenant that follows it: whoever may write to ``runs/`` and holds a key.

Two people stand behind a batch, and then somebody edits, copies, deletes, rolls back, sets the clock or signs for another.
Whatever the command says, nothing of it reaches a server: that is seen on the wire and in both systems. The same
attacks, and those that end in a file, are tried on the fake system in ``tests/attacks``.

A share of them is tried everywhere, `make attacks` tries all.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import rfc8785
from ldap3 import MODIFY_ADD, MODIFY_REPLACE

from access_review import runs, workspace
from access_review.connectors.ad.server import Session
from access_review.snapshot import digest_of
from access_review.store import logbook, snapshots
from tests.real import hybrid
from tests.real.ad import now
from tests.real.authority import Authority
from tests.real.conftest import servers
from tests.real.hybrid import EXCESS
from tests.real.live_company import ASKS, POLICY, SECOND, THIRD, LiveCompany, enabled, live_company, payments
from tests.real.samba import Domain

LEAVER, LATER_LEAVER, VICTIM = "h10", "h08", "h01"
"""Of Audit, both; the victim is of Finance, works here, and holds what that takes."""
RULES = ("--rule", "access-beyond-role", "--rule", "leaver-active")
LIMITED = POLICY + "limits: {disable: {percent: 5, floor: 1}}\n"


@dataclass(frozen=True, slots=True)
class Systems:
    """What both systems hold that a batch could take or give."""

    paying: frozenset[str]
    signing_in: frozenset[str]
    board: tuple[str, ...]


@pytest.fixture(scope="module")
def admin(hybrid_domain: Domain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with servers(tmp_path_factory.mktemp("admin"), hybrid_domain, "Administrator").session() as session:
        yield session


@pytest.fixture(scope="module")
def agreed(
    hybrid_domain: Domain, admin: Session, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveCompany]:
    """Return the company with a batch that two people stand behind; nobody writes there."""
    folder, left = tmp_path_factory.mktemp("attacked"), [LEAVER, LATER_LEAVER]
    with live_company(hybrid_domain, admin, authority, folder, left=left, policy=LIMITED) as company:
        company.done("audit")
        plan = company.done("plan", "--requested-by", ASKS, *RULES, *_persons(LEAVER, EXCESS))
        assert {one["action"] for one in plan["changes"]} == {"disable-account", "revoke-sessions", "remove-member"}
        company.agreed()
        yield company


@pytest.fixture(scope="module")
def carried_out(
    agreed: LiveCompany, admin: Session, hybrid_domain: Domain, tmp_path_factory: pytest.TempPathFactory
) -> LiveCompany:
    """Return the company whose batch was carried out, and then given back on purpose; another one is agreed besides."""
    company = agreed.moved(Path(shutil.copytree(agreed.folder, tmp_path_factory.mktemp("carried") / "company")))
    company.done("plan", "--requested-by", ASKS, "--name", "more", *RULES, *_persons(LATER_LEAVER))
    company.agreed("more")
    before, held = systems(company, admin, hybrid_domain), list(company.board)
    assert set(company.done("apply", "--by", ASKS, "--key", ASKS)["states"].values()) == {"pending"}
    assert systems(company, admin, hybrid_domain) != before
    (shown,) = admin.search(hybrid_domain.base, f"(sAMAccountName={EXCESS})", [], scope="SUBTREE").entries
    admin.modify(f"CN=Payments,OU=Groups,{hybrid_domain.base}", {"member": [(MODIFY_ADD, [shown[0]])]})
    (shown,) = admin.search(hybrid_domain.base, f"(sAMAccountName={LEAVER})", [], scope="SUBTREE").entries
    admin.modify(shown[0], {"userAccountControl": [(MODIFY_REPLACE, ["512"])]})
    company.board[:] = held
    assert systems(company, admin, hybrid_domain) == before
    return company


def _persons(*logins: str) -> list[str]:
    return [f"--person=Person {login}" for login in logins]


def systems(company: LiveCompany, admin: Session, domain: Domain) -> Systems:
    on = frozenset(login for _, login, _ in hybrid.PEOPLE if enabled(admin, domain, login))
    return Systems(frozenset(payments(admin, domain)), on, tuple(company.board))


# What the attacker does


def apply(company: LiveCompany, *words: str, by: str = ASKS, key: str = ASKS, days: int = 0) -> Any:
    """Carry out whatever lies there, or try to."""
    at = now() + timedelta(days=days) if days else None
    return company.run("--json", "apply", "--by", by, "--key", key, "--go-on", *words, at=at)


def plan_of(company: LiveCompany, name: str = "plan") -> Path:
    (path,) = company.folder.glob(f"runs/2*/{name}/plan.json")
    return path


def edited(edit: Callable[[dict[str, Any]], None]) -> Callable[[LiveCompany], Any]:
    """Rewrite the plan as this tool would, let the logbook begin anew, and have both people sign it once more."""

    def attack(company: LiveCompany) -> Any:
        path = plan_of(company)
        plan = json.loads(path.read_bytes())
        plan["inputs"]["logbook"] = None
        edit(plan)
        path.write_bytes(rfc8785.dumps(plan) + b"\n")
        for beside in (logbook.path_of(company.folder), *path.parent.glob("*.csv"), *path.parent.glob("*.xlsx")):
            beside.unlink()
        company.run("approve", "--request", "--by", ASKS, "--key", ASKS)
        company.run("approve", "--by", SECOND, "--key", SECOND)
        return apply(company)

    attack.__name__ = edit.__name__
    return attack


def _another(plan: dict[str, Any], like: str, **more: Any) -> None:
    first = next(one for one in plan["changes"] if one["action"] == like)
    other = json.loads(json.dumps(first).replace(EXCESS, VICTIM).replace(LEAVER, VICTIM)) | {"id": "c-00000000000000aa"}
    plan["changes"].append(other | more)
    plan["batches"][0]["changes"].append(other["id"])


def nobody_need_approve_it(plan: dict[str, Any]) -> None:
    plan["limits"]["approvals"] = 0


def somebody_else_is_disabled_for_ten_years(plan: dict[str, Any]) -> None:
    _another(plan, "disable-account")
    plan["expires_at"] = f"{now() + timedelta(days=3650):%Y-%m-%dT%H:%M:%SZ}"


def somebody_is_let_in(plan: dict[str, Any]) -> None:
    _another(plan, "remove-member", action="add-member")


def an_undo_that_gives(plan: dict[str, Any]) -> None:
    _another(plan, "remove-member", action="add-member")
    plan["name"] = "undo"


def another_system(plan: dict[str, Any]) -> None:
    plan["systems"] = {name: {**system, "id": "S-1-5-21-1-2-3"} for name, system in plan["systems"].items()}


def unsigned_and_unattended(company: LiveCompany) -> Any:
    company.done("plan", "--requested-by", ASKS, "--name", "unsigned", *RULES, *_persons(LEAVER))
    run = plan_of(company, "unsigned").parents[1].name
    return company.run("--json", "--run", run, "apply", "--standing", "--of", "unsigned")


def carried_out_by_who_approved(company: LiveCompany) -> Any:
    assert apply(company, by=SECOND, key=SECOND).code == 4
    return apply(company, by=ASKS, key=SECOND)


def carried_out_by_a_stranger_to_the_key(company: LiveCompany) -> Any:
    return apply(company, by=ASKS, key=THIRD)


def after_it_is_over(company: LiveCompany) -> Any:
    assert company.run("--as-of", f"{now():%Y-%m-%dT%H:%M:%SZ}", "apply", "--by", ASKS, "--key", ASKS).code == 4
    return apply(company, days=2)


def a_leaver_of_next_month(company: LiveCompany) -> Any:
    month = (now() + timedelta(days=30)).date().isoformat()
    people = company.folder / "sources/people.csv"
    people.write_text(people.read_text().replace(f"Person {VICTIM},Active,", f"Person {VICTIM},Terminated,{month}"))
    rehearsed = company.run("--as-of", f"{now() + timedelta(days=40):%Y-%m-%dT%H:%M:%SZ}", "--json", "audit")
    (manifest,) = company.folder.glob("runs/rehearsals/*/manifest.json")
    assert rehearsed.code == 0, rehearsed.err
    made = company.run("--run", manifest.parent.name, "plan", "--requested-by", ASKS, "--person", f"Person {VICTIM}")
    assert made.code == 4
    shutil.copytree(plan_of(company).parent, manifest.parent / "plan")
    manifest.parent.rename(company.folder / "runs" / manifest.parent.name)
    run = manifest.parent.name
    return company.run("--json", "--run", run, "apply", "--by", ASKS, "--key", ASKS)


def agree_on(company: LiveCompany, name: str, login: str) -> None:
    company.done("plan", "--requested-by", ASKS, "--name", name, *RULES, *_persons(login))
    company.agreed(name)


def the_leaver_stays_after_all(company: LiveCompany) -> Any:
    agree_on(company, "stays", LEAVER)
    (company.folder / "sources/people.csv").write_text(hybrid.roster(left=[LATER_LEAVER]))
    return apply(company, "--of", "stays")


def the_account_changes_hands(company: LiveCompany) -> Any:
    """Both accounts with the excess are somebody else's by now, who is employed and may pay."""
    agree_on(company, "hands", EXCESS)
    try:
        _renumber(company, "00009")
        return apply(company, "--of", "hands")
    finally:
        _renumber(company, "00002")


def _renumber(company: LiveCompany, number: str) -> None:
    sync = company.sync
    sync.session.modify(f"CN={EXCESS},OU=Staff,{sync.base}", {"employeeID": [(MODIFY_REPLACE, [number])]})
    sync.run()


def the_approver_has_left(company: LiveCompany) -> Any:
    (company.folder / "sources/people.csv").write_text(hybrid.roster(left=[LEAVER, LATER_LEAVER, "h03"]))
    return apply(company)


def the_approval_is_taken_back_and_that_deleted(company: LiveCompany) -> Any:
    taken = company.run("withdraw", "--of", "plan", "--by", SECOND, "--key", SECOND, "--comment", "wrong")
    assert taken.code == 0, taken.err
    assert apply(company).code == 4
    for path in plan_of(company).parent.glob("approvals/withdrawal-*"):
        path.unlink()
    return apply(company)


def copied_under_another_name(company: LiveCompany) -> Any:
    folder = plan_of(company).parent
    shutil.copytree(folder, folder.with_name("again"))
    (folder.with_name("again") / "journal.sqlite").unlink(missing_ok=True)
    return apply(company, "--of", "again")


def the_run_says_somebody_else_left(company: LiveCompany) -> Any:
    """Give the victim's accounts the leaver's number in snapshot and manifest, and plan, ask and approve on that."""
    (run,) = runs.all_runs(company.folder)
    taken = snapshots.load(run)
    tables = {name: taken.tables[name] for name in taken.tables}
    numbers = {login: number for number, login, _ in hybrid.PEOPLE}
    swap = {numbers[VICTIM]: numbers[LEAVER], numbers[LEAVER]: numbers[VICTIM]}
    accounts = tables["accounts"]
    place = accounts.schema.get_field_index("employee_id")
    forged = pa.array([swap.get(one, one) for one in accounts["employee_id"].to_pylist()], pa.string())
    tables["accounts"] = accounts.set_column(place, accounts.schema.field(place), forged)
    made = snapshots.save(
        replace(taken, tables=tables, digest=digest_of(taken.as_of, tables)), workspace.load(company.folder)
    )
    shutil.rmtree(run.folder)
    logbook.path_of(company.folder).unlink()
    company.done("--run", made.id, "review")
    plan = company.done("plan", "--requested-by", ASKS, "--person", f"Person {LEAVER}", "--rule", "leaver-active")
    assert VICTIM in json.dumps(plan["changes"]), "the forgery is planned on"
    company.agreed()
    return apply(company)


# After a batch was carried out and given back on purpose


def journal_deleted(company: LiveCompany) -> Any:
    (plan_of(company).parent / "journal.sqlite").unlink()
    return apply(company, "--of", "plan")


def journal_rolled_back(company: LiveCompany) -> Any:
    with sqlite3.connect(plan_of(company).parent / "journal.sqlite") as journal:
        journal.execute("DELETE FROM rows WHERE seq > 1")
    journal.close()
    return apply(company, "--of", "plan")


def applied_again(company: LiveCompany) -> Any:
    return apply(company, "--of", "plan")


def in_small_rounds(company: LiveCompany) -> Any:
    return apply(company, "--of", "more")


Attack = tuple[Callable[[LiveCompany], Any], str]
"""What is done, and what is said of it."""

BEFORE: tuple[Attack, ...] = (
    (edited(nobody_need_approve_it), "not as it was written"),
    (edited(another_system), "not as it was written"),
    (edited(somebody_else_is_disabled_for_ten_years), "not what follows from the run"),
    (edited(somebody_is_let_in), "not what follows from the run"),
    (edited(an_undo_that_gives), "was made as"),
    (unsigned_and_unattended, "was not made for an unattended run"),
    (carried_out_by_who_approved, "did not sign with a key of their own"),
    (carried_out_by_a_stranger_to_the_key, "did not sign with a key of their own"),
    (after_it_is_over, "expired"),
    (a_leaver_of_next_month, "is not known to the logbook"),
    (the_leaver_stays_after_all, "the person is active"),
    (the_account_changes_hands, "its owner was hr:person:00002 and is now hr:person:00009"),
    (the_approver_has_left, "is not employed now"),
    (the_approval_is_taken_back_and_that_deleted, "is gone"),
    (copied_under_another_name, "was made as"),
    (the_run_says_somebody_else_left, "its owner was hr:person:00010 and is now hr:person:00001"),
)
AFTER: tuple[Attack, ...] = (
    (journal_deleted, "journal.sqlite: is gone"),
    (journal_rolled_back, "journal.sqlite: has fewer than"),
    (applied_again, '"calls": 0'),
    (in_small_rounds, "with what other batches have taken"),
    (copied_under_another_name, "was made as"),
)


def _each(tried: tuple[Attack, ...]) -> list[Any]:
    return [pytest.param(act, words, id=act.__name__) for act, words in tried]


def untouched(company: LiveCompany, admin: Session, domain: Domain, attack: Attack) -> None:
    """Attack, and see that nothing was written to either system."""
    before = systems(company, admin, domain)
    company.wire()
    done = attack[0](company)
    wire = company.wire()
    said = done.out + done.err
    assert (attack[1] in said, "Traceback" in said) == (True, False), said
    if done.code == 0:
        states = json.loads(done.out)["states"].values()
        assert not {"unknown", "failed"} & set(states), said
    assert (wire.written, wire.modified) == ([], []), said
    assert systems(company, admin, domain) == before, said


@pytest.mark.sweep(share=1 / 5)
@pytest.mark.parametrize(("attack", "words"), _each(BEFORE))
@pytest.mark.usefixtures("forged_plans")
def test_nothing_is_written_that_was_tampered_with_before(agreed, admin, hybrid_domain, tmp_path, attack, words):
    company = agreed.moved(Path(shutil.copytree(agreed.folder, tmp_path / "company")))
    untouched(company, admin, hybrid_domain, (attack, words))


@pytest.mark.sweep(share=1 / 5)
@pytest.mark.parametrize(("attack", "words"), _each(AFTER))
@pytest.mark.usefixtures("forged_plans")
def test_nothing_is_written_again_that_was_given_back(carried_out, admin, hybrid_domain, tmp_path, attack, words):
    company = carried_out.moved(Path(shutil.copytree(carried_out.folder, tmp_path / "company")))
    untouched(company, admin, hybrid_domain, (attack, words))
