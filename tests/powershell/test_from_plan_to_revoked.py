"""Batches and their undo through the command line, carried out by people: from the plan through the program's log to proven."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from access_review.store.journal import JournalFile
from access_review.views import carry_out
from tests.powershell import carry
from tests.powershell.carry import Carry
from tests.powershell.hand import carried_out
from tests.powershell.written import now
from tests.stages.test_undo import AD, TEMPLATE, Domain, now_in_other
from tests.support.command import CommandResult, access_review

pytestmark = pytest.mark.slow


def digest_of(folder: Path) -> str:
    """Return what ``sha256sum plan.json`` shows, as it is approved."""
    return "sha256:" + hashlib.sha256((folder / "plan.json").read_bytes()).hexdigest()


def states(verified: CommandResult) -> set[str]:
    return {one["state"] for one in verified.json["changes"]}


def _domain(folder: Path) -> Domain:
    made = Domain(folder)
    (made.folder / "sources/ad.yaml").write_text(AD)
    (made.folder / "roles/templates/clerk.yaml").write_text(TEMPLATE)
    return made


@pytest.fixture
def domain(tmp_path):
    return _domain(tmp_path)


@pytest.fixture(scope="module")
def planned_once(tmp_path_factory):
    """Return a company with a plan that removes one person from one group, and what was printed of it."""
    made = _domain(tmp_path_factory.mktemp("planned"))
    now_in_other(made, 14)
    assert made.run("audit", at="2026-10-26T06:00:00Z").code == 0
    return made, made.run("--json", "plan", "--requested-by", "00007", at="2026-10-26T06:05:00Z").json


@pytest.fixture
def planned(planned_once, tmp_path):
    """Return a copy of it, the plan's digest and its folder."""
    made, printed = planned_once
    copied = made.copy(tmp_path / "company")
    return copied, printed["digest"], copied.folder / "runs" / printed["run"] / "plan"


