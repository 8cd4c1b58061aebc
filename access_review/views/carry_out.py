"""The program for administrators who give a tool no write access: the same for every plan, byte for byte.

It holds nothing of any plan and reads plan.json, so it can be read once, compared with its
SHA-256 and signed once. Nothing is filled in, and no PowerShell is made of what a directory says.
"""

import hashlib
from functools import cache
from importlib.resources import files

NAME = "carry-out.ps1"
LOG = "carried-out.csv"
"""What the program writes beside the plan unless told otherwise, and ``verify --log`` reads."""


@cache
def program() -> bytes:
    """Return the program as it is written into the folder of each plan."""
    return (files("access_review") / "views" / "templates" / NAME).read_bytes()


def digest() -> str:
    """Return the program's SHA-256, as ``sha256sum`` and ``Get-FileHash`` show it."""
    return "sha256:" + hashlib.sha256(program()).hexdigest()
