"""Where people sign in from: a VPN's log as a table, Entra's own words, and networks that the policy allows."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from access_review import runs
from access_review.connectors.addresses import address
from access_review.engine import ParquetFile
from access_review.store import snapshots
from access_review.tables import TABLES
from tests.support.command import access_review, lay_out

AT = "2026-02-01T06:00:00Z"
HR = """\
connector: roster
options:
  path: people.csv
  timezone: UTC
  left_at_means: end-of-day
  statuses: {active: [Active]}
  columns: {person: id, name: name, status: status, site: site}
"""
VPN = """\
connector: table
options:
  path: vpn.csv
  table: signins
  timezone: UTC
  dates: "%Y-%m-%d %H:%M"
  columns: {account: login, employee_id: number, at: at, success: ok, address: from, managed: company_device}
  success: {yes: [ok], no: [denied]}
  managed: {yes: ["yes"], no: ["no"]}
match:
  - {on: [employee_id, person]}
"""
LOG = """\
login,number,at,ok,from,company_device
ann,1,2026-01-20 08:00,ok,203.0.113.7:51000,yes
ann,1,2026-01-21 08:00,ok,::ffff:203.0.113.8,
ann,1,2026-01-22 08:00,denied,198.51.100.1,no
ben,2,2026-01-22 09:00,ok,198.51.100.2,no
ben,2,2026-01-23 09:00,ok,unknown,no
"""
POLICY = "engine: {threads: 1}\nrules:\n  signin-outside-network: {ranges: [%s]}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lay_out(
        tmp_path,
        {
            "sources/hr.yaml": HR,
            "sources/people.csv": "id,name,status,site\n1,Ann Lee,Active,Manila\n2,Ben Oda,Active,Manila\n",
            "sources/vpn.yaml": VPN,
            "sources/vpn.csv": LOG,
            "roles/policy.yaml": POLICY % "Manila=203.0.113.0/24",
        },
    )


def test_a_sign_in_from_elsewhere_or_from_a_device_of_nobody_s_is_found(folder: Path) -> None:
    assert [access_review(folder, "--as-of", AT, command).code for command in ("collect", "review")] == [0, 0]
    assert access_review(folder, "export", "findings", "--format", "json", "-o", "found.json").code == 0
    found = {(row["rule"], row["subject"]): row["reason"] for row in json.loads((folder / "found.json").read_text())}
    assert {key: said for key, said in found.items() if key[0].startswith("signin-")} == {
        ("signin-outside-network", "vpn:user:ben"): "sign-ins from outside the networks of Manila: 1, "
        "the last on 2026-01-22 09:00 UTC from 198.51.100.2",
        ("signin-unmanaged-device", "vpn:user:ben"): "sign-ins from devices that are not managed: 2, "
        "the last on 2026-01-23 09:00 UTC",
    }
    # A run from before the log had these columns is read as one that knows nothing of them.
    (run,) = runs.all_runs(folder)
    path = run.folder / "snapshot/signins.parquet"
    older = pq.read_table(path).drop_columns(["address", "managed", "compliant", "conditional_access"])
    pq.write_table(older, path)
    read = snapshots._with_columns("signins", ParquetFile(path))
    assert isinstance(read, pa.Table)
    assert read.schema.names == TABLES["signins"].schema.names
    assert read["managed"].null_count == len(read) == 5


def test_a_range_that_is_none_is_a_mistake_with_its_place(folder: Path) -> None:
    (folder / "roles/policy.yaml").write_text(POLICY % "Manila=203.0.113.7/24")
    checked = access_review(folder, "--as-of", AT, "check")
    assert checked.code == 2
    assert "roles/policy.yaml:3:" in checked.err
    assert "'Manila=203.0.113.7/24' is no range of a site" in checked.err


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:443", "203.0.113.7"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113", None),
        ("-", None),
        (None, None),
    ],
)
def test_addresses_have_one_form(text: str | None, known: str | None) -> None:
    assert address(text) == known


def test_the_same_rows_in_another_order_are_the_same_run(folder: Path) -> None:
    """With rows among them that cannot be used, that contradict each other, and that have no name of their own."""
    texts = {
        "people.csv": "id,name,status,site\n1,Ann Lee,Active,Manila\n2,Ben Oda,Gone,Cebu\n3,Cy Poe,?,Cebu\n",
        "vpn.csv": LOG
        + "ben,2,2026-01-23 09:00,ok,unknown,no\nben,9,yesterday,ok,,\ncy,3,2026-01-24 10:00,ok,,maybe\n",
    }
    made = []
    for order in (1, -1):
        for name, text in texts.items():
            head, *rows = text.splitlines()
            (folder / "sources" / name).write_text("\n".join([head, *rows[::order]]) + "\n")
        collected = access_review(folder, "--as-of", AT, "--json", "collect")
        made.append(collected.json["run"])
        shutil.rmtree(folder / "runs")
    assert made[0] == made[1]
