"""A docstring names the errors of ours that a caller may want to catch: those raised here, and those of what is called.

The code is read, not run. A function raises what stands in its ``raise`` statements and in those of private functions
that it calls; of a public function that it calls it is enough what the docstring of that one names, so each docstring is
held to by those of its callers. Calls are followed by name: functions and classes of the package, methods of ``self`` and
of parameters and locals whose class is written down. What is caught on the way is left out. Calls through Protocols and
values are not followed, so a docstring may name more than is found here.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from access_review import errors

HELD = (
    *("graph", "roles", "correlate", "review", "snapshot", "workspace", "runs", "store", "artifacts", "plan", "revoke"),
    *(
        "audit",
        "offboarding",
        "explain",
        "export",
        "draft",
        "connectors",
        "logbook",
        "findings",
        "diff",
        "sample",
        "rules",
    ),
    *(
        "declared",
        "engine",
        "guarded_files",
        "changes",
        "documents",
        "settings",
        "policy",
        "evidence",
        "scorecard",
        "views",
    ),
    "stages",
)
"""Whose public functions are held to it: modules and packages at the top of ``access_review``."""

OURS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.AccessReviewError)
}
ANYWAY: Mapping[str, str] = {
    "RuleError": "a rule's author broke the contract: whatever runs rules or says findings raises it, and every command shows it",
}
"""Errors that who calls a public function need not name, each with its reason; who raises one itself does."""

IN_STAGES: Mapping[str, str] = {
    "ArtifactError": "every stage reads what another wrote, which may be damaged; a face shows that and stops",
    "WorkspaceError": "a connector that a source names, or a folder of the policy, may be gone since the workspace was loaded",
}
"""Errors that no stage need name, each with its reason."""

NEVER: Mapping[str, str] = {
    "access_review.revoke.sshsig.PublicKeyLine.parse": "lines of approvers.yaml were parsed when the workspace was loaded",
}
"""Functions that raise nothing where this package calls them, each with its reason."""

Names = frozenset[str]


def dotted(node: ast.expr) -> str:
    """Return a name with the names before it; other expressions have none."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=before, attr=name):
            return f"{dotted(before)}.{name}"
    return "?"


@dataclass
class Function:
    """A function or method, with what is needed to follow its calls."""

    module: str
    within: str
    node: ast.FunctionDef
    raised: Names | None = None

    @property
    def public(self) -> bool:
        """Tell whether others may call it."""
        return not any(part.startswith("_") for part in (*self.within.split("."), self.node.name))


@dataclass
class Module:
    """What a module defines, and what its names mean."""

    name: str
    tree: ast.Module
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)


