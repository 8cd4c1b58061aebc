"""A plan proves itself: what it touches is reviewed again with the plan applied.

The excess it is for must be gone, nothing expected lost, and nothing new be wrong.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from access_review.changes import Change
from access_review.engine import Engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import PlanRefused
from access_review.findings import register
from access_review.findings.sentences import Sentences, every_sentence
from access_review.plan.withheld import Withheld, WithheldCode, withheld
from access_review.review import Report, find
from access_review.snapshot import Snapshot
from access_review.tables import Row
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Proof:
    """What the second review found: open findings before and after, and what changed between them.

    ``outlasting`` are findings about what has happened (a sign-in after the end), which
    stay although the account they ask to disable is disabled.
    """

    findings_before: int
    findings_after: int
    ended: int
    ended_besides: int
    outlasting: int
    appeared: int
    expected_lost: int
    accounts_touched: int
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """The changes that a proof did not carry, each with the reason."""

    changes: Mapping[str, Withheld]


def prove(
    snapshot: Snapshot,
    workspace: Workspace,
    engine: Engine,
    report: Report,
    changes: Sequence[Change],
    after: Mapping[str, pa.Table],
) -> Proof | Failure:
    """Review the tables as they are after the plan; raises ``PlanRefused`` when nobody can say which change fails it.

    Reads what :func:`access_review.plan.consequences.foresee` made of the same changes. Raises ``ArtifactError`` as
    :func:`access_review.review.review` does.
    """
    wanted = {finding for change in changes for finding in change.because}
    touched = [row["account"] for row in engine.rows(_TOUCHED)]
    engine.create("touched", _TOUCHED)
    held = _expected_held(engine)
    settings = workspace.policy.engine
    with EmbeddedEngine(snapshot.as_of, settings.memory, settings.threads) as fresh:
        again = _find_again(fresh, replace(snapshot, tables=after), workspace, report, wanted)
        fresh.register("touched", pa.table({"account": pa.array(touched, pa.string())}))
        still_held = _expected_held(fresh)
    disabled = {row["account"] for row in engine.rows("SELECT DISTINCT account FROM disabled_after")}
    outlasting = {f for f, row in again.still.items() if row["remedy"] == "disable" and row["subject"] in disabled}
    wrong = _in_words(again.appearing | {f: row for f, row in again.still.items() if f not in outlasting})
    excused = {(row["account"], row["entitlement"]) for row in engine.rows("SELECT account, entitlement FROM excused")}
    failures = _blame(changes, wrong, held - still_held - excused)
    if failures:
        return Failure(failures)
    return Proof(
        findings_before=again.before,
        findings_after=again.after,
        ended=len(wanted - again.still.keys()),
        ended_besides=again.ended_besides,
        outlasting=len(outlasting),
        appeared=0,
        expected_lost=0,
        accounts_touched=len(touched),
        sources=tuple(
            sorted({name.split(":", 1)[0] for change in changes for name in change.target.key if ":" in name})
        ),
    )


def prove_undo(
    taken: Snapshot,
    after: Mapping[str, pa.Table],
    workspace: Workspace,
    report: Report,
    known: Collection[str],
    changes: Sequence[Change],
) -> Proof | Failure:
    """Review the newest snapshot as it is ``after`` an undo: what appears again must have been ``known`` before the batch.

    ``report`` is the review of the snapshot as it is. What appears besides would be wrong by now, and the changes
    behind it fail. Raises ``PlanRefused`` as :func:`prove` does. Raises ``ArtifactError`` as
    :func:`access_review.review.review` does.
    """
    settings = workspace.policy.engine
    with EmbeddedEngine(taken.as_of, settings.memory, settings.threads) as engine:
        again = _find_again(engine, replace(taken, tables=after), workspace, report, ())
    if failures := _blame(changes, _in_words({f: row for f, row in again.appearing.items() if f not in known}), set()):
        return Failure(failures)
    return Proof(
        findings_before=again.before,
        findings_after=again.after,
        ended=0,
        ended_besides=again.ended_besides,
        outlasting=0,
        appeared=len(again.appearing),
        expected_lost=0,
        accounts_touched=len({change.target.account.id for change in changes if change.target.account}),
        sources=tuple(sorted({change.target.source for change in changes})),
    )


@dataclass(frozen=True, slots=True)
class _FoundAgain:
    """What a second review found beside the first: how many are open, which appear, and of those wanted gone which stay."""

    before: int
    after: int
    ended_besides: int
    appearing: dict[str, Row]
    still: dict[str, Row]


def _find_again(
    engine: EmbeddedEngine, taken: Snapshot, workspace: Workspace, report: Report, wanted: Collection[str]
) -> _FoundAgain:
    """Review in an engine of its own what is left, and compare what is open with an earlier ``report``."""
    # There may be millions of findings, nearly all of them in both reviews: only those that differ leave the engine.
    find(taken, workspace, engine, digested=False, only=_COMPARED, aside=True)
    register(engine, "findings_before", report.found)
    engine.view("open_before", _OPEN.format("finding", "findings_before"))
    engine.view("open_now", _OPEN.format(", ".join(_COMPARED), "findings"))
    (counts,) = engine.rows(_COUNTS, wanted=sorted(wanted))
    appearing = {row["finding"]: row for row in engine.rows(_APPEARING)}
    still = {row["finding"]: row for row in engine.rows(_STILL, wanted=sorted(wanted))} if wanted else {}
    return _FoundAgain(**counts, appearing=appearing, still=still)


def _in_words(found: Mapping[str, Row]) -> dict[str, Row]:
    """Return findings with what each says: of those that a proof fails by, for it says so."""
    sentences = every_sentence() if found else Sentences({})
    return {finding: {**row, "reason": sentences.reason(row)} for finding, row in found.items()}


def _expected_held(engine: Engine) -> set[tuple[str, str]]:
    """Return what the touched accounts reach and are expected to have."""
    return {(row["account"], row["entitlement"]) for row in engine.rows(_EXPECTED_HELD)}


def _blame(changes: Sequence[Change], wrong: Mapping[str, Row], lost: set[tuple[str, str]]) -> dict[str, Withheld]:
    """Say which changes fail the proof: those that ask for the finding, or that touch what it is about."""
    blamed: dict[str, Withheld] = {}
    for finding, row in sorted(wrong.items()):
        touching = [change.id for change in changes if finding in change.because] or [
            change.id for change in changes if _names(change) & {row["subject"], row["about"], row["person"]} - {None}
        ]
        _add(blamed, touching, withheld(WithheldCode.PROOF_FINDS, rule=row["rule"], detail=row["reason"]))
    for account, entitlement in sorted(lost):
        touching = [change.id for change in changes if account in _names(change)] or [
            change.id for change in changes if change.target.child
        ]
        _add(blamed, touching, withheld(WithheldCode.PROOF_LOSES, account=account, name=entitlement))
    return blamed


def _add(blamed: dict[str, Withheld], changes: Sequence[str], why: Withheld) -> None:
    if not changes:
        raise PlanRefused(
            why.reason, hint="narrow the plan with --rule, --person or --client, and report this: it is a bug"
        )
    for change in changes:
        blamed.setdefault(change, why)


def _names(change: Change) -> set[str]:
    return {name for name in (*change.target.key[:3], change.target.person or "") if name}


_COMPARED = ("finding", "rule", "subject", "about", "person", "code", "facts", "checked", "remedy", "status")

_OPEN = "SELECT {} FROM {} WHERE status IN ('new', 'open', 'waived')"

_COUNTS = """
    SELECT (SELECT count(*) FROM open_before) AS before, (SELECT count(*) FROM open_now) AS after,
           (SELECT count(*) FROM open_before AS b
            WHERE NOT EXISTS (SELECT 1 FROM open_now AS o WHERE o.finding = b.finding)
              AND NOT coalesce(b.finding IN :wanted, FALSE)) AS ended_besides
"""

_APPEARING = """
    SELECT * FROM open_now AS o WHERE NOT EXISTS (SELECT 1 FROM open_before AS b WHERE b.finding = o.finding)
"""

_STILL = "SELECT * FROM open_now WHERE finding IN :wanted"

_TOUCHED = """
    SELECT account FROM taken_grants
    UNION SELECT account FROM lost
    UNION SELECT account FROM disabled_after
    ORDER BY account
"""

_EXPECTED_HELD = """
    SELECT DISTINCT g.account, c.reached AS entitlement
    FROM grants AS g JOIN touched ON touched.account = g.account
    JOIN closure AS c ON c.entitlement = g.entitlement
    JOIN accounts AS a ON a.account = g.account
    JOIN person_role_sets AS r ON r.person = a.person
    JOIN allowed ON allowed.role_set = r.role_set AND allowed.entitlement = c.reached
    WHERE NOT EXISTS (
        SELECT 1 FROM forbidden AS f WHERE f.role_set = r.role_set AND f.entitlement = c.reached)
"""
