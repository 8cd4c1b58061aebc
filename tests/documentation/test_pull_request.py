"""What the hooks and the workflow of a workspace's repository run, run as they run it: by a shell, in a clone with a change."""

import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.example import REPOSITORY
from tests.support.workspaces import Company

STEPS: list[str] = [
    step["run"]
    for step in YAML(typ="safe").load(REPOSITORY / "runbooks/pull-request/roles.yml")["jobs"]["roles"]["steps"]
    if "run" in step
]
HOOKS: list[dict[str, Any]] = YAML(typ="safe").load(REPOSITORY / ".pre-commit-hooks.yaml")
WIDER = "Viewer"


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a step as the workflow's shell does."""
    return subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
        env={
            **os.environ,
            "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
            "GITHUB_STEP_SUMMARY": str(folder.parent / "summary.md"),
            **{f"GIT_{who}_{what}": "a@x.test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        },
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Clone a workspace's repository and commit a change to it, on a branch: nobody may be a viewer any more."""
    Company(tmp_path / "origin")
    made = shell("git init -q -b main . && git add sources roles && git commit -qm one", tmp_path / "origin")
    assert made.returncode == 0, made.stderr
    template = "clone/roles/templates/clerk.yaml"
    change = f"git clone -q origin clone && sed -i s/{WIDER}/Approver/ {template}"
    made = shell(f"{change} && git -C clone switch -qc change && git -C clone commit -qam two", tmp_path)
    assert made.returncode == 0, made.stderr
    return tmp_path / "clone"


@pytest.mark.slow
def test_the_workflow_says_what_a_change_would_find(clone: Path) -> None:
    install, *steps, last = (step.replace("${{ github.base_ref }}", "main") for step in STEPS)
    assert install.startswith("pip install ")
    for step in steps:
        done = shell(step, clone)
        assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
    done = shell(last, clone)
    assert done.returncode == 3, f"{done.stdout}{done.stderr}"
    assert "access-beyond-role" in (clone.parent / "summary.md").read_text("utf-8")


@pytest.mark.slow
def test_the_hooks_refuse_what_is_wrong_and_let_pass_what_is_right(clone: Path) -> None:
    assert [hook["id"] for hook in HOOKS] == ["access-review-check", "access-review-roles-test"]
    assert all(hook["language"] == "python" and hook["pass_filenames"] is False for hook in HOOKS)
    assert [shell(hook["entry"], clone).returncode for hook in HOOKS] == [0, 0]
    with (clone / "roles/templates/clerk.yaml").open("a", encoding="utf-8") as file:
        file.write("must_not: []\n")
    refused = shell(HOOKS[0]["entry"], clone)
    assert refused.returncode == 2
    assert "must_not" in refused.stderr
