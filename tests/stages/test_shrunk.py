"""A source that holds much less than it did is not believed until somebody accepts it, run after run."""

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from access_review import store
from access_review.artifacts import AUDIT
from access_review.connectors import Source, complete, incomplete
from access_review.connectors.shrunk import FIRST, counted, noticed, sizes
from access_review.errors import ArtifactError
from access_review.runs import all_runs
from access_review.store import audits, last_reads
from access_review.tables import Row
from tests.connectors.small_sources import AS_OF
from tests.support.command import access_review, lay_out
from tests.support.workspaces import HR, STAFF, Company

DAYS = ("2026-11-02T06:00:00Z", "2026-11-03T06:00:00Z", "2026-11-04T06:00:00Z", "2026-11-05T06:00:00Z")
SOURCE = Source("app", AS_OF)  # type: ignore[arg-type]  # its folder is not looked at


def verdicts(**counts: int) -> list[Row]:
    return [complete(SOURCE, subject, count)[1] for subject, count in counts.items()]


def told(now, last, **how):
    rows = noticed(SOURCE, now, counted(last), on=AS_OF.date(), **how)
    return {row["subject"]: row["reason"] for row in rows if not row["complete"]}


@pytest.mark.parametrize(
    ("now", "then", "noticed_"),
    [(90, 100, False), (89, 100, True), (4, 6, True), (5, 6, False), (0, 1, False), (5, 0, False)],
)
def test_nine_tenths_must_be_there(now, then, noticed_):
    found = told(verdicts(accounts=now), verdicts(accounts=then))
    assert bool(found) is noticed_


def test_what_refers_to_lost_objects_is_doubtful_too():
    whole = verdicts(accounts=20, grants=50, nesting=9)
    flat = verdicts(accounts=20, grants=50, nesting=0)
    assert told(verdicts(accounts=10, grants=49, nesting=0), flat).keys() == {"accounts", "grants"}
    unknown = verdicts(accounts=20, grants=50)
    assert told(verdicts(accounts=10, grants=49, nesting=0), unknown).keys() == {"accounts", "grants", "nesting"}
    assert told(verdicts(accounts=10, grants=49, nesting=9), whole).keys() == {"accounts", "grants", "nesting"}
    assert told(verdicts(accounts=20, grants=30, nesting=9), whole).keys() == {"grants"}


def test_a_batch_takes_memberships_from_a_live_source_but_no_object():
    assert not told(verdicts(accounts=20, grants=30), verdicts(accounts=20, grants=50), live=True)
    assert told(verdicts(accounts=10, grants=50), verdicts(accounts=20, grants=50), live=True)


def test_a_column_that_is_less_filled_is_noticed_and_one_that_never_was_is_not():
    def with_columns(**shares: int) -> list[Row]:
        found = {f"cells:{column}": share for column, share in shares.items()}
        return [*verdicts(accounts=20), sizes(SOURCE, found)[1]]

    assert "mail is filled in 60 % of the rows" in told(with_columns(mail=600), with_columns(mail=1000))["accounts"]
    assert not told(with_columns(mail=950, end=100), with_columns(mail=1000, end=300))


def test_what_was_not_read_whole_is_nothing_to_compare_with():
    cut = [incomplete(SOURCE, "accounts", "cut", received=3)[1]]
    assert counted(cut) == {}
    sized = [*cut, *verdicts(grants=9), sizes(SOURCE, {"cells:mail": 100})[1]]
    assert counted(sized) == {"grants": 9}
    assert not told(cut, verdicts(accounts=100)).keys() - {"accounts"}


def test_a_first_read_says_that_it_cannot_know():
    (said,) = (row for row in noticed(SOURCE, verdicts(accounts=3), {}, on=AS_OF.date()) if row["subject"] == FIRST)
    assert "first time" in said["reason"]
    assert said["complete"]


def test_logs_are_as_long_as_they_are():
    assert not told(verdicts(signins=3), verdicts(signins=3000))


def lessened(company: Company, keep: int) -> None:
    """Leave out the end of the list of who holds what."""
    company.write()
    path = company.folder / "sources/ledger.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[: keep + 1]))


def audited(company: Company, at: str) -> tuple[int, dict[str, str], list[str]]:
    """Return the exit code of an audit, what of the list was incomplete, and the leavers' findings that are closed."""
    code = company.run("audit", at=at).code
    out = {}
    for table in ("completeness", "findings"):
        made = company.run("export", table, "--format", "json", "-o", str(company.folder / "out.json"), at=at)
        assert made.code == 0, made.err
        out[table] = json.loads((company.folder / "out.json").read_text())
    short = {r["subject"]: r["reason"] for r in out["completeness"] if r["source"] == "ledger" and not r["complete"]}
    closed = [r["subject"] for r in out["findings"] if r["rule"] == "leaver-active" and r["status"] == "closed"]
    return code, short, closed


@pytest.fixture
def company(tmp_path) -> Company:
    made = Company(tmp_path)
    made.leave(STAFF, "2026-09-30")
    assert audited(made, DAYS[0]) == (0, {}, [])
    return made


