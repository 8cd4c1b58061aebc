"""What ``roles/policy.yaml`` may say about watching all the time."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, StrictInt

from access_review.model import Severity
from access_review.settings import Duration, File, Texts


class Watching(File):
    """How `watch` looks, and who hears of what it sees.

    Files are looked at every ``files`` seconds and systems every ``systems`` seconds; what shows no change is read anew
    after ``reread`` all the same, and one source each ``whole`` without relying on what was kept of it. What opens
    with at least the severity ``alarm`` is told at once to those under ``tell`` (by id, name or mail), and a source
    that does not show itself for ``silent``. ``plans_for`` is who asks for the plan that is prepared for a leaver
    where no standing approval is signed.
    """

    files: Annotated[float, Field(strict=True, ge=0.2, le=3600)] = 0.5
    systems: Annotated[StrictInt, Field(ge=1, le=3600)] = 2
    reread: Duration = timedelta(minutes=5)
    whole: Duration = timedelta(hours=1)
    silent: Duration = timedelta(minutes=15)
    alarm: Severity = Severity.MEDIUM
    tell: Texts = ()
    plans_for: str | None = None
