"""What peers suggest: the same counts for what is held and for what is not, and the same for some as for all."""

import numpy as np
import pytest

from access_review.draft import nearest_people
from access_review.draft.peer_counts import PeerView, compare_pairs, index_peers, view_of
from access_review.draft.unusual import explain_grant, score_access
from tests.draft.matrices import find_grant, matrix

TEAMS = "; ".join(
    [f"clerk{n}: mail ledger invoices" for n in range(6)] + [f"agent{n}: mail crm phone" for n in range(12)]
)


def test_what_is_not_held_is_said_in_the_same_words_as_what_is() -> None:
    held = matrix(f"{TEAMS}; agent99: mail crm phone ledger")
    groups = {p: p.rstrip("0123456789") for p in held.people}
    found = compare_pairs(index_peers(held, groups), [("agent99", "ledger"), ("agent98", "mail"), ("agent1", "ledger")])
    has, lacks = found["agent99", "ledger"], found["agent1", "ledger"]
    assert set(found) == {("agent99", "ledger"), ("agent1", "ledger")}
    assert (has.view, lacks.view) == (PeerView.UNUSUAL, PeerView.UNUSUAL)
    assert (has.near_holding, has.peers_holding, has.holders) == (0, 0, 7)
    assert (lacks.near_holding, lacks.peers_holding, lacks.holders) == (0, 1, 7)
    assert "0 of the 12 others in agent have it" in has.reason
    assert "1 of the 12 others in agent have it" in lacks.reason


def test_nobody_is_named_to_those_who_may_not_know_them() -> None:
    held = matrix(TEAMS)
    (counts,) = compare_pairs(index_peers(held), [("agent1", "mail")], {"agent1": "Ann"}, naming=False).values()
    assert "nearest" not in counts.reason
    assert "Ann" in counts.reason
    assert "agent" not in counts.reason


def test_some_are_compared_as_all_are() -> None:
    held = matrix(f"{TEAMS}; agent99: mail crm phone ledger")
    access = score_access(held)
    grant = find_grant(held, "agent99", "ledger")
    assert grant is not None
    alone = compare_pairs(index_peers(held), [("agent99", "ledger")])["agent99", "ledger"]
    assert explain_grant(access, grant).reason == alone.reason


@pytest.mark.parametrize(
    ("counts", "view"),
    [
        ((10, 1, 0, 0), PeerView.UNUSUAL),
        ((10, 1, 2, 2), PeerView.UNUSUAL),  # two peers by attributes say nothing
        ((10, 1, 4, 2), PeerView.USUAL),
        ((10, 3, 0, 0), PeerView.SHARED),
        ((10, 5, 0, 0), PeerView.USUAL),
        ((0, 0, 5, 5), PeerView.UNKNOWN),
    ],
)
def test_what_counts_suggest(counts: tuple[int, int, int, int], view: PeerView) -> None:
    assert view_of(*counts) is view


def test_very_many_are_compared_with_some_and_still_stand_out(monkeypatch: pytest.MonkeyPatch) -> None:
    held = matrix(f"{TEAMS}; agent99: mail crm phone ledger")
    monkeypatch.setattr(nearest_people, "EVERYBODY", 10)
    monkeypatch.setattr(nearest_people, "COMPARED_WITH", 12)
    near = nearest_people.neighbourhood(held)
    others = nearest_people.compared_with(len(held.people))
    assert len(others) == 12
    assert set(near.nearest.ravel().tolist()) <= set(others.tolist())
    assert all(person not in row for person, row in enumerate(near.nearest.tolist()))
    access = score_access(held)
    grant = find_grant(held, "agent99", "ledger")
    assert grant is not None
    assert access.place[grant] == 1
    assert np.array_equal(nearest_people.nearest_people(held, np.arange(len(held.people))), near.nearest)
