"""What `watch` knows from look to look: on disk first, then in the logbook, and only then told to people.

In this order a crash loses nothing: the next look writes down and tells what the one before it did not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from access_review.audit.reviewers import People
from access_review.logbook import entries
from access_review.logbook.lines import LogEvent
from access_review.snapshot.watched import News, WatchState, is_due
from access_review.stages import watch_alarms
from access_review.stages.notify import Patience
from access_review.store import logged, watching
from access_review.views.observed import Observation, details
from access_review.workspace import Workspace

_NOTED = timedelta(hours=1)
"""How often the logbook gets a line where nothing happened: that, too, can be shown later."""
_SAVED = timedelta(seconds=30)
_TRIED = timedelta(minutes=1)
"""How long after it did not arrive an alarm is sent again."""
_RESTS = 300.0
"""Seconds for which a channel that took long to fail is left alone: nothing is seen while it is waited for."""


@dataclass
class WatchRecord:
    """The state of `watch` in one workspace's folder, and what of it is still to be written down or told."""

    folder: Path
    environment: Mapping[str, str]
    state: WatchState = field(init=False)
    _saved_at: datetime | None = None
    _tried: dict[str, datetime] = field(default_factory=dict)
    _patience: Patience = field(default_factory=lambda: Patience(rest=_RESTS))

    def __post_init__(self) -> None:
        self.go_back()

    def go_back(self) -> None:
        """Take up what is on disk, whatever came of it since. Raises ``ArtifactError`` for a damaged state."""
        self.state = watching.read(self.folder)

    def begins(self, fault: str, *, holds: bool) -> bool:
        """Note whether something holds now, and tell whether it began to."""
        others = [one for one in self.state.faults if one != fault]
        begins = holds and fault not in self.state.faults
        self._hold([*others, fault] if holds else others)
        return begins

    def mended(self, prefix: str) -> None:
        """Note that nothing holds any more whose name begins so."""
        self._hold([one for one in self.state.faults if not one.startswith(prefix)])

    def _hold(self, faults: Sequence[str]) -> None:
        self.state = replace(self.state, faults=tuple(faults))

    def keep(self, state: WatchState, seen: Observation, news: Sequence[News], now: datetime) -> None:
        """Keep the state after a look, then write down what it saw."""
        failing = {name for name, one in state.sources.items() if one.since}
        were = {name for name, one in self.state.sources.items() if one.since}
        quiet = not (seen.opened or seen.closed or news or failing != were)
        if not quiet or is_due(state.noted_at, _NOTED, now):
            alarms = [one.pending(seen.at) for one in news]
            noted = details(state, seen, [alarm.subject for alarm in alarms])
            state = replace(
                state,
                alarms=(*state.alarms, *alarms),
                observed=state.observed + 1,
                observation={**noted, "number": str(state.observed + 1)},
                noted_at=now,
            )
        if state.observation or state.alarms or seen.reviewed or is_due(self._saved_at, _SAVED, now):
            watching.write(self.folder, state)
            self._saved_at = now
        self.state = state
        self._write_down(now)

    def keep_alarms(self, state: WatchState, news: Sequence[News], at: datetime) -> None:
        """Keep a state with what is to be told besides."""
        self.state = replace(state, alarms=(*state.alarms, *(one.pending(at) for one in news)))
        watching.write(self.folder, self.state)

    def note_delay(self, before: WatchState, read: Sequence[str], now: datetime) -> None:
        """Note how long an alarm took at most: from the look that did not show the change to now."""
        looked = [at for name in read if name in before.sources and (at := before.sources[name].looked_at)]
        if looked:
            self.state = replace(self.state, delay=round((now - min(looked)).total_seconds(), 1))

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

    def tell(self, workspace: Workspace, people: People, now: datetime) -> tuple[str, ...]:
        """Tell everybody who has not heard, and return why somebody was not reached; that is tried at a later look."""
        failed: list[str] = []
        for alarm in self.state.alarms:
            if not is_due(self._tried.get(alarm.key), _TRIED, now):
                continue
            self._tried = {**self._tried, alarm.key: now} if len(self._tried) < 1000 else {alarm.key: now}
            left, why = watch_alarms.deliver(
                self.folder, workspace.policy, alarm, people, self.environment, self._patience
            )
            failed += why
            others = tuple(one for one in self.state.alarms if one.key != alarm.key)
            self.state = replace(self.state, alarms=(*others, left) if left else others)
            watching.write(self.folder, self.state)
        return tuple(sorted(set(failed)))
