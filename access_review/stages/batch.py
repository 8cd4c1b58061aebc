"""The stages of a batch as they run on disk: who may, what is asked again, where it is written down."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from access_review import runs, snapshot
from access_review import workspace as workspaces
from access_review.changes import Change, Executor, Witness, Writable
from access_review.connectors import Connector
from access_review.errors import ArtifactError, PlanRefused
from access_review.plan.after_undo import tables_after_undo
from access_review.plan.proof import Failure, Proof, prove_undo
from access_review.plan.record import Plan, read, refuse_early, refuse_stale
from access_review.revoke import apply, approve, recheck, signatures, verify, work_orders
from access_review.revoke import states as protocol
from access_review.revoke import undo as undoing
from access_review.revoke.apply import Clock
from access_review.revoke.journal import Journal, single_writer
from access_review.revoke.states import CHANGED, State
from access_review.runs import Run
from access_review.stages.audit import facts_of, read_report
from access_review.stages.journals import journals
from access_review.stages.plan import PLAN, may_be_written, unchanged, write_files
from access_review.workspace import Workspace

UNDO = "undo"
STANDING_APPROVALS = "roles/approvals"
FOLLOWED = timedelta(days=7)
"""How long an unattended run is looked at again, and an order that it gave is not given twice."""

_DAY = timedelta(hours=24)
_LOCK = "runs/.apply.lock"


@dataclass(frozen=True, slots=True)
class Held:
    """A plan on disk: its folder, and what it says."""

    run: Run
    folder: Path
    plan: Plan

    @property
    def journal(self) -> Path:
        """Where its journal is."""
        return self.folder / "journal.sqlite"


def held(run: Run, name: str) -> Held:
    """Read the plan of a run; raises ``ArtifactError`` when there is none, ``PlanRefused`` for an altered one."""
    folder = run.folder / name
    try:
        return Held(run, folder, read((folder / "plan.json").read_bytes()))
    except FileNotFoundError:
        made = name if name in {PLAN, UNDO} else f"plan --name {name}"
        raise ArtifactError(f"{run.id} has no {name}", hint=f"access-review {made}") from None


def people_of(run: Run) -> approve.Signatories:
    """Return who is who by the roster of a run, their certain accounts included."""
    taken = snapshot.load(run)
    return approve.Signatories.of(taken.tables["people"].to_pylist(), ())


def sign(
    one: Held,
    workspace: Workspace,
    kind: approve.StatementKind,
    *,
    key: Path,
    password: bytes | None,
    by: str,
    now: datetime,
    reason: str,
) -> Path:
    """Sign a plan's request or approval, and check that it counts; raises ``PlanRefused``."""
    people = people_of(one.run)
    refuse_stale(one.plan, now=now, workspace_digest=workspace.digest)
    said = approve.Statement(kind, one.plan.digest, people.person(by), now, reason)
    requester = people.person(one.plan.requested_by)
    if kind is approve.StatementKind.REQUEST and said.person != requester:
        raise PlanRefused(f"the plan is asked for by {one.plan.requested_by}, not by {by}")
    if kind is approve.StatementKind.APPROVAL and (why := approve.conflict(one.plan, said.person, requester)):
        raise PlanRefused(f"not independent: {why}", hint="ask somebody else")
    return _signed(said, workspace, people, key, password, one.folder / "approvals")


def sign_standing(
    run: Run, workspace: Workspace, *, key: Path, password: bytes | None, by: str, now: datetime, reason: str
) -> tuple[str, Path]:
    """Sign the standing approval of the policy as it is now; return its digest and the file; raises ``PlanRefused``."""
    people, standing = people_of(run), workspace.policy.standing
    if standing is None:
        raise PlanRefused("there is no standing approval", hint="declare `standing` in roles/policy.yaml")
    digest = approve.standing_digest(standing)
    said = approve.Statement(approve.StatementKind.STANDING, digest, people.person(by), now, reason)
    return digest, _signed(said, workspace, people, key, password, workspace.folder / STANDING_APPROVALS)


def _signed(
    said: approve.Statement,
    workspace: Workspace,
    people: approve.Signatories,
    key: Path,
    password: bytes | None,
    folder: Path,
) -> Path:
    """Sign a statement and write it where it is looked for; raises ``PlanRefused`` when it would not count."""
    signer = signatures.private_key(key, password)
    data = signatures.sign(said.payload(), signer)
    _, who = approve.statement(data, workspace.approvers, people)
    if ("request" if said.kind is approve.StatementKind.REQUEST else "approve") not in who.may:
        raise PlanRefused(f"{said.person} may not do this by roles/approvers.yaml", hint="ask somebody who may")
    name = signatures.fingerprint(_line(signer)).removeprefix("SHA256:").replace("/", "_").replace("+", "-")[:16]
    path = folder / f"{said.kind}-{name}.json"
    runs.write(path, data)
    return path


