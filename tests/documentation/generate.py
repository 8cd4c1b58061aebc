"""The generated parts of README.md: the film of the first hour, the help of the command line and the table of rules.

``python -m tests.documentation.generate`` (or ``make docs``) writes them between their marks;
``tests/documentation/test_documentation.py`` fails when they are not what would be written.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from access_review import rules
from access_review.views.families import family_of, order_of
from tests.documentation.film import film

README = Path(__file__).resolve().parent.parent.parent / "README.md"


def written(text: str) -> str:
    """Return the text of README.md with its generated parts as they should be; raises ``ValueError`` without marks."""
    for name, part in (("film", film()), ("help", help_block()), ("rules", rule_table())):
        opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, marked, rest = text.partition(opening)
        _, closed, after = rest.partition(closing)
        if not (marked and closed):
            raise ValueError(f"README.md has no {opening} … {closing}")
        text = f"{before}{opening}\n\n{part}\n\n{closing}{after}"
    return text


def help_block() -> str:
    """Return what ``access-review --help`` prints in a terminal of 100 columns, fenced."""
    printed = subprocess.run(
        [sys.executable, "-m", "access_review", "--help"],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
    ).stdout
    lines = [line.rstrip() for line in printed.strip().splitlines()]
    return "\n".join(("```text", "$ access-review --help", *lines, "```"))


def rule_table() -> str:
    """Return the built-in rules as a table, by family: what each finds, how severe it is and what may be set."""
    return "\n".join(("| family | rule | finds | severity | settings |", "| --- | --- | --- | --- | --- |", *_rows()))


def _rows() -> Iterator[str]:
    family = ""
    for name, rule in sorted(rules.load().items(), key=lambda item: order_of(item[0])):
        shown = "" if family_of(name) == family else family_of(name)
        family = family_of(name)
        settings = ", ".join(f"`{key}: {_value(one.default)}`" for key, one in rule.settings.items())
        yield f"| {shown} | `{name}` | {rule.title} | {rule.severity} | {settings} |"


def _value(default: object) -> str:
    """Write a default as `roles/policy.yaml` would."""
    return f"[{', '.join(map(str, default))}]" if isinstance(default, tuple) else str(default)


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
