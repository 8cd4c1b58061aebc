"""Zones: on whose clock each person works, as the rosters say: times are shown in it, with UTC beside."""

import json
from collections.abc import Collection, Mapping
from zoneinfo import available_timezones

import pyarrow as pa
import pyarrow.compute as pc

from access_review.runs import Run
from access_review.store import snapshots
from access_review.workspace import Workspace

ATTRIBUTE = "timezone"


def person_zones(workspace: Workspace, run: Run, people: Collection[str] | None = None) -> dict[str, str]:
    """Return the zone of each person whose assignments name one and the same, or of some; raises ``ArtifactError`` for a damaged run."""
    options = {source.name: source.options for source in workspace.sources}
    known, found = available_timezones(), dict[str, set[str]]()
    assignments = snapshots.load(run).tables["assignments"]
    if people is not None:
        assignments = assignments.filter(pc.is_in(assignments["person"], pa.array(sorted(people), pa.string())))
    for row in assignments.to_pylist():
        attributes = json.loads(row["attributes"] or "{}")
        zone = attributes.get(ATTRIBUTE) or _declared(options.get(row["source"], {}), attributes)
        if zone in known:
            found.setdefault(row["person"], set()).add(zone)
    return {person: min(zones) for person, zones in found.items() if len(zones) == 1}


def common_zone(workspace: Workspace, run: Run, people: Collection[str]) -> str:
    """Return the zone in which all of these people work, else that of the reviews; empty for UTC. Raises as :func:`person_zones`."""
    zones = person_zones(workspace, run, people)
    found = {zones.get(person) for person in people}
    agreed = found.pop() if len(found) == 1 else None
    zone = agreed or workspace.policy.reviewing.timezone
    return "" if zone == "UTC" else zone


def _declared(options: Mapping[str, object], attributes: Mapping[str, str]) -> str:
    """Return the zone that a source file gives all of its people, or those at one place of work."""
    match options.get("timezone"):
        case str(zone):
            return zone
        case {"column": column, "map": Mapping() as places}:
            columns = options.get("columns")
            named = columns if isinstance(columns, Mapping) else {}
            places_of = (attributes.get(name, "") for name, read in named.items() if read == column)
            return next((str(places[place]) for place in places_of if place in places), "")
        case _:
            return ""
