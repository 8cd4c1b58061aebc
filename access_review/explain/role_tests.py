"""Tests of role templates: what they say of somebody who holds something, and what must come out for people.

A test may name what is not there today: a template is right or wrong before anybody holds what it names.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from access_review import roles
from access_review.roles import Names, Resolved
from access_review.settings import Pattern, RoleExpectation, TemplateTest, pattern
from access_review.tables import Row
from access_review.workspace import Workspace

OK = "ok"
_PROFILE = ("role", "client", "kind", "source")


@dataclass(frozen=True, slots=True)
class RoleTestResult:
    """One test: where it stands, what it is about, what was expected and what came out."""

    place: str
    about: str
    expected: str
    found: str

    @property
    def holds(self) -> bool:
        """Tell whether what was expected came out."""
        return self.expected == self.found


@dataclass(frozen=True, slots=True)
class TestedRun:
    """What tests are held against: the entitlements and nestings of a run, and the people in it; all may be empty."""

    entitlements: pa.Table
    nesting: pa.Table
    by_name: Mapping[str, str]
    """What nobody gets merely by being carried, with the reason."""
    people: Sequence[Row]
    """A row for each current assignment: person, name, mail, role, client, kind, source, attributes as JSON."""


def run_tests(workspace: Workspace, run: TestedRun) -> tuple[RoleTestResult, ...]:
    """Run the tests in templates, by role, and then the expectations, in their order."""
    entitlements = _with_named(run.entitlements, workspace)
    resolved = roles.resolve(workspace.templates, entitlements)
    known = _Known(workspace, resolved, Names(entitlements), _carried(resolved, run), run.people)
    return (*known.template_tests(), *known.expectations())


def _carried(resolved: Sequence[Resolved], run: TestedRun) -> Mapping[str, frozenset[str]]:
    """Return what each role allows, carried access included."""
    table, _ = roles.expected(resolved, run.nesting, run.by_name)
    found: dict[str, set[str]] = {}
    columns = (table[name].to_pylist() for name in ("role", "entitlement", "allows"))
    for role, entitlement, allows in zip(*columns, strict=True):
        if allows != "never":
            found.setdefault(role, set()).add(entitlement)
    return {role: frozenset(entitlements) for role, entitlements in found.items()}


def _with_named(entitlements: pa.Table, workspace: Workspace) -> pa.Table:
    """Return the entitlements and those that tests or templates name exactly and that are not there."""
    known = Names(entitlements)
    tested = [pattern(text) for template in workspace.templates for test in template.tests for text in test.has]
    expected = [p for one in workspace.expectations.expectations for p in (*one.must, *one.may, *one.may_not)]
    named = sorted({p for p in (*tested, *expected) if p.exact and not known.match(p)})
    columns = ("entitlement", "source", "kind", "name")
    more = [{"entitlement": f"test:{p}", "source": p.source, "kind": p.kind, "name": p.name} for p in named]
    schema = pa.schema([(name, pa.string()) for name in columns])
    there = pa.table({name: entitlements[name].cast(pa.string()) for name in columns}, schema=schema)
    return pa.concat_tables([there, pa.Table.from_pylist(more, schema)])


@dataclass(frozen=True, slots=True)
class _Known:
    workspace: Workspace
    resolved: Sequence[Resolved]
    names: Names
    allowed: Mapping[str, frozenset[str]]
    people: Sequence[Row]

    def template_tests(self) -> Iterator[RoleTestResult]:
        """Yield what came out of the tests that templates have themselves."""
        for one in self.resolved:
            for number, test in enumerate(one.template.tests):
                place = self.workspace.place(f"test of {one.template.role}", str(number))
                wanted = OK if test.expect == OK else ", ".join(sorted(test.expect))
                yield RoleTestResult(
                    place, f"{one.template.role} who has {', '.join(test.has)}", wanted, self._judged(one, test)
                )

    def _judged(self, role: Resolved, test: TemplateTest) -> str:
        """Say which rules would find something on whoever has the role and holds what the test says, or ok."""
        agent = self._is_for_agents(role.template.role)
        allowed = self.allowed.get(role.template.role, frozenset())
        found = set()
        for text in test.has:
            held = self.names.match(pattern(text))
            if held & role.forbidden:
                found.add("never-allowed")
            elif not held or not held <= allowed:
                found.add("agent-beyond-purpose" if agent else "access-beyond-role")
            elif not held <= allowed - (role.entitlements("eligible") - self._standing(role)):
                found.add("standing-privilege")
        return ", ".join(sorted(found)) or OK

    def _is_for_agents(self, role: str) -> bool:
        """Tell whether a template, or one that it extends, is for agents."""
        by_role = {one.template.role: one.template for one in self.resolved}
        todo, seen = [role], set()
        while todo:
            template = by_role[todo.pop()]
            if "agent" in template.who.get("kind", ()):
                return True
            seen.add(template.role)
            todo += [parent for parent in template.extends if parent not in seen]
        return False

    @staticmethod
    def _standing(role: Resolved) -> frozenset[str]:
        return role.entitlements("must") | role.entitlements("may")

    def expectations(self) -> Iterator[RoleTestResult]:
        """Yield what came out of each expectation."""
        for number, one in enumerate(self.workspace.expectations.expectations):
            place = self.workspace.place("expectation", str(number))
            about, profiles = self._profiles(one)
            if not profiles:
                yield RoleTestResult(place, about, "somebody who works here", "nobody")
                continue
            has = {role for profile in profiles for role in roles.roles_of(profile, self.workspace.templates)}
            said = _complaints(one, has, [r for r in self.resolved if r.template.role in has], self.names, self.allowed)
            yield RoleTestResult(place, about, OK, "; ".join(said) or OK)

    def _profiles(self, one: RoleExpectation) -> tuple[str, list[Mapping[str, Any]]]:
        if one.person is not None:
            wanted = one.person.strip().casefold()
            rows = [
                row
                for row in self.people
                if wanted in {(row[name] or "").casefold() for name in ("person", "name", "mail")}
            ]
            return one.person, list(rows)
        said = {"kind": "employee", **one.attributes}
        profile: dict[str, Any] = {name: said.pop(name, None) for name in _PROFILE}
        about = ", ".join(f"{name} {value}" for name, value in one.attributes.items())
        return about, [{**profile, "attributes": json.dumps(said)}]


def _complaints(
    one: RoleExpectation,
    has: set[str],
    resolved: Sequence[Resolved],
    names: Names,
    allowed: Mapping[str, frozenset[str]],
) -> list[str]:
    """Say everything that is not as expected."""
    forbidden = frozenset().union(*(r.forbidden for r in resolved))
    may = frozenset().union(*(allowed.get(r.template.role, frozenset()) for r in resolved)) - forbidden
    must = frozenset().union(*(r.entitlements("must") for r in resolved)) - forbidden
    said = [f"has not the role {role}" for role in one.roles if role not in has]
    said += [f"has the role {role}" for role in one.not_roles if role in has]
    said += [f"need not have {p}" for p in one.must if not _all_in(names, p, must)]
    said += [f"may not have {p}" for p in one.may if not _all_in(names, p, may)]
    said += [f"may have {p}" for p in one.may_not if names.match(p) & may]
    return said


def _all_in(names: Names, wanted: Pattern, allowed: frozenset[str]) -> bool:
    found = names.match(wanted)
    return bool(found) and found <= allowed
