"""What one account holds, and why: its owner, each grant with verdict, paths, template lines and cuts."""

from collections.abc import Iterable, Sequence
from functools import cached_property

from access_review.correlate import MATCHED_KINDS, candidates_of
from access_review.engine import Engine
from access_review.explain.entitlement_paths import EntitlementPaths
from access_review.explain.explanation import (
    AccountCard,
    Allowance,
    CutKind,
    GrantHeld,
    Hop,
    Ownership,
    PossibleCut,
    Reached,
    RungOutcome,
    RungTried,
    ThingCard,
)
from access_review.roles import LISTS, Resolved, resolve
from access_review.tables import Row
from access_review.workspace import Workspace

Goals = frozenset[str] | None
"""Entitlements that a question is about; None asks about everything."""


class AccessFacts:
    """The facts of a review, asked about single accounts; names, templates and paths are looked up once.

    Reads ``accounts, people, entitlements, nesting, held, closure, expected, person_roles, owned, custody``.
    """

    def __init__(self, engine: Engine, workspace: Workspace) -> None:
        self._engine = engine
        self._workspace = workspace
        self._entitlements = EntitlementPaths(engine)

    @cached_property
    def _resolved(self) -> dict[str, Resolved]:
        table = self._engine.query("SELECT entitlement, source, kind, name FROM entitlements ORDER BY entitlement")
        return {resolved.template.role: resolved for resolved in resolve(self._workspace.templates, table)}

    def card(self, entitlement: str) -> ThingCard:
        """Return an entitlement by its id."""
        return self._entitlements.card(entitlement)

    def account(self, account: str, *, goals: Goals = None) -> AccountCard:
        """Explain an account; with ``goals``, only the grants that reach one of those entitlements."""
        (row,) = self._engine.rows("SELECT * FROM accounts WHERE account = :id", id=account)
        thing = ThingCard(account, row["name"] or account, row["kind"])
        columns = ("enabled", "protected", "last_used_earliest", "last_used_latest", "never_used")
        return AccountCard(
            thing,
            ownership=self._ownership(row),
            owners=self._people(OWNERS, account),
            custodians=self._people(_CUSTODIANS, account),
            grants=self._grants(thing, row["person"], goals),
            **{name: row[name] for name in columns},
        )

    def _people(self, sql: str, account: str) -> tuple[ThingCard, ...]:
        return tuple(ThingCard(row["id"], row["name"]) for row in self._engine.rows(sql, object=account))

    def _ownership(self, account: Row) -> Ownership:
        found = self._engine.run(candidates_of(account["account"])).to_pylist()
        ladder = next((s.file.match for s in self._workspace.sources if s.name == account["source"]), ())
        decisive = min((row["step"] for row in found), default=0)
        rungs = []
        # Accounts that are matched to nobody by intent (service, shared) have no ladder to climb.
        for step, rung in enumerate(ladder if account["kind"] in MATCHED_KINDS else (), start=1):
            people = tuple(ThingCard(r["person"], r["name"] or r["person"]) for r in found if r["step"] == step)
            outcome = _outcome(step, decisive, len(people))
            rungs.append(RungTried(step, " = ".join(rung.on), rung.certain, people, outcome))
        owner = None
        if account["person"]:
            (person,) = self._engine.rows("SELECT name, kind FROM people WHERE person = :id", id=account["person"])
            owner = ThingCard(account["person"], person["name"] or account["person"], person["kind"])
        reason = account["link"] if account["kind"] in MATCHED_KINDS or owner else f"a {account['kind']} account"
        return Ownership(owner, account["certain"], reason, tuple(rungs))

    def _grants(self, account: ThingCard, person: str | None, goals: Goals) -> tuple[GrantHeld, ...]:
        sql = "SELECT role FROM person_roles WHERE person = :person AND spell <> 'former'"
        roles = frozenset(row["role"] for row in self._engine.rows(sql, person=person))
        rows = self._engine.rows(
            _HELD if goals is None else _HELD_REACHING, account=account.id, goals=sorted(goals or ())
        )
        return tuple(self._grant(account, row, roles, goals) for row in rows)

    def _grant(self, account: ThingCard, row: Row, roles: frozenset[str], goals: Goals) -> GrantHeld:
        entitlement = self.card(row["entitlement"])
        columns = ("mode", "via", "since", "until", "verdict", "mirrored", "former_role", "former_until")
        mastered = row["mastered_in"] or row["source"]
        loosens = _LOOSENS.get(row["effect"])
        return GrantHeld(
            entitlement,
            forbidden=self.card(row["never"]) if row["never"] else None,
            allowed_by=self.allowed_by(entitlement.id, roles),
            # Of a grant that is wrong in part, the part that is right matters too.
            reaches=self.reaches(entitlement.id, roles, goals=None if row["verdict"] == "mixed" else goals),
            end=PossibleCut(
                CutKind.GRANT,
                account,
                entitlement,
                mastered,
                row["removable"] and not loosens,
                row["why_not"] or loosens,
            ),
            **{name: row[name] for name in columns},
        )

    def reaches(self, entitlement: str, roles: frozenset[str], *, goals: Goals = None) -> tuple[Reached, ...]:
        """Return what holding an entitlement gives, itself left out, by the shortest path to each."""
        found = self._entitlements.steps_from(entitlement)
        wanted = found if goals is None else goals & found.keys()
        return tuple(
            Reached(
                self.card(other),
                "eligible" if any(step.mode == "eligible" for step in found[other]) else "assigned",
                self._entitlements.hops(found[other]),
                self.allowed_by(other, roles),
            )
            for other in sorted(wanted, key=lambda e: (len(found[e]), self.card(e).name, e))
            if other != entitlement
        )

    def allowed_by(self, entitlement: str, roles: Iterable[str]) -> tuple[Allowance, ...]:
        """Return the template lines of some roles that speak of an entitlement, or of what carries it."""
        allowances: list[Allowance] = []
        for role in sorted(roles):
            if resolved := self._resolved.get(role):
                allowances += self._named(resolved, entitlement) or self._carried(resolved, entitlement)
        return tuple(allowances)

    def _named(self, resolved: Resolved, entitlement: str) -> list[Allowance]:
        role = resolved.template.role
        return [
            Allowance(role, name, str(pattern), origin, self._workspace.place(f"{name} of {origin}", str(pattern)))
            for name in LISTS
            for pattern, origin in resolved.patterns[name]
            if entitlement in resolved.matches[pattern]
        ]

    def _carried(self, resolved: Resolved, entitlement: str) -> list[Allowance]:
        """Return the line that allows what carries the entitlement, by the shortest path."""
        sql = "SELECT 1 FROM expected WHERE role = :role AND entitlement = :id AND allows = 'carried'"
        if not self._engine.rows(sql, role=resolved.template.role, id=entitlement):
            return []
        found = [
            (self._entitlements.steps_from(allowed).get(entitlement), allowed) for allowed in sorted(resolved.allowed)
        ]
        steps, allowed = min(((s, a) for s, a in found if s), key=lambda path: (len(path[0]), path[1]))
        line = self._named(resolved, allowed)[0]
        return [
            Allowance(line.role, "carried", line.pattern, line.template, line.place, self._entitlements.hops(steps))
        ]

    def ends(self, accounts: Sequence[AccountCard], *, goals: Goals = None) -> tuple[PossibleCut, ...]:
        """Return the grants to cut: all that reach one of the goals, or else all that are not wholly within the roles.

        For goals, the nesting edges that lead to them follow: cutting one of those ends
        it for everybody behind it.
        """
        wrong = [
            grant
            for account in accounts
            for grant in account.grants
            if goals is not None or (not grant.mirrored and (grant.forbidden or grant.verdict in ("beyond", "mixed")))
        ]
        leading = [reach for grant in wrong for reach in grant.reaches if goals and reach.entitlement.id in goals]
        edges = [self._edge(hop) for reach in leading for hop in reach.path]
        return tuple(dict.fromkeys((*(grant.end for grant in wrong), *edges)))

    def disables(self, accounts: Sequence[AccountCard]) -> tuple[PossibleCut, ...]:
        """Return the accounts to disable: those not known to be disabled."""
        return tuple(
            PossibleCut(
                CutKind.ACCOUNT, a.account, a.account, a.account.id.split(":", 1)[0], a.protected is None, a.protected
            )
            for a in accounts
            if a.enabled is not False
        )

    def edges(self, child: str, parent: str) -> tuple[PossibleCut, ...]:
        """Return the nesting edges of the shortest path between two entitlements."""
        return tuple(map(self._edge, self._entitlements.between(child, parent)))

    def _edge(self, hop: Hop) -> PossibleCut:
        (row,) = self._engine.rows(_EDGE, child=hop.child.id, parent=hop.parent.id, mode=hop.mode)
        mastered = row["mastered_in"] or hop.parent.id.split(":", 1)[0]
        return PossibleCut(CutKind.NESTING, hop.child, hop.parent, mastered, row["removable"], row["why_not"])


