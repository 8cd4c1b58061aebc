"""The files of a workspace, read one after the other: every mistake in them is kept, and what they are is hashed."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from access_review.documents import Document, read
from access_review.errors import Mistake
from access_review.workspace.mistakes import mistake_of

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class WorkspaceFiles:
    """What was read of a workspace so far; ``roles`` is the folder that stands for its ``roles/``."""

    folder: Path
    roles: Path
    mistakes: list[Mistake] = field(default_factory=list)
    hashed: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def named(self, folder: Path, pattern: str) -> list[Path]:
        """Return the files of a folder that a pattern names, sorted."""
        wrong = sorted(folder.glob(pattern.replace(".yaml", ".yml")))
        self.mistakes += [
            Mistake(self._shown(path), 0, 0, "is not read: its name ends in .yml", "rename it to .yaml")
            for path in wrong
        ]
        return sorted(folder.glob(pattern))

    def _shown(self, path: Path) -> str:
        if path.is_relative_to(self.roles):
            return (Path("roles") / path.relative_to(self.roles)).as_posix()
        return path.relative_to(self.folder).as_posix()

    def read(self, path: Path) -> Document:
        """Read one file."""
        document = read(path, self._shown(path))
        if document.digest and not document.text.strip("\ufeff \t\r\n"):
            # Whoever sets nothing has no file, or one with a remark: what is cut while it is written says nothing at all.
            document.mistakes.append(
                Mistake(document.file, 0, 0, "is empty", "was it cut while it was written? Else delete it")
            )
        self.mistakes += document.mistakes
        if document.digest:
            self.hashed.append(f"{document.file} {document.digest}\n")
            self.texts[document.file] = document.text
        return document

    def valid(self, document: Document, model: type[M], data: Any, prefix: tuple[str | int, ...] = ()) -> M | None:
        """Validate a part of a document; what is wrong becomes mistakes with the place of each value.

        A document with mistakes of its form is looked through as well, and never valid.
        """
        if document.mistakes and not isinstance(data, dict):
            return None
        try:
            made = model.model_validate({} if data is None else data)
        except ValidationError as error:
            found = [mistake_of(document, prefix, dict(e), model) for e in error.errors(include_url=False)]
            told = {mistake.line for mistake in document.mistakes}
            self.mistakes += [one for one in found if one.line not in told]
            return None
        return None if document.mistakes else made

    def digest(self) -> str:
        """Return the digest of all that was read."""
        return "sha256:" + hashlib.sha256("".join(sorted(self.hashed)).encode()).hexdigest()

    def of_roles(self, name: str) -> Document | None:
        """Read a file of the roles; nothing where there is none."""
        path = self.roles / name
        return None if self._is_absent(path) else self.read(path)

    def _is_absent(self, path: Path) -> bool:
        """Tell whether a file of the roles is not there; a link that leads nowhere is, and cannot be read."""
        if path.exists() or path.is_symlink():
            return False
        self.named(self.roles, path.name)  # one in .yml is no absent one
        return True
