"""One snapshot of what is known of every source at a look, whenever each was read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from access_review.errors import WorkspaceError
from access_review.snapshot import Snapshot, assemble
from access_review.snapshot.unknown_members import EDGES
from access_review.snapshot.watched import Parts, WatchedSource, as_last_seen, unread
from access_review.store import watching
from access_review.workspace import Workspace

_DOUBTED = timedelta(minutes=1)
"""How long at most until a read that was not believed is made again."""

Sources = Mapping[str, WatchedSource]


@dataclass(frozen=True, slots=True)
class WatchAssembly:
    """Puts together sources as of ``at``: ``base`` is of the last whole run, ``last`` of the look before."""

    workspace: Workspace
    base: Snapshot
    last: Snapshot | None
    at: datetime

    def assembled(self, sources: Sources, known: Sources, now: datetime) -> tuple[Snapshot, dict[str, WatchedSource]]:
        """Put together sources that were ``known`` otherwise before; return the sources that this rests on, too.

        What cannot be put together with the others (a roster that half of the people are missing from, a directory whose
        groups are full of names that are nobody's) is not believed: it stays as last seen. Raises ``WorkspaceError`` where
        that does not help.
        """
        try:
            made = self._put_together(sources)
        except WorkspaceError as error:
            fresh = [name for name in self._fresh(sources, known) if "people" in sources[name].parts]
            if not fresh:
                raise
            doubts = dict.fromkeys(fresh, error.in_a_line)
        else:
            found = {name: why for name, one in sources.items() if (why := self._doubt(made, one, name))}
            doubts = {name: found[name] for name in self._fresh(sources, known) if name in found and known[name].parts}
            if not doubts:  # the first read of all is taken as it is
                return made, {name: replace(one, short=found.get(name, one.short)) for name, one in sources.items()}
        pause = timedelta(seconds=self.workspace.policy.watch.files)
        doubted = {name: known[name].failed(why, now, pause, _DOUBTED) for name, why in doubts.items()}
        believed = {**sources, **doubted}
        return self._put_together(believed), believed

    def _fresh(self, sources: Sources, known: Sources) -> list[str]:
        """Return the sources that are known otherwise than before."""
        return [name for name, one in sources.items() if name in known and one.digest != known[name].digest]

    def _doubt(self, made: Snapshot, source: WatchedSource, name: str) -> str:
        """Return why what was read whole of a source is not believed beside the others; empty where it is."""
        if source.since or "completeness" not in source.parts:
            return ""
        verdicts = watching.table(self.workspace.folder, source.parts["completeness"]).to_pylist()
        whole = {row["subject"] for row in verdicts if row["complete"]}
        return next((why for table in EDGES if table in whole and (why := made.incomplete(table).get(name))), "")

    def _put_together(self, sources: Sources) -> Snapshot:
        read = [
            {name: [table] for name, table in self._parts(entry.name, sources.get(entry.name, WatchedSource())).items()}
            for entry in self.workspace.sources_at(self.at)
        ]
        return assemble(self.workspace, self.at, read, self.base, self.last)

    def _parts(self, name: str, known: WatchedSource) -> Parts:
        if not known.parts:
            return {"completeness": unread(name, known.reason or "not read yet")}
        parts = watching.parts(self.workspace.folder, known.parts)
        if not known.since:
            return parts
        return as_last_seen(name, parts, f"not read since {known.since:%Y-%m-%d %H:%M} UTC: {known.reason}")
