"""The workspace that is watched: its own files may become others, too."""

from dataclasses import dataclass, field
from pathlib import Path

from access_review import workspace as workspaces
from access_review.changes import Mark
from access_review.connectors.file_marks import mark_files
from access_review.workspace import Workspace


@dataclass
class WatchedWorkspace:
    """A workspace as it was last declared in a way that can be used. Raises ``WorkspaceError`` where it never was."""

    folder: Path
    declared: Workspace = field(init=False)
    _mark: Mark = field(init=False)

    def __post_init__(self) -> None:
        self.declared = workspaces.load(self.folder)
        self._mark = self._look(Mark())

    def is_renewed(self) -> bool:
        """Read the files anew where they are others, and tell whether they were.

        Raises ``WorkspaceError`` where they cannot be used: what was declared stays, and the next look tries again.
        """
        mark = self._look(self._mark)
        if mark.content == self._mark.content:
            return False
        self.declared = workspaces.load(self.folder)
        self._mark = mark
        return True

    def _look(self, before: Mark) -> Mark:
        files = (*self.folder.glob("sources/*.y*ml"), *self.folder.glob("roles/**/*.y*ml"))
        return mark_files(files, before)
