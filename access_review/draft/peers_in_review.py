"""How peers stand to access in a review whose facts are in an engine."""

from collections.abc import Iterable, Mapping

from access_review.draft.nearest_people import EVERYBODY
from access_review.draft.peer_counts import PeerCounts, compare_pairs, index_peers
from access_review.draft.peer_groups import telling_groups
from access_review.draft.review_input import draft_input, names_of
from access_review.draft.unusual import UnusualAccess, UnusualGrant, most_unusual, score_access
from access_review.engine import Engine


def score_run(engine: Engine) -> UnusualAccess:
    """Score every direct grant of people beside those of their peers."""
    given = draft_input(engine)
    return score_access(given.matrix, telling_groups(given.matrix, given.assignments, given.attributes))


def most_unusual_of(engine: Engine, limit: int) -> tuple[UnusualGrant, ...] | None:
    """Return the most unusual grants of a run; none are looked for, which is no empty list, where there are very many people."""
    (people,) = engine.rows("SELECT count(*) AS found FROM people")
    if people["found"] > EVERYBODY:
        return None
    return most_unusual(score_run(engine), limit, names_of(engine))


def compare_in(
    engine: Engine, pairs: Iterable[tuple[str, str]], *, naming: bool = True
) -> Mapping[tuple[str, str], PeerCounts]:
    """Say for pairs of person and entitlement, held or not, what peers suggest; what cannot be compared is left out."""
    wanted = set(pairs)
    if not wanted:
        return {}
    given = draft_input(engine)
    groups = telling_groups(given.matrix, given.assignments, given.attributes)
    # What no person holds directly is compared too: a row about it without a word would tell that nobody has it.
    matrix = given.matrix.naming(entitlement for _, entitlement in wanted)
    return compare_pairs(index_peers(matrix, groups), wanted, names_of(engine), naming=naming)
