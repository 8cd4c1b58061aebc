"""The standing approval through the command line, on a company whose list is changed by hand: work orders."""

from datetime import UTC, datetime

import pytest

from access_review.stages import notify
from access_review.store import notified
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

FRIDAY = "2026-10-30T19:00:00Z"
QUARTERS = ("19:00", "19:15", "19:30", "19:45")


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    company = Company(tmp_path_factory.mktemp("company"))
    assert company.run("audit", at="2026-10-26T06:00:00Z").code == 0
    assert company.sign(8, "--standing", at="2026-10-26T07:00:00Z").code == 0
    assert company.sign(9, "--standing", at="2026-10-26T07:00:00Z").code == 0
    return company


@pytest.fixture
def signed(company, tmp_path):
    return company.copy(tmp_path / "company")


def test_a_leaver_on_friday_evening_is_dealt_with_and_people_hear_of_it(signed):
    signed.leave(20, "2026-10-30")
    assert signed.run("apply", "--standing", at="2026-10-30T15:00:00Z").code == 0, "not over yet in Manila"
    assert signed.notices() == []
    done = signed.run("--json", "apply", "--standing", at=FRIDAY)
    assert done.code == 0, done.err
    assert done.json["done"] == ["disable u20 in ledger of Person 20: ordered, a person does it"]
    told = signed.notices()
    assert sorted(notice.splitlines()[0] for notice in told) == [f"To: Person {n}" for n in (7, 8, 9)]
    assert all("disable u20 in ledger of Person 20" in notice and "undo --of standing" in notice for notice in told)


def test_what_is_ordered_is_not_ordered_again_and_is_proven_when_it_is_done(signed):
    signed.leave(20, "2026-10-29")
    signed.run("apply", "--standing", at=FRIDAY)
    again = signed.run("--json", "apply", "--standing", at="2026-10-30T20:00:00Z")
    assert (again.code, again.json["calls"], set(again.json["states"].values())) == (0, 0, {"skipped"})
    late = signed.run("--json", "apply", "--standing", at="2026-10-31T14:00:00Z")
    assert late.code == 4
    assert "disable u20 in ledger of Person 20" in late.json["unproven"][0]
    signed.disabled.add(20)
    signed.write()
    once = signed.run("--json", "apply", "--standing", at="2026-10-31T15:00:00Z")
    assert once.code == 4, "seen gone once, and the time allowed is almost over"
    twice = signed.run("--json", "apply", "--standing", at="2026-10-31T15:20:00Z")
    assert (twice.code, twice.json["unproven"]) == (0, [])
    (run,) = [path.parents[1].name for path in signed.folder.glob("runs/20261030T19*/standing/journal.sqlite")]
    verified = signed.run("--json", "--run", run, "verify", "--of", "standing", at="2026-10-31T16:00:00Z")
    assert [one["state"] for one in verified.json["changes"]] == ["revoked"]


def test_an_order_is_given_once_however_often_the_job_comes_and_leaves_room_for_the_next_leaver(signed):
    signed.leave(20, "2026-10-29")
    ordered = [signed.run("--json", "apply", "--standing", at=f"2026-10-30T{at}Z").json for at in QUARTERS]
    assert [one["calls"] for one in ordered] == [1, 0, 0, 0]
    assert all(one["refused"] == [] for one in ordered)
    signed.leave(21, "2026-10-29")
    both = [signed.run("--json", "apply", "--standing", at=f"2026-10-30T{at}Z") for at in ("20:00", "20:15")]
    assert [(one.code, one.json["calls"], one.json["refused"]) for one in both] == [(0, 1, []), (0, 0, [])], (
        "a day's worth was ordered, and nothing of it is said to be refused"
    )


