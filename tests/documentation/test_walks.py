"""The two walks in CONTRIBUTING are walks through the code as it is: each name is there, and is reached from what came before."""

import ast
import re
from pathlib import Path

import pytest

STARTS = {
    *("stages/collect.collect_run", "stages/plan.plan_run", "cli/revocation.apply", "revoke/verify.verify"),
    "connectors/ad/connector.connect",
}
"""What a command starts, and what is found by its entry point."""


def walks(repository: Path) -> dict[str, list[str]]:
    """Return by walk what it names, in order: ``package/module`` or ``package/module.function``."""
    text = (repository / "CONTRIBUTING.md").read_text("utf-8")
    parts = re.split(r"^### (Walk: .*)$", text, flags=re.MULTILINE)[1:]
    found = {}
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        steps = body.partition("\n## ")[0]
        assert len(re.findall(r"^\d+\. ", steps, re.MULTILINE)) == 10, title
        found[title] = re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.[A-Za-z_.]+|[a-z_]+(?:/[a-z_]+)+)`", steps)
    return found


def defined(body: list[ast.stmt], name: str) -> bool:
    """Tell whether a function, class or method of this name stands there."""
    first, _, rest = name.partition(".")
    return any(
        isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.name == first
        and (not rest or defined(node.body, rest))
        for node in body
    )


def used(tree: ast.Module, name: str) -> bool:
    """Tell whether a module uses a name, in itself or of something else."""
    return any(
        (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)
        for node in ast.walk(tree)
    )


@pytest.mark.parametrize("which", [0, 1])
def test_a_walk_names_what_is_there_each_reached_from_what_came_before(repository: Path, which: int) -> None:
    title, named = list(walks(repository).items())[which]
    assert len(named) > 15, title
    passed: dict[str, ast.Module] = {}
    for one in named:
        module, _, name = one.partition(".")
        path = repository / "access_review" / f"{module}.py"
        path = path if path.exists() else path.with_suffix("") / "__init__.py"
        assert path.exists(), f"{title}: there is no {one}"
        passed.setdefault(module, ast.parse(path.read_text("utf-8")))
        if name:
            assert defined(passed[module].body, name), f"{title}: {one} is not there"
            last = name.rpartition(".")[2]
            reached = one in STARTS or any(used(tree, last) for tree in passed.values())
            assert reached, f"{title}: nothing named before {one} calls it"
