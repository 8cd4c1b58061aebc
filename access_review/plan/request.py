"""What the open findings in scope ask for, and everything known about what they name."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any, TypeVar

import pyarrow as pa

from access_review.changes import Action, Capabilities
from access_review.connectors import WHOLE_SOURCE
from access_review.engine import Engine
from access_review.findings.sentences import IN_WORDS, WORDS, every_sentence
from access_review.model import AsOf
from access_review.plan.protect import protection
from access_review.plan.withheld import Withheld, WithheldCode, withheld
from access_review.snapshot import Snapshot
from access_review.tables import Row

K = TypeVar("K")

SOURCE_TABLES = ("accounts", "entitlements", "grants", "nesting")
"""What must have been read whole in every source that a change, or its proof, touches."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which findings a plan is for: those of some rules, persons or clients; empty is all.

    ``reviewed`` is for what reviewers decided to revoke, and for findings only of the rules given beside it.
    ``wind_down`` is the declared one that it is for. ``standing_removal`` are the changes, by id, that it is for under the
    standing removal.
    """

    rules: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    reviewed: bool = False
    wind_down: str = ""
    standing_removal: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecidedRevoke:
    """A reviewer's decision to revoke: its name, the grant (an account alone where ``entitlement`` is null), and the words.

    ``doubt`` is why nothing may follow from it, where something speaks against that.
    """

    name: str
    account: str
    entitlement: str | None
    mode: str | None
    words: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class PlanGaps:
    """What was not read: of the rosters, of each source, and of single groups, each with the reason.

    ``carriers`` are the sources of which it is not known what their groups carry, or which follow another's.
    """

    rosters: Mapping[str, str]
    sources: Mapping[str, str]
    groups: Mapping[str, str]
    carriers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """The findings that suggest a change, those only a person can settle, and the rows behind them.

    ``reach`` has what holding an entitlement gives, itself included; ``originals`` the
    grants that a synced copy follows; ``allowed`` what each role set that matters here
    allows; ``quarantined`` the accounts that nothing is
    concluded about, with the reason.
    """

    findings: Sequence[Row]
    reviews: Sequence[Row]
    accounts: Mapping[str, Row]
    held: Mapping[str, Sequence[Row]]
    entitlements: Mapping[str, Row]
    edges: Mapping[tuple[str, str], Sequence[Row]]
    reach: Mapping[str, frozenset[str]]
    allowed: Mapping[int, frozenset[str]]
    originals: Mapping[tuple[str, str], Sequence[Row]]
    quarantined: Mapping[str, Withheld]
    protected: Mapping[str, Withheld]
    gaps: PlanGaps
    connectors: Mapping[str, str]
    capabilities: Mapping[str, Capabilities]

    def can(self, source: str, action: Action) -> bool:
        """Tell whether the system of a source can do it; a source that is not declared can do nothing."""
        return source in self.capabilities and action in self.capabilities[source].actions

    @cached_property
    def leading(self) -> Mapping[tuple[str, str], Sequence[Row]]:
        """The grants of an account that lead to what one of its findings is about, by both.

        Each grant is looked at once, however many findings an account has.
        """
        goals = defaultdict[str, set[str]](set)
        for finding in self.findings:
            goals[finding["subject"]].add(finding["about"])
        found = defaultdict[tuple[str, str], list[Row]](list)
        for account, wanted in goals.items():
            for grant in self.held.get(account, ()):
                for goal in self.reach[grant["entitlement"]] & wanted:
                    found[account, goal].append(grant)
        return found

    @cached_property
    def parents(self) -> Mapping[str, Sequence[str]]:
        """Where the edges out of each entitlement lead."""
        found = defaultdict[str, list[str]](list)
        for child, parent in self.edges:
            found[child].append(parent)
        return found

    @cached_property
    def licences(self) -> frozenset[str]:
        """The entitlements that are licences."""
        return frozenset(name for name, row in self.entitlements.items() if row["kind"] == "licence")


def collect_request(
    engine: Engine,
    snapshot: Snapshot,
    scope: Scope,
    connectors: Mapping[str, str],
    capabilities: Mapping[str, Capabilities],
    decided: Sequence[DecidedRevoke] = (),
) -> Request:
    """Collect it from an engine after a review and :func:`access_review.plan.protect.guard`.

    Creates ``unread_sources`` too: those that a change may not touch, with the reason.
    """
    _create_requested(engine, scope, decided)
    unread = find_gaps(snapshot)
    register_unread(engine, unread)
    sentences = every_sentence()
    return Request(
        findings=[{**row, "reason": sentences.reason(row)} for row in engine.rows(_TO_CHANGE)],
        reviews=engine.rows(_REVIEWS),
        accounts={row["account"]: row for row in engine.rows(_ACCOUNTS, now=AsOf())},
        held=_grouped(engine.rows(_HELD), itemgetter("account")),
        entitlements={row["entitlement"]: row for row in engine.rows(_ENTITLEMENTS)},
        edges=_grouped(engine.rows(_EDGES), itemgetter("child", "parent")),
        reach=_sets(engine.rows(_REACH), "entitlement", "reached"),
        allowed=_sets(engine.rows(_ALLOWED), "role_set", "entitlement"),
        originals=_grouped(engine.rows(_ORIGINALS), itemgetter("account", "entitlement")),
        quarantined={row["account"]: _quarantine(row) for row in engine.rows(_QUARANTINED)} | doubtful_owners(engine),
        protected={row["id"]: protection(row) for row in engine.rows("SELECT id, code, detail FROM protections")},
        gaps=unread,
        connectors=connectors,
        capabilities=capabilities,
    )


def _create_requested(engine: Engine, scope: Scope, decided: Sequence[DecidedRevoke]) -> None:
    """Create ``requested``, the findings and decisions in scope, and the accounts and entitlements that they name."""
    engine.register("decided", _decided(decided))
    engine.create(
        "requested",
        _REQUESTED,
        any_rule=not scope.rules and not scope.reviewed,
        rules=scope.rules,
        any_person=not scope.persons,
        persons=scope.persons,
        any_client=not scope.clients,
        clients=scope.clients,
    )
    engine.create("requested_accounts", _REQUESTED_ACCOUNTS)
    engine.create("requested_entitlements", _REQUESTED_ENTITLEMENTS)


def _grouped(rows: Iterable[Row], key: Callable[[Row], K]) -> Mapping[K, Sequence[Row]]:
    """Return rows by a key, in their order; none for a key that none has."""
    groups = defaultdict[K, list[Row]](list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _sets(rows: Iterable[Row], key: str, value: str) -> Mapping[Any, frozenset[str]]:
    sets = defaultdict[Any, set[str]](set)
    for row in rows:
        sets[row[key]].add(row[value])
    return {name: frozenset(values) for name, values in sets.items()}


def doubtful_owners(engine: Engine) -> dict[str, Withheld]:
    """Return the accounts whose owner is in doubt, with the people it may be; a synced copy is so with its origin."""
    return {
        row["account"]: withheld(
            WithheldCode.OWNER_DOUBTFUL,
            f"say whose it is in sources/{row['source']}.yaml: same: [[{row['account']}, PERSON]]",
            *([f"or whose it is not: not_same: [[{row['account']}, {row['other']}]]"] if row["other"] else []),
            owner=row["owner_name"],
            other=row["other_name"] or "somebody else",
        )
        for row in engine.rows(_DOUBTFUL)
    }


def _quarantine(row: Row) -> Withheld:
    code = WithheldCode(row["code"])
    return withheld(code, detail=row["detail"]) if code is WithheldCode.QUARANTINED else withheld(code)


def _decided(decided: Sequence[DecidedRevoke]) -> pa.Table:
    columns = {
        "finding": [decision.name for decision in decided],
        "subject": [decision.account for decision in decided],
        "about": [decision.entitlement for decision in decided],
        "mode": [decision.mode for decision in decided],
        "code": [IN_WORDS for _ in decided],
        "facts": [json.dumps({WORDS: decision.doubt or decision.words}) for decision in decided],
    }
    doubted = pa.array([bool(decision.doubt) for decision in decided], pa.bool_())
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()} | {"carried": doubted})


def register_unread(engine: Engine, unread: PlanGaps) -> None:
    """Create ``unread_sources``: those that a change may not touch, with the reason."""
    columns = {"source": list(unread.sources), "reason": list(unread.sources.values())}
    engine.register(
        "unread_sources", pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    )


def find_gaps(snapshot: Snapshot) -> PlanGaps:
    """Return what a snapshot says was not read."""

    def reasons_of(tables: Sequence[str]) -> dict[str, str]:
        return {s: r or "no reason given" for t in reversed(tables) for s, r in snapshot.incomplete(t).items()}

    verdicts = snapshot.tables["completeness"].to_pylist()
    groups = {v["subject"]: v["reason"] or "no reason given" for v in verdicts if not v["complete"]}
    groups.pop(WHOLE_SOURCE, None)
    rosters, carriers = reasons_of(("people", "assignments")), reasons_of(("entitlements", "nesting"))
    return PlanGaps(rosters, reasons_of(SOURCE_TABLES), groups, carriers)


# A decision about what is not held any more has been carried out, by whomever.
_REQUESTED = """
    SELECT finding, 'reviewed' AS rule, subject, about, 'revoke' AS remedy, code, facts, TRUE AS checked, carried, mode
    FROM decided AS d
    WHERE about IS NULL
       OR EXISTS (SELECT 1 FROM held WHERE held.account = d.subject AND held.entitlement = d.about AND held.mode = d.mode)
    UNION ALL
    SELECT f.finding, f.rule, f.subject, f.about, f.remedy, f.code, f.facts, f.checked, i.carried,
           CAST(NULL AS VARCHAR) AS mode
    FROM findings AS f JOIN identified AS i USING (finding)
    WHERE f.status IN ('new', 'open') AND f.remedy IN ('disable', 'remove', 'cut', 'review')
      AND (:any_rule OR f.rule IN :rules)
      AND (:any_person OR f.person IN :persons)
      AND (:any_client OR f.client IN :clients
           OR (f.client IS NULL AND f.person IN (SELECT person FROM assignments WHERE client IN :clients)))