def test_no_more_in_a_day_than_was_signed_for_over_all_batches(signed):
    for number in (20, 21, 22):
        signed.leave(number, "2026-10-29")
    done = signed.run("--json", "apply", "--standing", at=FRIDAY)
    assert done.code == 4
    assert sorted(done.json["states"].values()) == ["ordered", "ordered", "planned"]
    assert "as the standing approval allows" in done.json["stopped"]
    assert any("u22" in line for line in done.json["refused"])
    assert signed.run("--json", "apply", "--standing", at="2026-10-31T18:59:00Z").json["calls"] == 0
    assert signed.run("--json", "apply", "--standing", at="2026-10-31T19:01:00Z").json["calls"] == 1


def test_a_refusal_is_told_once_a_day_and_ends_with_4(signed):
    signed.leave(20, "2026-10-29")
    policy = signed.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + 'protect: {accounts: ["ledger:*:u20"]}\n')
    done = signed.run("apply", "--standing", at=FRIDAY)
    assert done.code == 4, done.err
    assert "u20 in ledger (Person 20): protected: roles/policy.yaml names it" in done.out
    assert len(signed.notices()) == 3
    assert signed.run("apply", "--standing", at="2026-10-30T20:00:00Z").code == 4
    assert len(signed.notices()) == 3
    assert signed.run("apply", "--standing", at="2026-10-31T20:00:00Z").code == 4
    assert len(signed.notices()) == 6
    wrong = dict.fromkeys(notified.read(signed.folder), datetime(2036, 10, 31, tzinfo=UTC))
    notified.write(signed.folder, wrong)
    assert signed.run("apply", "--standing", at="2026-10-31T20:15:00Z").code == 4
    assert len(signed.notices()) == 9, "told by a clock that was wrong, it is told again"


@pytest.mark.parametrize("broken", ["policy", "end", "key"])
def test_without_two_signatures_over_these_words_nothing_is_done_and_that_is_told(signed, broken):
    signed.leave(20, "2026-10-29")
    policy, approvers = (signed.folder / f"roles/{name}.yaml" for name in ("policy", "approvers"))
    at = FRIDAY
    if broken == "policy":
        policy.write_text(policy.read_text().replace("daily: 2", "daily: 3"))
    elif broken == "end":
        at = "2027-01-01T06:00:00Z"
    else:
        lines = approvers.read_text().splitlines(keepends=True)
        approvers.write_text("".join(line.replace("in person}", "x, until: 2026-10-25}") for line in lines))
    refused = signed.run("apply", "--standing", at=at)
    assert refused.code == 4, refused.out
    assert not list(signed.folder.glob("runs/*/standing/orders.csv"))
    (told,) = signed.notices()
    assert "To: Person 7" in told
    assert "nothing could be done" in told


def test_a_roster_that_stops_the_run_is_told_too(signed):
    (signed.folder / "sources/people.csv").write_text("id,name,status,last_day,department\n")
    assert signed.run("apply", "--standing", at=FRIDAY).code == 2
    assert "nothing could be done" in signed.notices()[0]


def test_a_plan_of_other_things_is_not_covered(signed):
    signed.besides.append((21, "Payments"))
    signed.write()
    signed.run("audit", at=FRIDAY)
    planned = signed.run("--json", "plan", "--requested-by", "00007", at=FRIDAY)
    assert len(planned.json["changes"]) == 1
    run = planned.json["run"]
    refused = signed.run("--run", run, "apply", "--standing", at=FRIDAY)
    assert refused.code == 4
    assert "was not made for an unattended run" in refused.err


def test_either_somebody_carries_it_out_or_nobody(company):
    assert company.run("apply", at=FRIDAY).code == 2
    assert company.run("apply", "--standing", "--by", "00007", at=FRIDAY).code == 2