class Package:
    """All modules of a package, and what each function raises."""

    def __init__(self, root: Path) -> None:
        self.modules: dict[str, Module] = {}
        for path in sorted(root.rglob("*.py")):
            name = ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")
            self.modules[name] = self._read(name, ast.parse(path.read_text("utf-8")))

    @staticmethod
    def _read(name: str, tree: ast.Module) -> Module:
        module = Module(name, tree)
        for node in ast.walk(tree):
            match node:
                case ast.ImportFrom(module=str() as source, level=0) if source.startswith("access_review"):
                    module.imported |= {a.asname or a.name: f"{source}.{a.name}" for a in node.names}
        for node in tree.body:
            match node:
                case ast.FunctionDef():
                    module.functions[node.name] = Function(name, "", node)
                case ast.ClassDef():
                    module.classes[node.name] = node
                    for part in node.body:
                        if isinstance(part, ast.FunctionDef):
                            module.functions[f"{node.name}.{part.name}"] = Function(name, node.name, part)
        return module

    def meaning(self, module: Module, name: str) -> str:
        """Return the full name of what a name of a module means, through what packages pass on."""
        first, _, rest = name.partition(".")
        full = module.imported.get(first)
        if full is None:
            return f"{module.name}.{name}"
        if full in self.modules:
            return self.meaning(self.modules[full], rest) if rest else full
        above, _, last = full.rpartition(".")
        if above in self.modules:
            other = f"{last}.{rest}" if rest else last
            return (
                self.meaning(self.modules[above], other) if last in self.modules[above].imported else f"{above}.{other}"
            )
        return full

    def function(self, full: str) -> Function | None:
        """Return what is called by a full name: a function, a method, or how a class is made."""
        parts = full.split(".")
        for cut in range(len(parts), 0, -1):
            module = self.modules.get(".".join(parts[:cut]))
            if module is not None:
                name = ".".join(parts[cut:])
                made = (f"{name}.__init__", f"{name}.__post_init__") if name in module.classes else ()
                return next((module.functions[one] for one in (name, *made) if one in module.functions), None)
        return None

    def named(self, function: Function) -> Names:
        """Return the errors of ours that a docstring names, itself or by *raises as another does*."""
        said = ast.get_docstring(function.node) or ""
        found = frozenset(re.findall(r"\w+", said)) & OURS.keys()
        for reference in re.findall(r"aises[^.`]*:(?:func|meth):`([\w.]+)`", said):
            module = self.modules[function.module]
            within = f"{module.name}.{function.within}.{reference}" if function.within else ""
            other = self.function(reference) or self.function(within) or self.function(self.meaning(module, reference))
            if other is not None and other is not function:
                found |= self.named(other)
        return found

    def is_class(self, full: str) -> bool:
        """Tell whether a full name is that of a class."""
        module, _, name = full.rpartition(".")
        return module in self.modules and name in self.modules[module].classes

    def raised(self, function: Function) -> Names:
        """Return the errors that come out of a function, as far as the code says so."""
        if function.raised is None:
            function.raised = frozenset()  # in a circle it adds nothing
            function.raised = self._of(function)
        return function.raised

    def _of(self, function: Function) -> Names:
        module = self.modules[function.module]
        types = dict(self._typed(module, function))
        return frozenset(self._walk(module, function, types, function.node.body, frozenset()))

    def _typed(self, module: Module, function: Function) -> Iterator[tuple[str, str]]:
        """Yield what is known to be of which class of the package: parameters, ``self``, locals made on the spot."""
        arguments = function.node.args
        if function.within:
            yield (
                (arguments.posonlyargs + arguments.args)[0].arg if arguments.args else "self",
                (f"{module.name}.{function.within}"),
            )
        for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if isinstance(one.annotation, ast.Name | ast.Attribute):
                yield one.arg, self.meaning(module, dotted(one.annotation))
        for node in ast.walk(function.node):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=called)):
                    yield name, self._result(module, called)
                case ast.withitem(context_expr=ast.Call(func=called), optional_vars=ast.Name(id=name)):
                    yield name, self._result(module, called)

    def _result(self, module: Module, called: ast.expr) -> str:
        if not isinstance(called, ast.Name | ast.Attribute):
            return ""
        full = self.meaning(module, dotted(called))
        if self.is_class(full):
            return full
        found = self.function(full)
        if found is None or not isinstance(found.node.returns, ast.Name | ast.Attribute):
            return ""
        return self.meaning(self.modules[found.module], dotted(found.node.returns))

    def _walk(
        self, module: Module, function: Function, types: Mapping[str, str], body: list[ast.stmt], caught: Names
    ) -> Iterator[str]:
        for node in body:
            yield from self._one(module, function, types, node, caught)

    def _one(
        self, module: Module, function: Function, types: Mapping[str, str], node: ast.AST, caught: Names
    ) -> Iterator[str]:
        match node:
            case ast.Try():
                kept = caught | {
                    name
                    for handler in node.handlers
                    if not any(isinstance(one, ast.Raise) and one.exc is None for one in ast.walk(handler))
                    for name in self._caught(handler.type)
                }
                yield from self._walk(module, function, types, node.body, kept)
                for part in (*(handler.body for handler in node.handlers), node.orelse, node.finalbody):
                    yield from self._walk(module, function, types, part, caught)
                return
            case ast.With():
                kept = caught | {
                    name
                    for item in node.items
                    if isinstance(item.context_expr, ast.Call) and dotted(item.context_expr.func).endswith("suppress")
                    for one in item.context_expr.args
                    for name in self._caught(one)
                }
                for item in node.items:
                    yield from self._one(module, function, types, item.context_expr, caught)
                yield from self._walk(module, function, types, node.body, kept)
                return
            case ast.Raise(exc=ast.expr() as said):
                made = said.func if isinstance(said, ast.Call) else said
                names = {part.id for part in ast.walk(made) if isinstance(part, ast.Name)}
                found = {name for name in names if self.meaning(module, name).startswith("access_review.errors.")}
                yield from found & OURS.keys() - caught
                helper = self.function(self.meaning(module, dotted(made)))
                if helper is not None and helper.node.returns is not None:
                    yield from frozenset(re.findall(r"\w+", ast.unparse(helper.node.returns))) & OURS.keys() - caught
            case ast.Call(func=ast.Name() | ast.Attribute() as called):
                yield from self._called(module, types, dotted(called)) - caught
        for child in ast.iter_child_nodes(node):
            yield from self._one(module, function, types, child, caught)

    def _called(self, module: Module, types: Mapping[str, str], name: str) -> Names:
        first, _, rest = name.partition(".")
        full = f"{types[first]}.{rest}" if rest and types.get(first) else self.meaning(module, name)
        found = self.function(full)
        if found is None or full in NEVER:
            return frozenset()
        return self.named(found) - ANYWAY.keys() if found.public else self.raised(found)

    @staticmethod
    def _caught(said: ast.expr | None) -> Names:
        if said is None:
            return frozenset(OURS)
        names = {part.id for part in ast.walk(said) if isinstance(part, ast.Name)}
        if names & {"Exception", "BaseException"}:
            return frozenset(OURS)
        kinds = tuple(OURS[name] for name in names & OURS.keys())
        return frozenset(name for name, kind in OURS.items() if issubclass(kind, kinds))


@cache
def package(root: Path) -> Package:
    """Read the package once."""
    return Package(root)


def covers(named: Names, name: str) -> bool:
    """Tell whether an error, or a kind that it is one of, is named."""
    return any(issubclass(OURS[name], OURS[one]) for one in named - {"AccessReviewError"})


@pytest.mark.slow
def test_a_docstring_names_the_errors_that_come_out(repository: Path) -> None:
    read = package(repository / "access_review")
    missing = {}
    for module in read.modules.values():
        if module.name.split(".")[1:2] and module.name.split(".")[1] in HELD:
            for name, function in module.functions.items():
                named = read.named(function)
                anyway = IN_STAGES if module.name.split(".")[1] == "stages" else {}
                unsaid = {one for one in read.raised(function) if one not in anyway and not covers(named, one)}
                if function.public and unsaid:
                    missing[f"{module.name}.{name}"] = sorted(unsaid)
    assert missing == {}