@pytest.mark.slow
def test_what_shrunk_stays_doubtful_until_it_is_accepted_in_its_file(company):
    lessened(company, STAFF - 10)
    for day in DAYS[1:3]:
        code, short, closed = audited(company, day)
        assert code == 1
        assert f"accounts shrunk: {STAFF - 10} where {STAFF} were read last" in short["accounts"]
        assert closed == []
    with (company.folder / "sources/ledger.yaml").open("a") as file:
        file.write("accept_fewer: 2026-11-05\n")
    assert audited(company, DAYS[3]) == (0, {}, [f"ledger:user:u{STAFF}"])


@pytest.mark.slow
def test_ids_that_are_written_otherwise_end_nothing_until_that_is_accepted(company):
    path = company.folder / "sources/ledger.csv"
    heading, *rows = path.read_text().splitlines()
    path.write_text("\n".join([heading, *(f"CORP\\{row}" for row in rows), ""]))
    code, short, closed = audited(company, DAYS[1])
    assert (code, closed) == (1, [])
    assert (
        f"{STAFF} have the mail, number or name of one that is gone, as ledger:user:CORP\\u1 for" in short["accounts"]
    )
    with (company.folder / "sources/ledger.yaml").open("a") as file:
        file.write("accept_fewer: 2026-11-04\n")
    assert audited(company, DAYS[2]) == (0, {}, [f"ledger:user:u{STAFF}"])


@pytest.mark.slow
def test_an_acceptance_does_not_hold_for_ever(company):
    lessened(company, STAFF - 10)
    with (company.folder / "sources/ledger.yaml").open("a") as file:
        file.write("accept_fewer: 2027-11-05\n")
    assert audited(company, DAYS[1])[0] == 1


@pytest.mark.slow
def test_an_audit_that_is_signed_off_accepts_what_shrunk(company):
    lessened(company, STAFF - 10)
    assert audited(company, "2026-11-09T06:00:00Z")[0] == 1
    runs = all_runs(company.folder)
    assert last_reads.of(runs)["ledger"].counts["accounts"] == STAFF
    short = runs[-1:] * 100
    assert last_reads.of([*runs[:1], *short])["ledger"].counts["accounts"] == STAFF, "however long it stays so"
    campaign = replace(store.read(runs[-1], AUDIT), signed_off_at=AS_OF, signed_off_by="hr:person:00007")
    before = (runs[-1].folder / AUDIT.path).read_bytes()
    (runs[-1].folder / AUDIT.path).write_bytes(AUDIT.dump(campaign))
    with pytest.raises(ArtifactError, match=r"audit\.json: was changed since line"):
        last_reads.of(runs)
    (runs[-1].folder / AUDIT.path).write_bytes(before)
    audits.keep_campaign(runs[-1], campaign, AS_OF, "sign-off")
    assert last_reads.of(runs)["ledger"].counts["accounts"] == STAFF - 10


@pytest.mark.slow
def test_a_roster_that_lost_most_of_its_people_still_stops_the_run(company):
    policy = company.folder / "roles/policy.yaml"
    policy.write_text(policy.read_text() + "rosters: {vanished: {percent: 5, floor: 2}}\n")
    people = company.folder / "sources/people.csv"
    people.write_text("".join(people.read_text().splitlines(keepends=True)[:10]))
    assert company.run("audit", at=DAYS[1]).code == 2


_TENANT = {
    "sources/entra.yaml": "connector: entra\noptions:\n  recorded: pages\nmatch:\n  - {on: [employee_id, person]}\n",
    "sources/hr.yaml": HR,
    "sources/people.csv": "id,name,status,last_day,department\n1,Ana,Terminated,2026-10-01,IT\n2,Ben,Active,,IT\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("users", [1, 3])
def test_a_page_that_is_gone_ends_nothing_until_that_is_accepted(tmp_path, users):
    folder = lay_out(tmp_path, _TENANT)
    about = {"accountEnabled": True, "userType": "Member", "createdDateTime": "2020-01-01T00:00:00Z"}
    pages = [
        {"id": f"{n}", "userPrincipalName": f"u{n}@x.test", "employeeId": f"{n}", **about} for n in range(1, users + 1)
    ]
    saved = folder / "sources/pages/users.json"
    saved.parent.mkdir()
    saved.write_text(json.dumps({"value": pages}))

    def open_leavers(day: str) -> tuple[int, list[str]]:
        result = access_review(folder, "--as-of", day, "audit")
        assert result.code in {0, 1}, result.err
        rows = pq.read_table(max((folder / "runs").glob("*Z-*")) / "findings.parquet").to_pylist()
        return result.code, [f["status"] for f in rows if f["rule"] == "leaver-active"]

    assert open_leavers(DAYS[0]) == (1, ["new"])
    saved.unlink()
    (saved.parent / "groups.json").write_text('{"value": []}')
    assert open_leavers(DAYS[1]) == (1, ["open"])
    with (folder / "sources/entra.yaml").open("a") as file:
        file.write("accept_fewer: 2026-11-04\n")
    assert open_leavers(DAYS[2]) == (1, ["closed"])
