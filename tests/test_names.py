"""The house keeps its order: a public class name has one meaning, no module is long, the top is the list of its rooms."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

LONGEST = 400
MOST_AT_THE_TOP = 40


def modules(repository: Path) -> Iterator[tuple[str, str]]:
    """Yield the path of every module of the package, and its text."""
    for path in sorted((repository / "access_review").rglob("*.py")):
        yield path.relative_to(repository).as_posix(), path.read_text(encoding="utf-8")


def test_a_public_class_name_has_one_meaning(repository: Path) -> None:
    defined: dict[str, list[str]] = defaultdict(list)
    for module, text in modules(repository):
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                defined[node.name].append(module)
    assert {name: where for name, where in defined.items() if len(where) > 1} == {}


def public(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, ast.expr]]:
    """Yield the name and type of what public functions return and of what public classes hold."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name, returns=ast.expr() as said) if not name.startswith("_"):
                yield within + name, said
            case ast.AnnAssign(target=ast.Name(id=name), annotation=said) if within and not name.startswith("_"):
                yield within + name, said
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield from public(node.body, f"{within}{name}.")


SHAPES = {
    "Controls": "what ldap3 makes of the controls of an answer",
    "Object": "an object of Microsoft Graph, whose reference has its fields; properties.py reads them by type",
    "Options": "arguments of a connector or rule, which its signature allows",
    "Page": "a page of Microsoft Graph, read by type as the objects in it are",
    "Row": "a row of a table, whose columns tables.py or facts.py has",
}
"""Names for a mapping of anything, each with the place where what it holds is written down."""


def test_a_public_result_says_what_it_holds(repository: Path) -> None:
    """``dict[str, Any]`` says nothing, by whatever name; where it is any JSON, ``Json`` and ``JsonObject`` say so."""
    named = {
        node.targets[0].id
        for _, text in modules(repository)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and re.fullmatch(r"(?:[dD]ict|(?:Mutable)?Mapping)\[str, Any\]", ast.unparse(node.value))
    }
    assert named == SHAPES.keys()
    untyped = re.compile(r"\b[dD]ict\b(?!\[)|\b(?:[dD]ict|Mapping|MutableMapping)\[[^\[\]]*, Any\]")
    found = {
        f"{module}: {name}": ast.unparse(said)
        for module, text in modules(repository)
        for name, said in public(ast.parse(text).body)
        if untyped.search(ast.unparse(said))
    }
    assert found == {}


MEASURED = re.compile(
    r"(^|_)(timeout|size|sizes|limit|max|most|age|wait|delay|interval|width|height|bytes|length|window"
    r"|longest|shortest|largest|tolerance|pause|per_minute|retry_after|rate|percent|share|bits)($|_)",
    re.IGNORECASE,
)
UNIT = re.compile(
    r"\b(seconds?|minutes?|hours?|days?|weeks?|bytes|bits|characters|columns|pixels|percent|0 to 1|how many|number of"
    r"|rows|lines|files|items|units|people|accounts|members|grants|values|objects|requests|changes|findings|paths|shapes)\b",
    re.IGNORECASE,
)


def measures(body: list[ast.stmt], within: str, said: str = "") -> Iterator[tuple[str, str]]:
    """Yield every public number whose name is of a time or a size, and what is said of it."""
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        beside = ast.get_docstring(ast.Module([after], []), clean=False) or ""
        match node:
            case ast.FunctionDef(name=name, args=args) if not name.startswith("_"):
                doc = (ast.get_docstring(node) or "") + said
                for one in (*args.args, *args.kwonlyargs):
                    if one.annotation and re.search(r"\b(int|float)\b", ast.unparse(one.annotation)):
                        yield f"{within}{name}({one.arg})", doc + ast.unparse(one.annotation)
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield from measures(node.body, f"{within}{name}.", ast.get_docstring(node) or "")
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind) if not name.startswith("_"):
                if re.search(r"\b(int|float|StrictInt|Whole)\b", ast.unparse(kind)):
                    yield f"{within}{name}", said + beside
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() | float())):
                if not name.startswith("_"):
                    yield f"{within}{name}", said + beside


def test_a_time_or_size_says_in_what_it_is_measured(repository: Path) -> None:
    found = {
        f"{module}: {name}"
        for module, text in modules(repository)
        for name, said in measures(ast.parse(text).body, "")
        if MEASURED.search(re.split(r"[.(]", name.rstrip(")"))[-1]) and not UNIT.search(said)
    }
    assert found == set()


def test_no_module_is_longer_than_one_reads_at_once(repository: Path) -> None:
    lines = {module: len(text.splitlines()) for module, text in modules(repository)}
    assert {module: count for module, count in lines.items() if count > LONGEST} == {}


def test_the_top_of_the_package_can_be_read_at_a_glance(repository: Path) -> None:
    top = {path.name for path in (repository / "access_review").iterdir() if not path.name.startswith("__")}
    assert len(top) <= MOST_AT_THE_TOP, sorted(top)


def test_tests_are_found_where_the_package_has_what_they_test(repository: Path) -> None:
    """A folder of tests is named as a package, or is one of those that hold no tests of a package."""
    beside = {
        *("bench", "demo", "documentation", "faults", "fuzz", "golden", "oidc"),
        *("attacks", "powershell", "real", "simulated_tenant", "simulation", "support", "trust"),
    }
    folders = {path.name for path in (repository / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    packages = {path.name for path in (repository / "access_review").iterdir() if path.is_dir()}
    assert folders - beside <= packages


TABULAR = re.compile(r"\b(pa\.\w*(?:Table|Array|Batch\w*)|Engine|ParquetFile|Relation|DataFrame)\b")
SHAPE = re.compile(
    r"``\w+ \([\w, …]+\)``|``\w+(?:, \w+)+``|facts\.[A-Z_]+|access_review\.(?:tables|facts)|columns? |one of ids"
)


@pytest.mark.parametrize("module", ["graph", "review", "roles", "correlate"])
def test_the_middle_says_the_tables_and_columns_that_go_in_and_come_out(repository: Path, module: str) -> None:
    tree = ast.parse((repository / f"access_review/{module}.py").read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    unsaid = [
        node.name
        for node in functions
        if TABULAR.search(ast.unparse(node.args) + (ast.unparse(node.returns) if node.returns else ""))
        and not SHAPE.search(ast.get_docstring(node) or "")
    ]
    assert unsaid == []