def _line(signer: object) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = bytes.fromhex(signer.public_key.keyval["public"])  # type: ignore[attr-defined]
    return Ed25519PublicKey.from_public_bytes(raw).public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def envelopes(folder: Path) -> list[bytes]:
    """Return the signed statements of a folder."""
    return [path.read_bytes() for path in sorted(folder.glob("*.json"))]


@contextmanager
def executors_of(workspace: Workspace, changes: Sequence[Change], now: datetime) -> Iterator[dict[str, Executor]]:
    """Open what can write to each system a plan touches; what cannot be written is ordered from people."""
    with ExitStack() as stack:
        yield {
            name: work_orders.Written(made.covers, stack.enter_context(made.writing()), ordered)
            if isinstance(made, Writable)
            else ordered
            for name, made, ordered in _touched(workspace, changes, now)
        }


@contextmanager
def witnesses_of(workspace: Workspace, changes: Sequence[Change], now: datetime) -> Iterator[dict[str, Witness]]:
    """Open what can look at each system a plan touches, without any right to write."""
    with ExitStack() as stack:
        yield {
            name: work_orders.Looked(made.covers, stack.enter_context(made.verifying()), ordered)
            if isinstance(made, Writable)
            else ordered
            for name, made, ordered in _touched(workspace, changes, now)
        }


def _touched(
    workspace: Workspace, changes: Sequence[Change], now: datetime
) -> Iterator[tuple[str, Connector, work_orders.WorkOrders]]:
    """Yield the sources that changes are made in: as they are connected, and as a person is asked to change them."""
    wanted = {one.target.source for one in changes}
    for entry in workspace.sources:
        if entry.name in wanted:
            alone = replace(workspace, sources=(entry,))
            read = partial(snapshot.collect, alone, now)
            yield entry.name, workspace.connected(entry), work_orders.WorkOrders(entry.name, read)


def apply_run(
    one: Held,
    workspace: Workspace,
    clock: Clock,
    *,
    by: str,
    only: Sequence[str] = (),
    until: datetime | None = None,
    go_on: bool = False,
    standing: bool = False,
    told: apply.Told = lambda _: None,
) -> apply.Applied:
    """Carry out an approved plan under the lock of the workspace; raises ``PlanRefused`` before anything is called.

    With ``standing``, two people stand behind it by the standing approval, and it makes no
    more changes than that leaves for today.
    """
    plan, now = one.plan, clock.now()
    with single_writer(workspace.folder / _LOCK), Journal(one.journal, plan.digest) as journal:
        began = bool(journal.changes)
        refuse_early(plan, now=now)
        if not began:
            refuse_stale(plan, now=now, workspace_digest=workspace.digest)
        people, most = people_of(one.run), None
        if standing:
            most = _may_stand(one, workspace, people, now)
        else:
            approve.require(plan, envelopes(one.folder / "approvals"), workspace.approvers, people, now=now, by=by)
        judge = _judge(one, workspace)
        if standing:
            judge = _not_ordered_twice(judge, workspace, now)
        with executors_of(workspace, plan.changes, now) as executors:
            batch = apply.Batch(
                plan,
                journal,
                executors,
                judge,
                clock,
                workspace.policy.apply,
                by,
                until,
                go_on,
                random.random,
                told,
                most,
            )
            done = apply.apply(batch, only=only)
        _write_orders(one, done.states)
    return done


def _may_stand(one: Held, workspace: Workspace, people: approve.Signatories, now: datetime) -> int:
    """Return how many changes the standing approval leaves for today; raises ``PlanRefused`` where there is none."""
    standing = workspace.policy.standing
    signed = envelopes(workspace.folder / STANDING_APPROVALS)
    approve.require_standing(standing, signed, workspace.approvers, people, now=now, plan=one.plan)
    made = sum(
        approve.covered(change) and row.state is State.CALLING and row.at > now - _DAY
        for change, row in _journalled(workspace)
    )
    return max(0, standing.daily - made) if standing else 0


def _not_ordered_twice(judge: apply.Judge, workspace: Workspace, now: datetime) -> apply.Judge:
    """Leave alone what a person has been asked to do and has not done yet: an unattended run comes again soon."""
    ordered: dict[str, datetime] = {}
    for change, row in _journalled(workspace):
        ordered.pop(change.id, None)
        if row.state is State.ORDERED and now - row.at < FOLLOWED:
            ordered[change.id] = row.at

    def judged(change: Change, now: datetime) -> protocol.Recheck:
        if at := ordered.get(change.id):
            return protocol.Recheck(skipped=f"it was ordered at {at:%Y-%m-%d %H:%M} UTC, and is waited for")
        return judge(change, now)

    return judged