def _outcome(step: int, decisive: int, people: int) -> RungOutcome:
    if not people:
        return RungOutcome.NOBODY
    if step != decisive:
        return RungOutcome.NOT_NEEDED
    return RungOutcome.DECIDES if people == 1 else RungOutcome.SEVERAL


_LOOSENS = {
    "restricts": "it restricts, so taking it away may give more",
    "unknown": "what it does is not known, so taking it away may give more",
}

OWNERS = """
    SELECT DISTINCT owned.owner AS id, coalesce(people.name, accounts.name, owned.owner) AS name
    FROM owned LEFT JOIN people ON people.person = owned.person LEFT JOIN accounts ON accounts.account = owned.owner
    WHERE owned.object = :object ORDER BY 2, 1
"""

_CUSTODIANS = """
    SELECT DISTINCT custody.person AS id, coalesce(people.name, custody.person) AS name
    FROM custody LEFT JOIN people USING (person) WHERE custody.account = :object ORDER BY 2, 1
"""

_EDGE = "SELECT mastered_in, removable, why_not FROM nesting WHERE child = :child AND parent = :parent AND mode = :mode"

_HELD = """
    SELECT held.*, entitlements.source, entitlements.effect
    FROM held LEFT JOIN entitlements USING (entitlement) LEFT JOIN powers USING (entitlement)
    WHERE account = :account ORDER BY verdict = 'within', powers.place NULLS LAST, entitlements.name, entitlement, mode
"""

_HELD_REACHING = """
    SELECT held.*, entitlements.source, entitlements.effect
    FROM held LEFT JOIN entitlements USING (entitlement) LEFT JOIN powers USING (entitlement)
    WHERE account = :account AND entitlement IN (SELECT entitlement FROM closure WHERE reached IN :goals)
    ORDER BY entitlement IN :goals DESC, powers.place NULLS LAST, entitlements.name, entitlement, mode
"""
