"""The weekly sample: sizes, the choice, coverage and confidence over many draws."""

# ruff: noqa: S311 - the randomness of a simulation

import random
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access_review.artifacts import SAMPLE, STATE, WorkspaceState
from access_review.errors import ArtifactError
from access_review.policy import Sampling
from access_review.sample import draw as sampling
from access_review.sample.choice import Draw, Stratum
from access_review.sample.commitment import commitment, merkle_root, rank, seed
from access_review.sample.draw import Pledge, SampleState, draw, pledge, verify
from access_review.sample.hypergeometric import size, upper_deviations, upper_limit
from access_review.sample.population import ReviewUnit
from access_review.sample.rotation import level_load

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
POLICY = Sampling()


def key(number: int) -> bytes:
    return sha256(b"key %d" % number).digest()


def unit(name: str, *, kind: Any = "person", census: Any = None) -> ReviewUnit:
    return ReviewUnit(name, kind, name.title(), ("Contoso",), None, census, 1, 3)


def people(count: int, start: int = 0) -> tuple[ReviewUnit, ...]:
    return tuple(unit(f"hr:person:{number:05}") for number in range(start, start + count))


def first(units, *, run: str = "run-1", policy: Sampling = POLICY, number: int = 1):
    return draw(units, policy, SampleState(), run=run, as_of=AS_OF, next_pledge=pledge(key(number)))


class TestSizes:
    @pytest.mark.parametrize(("allowed", "units"), [(0, 59), (1, 93), (2, 124)])
    def test_large_populations(self, allowed, units):
        assert size(1_000_000, tolerable=0.05, confidence=0.95, allowed=allowed, rate=0).units == units

    def test_five_percent_is_not_enough_for_a_small_population(self):
        made = size(300, tolerable=0.05, confidence=0.95)
        assert (made.by_rate, made.by_confidence, made.units) == (15, 50, 50)
        assert made.reason == ("5 % of 300 is 15; 50 are needed for 95 % confidence that no more than 5 % are wrong")

    def test_five_percent_is_more_than_enough_for_a_large_one(self):
        assert size(10_000, tolerable=0.05, confidence=0.95).units == 500

    @pytest.mark.parametrize(("found", "percent"), [(0, 4.67), (1, 7.50), (2, 9.92)])
    def test_upper_limits(self, found, percent):
        assert round(100 * upper_limit(1200, 60, found, 0.95), 2) == percent

    def test_nobody_is_never_wrong(self):
        assert upper_limit(0, 0, 0, 0.95) == 0

    @pytest.mark.parametrize("population", [0, 1, 2, 7, 19])
    def test_a_handful_is_looked_at_whole(self, population):
        assert size(population, tolerable=0.05, confidence=0.95).units == population

    def test_nothing_to_prove_needs_no_more_than_the_rate(self):
        assert size(100, tolerable=1, confidence=0.95).units == 5

    def test_more_allowed_than_tolerable_needs_everything(self):
        assert size(20, tolerable=0.05, confidence=0.95, allowed=2).units == 20

    def test_impossible_counts_are_refused(self):
        with pytest.raises(ValueError, match="3 found of 2 drawn of 10"):
            upper_limit(10, 2, 3, 0.95)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_the_limit_agrees_with_scipy(self, data):
        from scipy.stats import hypergeom

        population = data.draw(st.integers(1, 300))
        drawn = data.draw(st.integers(0, population))
        found = data.draw(st.integers(0, drawn))
        possible = [d for d in range(population + 1) if hypergeom.cdf(found, population, d, drawn) > 0.05 + 1e-9]
        assert upper_deviations(population, drawn, found, 0.95) == max(possible)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 2000), st.integers(0, 2))
    def test_what_was_drawn_proves_what_was_asked(self, population, allowed):
        units = size(population, tolerable=0.05, confidence=0.95, allowed=allowed, rate=0).units
        found = min(allowed, units)
        tolerated = population * 5 // 100
        assert upper_deviations(population, units, found, 0.95) <= max(tolerated, found)


