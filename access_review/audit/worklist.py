"""The work list of a sample: one item per account and grant of each unit drawn, and who is to answer it.

What nobody can take away, what restricts, and what a role of the holder must have is not asked about: its name stands
beside the rest, unless something was found about it. The manager reviews a person, the sponsor an agent. Where there is none who still works
here, the owner of the account or the entitlement does; else the item is unassigned.
Nobody reviews their own access, and no custodian the account whose secret they know.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import rfc8785

from access_review.engine import Engine
from access_review.findings.control import CONTROL_RULES
from access_review.findings.sentences import Sentences, every_sentence
from access_review.model import AsOf
from access_review.sample.choice import Draw, Stratum
from access_review.sample.draw import Sample
from access_review.sample.population import CLIENTS

UNASSIGNED = "unassigned"


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One question: whether this grant (or, without an entitlement, this account) is right.

    ``found`` is what the machine found of this access, empty for nothing, ``last_used`` when it was used, both in words.
    That the review itself fell short is none of it: who was not reviewed before could else never be missed.
    ``own`` is everything that whoever has this access goes by, folded: they may not answer.
    """

    item: str
    reviewer: str
    reviewer_name: str
    unit: str
    stratum: Stratum
    draw: Draw
    person: str
    clients: tuple[str, ...]
    roles: str
    account: str
    account_name: str
    system: str
    entitlement: str | None
    entitlement_name: str
    mode: str | None
    how: str
    last_used: str
    found: str
    own: tuple[str, ...]
    findings: tuple[str, ...] = ()
    """Ids of the findings that ``found`` tells of and no waiver accepts."""
    peers: str = ""
    """What peers suggest, with the reason; empty where there is nothing to compare."""
    title: str = ""
    department: str = ""
    manager: str = ""
    what: str = ""
    """What the entitlement is, and how many people have it, in words."""
    beside: tuple[str, ...] = ()
    """What the account holds besides that is not asked about, each with the reason."""
    handed_on: str = ""
    """Who handed the item to its reviewer, when and why; empty where nobody did."""
    planted: bool = False
    """A test row (:mod:`access_review.audit.planted`): it says nothing about access."""


@dataclass(frozen=True, slots=True)
class Worklist:
    """Every item of one sample."""

    run: str
    as_of: datetime
    items: tuple[WorkItem, ...]

    def __iter__(self) -> Iterator[WorkItem]:
        return iter(self.items)

    def by_reviewer(self) -> dict[str, tuple[WorkItem, ...]]:
        """Return the items of each reviewer, by id; :data:`UNASSIGNED` holds what nobody answers for."""
        found: dict[str, list[WorkItem]] = defaultdict(list)
        for item in self.items:
            found[item.reviewer].append(item)
        return {name: tuple(found[name]) for name in sorted(found)}


def list_work(engine: Engine, sample: Sample) -> Worklist:
    """List what is asked about the units drawn, sorted by reviewer, unit, account and entitlement.

    Reads ``people, assignments, accounts, held, closure, entitlements, person_roles,
    owned, custody, activity, separation, findings``.
    """
    columns = ("unit", "stratum", "draw")
    picked = pa.table(
        {name: [str(getattr(pick, name)) for pick in sample.picks] for name in columns},
        schema=pa.schema([(name, pa.string()) for name in columns]),
    )
    engine.register("sampled", picked)
    engine.create("asked", _ASKED)
    engine.create("reviewers", _REVIEWERS)
    engine.create("reached", _REACHED)
    engine.create("open_findings", _OPEN_FINDINGS, control=CONTROL_RULES)
    engine.create("begun", _BEGUN)
    rows = engine.rows(_ITEMS, now=AsOf())
    sentences = every_sentence()
    items = (_item(sample.run, row, sentences) for row in _folded(rows))
    return Worklist(
        sample.run,
        sample.as_of,
        tuple(sorted(items, key=sort_key)),
    )


def sort_key(item: WorkItem) -> tuple[str, ...]:
    """Return what items are sorted by, so that each reviewer's stand together."""
    return item.reviewer, item.unit, item.account, item.entitlement or "", item.mode or ""


def item_id(run: str, unit: str, account: str, entitlement: str | None, mode: str | None) -> str:
    """Return the name of an item: it starts with a letter, so that no spreadsheet takes it for a number."""
    return "i" + hashlib.sha256(rfc8785.dumps([run, unit, account, entitlement, mode])).hexdigest()[:16]


