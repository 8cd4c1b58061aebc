"""Watch: look at every source again and again, and tell what opened, closed, or cannot be seen.

::

    look at sources ─► what changed is read ─► assembled with what was kept of the others
        ─► reviewed, as far as it is touched ─► compared with what was open ─► state, logbook, alarms

What is kept is one state and the tables that it names, written before anybody is told: after
a crash the next look goes on from there, and tells what was not told. Whole runs are made by
other commands; the review here rests on the last one, as the next whole run's would.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from access_review import workspace as workspaces
from access_review.audit.reviewers import people_of
from access_review.changes import Mark
from access_review.connectors.file_marks import mark_files
from access_review.connectors.own_removals import LastRead
from access_review.errors import WorkspaceError
from access_review.findings.sentences import every_sentence
from access_review.logbook import entries
from access_review.logbook.lines import LogEvent
from access_review.model import Clock, Severity
from access_review.snapshot import Snapshot, assemble
from access_review.snapshot.watched import (
    Parts,
    PendingAlarm,
    WatchedSource,
    WatchState,
    as_last_seen,
    is_due,
    unread,
)
from access_review.stages import watch_alarms, watch_leavers
from access_review.stages.watch_base import WatchBase, last_run
from access_review.stages.watch_review import LEAST, LookToReview, WatchedReview
from access_review.stages.watch_sources import SourceLook, SourceLooks
from access_review.store import last_reads, logged, watching
from access_review.views import alarms
from access_review.views.observed import Observation, details

_NOTED = timedelta(hours=1)
"""How often the logbook gets a line where nothing happened: that, too, can be shown later."""
_SAVED = timedelta(seconds=30)
_TRIED = timedelta(minutes=1)
"""How long after it did not arrive an alarm is sent again."""
_DOUBTED = timedelta(minutes=1)
"""How long at most until a read that was not believed is made again."""
_WORKSPACE = "workspace"
_REVIEW = "(review)"
"""Stands among the sources for what is kept of the last review: it is held to a whole one in its turn."""
_TOLERATED = timedelta(minutes=5)


class Watch:
    """Watches one workspace; :meth:`look` is one round, and may be called after any error: it goes on from what is on disk.

    ``least`` is how many rows there are at least for facts to be kept from look to look.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        environment: Mapping[str, str],
        *,
        key: Path | None = None,
        least: int = LEAST,
    ) -> None:
        self.folder, self.clock, self.environment, self.key = folder, clock, environment, key
        self._reviews = WatchedReview(folder, least)
        self.workspace = workspaces.load(folder)
        self._declared = self._mark(Mark())
        self.state = watching.read(folder)
        self._base: WatchBase | None = None
        self._looks: SourceLooks | None = None
        self._saved_at: datetime | None = None
        self._tried: dict[str, datetime] = {}
        self.snapshot: Snapshot | None = None

    def begin(self) -> str:
        """Return the run that is gone on from; raises ``ArtifactError`` without one."""
        return self._newest().run.id

    def look(self, *, everything: bool = False) -> Observation:
        """Look once; ``everything`` reads every source and reviews, whatever changed.

        Raises ``ArtifactError`` where what is kept is damaged or cannot be written, and without a reviewed run to go on
        from; ``RosterFault`` for rosters that cannot be used, when nothing is known that they could be left at;
        ``Unclear`` for what an earlier batch left.
        """
        try:
            return self._look(everything=everything)
        except BaseException:
            self.state, self._base = watching.read(self.folder), None
            raise
        finally:
            self._reviews.close()

    def _look(self, *, everything: bool) -> Observation:
        now = self.clock.now()
        told = list(self._declare())
        base = self._newest()
        moved = base.run.id != self.state.run or self.workspace.digest != self.state.workspace
        at = max(now.replace(microsecond=0), self.state.at or now.replace(microsecond=0))
        if self.state.at:
            told += self._once("clock", alarms.turned_back(self.state.at, now), holds=self.state.at - now > _TOLERATED)
        turn = self._in_turn()
        seen = self._sources(everything=everything, whole=turn)
        due = is_due(self.state.at, self.workspace.policy.watch.reread, at) if self.state.at else True
        changed = any(one.parts is not None for one in seen.values())
        sources = self._kept(seen)
        asked = everything or moved or changed or due or turn == _REVIEW or bool(self._back(sources))
        if asked:
            sources = self._assemble(sources, base, at)
        back = self._back(sources)
        sources, silent = self._silent(sources, now)
        told += silent
        told += [
            (f"lost {name} {at.isoformat()}", alarms.lost(name, one.lost)) for name, one in seen.items() if one.lost
        ]
        state = replace(self.state, sources=sources, run=base.run.id, workspace=self.workspace.digest)
        if turn == _REVIEW or turn in seen or not state.checked_at:
            state = replace(state, checked_at=now)
        seen_now = Observation(at, open=state.open, unread=_unread(sources), back=back)
        if asked:
            state, seen_now = self._review(state, base, at, seen_now, check=everything or turn == _REVIEW)
            told += self._alarm_findings(seen_now, base, at)
            if seen_now.wrong:
                told.append((f"kept {at.isoformat()}", alarms.kept_wrong()))
            if self.snapshot:
                state, back_again = watch_leavers.rescinded(state, self.snapshot, now)
                told += back_again
        read = tuple(name for name, one in seen.items() if one.parts is not None)
        concluded = self._conclude(state, replace(seen_now, read=read), told, now)
        return self._act(concluded, base)

    def _act(self, seen: Observation, base: WatchBase) -> Observation:
        """Do what is to be done about leavers, after people have heard of them; what came of it is told too."""
        self._reviews.close()
        job = watch_leavers.LeaverJob(self.workspace, self.clock, self.environment, self.key)
        state, told = watch_leavers.act(job, self.state, self.snapshot, base.run)
        if state == self.state:
            return seen
        self.state = replace(state, alarms=(*state.alarms, *(PendingAlarm(key, seen.at, *said) for key, said in told)))
        watching.write(self.folder, self.state)
        failed = self._tell(self.clock.now())
        return replace(seen, told=(*seen.told, *(said[0] for _, said in told)), failed=tuple({*seen.failed, *failed}))

    # What is watched

    def _declare(self) -> Sequence[tuple[str, tuple[str, str]]]:
        """Read the workspace anew where its files are others; one that cannot be used stays as it was, and is told once."""
        mark = self._mark(self._declared)
        if mark.content == self._declared.content:
            return ()
        try:
            self.workspace, self._looks = workspaces.load(self.folder), None
            self._faults([one for one in self.state.faults if not one.startswith(_WORKSPACE)])
        except WorkspaceError as error:
            return self._once(f"{_WORKSPACE} {error.message}", alarms.fault(error.message, error.hint), holds=True)
        self._declared = mark
        return ()

    def _mark(self, before: Mark) -> Mark:
        files = (*self.folder.glob("sources/*.y*ml"), *self.folder.glob("roles/**/*.y*ml"))
        return mark_files(files, before)

    def _newest(self) -> WatchBase:
        """Return the last whole run that is known and reviewed; where it is another, the sources are held against that."""
        before, self._base = self._base, last_run(self.workspace, self.clock.now(), self._base)
        if self._looks and (before is None or before.run != self._base.run):
            self._looks.last = self._last_reads()  # what is open stays so, and remembers
        return self._base

    def _last_reads(self) -> Mapping[str, LastRead]:
        return last_reads.of(logged.known_runs(self.folder), self.workspace.read_live(self.clock.now()))

    def _sources(self, *, everything: bool, whole: str | None) -> dict[str, SourceLook]:
        """Look at every source whose time has come; at one of them whole, where it is its turn."""
        if self._looks is None:
            self._looks = SourceLooks(self.workspace, self.clock, self._last_reads())
        seen = {}
        for entry in self._looks.entries(self.clock.now()):
            known = self.state.sources.get(entry.name, WatchedSource())
            found = self._looks.look(entry, known, everything=everything, whole=entry.name == whole)
            if found is not None:
                seen[entry.name] = found
        return seen

    def _in_turn(self) -> str | None:
        """Return what was not looked at whole for longest, once in a while: a source, or what is kept of the last review."""
        if not self.state.checked_at or not is_due(
            self.state.checked_at, self.workspace.policy.watch.whole, self.clock.now()
        ):
            return None
        last = {name: one.whole_at for name, one in self.state.sources.items() if one.parts and not one.since}
        if self.state.kept:
            last[_REVIEW] = self.state.proven_at
        never = datetime.min.replace(tzinfo=UTC)
        return min(last, key=lambda name: (last[name] or never, name), default=None)

    def _kept(self, seen: Mapping[str, SourceLook]) -> dict[str, WatchedSource]:
        """Write the tables that were read; return every source as it is known now. One that is declared no more is forgotten."""
        here = {entry.name for entry in self.workspace.sources}
        sources = {name: one for name, one in self.state.sources.items() if name in here}
        for name, one in seen.items():
            source = one.source
            if one.parts is not None:
                source = replace(source, parts=watching.keep_parts(self.folder, name, one.parts))
            sources[name] = source
        return sources

    def _silent(
        self, sources: dict[str, WatchedSource], now: datetime
    ) -> tuple[dict[str, WatchedSource], list[tuple[str, tuple[str, str]]]]:
        """Return what to tell about sources that have not shown themselves within their time, each once."""
        told = []
        for name, one in sources.items():
            last = one.looked_at or one.since
            if one.alarmed or last is None or now - last < self.workspace.policy.watch.silent:
                continue
            told.append((f"silent {name} {last.isoformat()}", alarms.silent(name, one.looked_at, one.reason, now)))
            sources[name] = replace(one, alarmed=True)
        return sources, told

    # What it means

    def _review(
        self, state: WatchState, base: WatchBase, at: datetime, seen: Observation, *, check: bool
    ) -> tuple[WatchState, Observation]:
        """Review what is known now, and compare it with what was open."""
        assert self.snapshot is not None  # noqa: S101 - assembled before
        first = not state.findings
        look = LookToReview(
            self.workspace, self.snapshot, base.previous, base.known, at, frozenset(seen.unread), check=check
        )
        done = self._reviews.review(look, state)
        state, compared = replace(done.state, at=at), done.compared
        if first and state.leavers:  # people have been told by the whole run; whoever signed for it has it done now
            state = replace(state, handled=tuple(sorted(state.leavers)), act_at=at)
        return state, replace(
            seen,
            reviewed=True,
            opened=compared.opened,
            closed=compared.closed,
            open=state.open,
            whole=done.whole,
            wrong=done.wrong,
        )

    def _back(self, sources: Mapping[str, WatchedSource]) -> tuple[str, ...]:
        """Return the sources that can be read again."""
        before = self.state.sources
        return tuple(name for name, one in sources.items() if not one.since and name in before and before[name].since)

    def _assemble(self, sources: dict[str, WatchedSource], base: WatchBase, at: datetime) -> dict[str, WatchedSource]:
        """Put together what is known; return the sources that this rests on.

        What cannot be put together with the others (a roster that half of the people are missing from) is not
        believed: it stays as last seen. Only rosters are held against the run before. Raises ``WorkspaceError`` where that does not help.
        """
        try:
            self.snapshot = self._put_together(sources, base, at)
        except WorkspaceError as error:
            known = self.state.sources
            fresh = [
                name
                for name, one in sources.items()
                if name in known and one.digest != known[name].digest and "people" in one.parts
            ]
            if not fresh:
                raise
            pause = timedelta(seconds=self.workspace.policy.watch.files)
            reason = error.message.split("\n", 1)[0]
            doubted = {name: known[name].failed(reason, self.clock.now(), pause, _DOUBTED) for name in fresh}
            sources = {**sources, **doubted}
            self.snapshot = self._put_together(sources, base, at)
        return sources

    def _put_together(self, sources: Mapping[str, WatchedSource], base: WatchBase, at: datetime) -> Snapshot:
        assert self._looks is not None  # noqa: S101 - looked before
        read: list[Mapping[str, Sequence[pa.Table]]] = []
        for entry in self._looks.entries(at):
            known = sources.get(entry.name, WatchedSource())
            read.append({name: [table] for name, table in self._parts(entry.name, known).items()})
        return assemble(self.workspace, at, read, base.snapshot, self.snapshot)

    def _parts(self, name: str, known: WatchedSource) -> Parts:
        if not known.parts:
            return {"completeness": unread(name, known.reason or "not read yet")}
        parts = watching.parts(self.folder, known.parts)
        if not known.since:
            return parts
        return as_last_seen(name, parts, f"not read since {known.since:%Y-%m-%d %H:%M} UTC: {known.reason}")

    # Who hears of it

    def _alarm_findings(self, seen: Observation, base: WatchBase, at: datetime) -> list[tuple[str, tuple[str, str]]]:
        least = self.workspace.policy.watch.alarm.rank
        worth = [row for row in seen.opened if Severity(row["severity"]).rank >= least]
        if not worth:
            return []
        said = alarms.opened(worth, every_sentence(), at, unread=seen.unread, run=base.run.id)
        return [(f"findings {self.state.observed + 1}", said)]

    def _once(self, key: str, said: tuple[str, str], *, holds: bool) -> list[tuple[str, tuple[str, str]]]:
        """Return what to tell of something that holds or does not: it is told when it begins to."""
        others = [one for one in self.state.faults if one != key]
        new = holds and key not in self.state.faults
        self._faults([*others, key] if holds else others)
        return [(f"{key} {self.clock.now().isoformat()}", said)] if new else []

    def _faults(self, now: Sequence[str]) -> None:
        self.state = replace(self.state, faults=tuple(now))

    def _conclude(
        self, state: WatchState, seen: Observation, told: Sequence[tuple[str, tuple[str, str]]], now: datetime
    ) -> Observation:
        """Keep the state, then write down what was seen, then tell people: in this order nothing is lost by a crash."""
        failing = {name for name, one in state.sources.items() if one.since}
        were = {name for name, one in self.state.sources.items() if one.since}
        quiet = not (seen.opened or seen.closed or told or failing != were)
        if not quiet or is_due(state.noted_at, _NOTED, now):
            new = tuple(PendingAlarm(key, seen.at, *said) for key, said in told)
            noted = details(state, seen, [one.subject for one in new])
            state = replace(
                state,
                alarms=(*state.alarms, *new),
                observed=state.observed + 1,
                observation={**noted, "number": str(state.observed + 1)},
                noted_at=now,
            )
        if state.observation or state.alarms or seen.reviewed or is_due(self._saved_at, _SAVED, now):
            watching.write(self.folder, state)
            self._saved_at = now
        before, self.state = self.state, state
        self._write_down(now)
        failed = self._tell(now)
        if told and seen.read:
            self._note_delay(before, seen.read)
        return replace(seen, told=tuple(said[0] for _, said in told), failed=failed)

    def _note_delay(self, before: WatchState, read: Sequence[str]) -> None:
        """Note how long the alarm took at most: from the look that did not show the change to here."""
        looked = [at for name in read if name in before.sources and (at := before.sources[name].looked_at)]
        if looked:
            self.state = replace(self.state, delay=round((self.clock.now() - min(looked)).total_seconds(), 1))

    def _write_down(self, now: datetime) -> None:
        """Add to the logbook what it does not have: after a crash it may have the line already."""
        if not self.state.observation:
            return
        log = logged.known(self.folder)
        last = log.latest(LogEvent.OBSERVATION, entries.WATCH) if log else None
        if last is None or last.details.get("number") != self.state.observation["number"]:
            line = entries.observed(now, self.state.observation)
            logged.append(self.folder, line, command="watch")
        self.state = replace(self.state, observation={})
        watching.write(self.folder, self.state)

    def _tell(self, now: datetime) -> tuple[str, ...]:
        """Tell everybody who has not heard; what is left is tried at a later look."""
        failed: list[str] = []
        if not self.state.alarms:
            return ()
        rows = (self.snapshot or self._newest().snapshot).tables["people"]
        people = people_of(
            rows.select(["person", "native_id", "kind", "name", "mail", "status", "manager"]).to_pylist()
        )
        for alarm in self.state.alarms:
            if not is_due(self._tried.get(alarm.key), _TRIED, now):
                continue
            self._tried = {**self._tried, alarm.key: now} if len(self._tried) < 1000 else {alarm.key: now}
            left, why = watch_alarms.deliver(self.workspace, alarm, people, self.environment, now)
            failed += why
            others = tuple(one for one in self.state.alarms if one.key != alarm.key)
            self.state = replace(self.state, alarms=(*others, left) if left else others)
            watching.write(self.folder, self.state)
        return tuple(sorted(set(failed)))


def _unread(sources: Mapping[str, WatchedSource]) -> dict[str, str]:
    return {name: one.reason for name, one in sources.items() if one.since}