"""

_REQUESTED_ACCOUNTS = """
    SELECT subject AS account FROM requested
    UNION SELECT twins.twin FROM twins JOIN requested ON requested.subject = twins.account
"""

_REQUESTED_ENTITLEMENTS = """
    SELECT entitlement FROM held JOIN requested_accounts USING (account)
    UNION SELECT about FROM requested WHERE about IS NOT NULL
    UNION SELECT subject FROM requested WHERE remedy = 'cut'
"""

# What suggests no change because it cannot be taken away cleanly has a reason to give, and ways out.
_UNCLEAN = """
    SELECT 1 FROM held JOIN closure USING (entitlement) JOIN entitlements USING (entitlement)
    WHERE held.account = requested.subject AND closure.reached = requested.about
      AND (held.verdict = 'mixed' OR (held.entitlement = requested.about AND effect <> 'grants'))
"""

_TO_CHANGE = f"""
    SELECT requested.* FROM requested WHERE remedy <> 'review' OR EXISTS ({_UNCLEAN}) ORDER BY finding
"""

_REVIEWS = f"""
    SELECT rule, list(finding ORDER BY finding) AS findings
    FROM requested WHERE remedy = 'review' AND NOT EXISTS ({_UNCLEAN})
    GROUP BY rule ORDER BY rule