def _journalled(workspace: Workspace) -> Iterator[tuple[Change, protocol.Transition]]:
    """Yield every row about a change from the journals of a workspace, with the change."""
    for plan, journal in journals(workspace.folder):
        by_id = {change.id: change for change in plan.changes}
        yield from ((by_id[row.change], row) for row in journal.changes)


def _judge(one: Held, workspace: Workspace) -> apply.Judge:
    """Judge by facts that are read anew every few minutes; a workspace edited meanwhile stops everything."""
    taken = snapshot.load(one.run)
    kept: list[recheck.Facts] = []

    def judged(change: Change, now: datetime) -> protocol.Recheck:
        if not kept or now - kept[0].at >= workspace.policy.apply.facts_valid:
            current = workspaces.load(workspace.folder)
            refuse_stale(one.plan, now=now, workspace_digest=current.digest)
            fresh = recheck.with_rosters(taken, workspace, now)
            kept[:] = [recheck.judge(one.plan, fresh, workspace, _others(one, workspace), now)]
        return kept[0].of(change)

    return judged


def _others(one: Held, workspace: Workspace) -> list[Change]:
    """Return what other batches have changed, or may have, since the snapshot of this plan."""
    found = []
    for plan, journal in journals(workspace.folder, besides=one.journal):
        for change in plan.changes:
            standing = journal.standing(change.id)
            since = standing.intended_at is not None and standing.intended_at >= one.plan.as_of
            if since and standing.state in CHANGED and not change.action.restores:
                found.append(change)
    return found


def _write_orders(one: Held, states: Mapping[str, State]) -> None:
    ordered = [change for change in one.plan.changes if states.get(change.id) is State.ORDERED]
    if ordered:
        runs.write(one.folder / "orders.csv", work_orders.as_csv(ordered))
        runs.write(one.folder / "orders.json", work_orders.as_json(ordered, run=one.run.id))
        runs.write(one.folder / "orders.txt", work_orders.as_text(ordered, run=one.run.id).encode())


def verify_run(
    one: Held, workspace: Workspace, *, now: datetime, confirmed: Sequence[str] = (), by: str = ""
) -> tuple[verify.Verified, ...]:
    """Read again what a batch changed, and note in its journal what is proven."""
    with single_writer(workspace.folder / _LOCK), Journal(one.journal, one.plan.digest) as journal:
        for change in confirmed:
            verify.confirm(journal, change, by=by, now=now, reason="by hand")
        with witnesses_of(workspace, one.plan.changes, now) as witnesses:
            policy = workspace.policy
            return verify.verify(
                one.plan.changes, journal, witnesses, now=now, pace=policy.apply, targets=policy.targets
            )


def remaining_of(one: Held, workspace: Workspace) -> tuple[verify.Remaining, ...] | None:
    """Return what is still held by other paths, null while no run is newer than the batch."""
    later = [run for run in runs.all_runs(workspace.folder) if run.reviewed]
    with Journal(one.journal, one.plan.digest) as journal:
        last = max((row.called_at for row in journal.changes if row.called_at), default=None)
        gone = [c for c in one.plan.changes if journal.standing(c.id).state in {State.PENDING, State.REVOKED}]
    if last is None or not later or later[-1].as_of < last.replace(microsecond=0):
        return None
    with facts_of(workspace, later[-1]) as (engine, _, _):
        return verify.remaining(engine, gone)


def undo_run(
    one: Held, newest: Run, workspace: Workspace, *, requested_by: str, now: datetime
) -> tuple[Plan, tuple[Path, ...]]:
    """Plan to give back what a batch took, beside the newest run; raises ``PlanRefused``."""
    may_be_written(newest, UNDO)
    unchanged(newest, workspace)
    taken, before, report = snapshot.load(newest), snapshot.load(one.run), read_report(newest)
    known = frozenset(read_report(one.run).findings["finding"].to_pylist())

    def prove(changes: Sequence[Change]) -> Proof | Failure:
        after = tables_after_undo(taken.tables, before.tables, changes)
        return prove_undo(taken, after, workspace, report, known, changes)

    with Journal(one.journal, one.plan.digest) as journal:
        made = undoing.undo(
            one.plan,
            journal.standings,
            taken,
            workspace,
            run=newest.id,
            requested_by=requested_by,
            now=now,
            prove=prove,
        )
    reasons = {change.id: f"taken by {one.plan.digest}" for change in one.plan.changes}
    return made, write_files(workspace, newest.folder / UNDO, made, reasons)