class TestCommitment:
    def test_the_root_is_that_of_rfc_6962(self):
        def leaf(text: bytes) -> bytes:
            return sha256(b"\0" + text).digest()

        def node(left: bytes, right: bytes) -> bytes:
            return sha256(b"\1" + left + right).digest()

        assert merkle_root([]) == "sha256:" + sha256().hexdigest()
        assert merkle_root(["a"]) == "sha256:" + leaf(b"a").hex()
        five = node(node(node(leaf(b"a"), leaf(b"b")), node(leaf(b"c"), leaf(b"d"))), leaf(b"e"))
        assert merkle_root("ecadb") == "sha256:" + five.hex()

    @given(st.lists(st.text(alphabet="abcdef", min_size=1, max_size=4), unique=True, max_size=40))
    def test_the_root_is_the_recursive_definition(self, names):
        def tree(leaves: list[bytes]) -> bytes:
            if len(leaves) == 1:
                return sha256(b"\0" + leaves[0]).digest()
            half = 1
            while half * 2 < len(leaves):
                half *= 2
            return sha256(b"\1" + tree(leaves[:half]) + tree(leaves[half:])).digest()

        expected = tree([n.encode() for n in sorted(names)]) if names else sha256().digest()
        assert merkle_root(names) == "sha256:" + expected.hex()

    def test_a_short_key_is_refused(self):
        with pytest.raises(ValueError, match="32 are needed"):
            commitment(b"guessable")

    def test_what_is_published_of_a_key_is_its_sha_256(self):
        assert commitment(key(1)) == "sha256:" + sha256(key(1)).hexdigest()
        assert sampling.pledge_elsewhere(f" {commitment(key(1))}\n") == Pledge(commitment(key(1)))

    def test_a_pledge_does_not_show_its_key(self):
        assert key(1).hex() not in repr(pledge(key(1)))


