"""What a review found, as one small value: for ``--json``, the terminal and the report."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from access_review import rules
from access_review.model import Rag, Severity, Status
from access_review.review import Report
from access_review.snapshot import Manifest, ManifestSource
from access_review.views.families import family_of, order_of

FORMAT = "access-review/summary@1"
SEVERITIES = tuple(str(s) for s in reversed(Severity))
RAGS = tuple(str(r) for r in Rag)
CURRENT = (str(Status.NEW), str(Status.OPEN))
"""Findings that call for something: waived and closed ones do not."""

_TOP = (
    "finding",
    "rule",
    "severity",
    "rag",
    "risk",
    "subject",
    "subject_name",
    "about",
    "about_name",
    "person_name",
    "reason",
    "remedy",
    "status",
)


def titles() -> Mapping[str, str]:
    """Return the title of every rule."""
    return {name: rule.title.rstrip(".") for name, rule in rules.load().items()}


def summary(
    report: Report,
    manifest: Manifest,
    *,
    organisation: str = "",
    top: int = 10,
    report_file: str = "",
    next_command: str = "",
) -> dict[str, Any]:
    """Summarise a review. ``manifest`` is the snapshot's; the value is JSON as it stands."""
    named = titles()
    current = report.findings.filter(pc.is_in(report.findings["status"], pa.array(CURRENT)))
    return {
        "format": FORMAT,
        "as_of": report.as_of.isoformat(),
        "organisation": organisation,
        "snapshot": manifest.digest,
        "digest": report.digest,
        "sources": [_source(name, source) for name, source in sorted(manifest.sources.items())],
        "rows": {name: manifest.tables[name].rows for name in ("people", "accounts", "entitlements", "grants")},
        "findings": {
            "current": len(current),
            "status": _counts(report.findings, "status", [str(s) for s in Status]),
            "severity": _counts(current, "severity", SEVERITIES),
            "rag": _counts(current, "rag", RAGS),
        },
        "rules": _by_rule(current, named),
        "top": [{name: row[name] for name in _TOP} for row in highest(current, top)],
        "not_evaluated": [
            {"rule": e.rule, "title": named.get(e.rule, e.rule), "reason": e.reason}
            for e in report.evaluations
            if not e.evaluated
        ],
        "withheld": [
            {"rule": e.rule, "title": named.get(e.rule, e.rule), "withheld": e.withheld, "reason": e.reason}
            for e in report.evaluations
            if e.evaluated and e.reason
        ],
        "report": report_file,
        "next": next_command,
    }


def highest(findings: pa.Table, most: int) -> list[dict[str, Any]]:
    """Return the findings of highest risk, ties by rule and subject, so that equal reviews list the same ones."""
    order = [("risk", "descending"), ("rule", "ascending"), ("subject", "ascending"), ("finding", "ascending")]
    rows: list[dict[str, Any]] = findings.sort_by(order).slice(0, most).to_pylist()
    return rows


def _source(name: str, source: ManifestSource) -> dict[str, Any]:
    return {
        "source": name,
        "connector": source.connector,
        # A source that said nothing about itself has shown nothing.
        "complete": bool(source.verdicts) and source.complete,
        "received": sum(verdict.received or 0 for verdict in source.verdicts.values()),
        "incomplete": [
            {"subject": subject, "reason": verdict.reason or "no reason given"}
            for subject, verdict in sorted(source.verdicts.items())
            if not verdict.complete
        ],
        "problems": dict(sorted(source.problems.items())),
    }


def _counts(findings: pa.Table, column: str, values: Sequence[str]) -> dict[str, int]:
    counted = Counter({v["values"]: v["counts"] for v in findings[column].value_counts().to_pylist()})
    return {value: counted[value] for value in values}


def _by_rule(findings: pa.Table, named: Mapping[str, str]) -> list[dict[str, Any]]:
    groups = findings.group_by(["rule", "severity", "rag"]).aggregate([([], "count_all")]).to_pylist()
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for group in groups:
        for column in ("severity", "rag"):
            counted[group["rule"]][group[column]] += group["count_all"]
    return [
        {
            "rule": rule,
            "title": named.get(rule, rule),
            "family": family_of(rule),
            "total": sum(of[s] for s in SEVERITIES),
            **{value: of[value] for value in (*SEVERITIES, *RAGS)},
        }
        for rule, of in sorted(counted.items(), key=lambda item: order_of(item[0]))
    ]
