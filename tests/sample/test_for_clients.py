"""A statement about each client: the draw is topped up for it, or says in which week its turn comes."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise

import pytest

from access_review.artifacts import SAMPLE
from access_review.audit.decisions import Decisions
from access_review.audit.judge import judge_client
from access_review.audit.worklist import Worklist
from access_review.policy import Sampling
from access_review.sample.choice import Draw
from access_review.sample.draw import SampleState, draw, pledge, verify
from access_review.sample.for_clients import ClientAim, ClientAims
from access_review.sample.hypergeometric import upper_limit
from access_review.sample.population import ReviewUnit
from access_review.views import judgement

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
STRICT = ClientAim(0.05, 0.95)


def units(**counts):
    """Return so many people of each client; the last tenth works for the next one too."""
    names = sorted(counts)
    made = []
    for client, other in pairwise([*names, names[0]]):
        for number in range(counts[client]):
            both = number >= counts[client] * 0.9 and other != client
            clients = tuple(sorted({client, other})) if both else (client,)
            made.append(ReviewUnit(f"hr:person:{client}-{number:04}", "person", None, clients, None, None, 1, 2))
    return tuple(sorted(made, key=lambda unit: unit.unit))


def drawn(people, aims, *, run="r1", weeks=0, state=None):
    key = pledge(sha256(run.encode()).digest())
    at = AS_OF + timedelta(weeks=weeks)
    return draw(people, Sampling(), state or SampleState(), run=run, as_of=at, next_pledge=key, clients=aims)


def of(people, client):
    return {unit.unit for unit in people if client in unit.clients}


def test_without_named_clients_a_sample_is_what_it_was_byte_for_byte():
    people = units(harbor=130, pineway=300)
    plain, _ = drawn(people, None)
    assert SAMPLE.dump(plain) == SAMPLE.dump(drawn(people, ClientAims({}))[0])
    said = json.loads(SAMPLE.dump(plain))
    assert "clients" not in said
    assert "client" not in said["parts"][0]


def test_each_named_client_gets_as_many_as_its_statement_needs_and_the_whole_draw_stays_as_it_is():
    people = units(harbor=130, pineway=300, quay=40)
    plain, _ = drawn(people, None)
    made, _ = drawn(people, ClientAims({"harbor": STRICT, "quay": ClientAim(0.1, 0.9)}))
    for client, aim in (("harbor", STRICT), ("quay", ClientAim(0.1, 0.9))):
        part = made.clients.of(client)
        own = of(people, client)
        random = {p.unit for p in made.picks if p.draw in {Draw.INFERENCE, Draw.CLIENT} and p.unit in own}
        assert (part.wait, part.population) == (0, len(own))
        assert len(random) >= part.drawn >= part.needed > 0
        assert upper_limit(len(own), part.needed, 0, aim.confidence) <= aim.tolerable
    inference = {p for p in plain.picks if p.draw is Draw.INFERENCE}
    assert inference == {p for p in made.picks if p.draw is Draw.INFERENCE}
    assert SAMPLE.load(SAMPLE.dump(made)) == made
    assert sum(p.census + p.inference + p.coverage + p.client for p in made.parts) == len(made.picks)
    assert verify(made, people, bytes.fromhex(made.key)) == ()
    fewer = replace(made, picks=tuple(p for p in made.picks if p.draw is not Draw.CLIENT))
    assert "the client draw is another one" in verify(fewer, people, bytes.fromhex(made.key))


def test_what_is_drawn_of_a_client_is_a_random_part_of_it():
    """Whether somebody works for another client too, or stands early in the list, changes no chance."""
    people = units(harbor=40, pineway=80)
    seen: Counter[str] = Counter()
    own = sorted(of(people, "harbor"))
    for number in range(60):
        made, _ = drawn(people, ClientAims({"harbor": ClientAim(0.2, 0.9)}), run=f"r{number}")
        assert (
            judge_client(made, people, NOTHING, Decisions("r"), "harbor").line.drawn == made.clients.of("harbor").drawn
        )
        seen.update(p.unit for p in made.picks if p.unit in own and p.draw in {Draw.INFERENCE, Draw.CLIENT})
    first, last = own[: len(own) // 2], own[len(own) // 2 :]
    counts = [sum(seen[unit] for unit in half) / len(half) for half in (first, last)]
    assert abs(counts[0] - counts[1]) < 0.15 * sum(counts)


NOTHING = Worklist("r", AS_OF, ())


def test_with_a_bound_clients_take_turns_and_each_is_told_its_week():
    people = units(harbor=130, pineway=130, quay=130)
    names = ("harbor", "pineway", "quay")
    waited: dict[str, int] = {}
    told: dict[str, str] = {}
    held: Counter[str] = Counter()
    state = None
    for week in range(6):
        aims = ClientAims(dict.fromkeys(names, STRICT), 35, "UTC", waited)
        made, state = drawn(people, aims, run=f"r{week}", weeks=week, state=state)
        this = f"2026-W{45 + week}"
        for part in made.clients.parts:
            if not part.wait:
                held[part.client] += 1
                assert part.week == this
                assert part.drawn >= part.needed
            assert part.client not in told or told[part.client] >= part.week, "a week that was told is kept"
            told = {**told, part.client: part.week}
            if not part.wait:
                del told[part.client]
        assert sum(p.draw is Draw.CLIENT for p in made.picks) <= 45
        assert verify(made, people, bytes.fromhex(made.key)) == ()
        waited = made.clients.waiting
    assert held == {"harbor": 2, "pineway": 2, "quay": 2}
    assert any("its turn comes in 2026-W" in reason for reason in made.reasons)


def test_a_client_that_nobody_works_for_is_said_to_have_nothing_shown():
    made, _ = drawn(units(harbor=60), ClientAims({"nobody": STRICT}))
    assert "nobody: nobody who works for it is drawn from, so nothing is said of it" in made.reasons
    assert not any(pick.draw is Draw.CLIENT for pick in made.picks)


@pytest.mark.parametrize("named", [False, True])
def test_a_client_is_told_its_own_limit(named):
    people = units(harbor=130, pineway=340)
    made, _ = drawn(people, ClientAims({"harbor": STRICT}) if named else None)
    shown = judge_client(made, people, NOTHING, Decisions("r"), "harbor")
    assert shown.line.population == len(of(people, "harbor")) == 164
    assert shown.line.wrong.limit_most == 1.0, "nobody has answered"
    assert shown.line.wrong.limit_least == upper_limit(164, shown.line.drawn, 0, 0.95)
    assert (shown.line.wrong.limit_least <= 0.05) is named
    assert f"0 of {shown.line.drawn} drawn were tested, of 164 units" in judgement.of_client(shown)
