"""The second verifier, run as an auditor does."""

import subprocess
import sys
from importlib.resources import files

SECOND = files("access_review") / "views" / "templates" / "check_evidence.py.txt"


def second(folder, *words):
    """Run the second verifier as an auditor does: a file, and a Python that cannot find this tool."""
    command = [sys.executable, "-I", "-c", RUN, str(SECOND), str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


RUN = """
import runpy, sys
sys.modules["access_review"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
