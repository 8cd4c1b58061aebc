"""Decide what is wrong: the pure middle, on one page.

::

    people, assignments ─► roles_of ─► role sets ─┐
    accounts ─► correlate ─► who owns what ───────┼─► diff ─► rules ─► findings
    nesting ─► closure ─► what a grant gives ─────┤
    templates ─► expected ─► what a role allows ──┘

Each step reads tables by name from the engine and adds its own; the same snapshot,
workspace and previous findings give the same findings, byte for byte.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime

import pyarrow as pa

from access_review import declared, diff, findings, roles
from access_review.correlate import RELATIONS as CORRELATED
from access_review.correlate import Ladder, correlate
from access_review.engine import Engine, ParquetFile
from access_review.engine.file import content
from access_review.engine.relation import lineage
from access_review.facts import (
    ACCEPTED,
    FORMER_OWNERS,
    PREVIOUS_FINDINGS,
    AcceptedAccess,
    CarryForward,
    accepted_tables,
    carry_forward_tables,
)
from access_review.findings import Evaluation, Gaps, tickets
from access_review.findings.counts import ReviewCounts, count_review
from access_review.findings.doubts import DOUBTED, DOUBTS, doubt, owners_now
from access_review.findings.format_1 import of_today
from access_review.findings.groups import Groups, group_findings
from access_review.findings.judged_share import Judged, measure_judged
from access_review.findings.peer_shares import count_shares
from access_review.graph import closure
from access_review.rules import load
from access_review.snapshot import Snapshot, Stored, stored
from access_review.tables import TABLES, Row
from access_review.workspace import Workspace

SMALL = 10_000_000
"""Up to so many bytes the tables of a snapshot are compared with those from which facts were made before."""

Step = Callable[[Mapping[str, pa.Table], Workspace, Engine], None]
"""Adds its facts to the engine, by what those before it made."""


@dataclass(frozen=True, slots=True)
class Previous:
    """What is known from before a run: the findings of the run before, what earlier audits left open, whose accounts were.

    ``findings`` has the columns of ``facts.FINDINGS``, ``owners`` those of ``facts.FORMER_OWNERS``;
    ``accepted`` is what was held when a run was accepted last.
    """

    findings: pa.Table | ParquetFile | None = None
    left_open: CarryForward = field(default_factory=CarryForward)
    owners: pa.Table | ParquetFile | None = None
    accepted: AcceptedAccess | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a review concludes: the findings (in memory, or where they are on disk), and what became of every rule.

    ``found`` has the columns of ``facts.FINDINGS``, or those of a format before; ``digest`` is that of its rows, and
    empty where nobody compares it.
    ``judged`` is how much of what people hold was judged, ``groups`` are the findings as lines to act on, and ``counts``
    is how much there was; one read back has of these the first alone.
    """

    as_of: datetime
    found: pa.Table | ParquetFile = field(repr=False)
    evaluations: tuple[Evaluation, ...]
    digest: str
    judged: Judged | None = None
    groups: Groups | None = None
    counts: ReviewCounts | None = None

    @property
    def findings(self) -> pa.Table:
        """The findings as a table with the columns of ``facts.FINDINGS``, read from disk if that is where they are."""
        return of_today(Stored({"findings": self.found})["findings"])

    def pieces(self) -> Iterator[pa.Table]:
        """Yield rows of ``facts.FINDINGS`` in their order, some thousands at a time: there may be more than fit into memory."""
        for batch in Stored({"findings": self.found}).reader("findings"):
            yield of_today(pa.Table.from_batches([batch]))

    def count_by(self, *columns: str) -> list[Row]:
        """Return how many ``findings`` have each combination of some columns: those that every format has, read alone."""
        found = self.found
        table = found.reader([*columns]).read_all() if isinstance(found, ParquetFile) else found.select(columns)
        counted = table.group_by([*columns]).aggregate([([], "count_all")])
        rows: list[Row] = counted.rename_columns({"count_all": "findings"}).to_pylist()
        return rows