class TestDraw:
    def test_strata(self):
        units = (
            unit("left", census="left"),
            unit("gone", census="missing"),
            unit("root", census="privileged"),
            unit("svc", kind="account"),
            *people(400),
        )
        made, _ = first(units)
        by_draw = {how: {p.unit for p in made.picks if p.draw is how} for how in Draw}
        assert by_draw[Draw.CENSUS] == {"left", "gone", "root"}
        assert len(by_draw[Draw.INFERENCE]) == made.size.units == size(401, tolerable=0.05, confidence=0.95).units
        assert {part.stratum: part.population for part in made.parts} == {
            Stratum.LEAVERS: 2,
            Stratum.PRIVILEGED: 1,
            Stratum.PEOPLE: 400,
            Stratum.ACCOUNTS: 1,
        }
        assert sum(p.census + p.inference + p.coverage for p in made.parts) == len(made.picks)
        assert made.minutes == 6 * len(made.picks)
        assert any("reviewer hours" in reason for reason in made.reasons)

    def test_the_inference_draw_is_the_lowest_ranks(self):
        units = people(300)
        made, _ = first(units)
        sown = seed(bytes.fromhex(made.key), merkle_root(u.unit for u in units), "run-1")
        lowest = sorted((u.unit for u in units), key=lambda name: rank(sown, name))[:50]
        assert {p.unit for p in made.picks if p.draw is Draw.INFERENCE} == set(lowest)

    @settings(max_examples=25, deadline=None)
    @given(st.randoms(use_true_random=False))
    def test_the_order_given_does_not_matter(self, randomly):
        units = list(people(120))
        ordered = first(units)
        randomly.shuffle(units)
        assert first(units) == ordered

    def test_drawn_again_it_is_the_same(self):
        units = people(300)
        made, after = first(units)
        again, same = draw(units, POLICY, after, run="run-1", as_of=AS_OF, next_pledge=pledge(key(9)))
        assert again == made
        assert same == after

    def test_another_population_has_another_root_and_choice(self):
        made, _ = first(people(300))
        other, _ = first((*people(300), unit("hr:person:dummy")))
        assert other.root != made.root
        assert {p.unit for p in other.picks} != {p.unit for p in made.picks}

    def test_the_first_run_is_uncommitted_and_the_second_is_not(self):
        units = people(300)
        made, after = first(units)
        assert not made.committed
        assert made.key != key(1).hex()
        assert any("uncommitted" in reason for reason in made.reasons)
        second, _ = draw(
            units, POLICY, after, run="run-2", as_of=AS_OF + timedelta(weeks=1), next_pledge=pledge(key(2))
        )
        assert second.committed
        assert second.commitment == made.next_commitment
        assert second.key == key(1).hex()

    def test_a_draw_whose_run_is_gone_could_have_been_disliked(self):
        units = people(300)
        _, after = first(units)
        again: dict[str, Any] = {"run": "run-3", "as_of": AS_OF, "next_pledge": pledge(key(2))}
        made, _ = draw(units, POLICY, after, **again)
        drawn_again, kept = draw(units, POLICY, after, **again, taken_back="run-2")
        assert (made.committed, drawn_again.committed, kept.reveals["run-3"].committed) == (True, False, False)
        assert (drawn_again.picks, drawn_again.key, drawn_again.seed) == (made.picks, made.key, made.seed)
        steered = "uncommitted: no key had been promised before this draw, so the choice could have been steered"
        assert drawn_again.reasons == (
            *made.reasons,
            steered,
            "drawn again: what was drawn in run-2 is gone",
        )
        assert not [reason for reason in made.reasons if "nobody reviewed" in reason or "not seen within" in reason]

    def test_more_are_drawn_where_a_fault_is_allowed(self):
        made, _ = first(people(1_000), policy=Sampling(allowed=1, rate=0))
        assert made.size == size(1_000, tolerable=0.05, confidence=0.95, allowed=1, rate=0)
        assert made.size.units > size(1_000, tolerable=0.05, confidence=0.95, rate=0).units

    def test_the_auditor_may_keep_the_key(self):
        units = people(50)
        promised = Pledge(commitment(key(1)))
        state = SampleState(pledge=promised)
        again: dict[str, Any] = {"run": "r", "as_of": AS_OF, "next_pledge": pledge(key(2))}
        with pytest.raises(ArtifactError, match="is not here"):
            draw(units, POLICY, state, **again)
        with pytest.raises(ArtifactError, match="not the one promised"):
            draw(units, POLICY, state, key=key(3), **again)
        made, _ = draw(units, POLICY, state, key=key(1), **again)
        assert made.committed

    def test_the_first_draw_needs_some_key(self):
        kept = Pledge(commitment(key(2)))
        with pytest.raises(ArtifactError, match="none is given"):
            draw(people(5), POLICY, SampleState(), run="r", as_of=AS_OF, next_pledge=kept)
        made, after = draw(people(5), POLICY, SampleState(), run="r", as_of=AS_OF, next_pledge=kept, key=key(1))
        assert not made.committed
        assert after.pledge == kept

    def test_a_key_is_used_once(self):
        state = SampleState(pledge=pledge(key(1)))
        with pytest.raises(ArtifactError, match="the key promised next is the one used now"):
            draw(people(5), POLICY, state, run="r", as_of=AS_OF, next_pledge=pledge(key(1)))

    def test_nothing_to_draw_from(self):
        made, _ = first(())
        assert made.picks == ()

    def test_files_carry_everything(self):
        made, after = first(people(80))
        assert SAMPLE.load(SAMPLE.dump(made)) == made
        assert SAMPLE.plain(made)["format"] == "access-review/sample@1"
        assert STATE.load(STATE.dump(WorkspaceState(after))).sample == after
        with pytest.raises(ArtifactError, match="format 'x'"):
            SAMPLE.value({"format": "x"})
        with pytest.raises(ArtifactError, match="damaged: run"):
            SAMPLE.value({**SAMPLE.plain(made), "run": None})


