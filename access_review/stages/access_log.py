"""The access log of the pages: one line for each page and action, a file a day, sealed in the logbook when the day is over."""

import json
import os
import re
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from access_review.guarded_files.plain import open_plain
from access_review.guarded_files.private import private_folder
from access_review.logbook import entries
from access_review.logbook.lines import LogEvent
from access_review.store import logbook, logged

FOLDER = "web"
_NAME = re.compile(r"access-(\d{4}-\d\d-\d\d)\.jsonl")


class AccessLog:
    """Writes lines as they happen; the first of a new day seals the files of those before."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._day = ""

    def add(self, now: datetime, line: Mapping[str, object]) -> None:
        """Write a line; raises ``ArtifactError`` where the days before cannot be sealed, ``OSError`` on a full disk."""
        day = f"{now:%Y-%m-%d}"
        with self._lock:
            if day != self._day:
                private_folder(self._workspace / "runs" / FOLDER)
                seal_days(self._workspace, now)
                self._day = day
            data = json.dumps({"at": now.isoformat(timespec="milliseconds"), **line}, sort_keys=True) + "\n"
            path = self._workspace / "runs" / FOLDER / f"access-{day}.jsonl"
            handle = open_plain(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            try:
                os.write(handle, data.encode())
            finally:
                os.close(handle)


def seal_days(workspace: Path, now: datetime) -> None:
    """Write down in the logbook how the file of each day that is over stands, once; raises ``ArtifactError``."""
    log, _ = logged.begin(workspace, now, "serve")
    for path in sorted((workspace / "runs" / FOLDER).glob("access-*.jsonl")):
        found = _NAME.fullmatch(path.name)
        if found and found[1] < f"{now:%Y-%m-%d}" and log.latest(LogEvent.OBSERVATION, _job(found[1])) is None:
            place = f"{FOLDER}/{path.name}"
            line = entries.access_sealed(_job(found[1]), now, {place: logbook.mark_of(path)})
            logged.append(workspace, line, command="serve")


def _job(day: str) -> str:
    return f"{FOLDER} {day}"
