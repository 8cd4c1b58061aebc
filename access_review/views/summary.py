"""What a review found, as one small value: for ``--json``, the terminal and the report."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypedDict, cast

import pyarrow as pa
import pyarrow.compute as pc

from access_review import rules
from access_review.connectors.shrunk import TOLD
from access_review.facts import FINDINGS
from access_review.findings.control import CONTROL_RULES, control_lines
from access_review.findings.judged_share import Judged
from access_review.findings.sentences import every_sentence
from access_review.model import CURRENT, Rag, Severity, Status
from access_review.review import Report
from access_review.snapshot import Manifest, ManifestSource
from access_review.tables import Row
from access_review.views.control import ControlSummary, control_summary
from access_review.views.families import family_of, order_of
from access_review.views.groups import GroupsSummary, groups_summary
from access_review.views.text import visible

FORMAT = "access-review/summary@1"
SEVERITIES = tuple(str(s) for s in reversed(Severity))
RAGS = tuple(str(r) for r in Rag)
MOST_LINES = 20
"""Groups that are shown at first: as many lines as somebody acts on."""


class UnreadPart(TypedDict):
    """Something of a source that was not read whole, and why."""

    subject: str
    reason: str


class SourceSummary(TypedDict):
    """How a source was read: the rows it gave, what of it is incomplete, and unusable input by kind.

    ``told`` is what somebody should know of it though it is complete: that nothing could tell whether it is.
    """

    source: str
    connector: str
    complete: bool
    received: int
    incomplete: list[UnreadPart]
    told: list[str]
    problems: dict[str, int]


class FindingCounts(TypedDict):
    """Findings by status, and those that are new or open by severity and RAG status."""

    current: int
    status: dict[str, int]
    severity: dict[str, int]
    rag: dict[str, int]


class RuleCounts(TypedDict):
    """The new and open findings of one rule: all of them, and by severity and RAG status."""

    rule: str
    title: str
    family: str
    total: int
    critical: int
    high: int
    medium: int
    low: int
    red: int
    amber: int
    green: int


class TopFinding(TypedDict):
    """One of the findings of highest risk (0 to 100)."""

    finding: str
    rule: str
    severity: str
    rag: str
    risk: int
    subject: str
    subject_name: str | None
    about: str | None
    about_name: str | None
    person_name: str | None
    code: str
    facts: dict[str, str | int | None]
    reason: str
    remedy: str
    status: str


class SilentRule(TypedDict):
    """A rule that was not evaluated, and why."""

    rule: str
    title: str
    reason: str


class WithheldRule(SilentRule):
    """A rule that could not look everywhere, with the number of findings that it keeps back."""

    withheld: int


class UnjudgedSummary(TypedDict):
    """Accounts, and grants of theirs, that were not judged, and why: no-owner, no-role, not-a-person."""

    why: str
    accounts: int
    grants: int


class JudgedSummary(TypedDict):
    """How many accounts and direct grants there are, how many were judged, and the others by why not.

    ``whole`` is true where all were judged and every source was read whole: only then no finding means that
    nothing is wrong. ``unread`` are the sources that were not. ``copies`` are synced copies of grants, judged where
    they come from.
    """

    accounts: int
    accounts_judged: int
    grants: int
    copies: int
    grants_judged: int
    not_judged: list[UnjudgedSummary]
    unread: list[str]
    whole: bool


class Summary(TypedDict):
    """A review in short, as JSON: moments in ISO 8601, ``snapshot`` and ``digest`` as ``sha256:<hex>``.

    ``access`` counts the findings without ``control``, which is where the review itself fell short; ``top`` has none of that. ``groups`` are findings of one matter as
    one line each, null for a review read back whose groups were not counted.
    ``rows`` counts those of the main tables; ``report`` and ``next`` are empty where there is no file or command.
    """

    format: str
    as_of: str
    organisation: str
    snapshot: str
    digest: str
    sources: list[SourceSummary]
    rows: dict[str, int]
    judged: JudgedSummary | None
    findings: FindingCounts
    access: FindingCounts
    rules: list[RuleCounts]
    groups: GroupsSummary | None
    control: list[ControlSummary]
    top: list[TopFinding]
    not_evaluated: list[SilentRule]
    withheld: list[WithheldRule]
    report: str
    next: str


def counts_of(rule: RuleCounts) -> Mapping[str, int]:
    """Return the counts of a rule by the name of each severity and RAG status."""
    counts = cast("Mapping[str, int]", rule)
    return {name: counts[name] for name in (*SEVERITIES, *RAGS)}


def titles() -> Mapping[str, str]:
    """Return the title of every rule."""
    return {name: rule.title.rstrip(".") for name, rule in rules.load().items()}


def summary(
    report: Report,
    manifest: Manifest,
    *,
    organisation: str = "",
    top: int = 10,
    groups: int = MOST_LINES,
    report_file: str = "",
    next_command: str = "",
) -> Summary:
    """Summarise a review; ``manifest`` is the snapshot's, ``top`` and ``groups`` how many of each are in it."""
    named = titles()
    counted = report.count_by("rule", "status", "severity", "rag")
    fell_short = current_findings(report) if any(row["rule"] in CONTROL_RULES for row in counted) else ()
    return {
        "format": FORMAT,
        "as_of": report.as_of.isoformat(),
        "organisation": organisation,
        "snapshot": manifest.digest,
        "digest": report.digest,
        "sources": [_source(name, source) for name, source in sorted(manifest.sources.items())],
        "rows": {name: manifest.tables[name].rows for name in ("people", "accounts", "entitlements", "grants")},
        "judged": judged_summary(report.judged, manifest),
        "findings": finding_counts(counted),
        "access": finding_counts(row for row in counted if row["rule"] not in CONTROL_RULES),
        "rules": _by_rule(counted, named),
        "groups": groups_summary(report.groups, named, groups) if report.groups else None,
        "control": [
            control_summary(line)
            for line in control_lines(row for piece in fell_short for row in _apart(piece).to_pylist())
        ],
        "top": [
            cast("TopFinding", {name: row[name] for name in TopFinding.__annotations__})
            for row in highest(map(about_access, current_findings(report)), top)
        ],
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


def finding_counts(counted: Iterable[Row]) -> FindingCounts:
    """Count findings by status, and those that are new or open by severity and RAG status.

    ``counted`` are how many ``findings`` have which of these: rows of :meth:`access_review.review.Report.count_by`.
    """
    of: dict[str, Counter[str]] = defaultdict(Counter)
    for row in counted:
        of["status"][row["status"]] += row["findings"]
        for column in ("severity", "rag") if row["status"] in CURRENT else ():
            of[column][row[column]] += row["findings"]
    return {
        "current": of["rag"].total(),
        "status": {str(one): of["status"][one] for one in Status},
        "severity": {one: of["severity"][one] for one in SEVERITIES},
        "rag": {one: of["rag"][one] for one in RAGS},
    }


def judged_summary(found: Judged | None, manifest: Manifest) -> JudgedSummary | None:
    """Return how much was judged, as JSON; nothing where that was not measured."""
    if found is None:
        return None
    unread = [name for name, source in sorted(manifest.sources.items()) if not (source.verdicts and source.complete)]
    return {
        "accounts": found.accounts,
        "accounts_judged": found.accounts_judged,
        "grants": found.grants,
        "copies": found.copies,
        "grants_judged": found.grants_judged,
        "not_judged": [{"why": str(p.why), "accounts": p.accounts, "grants": p.grants} for p in found.unjudged],
        "unread": unread,
        "whole": found.whole and not unread,
    }


def about_access(findings: pa.Table) -> pa.Table:
    """Return findings without those that say that the review fell short."""
    return findings.filter(pc.invert(pc.is_in(findings["rule"], pa.array(CONTROL_RULES))))


def _apart(findings: pa.Table) -> pa.Table:
    return findings.filter(pc.is_in(findings["rule"], pa.array(CONTROL_RULES)))


def current_findings(report: Report) -> Iterator[pa.Table]:
    """Yield the new and open findings of a review, in pieces."""
    for piece in report.pieces():
        yield piece.filter(pc.is_in(piece["status"], pa.array(CURRENT)))


def highest(findings: Iterable[pa.Table], most: int) -> list[Row]:
    """Return the findings of highest risk, ties by rule and subject, so that equal reviews list the same ones.

    Of equal risk, which ends at 100, what gives everything away stands first. They are as people are shown them:
    with their sentences, made here.
    """
    order = [("risk", "descending"), ("_tier0", "descending"), ("rule", "ascending"), ("subject", "ascending")]
    kept, least = _ranked(FINDINGS.schema.empty_table()), 0
    for piece in findings:
        # What cannot come among them is not sorted.
        ranked = _ranked(piece.filter(pc.greater_equal(piece["risk"], least)))
        kept = (
            pa.concat_tables([kept, ranked], promote_options="default")
            .sort_by([*order, ("finding", "ascending")])
            .slice(0, most)
        )
        least = pc.min(kept["risk"]).as_py() if len(kept) == most else 0
    sentences = every_sentence()
    return [sentences.shown(row) for row in kept.drop_columns(["_tier0"]).to_pylist()]


def _ranked(findings: pa.Table) -> pa.Table:
    parts = pc.struct_field(pc.extract_regex(findings["risk_parts"], r'"tier0":(?P<tier0>\d+)'), "tier0")
    return findings.append_column("_tier0", pc.fill_null(parts.cast(pa.int64()), 0))


def _source(name: str, source: ManifestSource) -> SourceSummary:
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
        "told": [source.verdicts[subject].reason or "" for subject in TOLD if subject in source.verdicts],
        "problems": dict(sorted(source.problems.items())),
    }


def warning_lines(sources: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for each thing that is told, the sources that it is told of before it."""
    named: dict[str, list[str]] = defaultdict(list)
    for source, lines in sorted(sources.items()):
        for line in lines:
            named[line].append(visible(source))
    return [f"{', '.join(names)}: {visible(line)}" for line, names in named.items()]


def _by_rule(rows: Iterable[Row], named: Mapping[str, str]) -> list[RuleCounts]:
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for column in ("severity", "rag") if row["status"] in CURRENT else ():
            counted[row["rule"]][row[column]] += row["findings"]
    return [
        {
            "rule": rule,
            "title": named.get(rule, rule),
            "family": family_of(rule),
            "total": sum(of[s] for s in SEVERITIES),
            "critical": of["critical"],
            "high": of["high"],
            "medium": of["medium"],
            "low": of["low"],
            "red": of["red"],
            "amber": of["amber"],
            "green": of["green"],
        }
        for rule, of in sorted(counted.items(), key=lambda item: order_of(item[0]))
    ]