class TestVerify:
    def test_anyone_can_repeat_it(self):
        units = people(300)
        _, after = first(units)
        made, _ = draw(units, POLICY, after, run="run-2", as_of=AS_OF + timedelta(weeks=1), next_pledge=pledge(key(2)))
        assert verify(made, units, key(1)) == ()
        assert verify(made, units, key(1), published=after.pledge.commitment, seen=after.coverage) == ()

    def test_every_change_is_seen(self):
        units = people(300)
        made, _ = first(units)
        secret = bytes.fromhex(made.key)
        assert "does not fit" in verify(made, units, key(7))[0]
        assert "frozen" in verify(made, units[1:], secret)[0]
        assert verify(made, units, secret, published=commitment(key(7))) == (
            "the commitment is not the one published before the draw",
        )
        changed = (unit(units[0].unit, census="privileged"), *units[1:])
        assert verify(made, changed, secret)

    def test_other_sizes_and_counts_are_seen(self):
        from dataclasses import replace

        units = people(300)
        made, _ = first(units)
        secret = bytes.fromhex(made.key)
        smaller = replace(made, size=replace(made.size, units=15))
        assert "50 were to be drawn, 15 are said to be" in verify(smaller, units, secret)
        assert "the seed does not follow" in verify(replace(made, seed="00"), units, secret)[0]

    def test_a_swapped_pick_is_seen(self):
        from dataclasses import replace

        units = people(300)
        made, _ = first(units)
        drawn = {p.unit for p in made.picks}
        outside = next(u.unit for u in units if u.unit not in drawn)
        at = next(i for i, p in enumerate(made.picks) if p.draw is Draw.INFERENCE)
        picks = (*made.picks[:at], replace(made.picks[at], unit=outside), *made.picks[at + 1 :])
        assert "the inference draw is another one" in verify(replace(made, picks=picks), units, bytes.fromhex(made.key))


def weeks_of_draws(policy: Sampling, weeks: int, randomly: random.Random, *, churn: float, count: int = 150):
    """Draw week after week while people come and go; yield week, population and sample."""
    units, born, state = list(people(count)), count, SampleState()
    for week in range(weeks):
        made, state = draw(
            units,
            policy,
            state,
            run=f"run-{week}",
            as_of=AS_OF + timedelta(weeks=week),
            next_pledge=pledge(key(week)),
        )
        yield week, tuple(units), made
        units = [u for u in units if randomly.random() >= churn]
        joiners = sum(randomly.random() < churn for _ in range(count))
        units += people(joiners, born)
        born += joiners


