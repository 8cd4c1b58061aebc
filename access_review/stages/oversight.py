"""Oversight: the rows behind what an overseer sees, of some clients alone to whom the policy shows no more.

Whose rows are whose is decided where a client's part is handed over
(:mod:`access_review.audit.client_extract`), so that a page shows no more than that part does.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from access_review.artifacts import WORKLIST
from access_review.audit import client_extract
from access_review.audit.campaign import Campaign
from access_review.audit.client_extract import ANOTHER, STRUCK_OUT, Borders
from access_review.audit.worklist import WorkItem
from access_review.connectors import WHOLE_SOURCE
from access_review.connectors.tabular.freshness import AGE
from access_review.errors import Unclear
from access_review.findings.sentences import every_sentence
from access_review.model import CURRENT
from access_review.offboarding.leaver import Check, Leaver, Leavers, System, limited
from access_review.runs import Run
from access_review.snapshot import Completeness, ManifestSource
from access_review.stages.offboarding import newest_leavers
from access_review.store import audits, logged, reviews, snapshots
from access_review.store.recalled import read_again
from access_review.tables import TABLES, Row
from access_review.workspace import Workspace

_RUNS_BACK = 60
"""How many runs are looked through for when a source was last read whole."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see of one run: everything, or, where there are ``borders``, what lies within them.

    ``unknown`` are clients of theirs for whom nobody works there.
    """

    borders: tuple[Borders, ...] | None = None
    unknown: tuple[str, ...] = ()

    def of_finding(self, row: Row) -> Borders | None:
        """Return within which borders a finding lies; nothing for one that is in none."""
        person, client = row["person"], row["client"]
        return next((b for b in self.borders or () if (person in b.own if person else client == b.client)), None)

    def of_leaver(self, one: Leaver) -> Borders | None:
        """Return within which borders a leaver lies; nothing for one who is in none."""
        return next((b for b in self.borders or () if b.client in one.clients), None)

    def strike(self, text: str) -> str:
        """Return text without what lies beyond all of the borders: names of other clients and of their people."""
        struck = [b.strike(text) for b in self.borders or ()]
        return text if not struck or text in struck else struck[0]


def sight_of(workspace: Workspace, run: Run, clients: Collection[str]) -> Sight:
    """Return what who sees some clients alone may see of a run, and everything for no clients.

    Raises ``Unclear`` where nobody works for any of them: others are not named.
    """
    if not clients:
        return Sight()
    known = set(snapshots.load(run, ("assignments",)).tables["assignments"]["client"].to_pylist())
    if not set(clients) & known:
        raise Unclear(
            f"nobody works for {' or '.join(clients)} in run {run.id}",
            hint="whose part you see stands in roles/policy.yaml, under web: operations",
        )
    with reviews.opened(workspace, run) as facts:
        found = tuple(client_extract.draw_borders(facts.engine, client) for client in clients if client in known)
    return Sight(found, tuple(client for client in clients if client not in known))


def open_findings(run: Run, sight: Sight) -> pa.Table:
    """Return what is open and may be seen, the highest risk first, as it is kept; raises ``ArtifactError``.

    It stays a table: of a large company it has more rows than anybody makes objects of for one page.
    """
    table = reviews.read(run).findings
    seen = pc.is_in(table["status"], pa.array(CURRENT))
    if sight.borders is not None:
        seen = pc.and_(seen, _theirs(table, sight.borders))
    order = [("risk", "descending"), ("rule", "ascending"), ("subject", "ascending"), ("finding", "ascending")]
    return table.filter(seen).sort_by(order)


def _theirs(table: pa.Table, borders: Sequence[Borders]) -> pa.Array:
    own = pa.array(sorted({person for b in borders for person in b.own}), pa.string())
    clients = pa.array([b.client for b in borders], pa.string())
    somebody = pc.fill_null(pc.not_equal(table["person"], ""), fill_value=False)
    return pc.if_else(somebody, pc.is_in(table["person"], own), pc.is_in(table["client"], clients))


def those_with(findings: pa.Table, column: str, values: Collection[str]) -> pa.Table:
    """Return the findings that have one of some values in a column."""
    return findings.filter(pc.is_in(findings[column], pa.array(sorted(values), pa.string())))


def some_with(findings: pa.Table, wanted: Mapping[str, str], start: int, most: int) -> tuple[pa.Table, int]:
    """Return ``most`` findings from number ``start`` on of those that have some values, by column, and how many those are."""
    if not wanted:
        return findings.slice(start, most), len(findings)
    places = pc.indices_nonzero(reduce(pc.and_, (pc.equal(findings[name], value) for name, value in wanted.items())))
    return findings.take(places.slice(start, most)), len(places)


def numbers(findings: pa.Table, column: str) -> Counter[str]:
    """Count findings by what they have in a column."""
    return Counter({row["values"]: row["counts"] for row in pc.value_counts(findings[column]).to_pylist()})


def in_words(findings: pa.Table, sight: Sight) -> list[Row]:
    """Return findings as they are shown, in words and without the names of other clients' people."""
    sentences, rows = every_sentence(), findings.to_pylist()
    if sight.borders is None:
        return [sentences.shown(row) for row in rows]
    return [shown for row in rows if (b := sight.of_finding(row)) for shown in client_extract.select_findings([row], b)]


def seen_leavers(workspace: Workspace, run: Run, sight: Sight) -> Leavers:
    """Return who leaves, as the run has it, or where no command kept that or a batch went on since, found now.

    Raises ``PlanRefused`` for the journal of a batch that is gone before its time.
    """
    everyone = newest_leavers(workspace, run)
    if sight.borders is None:
        return everyone
    return limited(everyone, (_within(one, b) for one in everyone.leavers if (b := sight.of_leaver(one))))


