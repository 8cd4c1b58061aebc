"""Whatever ends with another exit code than 0 says why on standard error, and what is to be run next runs as printed."""

import json
import re
import shlex

import pytest

from tests.support.command import in_folder
from tests.support.workspaces import Company

AT = "2026-11-02T06:00:00Z"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    made = Company(tmp_path_factory.mktemp("company"))
    assert made.run("collect", at=AT).code == 0
    assert made.run("review", at=AT).code == 0
    return made


@pytest.mark.slow
def test_no_exit_code_goes_without_its_reason(company: Company) -> None:
    (company.folder / "roles/expectations.yaml").write_text("expectations:\n  - {person: Person 3, roles: [pilot]}\n")
    assert company.run("roles", "test", at=AT).code == 3
    tried = (
        ("sign-off", "--by", "Nobody"),
        ("remind",),
        ("plan", "--requested-by", "Nobody"),
        ("approve", "--key", "none", "--by", "Nobody"),
        ("apply", "--key", "none", "--by", "Nobody"),
        ("verify",),
        ("undo", "--requested-by", "Nobody"),
        ("explain", "nobody at all"),
        ("export", "acounts"),
        ("roles", "show", "pilot"),
        ("roles", "test"),
        ("client", "Nowhere"),
        ("decide", "nothing.csv"),
        ("logbook", "--head", "1:sha256:" + "0" * 64),
        ("offboarding", "--person", "Nobody"),
        ("waive", "end", "W-1"),
        ("--run", "1999", "review"),
    )
    for words in tried:
        said = company.run(*words, at=AT)
        assert said.code != 0, words
        assert "access-review: " in said.err or "Error" in said.err, (words, said)
    (company.folder / "roles/expectations.yaml").unlink()


@pytest.mark.slow
def test_what_is_to_be_run_next_runs_as_it_is_printed(company: Company, tmp_path) -> None:
    at = "2026-11-02T07:00:00Z"
    words: list[str] = ["-C", str(company.folder), "--as-of", at, "collect"]
    ran: list[list[str]] = []
    while words and len(ran) < 4:
        said = in_folder(tmp_path, *words)
        assert said.code == 0, (words, said.err)
        ran.append(words)
        following = re.search(r"^Next:\s+access-review (.*)$", said.out, re.MULTILINE)
        words = shlex.split(following[1]) if following else []
    assert [next(w for w in one[4:] if w.isalpha()) for one in ran] == ["collect", "review", "audit", "remind"]


@pytest.mark.slow
def test_what_was_not_saved_of_a_tenant_is_said_with_how_to_export_it(tmp_path) -> None:
    (tmp_path / "exports").mkdir()
    user = {"id": "0f0c6a1e-0000-4000-8000-000000000001", "displayName": "Ana Lim", "userPrincipalName": "ana@x.test"}
    (tmp_path / "exports/users.json").write_text(json.dumps({"value": [{**user, "accountEnabled": True}]}))
    assert in_folder(tmp_path, "init", "made", "--from", "exports").code == 0
    said = in_folder(tmp_path, "-C", "made", "audit", "--trial")
    assert said.code == 1
    assert "groups: not saved" in said.err
    assert "runbooks/export-entra.md" in said.err
