"""What a check of the workspace found, for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TypedDict

from access_review.changes import ReadablePart
from access_review.connectors.shrunk import TOLD
from access_review.connectors.tabular.freshness import AGE
from access_review.explain.coverage import Coverage
from access_review.explain.role_members import WhoNobodyHas
from access_review.views import coverage, judged_share, role_members
from access_review.views.summary import JudgedSummary, warning_lines
from access_review.views.terminal import fitted, wrapped
from access_review.views.text import count, listed, visible


class CheckedVerdict(TypedDict):
    """Whether a table or part of a source was read whole, why not, and how many rows there were and should be."""

    complete: bool
    reason: str | None
    received: int | None
    expected: int | None


class UnusableInput(TypedDict):
    """One input that could not be used: where it stands, of which kind it is, and why."""

    locator: str
    kind: str
    reason: str


class CheckedSource(TypedDict):
    """What a source would load: ``rows`` by table, ``problems`` by kind, of which the first are ``unusable``."""

    source: str
    connector: str
    complete: bool
    verdicts: dict[str, CheckedVerdict]
    problems: dict[str, int]
    rows: dict[str, int]
    unusable: list[UnusableInput]


class UnresolvedPattern(TypedDict):
    """A pattern of a template that matches nothing today, with ``file:line``."""

    place: str
    pattern: str


class CheckedWindDown(TypedDict):
    """A declared wind-down, and how many ``people`` the rosters have who belong to it alone."""

    wind_down: str
    of: str
    expected: int
    since: str
    until: str
    people: int


class UnknownClient(TypedDict):
    """A client of the policy that nobody works for, and the nearest that somebody does, empty where none is near."""

    client: str
    near: str


class NamedNobodyValue(TypedDict):
    """A name in a file of the workspace, under a key, that is nobody who works here now, and why."""

    file: str
    key: str
    name: str
    reason: str


class _Checked(TypedDict):
    format: str
    as_of: str
    workspace_digest: str
    sources: list[CheckedSource]
    templates: int
    unresolved: list[UnresolvedPattern]
    wind_downs: list[CheckedWindDown]
    unknown_clients: list[UnknownClient]
    named_nobody: list[NamedNobodyValue]


class CheckResult(_Checked):
    """What a workspace would load; ``as_of`` is in ISO 8601, ``templates`` counts the role templates."""

    coverage: Coverage
    judged: JudgedSummary | None
    nobody_has: tuple[WhoNobodyHas, ...]


class CheckValue(_Checked):
    """A :class:`CheckResult` as scripts read it."""

    coverage: coverage.CoverageValue
    judged: JudgedSummary | None
    nobody_has: list[role_members.NobodyValue]


def value(result: CheckResult) -> CheckValue:
    """Return it as the JSON that scripts read."""
    unmatched = [role_members.value(one) for one in result["nobody_has"]]
    return {**result, "coverage": coverage.value(result["coverage"]), "nobody_has": unmatched}


def live_value(said: Mapping[str, Sequence[ReadablePart]]) -> dict[str, list[dict[str, str | bool]]]:
    """Return the parts of each live source as the JSON that scripts read."""
    return {source: [asdict(part) for part in parts] for source, parts in said.items()}


def warnings_of(verdicts: Mapping[str, CheckedVerdict]) -> list[str]:
    """Return what people are told of a source though it is complete."""
    return [verdicts[subject]["reason"] or "" for subject in TOLD if subject in verdicts]


def text(result: CheckResult, width: int = 100) -> str:
    """Say per source what would be loaded and what could not be read, and which template lines match nothing."""
    return "\n".join(_lines(result, width))


def _lines(result: CheckResult, width: int) -> Iterator[str]:
    yield from (wrapped(line, width) for line in coverage.warnings(result["coverage"]))
    yield f"The workspace is valid: {count(len(result['sources']), 'source')}, {count(result['templates'], 'role template')}."
    yield ""
    rows = [
        (
            visible(source["source"]),
            source["connector"],
            ", ".join(f"{number:,} {name}" for name, number in source["rows"].items()) or "nothing",
            "complete" if source["complete"] else "incomplete",
        )
        for source in result["sources"]
    ]
    yield fitted(("source", "connector", "would load", "read"), rows, width)
    yield from (wrapped(line, width, "    ") for line in _remarks(result))
    yield ""
    yield from coverage.by_source(result["coverage"], width)
    if result["judged"]:
        yield judged_share.paragraph(result["judged"], width)


def _remarks(result: CheckResult) -> Iterator[str]:
    for source in result["sources"]:
        yield from _unread(source)
        if source["problems"]:
            kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(source["problems"].items()))
            yield f"{visible(source['source'])}: input that could not be used: {kinds}"
        yield from (f"  {visible(row['locator'])}: {visible(row['reason'])}" for row in source["unusable"])
    yield from warning_lines({source["source"]: warnings_of(source["verdicts"]) for source in result["sources"]})
    for line in result["unresolved"]:
        yield f"{line['place']}: {visible(line['pattern'])} matches nothing today"
    yield from map(role_members.warning, result["nobody_has"])
    for one in result["unknown_clients"]:
        meant = f": is {visible(one['near'])} meant?" if one["near"] else ""
        yield f"roles/policy.yaml: nobody works for the client {visible(one['client'])}{meant}"
    for named in result["named_nobody"]:
        yield f"{named['file']}: {named['key']}: {visible(named['reason'])}"
    for wind_down in result["wind_downs"]:
        yield (
            f"roles/wind-downs/{visible(wind_down['wind_down'])}.yaml: {visible(wind_down['of'])}, "
            f"{wind_down['expected']:,} people from {wind_down['since']} to {wind_down['until']}; "
            f"{wind_down['people']:,} in the rosters are of it alone"
        )


FOLDED = 3
"""Parts or groups with one and the same reason that stand in lines of their own; more of them are one line."""


def _unread(source: CheckedSource) -> Iterator[str]:
    """Say what was not read: optional parts apart from what makes the source incomplete; many of one kind in one line."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for subject, verdict in sorted(source["verdicts"].items()):
        if not verdict["complete"] and subject not in TOLD:
            kind = "part" if subject.startswith("part:") else ":".join(subject.split(":")[1:2])
            several = ("are too much" if subject == AGE else "were not read") if kind == "part" else "are incomplete"
            reason = visible(verdict["reason"] or "no reason given")
            group = (kind, several, reason) if kind else ("", several, reason)
            alike.setdefault(group, []).append(visible(subject.removeprefix("part:")))
    for (kind, state, reason), subjects in alike.items():
        name = visible(source["source"])
        if not kind:  # tables, of which each withholds findings of its own: all are named
            yield f"{name}: {listed(subjects, len(subjects))} {state if len(subjects) > 1 else 'is incomplete'}: {reason}"
        elif len(subjects) > FOLDED:
            what = f"{len(subjects):,} {kind}s"
            yield f"{name}: {what} {state}: {reason} ({', '.join(subjects[:FOLDED])} …; all of them: check --json)"
        else:
            single = {"are too much": "is too much", "were not read": "was not read"}.get(state, "is incomplete")
            yield from (f"{name}: {subject} {single}: {reason}" for subject in subjects)


def live_text(said: Mapping[str, Sequence[ReadablePart]]) -> str:
    """Say of each live source what its reader may not read, which permission is missing, and what that costs."""
    if not said:
        return "No source is read live, or none of them can tell what its reader may read."
    return "\n".join(line for source, parts in said.items() for line in _live_lines(source, parts))


def _live_lines(source: str, parts: Sequence[ReadablePart]) -> Iterator[str]:
    lost = [part for part in parts if not part.can and not part.absent]
    absent = [part for part in parts if part.absent]
    yield f"{visible(source)}: {sum(part.can for part in parts)} of {count(len(parts), 'part')} can be read."
    for part in lost:
        yield f"  {visible(part.part)}: {visible(part.reason)}; needs {part.permission}. {part.lost}"
    for part in absent:
        yield f"  {visible(part.part)}: left out, or not in this tenant: {visible(part.reason)}"
