"""What was planted, as YAML with one entry a paragraph."""

import json
import unicodedata

from tests.demo.company import AS_OF
from tests.demo.scenario import Scenario

HEAD = """\
# What a review of this company must find, and what it must leave alone.
# Written by tests/demo/make_company.py: each entry by whoever planted the problem, none from what a review says.
# Subjects are source:kind:name, or whatever name the rule itself uses for a template, a waiver, a pair or a country.
"""


def text(scenario: Scenario) -> str:
    """Return the file."""
    lines = [HEAD, f"as_of: {AS_OF:%Y-%m-%dT%H:%M:%SZ}\n", "\nplanted:\n"]
    for entry in sorted(scenario.planted, key=lambda p: (p.rule, p.subject, p.about or "")):
        lines += [f"  - rule: {entry.rule}\n", f"    subject: {_quoted(entry.subject)}\n"]
        lines += [f"    about: {_quoted(entry.about)}\n"] if entry.about else []
        lines += ["    status: waived\n"] if entry.waived else []
        lines.append(f"    why: {_quoted(entry.why)}\n")
    lines.append("\ndecoys:\n")
    for decoy in sorted(scenario.decoys):
        lines += [f"  - subject: {_quoted(decoy.subject)}\n", f"    rules: [{', '.join(sorted(decoy.rules))}]\n"]
        lines.append(f"    why: {_quoted(decoy.why)}\n")
    return "".join(lines)


def _quoted(value: str) -> str:
    """Write a text so that no reader of the file is deceived by what it holds."""
    shown = json.dumps(value, ensure_ascii=False)
    return "".join(f"\\u{ord(c):04x}" if unicodedata.category(c) in {"Cf", "Cc"} else c for c in shown)