def _within(one: Leaver, borders: Borders) -> Leaver:
    clients = tuple(client if client == borders.client else ANOTHER for client in one.clients)
    systems = tuple(replace(system, checks=tuple(_checks(system, borders))) for system in one.systems)
    return replace(
        one,
        clients=tuple(dict.fromkeys(clients)),
        note=borders.strike(one.note),
        systems=tuple(replace(system, source=borders.strike(system.source)) for system in systems),
    )


def _checks(system: System, borders: Borders) -> Iterator[Check]:
    strike = borders.strike
    for check in system.checks:
        opened, done = tuple(map(strike, check.open)), tuple(map(strike, check.done))
        yield replace(check, reason=strike(check.reason), open=opened, done=done)


@dataclass(frozen=True, slots=True)
class WaitedFor:
    """A reviewer, how many items were asked of them, and how many have no answer."""

    reviewer: str
    name: str
    open: int
    asked: int


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """One audit as it goes: who was asked how much, those first who are waited for most."""

    run: Run
    audit: Campaign
    reviewers: tuple[WaitedFor, ...]

    @property
    def asked(self) -> int:
        """How many items were asked about."""
        return sum(one.asked for one in self.reviewers)

    @property
    def open(self) -> int:
        """How many of them have no answer."""
        return sum(one.open for one in self.reviewers)


def campaign_progress(run: Run, audit: Campaign, items: Iterable[WorkItem]) -> CampaignProgress:
    """Return how one audit goes, by those of its ``items`` that may be seen; raises ``ArtifactError`` for damaged files."""
    answered = audits.decisions(run).current
    asked: Counter[tuple[str, str]] = Counter()
    left: Counter[tuple[str, str]] = Counter()
    for item in items:
        asked[_asked_of(item), item.reviewer_name] += 1
        left[_asked_of(item), item.reviewer_name] += item.item not in answered
    order = sorted(asked, key=lambda one: (-left[one], one[1], one[0]))
    return CampaignProgress(run, audit, tuple(WaitedFor(*one, left[one], asked[one]) for one in order))


def find_campaign(folder: Path, name: str) -> tuple[Run, Campaign]:
    """Return an audit by the name of its run; raises ``Unclear``."""
    found = next((one for one in audits.all_audits(folder) if one[0].id == name), None)
    if found is None:
        raise Unclear("there is no such audit", hint="choose one of those listed")
    return found


def unanswered(run: Run, items: Iterable[WorkItem], reviewer: str) -> tuple[WorkItem, ...]:
    """Return the items of a reviewer that have no answer, in the order of the sheets."""
    answered = audits.decisions(run).current
    return tuple(item for item in items if _asked_of(item) == reviewer and item.item not in answered)


def _asked_of(item: WorkItem) -> str:
    """Return who is asked, by id; those of other clients are one, and not what is assigned to nobody."""
    return STRUCK_OUT if item.reviewer_name == STRUCK_OUT else item.reviewer


def seen_items(run: Run, sight: Sight) -> Sequence[WorkItem]:
    """Return what is asked in an audit, as far as it may be seen: to who sees some clients alone without others' names."""
    work = read_again(run, WORKLIST).items
    if sight.borders is None:
        return work
    found = (item for b in sight.borders for item in client_extract.select_items(work, b))
    return tuple({item.item: item for item in reversed(tuple(found))}.values())[::-1]


@dataclass(frozen=True, slots=True)
class SourceAge:
    """One source: when the newest run read it, and when one last read it whole; null where none of those looked at did.

    ``missing`` is why it was not, ``besides`` what else was not read, on which no table depends; ``parts`` has how many
    rows of each table came.
    """

    name: str
    connector: str
    read_at: datetime
    whole_at: datetime | None
    complete: bool
    missing: tuple[str, ...]
    besides: tuple[str, ...]
    parts: tuple[tuple[str, Completeness], ...]

    @property
    def rows(self) -> int:
        """How many rows came."""
        return sum(part.received or 0 for _, part in self.parts)


def source_ages(folder: Path) -> tuple[SourceAge, ...]:
    """Return the sources of the newest run, those first that were not read whole; raises ``ArtifactError``."""
    runs = logged.known_runs(folder)[::-1][:_RUNS_BACK]
    if not runs:
        return ()
    newest, whole = snapshots.read_manifest(runs[0]), _last_whole(runs)
    ages = (_age(name, source, runs[0], whole.get(name)) for name, source in newest.sources.items())
    return tuple(sorted(ages, key=lambda one: (one.complete, not one.missing, one.name)))


def _last_whole(runs: Sequence[Run]) -> Mapping[str, datetime]:
    """Return when each source of the newest run was last read whole; older runs are opened only for those that were not."""
    found: dict[str, datetime] = {}
    wanted: set[str] | None = None
    for run in runs:
        sources = snapshots.read_manifest(run).sources
        wanted = set(sources) if wanted is None else wanted
        for name in wanted & sources.keys() - found.keys():
            if sources[name].complete:
                found[name] = run.as_of
        if found.keys() >= wanted:
            break
    return found


def _age(name: str, source: ManifestSource, run: Run, whole: datetime | None) -> SourceAge:
    of_tables = {subject: one for subject, one in sorted(source.verdicts.items()) if subject in TABLES}
    short = {subject: one.reason or "" for subject, one in sorted(source.verdicts.items()) if not one.complete}
    counts = {*of_tables, WHOLE_SOURCE, AGE}
    return SourceAge(
        name,
        source.connector,
        run.as_of,
        whole,
        source.complete,
        tuple(dict.fromkeys(why for subject, why in short.items() if subject in counts)),
        tuple(f"{subject.removeprefix('part:')}: {why}" for subject, why in short.items() if subject not in counts),
        tuple(of_tables.items()),
    )