class TestCoverage:
    @pytest.mark.parametrize("weeks", [1, 2, 13, 24])
    @pytest.mark.parametrize("churn", [0.0, 0.03])
    def test_everyone_is_seen_in_time(self, weeks, churn):
        # Little is drawn for inference here, so the panel must do the work.
        policy = Sampling(rate=0, tolerable=0.5, confidence=0.6, coverage_weeks=weeks)
        waiting: dict[str, int] = {}
        for week, units, made in weeks_of_draws(policy, 3 * weeks + 3, random.Random(weeks), churn=churn):
            drawn = {pick.unit for pick in made.picks}
            waiting = {u.unit: waiting.get(u.unit, week) for u in units}
            waiting |= dict.fromkeys(drawn, week)
            assert all(week - since < weeks for since in waiting.values())
            assert made.overdue == 0

    def test_a_week_missed_breaks_no_promise(self):
        policy = Sampling(rate=0, tolerable=0.5, confidence=0.6, coverage_weeks=4)
        drawn_at: dict[str, Any] = {}
        units, state = people(100), SampleState()
        for week in (0, 1, 2, 4, 5, 6, 7, 9, 10, 11, 12):
            made, state = draw(
                units,
                policy,
                state,
                run=f"{week}",
                as_of=AS_OF + timedelta(weeks=week),
                next_pledge=pledge(key(week)),
            )
            drawn_at |= dict.fromkeys((p.unit for p in made.picks), week)
            if week >= 4:
                assert all(week - drawn_at[u.unit] <= 4 for u in units)

    def test_the_load_is_level(self):
        policy = Sampling(rate=0, tolerable=0.5, confidence=0.6, coverage_weeks=13)
        loads = [
            sum(p.draw is Draw.COVERAGE for p in made.picks)
            for _, _, made in weeks_of_draws(policy, 40, random.Random(3), churn=0.0)
        ]
        assert max(loads) <= 150 / 12 + 1

    def test_level_meets_each_deadline_and_no_more(self):
        assert level_load({}) == 0
        assert level_load({1: 5, 10: 1}) == 5
        assert level_load({2: 4, 4: 8}) == 3

    def test_being_asked_is_not_being_reviewed(self):
        units = people(60)
        made, state = first(units)
        drawn = [p.unit for p in made.picks]
        back = sampling.not_reviewed(state, made, drawn[1:])
        assert back.coverage[drawn[0]].drawn is None
        assert back.coverage[drawn[1]].drawn == AS_OF

    def test_only_the_run_asked_is_set_back(self):
        units = people(60)
        made, state = first(units)
        from dataclasses import replace

        assert sampling.not_reviewed(state, replace(made, run="another"), []) == state

    def test_who_waited_too_long_is_counted_and_drawn(self):
        units = people(400)
        _, state = first(units)
        late, _ = draw(units, POLICY, state, run="late", as_of=AS_OF + timedelta(weeks=30), next_pledge=pledge(key(2)))
        assert late.overdue == 400
        assert len(late.picks) == 400
        assert f"400 were not seen within {POLICY.coverage_weeks} weeks and are drawn now" in late.reasons


def test_the_limit_holds_as_often_as_it_says():
    """Draw from a population with a known number of bad units, often, and ask whether the limit covers it."""
    units, bad, draws = people(300), 21, 400
    wrong = {u.unit for u in random.Random(11).sample(units, bad)}
    held = 0
    for number in range(draws):
        made, _ = first(units, run=f"run-{number}", number=number)
        inference = [p.unit for p in made.picks if p.draw is Draw.INFERENCE]
        found = sum(name in wrong for name in inference)
        held += upper_deviations(300, len(inference), found, 0.95) >= bad
    # At 95 %, fewer than 369 of 400 happens once in a hundred.
    assert held >= 369
    assert held < draws


def test_the_rotating_panel_is_no_random_sample():
    """Access drifts until it is looked at: what was just seen is clean, so the panel finds the worst, not the usual."""
    policy = Sampling(rate=0.05, coverage_weeks=13)
    randomly, wrong = random.Random(5), set()
    panel, independent, truth = [], [], []
    for week, units, made in weeks_of_draws(policy, 60, random.Random(6), churn=0.0, count=400):
        wrong |= {u.unit for u in units if randomly.random() < 0.02}
        by_draw = {how: [p.unit for p in made.picks if p.draw is how] for how in Draw}
        if week >= 15:
            truth.append(len(wrong) / len(units))
            panel.append(sum(n in wrong for n in by_draw[Draw.COVERAGE]) / max(1, len(by_draw[Draw.COVERAGE])))
            independent.append(sum(n in wrong for n in by_draw[Draw.INFERENCE]) / len(by_draw[Draw.INFERENCE]))
        wrong -= {p.unit for p in made.picks}
    mean_truth, mean_panel = sum(truth) / len(truth), sum(panel) / len(panel)
    assert abs(sum(independent) / len(independent) - mean_truth) < 0.02
    assert mean_panel > mean_truth + 0.02
