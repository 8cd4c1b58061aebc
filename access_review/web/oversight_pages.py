"""Pages of operations heads and auditors: they read, and nothing here changes anything.

Everything shown is what a stage of the command line returns, of some clients alone to whom the
policy shows no more; each figure leads to its rows, and each list says how many more there are.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
from starlette.responses import Response

from access_review.artifacts import REVIEWED
from access_review.audit.client_extract import ClientScorecard
from access_review.audit.worklist import WorkItem
from access_review.errors import Unclear
from access_review.findings.control import CONTROL_RULES
from access_review.offboarding.leaver import AccessState, Late, Leaver, Leavers, LeaverStatus, limited
from access_review.runs import Run
from access_review.settings.measures import MeasureName
from access_review.stages import oversight as overseeing
from access_review.stages import scorecard as scoring
from access_review.stages import status as checking
from access_review.stages.client import read_client
from access_review.stages.offboarding import too_old
from access_review.stages.oversight import CampaignProgress, Sight
from access_review.stages.overview import overview
from access_review.stages.trend import read_trend
from access_review.stages.zones import person_zones
from access_review.store import audits, logged, watching
from access_review.store.recalled import FileStamp, stamp_of
from access_review.views import charts, text
from access_review.views import offboarding as leaving
from access_review.views import scorecard as scored
from access_review.views import status as checked
from access_review.views.summary import about_access
from access_review.views.trend import coverage
from access_review.web.pages import MOST, Visit

_FEW = 20
"""Rows of a list on the page of everything, which leads to all of them."""
_WEEKS = 52
_REVIEW = "review"
"""What findings are asked to be about: that the review itself fell short."""
_ROWS_OF = {
    MeasureName.SOURCES_COMPLETE: "/sources",
    MeasureName.WEEKS_AUDITED: "/campaigns",
    MeasureName.SAMPLED_SHARE: "/campaigns",
    MeasureName.UNITS_REVIEWED: "/campaigns",
    MeasureName.AUDITS_SIGNED_OFF: "/campaigns",
    MeasureName.COVERAGE: "/trend",
    MeasureName.MISS_LIMIT: "/trend",
    MeasureName.WRONG_LIMIT: "/trend",
    MeasureName.TEST_ROWS_CAUGHT: "/trend",
    MeasureName.OPEN_FINDINGS: "/findings",
    MeasureName.ORPHAN_RATE: "/findings?rule=account-unowned",
    MeasureName.AGENTS_OWNED: "/findings?rule=agent-unowned",
    MeasureName.STANDING_PRIVILEGE: "/findings?rule=standing-privilege",
    MeasureName.OLDEST_FINDING: "/findings",
    MeasureName.EXCESS_AGE: "/findings",
    MeasureName.FOLLOWED_UP: "/status",
    MeasureName.LEAVERS_OPEN_LATE: "/leavers?which=late",
    MeasureName.LEAVERS_IN_TIME: "/leavers?which=left",
    MeasureName.LEAVER_LAG: "/leavers?which=left",
}
"""Where the rows of a measure are; of one that counts findings, its rules say it."""


def status(visit: Visit) -> Response:
    """Show how the review and offboarding go, and how the check list stands."""
    run = _reviewed(visit)
    if run is None:
        return _nothing(visit)
    audited = visit.site.audit()
    found = overview(run, _findings(visit, run), _progress(visit, audited) if audited else None)
    return _page(
        visit,
        run,
        "status",
        found=found,
        shown=overseeing.in_words(found.leavers.slice(0, _FEW), _sight(visit, run)),
        counted=_counted(visit, run),
        strike=_sight(visit, run).strike,
        checkpoints=_checkpoints(visit),
        few=_FEW,
    )


def checkpoint(visit: Visit) -> Response:
    """Show one line of the check list with what was recorded about it."""
    run = _reviewed(visit)
    if run is None:
        return _nothing(visit)
    found = checking.read_checkpoint(visit.site.workspace(), run, visit.path("checkpoint"), visit.site.clock.now())
    words = checked.details(found.status, found.history, found.assured)
    return _page(visit, run, "checkpoint", one=found.status, words=words)


class _Which(NamedTuple):
    name: str
    title: str


LEAVERS = (
    _Which("", "not clear, or leaving soon"),
    _Which("signs-in", "can still sign in"),
    _Which("late", "can still sign in, late"),
    _Which("not-known", "may still sign in: it was not read"),
    _Which("left", "everybody who left"),
)
"""Which leavers a page lists, and how that is said."""


def leavers(visit: Visit) -> Response:
    """List who leaves: what is overdue first, with what is open, since when, and when it was due."""
    run = _reviewed(visit)
    if run is None:
        return _nothing(visit)
    made = _leavers(visit, run)
    asked = next((one for one in LEAVERS if one.name == visit.asked("which")), LEAVERS[0])
    part = visit.excerpt(_listed(made, asked.name))
    zones = visit.site.remembered(("zones", run), lambda: person_zones(visit.site.workspace(), run))
    rows = [leaving.shown(one, zones.get(one.person, "")) for one in part.rows]
    return _page(
        visit,
        run,
        "leavers",
        made=made,
        part=part,
        rows=rows,
        which=asked,
        choices=LEAVERS,
        counted=_counted(visit, run),
        stale=too_old(run, visit.site.clock.now()),
    )


def leaver(visit: Visit) -> Response:
    """Show one leaver in full: the four instants, the clock, and the check list of each system."""
    run = _reviewed(visit)
    if run is None:
        return _nothing(visit)
    one = _leavers(visit, run).of(visit.path("person"))
    if one is None:
        raise Unclear("nobody who leaves has this id", hint="choose one of those listed")
    zone = visit.site.remembered(("zones", run), lambda: person_zones(visit.site.workspace(), run)).get(one.person, "")
    systems = [(system.source, leaving.system_words(system), leaving.check_rows(system)) for system in one.systems]
    return _page(
        visit, run, "leaver", one=leaving.shown(one, zone), instants=leaving.instants(one, zone), systems=systems
    )


def campaigns(visit: Visit) -> Response:
    """List the audits, newest first, with how many answers are waited for."""
    part = visit.excerpt(audits.all_audits(visit.site.folder)[::-1], most=_FEW)
    return visit.page("campaigns", part=part, rows=[_listed_progress(visit, run) for run, _ in part.rows])


def campaign(visit: Visit) -> Response:
    """Show one audit: who is waited for, and how much."""
    run, _ = overseeing.find_campaign(visit.site.folder, visit.path("run"))
    progress = _progress(visit, run)
    due = progress.audit.opened_at + visit.site.workspace().policy.reviewing.close
    return visit.page("campaign", one=progress, part=visit.excerpt(progress.reviewers), due=due)


def reviewer(visit: Visit) -> Response:
    """Show what one reviewer has not answered yet."""
    run, _ = overseeing.find_campaign(visit.site.folder, visit.path("run"))
    progress = _progress(visit, run)
    who = next((one for one in progress.reviewers if one.reviewer == visit.path("reviewer")), None)
    if who is None:
        raise Unclear("nothing was asked of somebody with this id", hint="choose one of those listed")
    items = overseeing.unanswered(run, _items(visit, run), who.reviewer)
    return visit.page("waited_for", one=progress, who=who, part=visit.excerpt(items))


def findings(visit: Visit) -> Response:
    """List what is open about access, or the review itself, the highest risk first: all of it, of one colour, of one rule."""
    run = _reviewed(visit)
    if run is None:
        return _nothing(visit)
    rag, rule = visit.asked("rag"), visit.asked("rule")
    review = visit.asked("about") == _REVIEW or rule in CONTROL_RULES
    every = _findings_about(visit, run, review=review)
    colours, rules = overseeing.numbers(every, "rag"), overseeing.numbers(every, "rule")
    wanted = {column: value for column, value in (("rag", rag), ("rule", rule)) if value}
    some, total = overseeing.some_with(every, wanted, visit.first, MOST)
    rows = overseeing.in_words(some, _sight(visit, run))
    return _page(
        visit,
        run,
        "findings",
        part=visit.excerpt_of(rows, total),
        about=_REVIEW if review else "",
        others=len(_findings(visit, run)) - len(every),
        rag=rag if rag in colours else "",
        rule=rule if rule in rules else "",
        colours=colours,
        rules=sorted(rules.items()),
    )


def finding(visit: Visit) -> Response:
    """Show one finding: what is wrong, why it is said, and what may be done."""
    run = _reviewed(visit)
    if run is None:
        return _nothing(visit)
    found = overseeing.those_with(_findings(visit, run), "finding", [visit.path("finding")])
    if not len(found):
        raise Unclear("no such finding is open", hint="it may have been mended, accepted, or found by another run")
    (shown,) = overseeing.in_words(found, _sight(visit, run))
    return _page(visit, run, "finding", one=shown)


def sources(visit: Visit) -> Response:
    """Show how old what is known of each source is, and what is missing of it: those not read whole first."""
    ages = overseeing.source_ages(visit.site.folder)
    if not ages:
        return _nothing(visit)
    run = _reviewed(visit)
    strike = _sight(visit, run).strike if run else str
    return visit.page("sources", part=visit.excerpt(ages), strike=strike, now=visit.site.clock.now())


def watched(visit: Visit) -> Response:
    """Show how watching goes: whether somebody watches, what cannot be read and since when, and how soon people hear."""
    now, health = visit.site.clock.now(), watching.read_health(visit.site.folder)
    return visit.page("watched", health=health, fresh=health is not None and health.is_fresh(now), now=now)


def scorecard(visit: Visit) -> Response:
    """Show the points of each dimension with the metrics behind them; to who sees some clients alone, how each of those stands."""
    run, now = _reviewed(visit), visit.site.clock.now()
    if run is None:
        return _nothing(visit)
    workspace = visit.site.workspace()
    if visit.who.sees:
        everyone = visit.site.remembered(
            ("leavers", run, ()), lambda: overseeing.seen_leavers(workspace, run, Sight())
        ).leavers

        def card_of(client: str) -> ClientScorecard:
            return visit.site.remembered(
                ("card", run, client), lambda: read_client(workspace, run, client, everyone).card
            )

        cards = [card_of(one) for one in visit.who.sees if one not in _sight(visit, run).unknown]
        return _page(visit, run, "client_card", cards=cards)
    card = visit.site.remembered(("scorecard",), lambda: scoring.read_scorecard(workspace, now))
    shown = scored.shown(card)
    return _page(visit, run, "scorecard", score=shown, metrics=scored.shown_metrics(card), rows_of=_ROWS_OF)


def trend(visit: Visit) -> Response:
    """Show the weeks beside each other, as a picture and as a table, who answered, and who waits for being looked at."""
    run, now = _reviewed(visit), visit.site.clock.now()
    if run is None:
        return _nothing(visit)
    workspace = visit.site.workspace()
    found = visit.site.remembered(("trend",), lambda: read_trend(workspace, now))
    weeks = found.weeks[-_WEEKS:]
    bars = [charts.Bar(one.week, [("red", one.red), ("other", one.findings - one.red)]) for one in weeks[-12:]]
    return _page(
        visit,
        run,
        "trend",
        found=found,
        weeks=weeks,
        earlier=len(found.weeks) - len(weeks),
        picture=charts.columns("Open findings by week, the red part below", bars),
        coverage=coverage(found.coverage, workspace.policy.sampling.coverage_weeks),
        confidence=workspace.policy.sampling.confidence,
        rate=lambda rate: "not stated" if rate is None else text.limit(rate),
        reviewers=visit.excerpt(found.reviewers),
    )


def _reviewed(visit: Visit) -> Run | None:
    return logged.newest_reviewed(visit.site.folder)


def _nothing(visit: Visit) -> Response:
    return visit.page("message", heading="Nothing to show", text="Nothing has been reviewed yet: access-review audit.")


def _page(visit: Visit, run: Run, template: str, **values: Any) -> Response:
    """Set a page in type that says of which run it is, how old that is, and of whom it shows nothing."""
    age, unknown = visit.site.clock.now() - run.as_of, _sight(visit, run).unknown
    return visit.page(template, run=run, age=age, unknown=unknown, **values)


def _sight(visit: Visit, run: Run) -> Sight:
    clients = visit.who.sees
    if not clients:
        return Sight()
    make = partial(overseeing.sight_of, visit.site.workspace(), run, clients)
    return visit.site.remembered(("sight", run, clients), make, while_same=_reviewed_as(run))


def _findings(visit: Visit, run: Run) -> pa.Table:
    return findings_of(visit, run, visit.who.sees, _sight(visit, run))


def _findings_about(visit: Visit, run: Run, *, review: bool) -> pa.Table:
    """Return of the open findings those about access, or those that say that the review itself fell short."""
    every = _findings(visit, run)  # what is remembered is not made while something else is
    if review:
        return overseeing.those_with(every, "rule", CONTROL_RULES)
    key = ("findings about access", tuple(visit.who.sees))
    return visit.site.remembered(key, lambda: about_access(every), while_same=(run, _reviewed_as(run)))


def findings_of(visit: Visit, run: Run, clients: Sequence[str] = (), sight: Sight = Sight()) -> pa.Table:  # noqa: B008 - frozen
    """Return the open findings of a run as whoever has a sight of some ``clients`` sees them, read once for all of these."""
    make = partial(overseeing.open_findings, run, sight)
    return visit.site.remembered(("findings", tuple(clients)), make, while_same=(run, _reviewed_as(run)))


def _reviewed_as(run: Run) -> FileStamp | None:
    """Return what changes with the review of a run."""
    return stamp_of(run.folder / REVIEWED.path)


def _leavers(visit: Visit, run: Run) -> Leavers:
    sight = _sight(visit, run)
    return visit.site.remembered(
        ("leavers", run, visit.who.sees), lambda: overseeing.seen_leavers(visit.site.workspace(), run, sight)
    )


def _listed_progress(visit: Visit, run: Run) -> CampaignProgress | None:
    """Return how an audit goes; nothing where nobody worked for those clients then."""
    try:
        return _progress(visit, run)
    except Unclear:
        return None


def _progress(visit: Visit, run: Run) -> CampaignProgress:
    _, audit = overseeing.find_campaign(visit.site.folder, run.id)
    return overseeing.campaign_progress(run, audit, _items(visit, run))


def _items(visit: Visit, run: Run) -> Sequence[WorkItem]:
    if not visit.who.sees:
        return overseeing.seen_items(run, Sight())
    sight = _sight(visit, run)
    return visit.site.remembered(("items", run, visit.who.sees), lambda: overseeing.seen_items(run, sight))


def _checkpoints(visit: Visit) -> object:
    """Return how the check list stands, each line with what it shows; nothing for who sees some clients alone, or without one."""
    workspace = visit.site.workspace()
    if visit.who.sees or not workspace.checklist.checkpoints:
        return ()
    now = visit.site.clock.now()
    found = visit.site.remembered(("checkpoints",), lambda: checking.read_status(workspace, now))
    return [(one, checked.shows(one.reading)) for one in found.checkpoints]


def _listed(made: Leavers, which: str) -> tuple[Leaver, ...]:
    left = [one for one in made.leavers if one.standing is LeaverStatus.LEFT]
    if which == "left":
        return tuple(left)
    if which == "not-known":
        return tuple(one for one in left if one.signs_in is AccessState.UNKNOWN)
    if which in {"signs-in", "late"}:
        late = {Late.YES, Late.FAILED} if which == "late" else set(Late)
        return tuple(one for one in left if one.signs_in is AccessState.OPEN and one.clock.late in late)
    return leaving.since(made, None)


def _counted(visit: Visit, run: Run) -> Mapping[str, int]:
    made = _leavers(visit, run)
    left = limited(made, [one for one in made.leavers if one.standing is LeaverStatus.LEFT])
    return visit.site.remembered(
        ("counted", run, visit.who.sees), lambda: {one.name: len(_listed(left, one.name)) for one in LEAVERS}
    )
