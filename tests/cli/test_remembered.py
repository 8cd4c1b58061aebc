"""The suite runs a command once for the same files at the same moment: what it lays down is what the command made."""

import pytest

from access_review import cli
from tests.support.command import access_review
from tests.support.workspaces import Company

AT = "2026-11-02T06:00:00Z"


@pytest.fixture
def ran():
    """Say which commands ran."""
    said, run = [], cli.run

    def noted(clock, words):
        said.append(words[-1])
        run(clock, words)

    # Not by monkeypatch, which has every command run.
    setattr(cli, "run", noted)  # noqa: B010 - mypy knows it as a function
    yield said
    setattr(cli, "run", run)  # noqa: B010 - likewise


def contents(folder):
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def test_the_same_is_laid_down_and_anything_else_is_run(tmp_path, ran):
    first, second = Company(tmp_path / "first"), Company(tmp_path / "second")
    one = first.run("collect", at=AT)
    before = len(ran)
    two = second.run("collect", at=AT)
    assert (len(ran) - before, two.code, two.err) == (0, one.code, one.err)
    assert two.out == one.out.replace(str(first.folder), str(second.folder)) != one.out
    assert contents(first.folder) == contents(second.folder)
    second.leave(3, "2026-10-01")
    assert second.run("check", at=AT).code == 0
    assert first.run("check", at="2026-11-02T06:00:01Z").code == 0
    (first.folder / "sources/people.csv").chmod(0o600)
    assert first.run("check", at="2026-11-02T06:00:01Z").code == 0
    assert len(ran) - before == 3


def test_what_leads_elsewhere_or_is_replaced_or_has_no_moment_is_run(tmp_path, ran):
    company = Company(tmp_path / "company")
    for _ in range(2):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(cli, "INTERRUPTED", 130)
            company.run("check", at=AT)
        access_review(company.folder, "check")
    assert len(ran) == 4
    source = company.folder / "sources/hr.yaml"
    source.write_text(source.read_text().replace("people.csv", "../sources/people.csv"))
    assert [company.run("check", at=AT).code for _ in range(2)] == [0, 0]
    assert len(ran) == 6
