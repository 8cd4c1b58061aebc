"""Logbook: read it, and check everything that it knows."""

from collections.abc import Iterable
from pathlib import Path

from access_review.errors import ArtifactError
from access_review.logbook.known import Discrepancy
from access_review.logbook.lines import Logbook
from access_review.logbook.tree import TreeHead
from access_review.revoke.statements import heads_seen
from access_review.store import files, logbook, logbook_check, plans


def read_logbook(folder: Path) -> Logbook:
    """Read the logbook of a workspace; raises ``ArtifactError``."""
    return logbook.read(folder)


def check_logbook(
    folder: Path, heads: Iterable[str], *, unknown: bool = False
) -> tuple[Logbook | None, tuple[Discrepancy, ...]]:
    """Check all that the logbook knows, against heads kept elsewhere and those that signatures saw.

    Gives no logbook where it is damaged. Raises ``ArtifactError`` for what is no head, or where there is no logbook.
    """
    seen = {f"--head {text}": TreeHead.parse(text) for text in heads} | _seen_by_signatures(folder)
    if not logbook.path_of(folder).exists():
        raise ArtifactError(f"{folder} has no logbook", hint="restore runs/; in a new workspace, audit begins one")
    found = logbook_check.check(folder, seen, unknown=unknown)
    try:
        return logbook.read(folder), found
    except ArtifactError:
        return None, found


def _seen_by_signatures(folder: Path) -> dict[str, TreeHead]:
    """Return the heads that statements name, by the file each is in; whether they count is judged elsewhere."""
    seen: dict[str, TreeHead] = {}
    places = [
        *sorted((folder / "runs").glob("*/*/approvals/*.json")),
        *sorted((folder / "runs").glob("*/sign-off/*.json")),
        *sorted((folder / plans.STANDING_APPROVALS).glob("*.json")),
        *sorted((folder / plans.SIGNED_HERE).glob("*.json")),
    ]
    for path in places:
        if (head := heads_seen(files.content(path))) is not None:
            seen[path.relative_to(folder).as_posix()] = head
    return seen