def test_a_channel_that_fails_makes_no_other_say_the_same_again_and_is_tried_by_each_run(signed, monkeypatch):
    """Mail reaches nobody, since the roster has no addresses; what is posted arrives but for the first time."""
    answers, posted = list[str](), list[str]()

    def post(notice, *_):
        posted.append(notice.subject)
        return answers.pop(0) if answers else ""

    monkeypatch.setattr(notify, "_post", post)
    policy = signed.folder / "roles/policy.yaml"
    mail = "smtp: {host: mail.example.test, sender: review@example.test}"
    policy.write_text(policy.read_text() + f"notify: {{webhook: {{url_env: HOOK}}, {mail}}}\n")
    signed.leave(8, "2026-10-29")
    answers.append("down")
    told = [signed.run("apply", "--standing", at=f"2026-10-30T{at}Z") for at in QUARTERS]
    assert [one.code for one in told] == [4] * 4
    assert len(posted) == 2, "once more, since the first did not arrive"
    assert len(signed.notices()) == 1
    signed.run("apply", "--standing", at="2026-10-31T20:00:00Z")
    assert (len(posted), len(signed.notices())) == (3, 2), "and again the day after"


def test_that_the_job_comes_no_more_people_hear_from_the_daily_check_once_a_day(signed):
    assert signed.run("apply", "--standing", at=FRIDAY).code == 0
    assert signed.run("daily", at="2026-10-31T06:00:00Z").code == 0
    assert signed.notices() == []
    for at, notices in (("2026-11-01T06:00:00Z", 3), ("2026-11-01T18:00:00Z", 3), ("2026-11-02T06:30:00Z", 6)):
        assert signed.run("daily", at=at).code == 4
        assert len(signed.notices()) == notices
    assert "apply --standing has not run to its end since 2026-10-30 19:00 UTC" in signed.notices()[-1]


def test_what_was_done_and_did_not_arrive_is_told_again_by_the_next_run_and_once(signed, monkeypatch):
    answers, posted = ["down", "down"], list[str]()

    def post(notice, *_):
        posted.append(notice.subject)
        return answers.pop(0) if answers else ""

    monkeypatch.setattr(notify, "_post", post)
    policy = signed.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + "notify: {webhook: {url_env: HOOK}}\n")
    signed.leave(20, "2026-10-29")
    each = [(signed.run("apply", "--standing", at=f"2026-10-30T{at}Z").code, len(posted)) for at in QUARTERS]
    assert each == [(1, 1), (0, 2), (0, 3), (0, 3)]
    assert posted == ["Standing approval: 1 change made, 0 refused or left"] * 3
    assert len(signed.notices()) == 3, "of those who heard by a file none hears again"
    assert not (signed.folder / "runs/standing-untold.json").exists()


def test_that_a_standing_approval_ends_is_said_each_day_and_told_on_some_before_it_does(signed):
    def told():
        return [one for one in signed.notices() if "it ends soon" in one.splitlines()[1]]

    ran = "2026-12-{:02}T05:00:00Z"
    seen = {}
    for day in (16, 17, 18, 24, 30, 31):
        assert signed.run("apply", "--standing", at=ran.format(day)).code == 0
        before = len(told())
        for hour in (6, 8):
            done = signed.run("--json", "daily", at=f"2026-12-{day:02}T{hour:02}:00:00Z")
            assert done.code == 0, done.err
        seen[day] = (done.json["ends_soon"] != "", len(told()) - before)
    hear = 3  # Person 7 and the two who signed
    assert seen == {
        16: (False, 0),
        17: (True, hear),
        18: (True, 0),
        24: (True, hear),
        30: (True, hear),
        31: (True, hear),
    }
    assert "the standing approval ends on 2026-12-31: after that leavers keep their access" in told()[0]
    shown = signed.run("daily", at="2026-12-31T09:00:00Z").out
    assert "To be renewed: the standing approval ends on 2026-12-31" in shown


def test_of_an_approval_that_nobody_signed_no_end_is_told(tmp_path):
    unsigned = Company(tmp_path)
    done = unsigned.run("--json", "daily", at="2026-12-31T06:00:00Z")
    assert (done.json["ends_soon"], unsigned.notices()) == ("", [])
