"""What is remembered of people from run to run, and when a roster is too different to believe.

People who vanish from a roster without a termination become ``missing``: somebody is
asked, nothing is planned. People who left and whose row is gone stay ``left``. When too
many vanish at once the roster was cut short, and the run stops (``RosterFault``).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from access_review.errors import RosterFault
from access_review.tables import Row, frame
from access_review.workspace import Workspace

Tables = dict[str, pa.Table]


def carry_over(
    tables: Tables, workspace: Workspace, as_of: datetime, previous: Mapping[str, pa.Table] | None
) -> Tables:
    """Return the tables with the people of the run before that this one does not have.

    Only a roster that was read completely can say that somebody vanished; from any other,
    people are kept as they were. Raises ``RosterFault`` above the ceiling of ``policy.yaml``.
    """
    if previous is None:
        return tables | {"people": _first_seen(tables["people"], {}, as_of)}
    known = {row["person"]: row for row in previous["people"].to_pylist()}
    gone = _gone(known, tables["people"])
    complete = _complete_rosters(tables)
    for entry in workspace.sources:
        if entry.name in complete:
            _check_ceiling(entry.name, gone, known, workspace)
    kept = [_remember(row, row["source"] in complete, _absence(workspace, row["source"]), as_of) for row in gone]
    people = frame("people", kept, also=[tables["people"]])
    ids = pa.array([row["person"] for row in kept], pa.string())
    aliases = previous["aliases"].filter(pc.is_in(previous["aliases"]["id"], ids))
    spells = previous["assignments"].filter(pc.is_in(previous["assignments"]["person"], ids))
    return tables | {
        "people": _first_seen(people, known, as_of),
        "aliases": frame("aliases", [], also=[tables["aliases"], aliases]),
        "assignments": frame("assignments", [], also=[tables["assignments"], spells]),
    }


def _gone(known: Mapping[str, Row], people: pa.Table) -> list[Row]:
    here = set(people["person"].to_pylist())
    return [row for person, row in sorted(known.items()) if person not in here]


def _complete_rosters(tables: Tables) -> set[str]:
    verdicts = tables["completeness"].to_pylist()
    bad = {v["source"] for v in verdicts if not v["complete"]}
    return {v["source"] for v in verdicts if v["subject"] == "people"} - bad


def _check_ceiling(source: str, gone: list[Row], known: Mapping[str, Row], workspace: Workspace) -> None:
    ceiling = workspace.policy.rosters.vanished
    expected = [r for r in known.values() if r["source"] == source and r["status"] in ("active", "leave", "unknown")]
    vanished = [r for r in gone if r["source"] == source and r["status"] in ("active", "leave", "unknown")]
    most = max(ceiling.floor, len(expected) * ceiling.percent / 100)
    if len(vanished) > most:
        raise RosterFault(
            f"{source}: {len(vanished)} of {len(expected)} people vanished without a termination, {most:.0f} are allowed",
            hint="check that the export is whole; if it is right, raise rosters.vanished in roles/policy.yaml for this run",
        )


def _absence(workspace: Workspace, source: str) -> str:
    options: Mapping[str, Any] = next((e.options for e in workspace.sources if e.name == source), {})
    return str(options.get("absence", "unknown"))


def _remember(row: Row, complete: bool, absence: str, as_of: datetime) -> Row:
    """Say what becomes of somebody who is not in the roster any more."""
    if row["status"] == "left" or not complete:
        return row
    if row["status"] == "missing" and absence == "left-after-2-complete-reads":
        # The last read that still had the person is not known to the day; as_of is the safe upper bound.
        return {**row, "status": "left", "left_at_latest": row["left_at_latest"] or as_of}
    return {**row, "status": "missing"}


def _first_seen(people: pa.Table, known: Mapping[str, Row], as_of: datetime) -> pa.Table:
    """Note when this tool first saw that somebody had left."""
    seen = [
        (known.get(person, {}).get("first_seen_left_at") or as_of) if status == "left" else None
        for person, status in zip(people["person"].to_pylist(), people["status"].to_pylist(), strict=True)
    ]
    position = people.schema.get_field_index("first_seen_left_at")
    return people.set_column(
        position, people.schema.field(position), pa.array(seen, people.schema.field(position).type)
    )
