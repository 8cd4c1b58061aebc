"""Init: lay out a working example workspace to start from."""

import shutil
from pathlib import Path

from access_review.errors import WorkspaceError
from access_review.store import files
from access_review.views import source_yaml


def lay_out_example(folder: Path) -> None:
    """Copy the example company into a folder; raises ``WorkspaceError`` where a workspace is already."""
    parts = ("sources", "roles")
    taken = [name for name in parts if (folder / name).exists()]
    if taken:
        raise WorkspaceError(f"{folder / taken[0]} is already there", hint="name an empty folder")
    for name in parts:
        shutil.copytree(_starter() / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def lay_out_empty(folder: Path, organisation: str) -> None:
    """Lay out a workspace without sources or templates; raises ``WorkspaceError`` where one is already."""
    taken = [name for name in ("sources", "roles") if (folder / name).exists()]
    if taken:
        raise WorkspaceError(f"{folder / taken[0]} is already there", hint="name an empty folder")
    (folder / "sources").mkdir(parents=True)
    (folder / "roles" / "templates").mkdir(parents=True)
    shutil.copytree(_starter() / "roles" / "schemas", folder / "roles" / "schemas")
    files.write(folder / "roles" / "policy.yaml", source_yaml.policy(organisation).encode())


def _starter() -> Path:
    """Return the example workspace: inside the wheel, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "starter" if (package / "starter").is_dir() else package.parent
