"""What libraries warn of: a line on standard error, which is JSON where a program reads."""

import json
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def on_one_line(*, as_json: bool) -> Iterator[None]:
    """Show what libraries warn of in a line each while the block runs: left alone they print their own files and lines."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        del filename, lineno, file, line
        _say(f"{category.__name__}: {message}", as_json=as_json)

    last = logging.lastResort
    with warnings.catch_warnings():
        warnings.showwarning = show
        logging.lastResort = _Lines(as_json)
        try:
            yield
        finally:
            logging.lastResort = last


class _Lines(logging.StreamHandler[TextIO]):
    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self.setLevel(logging.WARNING)
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        _say(f"{record.name}: {record.getMessage()}", as_json=self._as_json)


def _say(words: str, *, as_json: bool) -> None:
    words = " ".join(words.split())
    text = json.dumps({"warning": words}, ensure_ascii=False) if as_json else f"access-review: {words}"
    print(text, file=sys.stderr)  # noqa: T201 - not by typer, which may be what warns
