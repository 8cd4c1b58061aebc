"""Read ``sources/`` and ``roles/`` strictly: all of it, or every mistake with its place.

A workspace is any folder with ``sources/*.yaml`` (one file per source),
``roles/templates/*.yaml`` (one file per role), ``roles/policy.yaml``,
``roles/separation.yaml``, ``roles/waivers.yaml``, ``roles/approvers.yaml``, ``roles/checklist.yaml`` and
``roles/wind-downs/*.yaml`` (one file per wind-down). What each file may say is in
:mod:`access_review.settings`; connectors and rules add their own options, taken from
their signatures.
"""

import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

from access_review import connectors, rules
from access_review.changes import Capabilities, Connector, Writable
from access_review.documents import Document, parse
from access_review.errors import Mistake, RuleError, WorkspaceError
from access_review.model import Options
from access_review.policy import Policy, RuleSettings
from access_review.settings import RoleExpectations, Separation, SourceFile, Template, Waivers, WindDown
from access_review.settings.approvers import Approvers
from access_review.settings.checklist import CheckpointList
from access_review.settings.scorecard import Formulas
from access_review.workspace.files import WorkspaceFiles

M = TypeVar("M", bound=BaseModel)

# Ids begin with it. Only what is loaded is held to it: snapshots of sources that were named otherwise are still read.
_SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_WIND_DOWN_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One source as declared: its name, what its file says, and its options ready for ``connect``."""

    name: str
    file: SourceFile
    options: Options

    def is_retired(self, at: datetime) -> bool:
        """Tell whether the source is no more at a moment: it is not read, and nothing of it stays as last seen."""
        return self.file.retired is not None and at.date() >= self.file.retired


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything an organisation declares; ``digest`` covers every file that was read, whose ``texts`` are by path."""

    folder: Path
    sources: tuple[SourceEntry, ...]
    templates: tuple[Template, ...]
    policy: Policy
    separation: Separation
    waivers: Waivers
    digest: str
    places: Mapping[tuple[str, str], str] = field(repr=False, default_factory=dict)
    approvers: Approvers = field(default_factory=Approvers)
    expectations: RoleExpectations = field(default_factory=RoleExpectations)
    wind_downs: Mapping[str, WindDown] = field(default_factory=dict)
    checklist: CheckpointList = field(default_factory=CheckpointList)
    formulas: Formulas | None = None
    texts: Mapping[str, str] = field(repr=False, default_factory=dict)

    def connected(self, entry: SourceEntry) -> Connector:
        """Return the connector of one source, with nothing opened; raises ``WorkspaceError`` for options at odds."""
        connect = connectors.load(entry.file.connector)
        return connect(connectors.Source(entry.name, self.folder / "sources"), **entry.options)

    def capabilities(self) -> dict[str, Capabilities]:
        """Return what the connector of each source declares that its system can do; raises as :meth:`connected`."""
        return {entry.name: connectors.capabilities_of(self.connected(entry)) for entry in self.sources}

    def sources_at(self, at: datetime) -> tuple[SourceEntry, ...]:
        """Return the sources that are read at a moment: all but those that are retired then."""
        return tuple(entry for entry in self.sources if not entry.is_retired(at))

    def read_live(self, at: datetime) -> tuple[str, ...]:
        """Return the sources that say what is now, whatever moment is reviewed; raises as :meth:`connected`."""
        return tuple(one.name for one in self.sources_at(at) if not connectors.is_recorded(self.connected(one)))

    def written_live(self) -> tuple[str, ...]:
        """Return the sources that this tool itself can change; raises as :meth:`connected`."""
        return tuple(one.name for one in self.sources if isinstance(self.connected(one), Writable))

    def place(self, kind: str, name: str) -> str:
        """Return ``file:line`` of a template (or a pattern in it) or a waiver."""
        return self.places.get((kind, name), "")


Besides = Callable[[Path, Sequence[SourceEntry]], Sequence[Mistake]]
"""Finds the mistakes in what some sources read, in a workspace of a folder."""


def load(folder: Path, roles: Path | None = None, *, besides: Besides = lambda *_: ()) -> Workspace:
    """Read a workspace; with ``roles``, that folder stands for its own ``roles/``.

    Raises ``WorkspaceError`` with every mistake in it, and those that are found ``besides`` in the sources without any.
    """
    return _Loader(WorkspaceFiles(folder, roles or folder / "roles")).workspace(besides)


def policy_alone(folder: Path) -> Policy | None:
    """Return what a workspace's policy says, whatever is wrong elsewhere in it; nothing where that is wrong itself."""
    files = WorkspaceFiles(folder, folder / "roles")
    policy = _Loader(files).policy()
    return None if files.mistakes else policy


def policy_of(text: str) -> Policy | None:
    """Return what the text of a policy says; nothing where it is wrong."""
    files, document = WorkspaceFiles(Path(), Path()), parse(text.removeprefix("\ufeff"), "policy.yaml")
    return files.valid(document, Policy, document.data)