def review(
    snapshot: Snapshot,
    workspace: Workspace,
    engine: Engine,
    previous: Previous | pa.Table | ParquetFile | None = None,
    to: ParquetFile | None = None,
    owners_to: ParquetFile | None = None,
) -> Report:
    """Decide what is wrong; ``previous`` are the findings of the run before, or all that is known.

    Reads the tables of :mod:`access_review.tables`, and makes rows of ``facts.FINDINGS``, which are returned, or
    written to the Parquet file ``to``: there may be millions. Whose accounts are is written to ``owners_to``, for the
    next run to compare with. Raises ``RuleError`` for a rule that breaks its contract and ``ArtifactError`` for
    findings of a version to come.
    """

    def count(judged: Judged) -> ReviewCounts:
        counts = count_review(engine, judged)
        count_shares(engine, "hits")
        return counts

    report = _found(snapshot, workspace, engine, previous, (to, owners_to), count)
    return replace(report, digest=_digest(report), groups=group_findings(engine))


def find(
    snapshot: Snapshot,
    workspace: Workspace,
    engine: Engine,
    previous: Previous | pa.Table | ParquetFile | None = None,
    *,
    digested: bool = True,
    only: Sequence[str] = (),
    aside: bool = False,
) -> Report:
    """Decide what is wrong as :func:`review` does, for a plan: the same findings, without shares, groups and counts to show.

    Reads the tables of :mod:`access_review.tables` and returns rows of ``facts.FINDINGS``. Where nobody compares it, the
    digest of the findings is left out too, and so are all their columns but ``only`` some. Put ``aside``, those of a large
    company are on disk for as long as the engine is open. Raises as :func:`review` does.
    """
    report = _found(snapshot, workspace, engine, previous, only=only, aside=aside)
    return replace(report, digest=_digest(report)) if digested else report


def _found(
    snapshot: Snapshot,
    workspace: Workspace,
    engine: Engine,
    previous: Previous | pa.Table | ParquetFile | None,
    to: tuple[ParquetFile | None, ParquetFile | None] = (None, None),
    count: Callable[[Judged], ReviewCounts] | None = None,
    only: Sequence[str] = (),
    aside: bool = False,
) -> Report:
    """Find; ``count`` is called while the hits are still there, with the facts that are let go after.

    What is put ``aside`` is for who goes on in the engine, which forgets no fact then.
    """
    known = previous if isinstance(previous, Previous) else Previous(previous)
    establish(snapshot.tables, workspace, engine, known.owners)
    findings_to, owners_to = to
    if owners_to:
        sql, params = owners_now(sorted(snapshot.incomplete("accounts")))
        engine.write(sql, owners_to, **params)
    establish_past(engine, known)
    gaps = gaps_of(snapshot, workspace, accepted=known.accepted is not None)
    rules = list(load().values())
    evaluations = findings.evaluate(engine, rules, workspace.policy, gaps)
    judged = measure_judged(engine)  # before what these three read is let go
    counts = count(judged) if count else None
    spare = () if aside else SPARE
    findings_to = engine.room("findings") if aside else findings_to
    found = findings.conclude(engine, workspace.policy, evaluations, gaps, rules, findings_to, only=only, spare=spare)
    return Report(snapshot.as_of, found, findings.without_moot(engine, evaluations), "", judged, counts=counts)


def establish_past(engine: Engine, known: Previous) -> None:
    """Put what is known from before a run into the engine: ``previous_findings``, and what :mod:`access_review.facts` makes of the rest."""
    before = PREVIOUS_FINDINGS.schema.empty_table() if known.findings is None else known.findings
    findings.register(engine, "previous_findings", before)
    for name, table in (carry_forward_tables(known.left_open) | accepted_tables(known.accepted)).items():
        engine.register(name, table)


def gaps_of(snapshot: Snapshot, workspace: Workspace, *, accepted: bool) -> Gaps:
    """Return what was not read, from the snapshot's table ``completeness``; ``accepted`` tells whether a run was before it."""
    # What no role asks for is not missed.
    unasked = () if any(template.training for template in workspace.templates) else ("training",)
    return Gaps(
        missing=(frozenset(TABLES) - snapshot.collected).union(() if accepted else ACCEPTED).difference(unasked),
        incomplete={table: snapshot.incomplete(table) for table in TABLES},
        clocks=snapshot.clocks,
        rests_on=RESTS_ON,
    )


def _digest(report: Report) -> str:
    return Stored({"findings": report.found}).digest("findings")


