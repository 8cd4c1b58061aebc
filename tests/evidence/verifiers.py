"""The second verifier, run as an auditor does."""

import contextlib
import io
import subprocess
import sys
import types
from importlib.resources import files

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


COMPILED = compile(SECOND.read_text(), "check_evidence.py", "exec")
RUN = """
import runpy, sys
sys.modules["access_review"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
