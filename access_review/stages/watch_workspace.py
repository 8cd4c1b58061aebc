"""The workspace that is watched: its own files may become others, too."""

from dataclasses import dataclass, field
from pathlib import Path

from access_review import workspace as workspaces
from access_review.changes import Mark
from access_review.connectors.file_marks import mark_files
from access_review.model import Clock
from access_review.stages.watch_sources import SETTLE
from access_review.workspace import Workspace


@dataclass
class WatchedWorkspace:
    """A workspace as it was last declared in a way that can be used. Raises ``WorkspaceError`` where it never was.

    ``differs`` tells whether its files were others than that at the last look.
    """

    folder: Path
    declared: Workspace = field(init=False)
    differs: bool = False
    _mark: Mark = field(init=False)
    _moved: str = ""

    def __post_init__(self) -> None:
        self.declared = workspaces.load(self.folder)
        self._mark = self._look(Mark())

    def is_renewed(self, clock: Clock) -> bool:
        """Read the files anew where they are others and have come to rest, and tell whether they were.

        Raises ``WorkspaceError`` where they cannot be used: what was declared stays, and the next look tries again.
        """
        mark = self._look(self._mark)
        self.differs = mark.content != self._mark.content
        if not self.differs:
            return False
        if mark.content != self._moved:
            clock.wait(SETTLE)  # half of a policy may well be one
            if self._look(mark).content != mark.content:
                return False
            self._moved = mark.content
        self.declared = workspaces.load(self.folder)
        self._mark, self.differs = mark, False
        return True

    def _look(self, before: Mark) -> Mark:
        files = (*self.folder.glob("sources/*.y*ml"), *self.folder.glob("roles/**/*.y*ml"))
        return mark_files(files, before)
