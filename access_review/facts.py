"""What the rules read: the snapshot's tables and those derived from them.

Most facts are tables of the snapshot under their own names (:mod:`access_review.tables`).
Those here are added by ``review.py`` or extend a table of the snapshot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import pyarrow as pa

from access_review.tables import FLAG, MODES, TABLES, TIME, WHOLE, Column, Table, frame

ALLOWS = ("must", "may", "eligible", "carried", "never")
VERDICTS = ("within", "beyond", "mixed")
SPELLS = ("current", "grace", "former")
TICKET_STANDINGS = ("approved", "self-approved", "unapproved", "refused", "unknown")
DOUBT_CODES = ("changed", "denied", "id", "mail", "name", "namesake", "owner", "renumbered")

_LINK = (Column("person"), Column("rung"), Column("certain", FLAG), Column("link"))

_FACTS = (
    Table(
        "accounts",
        ("account",),
        (*TABLES["accounts"].columns, *_LINK),
        "Accounts with the person they belong to: `rung` is the step of the ladder that matched, `certain` whether a "
        "change may rest on it, `link` the reason in words (also why there is no match).",
    ),
    Table(
        "held",
        ("account", "entitlement", "mode"),
        (
            *TABLES["grants"].columns,
            Column("person"),
            Column("certain", FLAG),
            Column("role_set", WHOLE),
            Column("mirrored", FLAG, required=True),
            Column("verdict", among=("", *VERDICTS)),
            Column("never"),
            Column("former_role"),
            Column("former_client"),
            Column("former_until", TIME),
        ),
        "Direct grants with their verdict. `verdict` is empty where no person with a role is known. `never` is an "
        "entitlement reached that a role forbids. `former_*` is an ended assignment that allowed it. `mirrored` is a "
        "synced copy of a grant seen where it is mastered, and judged there.",
    ),
    Table(
        "closure",
        ("entitlement", "reached"),
        (Column("entitlement"), Column("reached"), Column("mode", required=True, among=MODES)),
        "What holding an entitlement directly gives, itself included; eligible when every path has an eligible edge.",
    ),
    Table(
        "person_roles",
        ("person", "role", "spell"),
        (
            Column("person"),
            Column("role"),
            Column("spell", among=SPELLS),
            Column("client"),
            Column("since", TIME),
            Column("until", TIME),
        ),
        "The roles of each person, from current assignments, from those just ended, and from former ones.",
    ),
    Table(
        "role_sets",
        ("role_set", "role"),
        (Column("role_set", WHOLE), Column("role")),
        "Each distinct set of current roles, numbered.",
    ),
    Table(
        "person_role_sets",
        ("person",),
        (Column("person"), Column("role_set", WHOLE, required=True)),
        "The set of current roles of each person who has any.",
    ),
    Table(
        "expected",
        ("role", "entitlement", "allows"),
        (Column("role"), Column("entitlement"), Column("allows", among=ALLOWS)),
        "What each role must, may or must never have; `carried` is what an allowed entitlement brings with it.",
    ),
    Table(
        "escalations",
        ("role", "child", "parent"),
        (Column("role"), Column("child"), Column("parent"), Column("allowed", required=True), Column("because")),
        "Nesting edges by which an allowed entitlement carries something that must be allowed by name.",
    ),
    Table(
        "owned",
        ("object", "owner"),
        (Column("object"), Column("owner"), Column("person"), Column("status")),
        "Owners with the person behind each and that person's status.",
    ),
    Table(
        "powers",
        ("entitlement",),
        (Column("entitlement"), Column("place", WHOLE, required=True), Column("tier0", FLAG, required=True)),
        "What is known to be powerful by its id: `place` in an order of power (1 is the most), and whether whoever holds it "
        "can give themselves everything (`tier0`).",
    ),
    Table(
        "doubts",
        ("account", "other"),
        (
            Column("account"),
            Column("other"),
            Column("person", required=True),
            Column("code", required=True, among=DOUBT_CODES),
            Column("former"),
            Column("owner_name", required=True),
            Column("other_name"),
        ),
        "What speaks against the certain owner (`person`) of an account: it may be of `other`, empty where nobody is known. "
        "`former` is the name or number that says so. Nothing is planned on such an account until `same` or `not_same` in "
        "a source file settles it.",
    ),
    Table(
        "separation",
        ("pair", "side", "entitlement"),
        (Column("pair"), Column("side", among=("a", "b")), Column("entitlement"), Column("reason")),
        "Both sides of each toxic pair, as entitlements.",
    ),
    Table(
        "templates",
        ("role",),
        (Column("role"), Column("review_by", TIME), Column("place", required=True)),
        "Role templates with the day by which each is to be looked at again, and their file:line.",
    ),
    Table(
        "patterns",
        ("role", "list", "pattern"),
        (
            Column("role"),
            Column("list", among=ALLOWS),
            Column("pattern"),
            Column("matched", WHOLE, required=True),
            Column("place", required=True),
        ),
        "Each line of each template and how many entitlements it matches today.",
    ),
    Table(
        "role_courses",
        ("role", "course"),
        (Column("role"), Column("course"), Column("folded", required=True)),
        "What whoever has a role must have learned. `folded` is the course in lower case.",
    ),
    Table(
        "courses_before",
        ("role", "entitlement", "course"),
        (Column("role"), Column("entitlement"), Column("course"), Column("folded", required=True)),
        "What whoever holds something by a role must have learned. `folded` is the course in lower case.",
    ),
    Table(
        "waivers",
        ("waiver",),
        (
            Column("waiver"),
            Column("rule"),
            Column("subject"),
            Column("about"),
            Column("reason"),
            Column("approver"),
            Column("ticket"),
            Column("expires_at", TIME),
            Column("place", required=True),
        ),
        "The exception log. `waiver` is its name in the log.",
    ),
    Table(
        "applications",
        ("object",),
        (
            Column("object"),
            Column("name", required=True),
            Column("approved", FLAG, required=True),
            Column("ai", FLAG, required=True),
            Column("foreign", FLAG),
        ),
        "Applications and consents, matched against the approved and the AI lists of the policy.",
    ),
    Table(
        "ticketed",
        ("account", "entitlement", "source", "ticket", "line"),
        (
            Column("account"),
            Column("entitlement"),
            Column("source"),
            Column("ticket"),
            Column("line", WHOLE),
            Column("standing", required=True, among=TICKET_STANDINGS),
            Column("place"),
            *(Column(name, TIME) for name in ("starts_at", "ends_at")),
        ),
        "What each request says of an account and an entitlement. `standing` is `approved`; `self-approved`, `unapproved` "
        "(by nobody) and `refused` authorise nothing; `unknown` is one that names several people or things, or whose approval "
        "or dates cannot be read. `place` is the system, or what signing in to it is called.",
    ),
    Table(
        "accepted_grants",
        ("account", "entitlement", "mode"),
        (Column("account"), Column("entitlement"), Column("mode", among=MODES)),
        "What was held in the run that was accepted (signed off) last before this one.",
    ),
    Table(
        "accepted_sources",
        ("source",),
        (Column("source"), Column("accepted_at", TIME, required=True)),
        "The sources of which that run read whole who holds what, and the moment that it is about.",
    ),
    Table(
        "unreviewed",
        ("unit",),
        (Column("unit"), Column("week", required=True), Column("times", WHOLE, required=True), Column("reviewer")),
        "People, and accounts of nobody, that audits in a row drew and nobody reviewed, with the week of the last and who was "
        "asked then: nobody where it was put off.",
    ),
    Table(
        "kept",
        ("finding", "account", "object"),
        (
            Column("finding"),
            Column("account"),
            Column("object"),
            Column("reviewer", required=True),
            Column("kept_at", TIME, required=True),
        ),
        "What reviewers of earlier audits kept though the machine had found something that no waiver accepted: `object` "
        "is the entitlement, or the account itself.",
    ),
)


FINDINGS = Table(
    "findings",
    ("finding",),
    (
        Column("finding"),
        Column("rule", required=True),
        Column("subject", required=True),
        Column("about"),
        Column("subject_name"),
        Column("about_name"),
        Column("person"),
        Column("person_name"),
        Column("client"),
        Column("source"),
        Column("severity", required=True, among=("low", "medium", "high", "critical")),
        Column("rag", required=True, among=("red", "amber", "green")),
        Column("risk", WHOLE, required=True),
        Column("sensitivity"),
        Column("remedy", required=True),
        Column("controls"),
        Column("status", required=True, among=("new", "open", "waived", "closed")),
        Column("waiver"),
        Column("first_seen", TIME, required=True),
        Column("closed_at", TIME),
        Column("code", required=True),
        Column("checked", FLAG, required=True),
        Column("facts", required=True),
        Column("risk_parts", required=True),
    ),
    "What is wrong, one row each. `finding` is the hash of rule, subject and about. `code` is the rule's word for what it "
    "found and `facts` what its sentence names, a JSON object (null: unknown); where it is not `checked`, it stays as it "
    "was, since not everything was read. `risk_parts` is a JSON object of the points that the score of 0 to 100 is the "
    "sum of. Closed findings stay for the run that closes them.",
)

PREVIOUS_FINDINGS = Table(
    "previous_findings", FINDINGS.key, FINDINGS.columns, "The findings of the run before, those it closed included."
)

FORMER_OWNERS = Table(
    "former_owners",
    ("account",),
    (
        Column("account"),
        Column("person", required=True),
        Column("name"),
        Column("mail"),
        Column("rungs", required=True),
    ),
    "Whose each account was when that was last certain and beyond doubt: what the next run compares with. `rungs` are those "
    "of the ladder then.",
)

FACTS: Mapping[str, Table] = {**TABLES, **{fact.name: fact for fact in (*_FACTS, PREVIOUS_FINDINGS)}}


@dataclass(frozen=True, slots=True)
class UnreviewedUnit:
    """A unit that ``times`` audits in a row drew and nobody reviewed; ``week`` is that of the last, as ``2026-W45``.

    ``reviewer`` is the name of who was asked then, null where it was put off.
    """

    unit: str
    week: str
    times: int
    reviewer: str | None = None


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """Access that a reviewer kept though the machine had found something that no waiver accepted then.

    Without an ``entitlement`` the account itself was kept; ``at`` is the day of the reviewer, of no zone.
    """

    finding: str
    account: str
    entitlement: str | None
    by: str
    at: date


@dataclass(frozen=True, slots=True)
class CarryForward:
    """What the audits before a run left open: who was not reviewed, and what was kept against a finding.

    Made by :mod:`access_review.audit.carry_forward`, and kept in the run (``control.json``): reviewing it
    again gives the same findings, whatever is answered late. ``accepted`` is the run accepted last before it, where
    requests say what was authorised: what is held since is compared with it.
    """

    unreviewed: tuple[UnreviewedUnit, ...] = ()
    kept: tuple[KeptFinding, ...] = ()
    accepted: str = ""


@dataclass(frozen=True, slots=True)
class AcceptedAccess:
    """What was held in a run that was accepted, and which sources it read whole.

    ``grants`` has at least the columns of the fact ``accepted_grants``.
    """

    grants: pa.Table
    sources: frozenset[str]
    at: datetime


ACCEPTED = ("accepted_grants", "accepted_sources")


def accepted_tables(accepted: AcceptedAccess | None) -> dict[str, pa.Table]:
    """Return the facts ``accepted_grants`` and ``accepted_sources``."""
    grants, sources = (FACTS[name] for name in ACCEPTED)
    if accepted is None:
        return {grants.name: frame(grants, []), sources.name: frame(sources, [])}
    held = accepted.grants.select(grants.schema.names).cast(grants.schema)
    rows = [{"source": source, "accepted_at": accepted.at} for source in accepted.sources]
    return {grants.name: held, sources.name: frame(sources, rows)}


def carry_forward_tables(left_open: CarryForward) -> dict[str, pa.Table]:
    """Return the facts ``unreviewed`` and ``kept``, as tables; a day stands for its start in UTC."""
    missed = [
        {"unit": one.unit, "week": one.week, "times": one.times, "reviewer": one.reviewer}
        for one in left_open.unreviewed
    ]
    kept = [
        {
            "finding": one.finding,
            "account": one.account,
            "object": one.entitlement or one.account,
            "reviewer": one.by,
            "kept_at": datetime.combine(one.at, time(), UTC),
        }
        for one in left_open.kept
    ]
    return {"unreviewed": frame(FACTS["unreviewed"], missed), "kept": frame(FACTS["kept"], kept)}
