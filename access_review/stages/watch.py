"""Watch: look at every source again and again, and tell what opened, closed, or cannot be seen.

::

    look at sources ─► what changed is read ─► assembled with what was kept of the others
        ─► reviewed, as far as it is touched ─► compared with what was open ─► state, logbook, alarms

What is kept is one state and the tables that it names, written before anybody is told: after
a crash the next look goes on from there, and tells what was not told. Whole runs are made by
other commands; the review here rests on the last one, as the next whole run's would.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from access_review.audit.reviewers import People, people_of
from access_review.connectors.own_removals import LastRead
from access_review.errors import AccessReviewError, WorkspaceError
from access_review.findings.sentences import every_sentence
from access_review.logbook.tree import TreeHead
from access_review.model import Clock, Severity
from access_review.snapshot import Snapshot
from access_review.snapshot.watch_health import health_of
from access_review.snapshot.watched import News, PendingAlarm, WatchedSource, WatchState, is_due
from access_review.stages import watch_alarms, watch_leavers
from access_review.stages.watch_assembly import WatchAssembly
from access_review.stages.watch_base import WatchBase, last_run
from access_review.stages.watch_follow_up import OrderFollowUp
from access_review.stages.watch_record import WatchRecord
from access_review.stages.watch_review import LEAST, LookToReview, WatchedReview
from access_review.stages.watch_sources import SourceLook, SourceLooks
from access_review.stages.watch_workspace import WatchedWorkspace
from access_review.store import last_reads, logged, watching
from access_review.views import alarms
from access_review.views.observed import Observation
from access_review.workspace import Workspace

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
        self._workspace = WatchedWorkspace(folder)
        self._record = WatchRecord(folder, environment)
        self._orders = OrderFollowUp(self._record, clock)
        self._base: WatchBase | None = None
        self._looks: SourceLooks | None = None
        self.snapshot: Snapshot | None = None

    @property
    def workspace(self) -> Workspace:
        """The workspace as it was last declared in a way that can be used."""
        return self._workspace.declared

    @property
    def state(self) -> WatchState:
        """What is known from look to look."""
        return self._record.state

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
            self._record.go_back()
            self._base = None
            raise
        finally:
            self._reviews.close()

    def _look(self, *, everything: bool) -> Observation:
        now = self.clock.now()
        news = self._renew_workspace()
        base = self._newest()
        news += [*self._turned_back(now), *self._other_logbook(base)]
        at = max(now.replace(microsecond=0), self.state.at or now.replace(microsecond=0))
        turn = self._in_turn()
        anew = None if everything else self._ended_since(base, at)
        seen = self._look_at_sources(anew, whole=turn)
        read = tuple(name for name, one in seen.items() if one.parts is not None)
        sources = self._kept(seen)
        check = everything or turn == _REVIEW
        # A leaver whom the last look left (the disk was full, it was killed) is acted on from what is known.
        left = self.snapshot is None and watch_leavers.waits_for(self.state, self.workspace, now)
        asked = check or bool(read) or self._is_other(base, at) or bool(self._back(sources)) or left
        if asked:
            assembly = WatchAssembly(self.workspace, base.snapshot, self.snapshot, at)
            self.snapshot, sources = assembly.assembled(sources, self.state.sources, self.clock.now())
        back = self._back(sources)
        sources, silent = self._silent(sources, now)
        lost = [
            News(f"lost {name} {at.isoformat()}", alarms.lost(name, one.lost)) for name, one in seen.items() if one.lost
        ]
        news += [*silent, *lost]
        state = replace(self.state, sources=sources, run=base.run.id, workspace=self.workspace.digest)
        state = replace(state, logbook=str(base.log.head) if base.log else "")
        if turn == _REVIEW or turn in seen or not state.checked_at:
            state = replace(state, checked_at=now)
        unread = {name: one.reason for name, one in sources.items() if one.since}
        observed = Observation(at, open=state.open, read=read, unread=unread, back=back)
        if asked:
            state, observed, found = self._review(state, base, observed, now, check=check)
            news += found
        return self._act(self._conclude(state, observed, news, now), base)

    # What is watched

    def _renew_workspace(self) -> list[News]:
        """Read the workspace anew where its files are others; one that cannot be used stays as it was, and is told once."""
        try:
            if self._workspace.is_renewed(self.clock):
                self._looks = None
            if not self._workspace.differs:
                self._record.mended(_WORKSPACE)
        except WorkspaceError as error:
            return self._once(f"{_WORKSPACE} {error.in_a_line}", alarms.fault(error.in_a_line, error.hint), holds=True)
        return []

    def _turned_back(self, now: datetime) -> list[News]:
        """Return what to tell of a clock that shows an earlier time than the last review."""
        last = self.state.at
        return self._once("clock", alarms.turned_back(last, now), holds=last - now > _TOLERATED) if last else []

    def _other_logbook(self, base: WatchBase) -> list[News]:
        """Return what to tell of a logbook that does not hold what was seen of it: it is gone, rolled back or begun anew."""
        seen = self.state.logbook
        if not seen or (base.log and base.log.holds(TreeHead.parse(seen))):
            return []
        return [News(f"logbook {seen}", alarms.other_logbook(base.run.id))]

    def _newest(self) -> WatchBase:
        """Return the last whole run that is known and reviewed; where it is another, the sources are held against that."""
        before, self._base = self._base, last_run(self.workspace, self.clock.now(), self._base)
        if self._looks and (before is None or before.run != self._base.run):
            self._looks.last = self._last_reads()  # what is open stays so, and remembers
        return self._base

    def _last_reads(self) -> Mapping[str, LastRead]:
        return last_reads.of(logged.known_runs(self.folder), self.workspace.read_live(self.clock.now()))

    def _is_other(self, base: WatchBase, at: datetime) -> bool:
        """Tell whether the run, the workspace or the time is another than what was reviewed last."""
        last = self.state
        if base.run.id != last.run or self.workspace.digest != last.workspace or last.at is None:
            return True
        return is_due(last.at, self.workspace.policy.watch.reread, at)

    def _ended_since(self, base: WatchBase, at: datetime) -> frozenset[str]:
        """Return the rosters by which somebody's last moment came since the last review: they say so when they are read anew.

        One that cannot be read now is tried again in its time.
        """
        people, since = (self.snapshot or base.snapshot).tables["people"], self.state.at or at
        ends = people["left_at_latest"]
        came = pc.and_(pc.greater_equal(ends, pa.scalar(since, ends.type)), pc.less(ends, pa.scalar(at, ends.type)))
        unread = {name for name, one in self.state.sources.items() if one.since}
        return frozenset(people.filter(came)["source"].to_pylist()) - unread

    def _look_at_sources(self, anew: Collection[str] | None, *, whole: str | None) -> dict[str, SourceLook]:
        """Look at every source whose time has come; at those that are to be read ``anew`` (all, where null) whatever shows a change."""
        if self._looks is None:
            self._looks = SourceLooks(self.workspace, self.clock, self._last_reads())
        seen = {}
        for entry in self.workspace.sources_at(self.clock.now()):
            known = self.state.sources.get(entry.name, WatchedSource())
            everything = anew is None or entry.name in anew
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
        self, sources: Mapping[str, WatchedSource], now: datetime
    ) -> tuple[dict[str, WatchedSource], list[News]]:
        """Return what to tell about sources that have not shown themselves within their time, each once."""
        after, news = dict(sources), []
        for name, one in sources.items():
            last = min((at for at in (one.looked_at, one.since) if at), default=None)
            if last and last > now:  # the clock was wrong: from now on
                after[name] = replace(one, looked_at=one.looked_at and now, since=one.since and now)
                continue
            if one.alarmed or last is None or now - last < self.workspace.policy.watch.silent:
                continue
            said = alarms.silent(name, one.looked_at, one.reason, now)
            news.append(News(f"silent {name} {last.isoformat()}", said))
            after[name] = replace(one, alarmed=True)
        return after, news

    def _back(self, sources: Mapping[str, WatchedSource]) -> tuple[str, ...]:
        """Return the sources that can be read again."""
        before = self.state.sources
        return tuple(name for name, one in sources.items() if not one.since and name in before and before[name].since)

    # What it means

    def _review(
        self, state: WatchState, base: WatchBase, seen: Observation, now: datetime, *, check: bool
    ) -> tuple[WatchState, Observation, list[News]]:
        """Review what is known now, and compare it with what was open; return what to tell of that, too."""
        assert self.snapshot is not None  # noqa: S101 - assembled before
        first = not state.findings
        look = LookToReview(
            self.workspace, self.snapshot, base.previous, base.known, seen.at, frozenset(seen.unread), check=check
        )
        done = self._reviews.review(look, state)
        state, compared = replace(done.state, at=seen.at), done.compared
        if first and state.leavers:  # people have been told by the whole run; whoever signed for it has it done now
            state = replace(watch_leavers.with_acted(state, base.run), act_at=seen.at)
        seen = replace(
            seen,
            reviewed=True,
            opened=compared.opened,
            closed=compared.closed,
            open=state.open,
            whole=done.whole,
            wrong=done.wrong,
        )
        state, rescinded = watch_leavers.rescinded(state, self.snapshot, self.workspace.folder, now)
        state, unclear = watch_leavers.unclear(state, self.snapshot, base.snapshot, now)
        return state, seen, [*self._found(seen, base), *rescinded, *unclear]

    def _found(self, seen: Observation, base: WatchBase) -> list[News]:
        """Return what to tell of a review: findings that opened, and that what was kept was not as it should be."""
        news = []
        least = self.workspace.policy.watch.alarm.rank
        worth = [row for row in seen.opened if Severity(row["severity"]).rank >= least]
        if worth:
            said = alarms.opened(worth, every_sentence(), seen.at, unread=seen.unread, run=base.run.id)
            news.append(News(f"findings {self.state.observed + 1}", said))
        if seen.wrong:
            news.append(News(f"kept {seen.at.isoformat()}", alarms.kept_wrong()))
        return news

    # Who hears of it

    def _once(self, key: str, said: tuple[str, str], *, holds: bool) -> list[News]:
        """Return what to tell of something that holds or does not: it is told when it begins to."""
        begins = self._record.begins(key, holds=holds)
        return [News(f"{key} {self.clock.now().isoformat()}", said)] if begins else []

    def _conclude(self, state: WatchState, seen: Observation, news: list[News], now: datetime) -> Observation:
        before = self.state
        self._record.keep(state, seen, news, now)
        failed = self._tell(now)
        if news and seen.read:
            self._record.note_delay(before, seen.read, self.clock.now())
        return replace(seen, told=tuple(one.said[0] for one in news), failed=failed)

    def _act(self, seen: Observation, base: WatchBase) -> Observation:
        """Do what is to be done about leavers, after people have heard of them; what came of it is told too."""
        self._reviews.close()
        job = watch_leavers.LeaverJob(self.workspace, self.clock, self.environment, self.key)
        state, news = watch_leavers.act(job, self.state, self.snapshot, base.run)
        if state == self.state:
            return seen
        self._record.keep_alarms(state, news, seen.at)
        failed = self._tell(self.clock.now())
        return replace(seen, told=(*seen.told, *(one.said[0] for one in news)), failed=tuple({*seen.failed, *failed}))

    def _tell(self, now: datetime) -> tuple[str, ...]:
        """Tell everybody who has not heard; what is left is tried at a later look."""
        if not self.state.alarms:
            return ()
        return self._record.tell(self.workspace, self._people(), now)

    def _people(self) -> People:
        """Return everybody who may be told; nobody where no run can be read and nothing was seen yet."""
        try:
            rows = (self.snapshot or self._newest().snapshot).tables["people"]
        except AccessReviewError:
            return people_of(())
        return people_of(rows.select(["person", "native_id", "kind", "name", "mail", "status", "manager"]).to_pylist())

    def follow_orders(self) -> tuple[str, ...]:
        """See to orders and tickets, each in its time, after a look; return why something could not be done.

        Raises ``ArtifactError`` where what is kept is damaged or cannot be written.
        """
        return self._orders.follow(self.workspace, self._newest().run, self._seen, self._tell)

    def _seen(self) -> Snapshot:
        """Return what was seen last: a look that is the first of its process puts nothing together where nothing changed."""
        if self.snapshot is None:
            now, known = self.clock.now(), self.state.sources
            assembly = WatchAssembly(self.workspace, self._newest().snapshot, None, self.state.at or now)
            self.snapshot, _ = assembly.assembled(known, known, now)
        return self.snapshot

    def write_health(self, *, looks: int = 1, errors: int = 0, failing: str = "") -> None:
        """Say how it goes, for those who look from outside; raises ``ArtifactError`` and ``OSError`` where that cannot be kept."""
        health = health_of(self.state, self.clock.now(), looks=looks, errors=errors, failing=failing)
        watching.write_health(self.folder, health)

    def tell_of_failing(self, alarm: PendingAlarm) -> tuple[PendingAlarm | None, tuple[str, ...]]:
        """Tell that no look succeeds, which may be since nothing can be kept; return what is left to tell, and why."""
        return watch_alarms.deliver(self.folder, self.workspace.policy, alarm, self._people(), self.environment)
