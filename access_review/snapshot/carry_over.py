"""What is remembered of people from run to run, and when a roster is too different to believe.

People who change jobs keep the former one in memory, since few rosters list it. People
who vanish from a roster without a termination become ``missing``: somebody is asked,
nothing is planned. People who left and whose row is gone stay ``left``. When too many
vanish at once the roster was cut short, and the run stops (``RosterFault``).
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from access_review.errors import RosterFault
from access_review.tables import Row, empty, frame
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
        return tables | {"people": _first_seen(tables["people"], None, as_of)}
    retired = sorted(entry.name for entry in workspace.sources if entry.is_retired(as_of))
    known = previous["people"]
    known = known.filter(pc.invert(pc.is_in(known["source"], pa.array(retired, pa.string()))))
    gone = _gone(known, tables["people"])
    complete = _complete_rosters(tables)
    # A roster that was cut is not believed, so nobody is missing from it; it must stop the run all the same.
    stopping = {row["source"] for row in tables["completeness"].to_pylist() if row["subject"] == "people"}
    for entry in workspace.sources:
        if entry.name in stopping:
            _check_ceiling(entry.name, gone, known, workspace)
    kept = [_remember(row, row["source"] in complete, _absence(workspace, row["source"]), as_of) for row in gone]
    people = frame("people", kept, also=[tables["people"]])
    ids = pa.array([row["person"] for row in kept], pa.string())
    aliases, spells = _about(ids, previous, "aliases", "id"), _about(ids, previous, "assignments", "person")
    former = _former(previous["assignments"], tables["assignments"], complete, as_of)
    said = {row["source"] for row in tables["completeness"].to_pylist() if row["subject"] == UNDECLARED}
    undeclared = [row for row in undeclared_sources(workspace, previous) if row["source"] not in said]
    return tables | {
        "completeness": frame("completeness", undeclared, also=[tables["completeness"]]),
        "people": _first_seen(people, known, as_of),
        "aliases": frame("aliases", [], also=[tables["aliases"], aliases]),
        "assignments": frame("assignments", former, also=[tables["assignments"], spells]),
    }


def _about(people: pa.Array, previous: Mapping[str, pa.Table], name: str, column: str) -> pa.Table:
    """Return the rows about some people that the run before had; for nobody it is not read."""
    if not len(people):
        return empty(name)
    rows = previous[name]
    return rows.filter(pc.is_in(rows[column], people))


UNDECLARED = "undeclared"
"""The subject of a verdict on a source of earlier runs that no file declares any more."""


def undeclared_sources(workspace: Workspace, previous: Mapping[str, pa.Table]) -> list[Row]:
    """Return a verdict on each source that the run before had and that the workspace neither declares nor has retired."""
    declared = {entry.name for entry in workspace.sources}
    before = sorted(set(previous["completeness"]["source"].to_pylist()) - declared)
    return [
        {
            "source": name,
            "subject": UNDECLARED,
            "complete": False,
            "reason": f"sources/{name}.yaml is gone, and its people stay as last seen: put it back, "
            f"and if the source is no more: access-review sources retire {name}",
        }
        for name in before
    ]


_JOB = ("person", "source", "client", "role", "attributes")


def _former(before: pa.Table, now: pa.Table, complete: set[str], as_of: datetime) -> list[Row]:
    """Return the jobs that people had in the run before and that a complete roster does not list any more.

    A job that went on then ended between the two runs: until when it lasted is not known better than ``as_of``.
    """
    gone = pc.and_(
        pc.invert(pc.is_in(_jobs(before), _jobs(now))),
        pc.and_(
            pc.is_in(before["person"], now["person"].combine_chunks()),
            pc.is_in(before["source"], pa.array(sorted(complete), pa.string())),
        ),
    )
    begun = pc.fill_null(
        pc.less_equal(before["starts_earliest"], pa.scalar(as_of, before["starts_earliest"].type)), True
    )
    rows = before.filter(pc.and_(pc.and_(gone, begun), pc.not_equal(before["status"], "unknown"))).to_pylist()
    concerned = now.filter(pc.is_in(now["person"], pa.array([row["person"] for row in rows], pa.string())))
    last = {r["person"]: r["seq_max"] for r in concerned.group_by("person").aggregate([("seq", "max")]).to_pylist()}
    kept: list[Row] = []
    for row in rows:
        last[row["person"]] += 1
        ended = {} if row["status"] == "left" else {"status": "left", "ends_earliest": None, "ends_latest": as_of}
        kept.append({**row, **ended, "seq": last[row["person"]]})
    return kept


def _jobs(assignments: pa.Table) -> pa.Array:
    """Return what makes each assignment the job it is, as text that can be compared."""
    parts = [pc.fill_null(assignments[name], "") for name in _JOB]
    return pc.binary_join_element_wise(*parts, "\x1f").combine_chunks()


def _gone(known: pa.Table, people: pa.Table) -> list[Row]:
    here = pc.is_in(known["person"], people["person"].combine_chunks())
    rows: list[Row] = known.filter(pc.invert(here)).to_pylist()
    return rows


def _complete_rosters(tables: Tables) -> set[str]:
    verdicts = tables["completeness"].to_pylist()
    bad = {v["source"] for v in verdicts if not v["complete"]}
    return {v["source"] for v in verdicts if v["subject"] == "people"} - bad


_HERE = ("active", "leave", "unknown")


def _check_ceiling(source: str, gone: list[Row], known: pa.Table, workspace: Workspace) -> None:
    ceiling = workspace.policy.rosters.vanished
    is_here = pc.and_(pc.equal(known["source"], source), pc.is_in(known["status"], pa.array(_HERE)))
    expected = pc.sum(is_here).as_py() or 0
    vanished = [r for r in gone if r["source"] == source and r["status"] in _HERE]
    most = max(ceiling.floor, expected * ceiling.percent / 100)
    if len(vanished) > most:
        raise RosterFault(
            f"{source}: {len(vanished)} of {expected} people vanished without a termination, {math.floor(most)} are allowed",
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


def _first_seen(people: pa.Table, known: pa.Table | None, as_of: datetime) -> pa.Table:
    """Note when this tool first saw that somebody had left."""
    position = people.schema.get_field_index("first_seen_left_at")
    column = people.schema.field(position)
    seen = pa.scalar(as_of, column.type)
    if known is not None:
        before = known["first_seen_left_at"].take(pc.index_in(people["person"], known["person"].combine_chunks()))
        seen = pc.coalesce(before, seen)
    is_left = pc.equal(people["status"], "left")
    return people.set_column(position, column, pc.if_else(is_left, seen, pa.scalar(None, column.type)))
