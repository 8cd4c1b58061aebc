"""Pages of operations heads and auditors: they read, and nothing here changes anything."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from starlette.responses import Response, StreamingResponse

from access_review.errors import PlanRefused, Unclear
from access_review.stages import overview as overseeing
from access_review.stages.sign_in import WebRole
from access_review.store import logged
from access_review.web.pages import Visit


def status(visit: Visit) -> Response:
    """Show how the review and offboarding go: of some clients alone to whom the policy shows no more."""
    declared = visit.site.workspace()
    run = logged.newest_reviewed(declared.folder)
    if run is None:
        return visit.page("message", heading="Nothing to show", text="Nothing has been reviewed yet.")
    now = visit.site.clock.now()
    clients = () if WebRole.AUDITOR in visit.who.roles else visit.who.clients
    found = overseeing.overview(declared, run, visit.site.audit(), clients, now)
    return visit.page("status", found=found, clients=clients, age=now - run.as_of)


def auditor(visit: Visit) -> Response:
    """Show runs, populations and draws."""
    return visit.page("auditor", found=overseeing.auditor_view(visit.site.folder))


_PART = 2**16
"""Bytes of a pack that are sent at a time."""
_packing = threading.Lock()


def evidence(visit: Visit) -> Response:
    """Send the evidence of a run, or of all from it on, as one file: made beside, and kept nowhere."""
    from access_review.stages.evidence_pack import pack_evidence

    known = logged.known_runs(visit.site.folder)
    wanted = next((run for run in known if run.id == visit.path("run")), None)
    if wanted is None:
        raise Unclear("there is no such run", hint="choose one of those listed")
    since = visit.form.get("period") == "since"
    period = [run for run in known if run == wanted or (since and run.as_of >= wanted.as_of)]
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
