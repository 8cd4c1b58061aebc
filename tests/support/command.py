"""The command line as a person runs it: in a process of its own, against a workspace on disk."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def access_review(folder: Path, *words: str) -> Said:
    """Run the command in a workspace."""
    command = [sys.executable, "-W", "error", "-m", "access_review", "-C", str(folder), *words]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False, cwd=folder, timeout=300
    )
    return Said(done.returncode, done.stdout, done.stderr)


def lay_out(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a workspace from texts by path."""
    for name in ("sources", "roles/templates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
