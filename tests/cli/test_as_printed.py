"""What is printed to be run next runs as it stands, and a file asked for as ``-`` is the standard output."""

import os

import pytest

from access_review.cli.options import command_line, runnable
from tests.support.command import in_folder
from tests.support.workspaces import Company

GIVEN = "-C norwind --as-of 2026-11-02T06:00:00Z"
AT = "2026-11-02T06:00:00Z"


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("Next: access-review explain 1a", f"Next: access-review {GIVEN} --run 2026 explain 1a"),
        ("Next: access-review audit", f"Next: access-review {GIVEN} audit"),
        ("Next: access-review --run 7 review", f"Next: access-review {GIVEN} --run 7 review"),
        ("  → access-review collect; or access-review roles show", None),
        (
            "Made by access-review 1.0: access-review -C other audit",
            "Made by access-review 1.0: access-review -C other audit",
        ),
    ],
)
def test_a_command_to_run_next_names_workspace_moment_and_run(text, runs):
    both = f"  → access-review {GIVEN} collect; or access-review {GIVEN} --run 2026 roles show"
    assert runnable(text, GIVEN, "2026") == (runs or both)


@pytest.mark.skipif(os.name == "nt", reason="quoted as its shells do")
def test_words_are_quoted_as_the_shell_takes_them():
    assert command_line(["-C", "my company"]) == "-C 'my company'"


def test_what_is_asked_for_on_the_standard_output_is_there_alone(tmp_path):
    company = Company(tmp_path)
    assert company.run("audit", "--trial", at=AT).code == 0
    (run,) = (path.name for path in tmp_path.glob("runs/rehearsals/2*"))
    drawn = company.run("--run", run, "explain", "00003", "--picture", "-", at=AT)
    assert (drawn.code, drawn.out[:5], drawn.out.rstrip()[-6:]) == (0, "<svg ", "</svg>")
    listed = company.run("--run", run, "waive", "list", "-o", "-", at=AT)
    assert (listed.code, "No waiver" in listed.out) == (0, False)
    unnamed = company.run("explain", "00003", at=AT)
    assert f"→ access-review -C {tmp_path} --as-of {AT} audit; or name the trial: --run {run}" in unnamed.err
    refused = in_folder(tmp_path, "init", "-")
    assert refused.code == 2
    assert "a folder is written, which cannot go to the standard output" in " ".join(refused.err.split())
    assert not (tmp_path / "-").exists()