def _folded(rows: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows that are asked about, each with what its account holds besides; of an account without any, itself."""
    of_account: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        of_account[row["account"]].append(row)
    for together in of_account.values():
        beside = tuple(sorted({f"{row['entitlement_name']}: {row['fixed']}" for row in together if _is_fixed(row)}))
        asked = [row for row in together if not _is_fixed(row)] or [{**together[0], **_ACCOUNT_ITSELF}]
        yield from ({**row, "beside": beside} for row in asked)


def _is_fixed(row: Mapping[str, Any]) -> bool:
    return bool(row["fixed"]) and not row["found_here"]


_ACCOUNT_ITSELF: Mapping[str, Any] = dict.fromkeys(
    (
        *("entitlement", "entitlement_name", "mode", "via", "used_earliest", "used_latest"),
        *("description", "kind", "privileged", "sensitivity", "holders"),
    )
)


def fold(name: str) -> str:
    """Return a name as it is compared: letter case and white space do not count."""
    return " ".join(name.split()).casefold()


def _item(run: str, row: Mapping[str, Any], sentences: Sentences) -> WorkItem:
    mode = row["mode"]
    return WorkItem(
        item=item_id(run, row["unit"], row["account"], row["entitlement"], mode),
        reviewer=row["reviewer"] or UNASSIGNED,
        reviewer_name=row["reviewer_name"] or row["reviewer"] or UNASSIGNED,
        unit=row["unit"],
        stratum=Stratum(row["stratum"]),
        draw=Draw(row["draw"]),
        person=row["person_name"] or row["person"] or "nobody",
        clients=tuple(row["clients"]),
        roles=row["roles"] or "",
        account=row["account"],
        account_name=row["account_name"] or row["account"],
        system=row["system"],
        entitlement=row["entitlement"],
        entitlement_name=row["entitlement_name"] or row["entitlement"] or "the account itself",
        mode=mode,
        how=f"{row['via']}, eligible" if mode == "eligible" else row["via"] or "",
        last_used=_last_used(row),
        found="; ".join(sorted(_remark(finding, sentences) for finding in row["found"] or ())),
        own=tuple(sorted({fold(name) for name in row["own"] if name and name.strip()})),
        findings=tuple(row["findings"] or ()),
        title=_attribute(row, "title"),
        department=_attribute(row, "department"),
        manager=row["manager_name"] or "",
        what=describe(row),
        beside=row["beside"],
    )


def _attribute(row: Mapping[str, Any], name: str) -> str:
    return str(json.loads(row["attributes"] or "{}").get(name) or "")


def describe(row: Mapping[str, Any]) -> str:
    """Say what an entitlement is, and how many people have it: of test rows as of all others."""
    if not row["kind"]:
        return ""
    parts = [row["description"] or row["kind"]]
    parts += ["privileged"] * bool(row["privileged"])
    parts += [f"{row['sensitivity']} data"] * bool(row["sensitivity"])
    holders = row["holders"] or 0
    return f"{', '.join(parts)}; {holders:,} {'person has' if holders == 1 else 'people have'} it"


def _remark(finding: Mapping[str, Any], sentences: Sentences) -> str:
    waived = " (waived)" if finding["status"] == "waived" else ""
    return f"{finding['rule']}: {sentences.reason(finding)}{waived}"


def _last_used(row: Mapping[str, Any]) -> str:
    if row["used_latest"]:
        return _between(row["used_earliest"], row["used_latest"])
    if row["never_used"]:
        return "the account was never used"
    if row["account_latest"]:
        return f"the account: {_between(row['account_earliest'], row['account_latest'])}"
    return "unknown"


def _between(earliest: datetime | None, latest: datetime) -> str:
    if earliest is None:
        return f"by {latest:%Y-%m-%d}"
    if earliest.date() == latest.date():
        return f"{latest:%Y-%m-%d}"
    return f"{earliest:%Y-%m-%d} to {latest:%Y-%m-%d}"


def minutes_for(items: int) -> int:
    """Return how many minutes so many items ask of somebody: half a minute each, at least one."""
    return max(1, -(-items // 2)) if items else 0


def of_client(items: Iterable[WorkItem], client: str) -> tuple[WorkItem, ...]:
    """Return the items of one client alone."""
    return tuple(item for item in items if client in item.clients)


HOLDERS = """
holders AS (
    SELECT entitlement, count(DISTINCT coalesce(person, account)) AS holders FROM held GROUP BY entitlement
)"""
"""SQL: how many have each entitlement directly."""

# Every account of a unit, each with its grants; an account without any is a question of its own.
_ASKED = """
SELECT s.unit, s.stratum, s.draw, p.person, a.account, h.entitlement, h.mode, h.via, h.removable, h.why_not
FROM accounts a
LEFT JOIN people p ON p.person = a.person
JOIN sampled s ON s.unit = coalesce(p.person, a.account)
LEFT JOIN (SELECT * FROM held WHERE NOT mirrored) h ON h.account = a.account
"""

_REACHED = """
SELECT DISTINCT k.account, k.entitlement, k.mode, k.person, c.reached
FROM asked k JOIN closure c ON c.entitlement = k.entitlement
"""

_OPEN_FINDINGS = """
SELECT finding, status, subject, about, about IS NOT NULL AS specific,
       struct_pack(rule := rule, code := code, facts := facts, checked := checked, status := status) AS remark
FROM findings WHERE status <> 'closed' AND rule NOT IN :control
"""

# Kept before what it is about is looked for: all pairs of what each grant reaches would be looked through otherwise.
_BEGUN = """
SELECT r.account, r.entitlement, r.mode, f.about, f.remark, f.finding, f.status, f.specific
FROM reached r JOIN open_findings f ON f.subject = r.reached
"""

# Up the line of managers to the first who works here; only who cannot answer is passed over.
_REVIEWERS = """
WITH RECURSIVE up AS (
    SELECT p.person, CASE WHEN p.kind = 'agent' THEN p.sponsor ELSE p.manager END AS candidate, 1 AS step
    FROM people p WHERE p.person IN (SELECT unit FROM sampled)
    UNION ALL
    SELECT up.person, next.manager, up.step + 1
    FROM up JOIN people next ON next.person = up.candidate
    WHERE up.step < 12 AND (next.status <> 'active' OR next.kind = 'agent')
)
SELECT up.person AS unit, up.candidate AS reviewer
FROM up JOIN people m ON m.person = up.candidate
WHERE m.status = 'active' AND m.kind <> 'agent' AND up.candidate <> up.person
"""

_ITEMS = f"""
WITH clients AS ({CLIENTS}), custodians AS (
    SELECT account, person FROM custody WHERE ends_at IS NULL OR ends_at > :now
), owners_here AS (
    SELECT o.object, o.person
    FROM owned o JOIN people p ON p.person = o.person AND p.status = 'active' AND p.kind <> 'agent'
), owner_of AS (
    -- The owner of an account that belongs to nobody goes before the owner of the entitlement; who knows the secret of
    -- a shared account answers for neither.
    SELECT k.account, k.entitlement, k.mode,
           coalesce(min(a.person), min(e.person)) AS owner
    FROM asked k
    LEFT JOIN owners_here a ON k.person IS NULL AND a.object = k.account
         AND NOT EXISTS (SELECT 1 FROM custodians c WHERE c.account = k.account AND c.person = a.person)
    LEFT JOIN owners_here e ON e.object = k.entitlement AND e.person <> k.unit
         AND NOT EXISTS (SELECT 1 FROM custodians c WHERE c.account = k.account AND c.person = e.person)
    GROUP BY k.account, k.entitlement, k.mode
), roles_now AS (
    SELECT person, string_agg(DISTINCT role, ', ' ORDER BY role) AS roles
    FROM person_roles WHERE spell IN ('current', 'grace') GROUP BY person
), remarks AS (
    -- About the grant itself, or about what it reaches.
    SELECT r.account, r.entitlement, r.mode, f.remark, f.finding, f.status, f.specific
    FROM reached r JOIN open_findings f ON f.subject = r.account AND f.about = r.reached
    UNION
    -- About the nesting on the way: its subject and what it is about are both reached by the one grant.
    SELECT b.account, b.entitlement, b.mode, b.remark, b.finding, b.status, b.specific
    FROM begun b
    JOIN reached o ON o.account = b.account AND o.entitlement = b.entitlement AND o.mode = b.mode AND o.reached = b.about
    UNION
    -- About a toxic pair: each grant that reaches one of its sides. Whose it is in one of two ways is asked by two joins: by
    -- one alone all that is found about the pair would stand beside each grant first.
    SELECT r.account, r.entitlement, r.mode, f.remark, f.finding, f.status, f.specific
    FROM reached r JOIN separation x ON x.entitlement = r.reached
    JOIN open_findings f ON f.about = x.pair AND f.subject = r.account
    UNION
    SELECT r.account, r.entitlement, r.mode, f.remark, f.finding, f.status, f.specific
    FROM reached r JOIN separation x ON x.entitlement = r.reached
    JOIN open_findings f ON f.about = x.pair AND f.subject = r.person
    UNION
    -- About the account or the person as such: said beside each of the grants.
    SELECT k.account, k.entitlement, k.mode, f.remark, f.finding, f.status, f.specific
    FROM asked k JOIN open_findings f ON f.about IS NULL AND f.subject = k.account
    UNION
    SELECT k.account, k.entitlement, k.mode, f.remark, f.finding, f.status, f.specific
    FROM asked k JOIN open_findings f ON f.about IS NULL AND f.subject = k.person
), found AS (
    SELECT account, entitlement, mode, list(remark) AS found,
           list(finding ORDER BY finding) FILTER (status <> 'waived') AS findings, bool_or(specific) AS found_here
    FROM remarks GROUP BY account, entitlement, mode
), duties AS (
    SELECT r.person, x.entitlement, min(x.role) AS role
    FROM person_roles r JOIN expected x ON x.role = r.role AND x.allows = 'must'
    WHERE r.spell IN ('current', 'grace') GROUP BY r.person, x.entitlement
), powerful AS (
    SELECT DISTINCT r.entitlement FROM reached r JOIN entitlements e ON e.entitlement = r.reached
    WHERE e.privileged OR e.effect = 'exempts'
), jobs AS (
    SELECT person, min(attributes) AS attributes FROM assignments
    WHERE status <> 'left' AND coalesce(ends_latest > :now, TRUE) GROUP BY person
), {HOLDERS}, own_accounts AS (
    SELECT coalesce(p.person, a.account) AS unit,
           flatten(list([a.account, a.native_id, a.name, a.principal_name, a.display_name, a.mail, a.employee_id])) AS own
    FROM accounts a LEFT JOIN people p ON p.person = a.person
    WHERE coalesce(p.person, a.account) IN (SELECT unit FROM sampled)
    GROUP BY 1
), own_custodians AS (
    SELECT c.account, flatten(list([p.person, p.native_id, p.name, p.mail])) AS own
    FROM custodians c JOIN people p ON p.person = c.person GROUP BY c.account
)
SELECT k.unit, k.stratum, k.draw, k.person, k.account, k.entitlement, k.mode, k.via,
       coalesce(up.reviewer, o.owner) AS reviewer, reviewer.name AS reviewer_name,
       p.name AS person_name,
       coalesce(l.clients, CASE WHEN a.client IS NULL THEN [] ELSE [a.client] END) AS clients, r.roles,
       coalesce(a.name, a.principal_name, a.display_name) AS account_name,
       coalesce(e.source, a.source) AS system, e.name AS entitlement_name,
       t.last_used_earliest AS used_earliest, t.last_used_latest AS used_latest,
       a.last_used_earliest AS account_earliest, a.last_used_latest AS account_latest, a.never_used,
       f.found, f.findings, coalesce(f.found_here, FALSE) AS found_here,
       j.attributes, manager.name AS manager_name,
       e.description, e.kind, e.privileged, e.sensitivity, b.holders,
       CASE WHEN e.entitlement IS NULL OR q.entitlement IS NOT NULL THEN NULL
            WHEN e.effect = 'restricts' THEN 'it restricts, so that without it more would be possible'
            WHEN k.removable = FALSE THEN coalesce(split_part(k.why_not, ':', 1), 'it cannot be taken away')
            WHEN d.role IS NOT NULL THEN concat('every ', d.role, ' must have it') END AS fixed,
       list_concat(list_concat(w.own, coalesce(g.own, [])), [p.person, p.native_id, p.name, p.mail]) AS own
FROM asked k
JOIN accounts a ON a.account = k.account
LEFT JOIN people p ON p.person = k.person
LEFT JOIN entitlements e ON e.entitlement = k.entitlement
LEFT JOIN reviewers up ON up.unit = k.person
LEFT JOIN owner_of o ON o.account = k.account AND o.entitlement IS NOT DISTINCT FROM k.entitlement
     AND o.mode IS NOT DISTINCT FROM k.mode
LEFT JOIN people reviewer ON reviewer.person = coalesce(up.reviewer, o.owner)
LEFT JOIN roles_now r ON r.person = k.person
LEFT JOIN clients l ON l.person = k.person
LEFT JOIN activity t ON t.account = k.account AND t.object = k.entitlement
LEFT JOIN found f ON f.account = k.account AND f.entitlement IS NOT DISTINCT FROM k.entitlement
     AND f.mode IS NOT DISTINCT FROM k.mode
LEFT JOIN duties d ON d.person = k.person AND d.entitlement = k.entitlement
LEFT JOIN powerful q ON q.entitlement = k.entitlement
LEFT JOIN jobs j ON j.person = k.person
LEFT JOIN people manager ON manager.person = CASE WHEN p.kind = 'agent' THEN p.sponsor ELSE p.manager END
LEFT JOIN holders b ON b.entitlement = k.entitlement
JOIN own_accounts w ON w.unit = k.unit
LEFT JOIN own_custodians g ON g.account = k.account
"""