def establish(
    tables: Mapping[str, pa.Table],
    workspace: Workspace,
    engine: Engine,
    owners: pa.Table | ParquetFile | None = None,
    steps: Sequence[Step] = (),
) -> None:
    """Put every fact that the rules read into the engine: each step reads what those before it made.

    ``tables`` are all those of :mod:`access_review.tables`, by name; what is made of them is in :mod:`access_review.facts`.
    ``owners`` has the rows of ``facts.FORMER_OWNERS``: whose each account was before, where that is known. Of some ``steps``
    alone, ``STEPS_OF_OWNERS`` or ``STEPS_OF_DOUBTS``, comes less. Where a company is small, what they made of the same is taken up.
    """
    before = FORMER_OWNERS.schema.empty_table() if owners is None else owners

    def make() -> None:
        engine.register("former_owners", before)
        for step in steps or STEPS:
            step(tables, workspace, engine)

    parts = {"former_owners": before, **{name: stored(tables).part(name) for name in tables}}

    def made_of() -> object:
        declares = [getattr(workspace, one.name) for one in fields(workspace) if one.name != "folder"]
        return steps, {name: content(part) for name, part in parts.items()}, declares

    small = sum(part.bytes if isinstance(part, ParquetFile) else part.nbytes for part in parts.values()) <= SMALL
    engine.once(make, made_of if small else None)


def _read(tables: Mapping[str, pa.Table], workspace: Workspace, engine: Engine) -> None:  # noqa: ARG001 - as every step
    """Register the snapshot, its ``accounts`` as ``read_accounts``, and ``moment``."""
    for name in tables:
        engine.register("read_accounts" if name == "accounts" else name, stored(tables).part(name))
    engine.register("moment", declared.moment(engine.as_of))


def _correlate(tables: Mapping[str, pa.Table], workspace: Workspace, engine: Engine) -> None:  # noqa: ARG001 - as every step
    correlate(engine, [Ladder(one.name, one.file.match, one.file.same) for one in workspace.sources])


def _assign_roles(tables: Mapping[str, pa.Table], workspace: Workspace, engine: Engine) -> None:  # noqa: ARG001 - as every step
    roles.assign(engine, workspace.templates, workspace.policy)


def _close(tables: Mapping[str, pa.Table], workspace: Workspace, engine: Engine) -> None:  # noqa: ARG001 - as every step
    """Add ``closure``: what each entitlement gives."""
    engine.register("closure", closure(tables["nesting"], tables["entitlements"]["entitlement"]))
    engine.narrow("closure", "SELECT * FROM closure", ids=dict.fromkeys(("entitlement", "reached"), "entitlements"))


def _declare(tables: Mapping[str, pa.Table], workspace: Workspace, engine: Engine) -> None:
    """Add what the workspace says: ``expected``, ``escalations``, toxic pairs, templates, waivers, applications."""
    templates = roles.resolve(workspace.templates, tables["entitlements"])
    pairs = declared.separation(workspace.separation, tables["entitlements"])
    expected, escalations = roles.expected(templates, tables["nesting"], by_name_only(engine, pairs))
    engine.register("expected", expected)
    engine.narrow("expected", "SELECT * FROM expected", ids={"entitlement": "entitlements"}, few=("role", "allows"))
    engine.register("escalations", escalations)
    engine.register("separation", pairs)
    engine.register("templates", declared.templates(workspace))
    engine.register("patterns", declared.patterns(templates, workspace))
    engine.register("role_courses", declared.courses(templates))
    engine.register("courses_before", declared.courses_before(templates))
    engine.register("waivers", declared.waivers(workspace, engine))
    engine.register("applications", declared.applications(workspace.policy, engine))
    engine.register("known_powers", declared.known_powers())
    for relation in declared.RELATIONS:
        relation.make(engine)


def _own(tables: Mapping[str, pa.Table], workspace: Workspace, engine: Engine) -> None:  # noqa: ARG001 - as every step
    """Add ``owned``, of what else the workspace says nothing: what is in doubt needs no more of it."""
    declared.OWNED.make(engine)


def _doubt(tables: Mapping[str, pa.Table], workspace: Workspace, engine: Engine) -> None:  # noqa: ARG001 - as every step
    doubt(engine, workspace)


def _compare(tables: Mapping[str, pa.Table], workspace: Workspace, engine: Engine) -> None:  # noqa: ARG001 - as every step
    diff.diff(engine)


def _authorise(tables: Mapping[str, pa.Table], workspace: Workspace, engine: Engine) -> None:  # noqa: ARG001 - as every step
    for relation in tickets.RELATIONS:
        relation.make(engine)


