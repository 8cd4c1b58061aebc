"""The example company of the checkout, in a folder of its own."""

import shutil
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
AUDITED_AT = "2026-11-02T06:00:00Z"


def copy_example(folder: Path) -> Path:
    """Copy sources and roles of the example company into a folder, without its runs."""
    for name in ("sources", "roles"):
        shutil.copytree(REPOSITORY / name, folder / name, dirs_exist_ok=True)
    return folder
