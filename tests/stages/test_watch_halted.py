"""Watching that cannot begin again: people hear of it once, by the policy alone, and whoever begins sees why."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from access_review.stages import notify
from tests.support.workspaces import TEMPLATE, Company

ROOT = Path(__file__).parents[2]
AUDITED, LOOKED = "2026-10-26T06:00:00Z", "2026-10-26T06:01:00Z"


@pytest.fixture
def company(tmp_path):
    """Return a company that was looked at once, and tells one person by a file and a webhook."""
    company = Company(tmp_path / "company")
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + "notify: {webhook: {url_env: HOOK}}\n")
    assert company.run("--quiet", "audit", at=AUDITED).code == 0
    assert company.run("watch", "--once", at=LOOKED).code == 0
    return company


@pytest.fixture
def posted(monkeypatch):
    """Return what is posted; whether that arrives its first item says."""
    sent = [True]

    def post(notice, *_):
        sent.append(notice.subject)
        return "" if sent[0] else "down"

    monkeypatch.setattr(notify, "_post", post)
    return sent


def watch(company, at):
    """Look once, and return how that ended and how many notices there are."""
    return company.run("watch", "--once", at=f"2026-10-26T06:{at:02}:00Z").code, len(company.notices())


def _no_yaml(folder):
    (folder / "roles/templates/clerk.yaml").write_text("role: [")


def _no_state(folder):
    (folder / "runs/watch/state.json").write_text("{")


def _no_logbook(folder):
    path = folder / "runs/logbook.jsonl"
    path.write_bytes(path.read_bytes().replace(b"run", b"nur", 1))


@pytest.mark.parametrize(
    ("damage", "file", "code", "said"),
    [
        (_no_yaml, "roles/templates/clerk.yaml", 2, "roles/templates/clerk.yaml:1:8: is not YAML"),
        (_no_state, "runs/watch/state.json", 1, "To do: remove runs/watch"),
        (_no_logbook, "runs/logbook.jsonl", 1, "logbook, line 2"),
    ],
)
def test_whoever_is_to_hear_hears_once_until_it_has_begun_again(company, posted, damage, file, code, said):
    path = company.folder / file
    for times in (1, 2):
        whole = path.read_bytes()
        damage(company.folder)
        assert [watch(company, 20 * times + minute) for minute in (2, 4, 6)] == [(code, times)] * 3
        notice = company.notices()[-1]
        assert "Subject: Access review: nothing is watched" in notice
        assert said in notice
        path.write_bytes(whole)
        assert watch(company, 20 * times + 8) == (0, times)
    assert posted == [True, *["Access review: nothing is watched"] * 2]


def test_where_it_did_not_arrive_it_is_told_again_a_minute_later_and_by_that_channel_alone(company, posted):
    _no_yaml(company.folder)
    posted[0] = False
    assert [watch(company, minute) for minute in (10, 10, 12)] == [(2, 1)] * 3
    posted[0] = True
    assert [watch(company, minute) for minute in (14, 16)] == [(2, 1)] * 2
    assert len(posted) == 4, "at 10, 12 and 14, and not twice in one minute"
    halted = json.loads((company.folder / "runs/watch/halted.json").read_text())
    assert halted["alarm"] is None


@pytest.mark.parametrize("wrong", ["watch: [", "engine: {threads: many}\n"])
def test_of_a_policy_that_cannot_be_used_people_hear_by_that_of_the_last_review(company, posted, wrong):
    policy = company.folder / "roles/policy.yaml"
    whole = policy.read_text()
    policy.write_text(wrong)
    assert [watch(company, minute) for minute in (10, 12)] == [(2, 1)] * 2
    (notice,) = company.notices()
    assert "To: Person 7" in notice
    assert "roles/policy.yaml" in notice
    assert posted == [True, "Access review: nothing is watched"]
    policy.write_text(whole)
    assert watch(company, 14) == (0, 1)


def test_where_no_review_knew_a_policy_either_it_is_said_that_nobody_was_told(company, posted):
    (company.folder / "roles/policy.yaml").write_text("watch: [")
    (company.folder / "runs/logbook.jsonl").unlink()
    for path in company.folder.glob("runs/*/declared.json"):
        path.unlink()
    done = company.run("watch", "--once", at="2026-10-26T06:10:00Z")
    assert (done.code, company.notices(), posted) == (2, [], [True])
    assert "access-review: nobody was told of it: roles/policy.yaml cannot be used" in done.err


def test_of_what_never_was_nobody_is_told(company, posted):
    _no_yaml(company.folder)
    (company.folder / "runs/watch/state.json").unlink()
    assert watch(company, 12) == (2, 0)
    assert posted == [True]


@pytest.mark.parametrize(
    ("words", "subject"),
    [
        (("apply", "--standing"), "nothing is done under the standing approval"),
        (("daily",), "the daily check is not made"),
    ],
)
@pytest.mark.parametrize("wrong", ["sources/hr.yaml", "roles/policy.yaml", "roles/templates/clerk.yaml"])
def test_of_an_unattended_job_that_cannot_begin_people_hear_once_until_it_can(company, posted, words, subject, wrong):
    path = company.folder / wrong
    whole = path.read_text()
    for times in (1, 2):
        path.write_text("x: [")
        at = [f"2026-10-26T0{6 + times}:{minute}:00Z" for minute in (10, 25, 40)]
        assert [company.run(*words, at=one).code for one in at] == [2] * 3
        assert [one for one in posted if one is not True] == [f"Access review: {subject}"] * times
        assert f"{wrong}:1:" in company.notices()[-1]
        path.write_text(whole)
        company.run(*words, at=f"2026-10-26T0{6 + times}:50:00Z")
        posted[:] = [one for one in posted if one is True or subject in one]


def test_of_a_roster_that_stops_the_standing_removal_alone_people_hear_once(company, posted):
    policy, roster = company.folder / "roles/policy.yaml", company.folder / "sources/people.csv"
    removal = (
        "standing_removal: {rules: [never-allowed], entitlements: ['ledger:role:Admin'], daily: 2, until: 2026-12-31}"
    )
    policy.write_text(re.sub("(?m)^standing:.*$", removal + '\nwatch: {tell: ["00007"]}', policy.read_text()))
    roster.write_text("id,name,status,last_day,department\n")
    assert [company.run("apply", "--standing", at=f"2026-10-26T07:{at}:00Z").code for at in (10, 25)] == [2, 2]
    assert posted == [True, "Access review: nothing is done under the standing approval"]
    assert "apply --standing cannot begin: people.csv" in company.notices()[-1]


def test_what_cannot_be_read_is_said_to_programs_as_json_alone(company):
    _no_yaml(company.folder)
    for words in (("watch", "--once"), ("apply", "--standing"), ("check",)):
        done = company.run("--json", *words, at="2026-10-26T06:10:00Z")
        told = json.loads(done.out)
        assert (done.code, told["error"], told["mistakes"][0]["file"]) == (2, "1 mistake", "roles/templates/clerk.yaml")
        if "watch" in words:
            said = [json.loads(line) for line in done.err.splitlines()]
            assert [list(one) for one in said] == [["warning"], ["failed", "hint"]]
            assert said[0] == {"warning": "access-review: webhook: HOOK holds no https:// address"}
    (company.folder / "runs/watch/state.json").write_text("{")
    (company.folder / "roles/templates/clerk.yaml").write_text(TEMPLATE)
    done = company.run("--json", "watch", "--once", at="2026-10-26T06:20:00Z")
    assert (done.code, list(json.loads(done.out)), len(done.out.splitlines())) == (1, ["error", "hint"], 1)


def test_without_room_people_hear_once_all_the_same(company):
    """No file takes a byte, as on a disk that is full."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(0.2)
        policy = company.folder / "roles/policy.yaml"
        to = f"notify: {{syslog: {{host: 127.0.0.1, port: {collector.getsockname()[1]}, transport: udp}}}}"
        policy.write_text(policy.read_text().replace("notify: {webhook: {url_env: HOOK}}", to))
        for minute in (10, 12):
            words = [f"2026-10-26T06:{minute}:00Z", "-C", str(company.folder), "watch", "--once"]
            program = [sys.executable, "-m", "tests.support.launcher", *words]
            environment = {**os.environ, "FILE_SIZE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
            ended = subprocess.run(program, capture_output=True, check=False, cwd=ROOT, env=environment, text=True)
            assert ended.returncode == 1, ended.stderr
        assert b"nothing is watched" in collector.recv(9000)
        with pytest.raises(TimeoutError):
            collector.recv(9000)
    policy.write_text(policy.read_text().replace(to, ""))
    assert watch(company, 14) == (0, 0)
    assert not list(company.folder.glob("runs/watch/*.mark"))
