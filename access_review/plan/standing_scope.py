"""What the standing removal covers: named entitlements of people who still work here, by findings of named rules.

Two people signed once for what nobody then looks at again before it goes. So it takes one grant of one person, never
what is privileged, restricts, or might be, and only where a tested line of each template says that the role is not to have it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from access_review.changes import Action, Change
from access_review.engine import Engine
from access_review.plan.request import Request
from access_review.plan.withheld import Withheld, WithheldCode, withheld
from access_review.settings import Pattern, pattern
from access_review.settings.standing import StandingRemoval
from access_review.tables import Row
from access_review.workspace import Workspace

_ACTIONS = frozenset({Action.REMOVE_MEMBER, Action.REMOVE_ROLE_ASSIGNMENT, Action.REMOVE_APPROLE, Action.MANUAL})
_KINDS = ("human", "guest")
_BEYOND, _NEVER = "access-beyond-role", "never-allowed"


def is_removal(change: Change) -> bool:
    """Tell whether a change is of the kind that a standing removal may make: one grant of one person who works here."""
    target = change.target
    one_grant = target.account is not None and target.entitlement is not None and target.child is None
    works_here = target.person is not None and change.expect_before.person_status in {"active", "leave"}
    return change.action in _ACTIONS and one_grant and works_here and target.mode == "assigned"


def is_named(removal: StandingRemoval, entitlement: Row) -> bool:
    """Tell whether a standing removal names an entitlement, by its id or as source:kind:name."""
    return any(_means(one, entitlement) for one in removal.entitlements)


def uncovered_removals(
    engine: Engine, workspace: Workspace, request: Request, changes: Sequence[Change], announced: Collection[str] | None
) -> dict[str, Withheld]:
    """Return the changes that the standing removal does not cover, each with the reason. Reads an engine after a review.

    ``announced`` are those that it is to be, where that has been settled.
    """
    known = _facts(engine, workspace, request, changes)
    found = {}
    for change in changes:
        if announced is not None and change.id not in announced:
            detail = "it is not among those that were announced"
        else:
            detail = known.against(change)
        if detail:
            found[change.id] = withheld(
                WithheldCode.NOT_STANDING, "plan it as any other: access-review plan", detail=detail
            )
    return found


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of what the changes name: entitlements with names that several have, and what roles say and test."""

    removal: StandingRemoval | None
    findings: Mapping[str, Row]
    accounts: Mapping[str, Row]
    reach: Mapping[str, frozenset[str]]
    things: Mapping[str, Row]
    roles: Mapping[tuple[str, str, str], Sequence[str]]
    tested: Mapping[str, Sequence[tuple[Pattern, frozenset[str]]]]
    said: Mapping[tuple[str, str], frozenset[str]]

    def against(self, change: Change) -> str:
        """Say why a change is not covered; empty where it is."""
        account, held = change.target.account, change.target.entitlement
        if self.removal is None:
            return "none is declared"
        if account is None or held is None or not is_removal(change):
            return "it is not one grant of somebody who works here"
        if self.accounts[account.id]["kind"] not in _KINDS:
            return f"{account.name} is no account of a person alone"
        if strange := sorted({self.findings[one]["rule"] for one in change.because} - set(self.removal.rules)):
            return f"it does not name the rule {strange[0]}"
        if not self._is_named(held.id):
            return f"it does not name {held.name}, or several are called so"
        return self._strong(held.id) or self._untested(change)

    def _is_named(self, entitlement: str) -> bool:
        thing = self.things[entitlement]
        if self.removal is None or not is_named(self.removal, thing):
            return False
        return thing["alike"] == 1 or entitlement in {str(one) for one in self.removal.entitlements}

    def _strong(self, entitlement: str) -> str:
        """Say what about an entitlement, or what it leads on to, is for a person to weigh."""
        for name in sorted({entitlement, *self.reach.get(entitlement, ())}):
            thing = self.things[name]
            if thing["privileged"] is None:
                return f"whether {thing['name']} is privileged is not known: say it in sources/{thing['source']}.yaml"
            if thing["privileged"]:
                return f"{thing['name']} is privileged"
            if thing["effect"] != "grants":
                return f"{thing['name']} does more than grant ({thing['effect']})"
        return ""

    def _untested(self, change: Change) -> str:
        account, held = change.target.account, change.target.entitlement
        assert account is not None and held is not None  # noqa: S101, PT018 - its caller has looked
        roles = self.roles.get((account.id, held.id, change.target.mode), ())
        if not roles:
            return "the holder has no role that says anything of it"
        for one in change.because:
            about = self.findings[one]["about"]
            wanted = self.findings[one]["rule"]
            saying = {role: self._says(role, about) for role in roles}
            if wanted == _NEVER and any(_NEVER in said for said in saying.values()):
                continue
            if wanted == _NEVER or not all(saying.values()):
                role = next((role for role, said in sorted(saying.items()) if not said), min(saying))
                expected = _NEVER if wanted == _NEVER else _BEYOND
                name = self.things[about]["name"] if about in self.things else about
                return f"no test of the template {role} that holds says that {name} is {expected}"
        return ""

    def _says(self, role: str, about: str) -> frozenset[str]:
        """Return what the tests of a template that hold say of whoever has the role and holds one thing."""
        thing, said = self.things.get(about), self.said.get((role, about), frozenset())
        if thing is None:
            return frozenset()
        comes_out = {_NEVER} if "never" in said else set() if said else {_BEYOND}
        tests = (expected for has, expected in self.tested.get(role, ()) if _means(has, thing))
        return frozenset(rule for expected in tests if expected == comes_out for rule in expected)