"""

_ACCOUNTS = """
    WITH employed AS (
        SELECT DISTINCT person FROM assignments
        WHERE status IN ('active', 'leave') AND coalesce(ends_latest > :now, TRUE)
    )
    SELECT a.account, a.source, a.native_id, a.stable_id, coalesce(a.principal_name, a.name, a.native_id) AS name, a.kind,
           a.enabled, a.person, a.certain, a.link, p.name AS person_name, p.status,
           coalesce(p.left_at_latest > :now, FALSE) AS leaving, employed.person IS NOT NULL AS employed, twins.twin
    FROM requested_accounts JOIN accounts AS a USING (account)
    LEFT JOIN people AS p ON p.person = a.person
    LEFT JOIN employed ON employed.person = a.person
    LEFT JOIN twins ON twins.account = a.account
"""

_HELD = """
    SELECT held.account, held.entitlement, held.mode, held.via, held.native_id, held.mastered_in, held.removable,
           held.why_not, held."until" AS until_at, held.mirrored, held.verdict, held.never, held.role_set
    FROM held JOIN requested_accounts USING (account)
    ORDER BY held.account, held.entitlement, held.mode
"""

_ENTITLEMENTS = """
    SELECT entitlement, source, native_id, stable_id, kind, name, effect, scope
    FROM entitlements
    WHERE entitlement IN (
        SELECT reached FROM closure JOIN requested_entitlements USING (entitlement)
        UNION SELECT entitlement FROM requested_entitlements
    )
