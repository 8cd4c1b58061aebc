"""One snapshot of what is known of every source at a look, whenever each was read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from access_review.errors import WorkspaceError
from access_review.snapshot import Snapshot, assemble
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

        What cannot be put together with the others (a roster that half of the people are missing from) is not
        believed: it stays as last seen. Only rosters are held against the run before. Raises ``WorkspaceError`` where that does not help.
        """
        try:
            return self._put_together(sources), dict(sources)
        except WorkspaceError as error:
            fresh = [
                name
                for name, one in sources.items()
                if name in known and one.digest != known[name].digest and "people" in one.parts
            ]
            if not fresh:
                raise
            pause = timedelta(seconds=self.workspace.policy.watch.files)
            reason = error.in_a_line
        doubted = {name: known[name].failed(reason, now, pause, _DOUBTED) for name in fresh}
        believed = {**sources, **doubted}
        return self._put_together(believed), believed

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