@cache
def options_of(function: Callable[..., Any]) -> type[BaseModel]:
    """Return the model of a function's keyword-only arguments: what may be set, and to what."""
    hints = typing.get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    return create_model(function.__module__, __config__=ConfigDict(extra="forbid"), **fields)


@dataclass(slots=True)
class _Loader:
    """Reads file after file, keeping every mistake."""

    files: WorkspaceFiles
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)

    def workspace(self, besides: Besides) -> Workspace:
        if not (self.files.folder / "sources").is_dir() or not self.files.roles.is_dir():
            raise WorkspaceError(
                f"{self.files.folder} has no sources/ and roles/",
                hint="name a workspace with -C, or make one: access-review init",
            )
        sources = tuple(
            filter(None, (self._source(path) for path in self.files.named(self.files.folder / "sources", "*.yaml")))
        )
        self._find_misspelt(sources)
        templates = self._templates()
        policy = self.policy()
        separation = self._one("separation.yaml", Separation)
        waivers = self._waivers()
        approvers = self._one("approvers.yaml", Approvers).served_at(policy.web.address if policy.web else "")
        expected = self._expectations()
        wind_downs = self._wind_downs()
        checklist, formulas = self._checklist(), self._formulas()
        if not sources and not self.files.mistakes:
            self.files.mistakes.append(
                Mistake("sources", 0, 0, "holds no source", "add a file such as sources/hr.yaml")
            )
        if self.files.mistakes:
            raise WorkspaceError.of([*self.files.mistakes, *besides(self.files.folder, sources)])
        return Workspace(
            folder=self.files.folder,
            sources=sources,
            templates=templates,
            policy=policy,
            separation=separation,
            waivers=waivers,
            digest=self.files.digest(),
            places=self.places,
            approvers=approvers,
            expectations=expected,
            wind_downs=wind_downs,
            checklist=checklist,
            formulas=formulas,
            texts=self.files.texts,
        )

    def _one(self, name: str, model: type[M]) -> M:
        """Read a file of the roles that may be absent: then everything in it has its default."""
        document = self.files.of_roles(name)
        return self._valid_or_default(document, model) if document else model()

    def _valid_or_default(self, document: Document, model: type[M]) -> M:
        return self.files.valid(document, model, document.data) or model()

    def _source(self, path: Path) -> SourceEntry | None:
        document = self.documents[path.stem] = self.files.read(path)
        file = self.files.valid(document, SourceFile, document.data)
        if file is None:
            self._options_besides(document)
            return None
        if not _SOURCE_NAME.fullmatch(path.stem):
            hint = "name the file in small ASCII letters, digits, - and _, beginning with a letter or digit"
            self.files.mistakes.append(
                Mistake(document.file, 1, 1, f"{path.stem!r} cannot be the name of a source", hint)
            )
        try:
            connect = connectors.load(file.connector)
        except WorkspaceError as error:
            self.files.mistakes.append(document.mistake(("connector",), error.message, error.hint))
            return None
        options = self.files.valid(document, options_of(connect), file.options, ("options",))
        if options is None:
            return None
        return SourceEntry(path.stem, file, {name: getattr(options, name) for name in type(options).model_fields})

    def _find_misspelt(self, sources: Sequence[SourceEntry]) -> None:
        """Find rungs that ask for an HR attribute that is nearly one that a roster maps."""
        said = [one.file.options.get("columns") for one in sources if one.file.connector == "roster"]
        mapped = {str(name) for columns in said if isinstance(columns, Mapping) for name in columns}
        for one in sources:
            for index, near in one.file.nearly(mapped):
                what, hint = f"no roster maps {one.file.match[index].attribute!r}", f"is {near!r} meant?"
                self.files.mistakes.append(self.documents[one.name].mistake(("match", index, "on"), what, hint))

    def _options_besides(self, document: Document) -> None:
        """Find the mistakes in the options of a source whose file has others already: whoever mends it mends both."""
        said = document.data if isinstance(document.data, dict) else {}
        options = said.get("options")
        connector = said.get("connector")
        if isinstance(connector, str) and connector in connectors.known() and isinstance(options, dict):
            self.files.valid(document, options_of(connectors.load(connector)), options, ("options",))

    def _templates(self) -> tuple[Template, ...]:
        found: dict[str, Template] = {}
        documents: dict[str, Document] = {}
        for path in self.files.named(self.files.roles, "templates/*.yaml"):
            document = self.files.read(path)
            template = self.files.valid(document, Template, document.data)
            if template is None:
                continue
            if template.role in found:
                first = documents[template.role].file
                self.files.mistakes.append(
                    document.mistake(("role",), f"the role {template.role!r} stands twice", f"first in {first}")
                )
                continue
            found[template.role], documents[template.role] = template, document
            self._note_template(document, template)
        for role, template in found.items():
            self._check_extends(documents[role], template, found)
        return tuple(found[role] for role in sorted(found))

    def _note_template(self, document: Document, template: Template) -> None:
        self.places["template", template.role] = f"{document.file}:{document.place(('role',))[0]}"
        for index in range(len(template.tests)):
            self.places[f"test of {template.role}", str(index)] = (
                f"{document.file}:{document.place(('tests', index))[0]}"
            )
        for name in ("must", "may", "never", "eligible"):
            for index, pattern in enumerate(getattr(template, name)):
                line = document.place((name, index))[0]
                self.places.setdefault((f"{name} of {template.role}", str(pattern)), f"{document.file}:{line}")

    def _check_extends(self, document: Document, template: Template, found: Mapping[str, Template]) -> None:
        for index, parent in enumerate(template.extends):
            if parent not in found:
                hint = "known: " + ", ".join(sorted(found))
                self.files.mistakes.append(
                    document.mistake(("extends", index), f"no template has the role {parent!r}", hint)
                )
            elif template.role in _ancestors(parent, found):
                self.files.mistakes.append(document.mistake(("extends", index), f"{template.role!r} extends itself"))

    def policy(self) -> Policy:
        document = self.files.of_roles("policy.yaml")
        if document is None:
            return Policy()
        policy = self._valid_or_default(document, Policy)
        declared = document.data.get("rules") if isinstance(document.data, dict) else None
        if isinstance(declared, dict):
            known = rules.load()
            for name, settings in declared.items():
                self._check_rule(document, known, name, settings)
        return policy

    def _check_rule(self, document: Document, known: Mapping[str, rules.Rule], name: str, settings: Any) -> None:
        if name not in known:
            hint = f"known: {', '.join(known)}"
            self.files.mistakes.append(document.mistake(("rules", name, ""), f"no rule is called {name!r}", hint))
        elif isinstance(settings, dict):
            own = {key: value for key, value in settings.items() if key not in RuleSettings.model_fields}
            if self.files.valid(document, options_of(known[name].check), own, ("rules", name)) is not None:
                self._try_rule(document, known[name], own)

    def _try_rule(self, document: Document, rule: rules.Rule, own: Mapping[str, Any]) -> None:
        """Let a rule say what is wrong with settings that have the right form."""
        try:
            rule.check(**own)
        except RuleError as error:
            self.files.mistakes.append(document.mistake(("rules", rule.id), error.message, error.hint))

    def _expectations(self) -> RoleExpectations:
        document = self.files.of_roles("expectations.yaml")
        if document is None:
            return RoleExpectations()
        expected = self._valid_or_default(document, RoleExpectations)
        for index in range(len(expected.expectations)):
            self.places["expectation", str(index)] = f"{document.file}:{document.place(('expectations', index))[0]}"
        return expected

    def _checklist(self) -> CheckpointList:
        document = self.files.of_roles("checklist.yaml")
        if document is None:
            return CheckpointList()
        listed = self._valid_or_default(document, CheckpointList)
        self._require_rules(document, "checkpoints")
        return listed

    def _formulas(self) -> Formulas | None:
        document = self.files.of_roles("scorecard.yaml")
        if document is None:
            return None
        self._require_rules(document, "metrics")
        return self.files.valid(document, Formulas, document.data)

    def _require_rules(self, document: Document, part: str) -> None:
        """Find the rules that a list of a document names and that are none, whatever else is wrong with it."""
        entries = document.data.get(part) if isinstance(document.data, dict) else None
        for place, entry in enumerate(entries if isinstance(entries, list) else ()):
            named = entry.get("rules") if isinstance(entry, dict) else None
            for index, rule in enumerate(named if isinstance(named, list) else ()):
                if isinstance(rule, str) and rule not in rules.load():  # else its type is the mistake, which is said
                    hint = f"known: {', '.join(rules.load())}"
                    mistake = document.mistake((part, place, "rules", index), f"no rule is called {rule!r}", hint)
                    self.files.mistakes.append(mistake)

    def _wind_downs(self) -> dict[str, WindDown]:
        found = {}
        for path in self.files.named(self.files.roles, "wind-downs/*.yaml"):
            document = self.files.read(path)
            declared = self.files.valid(document, WindDown, document.data)
            if not _WIND_DOWN_NAME.fullmatch(path.stem):
                hint = "name the file in small letters, digits and -, as harbor-ends.yaml"
                what = f"{path.stem!r} cannot be the name of a wind-down"
                self.files.mistakes.append(Mistake(document.file, 1, 1, what, hint))
            elif declared:
                found[path.stem] = declared
        return found

    def _waivers(self) -> Waivers:
        document = self.files.of_roles("waivers.yaml")
        if document is None:
            return Waivers()
        waivers = self._valid_or_default(document, Waivers)
        for index, waiver in enumerate(waivers.waivers):
            self.places["waiver", waiver.waiver] = f"{document.file}:{document.place(('waivers', index))[0]}"
        return waivers


def _ancestors(role: str, found: Mapping[str, Template]) -> set[str]:
    seen: set[str] = set()
    todo = [role]
    while todo:
        current = todo.pop()
        if current not in seen and current in found:
            seen.add(current)
            todo += found[current].extends
    return seen
