"""An auditor's pages: runs, populations and draws, and evidence to take away. Nothing here changes anything."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from starlette.responses import Response, StreamingResponse

from access_review.errors import PlanRefused
from access_review.stages import overview as overseeing
from access_review.store import logged
from access_review.web.pages import MOST, Visit


def auditor(visit: Visit) -> Response:
    """Show the runs, and which draws were committed to and revealed."""
    found = overseeing.auditor_view(visit.site.folder, visit.first, MOST)
    return visit.page("auditor", found=found, part=visit.excerpt_of(found.runs, found.total), few=MOST)


def run(visit: Visit) -> Response:
    """Show one run: what was read, its population and draw, and what may be taken away."""
    return visit.page("run", one=overseeing.run_for_auditor(visit.site.folder, visit.path("run")))


_PART = 2**16
"""Bytes of a pack that are sent at a time."""
_packing = threading.Lock()


def evidence(visit: Visit) -> Response:
    """Send the evidence of a run, or of all from it on, as one file: made beside, and kept nowhere."""
    from access_review.stages.evidence_pack import pack_evidence

    known = logged.known_runs(visit.site.folder)
    wanted = overseeing.find_run(visit.site.folder, visit.path("run"))
    since = visit.form.get("period") == "since"
    period = [one for one in known if one == wanted or (since and one.as_of >= wanted.as_of)]
    name = f"evidence-{'since-' if since else ''}{wanted.id}"
    if not _packing.acquire(blocking=False):
        raise PlanRefused("another pack is being made", hint="wait until it has come, then ask again")
    folder = Path(tempfile.mkdtemp(prefix="access-review-"))
    try:
        made = pack_evidence(visit.site.folder, period, folder / name, visit.site.clock.now(), archive=True)
        sent = tempfile.TemporaryFile()  # noqa: SIM115 - it is gone with the last part that is sent
        with (made.archive or made.folder).open("rb") as archive:
            shutil.copyfileobj(archive, sent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _packing.release()
    headers = {"content-disposition": f'attachment; filename="{name}.zip"', "content-length": str(sent.tell())}
    return StreamingResponse(_parts(sent), media_type="application/zip", headers=headers)


def _parts(sent: IO[bytes]) -> Iterator[bytes]:
    with sent:
        sent.seek(0)
        while part := sent.read(_PART):
            yield part
