"""Watching that cannot begin again: people hear of it once, by the policy alone, and whoever begins sees why."""

import json

import pytest

from access_review.stages import notify
from tests.support.workspaces import Company

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


def test_nobody_is_told_by_a_policy_that_cannot_be_read_nor_of_what_never_was(company, posted):
    _no_yaml(company.folder)
    policy = company.folder / "roles/policy.yaml"
    whole = policy.read_text()
    policy.write_text("watch: [")
    assert watch(company, 10) == (2, 0)
    policy.write_text(whole)
    (company.folder / "runs/watch/state.json").unlink()
    assert watch(company, 12) == (2, 0)
    assert posted == [True]
