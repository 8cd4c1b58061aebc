"""The battery of directory faults through the command line: incomplete with the reason, and no wrong finding."""

import json
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.faults import ldap_proxy as faults
from tests.faults.ldap_proxy import Proxy, on_bind, on_page, on_ranges, result
from tests.real.ad import options
from tests.support.command import access_review, lay_out

HR = """\
connector: roster
options:
  path: people.csv
  timezone: Asia/Manila
  dates: "%Y-%m-%d"
  left_at_means: end-of-day
  statuses: {active: [Active], left: [Terminated]}
  columns: {person: id, name: name, status: status, left_at: last_day, department: department}
"""
PEOPLE = "id,name,status,last_day,department\n" + "".join(
    f"00{n:03},Person {n},{'Terminated,2026-01-31' if n == 20 else 'Active,'},{'Finance' if n % 2 else 'Audit'}\n"
    for n in range(1, 21)
)
TEMPLATES = {
    "all": "role: all\nwho: {department: [Finance, Audit]}\nmust: [ad:group:Large]\nmay: [ad:group:Domain Users]\n",
    "finance": "role: finance\nwho: {department: Finance}\nmust: [ad:group:Finance-Read]\nmay: [ad:group:Deep-*]\n",
}
POLICY = "roles/policy.yaml"


@pytest.fixture
def proxy(shared_domain, authority, tmp_path):
    with Proxy(shared_domain.address, authority, tmp_path / "tls").served() as served:
        yield served


@pytest.fixture
def audit(shared_domain, proxy, tmp_path):
    count = 0

    def run(*changes, reach=None):
        nonlocal count
        count += 1
        given = options(shared_domain, server=proxy.url, reach={"page_size": 20} | (reach or {}))
        source = {"connector": "ldap", "options": given, "match": [{"on": ["employee_id", "person"]}]}
        files = {f"roles/templates/{name}.yaml": text for name, text in TEMPLATES.items()}
        files |= {"sources/hr.yaml": HR, "sources/people.csv": PEOPLE, "sources/ad.yaml": json.dumps(source)}
        folder = lay_out(tmp_path / f"run{count}", files)
        proxy.faults = changes
        return Audited(folder, access_review(folder, "audit"))

    return run


class Audited:
    """One audit: what was said, found and read."""

    def __init__(self, folder, said):
        self.said = said
        (run,) = (folder / "runs").glob("*Z-*")
        self.verdicts = json.loads((run / "manifest.json").read_text())["sources"]["ad"]["verdicts"]
        rows = pq.read_table(run / "findings.parquet").to_pylist()
        self.findings = {(row["rule"], row["about"], row["subject"]) for row in rows}

    @property
    def reasons(self):
        return {subject: v["reason"] for subject, v in self.verdicts.items() if not v["complete"]}


@pytest.fixture(scope="module")
def expected(shared_domain, authority, tmp_path_factory):
    """Return the findings of an undisturbed audit."""
    folder = tmp_path_factory.mktemp("whole")
    with Proxy(shared_domain.address, authority, folder / "tls").served() as proxy:
        given = options(shared_domain, server=proxy.url)
        source = {"connector": "ldap", "options": given, "match": [{"on": ["employee_id", "person"]}]}
        files = {f"roles/templates/{name}.yaml": text for name, text in TEMPLATES.items()}
        files |= {"sources/hr.yaml": HR, "sources/people.csv": PEOPLE, "sources/ad.yaml": json.dumps(source)}
        made = lay_out(folder / "workspace", files)
        audited = Audited(made, access_review(made, "audit"))
    assert audited.reasons == {}
    return audited.findings


def test_an_undisturbed_audit_finds_what_is_wrong(expected):
    rules = {rule for rule, _, _ in expected}
    assert {"leaver-active", "birthright-missing", "access-beyond-role", "nesting-cycle"} <= rules


FAULTS: dict[str, tuple[list[Any], str]] = {
    "time limit": ([on_page(1, 2, result(3))], "time limit"),
    "size limit": ([on_page(1, 2, result(4))], "size limit"),
    "busy": ([on_page(1, 2, result(51))], "busy"),
    "unavailable": ([on_page(1, 2, result(52))], "not available"),
    "referral": ([on_page(1, 2, result(10))], "refers to another"),
    "reset": ([on_page(1, 2, faults.reset)], "lost"),
    "garbage": ([on_page(1, 2, faults.garbage)], "decoded"),
    "half a page": ([on_page(1, 2, faults.half)], "missing from the pages"),
    "cut short": ([on_page(1, 2, faults.last)], "missing from the pages"),
    "repeats": ([faults.Repeat()], "repeats itself"),
    "not paged": ([on_page(1, 1, faults.unpaged)], "did not page"),
    "second listing": ([on_page(2, 1, result(51))], "second listing"),
    "long list": ([faults.value_limit(6), on_ranges(faults.reset)], "lost"),
    "long list without values": ([faults.value_limit(6), on_ranges(faults.nothing)], "gave no values"),
    "no right to members": ([faults.without(b"member")], "no group has a member"),
    "no right to control": ([faults.without(b"userAccountControl")], "userAccountControl"),
    "nobody lets us in": ([on_bind(result(52))], "not available"),
}


@pytest.mark.sweep(share=1 / 3)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_makes_the_source_incomplete_and_no_wrong_finding(audit, expected, fault):
    changes, reason = FAULTS[fault]
    audited = audit(*changes)
    assert any(reason in one for one in audited.reasons.values())
    assert audited.findings <= expected
    assert "birthright-missing" not in {rule for rule, _, _ in audited.findings} or fault == "no right to control"
    assert audited.said.code in {0, 1, 3}
    assert "Traceback" not in audited.said.err
    assert "ad" in audited.said.out + audited.said.err


def test_limits_like_those_of_windows_change_no_finding(audit, expected):
    audited = audit(faults.size_limit(10), faults.value_limit(4), faults.references)
    assert audited.reasons == {}
    assert audited.findings == expected


def test_no_secret_is_in_what_a_run_leaves(audit, tmp_path):
    audited = audit()
    assert audited.reasons == {}
    files = [path for path in tmp_path.rglob("*") if path.is_file() and "tls" not in path.parts]
    assert files
    assert not [path for path in files if b"Nur-zum-Lesen" in path.read_bytes()]