def _means(named: Pattern, thing: Row) -> bool:
    parts = (thing["source"], thing["kind"], thing["name"])
    said = (named.source, named.kind, named.name)
    return str(named) == thing["entitlement"] or [one.casefold() for one in said] == [one.casefold() for one in parts]


def _facts(engine: Engine, workspace: Workspace, request: Request, changes: Iterable[Change]) -> _Facts:
    findings = {row["finding"]: row for row in request.findings}
    held = {one.target.entitlement.id for one in changes if one.target.entitlement}
    about = {row["about"] for row in findings.values() if row["about"]}
    names = sorted(held | about | {reached for one in held for reached in request.reach.get(one, ())})
    things = {row["entitlement"]: row for row in engine.rows(_THINGS, names=names)} if names else {}
    sets = {
        (account, row["entitlement"], row["mode"]): row["role_set"]
        for account, rows in request.held.items()
        for row in rows
        if row["entitlement"] in held
    }
    of_set: dict[int, list[str]] = {}
    for row in engine.rows("SELECT role_set, role FROM role_sets ORDER BY role_set, role"):
        of_set.setdefault(row["role_set"], []).append(row["role"])
    said: dict[tuple[str, str], set[str]] = {}
    for row in engine.rows(_SAID, names=names) if names else ():
        said.setdefault((row["role"], row["entitlement"]), set()).add(row["allows"])
    return _Facts(
        workspace.policy.standing_removal,
        findings,
        request.accounts,
        request.reach,
        things,
        {key: of_set.get(number, ()) for key, number in sets.items()},
        {one.role: _tests(workspace, one.role) for one in workspace.templates},
        {key: frozenset(found) for key, found in said.items()},
    )


def _tests(workspace: Workspace, role: str) -> Sequence[tuple[Pattern, frozenset[str]]]:
    """Return the tests of a template that are about one thing by its name, and the rules that each expects."""
    tests = (test for one in workspace.templates if one.role == role for test in one.tests)
    alone = ((pattern(test.has[0]), test.expect) for test in tests if len(test.has) == 1)
    return [(has, frozenset(expect)) for has, expect in alone if has.exact and expect != "ok"]


_THINGS = """
    SELECT e.entitlement, e.source, e.kind, e.name, e.effect, e.privileged, (
        SELECT count(*) FROM entitlements AS o
        WHERE lower(o.source) = lower(e.source) AND lower(o.kind) = lower(e.kind) AND lower(o.name) = lower(e.name)
    ) AS alike
    FROM entitlements AS e WHERE e.entitlement IN :names ORDER BY e.entitlement
"""

_SAID = "SELECT role, entitlement, allows FROM expected WHERE entitlement IN :names ORDER BY ALL"
