"""Learning from past decisions: calibrated, with reasons, silent where it knows too little."""

import csv
from pathlib import Path

import numpy as np
import pytest

from access_review.draft.history import codebook, deal, log_odds, out_of_part, tally
from access_review.draft.learned import LearnedModel, TooFewDecisions, learn, likelihoods, riskiest
from access_review.draft.logistic import area_under_curve, calibration_error, fit
from tests.support.sweep import Sweep

Decided = tuple[dict[str, list[str]], list[bool]]


def decisions(count: int, seed: int = 3) -> Decided:
    """Return decisions in which a team loses what it asks of one system, and little else is revoked."""
    rng = np.random.default_rng(seed)
    team = rng.integers(0, 8, count)
    system = rng.integers(0, 6, count)
    chance = np.where((team == 2) & (system == 5), 0.8, np.where(team == 4, 0.2, 0.04))
    return (
        {"team": [f"team {t}" for t in team], "system": [f"system {s}" for s in system]},
        (rng.random(count) < chance).tolist(),
    )


@pytest.fixture(scope="module")
def model() -> LearnedModel:
    found = learn(*decisions(4_000))
    assert isinstance(found, LearnedModel)
    return found


def test_likelihoods_are_those_that_made_the_decisions(model: LearnedModel) -> None:
    open_items = {"team": ["team 2", "team 4", "team 1"], "system": ["system 5", "system 1", "system 1"]}
    worst, bad, good = likelihoods(model, open_items)
    assert worst.likelihood > 0.5  # drawn towards the rate: some 80 decisions tell of it
    assert bad.likelihood == pytest.approx(0.2, abs=0.06)
    assert good.likelihood == pytest.approx(0.04, abs=0.03)


def test_reasons_are_counts_of_past_decisions(model: LearnedModel) -> None:
    columns, revoked = decisions(4_000)
    (item,) = likelihoods(model, {"team": ["team 2"], "system": ["system 5"]})
    first = item.reasons[0]
    assert first.attributes == ("team", "system")
    rows = [r for t, s, r in zip(*columns.values(), revoked, strict=True) if (t, s) == ("team 2", "system 5")]
    assert (first.decided, first.revoked) == (len(rows), sum(rows))
    assert first.sentence == f"of {len(rows)} decisions about team team 2 and system system 5, {sum(rows)} revoked"
    assert first.contribution > 0


def test_what_was_never_decided_about_is_said_and_is_no_reason(model: LearnedModel) -> None:
    (item,) = likelihoods(model, {"team": ["team 99"], "system": ["system 1"]})
    assert item.unseen == ("team",)
    assert all(reason.attributes == ("system",) for reason in item.reasons)


def test_the_order_of_the_decisions_changes_nothing(model: LearnedModel) -> None:
    columns, revoked = decisions(4_000)
    again = learn({name: values[::-1] for name, values in columns.items()}, revoked[::-1])
    assert isinstance(again, LearnedModel)
    assert again.held_out == model.held_out
    items = {"team": ["team 2", "team 0"], "system": ["system 5", "system 0"]}
    assert likelihoods(again, items) == likelihoods(model, items)


def test_how_well_it_does_is_measured_on_what_it_had_not_seen(model: LearnedModel) -> None:
    assert 0.7 < model.held_out.area < 0.9
    assert model.held_out.calibration_error < 0.03
    assert "50 is a coin" in model.held_out.sentence


@pytest.mark.parametrize(("count", "revoked"), [(2_999, 500), (3_000, 149), (0, 0)])
def test_too_few_decisions_are_said_and_nothing_is_learned(count: int, revoked: int) -> None:
    columns = {"team": [f"team {n % 7}" for n in range(count)]}
    found = learn(columns, [n < revoked for n in range(count)])
    assert isinstance(found, TooFewDecisions)
    assert "too few to learn from" in found.sentence


def test_noise_is_not_learned() -> None:
    rng = np.random.default_rng(1)
    columns = {"person": [f"p{n % 900}" for n in range(3_500)], "system": [f"s{n % 11}" for n in range(3_500)]}
    found = learn(columns, (rng.random(3_500) < 0.1).tolist())
    assert isinstance(found, LearnedModel)
    assert found.held_out.area == pytest.approx(0.5, abs=0.06)
    assert found.held_out.calibration_error < 0.03


def test_groups_are_ranked_by_the_revocations_expected(model: LearnedModel) -> None:
    items = {"team": ["team 2", "team 1", "team 1"], "system": ["system 5", "system 0", "system 1"]}
    first, second = riskiest(items, likelihoods(model, items), "team")
    assert (first.value, first.items, second.value, second.items) == ("team 2", 1, "team 1", 2)
    assert first.expected > second.expected


def test_a_figure_of_a_decision_does_not_contain_its_answer() -> None:
    columns = {"team": ["a"] * 20}
    happened = np.array([1.0] + [0.0] * 19)
    keys = codebook(columns).encode(columns)["team"]
    dealt = deal(columns, happened.tolist())
    decided, revoked = out_of_part(keys, happened, dealt)
    assert revoked[0] == 0
    assert decided[0] == 20 - np.count_nonzero(dealt == dealt[0])
    counted = tally(keys, happened).counts(np.array([0, -1]))
    assert [c.tolist() for c in counted] == [[20, 0], [1, 0]]
    assert log_odds(np.array([0]), np.array([0]), 0.5)[0] == pytest.approx(0)


def test_rare_events_do_not_make_the_fit_run_away() -> None:
    rng = np.random.default_rng(5)
    features = rng.normal(size=(4_000, 3))
    happened = (features[:, 0] > 2).astype(float)
    fitted = fit(features, happened, ridge=1.0)
    assert np.isfinite(fitted.weights).all()
    assert area_under_curve(fitted.probabilities(features), happened) > 0.99
    assert calibration_error(np.array([0.5, 0.5]), np.array([1.0, 0.0]), bins=1) == 0
    assert np.isnan(area_under_curve(np.array([0.1]), np.array([1.0])))


@pytest.mark.slow
def test_a_quarter_of_real_decisions_orders_the_next_quarter(outside_data: Path, sweep: Sweep) -> None:
    with (outside_data / "access-decisions/decisions-half.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for seed in sweep.draw("quarters", range(3), 1 / 3):
        order = np.random.default_rng(seed).permutation(len(rows))
        half = len(rows) // 2
        columns = [
            {name: [rows[i][name] for i in part] for name in rows[0] if name != "ACTION"}
            for part in (order[:half], order[half:])
        ]
        revoked = [[rows[i]["ACTION"] == "0" for i in part] for part in (order[:half], order[half:])]
        found = learn(columns[0], revoked[0])
        assert isinstance(found, LearnedModel)
        said = np.array([item.likelihood for item in likelihoods(found, columns[1])])
        happened = np.array(revoked[1], float)
        assert area_under_curve(said, happened) >= 0.81
        assert calibration_error(said, happened) <= 0.01
