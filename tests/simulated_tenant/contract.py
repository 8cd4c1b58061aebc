"""Microsoft's own schema (CSDL, outside data) as the judge of every request and response of the simulator."""

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from tests.simulated_tenant.wire import Request, Response

_EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
_OURS = "microsoft.graph"


@dataclass(frozen=True)
class Field:
    type: str
    nullable: bool
    navigation: bool


@dataclass
class Schema:
    """The types of ``microsoft.graph``, and what hangs at the root of the service."""

    types: dict[str, ET.Element]
    enums: dict[str, frozenset[str]]
    roots: dict[str, str]
    operations: dict[str, list[tuple[str, str]]]

    def fields(self, kind: str) -> dict[str, Field]:
        return self._fields(bare(kind))

    @cache  # noqa: B019 - one schema lives for the whole run
    def _fields(self, kind: str) -> dict[str, Field]:
        described = self.types[kind]
        base = described.get("BaseType")
        found = dict(self._fields(bare(base))) if base else {}
        for child in described:
            tag = child.tag.removeprefix(_EDM)
            if tag in ("Property", "NavigationProperty"):
                nullable = child.get("Nullable") != "false"
                found[child.get("Name", "")] = Field(child.get("Type", ""), nullable, tag != "Property")
        return found

    def __hash__(self) -> int:
        return id(self)

    def is_a(self, kind: str, ancestor: str) -> bool:
        current: str | None = bare(kind)
        while current:
            if current == bare(ancestor):
                return True
            base = self.types[current].get("BaseType")
            current = bare(base) if base else None
        return False


def bare(kind: str) -> str:
    inner = re.sub(r"^Collection\((.*)\)$", r"\1", kind)
    return inner.removeprefix("microsoft.graph.").removeprefix("graph.").removeprefix("#microsoft.graph.")


@lru_cache(maxsize=1)
def load(file: Path) -> Schema:
    schemas = list(ET.parse(file).getroot().iter(f"{_EDM}Schema"))  # noqa: S314 - Microsoft's file, read-only
    graph = next(s for s in schemas if s.get("Namespace") == _OURS)
    types = {t.get("Name", ""): t for t in graph if t.tag in (f"{_EDM}EntityType", f"{_EDM}ComplexType")}
    enums = {
        e.get("Name", ""): frozenset(m.get("Name", "") for m in e.iter(f"{_EDM}Member"))
        for e in graph
        if e.tag == f"{_EDM}EnumType"
    }
    roots = {
        child.get("Name", ""): child.get("EntityType") or child.get("Type") or ""
        for container in graph.iter(f"{_EDM}EntityContainer")
        for child in container
        if child.tag in (f"{_EDM}EntitySet", f"{_EDM}Singleton")
    }
    sets = {c.get("Name") for x in graph.iter(f"{_EDM}EntityContainer") for c in x if c.tag == f"{_EDM}EntitySet"}
    roots = {name: f"Collection({kind})" if name in sets else kind for name, kind in roots.items()}
    operations: dict[str, list[tuple[str, str]]] = {}
    for operation in graph:
        if operation.tag in (f"{_EDM}Action", f"{_EDM}Function"):
            bound = operation.find(f"{_EDM}Parameter")
            returns = operation.find(f"{_EDM}ReturnType")
            kinds = (
                bound.get("Type", "") if bound is not None else "",
                returns.get("Type", "") if returns is not None else "",
            )
            operations.setdefault(operation.get("Name", ""), []).append(kinds)
    return Schema(types, enums, roots, operations)


class Violation(AssertionError):
    """A request or response that Microsoft's schema does not allow."""


