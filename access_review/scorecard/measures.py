"""Each figure of the check list and the scorecard, from the records as they stood at a moment."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from access_review.findings.control import CONTROL_RULES
from access_review.findings.counts import ReviewCounts
from access_review.scorecard.follow_up import FollowUpKind
from access_review.scorecard.measurement import Measurement, Unmeasured
from access_review.scorecard.nine_in_ten import nine_in_ten, nine_in_ten_closed_within
from access_review.scorecard.records import QUARTER, AuditFigures, Records, RuleFigures, RunRecord, counted_changes
from access_review.scorecard.training import counted
from access_review.settings.measures import MeasureName

MONTH, WEEKS_BACK = timedelta(days=28), 13
ANSWERED_WITHIN = timedelta(days=14)
"""How long a mini-audit may take."""


@dataclass(frozen=True, slots=True)
class _View:
    """The records as they stood at a moment."""

    records: Records
    at: datetime
    runs: tuple[RunRecord, ...]
    rules: frozenset[str]

    @property
    def newest(self) -> RunRecord | None:
        return self.runs[-1] if self.runs else None

    def reviewed(self) -> RunRecord | None:
        """Return the newest run, where it is reviewed: an older review says nothing of now."""
        return self.newest if self.newest and self.newest.rules is not None else None

    def audits(self, since: timedelta | None = None) -> list[tuple[RunRecord, AuditFigures]]:
        found = [(run, run.audit) for run in self.runs if run.audit is not None]
        return [one for one in found if since is None or one[0].as_of > self.at - since]

    def wanted(self, run: RunRecord) -> list[tuple[str, RuleFigures]]:
        """Return the rules that are asked about: where none is named, all that find something about access."""
        rules = (run.rules or {}).items()
        return [(name, one) for name, one in rules if (name in self.rules if self.rules else name not in CONTROL_RULES)]


_Found = tuple[float | None, datetime | None, int | None, int | None, Unmeasured | None]


def measure(name: MeasureName, records: Records, at: datetime, rules: Collection[str] = ()) -> Measurement:
    """Return a figure as the records had it at a moment; of some ``rules`` alone, where these are named."""
    view = _View(records, at, records.runs_until(at), frozenset(rules))
    return Measurement(name, *_MEASURES[name](view))


def _unknown(why: Unmeasured, at: datetime | None = None) -> _Found:
    return None, at, None, None, why


def _share(part: int, whole: int, at: datetime, empty: float = 100.0) -> _Found:
    """Return a percentage; of nothing it is ``empty``, and says so by its counts."""
    return (100.0 * part / whole if whole else empty), at, part, whole, None


def _number(value: float, at: datetime) -> _Found:
    return float(value), at, None, None, None


def _of_none(at: datetime) -> _Found:
    """Return the figure of no case at all: nothing took long, and it says so by its counts."""
    return 0.0, at, 0, 0, None


def _sources_complete(view: _View) -> _Found:
    run = view.newest
    return _share(run.sources_complete, run.sources, run.as_of, 0.0) if run else _unknown(Unmeasured.NO_RUN)


def _days_with_run(view: _View) -> _Found:
    if view.newest is None:
        return _unknown(Unmeasured.NO_RUN)
    first = max(view.runs[0].as_of.date(), (view.at - MONTH).date() + timedelta(days=1))
    days = {run.as_of.date() for run in view.runs if run.as_of.date() >= first}
    return _share(len(days), (view.at.date() - first).days + 1, view.newest.as_of)


def _weeks_audited(view: _View) -> _Found:
    audits = view.audits()
    if not audits:
        return _unknown(Unmeasured.NO_AUDIT)
    first, latest = audits[0][0].as_of, audits[-1][0].as_of
    whole = min(WEEKS_BACK, _week_number(view.at) - _week_number(first) + 1)
    weeks = {_week_number(run.as_of) for run, _ in audits if _week_number(view.at) - _week_number(run.as_of) < whole}
    return _share(len(weeks), whole, latest)


def _week_number(at: datetime) -> int:
    """Number the weeks, which begin on Mondays."""
    return (at.date().toordinal() - 1) // 7


def _sampled_share(view: _View) -> _Found:
    audits = view.audits()
    if not audits:
        return _unknown(Unmeasured.NO_AUDIT)
    run, audit = audits[-1]
    return _share(len(audit.drawn), len(audit.population), run.as_of)


def _ended(view: _View, since: timedelta | None = QUARTER) -> list[tuple[RunRecord, AuditFigures]]:
    return [(run, audit) for run, audit in view.audits(since) if audit.ended(view.at)]


def _units_reviewed(view: _View) -> _Found:
    ended = _ended(view)
    if not ended:
        return _unknown(Unmeasured.NO_AUDIT if not view.audits() else Unmeasured.NOTHING_YET)
    drawn = sum(len(audit.drawn) for _, audit in ended)
    return _share(sum(len(audit.drawn & audit.reviewed) for _, audit in ended), drawn, ended[-1][0].as_of)


def _audits_signed_off(view: _View) -> _Found:
    audits = view.audits(QUARTER)
    if audits and not audits[-1][1].ended(view.at) and _week_number(audits[-1][0].as_of) == _week_number(view.at):
        audits = audits[:-1]
    if not audits:
        return _unknown(Unmeasured.NO_AUDIT if not view.audits() else Unmeasured.NOTHING_YET)
    signed = sum(audit.signed_off_at is not None and audit.signed_off_at <= view.at for _, audit in audits)
    return _share(signed, len(audits), audits[-1][0].as_of)


def _coverage(view: _View) -> _Found:
    """Before the time to look at everybody has passed once nobody can be overdue, which says nothing: it goes on."""
    audits = view.audits()
    if not audits:
        return _unknown(Unmeasured.NO_AUDIT)
    run, newest = audits[-1]
    window = view.at - timedelta(weeks=view.records.coverage_weeks)
    looked_at = frozenset[str]().union(*(audit.reviewed for one, audit in audits if one.as_of > window))
    known_long = frozenset[str]().union(*(audit.population for one, audit in audits if one.as_of <= window))
    if not known_long and not newest.population <= looked_at:
        return None, run.as_of, len(newest.population & looked_at), len(newest.population), Unmeasured.GOES_ON
    overdue, whole = len((newest.population & known_long) - looked_at), len(newest.population)
    return _share(whole - overdue, whole, run.as_of)


def _limit(view: _View, of: Callable[[AuditFigures], float | None]) -> _Found:
    ended = _ended(view, None)
    if not ended:
        return _unknown(Unmeasured.NO_AUDIT if not view.audits() else Unmeasured.NOTHING_YET)
    run, audit = ended[-1]
    limit = of(audit)
    return _unknown(Unmeasured.NOT_PROVEN, run.as_of) if limit is None else _number(100 * limit, run.as_of)


def _test_rows_caught(view: _View) -> _Found:
    audits = view.audits(QUARTER)
    tested = sum(audit.tested for _, audit in audits)
    if not tested:
        return _unknown(Unmeasured.NO_AUDIT if not audits else Unmeasured.NOTHING_YET)
    return _share(sum(audit.caught for _, audit in audits), tested, audits[-1][0].as_of)


def _counted(view: _View, of: Callable[[RunRecord, ReviewCounts], _Found]) -> _Found:
    run = view.reviewed()
    if run is None:
        return _unknown(Unmeasured.NO_RUN if view.newest is None else Unmeasured.NOT_REVIEWED)
    return _unknown(Unmeasured.NOT_COUNTED, run.as_of) if run.counts is None else of(run, run.counts)


def _of_rules(view: _View, of: Callable[[RunRecord, Sequence[RuleFigures]], _Found]) -> _Found:
    """Return a figure about findings; where a rule that was named was not evaluated, or none at all, nothing is known."""
    run = view.reviewed()
    if run is None:
        return _unknown(Unmeasured.NO_RUN if view.newest is None else Unmeasured.NOT_REVIEWED)
    wanted = view.wanted(run)
    known = [one.evaluated for _, one in wanted]
    if not any(known) or (view.rules and not (len(wanted) == len(view.rules) and all(known))):
        return _unknown(Unmeasured.NOT_EVALUATED, run.as_of)
    if run.counts and _concern_nothing(view.rules, run.counts) and not any(one.open + one.waived for _, one in wanted):
        return None, run.as_of, 0, 0, Unmeasured.NOTHING_CONCERNED
    return of(run, [one for _, one in wanted])


_CONCERNED: Mapping[str, Callable[[ReviewCounts], int | None]] = {
    "agent-beyond-purpose": lambda counts: counts.agents,
    "agent-unowned": lambda counts: counts.agents,
    "app-consent-unapproved": lambda counts: counts.applications,
    "mover-kept-access": lambda counts: counts.movers,
}
"""Of how many each rule could find something, where a source that tells of none does not show that there are none."""


def _concern_nothing(rules: Collection[str], counts: ReviewCounts) -> bool:
    """Tell whether rules that are named are all about what no source tells of."""
    return bool(rules) and all(name in _CONCERNED and _CONCERNED[name](counts) == 0 for name in rules)


def _open_findings(run: RunRecord, rules: Sequence[RuleFigures]) -> _Found:
    return _number(sum(one.open for one in rules), run.as_of)


def _oldest_finding(run: RunRecord, rules: Sequence[RuleFigures]) -> _Found:
    return _number(max((one.oldest_days or 0.0 for one in rules), default=0.0), run.as_of)


def _excess_age(run: RunRecord, rules: Sequence[RuleFigures]) -> _Found:
    excess = [one for one in rules if one.excess]
    if not any(one.evaluated for one in excess):
        return _unknown(Unmeasured.NOT_EVALUATED, run.as_of)
    found = sum(one.open for one in excess)
    return _number(sum(one.ages for one in excess) / found if found else 0.0, run.as_of)


def _exception_rate(run: RunRecord, rules: Sequence[RuleFigures]) -> _Found:
    waived = sum(one.waived for one in rules)
    return _share(waived, waived + sum(one.open for one in rules), run.as_of, 0.0)


def _revocation_speed(view: _View) -> _Found:
    run = view.reviewed()
    if run is None:
        return _unknown(Unmeasured.NO_RUN if view.newest is None else Unmeasured.NOT_REVIEWED)
    quarter = [one for one in view.runs if one.as_of > view.at - QUARTER]
    closed = _together(rule.closed for one in quarter for _, rule in view.wanted(one))
    still_open = _together(rule.open_for for _, rule in view.wanted(run))
    if not closed:
        return _unknown(Unmeasured.NOTHING_YET, run.as_of) if still_open else _of_none(run.as_of)
    days = nine_in_ten_closed_within(closed, still_open)
    return _unknown(Unmeasured.OPEN_FOR_LONGER, run.as_of) if days is None else _number(days, run.as_of)


def _together(counts: Iterable[Mapping[float, int]]) -> Counter[float]:
    every = Counter[float]()
    for one in counts:
        every.update(one)
    return every


def _rule_share(*names: str) -> Callable[[_View], _Found]:
    """Return the share of accounts that these rules find something about."""

    def share(view: _View) -> _Found:
        def of(run: RunRecord, counts: ReviewCounts) -> _Found:
            rules = [(run.rules or {}).get(name) for name in names]
            if not all(rule and rule.evaluated for rule in rules):
                return _unknown(Unmeasured.NOT_EVALUATED, run.as_of)
            return _share(sum(rule.open + rule.waived for rule in rules if rule), counts.accounts, run.as_of, 0.0)

        return _counted(view, of)

    return share


def _agents_owned(view: _View) -> _Found:
    def of(run: RunRecord, counts: ReviewCounts) -> _Found:
        rule = (run.rules or {}).get("agent-unowned")
        if rule is None or not rule.evaluated:
            return _unknown(Unmeasured.NOT_EVALUATED, run.as_of)
        owned, unknown = counts.agents - rule.open - rule.waived, (None, run.as_of, 0, 0, Unmeasured.NO_AGENTS)
        return _share(max(owned, 0), counts.agents, run.as_of) if counts.agents else unknown

    return _counted(view, of)


def _standing_privilege(run: RunRecord, counts: ReviewCounts) -> _Found:
    """Where nobody at all holds anything privileged, nothing tells what is."""
    unknown = (None, run.as_of, 0, 0, Unmeasured.NONE_PRIVILEGED)
    return _share(counts.standing, counts.privileged, run.as_of) if counts.privileged else unknown


def _leavers(view: _View, of: Callable[[RunRecord], _Found]) -> _Found:
    """Return a figure of the newest run whose leavers were followed."""
    followed = next((run for run in reversed(view.runs) if run.leavers is not None), None)
    if followed is None:
        return _unknown(Unmeasured.NO_RUN if view.newest is None else Unmeasured.NO_LEAVERS_READ)
    return of(followed)


def _leavers_open_late(run: RunRecord) -> _Found:
    return _number(run.leavers.open_late if run.leavers else 0, run.as_of)


def _leavers_in_time(run: RunRecord) -> _Found:
    return _share(run.leavers.in_time, len(run.leavers.lags), run.as_of) if run.leavers else _unknown(Unmeasured.NO_RUN)


def _leaver_lag(run: RunRecord) -> _Found:
    lags = run.leavers.lags if run.leavers else ()
    if not lags:
        return _of_none(run.as_of)
    # What no record says sorts last: it is unknown only where it reaches the percentile.
    at_most = nine_in_ten(float("inf") if lag is None else lag for lag in lags)
    return _unknown(Unmeasured.NOT_PROVEN, run.as_of) if at_most == float("inf") else _number(at_most, run.as_of)


def _changes_proven(view: _View) -> _Found:
    """A change waits for its second read, so one of today is counted once it is proven."""
    called = any(view.at - QUARTER < one.called_at <= view.at for one in view.records.changes)
    known = counted_changes(view.records.changes, view.at)
    if not known:
        return _unknown(Unmeasured.NOTHING_YET, view.at if called else None)
    return _share(sum(proven for _, proven in known), len(known), view.at)


def _training_done(view: _View) -> _Found:
    newest = next((run for run in reversed(view.runs) if run.training is not None), None)
    if newest and newest.training and not newest.training.whole:
        return _unknown(Unmeasured.NOT_WHOLE, newest.as_of)
    found = counted(newest.training if newest else None, view.records.follow_ups, view.at)
    if found is None:
        return _unknown(Unmeasured.NO_TRAININGS)
    return _share(*found, newest.as_of if newest else view.at)


def _rules_evaluated(view: _View) -> _Found:
    run = view.reviewed()
    if run is None:
        return _unknown(Unmeasured.NO_RUN if view.newest is None else Unmeasured.NOT_REVIEWED)
    asked = [one for name, one in (run.rules or {}).items() if not view.rules or name in view.rules]
    return _share(sum(one.evaluated for one in asked), len(asked), run.as_of, 0.0)


def _followed_up(view: _View) -> _Found:
    """It follows from the check list's own history: :func:`access_review.scorecard.checkpoints.followed_up`."""
    return _unknown(Unmeasured.NOTHING_YET, view.at)


