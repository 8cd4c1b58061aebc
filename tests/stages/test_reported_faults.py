"""One instance of each kind of fault that people reported of such tools, unchanged, through the command line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import access_review

AS_OF = "2026-11-02T06:00:00Z"


@pytest.fixture
def reported(outside_data: Path, tmp_path: Path):
    """Return a way to lay out an instance and audit it."""

    def laid_out(name: str, *, code: int) -> dict[str, Any]:
        shutil.copytree(outside_data / "reported" / name, tmp_path, dirs_exist_ok=True)
        for path in (tmp_path, *tmp_path.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)
        result = access_review(tmp_path, "--as-of", AS_OF, "--json", "audit")
        assert result.code == code, result.err
        return {
            table: exported(tmp_path, table)
            for table in ("accounts", "effective", "findings", "completeness", "people", "problems")
        }

    return laid_out


def exported(folder: Path, table: str) -> list[dict[str, Any]]:
    result = access_review(folder, "export", table, "--format", "json", "-o", str(folder / "table.json"))
    assert result.code == 0, result.err
    rows: list[dict[str, Any]] = json.loads((folder / "table.json").read_text("utf-8"))
    return rows


def incomplete(found: dict[str, Any], source: str) -> dict[str, str]:
    rows = found["completeness"]
    return {row["subject"]: row["reason"] for row in rows if row["source"] == source and not row["complete"]}


def fired(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(row["rule"], row["subject"]) for row in found["findings"]}


def test_two_people_whose_names_only_sound_alike_are_two(reported):
    found = reported("ldap-dn-sharp-s", code=0)
    assert {row["name"] for row in found["accounts"]} == {"jweiss", "jweisz", "cleo"}
    held = {(row["account_name"], row["entitlement_name"]) for row in found["effective"] if row["how"] == "direct"}
    assert held == {("jweisz", "App"), ("jweiss", "Other")}
    assert not incomplete(found, "ad")


def test_an_export_of_ldifde_reads_as_the_entries_it_adds(reported):
    found = reported("ldif-ldifde-add", code=0)
    assert len(found["accounts"]) == 3
    assert not incomplete(found, "ad")
    assert {rule for rule, _ in fired(found)} >= {"leaver-active"}
    assert sum(row["how"] in {"direct", "primary"} for row in found["effective"]) == 5


def test_nobody_s_service_account_is_found_where_its_cell_is_empty(reported):
    found = reported("owners-empty-cell", code=0)
    assert ("service-unowned", "app:user:svc_fax") in fired(found)
    assert not incomplete(found, "owners")


def test_nobody_is_a_leaver_on_a_row_that_contradicts_itself(reported):
    found = reported("roster-end-before-start", code=1)
    assert {row["native_id"]: row["status"] for row in found["people"]} == {
        "1001": "unknown",
        "1002": "unknown",
        "1003": "left",
    }
    assert [row["kind"] for row in found["problems"] if row["source"] == "hr"] == ["quarantined"] * 2
    assert not {subject for rule, subject in fired(found) if rule.startswith("leaver")}


def test_groups_that_are_all_empty_were_not_read(reported):
    found = reported("sharphound-all-members-empty", code=1)
    reasons = incomplete(found, "ad")
    assert reasons.keys() >= {"grants", "nesting"}
    assert "no group has a member" in reasons["grants"]
    assert "birthright-missing" not in {rule for rule, _ in fired(found)}


def test_the_zero_of_a_calendar_is_never(reported):
    found = reported("table-epoch-is-never", code=0)
    ben = next(row for row in found["accounts"] if row["name"].startswith("ben"))
    assert (ben["never_used"], ben["last_used_latest"]) == (True, None)
    rules = {rule for rule, subject in fired(found) if subject == ben["account"]}
    assert rules == {"never-used"}
