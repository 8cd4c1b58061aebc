"""Which notices of unattended runs were sent, so that the same one is not sent again and again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from access_review.artifacts import NOTIFIED, UNTOLD, Notified, UntoldNotice, UntoldNotices
from access_review.store import files


def read(workspace: Path) -> Mapping[str, datetime]:
    """Return when each notice was last sent, by the digest of its text; raises ``ArtifactError``."""
    path = workspace / "runs" / NOTIFIED.path
    return files.read(path, NOTIFIED).told if path.exists() else {}


def write(workspace: Path, sent: Mapping[str, datetime]) -> None:
    """Keep when each notice was last sent."""
    files.write(workspace / "runs" / NOTIFIED.path, NOTIFIED.dump(Notified(sent)))


def untold(workspace: Path) -> tuple[UntoldNotice, ...]:
    """Return what is to be sent again; raises ``ArtifactError``."""
    path = workspace / "runs" / UNTOLD.path
    return files.read(path, UNTOLD).notices if path.exists() else ()


def write_untold(workspace: Path, notices: Sequence[UntoldNotice]) -> None:
    """Keep what is to be sent again."""
    path = workspace / "runs" / UNTOLD.path
    if notices:
        files.write(path, UNTOLD.dump(UntoldNotices(tuple(notices))))
    else:
        path.unlink(missing_ok=True)