@dataclass
class Clock:
    """Moments of one story, counted in minutes from its beginning."""

    began: datetime

    def at(self, minutes: int) -> str:
        return (self.began + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_batch_and_its_undo_are_proven_from_the_log(domain, tmp_path):
    """Where there is PowerShell, the program itself carries both out: then the story is of today, as its clock is."""
    found = carry.find()
    by = Carry(tmp_path, found) if found else None
    clock = Clock(now() - timedelta(minutes=10) if by else datetime(2026, 10, 26, 6, tzinfo=UTC))
    now_in_other(domain, 14, 15)
    assert domain.run("audit", at=clock.at(0)).code == 0
    planned = domain.run("--json", "plan", "--requested-by", "00007", at=clock.at(5)).json
    folder = domain.folder / "runs" / planned["run"] / "plan"
    assert planned["digest"] == digest_of(folder)
    signed = domain.sign(7, "--request", at=clock.at(6))
    assert (digest_of(folder) in signed.out, carry_out.digest() in signed.out) == (True, True)
    assert domain.sign(9, at=clock.at(7)).code == 0

    log = str(carried_out(folder, clock.began + timedelta(minutes=8), by))
    now_in_other(domain)
    assert domain.run("verify", "--log", log, at=clock.at(60)).code == 2, "nobody says who brings it"
    first = domain.run("--json", "verify", "--log", log, "--by", "00007", at=clock.at(60))
    assert states(first) == {"pending"}, first.err
    proven = domain.run("--json", "verify", "--log", log, "--by", "00007", at=clock.at(80))
    assert (states(proven), proven.code) == ({"revoked"}, 0), proven.err

    assert domain.run("collect", at=clock.at(90)).code == 0
    assert domain.run("review", at=clock.at(90)).code == 0
    undo = domain.run("--json", "--run", planned["run"], "undo", "--requested-by", "00007", at=clock.at(95))
    assert {one["action"] for one in undo.json["changes"]} == {"add-member"}, undo.err
    back = domain.folder / "runs" / undo.json["run"] / "undo"
    assert (back / carry_out.NAME).read_bytes() == carry_out.program()
    assert undo.json["digest"] == digest_of(back)
    other = domain.run("verify", "--of", "undo", "--log", log, "--by", "00007", at=clock.at(96))
    assert (other.code, "of another plan" in other.err, "nothing was taken" in other.err) == (4, True, True)
    for person, more in ((7, ("--request",)), (9, ())):
        assert domain.sign(person, *more, "--of", "undo", at=clock.at(96)).code == 0
    log = str(carried_out(back, clock.began + timedelta(minutes=97), by))
    now_in_other(domain, 14, 15)
    for minutes in (150, 170):
        given = domain.run("--json", "verify", "--of", "undo", "--log", log, "--by", "00007", at=clock.at(minutes))
    assert (states(given), given.code) == ({"restored"}, 0), given.err


@pytest.mark.parametrize("signed", [(), ("--request",), ("--request", "too late")], ids=" ".join)
def test_what_nobody_had_approved_is_taken_and_said_loudly(planned, signed):
    company, _, folder = planned
    if signed:
        assert company.sign(7, "--request", at="2026-10-26T06:06:00Z").code == 0
    path = carried_out(folder, datetime(2026, 10, 26, 6, 10, tzinfo=UTC))
    if not signed:  # somebody took out when it was begun
        path.write_bytes(b"".join(row for row in path.read_bytes().splitlines(keepends=True) if b'"intent"' not in row))
    log = str(path)
    if "too late" in signed:
        assert company.sign(9, at="2026-10-26T06:40:00Z").code == 0
    now_in_other(company)
    words = ("verify", "--by", "00007", "--log", log)
    done = company.run(*words, at="2026-10-26T07:00:00Z")
    why = "0 of 1 approvals by somebody else" if signed else "00007 has not signed the request"
    assert (done.code, why in done.out, "Carried out before it was approved" in done.out) == (0, True, True), done.out
    assert "done and read back" in done.out
    again = company.run("--json", *words, at="2026-10-26T08:00:00Z")
    assert (again.code, why in again.json["unapproved"]) == (0, True)


def test_a_log_that_lies_is_contradicted_by_what_is_read(planned):
    """What it says was done is there, read after read: nobody takes the log's word."""
    company, digest, folder = planned
    log = carried_out(folder, datetime(2026, 10, 26, 6, 10, tzinfo=UTC))
    journal = folder / "journal.sqlite"
    strange = log.read_bytes().replace(b'"batch-1"', b'"batch-2"', 1)
    (folder / "strange.csv").write_bytes(strange)
    words = ("verify", "--by", "00007", "--log")
    (change,) = json.loads((folder / "plan.json").read_bytes())["changes"]
    with_it = ("--confirm", change["id"])
    refused = company.run(*words, str(folder / "strange.csv"), *with_it, at="2026-10-26T06:20:00Z")
    assert (refused.code, "row 2 of the log" in refused.err) == (4, True), refused.err
    with JournalFile(journal, digest) as rows:
        assert rows.rows == 0
    answers = [company.run("--json", *words, str(log), at=f"2026-10-26T{hour:02}:20:00Z") for hour in (6, 7, 8)]
    assert [sorted(states(one)) for one in answers] == [["contradicted"], ["contradicted"], ["failed"]]
    assert [one.code for one in answers] == [0, 0, 4]


def test_a_program_that_was_changed_is_not_signed_beside(planned):
    company, _, folder = planned
    program = folder / carry_out.NAME
    program.write_bytes(program.read_bytes() + b"# mine\n")
    refused = company.sign(7, "--request", at="2026-10-26T06:06:00Z")
    assert (refused.code, carry_out.digest() in refused.err) == (4, True)
    log = str(carried_out(folder, datetime(2026, 10, 26, 6, 10, tzinfo=UTC)))
    taken = company.run("verify", "--by", "00007", "--log", log, at="2026-10-26T07:00:00Z")
    assert (taken.code, "ask who carried it out which one they ran" in taken.err) == (0, True), taken.err


# The example company


def _without(text: str, group: str, member: str) -> str:
    """Return an export without somebody in a group."""
    records = text.split("\n\n")
    kept = [
        "\n".join(line for line in one.split("\n") if not line.startswith(f"member: CN={member},"))
        if f"\ncn: {group}\n" in one
        else one
        for one in records
    ]
    assert kept != records
    return "\n\n".join(kept)


def _rewrite(path: Path, record: str, old: str, new: str) -> None:
    """Replace something in the one record of an export that names somebody."""
    between = "\n\n" if path.suffix == ".ldif" else "\n"
    records = path.read_text("utf-8").split(between)
    (found,) = [number for number, one in enumerate(records) if record in f"\n{one}\n"]
    assert old in records[found]
    records[found] = records[found].replace(old, new)
    path.write_text(between.join(records), "utf-8")


def _by_action(verified: CommandResult, actions: dict[str, str]) -> dict[str, str]:
    return {actions[one["change"]]: one["state"] for one in verified.json["changes"]}


def _actions(made: Iterable[Any]) -> dict[str, str]:
    return {one["id"]: one["action"] for one in made}


def test_the_example_company_loses_and_gets_back_by_hand(audited_example):
    """A leaver is disabled and somebody leaves a group, by the program; a badge is taken back by a person."""
    company = audited_example

    def run(at: str, *words: str) -> CommandResult:
        return access_review(company, "--json", "--as-of", f"2026-11-02T{at}:00Z", *words)

    whom = ("--person", "Karlo Mendoza", "--person", "hr:person:10804")
    rules = ("--rule", "access-beyond-role", "--rule", "leaver-active")
    planned = run("06:05", "plan", "--requested-by", "10005", *rules, *whom)
    assert planned.code == 0, planned.err
    folder = company / "runs" / planned.json["run"] / "plan"
    assert planned.json["digest"] == digest_of(folder)
    actions = _actions(planned.json["changes"])
    assert sorted(actions.values()) == ["disable-account", "manual", "remove-member", "revoke-sessions"]
    log = str(carried_out(folder, datetime(2026, 11, 2, 6, 10, tzinfo=UTC)))

    ad, entra = company / "sources/demo/ad", company / "sources/demo/entra"
    with_karlo = (ad / "groups.ldif").read_text("utf-8")
    (ad / "groups.ldif").write_text(_without(with_karlo, "Finance-Read", "karlo.mendoza"), "utf-8")
    _rewrite(ad / "people.ldif", "\nsAMAccountName: iwona.kos\n", "userAccountControl: 512", "userAccountControl: 514")
    _rewrite(entra / "users.2.json", '"iwona.kos@', '"accountEnabled": true', '"accountEnabled": false')
    taken = run("07:00", "verify", "--log", log, "--by", "10005")
    assert _by_action(taken, actions) == {**dict.fromkeys(actions.values(), "pending"), "manual": "planned"}, taken.err
    badge = next(name for name, action in actions.items() if action == "manual")
    confirmed = run("07:20", "verify", "--log", log, "--confirm", badge, "--by", "10005")
    assert _by_action(confirmed, actions) == {**dict.fromkeys(actions.values(), "revoked"), "manual": "contradicted"}
    _rewrite(company / "sources/demo/badge/cards.csv", "B784745", ",active,", ",blocked,")
    for at in ("08:00", "08:20"):
        proven = run(at, "verify", "--by", "10005")
    assert (set(_by_action(proven, actions).values()), proven.code) == ({"revoked"}, 0), proven.err

    assert run("09:00", "collect").code == 0
    assert run("09:00", "review").code == 0
    undo = access_review(
        company,
        "--json",
        "--as-of",
        "2026-11-02T09:05:00Z",
        "--run",
        planned.json["run"],
        "undo",
        "--requested-by",
        "10005",
    )
    given = _actions(undo.json["changes"])
    assert sorted(given.values()) == ["add-member"], "who has left gets nothing back"
    back = company / "runs" / undo.json["run"] / "undo"
    assert undo.json["digest"] == digest_of(back)
    log = str(carried_out(back, datetime(2026, 11, 2, 9, 10, tzinfo=UTC)))
    (ad / "groups.ldif").write_text(with_karlo, "utf-8")
    for at in ("10:00", "10:20"):
        restored = run(at, "verify", "--of", "undo", "--log", log, "--by", "10005")
    assert (_by_action(restored, given), restored.code) == ({"add-member": "restored"}, 0), restored.err
