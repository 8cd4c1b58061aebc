"""A plan proves itself: what it touches is reviewed again with the plan applied.

The excess it is for must be gone, nothing expected lost, and nothing new be wrong.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from access_review.changes import Change
from access_review.engine import Engine, ParquetFile
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import PlanRefused
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
    before = _open(report.findings)
    wanted = {finding for change in changes for finding in change.because}
    touched = [row["account"] for row in engine.rows(_TOUCHED)]
    engine.create("touched", _TOUCHED)
    held = _expected_held(engine)
    settings = workspace.policy.engine
    with EmbeddedEngine(snapshot.as_of, settings.memory, settings.threads) as fresh:
        again = find(replace(snapshot, tables=after), workspace, fresh, digested=False, only=_COMPARED)
        fresh.register("touched", pa.table({"account": pa.array(touched, pa.string())}))
        still_held = _expected_held(fresh)
    found = _open(again.found)
    disabled = {row["account"] for row in engine.rows("SELECT DISTINCT account FROM disabled_after")}
    still = _rows(found, _is_in(found, wanted))
    outlasting = {f for f, row in still.items() if row["remedy"] == "disable" and row["subject"] in disabled}
    wrong = _in_words(_appearing(found, before) | {f: row for f, row in still.items() if f not in outlasting})
    excused = {(row["account"], row["entitlement"]) for row in engine.rows("SELECT account, entitlement FROM excused")}
    failures = _blame(changes, wrong, held - still_held - excused)
    if failures:
        return Failure(failures)
    return Proof(
        findings_before=len(before),
        findings_after=len(found),
        ended=len(wanted - still.keys()),
        ended_besides=_count(pc.invert(pc.or_(_is_in(before, found["finding"]), _is_in(before, wanted)))),
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
    before = _open(report.findings)
    settings = workspace.policy.engine
    with EmbeddedEngine(taken.as_of, settings.memory, settings.threads) as engine:
        again = find(replace(taken, tables=after), workspace, engine, digested=False, only=_COMPARED)
    found = _open(again.found)
    appearing = _appearing(found, before)
    if failures := _blame(changes, _in_words({f: row for f, row in appearing.items() if f not in known}), set()):
        return Failure(failures)
    return Proof(
        findings_before=len(before),
        findings_after=len(found),
        ended=0,
        ended_besides=_count(pc.invert(_is_in(before, found["finding"]))),
        outlasting=0,
        appeared=len(appearing),
        expected_lost=0,
        accounts_touched=len({change.target.account.id for change in changes if change.target.account}),
        sources=tuple(sorted({change.target.source for change in changes})),
    )


_COMPARED = ("finding", "rule", "subject", "about", "person", "code", "facts", "checked", "remedy", "status")


# There may be millions of findings, nearly all of them in both reviews: only those that differ become Python objects, and
# where all are open none is copied.
def _open(findings: pa.Table | ParquetFile) -> pa.Table:
    found = (findings.read() if isinstance(findings, ParquetFile) else findings).select(_COMPARED)
    are_open = pc.is_in(found["status"], pa.array(["new", "open", "waived"]))
    return found if pc.all(are_open).as_py() else found.filter(are_open)


def _is_in(findings: pa.Table, among: Collection[str] | pa.ChunkedArray) -> pa.ChunkedArray:
    known = among if isinstance(among, pa.ChunkedArray) else pa.array(sorted(among), pa.string())
    return pc.is_in(findings["finding"], known)


def _rows(findings: pa.Table, where: pa.ChunkedArray) -> dict[str, Row]:
    return {row["finding"]: row for row in findings.filter(where).to_pylist()}


def _appearing(found: pa.Table, before: pa.Table) -> dict[str, Row]:
    return _rows(found, pc.invert(_is_in(found, before["finding"])))


def _count(where: pa.ChunkedArray) -> int:
    return pc.sum(where).as_py() or 0


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