"""

_EDGES = """
    SELECT child, parent, mode, why, native_id, mastered_in, removable, why_not
    FROM nesting WHERE child IN (
        SELECT reached FROM closure JOIN requested_entitlements USING (entitlement)
        UNION SELECT entitlement FROM requested_entitlements
    )
    ORDER BY child, parent, mode
"""

_REACH = """
    SELECT closure.entitlement, closure.reached FROM closure
    WHERE closure.entitlement IN (
        SELECT reached FROM closure AS c JOIN requested_entitlements USING (entitlement)
        UNION SELECT entitlement FROM requested_entitlements
    )
"""

_ALLOWED = """
    WITH mixed AS (SELECT DISTINCT role_set FROM held JOIN requested_accounts USING (account) WHERE verdict = 'mixed')
    SELECT role_set, entitlement FROM allowed JOIN mixed USING (role_set)
    EXCEPT SELECT role_set, entitlement FROM forbidden
"""

_ORIGINALS = """
    SELECT DISTINCT copy.account, copy.entitlement, original.account AS original_account,
           original.entitlement AS original_entitlement
    FROM mirrors AS copy
    JOIN requested_accounts ON requested_accounts.account = copy.account
    JOIN twins ON twins.account = copy.account
    JOIN nesting AS synced ON synced.parent = copy.entitlement AND synced.why = 'synced-to'
    JOIN grants AS original ON original.account = twins.twin AND original.entitlement = synced.child
    ORDER BY copy.account, copy.entitlement, original.account, original.entitlement
"""

_DOUBTFUL = """
    WITH first AS (
        SELECT doubted.account, min(concat(about, ' ', other)) AS place
        FROM doubted JOIN doubts ON doubts.account = doubted.about GROUP BY doubted.account
    )
    SELECT doubted.account, split_part(doubted.account, ':', 1) AS source, d.other, d.owner_name, d.other_name
    FROM doubted JOIN doubts AS d ON d.account = doubted.about
    JOIN first ON first.account = doubted.account AND first.place = concat(doubted.about, ' ', d.other)
    ORDER BY doubted.account
"""

# Both sides of a look-alike are in doubt, and so is whatever a row that could not be used is about.
_QUARANTINED = """
    SELECT account, min(code) AS code, min(detail) AS detail
    FROM (
        SELECT subject AS account, 'lookalike' AS code, CAST(NULL AS VARCHAR) AS detail
        FROM findings WHERE rule = 'lookalike-account' AND status <> 'closed'
        UNION ALL
        SELECT about, 'lookalike', CAST(NULL AS VARCHAR)
        FROM findings WHERE rule = 'lookalike-account' AND status <> 'closed'
        UNION ALL
        SELECT subject, 'quarantined', reason FROM problems WHERE kind = 'quarantined'
    ) AS doubts
    WHERE account IN (SELECT account FROM requested_accounts)
    GROUP BY account
"""
