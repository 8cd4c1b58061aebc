"""Undo through the command line, after others changed the group and one of its people has gone."""

import csv
from pathlib import Path

import pytest

from tests.connectors.ad.test_saved_ldif import group, person, record, user
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow

AD = "connector: ldap\noptions: {recorded: [ad.ldif]}\nmatch:\n  - {on: [employee_id, person]}\n"
DOMAIN = "dc=home,dc=test"
TEMPLATE = "role: clerk\nwho: {department: Finance}\nmay: [ledger:role:Viewer, ad:group:Fin]\n"


class Domain(Company):
    """The company with a directory: everybody is in Fin, and ``others`` are in Other."""

    others: frozenset[int] = frozenset()

    def write(self) -> None:
        super().write()
        people = [user(f"u{n}", 1000 + n, employeeID=f"{n:05}") for n in range(1, 31)]
        root = record(DOMAIN, objectClass=["top", "domain"], objectSid=b"\1\4\0\0\0\0\0\5" + bytes(16))
        groups = [
            group("Fin", 2001, *(person(f"u{n}") for n in range(1, 31))),
            group("Other", 2002, *(person(f"u{n}") for n in sorted(self.others))),
        ]
        Path(self.folder / "sources/ad.ldif").write_text("version: 1\n\n" + "".join([root, *people, *groups]))


@pytest.fixture
def domain(tmp_path):
    made = Domain(tmp_path)
    (made.folder / "sources/ad.yaml").write_text(AD)
    (made.folder / "roles/templates/clerk.yaml").write_text(TEMPLATE)
    return made


def now_in_other(domain, *numbers):
    domain.others = frozenset(numbers)
    domain.write()


def carry_out(domain, of, at):
    assert domain.sign(7, "--request", "--of", of, at=at).code == 0
    assert domain.sign(9, "--of", of, at=at).code == 0
    return domain.run("--json", "apply", "--of", of, "--by", "00007", at=at)


def test_exactly_what_was_taken_is_given_back_to_who_still_works_here(domain):
    now_in_other(domain, 14, 15, 16)
    assert domain.run("audit", at="2026-10-26T06:00:00Z").code == 0
    planned = domain.run("--json", "plan", "--requested-by", "00007", at="2026-10-26T06:05:00Z").json
    assert [one["action"] for one in planned["changes"]] == ["remove-member"] * 3
    done = carry_out(domain, "plan", "2026-10-26T06:10:00Z")
    assert (done.code, done.json["calls"]) == (0, 3), done.err
    now_in_other(domain)
    for at in ("2026-10-26T07:00:00Z", "2026-10-26T07:20:00Z"):
        verified = domain.run("--json", "verify", at=at).json["changes"]
    assert {one["state"] for one in verified} == {"revoked"}
    # Since then somebody has let 15 in again and 18 for the first time, and 16 has left.
    now_in_other(domain, 15, 18)
    domain.leave(16, "2026-10-27")
    late = "2026-10-28T06:00:00Z"
    assert domain.run("collect", at=late).code == 0
    assert domain.run("review", at=late).code == 0
    undo = domain.run("--json", "--run", planned["run"], "undo", "--requested-by", "00007", at=late)
    assert undo.code == 0, undo.err
    names = {one["target"]["account"]["name"]: one["action"] for one in undo.json["changes"]}
    assert names == {"u14": "add-member", "u15": "add-member"}
    assert "the person is left" in undo.json["to_person"][0]["reason"]
    assert undo.json["proof"]["appeared"] == 1
    assert domain.run("apply", "--of", "undo", "--by", "00007", at=late).code == 4, "an undo is approved as any plan"
    back = carry_out(domain, "undo", "2026-10-28T06:05:00Z")
    assert sorted(back.json["states"].values()) == ["absent", "ordered"], back.err
    (orders,) = domain.folder.glob("runs/*/undo/orders.csv")
    assert [row["Account"] for row in csv.DictReader(orders.read_text("utf-8-sig").splitlines())] == ["u14"]
    now_in_other(domain, 14, 15, 18)
    for at in ("2026-10-28T07:00:00Z", "2026-10-28T07:20:00Z"):
        verified = domain.run("--json", "verify", "--of", "undo", at=at).json["changes"]
    assert sorted(one["state"] for one in verified) == ["absent", "restored"]
    again = domain.run("--run", planned["run"], "undo", "--requested-by", "00007", at=late)
    assert (again.code, "being carried out" in again.err) == (4, True)
