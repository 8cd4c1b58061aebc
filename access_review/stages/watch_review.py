"""Review what `watch` knows: what changed since the look before alone, and everything where that cannot be.

The facts of the look before are kept in a database, which is a copy and no more: what is open is in the state of `watch`.
Where the two are not of one look (the process ended in between, the disk was full), where the database cannot be used, or
where a whole review finds something else by way of check, it is thrown away, and everything is reviewed and kept anew.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from access_review.engine import open_engine
from access_review.engine.kept import KeptDatabase
from access_review.findings.buckets import root_of
from access_review.findings.compare import Compared, compare, current, with_opened
from access_review.findings.format_1 import of_today
from access_review.findings.reviewed_change import RowsChanged, WholeNeeded, WholeReason
from access_review.review import Previous, Report, find
from access_review.row_order import differing
from access_review.snapshot import Snapshot, Stored, stored
from access_review.snapshot.watched import WatchState
from access_review.stages import watch_leavers
from access_review.stages.kept_facts import KeptState, forget, hold_open, keep, read_state
from access_review.stages.review_change import review_change
from access_review.store import watching
from access_review.tables import TABLES
from access_review.workspace import Workspace

LEAST = 20_000
"""Of fewer rows facts are not kept: to review everything takes no longer than to look for what a change touches."""
_FEW = 1_000
"""So many rows that are others are looked for one by one between two looks; more are found by comparing whole tables."""
_UNUSABLE = (OSError, ValueError, TypeError, KeyError, AttributeError)
"""What comes of a database that cannot be read, or in which somebody wrote what is never kept: values and columns of any kind."""
ALONE = "alone"
"""Under this name reviews of what changed alone are counted; others by why they were whole."""


@dataclass(frozen=True, slots=True)
class LookToReview:
    """What is known at one look: ``past`` is of the last whole run, ``known`` names it, ``unread`` are sources as last seen.

    With ``check`` a review of what changed alone is held to a whole one.
    """

    workspace: Workspace
    snapshot: Snapshot
    past: Previous = field(repr=False)
    known: str
    at: datetime
    unread: frozenset[str] = frozenset()
    check: bool = False


@dataclass(frozen=True, slots=True)
class LookReviewed:
    """What came of it: the state after it, and what opened and closed.

    ``whole`` is why everything was reviewed, empty where it was not; ``wrong`` tells that what was kept was not the same.
    """

    state: WatchState
    compared: Compared
    whole: str = ""
    wrong: bool = False
    digest: str = field(repr=False, default="")


class WatchedReview:
    """Reviews look after look; facts are kept of companies with at least so many rows."""

    def __init__(self, folder: Path, least: int = LEAST) -> None:
        self.folder, self.least = folder, least
        self.file = watching.folder_of(folder) / watching.KEPT
        self._last: Stored | None = None
        self._held = ExitStack()

    def close(self) -> None:
        """Close what is kept, once people have been told: it is on disk already, and the next look finds whether it can be used."""
        with suppress(OSError):
            self._held.close()

    def review(self, look: LookToReview, state: WatchState) -> LookReviewed:
        """Review what is known now, and compare it with what was open; raises as :func:`access_review.review.find` does."""
        self.close()
        done = self._reviewed(look, state)
        self._last = stored(look.snapshot.tables)
        return done

    def _reviewed(self, look: LookToReview, state: WatchState) -> LookReviewed:
        reason: str
        alone, reason, why = None, WholeReason.SMALL, "there are few rows"
        tables = stored(look.snapshot.tables)
        if sum(map(tables.rows, tables)) >= self.least:
            try:
                alone = self._alone(look, state)
            except WholeNeeded as needed:
                reason, why = needed.reason, str(needed)
            except _UNUSABLE as error:
                said = (error.strerror if isinstance(error, OSError) else None) or error
                reason, why = WholeReason.KEPT, f"what was kept cannot be used: {said}"
        if alone and not look.check:
            return _counted(alone, ALONE)
        self.close()
        self._last = None
        known, report = self._everything(look, state)
        if alone and self._is_same(look, report, alone.digest):
            return _counted(replace(alone, state=replace(alone.state, proven_at=look.at)), ALONE)
        if alone:
            reason, why = WholeReason.DIFFERS, "a whole review found something else"
        done = self._whole(look, state, known, report, small=reason == WholeReason.SMALL)
        return _counted(replace(done, whole=why, wrong=alone is not None), str(reason))

    # What changed alone

    def _alone(self, look: LookToReview, state: WatchState) -> LookReviewed:
        if not state.kept or not self.file.exists():
            raise WholeNeeded(WholeReason.KEPT, "nothing is kept of the look before")
        settings = look.workspace.policy.engine
        with ExitStack() as held:
            kept = held.enter_context(KeptDatabase(self.file, look.at, settings.memory, settings.threads))
            with kept.at_once():
                before = read_state(kept)
                if _name(before.as_of, before.digest) != state.kept:
                    raise WholeNeeded(WholeReason.KEPT, "what is kept is not of the look before")
                if before.note["known"] != look.known:
                    raise WholeNeeded(WholeReason.PAST, "a run or an audit has come in between")
                if before.note["unread"] != _note(look)["unread"]:
                    raise WholeNeeded(WholeReason.SOURCES, "other sources can be read than before")
                changes = self._changes(kept, before, look.snapshot)
                found = review_change(kept, look.workspace, look.at, changes, note=_note(look))
                ids = frozenset(found.findings["finding"].to_pylist()) | frozenset(found.gone)
                heard = frozenset(kept.find("heard", "finding", sorted(ids), ["finding"])["finding"].to_pylist())
                # What was carried over is no finding that is kept; one that is again was open all the time.
                was = found.before.filter(_among(found.before, heard))
                carried = found.findings.filter(_among(found.findings, heard - frozenset(was["finding"].to_pylist())))
                was = pa.concat_tables([was.cast(found.findings.schema), carried])
                compared = compare(was, found.findings, found.evaluations, look.unread)
                hold_open(kept, ids, compared.open)
            self._held = held.pop_all()
        state = replace(state, kept=_name(look.at, found.digest))
        state = watching.keep_changed(self.folder, state, ids, compared.open)
        state = replace(state, open=state.open + len(compared.opened) - len(compared.closed))
        return LookReviewed(
            watch_leavers.leavers_of(state, _of_leavers(compared.open), ids), compared, digest=found.digest
        )

    def _changes(self, kept: KeptDatabase, before: KeptState, snapshot: Snapshot) -> dict[str, RowsChanged]:
        """Compare the tables that are others now with those that are kept, which the last look may have left in memory."""
        digests, tables = json.loads(before.note["tables"]), stored(snapshot.tables)
        last, self._last = self._last, None  # a large company is not held twice while it is reviewed
        changes = {}
        for name in TABLES:
            if tables.digest(name) != digests.get(name):
                found, key = None, TABLES[name].key
                if last and last.digest(name) == digests.get(name):
                    found = differing(last[name], tables[name], key, _FEW)
                there = "base_accounts" if name == "accounts" else name
                changes[name] = RowsChanged(*(found or kept.differing(there, key, tables[name])))
        return changes

    # Everything

    def _everything(self, look: LookToReview, state: WatchState) -> tuple[Previous, Report]:
        found_before = of_today(Stored({"findings": look.past.findings})["findings"])
        known = replace(look.past, findings=with_opened(found_before, self._open(look, state)))
        with open_engine(look.at, look.workspace.policy.engine) as engine:
            return known, find(look.snapshot, look.workspace, engine, known, digested=False)

    def _is_same(self, look: LookToReview, report: Report, digest: str) -> bool:
        with open_engine(look.at, look.workspace.policy.engine) as engine:
            engine.register("found", report.found)
            return root_of(engine, "found") == digest

    def _whole(
        self, look: LookToReview, state: WatchState, known: Previous, report: Report, *, small: bool
    ) -> LookReviewed:
        compared = compare(self._open(look, state), report.findings, report.evaluations, look.unread)
        file = watching.keep_findings(self.folder, compared.open)
        state = replace(state, findings=file, changed="", open=len(compared.open), kept="", proven_at=look.at)
        state = watch_leavers.leavers_of(state, _of_leavers(compared.open))
        with suppress(OSError):  # without room for it the next look is whole, too
            if small:
                forget(self.file)
            else:
                state = replace(state, kept=self._keep(look, known, report, compared))
        return LookReviewed(state, compared)

    def _keep(self, look: LookToReview, known: Previous, report: Report, compared: Compared) -> str:
        base = of_today(Stored({"findings": look.past.findings})["findings"])
        findings = with_opened(base, compared.open)
        ids = findings["finding"].combine_chunks()
        since = pa.table({"finding": ids.filter(pc.invert(pc.is_in(ids, base["finding"].combine_chunks())))})
        digest = keep(
            self.file,
            look.snapshot,
            look.workspace,
            replace(known, findings=findings),
            report.found,
            beside={"heard": compared.open.select(["finding"]), "opened_since": since},
            note=_note(look),
        )
        return _name(look.at, digest)

    def _open(self, look: LookToReview, state: WatchState) -> pa.Table:
        if state.findings:
            return watching.open_now(self.folder, state)
        return current(of_today(Stored({"findings": look.past.findings})["findings"]))


def _counted(done: LookReviewed, name: str) -> LookReviewed:
    counts = done.state.reviews
    return replace(done, state=replace(done.state, reviews={**counts, name: counts.get(name, 0) + 1}))


def _name(at: datetime, digest: str) -> str:
    """Return what a state and what is kept must both say to be of one look."""
    return f"{at.isoformat()} {digest}"


def _note(look: LookToReview) -> Mapping[str, str]:
    tables = stored(look.snapshot.tables)
    digests = {name: tables.digest(name) for name in TABLES}
    return {"known": look.known, "unread": json.dumps(sorted(look.unread)), "tables": json.dumps(digests)}


def _of_leavers(found: pa.Table) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = found.select(["finding", "rule", "person"]).to_pylist()
    return rows


def _among(found: pa.Table, ids: Collection[str]) -> pa.ChunkedArray:
    return pc.is_in(found["finding"], pa.array(sorted(ids), pa.string()))
