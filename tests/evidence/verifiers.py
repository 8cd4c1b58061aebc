"""The second verifier, run as an auditor does, and both within this process, for those who ask them hundreds of times."""

import contextlib
import io
import subprocess
import sys
import types
from importlib.resources import files

import pytest

from access_review.engine import databases
from access_review.errors import AccessReviewError
from access_review.stages import evidence_check

SECOND = files("access_review") / "views" / "templates" / "check_evidence.py.txt"


def second(folder, *words):
    """Run the second verifier as an auditor does: a file, and a Python that cannot find this tool."""
    command = [sys.executable, "-I", "-c", RUN, str(SECOND), str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def second_here(folder, *words):
    """Run the second verifier within this process, for those who ask it hundreds of times; return code and what it said."""
    module = types.ModuleType("check_evidence")
    exec(COMPILED, module.__dict__)  # noqa: S102 - our own file
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = module.guarded([str(folder), *words])
    return code, said.getvalue()


class Named(Exception):
    """The first verifier has named something."""


class UntilFirst(list[str]):
    """What is wrong, of which nobody wants to know more than the first."""

    def __iadd__(self, found):  # type: ignore[misc]  # what is added need not be a list
        for one in found:
            self.append(one)
        return self

    def append(self, one):
        raise Named(one)


def first_named(folder, head):
    """Return what the first verifier names first, and let it look no further: nothing where it finds nothing.

    Facts made of the same rows are taken up again (``databases.KEPT``): a damage is in one week of many.
    """
    made = evidence_check.CheckedPack
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(databases, "KEPT", 40)
        patch.setattr(evidence_check, "CheckedPack", lambda: made(wrong=UntilFirst()))
        try:
            evidence_check.check_evidence(folder, [head])
        except (Named, AccessReviewError) as named:  # an error is what cannot be read at all
            return str(named)
    return ""


COMPILED = compile(SECOND.read_text(), "check_evidence.py", "exec")
RUN = """
import runpy, sys
sys.modules["access_review"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
