"""With one system's export alone, what needs no roster is seen, and what does need one says so in one line."""

import shutil
from pathlib import Path

import pytest

from tests.support.command import access_review

AT = "2026-11-02T06:00:00Z"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "standing"), [("entra", "User Administrator"), ("ad", "Server-Admins")], ids=["tenant", "forest"]
)
def test_standing_privilege_is_seen_in_an_export_alone(
    source: str, standing: str, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "sources/demo").mkdir(parents=True)
    (tmp_path / "roles/templates").mkdir(parents=True)
    shutil.copy(repository / f"sources/{source}.yaml", tmp_path / "sources")
    shutil.copytree(repository / f"sources/demo/{source}", tmp_path / f"sources/demo/{source}")
    audited = access_review(tmp_path, "--as-of", AT, "audit", "--trial")
    assert audited.code == 0, audited.err
    (line,) = (line for line in audited.out.splitlines() if "no source provides people" in line)
    assert "access-beyond-role" in line
    assert access_review(tmp_path, "--run", _rehearsed(tmp_path), "export", "findings", "--format", "csv").code == 0
    findings = (tmp_path / "findings.csv").read_text("utf-8")
    assert any("standing-privilege" in row and standing in row for row in findings.splitlines())
    # Without a roster nobody is known to work here, so no owner is said to be gone.
    assert "owner-gone" not in findings


def _rehearsed(folder: Path) -> str:
    return next(path.parent.name for path in sorted(folder.glob("runs/**/review.json")))
