"""Evidence as OSCAL assessment results (NIST, 1.1.3), for programs that read those: a view, from which nothing is concluded."""

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from access_review.evidence.controls import CONTROLS, ControlEvidence
from access_review.evidence.pack import EvidencePack
from access_review.evidence.summary import RunSummary
from access_review.model import JsonObject
from access_review.views.evidence_figures import shown_by

VERSION = "1.1.3"
PATH = "oscal/assessment-results.json"
_NAMESPACE = "urn:access-review:oscal"


def assessment_results(
    made: EvidencePack, runs: Iterable[RunSummary], without: Collection[ControlEvidence]
) -> JsonObject:
    """Return a pack as OSCAL: a result for each run, its rules as objectives, the controls and where their evidence is.

    A rule is *not satisfied* where it found something, and only what was judged has a state at all. Equal packs give
    equal identifiers.
    """
    own = uuid5(NAMESPACE_URL, f"{_NAMESPACE}:{made.workspace}:{made.head}:{','.join(made.runs)}")
    plan = str(uuid5(own, "plan"))
    served = [one for one in CONTROLS if one not in without]
    return {
        "assessment-results": {
            "uuid": str(own),
            "metadata": {
                "title": f"Access reviews {made.runs[0]} to {made.runs[-1]}",
                "last-modified": _moment(made.made_at),
                "version": made.head.partition(":")[0],
                "oscal-version": VERSION,
                "remarks": f"Made by access-review {made.tool} from the evidence in the folder above this file.",
            },
            "import-ap": {
                "href": f"#{plan}",
                "remarks": "What was to be assessed: sources, templates and policy of each run.",
            },
            "results": [_result(own, one, served) for one in runs],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": "What was assessed, as files of the workspace",
                        "rlinks": [{"href": f"../runs/{run}/declared.json"} for run in made.runs],
                    },
                ]
            },
        }
    }


def _result(own: UUID, run: RunSummary, served: Iterable[ControlEvidence]) -> JsonObject:
    of_run = uuid5(own, run.run)
    observations = [*_measured(of_run, run), *_controls(of_run, run, served)]
    findings = [_finding(of_run, run, rule.rule, rule.hits, rule.withheld) for rule in run.rules if rule.evaluated]
    made: dict[str, Any] = {
        "uuid": str(of_run),
        "title": f"Access review {run.run}",
        "description": f"What was read at {_moment(run.as_of)}, judged by {len(findings)} of {len(run.rules)} rules.",
        "start": _moment(run.as_of),
        "end": _moment(run.as_of),
        "reviewed-controls": {
            "control-selections": [
                {
                    "description": "Controls of several frameworks",
                    "include-controls": [{"control-id": _token(one)} for one in served],
                }
            ]
        },
        "observations": observations,
    }
    return {**made, "findings": findings} if findings else made


def _controls(of_run: UUID, run: RunSummary, served: Iterable[ControlEvidence]) -> Iterator[JsonObject]:
    for one in served:
        places = [place.replace("*", run.run, 1) for place in one.places]
        yield {
            "uuid": str(uuid5(of_run, _token(one))),
            "title": f"{one.framework} {one.control}",
            "description": one.measure,
            "methods": ["EXAMINE"],
            "collected": _moment(run.as_of),
            "relevant-evidence": [{"href": f"../{place}", "description": one.measure} for place in places],
        }


def _measured(of_run: UUID, run: RunSummary) -> Iterator[JsonObject]:
    lines = list(shown_by(run.run, run.figures)) if run.figures else []
    lines.append(
        f"{run.run}: {run.authenticated} answers authenticated, {run.claimed} claimed, {len(run.said)} statements signed"
    )
    for number, line in enumerate(lines):
        yield {
            "uuid": str(uuid5(of_run, f"measured {number}")),
            "title": line.partition(": ")[2],
            "description": line,
            "methods": ["TEST"],
            "collected": _moment(run.as_of),
            "relevant-evidence": [
                {"href": f"../figures/{run.run}.json", "description": "the figures, computed again by both verifiers"}
            ],
        }


def _finding(of_run: UUID, run: RunSummary, rule: str, hits: int, withheld: int) -> JsonObject:
    found = f"{hits} found" + (f", {withheld} more withheld: what they rest on was not read whole" if withheld else "")
    state = "not-satisfied" if hits or withheld else "satisfied"
    return {
        "uuid": str(uuid5(of_run, f"rule {rule}")),
        "title": rule,
        "description": f"{found}; row by row in tables/{run.run}/findings.csv",
        "target": {"type": "objective-id", "target-id": rule, "status": {"state": state}},
    }


def _token(one: ControlEvidence) -> str:
    """Return a control as an OSCAL token, as ``hipaa_164.308_a_4``."""
    words = re.sub(r"[^A-Za-z0-9.-]+", "_", f"{one.framework} {one.control}").strip("_")
    return words.lower()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
