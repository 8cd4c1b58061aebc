"""Templates drafted, promoted and proposed to be changed, through the command line, on the example company."""

from pathlib import Path

import pytest

from access_review.documents import read
from access_review.settings import Template
from tests.support.command import access_review

pytestmark = pytest.mark.slow


def loaded(folder: Path) -> dict[str, Template]:
    """Return the templates of a folder by role, each as the workspace would read it."""
    documents = [read(path, path.name) for path in sorted(folder.glob("*.yaml"))]
    assert not [mistake for document in documents for mistake in document.mistakes]
    return {document.data["role"]: Template.model_validate(document.data) for document in documents}


def test_a_draft_writes_permissions_and_duties_only_where_asked(audited_example: Path, tmp_path: Path) -> None:
    drafted = access_review(audited_example, "--json", "roles", "draft", "--to", str(tmp_path / "may")).json
    assert drafted["coverage"] > 0.95
    assert drafted["coverage"] - drafted["chance"] > 0.3
    assert all(not one.must and one.review_by for one in loaded(tmp_path / "may").values())
    promoted = access_review(audited_example, "roles", "draft", "--promote", "--to", str(tmp_path / "must"))
    duties = {str(p) for one in loaded(tmp_path / "must").values() for p in one.must}
    assert "ad:group:Domain Users" in duties
    assert "Look at these lines first" in promoted.out
    # What is privileged, sensitive or half of a toxic pair is no duty, however many hold it.
    assert not duties & {"ad:group:Server-Admins", "ledger:role:Payment Approval", "ledger:role:Viewer"}


def test_updates_are_said_and_written_beside_with_comments_kept(audited_example: Path, tmp_path: Path) -> None:
    template = audited_example / "roles/templates/quality-analyst.yaml"
    before = template.read_text("utf-8")
    to = tmp_path / "changed"
    said = access_review(audited_example, "--json", "roles", "draft", "--update", "--to", str(to)).json
    proposed = {(one["role"], one["kind"], one["pattern"]) for one in said["proposals"]}
    assert ("helpdesk", "remove", "ad:group:Helpdesk-Tools") in proposed
    assert not [one for one in proposed if one[1] == "promote"]
    assert set(loaded(to)) == {one[0] for one in proposed}
    assert template.read_text("utf-8") == before
    again = access_review(audited_example, "roles", "draft", "--update", "--to", str(to))
    assert again.code == 2
    assert "is already there" in again.err


def test_a_line_that_all_of_a_role_hold_is_proposed_when_its_template_lacks_it(
    audited_example: Path, tmp_path: Path
) -> None:
    template = audited_example / "roles/templates/workforce-planner.yaml"
    before = template.read_text("utf-8")
    template.write_text(before.replace("  - ad:group:Workforce-Planning", "  - ad:group:Nothing-Such"), "utf-8")
    try:
        said = access_review(audited_example, "--json", "roles", "draft", "--update", "--to", str(tmp_path)).json
    finally:
        template.write_text(before, "utf-8")
    proposed = {(one["kind"], one["pattern"]) for one in said["proposals"] if one["role"] == "workforce-planner"}
    assert proposed == {("add", "ad:group:Workforce-Planning"), ("remove", "ad:group:Nothing-Such")}