def _mini_audit_answered(view: _View) -> _Found:
    known = [one for one in view.records.follow_ups if one.kind is FollowUpKind.MINI_AUDIT and one.at <= view.at]
    if not known:
        return _unknown(Unmeasured.NEVER_DONE)
    newest = known[-1]
    controls = newest.said.get("controls")
    asked = [str(one) for one in controls] if isinstance(controls, Sequence) and not isinstance(controls, str) else []
    answers = {
        one.text("control")
        for one in view.records.follow_ups
        if one.kind is FollowUpKind.ANSWER and one.about == newest.about and one.at <= view.at
    }
    answered = sum(one in answers for one in asked)
    if answered < len(asked) and view.at < newest.at + ANSWERED_WITHIN:
        return None, newest.at, answered, len(asked), Unmeasured.GOES_ON
    return _share(answered, len(asked), newest.at, 0.0)


def _with_rules(of: Callable[[RunRecord, Sequence[RuleFigures]], _Found]) -> Callable[[_View], _Found]:
    return lambda view: _of_rules(view, of)


_MEASURES: Mapping[MeasureName, Callable[[_View], _Found]] = {
    MeasureName.SOURCES_COMPLETE: _sources_complete,
    MeasureName.DAYS_WITH_RUN: _days_with_run,
    MeasureName.WEEKS_AUDITED: _weeks_audited,
    MeasureName.SAMPLED_SHARE: _sampled_share,
    MeasureName.UNITS_REVIEWED: _units_reviewed,
    MeasureName.AUDITS_SIGNED_OFF: _audits_signed_off,
    MeasureName.COVERAGE: _coverage,
    MeasureName.MISS_LIMIT: lambda view: _limit(view, lambda audit: audit.miss_limit),
    MeasureName.WRONG_LIMIT: lambda view: _limit(view, lambda audit: audit.wrong_limit),
    MeasureName.TEST_ROWS_CAUGHT: _test_rows_caught,
    MeasureName.GRANTS_JUDGED: lambda view: _counted(
        view, lambda run, counts: _share(counts.grants_judged, counts.grants, run.as_of, 0.0)
    ),
    MeasureName.OPEN_FINDINGS: _with_rules(_open_findings),
    MeasureName.OLDEST_FINDING: _with_rules(_oldest_finding),
    MeasureName.EXCESS_AGE: _with_rules(_excess_age),
    MeasureName.REVOCATION_SPEED: _revocation_speed,
    MeasureName.EXCEPTION_RATE: _with_rules(_exception_rate),
    MeasureName.ORPHAN_RATE: _rule_share("account-unowned", "service-unowned"),
    MeasureName.AGENTS_OWNED: _agents_owned,
    MeasureName.STANDING_PRIVILEGE: lambda view: _counted(view, _standing_privilege),
    MeasureName.LEAVERS_OPEN_LATE: lambda view: _leavers(view, _leavers_open_late),
    MeasureName.LEAVERS_IN_TIME: lambda view: _leavers(view, _leavers_in_time),
    MeasureName.LEAVER_LAG: lambda view: _leavers(view, _leaver_lag),
    MeasureName.CHANGES_PROVEN: _changes_proven,
    MeasureName.TRAINING_DONE: _training_done,
    MeasureName.RULES_EVALUATED: _rules_evaluated,
    MeasureName.FOLLOWED_UP: _followed_up,
    MeasureName.MINI_AUDIT_ANSWERED: _mini_audit_answered,
}
