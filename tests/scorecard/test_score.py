"""The scorecard as a formula: points in proportion, unknown earns nothing, and a statement ends when it says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from access_review import documents
from access_review.model import JsonObject
from access_review.scorecard.follow_up import FollowUp, FollowUpKind
from access_review.scorecard.measures import measure
from access_review.scorecard.records import Records, RuleFigures, RunRecord
from access_review.scorecard.score import Known, RiskLevel, about_metric, points_for, score, value_for_next_point
from access_review.settings.checklist import Checkpoint, CheckpointList
from access_review.settings.scorecard import Dimension, Formulas
from access_review.views import measures
from tests.support.example import REPOSITORY

AT = datetime(2026, 11, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
SHIPPED = documents.parse((REPOSITORY / "access_review/stages/scorecard.yaml").read_text(), "scorecard.yaml").data


def metric(dimension, **more):
    plain = {"metric": f"{dimension}-one", "title": "One", "dimension": dimension, "weight": 20, "source": "us"}
    return {**plain, "measured": "sources-complete", "good": 100, "bad": 80} | more


def formulas(**of_ai):
    return Formulas.model_validate(
        {"metrics": [metric(one) for one in Dimension if one != "ai"] + [metric("ai", **of_ai)]}
    )


def run(complete, *, days=0):
    return RunRecord(f"r{days}", AT + days * DAY, "", 10, complete, {"toxic-pair": RuleFigures(evaluated=False)})


def scored(listed, *runs, says=(), at=AT):
    return score(listed, CheckpointList(), Records(tuple(runs), tuple(says), 24), at)


def test_points_lie_in_proportion_between_bad_and_good_whichever_is_more():
    more, less = formulas().metrics[0], formulas(good=0, bad=10, measured="open-findings").metrics[-1]
    assert [points_for(more, value) for value in (0, 80, 90, 100, 200)] == [0, 0, 10, 20, 20]
    assert [points_for(less, value) for value in (0, 5, 10, 99)] == [20, 10, 0, 0]
    assert (value_for_next_point(more, 10), value_for_next_point(less, 19.5)) == (91, 0)


def test_the_total_is_of_all_dimensions_and_says_how_high_the_risk_is():
    card = scored(formulas(), run(9))
    assert (card.total, card.target, card.risk) == (50.0, 90.0, RiskLevel.HIGH)
    assert [one.target for one in card.dimensions] == [18, 19, 18, 17, 18]
    assert scored(formulas(), run(10)).risk is RiskLevel.ON_TARGET
    assert [(point.run, point.total) for point in scored(formulas(), run(9, days=-7), run(10)).trend] == [
        ("r-7", 50.0),
        ("r0", 100.0),
    ]


def test_what_is_unknown_or_too_old_earns_nothing_and_comes_first_of_what_to_gain():
    card = scored(formulas(measured="open-findings", rules=["toxic-pair"], good=0, bad=5), run(10))
    assert card.metrics[-1].known is Known.UNKNOWN
    assert (card.total, card.dimensions[-1].unknown) == (80.0, 20)
    assert card.next_points[0].metric.metric == "ai-one"
    assert scored(formulas(), run(10), at=AT + 32 * DAY).total == 0


def test_what_there_was_nothing_of_is_not_measured_and_earns_nothing():
    looked_for = replace(run(10), rules={"toxic-pair": RuleFigures(evaluated=True)})
    card = scored(formulas(measured="exception-rate", good=0, bad=10), looked_for)
    none = card.metrics[-1]
    assert (none.known, none.value, none.points, card.dimensions[-1].unknown) == (Known.NOT_MEASURED, None, 0, 20)
    assert measures.figure(none.measured) == "not measured: nothing to measure yet (0 of 0)"


def test_a_statement_earns_points_until_it_expires_and_is_shown_as_one():
    listed = formulas(measured=None, attested={"valid": "100d"})
    said: JsonObject = {"value": 90, "until": (AT + 10 * DAY).isoformat()}
    stated = FollowUp(FollowUpKind.ATTESTATION, about_metric("ai-one"), AT, "hr:person:1", said)
    card = scored(listed, run(10), says=[stated], at=AT + DAY)
    assert (card.total, card.dimensions[-1].attested, card.metrics[-1].known) == (90.0, 10.0, Known.ATTESTED)
    later = scored(listed, run(10), says=[stated], at=AT + 10 * DAY)
    assert (later.total, later.metrics[-1].known) == (80.0, Known.EXPIRED)
    assert scored(listed, run(10), says=[stated], at=AT - DAY).metrics[-1].known is Known.UNKNOWN


def test_the_formulas_shipped_are_whole_and_each_has_a_source():
    known = Formulas.model_validate(SHIPPED)
    assert (sum(known.targets.values()), known.high_risk) == (90, 70)
    assert all(one.source and one.title for one in known.metrics)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"weight": 19}, "make 19 points"),
        ({"good": 80}, "they differ"),
        ({"measured": None}, "measured, attested, or"),
        ({"measured": "open-findings", "attested": {"valid": "1d"}}, "no percentage"),
        ({"rules": ["toxic-pair"]}, "not measured rule by rule"),
        ({"metric": "process-one"}, "stands twice"),
    ],
)
def test_formulas_that_do_not_add_up_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        formulas(**wrong)


def test_a_trend_reads_no_checkpoint_at_a_moment_twice(monkeypatch):
    asked = []

    def counted(name, records, at, rules):
        asked.append((name, at))
        return measure(name, records, at, rules)

    monkeypatch.setattr("access_review.scorecard.checkpoints.measure", counted)
    daily = {"checkpoint": "one", "title": "One", "every": "daily", "halt": "stop", "measured": "sources-complete"}
    listed = CheckpointList(checkpoints=(Checkpoint.model_validate({**daily, "green": {"at_least": 100}}),))
    runs = tuple(run(8 + days % 3, days=days) for days in range(40))
    card = score(formulas(measured="followed-up"), listed, Records(runs, (), 24), AT + 40 * DAY)
    assert card.metrics[-1].measured.whole
    assert len(asked) == len(set(asked)), "each reads every run"