@dataclass
class Judge:
    """Checks requests and responses; what it finds is raised and kept."""

    schema: Schema

    def resolve(self, request: Request) -> str:
        """Return the type that a path leads to; raises ``Violation``."""
        segments = [s for s in request.segments if s not in ("$ref", "$count")]
        kind = self.schema.roots.get(segments[0])
        if kind is None:
            raise Violation(f"{request.path}: nothing at the root is called {segments[0]}")
        for segment in segments[1:]:
            kind = self._step(request, kind, segment)
        return kind

    def _step(self, request: Request, kind: str, segment: str) -> str:
        collection = kind.startswith("Collection(")
        if segment.startswith("microsoft.graph."):
            if not self.schema.is_a(segment, kind):
                raise Violation(f"{request.path}: {segment} is no {kind}")
            return f"Collection({segment})" if collection else segment
        operation = segment.removesuffix("()")
        for bound, returns in self.schema.operations.get(operation, ()):
            if bound.startswith("Collection(") == collection and self.schema.is_a(kind, bound):
                # What changed in a collection is of the collection's own kind.
                return kind if operation == "delta" else returns
        if collection:
            return bare(kind)
        fields = self.schema.fields(kind)
        if segment not in fields:
            raise Violation(f"{request.path}: {kind} has no {segment}")
        return fields[segment].type

    def check_request(self, request: Request) -> None:
        if request.segments == ["$batch"]:
            return
        kind = self.resolve(request)
        options = request.options
        if request.method == "GET" and kind:
            self._names(request, kind, options.get("$select", ""), navigation=request.segments[-1].startswith("delta"))
            for expanded, inner in _expansions(options.get("$expand", "")):
                self._expansion(request, kind, expanded, inner)
        if request.method == "PATCH" and isinstance(request.body, dict):
            for name, value in request.body.items():
                self._property(f"{request.path} body", kind, name, value)

    def _names(self, request: Request, kind: str, selected: str, *, navigation: bool = False) -> None:
        fields = self.schema.fields(kind)
        for name in filter(None, selected.split(",")):
            if name not in fields or (fields[name].navigation and not navigation):
                raise Violation(f"{request.path}: $select: {kind} has no property {name}")

    def _expansion(self, request: Request, kind: str, name: str, inner: str) -> None:
        field = self.schema.fields(kind).get(name)
        if field is None or not field.navigation:
            raise Violation(f"{request.path}: $expand: {kind} has no {name}")
        for clause in filter(None, inner.split(";")):
            option, _, value = clause.partition("=")
            if option == "$select":
                self._names(request, field.type, value)
            elif option == "$expand":
                for deeper, rest in _expansions(value):
                    self._expansion(request, field.type, deeper, rest)

    def check_response(self, request: Request, response: Response) -> None:
        if response.status != 200 or request.segments == ["$batch"] or not isinstance(response.body, dict):
            return
        kind = self.resolve(request)
        if "value" in response.body and isinstance(response.body["value"], list):
            for thing in response.body["value"]:
                self.object(request.path, kind, thing)
        elif self.schema.types.get(bare(kind)) is not None:
            self.object(request.path, kind, response.body)

    def object(self, where: str, kind: str, thing: Any) -> None:
        if not isinstance(thing, dict):
            raise Violation(f"{where}: {kind} is {thing!r}")
        said = thing.get("@odata.type")
        if said:
            if not self.schema.is_a(said, kind):
                raise Violation(f"{where}: a {said} is no {kind}")
            kind = said
        for name, value in thing.items():
            if not name.startswith("@odata.") and name != "@removed":
                self._property(where, kind, name, value)

    def _property(self, where: str, kind: str, name: str, value: Any) -> None:
        base, delta, _ = name.partition("@delta")
        field = self.schema.fields(kind).get(base)
        if field is None:
            raise Violation(f"{where}: {bare(kind)} has no property {base}")
        if value is None:
            if not field.nullable and not field.navigation:
                raise Violation(f"{where}: {bare(kind)}.{name} may not be null")
            return
        if field.type.startswith("Collection("):
            if not isinstance(value, list):
                raise Violation(f"{where}: {bare(kind)}.{name} is no list")
            for item in value:
                self._value(f"{where}: {bare(kind)}.{name}", field.type, item)
        elif delta:
            raise Violation(f"{where}: {name} is no collection")
        else:
            self._value(f"{where}: {bare(kind)}.{name}", field.type, value)

    def _value(self, where: str, kind: str, value: Any) -> None:
        inner = re.sub(r"^Collection\((.*)\)$", r"\1", kind)
        if inner.startswith("Edm."):
            if not _fits(inner, value):
                raise Violation(f"{where}: {value!r} is no {inner}")
        elif bare(inner) in self.schema.enums:
            known = self.schema.enums[bare(inner)]
            if not isinstance(value, str) or not set(value.split(",")) <= known:
                raise Violation(f"{where}: {value!r} is none of {sorted(known)}")
        else:
            self.object(where, inner, value)


def _fits(kind: str, value: Any) -> bool:
    match kind:
        case "Edm.String" | "Edm.Duration" | "Edm.Binary" | "Edm.Date":
            return isinstance(value, str)
        case "Edm.Boolean":
            return isinstance(value, bool)
        case "Edm.Int32" | "Edm.Int64":
            return isinstance(value, int) and not isinstance(value, bool)
        case "Edm.Double":
            return isinstance(value, int | float)
        case "Edm.DateTimeOffset":
            return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
        case "Edm.Guid":
            return isinstance(value, str) and bool(uuid.UUID(value))
    return True


def _expansions(text: str) -> list[tuple[str, str]]:
    """Split ``a,b($select=x;$expand=y)`` into names and what stands in brackets."""
    found, depth, start = [], 0, 0
    for at, character in enumerate(text + ","):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            name, _, inner = text[start:at].partition("(")
            if name:
                found.append((name, inner.removesuffix(")")))
            start = at + 1
    return found
