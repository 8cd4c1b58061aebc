"""Root causes are counted from the records, and who is named has repeated what a quarter saw."""

from access_review.scorecard.ladder import RootCause
from access_review.scorecard.mock_audit import CountedCause, RepeatedFindings, repeated_findings, root_causes


def found(rule, number, *, about=None, person="p1", code="held"):
    same = {"rule": rule, "about": about, "person": person, "code": code}
    return [{"finding": f"{rule}-{n}-{person}", **same} for n in range(number)]


def test_each_open_finding_has_one_cause_and_what_could_not_be_seen_is_one_too():
    rows = found("mover-kept-access", 2) + found("nesting-cycle", 1) + found("access-beyond-role", 5, about="g1")
    rows += found("access-beyond-role", 4, about="g2") + found("toxic-pair", 1, person="moved") + found("theirs", 1)
    rows += found("never-allowed", 2, code="carried") + found("never-used", 1)
    assert root_causes(rows, ["ad"], ["never-used"], {"moved"}) == (
        CountedCause(RootCause.PEOPLE, 5, {"access-beyond-role": 4, "never-used": 1}),
        CountedCause(RootCause.TEMPLATE, 5, {"access-beyond-role": 5}),
        CountedCause(RootCause.MOVER, 3, {"mover-kept-access": 2, "toxic-pair": 1}),
        CountedCause(RootCause.NESTING, 3, {"never-allowed": 2, "nesting-cycle": 1}),
        CountedCause(RootCause.OTHER, 1, {"theirs": 1}),
        CountedCause(RootCause.RULE, 1, {"never-used not evaluated": 1}),
        CountedCause(RootCause.SOURCE, 1, {"ad not read whole": 1}),
    )


def test_people_and_teams_are_named_by_findings_counted_once_and_leavers_are_their_teams():
    rows = found("toxic-pair", 2, person="p1") * 3 + found("toxic-pair", 1, person="p2")
    rows += found("leaver-residue", 4, person="gone")
    managers = {"p1": "m", "p2": "m", "gone": "m"}
    assert repeated_findings(rows, managers, {"p1", "p2", "m"}) == (
        RepeatedFindings("m", True, "toxic-pair", 3, 2),
        RepeatedFindings("p1", False, "toxic-pair", 2, 1),
    )
