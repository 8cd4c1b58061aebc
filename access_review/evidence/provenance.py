"""Where the rows of a run are from: what was asked, who answered, how many came of how many, and what was not used, with why."""

import json
from collections.abc import Iterator, Mapping

from access_review.snapshot import Completeness, ManifestSource

PROVENANCE = ("run", "source", "connector", "what", "is", "received", "should be", "whole")
"""The columns of the rows that :func:`provenance_rows` gives."""
_TOLD = {"part:provenance": "read", "part:system": "system", "part:sizes": "found"}
"""Verdicts whose reason is a record of how the source was read."""


def provenance_rows(
    run: str, sources: Mapping[str, ManifestSource], asked: Mapping[str, Mapping[str, object]]
) -> Iterator[tuple[str, ...]]:
    """Yield a row for each thing known of how each source was read; ``asked`` are the options of each, as declared then."""
    for name, source in sorted(sources.items()):
        start = (run, name, source.connector)
        for option, value in sorted(asked.get(name, {}).items()):
            yield (*start, f"asked: {option}", _text(value), "", "", "")
        for subject, verdict in sorted(source.verdicts.items()):
            if subject in _TOLD:
                yield from ((*start, *row) for row in _told(_TOLD[subject], verdict))
            else:
                numbers = ("" if number is None else str(number) for number in (verdict.received, verdict.expected))
                yield (*start, subject, verdict.reason or "", *numbers, "yes" if verdict.complete else "no")
        for kind, number in sorted(source.problems.items()):
            yield (*start, f"not used: {kind}", f"each with why in tables/{run}/problems.csv", str(number), "", "")


def _told(how: str, verdict: Completeness) -> Iterator[tuple[str, ...]]:
    """Yield what a record says, value by value; numbers of things found stand where numbers stand."""
    for name, value in _flat(json.loads(verdict.reason or "{}")):
        counted = isinstance(value, int) and not isinstance(value, bool)
        if how == "read" and counted:
            server = "" if name != "objects" or verdict.expected is None else str(verdict.expected)
            yield (f"{how}: {name}", "", str(value), server, "")
        elif how == "found":
            share = name.startswith("cells:")
            yield (f"filled, of 1000: {name[6:]}" if share else f"found: {name}", "", _text(value), "", "")
        else:
            yield (f"{how}: {name}", _text(value), "", "", "")


def _flat(record: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield each value of a record, of a record in it too, under a name of its own."""
    for name, value in sorted(record.items()):
        if isinstance(value, dict) and value:
            yield from ((f"{name}: {inner}", one) for inner, one in sorted(value.items()))
        else:
            yield name, value


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
