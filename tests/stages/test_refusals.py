"""The battery of safety about plan and apply, through the command line, on a system that can be written to and that fails."""

from collections import Counter

import pytest

from tests.support.faulty_company import APPLY, AUDIT, EXCESS, PLAN, POLICY, Faulty, key

pytestmark = pytest.mark.slow

EXPIRED = "2026-11-03T06:05:00Z"


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    company = Faulty(tmp_path_factory.mktemp("faulty") / "company")
    result = company.run("audit", at=AUDIT)
    assert result.code == 0, result.err
    return company


@pytest.fixture(scope="module")
def approved(audited, tmp_path_factory):
    company = audited.copy(tmp_path_factory.mktemp("approved") / "company")
    company.approved(EXCESS)
    return company


@pytest.fixture
def company(approved, tmp_path):
    return approved.copy(tmp_path / "company")


def test_a_batch_takes_away_exactly_what_was_approved_once(company):
    before = set(company.system["there"])
    done = company.apply()
    assert done.code == 0, done.err
    assert Counter(done.json["states"].values()) == {"pending": 100}
    assert before - set(company.system["there"]) == {key(n, "Other") for n in EXCESS}
    assert company.apply().json["calls"] == 0
    assert company.calls == {"revoke called": 100, "revoke": 100}


def _source(folder):
    with (folder / "sources/app.yaml").open("a") as file:
        file.write("# edited\n")


def _template(folder):
    path = folder / "roles/templates/clerk.yaml"
    text = path.read_text()
    assert "app:role:View," in text
    path.write_text(text.replace("app:role:View,", "app:role:View, app:role:Other,"))


def _byte(at):
    def flip(folder):
        (path,) = folder.glob("runs/*/plan/plan.json")
        data = bytearray(path.read_bytes())
        data[int(len(data) * at)] ^= 1
        path.write_bytes(bytes(data))

    return flip


@pytest.mark.parametrize(
    ("edit", "at", "said"),
    [
        (lambda _: None, EXPIRED, "the plan expired"),
        (_source, APPLY, "have changed since the plan"),
        (_template, APPLY, "have changed since the plan"),
        (_byte(0.01), APPLY, "plan.json: was changed since line"),
        (_byte(0.5), APPLY, "the plan is not as it was written"),
        (_byte(0.999), APPLY, "plan.json: was changed since line"),
    ],
    ids=["expired", "source", "template", "first byte", "middle byte", "last byte"],
)
def test_what_is_not_as_it_was_approved_is_refused_and_nothing_is_called(company, edit, at, said):
    edit(company.folder)
    done = company.apply(at=at)
    assert done.code == 4
    assert said in done.err
    assert company.calls == {}


def test_a_storm_at_action_40_of_100_stops_the_batch_and_it_is_resumed(company):
    company.fail(calls=dict.fromkeys(range(40, 200), "throttled"))
    done = company.apply()
    assert done.code == 4
    assert Counter(done.json["states"].values()) == {"pending": 39, "deferred": 5, "planned": 56}
    company.fail()
    again = company.apply()
    assert again.code == 0, again.err
    assert Counter(again.json["states"].values()) == {"pending": 100}
    assert company.calls == {"revoke called": 105, "revoke": 100}


def test_a_disk_that_fills_up_stops_the_batch_before_the_next_call(company):
    done = company.apply(file_size=48 * 1024)
    assert done.code == 4, done.err
    assert "nothing is called without it" in done.out
    made = company.calls["revoke called"]
    assert 0 < made < 100
    assert made <= sum(state == "calling" for _, state in company.journal())
    again = company.apply()
    assert again.code == 0, again.err
    assert Counter(again.json["states"].values()) == {"pending": 100}
    assert company.calls == {"revoke called": 100, "revoke": 100}, "nothing twice"


def test_a_disk_that_is_full_from_the_start_lets_nothing_be_called(company):
    done = company.apply(file_size=4096)
    assert done.code != 0
    assert "journal.sqlite" in done.err + done.out
    assert "Traceback" not in done.err
    assert company.calls == {}


def test_a_flapping_replica_keeps_a_change_pending(company):
    assert company.apply().code == 0
    company.fail(looks={"1": "stale"})
    flapped = company.run("--json", "verify", at="2026-11-02T06:40:00Z").json["changes"]
    assert Counter(one["state"] for one in flapped) == {"contradicted": 1, "revoked": 99}
    company.fail()
    states = [
        Counter(one["state"] for one in company.run("--json", "verify", at=f"2026-11-02T{at}:00Z").json["changes"])
        for at in ("06:45", "06:55", "07:01")
    ]
    assert states == [{"pending": 1, "revoked": 99}, {"pending": 1, "revoked": 99}, {"revoked": 100}]


# Two batches of one run

TWO = POLICY.replace("group: {percent: 100, members: 200}", "group: {percent: 50, members: 3}")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    company = Faulty(tmp_path_factory.mktemp("small") / "company", excess=range(11, 19), policy=TWO)
    assert company.run("audit", at=AUDIT).code == 0
    return company


def test_a_batch_within_its_share_that_empties_a_group_is_stopped(small):
    result = small.run("plan", "--requested-by", "00007", "--rule", "access-beyond-role", at=PLAN)
    assert result.code == 4
    assert "Other" in result.err


def test_two_batches_together_do_not_take_what_one_may_not(small, tmp_path):
    company = small.copy(tmp_path / "company")
    for name, numbers in (("first", (11, 12, 13)), ("second", (14, 15))):
        company.approved(numbers, name)
    assert company.apply("--of", "first").code == 0
    second = company.apply("--of", "second")
    assert second.code == 4
    assert "with what other batches have taken" in second.out
    assert company.calls == {"revoke called": 3, "revoke": 3}


def test_the_last_holders_are_protected_over_two_batches(small, tmp_path):
    company = small.copy(tmp_path / "company")
    for name, number in (("first", 112), ("second", 113)):
        company.approved([number], name)
    first = company.apply("--of", "first")
    assert (first.code, set(first.json["states"].values())) == (0, {"pending"})
    second = company.apply("--of", "second")
    assert (second.code, set(second.json["states"].values())) == (4, {"refused"})
    assert key(113, "Admins") in company.system["there"]
    assert company.calls == {"revoke called": 1, "revoke": 1}
