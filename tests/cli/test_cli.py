import re
import subprocess
import sys
from dataclasses import replace

import pytest

from access_review.changes import ReadablePart
from access_review.cli import globals_first
from access_review.views.check import live_text
from tests.support.command import access_review, in_own_process, lay_out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["audit", "--json", "-C", "x"], ["--json", "-C", "x", "audit"]),
        (["plan", "--run=2026", "--rule", "leaver-active"], ["--run=2026", "plan", "--rule", "leaver-active"]),
        (["explain", "--", "--json"], ["explain", "--", "--json"]),
        (["audit", "--as-of"], ["--as-of", "audit"]),
    ],
)
def test_global_options_may_stand_anywhere(words, expected):
    assert globals_first(words) == expected


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom access_review.cli import main\n"
        "sys.argv[1:] = ['--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'duckdb', 'networkx', 'openpyxl', 'scipy', 'jinja2', 'ldap3', 'msal',\n"
        "         'pydantic'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "audit" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--as-of", "yesterday", "audit"], "is no time"),
        (["--as-of", "2026-11-02T06:00:00", "audit"], "no time zone"),
        (["audit"], "has no sources/ and roles/"),
        (["no-such-command"], "No such command"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_to_do(words, said, tmp_path):
    done = in_own_process(tmp_path, *words)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    for_a_program = access_review(tmp_path, "--json", *words)
    assert (for_a_program.code, said in for_a_program.json["error"], bool(for_a_program.json["hint"])) == (
        2,
        True,
        True,
    )


def test_no_run_yet_says_what_to_do(tmp_path):
    lay_out(tmp_path, {"sources/hr.yaml": "connector: roster\noptions: {path: p.csv, columns: {person: id}}\n"})
    done = in_own_process(tmp_path, "explain", "x")
    assert done.code == 1
    assert f"access-review -C {tmp_path} audit" in done.err


@pytest.mark.slow
def test_init_lays_out_the_example_and_overwrites_nothing(tmp_path):
    assert access_review(tmp_path, "init", str(tmp_path / "new")).code == 0
    audited = access_review(tmp_path / "new", "--as-of", "2026-11-02T06:00:00Z", "--quiet", "audit")
    assert audited.code == 0, audited.err
    assert "101 findings" in audited.out
    assert access_review(tmp_path, "init", str(tmp_path / "new")).code == 2
    nowhere = access_review(tmp_path / "new", "export", "findings", "-o", str(tmp_path / "no" / "such" / "file.csv"))
    assert nowhere.code == 1
    assert "No such file or directory" in nowhere.err
    assert "Traceback" not in nowhere.err


@pytest.mark.slow
def test_check_says_what_would_be_loaded_and_writes_nothing(repository):
    before = sorted(path.name for path in repository.glob("runs/*"))
    checked = access_review(repository, "--as-of", "2026-11-02T06:00:00Z", "check")
    assert checked.code == 0, checked.err
    assert "21 role templates" in checked.out
    assert "roles/templates/helpdesk.yaml:7: ad:group:Helpdesk-Tools matches nothing today" in checked.out
    assert re.search(r"^swipes +table +87 signins +complete$", checked.out, re.MULTILINE)
    assert sorted(path.name for path in repository.glob("runs/*")) == before


@pytest.mark.slow
def test_check_live_says_what_a_reader_may_not_read(repository):
    result = access_review(repository, "check", "--live")
    assert result.code == 0, result.err
    assert "No source is read live" in result.out
    part = ReadablePart("users", can=True, absent=False, reason="", permission="User.Read.All", lost="")
    refused = replace(part, part="signIns", can=False, reason="refused", permission="P", lost="All of it.")
    text = live_text({"entra": [part, refused, replace(part, part="pim", can=False, absent=True, reason="no P2")]})
    assert text.splitlines() == [
        "entra: 1 of 3 parts can be read.",
        "  signIns: refused; needs P. All of it.",
        "  pim: left out, or not in this tenant: no P2",
    ]