def _number(tables: Mapping[str, pa.Table], workspace: Workspace, engine: Engine) -> None:  # noqa: ARG001 - as every step
    """Number the ids, and keep the tables that many rows of others refer to by these numbers."""
    engine.identify(_IDS)
    for name, (ids, few) in _NUMBERED.items():
        engine.narrow(name, f"SELECT * FROM {name}", ids=ids, few=few)


STEPS: tuple[Step, ...] = (
    _read,
    _number,
    _correlate,
    _assign_roles,
    _close,
    _declare,
    _doubt,
    _compare,
    _authorise,
)
"""What comes before the rules, in this order."""

STEPS_OF_FACTS = tuple(step for step in STEPS if step not in (_read, _number, _compare))
"""Those that make what is kept from one review to the next: not what everybody holds, compared with the roles."""

STEPS_OF_OWNERS = STEPS[: STEPS.index(_correlate) + 1]
"""Those that say whose each account is."""
STEPS_OF_DOUBTS = (*STEPS_OF_OWNERS, _own, _doubt)
"""Those, and what says what speaks against that."""

RELATIONS = (*CORRELATED, *roles.RELATIONS, *declared.RELATIONS, DOUBTS, DOUBTED, *diff.RELATIONS, *tickets.RELATIONS)
"""Every relation that the steps make in the engine, in this order."""

COMPUTED: Mapping[str, tuple[str, ...]] = {
    "closure": ("nesting", "entitlements"),
    "profile_roles": ("profiles",),
    "expected": ("entitlements", "nesting"),
    "escalations": ("entitlements", "nesting"),
    "separation": ("entitlements",),
    "templates": (),
    "patterns": ("entitlements",),
    "role_courses": (),
    "courses_before": ("entitlements",),
    "waivers": (),
    "applications": ("accounts", "entitlements"),
    "read_accounts": ("accounts",),
    "moment": (),
    "told": (),
    "known_powers": (),
    "not_same": (),
    "ladders": (),
    "former_owners": (),
    "previous_findings": (),
    "unreviewed": (),
    "kept": (),
    "accepted_grants": (),
    "accepted_sources": (),
}
"""What the steps make in Python, with what each reads; what comes from earlier runs reads nothing of this one."""

# Aliases are names of what other tables hold: where one is missing nothing is concluded from that.
RESTS_ON = lineage(RELATIONS, [name for name in TABLES if name != "aliases"], COMPUTED)
"""Which tables of the snapshot each derived fact is made from; a table of the snapshot rests on itself."""

_IDS = {
    "accounts": "SELECT account FROM read_accounts",
    "people": "SELECT person FROM people",
    "entitlements": "SELECT entitlement FROM entitlements",
}

_EDGE = ("mode", "native_id", "mastered_in", "why_not")

_NUMBERED = {
    "read_accounts": ({"account": "accounts"}, ("source", "kind", "client")),
    "people": ({"person": "people"}, ("source", "kind", "status")),
    "assignments": ({"person": "people"}, ("source", "status", "client", "role")),
    "entitlements": ({"entitlement": "entitlements"}, ("source",)),
    "grants": ({"account": "accounts", "entitlement": "entitlements"}, (*_EDGE, "via")),
    "nesting": ({"child": "entitlements", "parent": "entitlements"}, (*_EDGE, "why", "reach")),
}


def _only_for_rules() -> tuple[str, ...]:
    """Return what the steps make and no finding is made of."""
    made = {relation.name: relation for relation in RELATIONS}
    behind = [made[name].reads for name in findings.READS if name in made and made[name].view]
    needed = findings.READS.union(*behind)
    return tuple(name for name in (*made, *COMPUTED) if name not in needed)


SPARE = _only_for_rules()
"""What the engine may forget once the rules have run."""


def by_name_only(engine: Engine, pairs: pa.Table) -> Mapping[str, str]:
    """Return what nobody gets merely by being carried, with the reason, by entitlement.

    ``pairs`` is the fact ``separation (pair, side, entitlement)``; the engine has the table ``entitlements``.
    """
    halves = {row["entitlement"]: f"half of the toxic pair {row['pair']}" for row in pairs.to_pylist()}
    sql = "SELECT entitlement, coalesce(privileged, FALSE) AS privileged FROM entitlements WHERE privileged OR effect = 'exempts'"
    strong = {r["entitlement"]: "privileged" if r["privileged"] else "an exemption" for r in engine.rows(sql)}
    return halves | strong
