"""How much was judged, how much was not and why, and what that lets one say."""

import pytest

from access_review.engine.duckdb import EmbeddedEngine
from access_review.findings.judged_share import Judged, NotJudged, UnjudgedPart
from access_review.review import review
from tests.support.command import CommandResult
from tests.support.snapshots import AS_OF, snapshot, workspace
from tests.support.workspaces import Company


def account(number: int, **more: object) -> dict[str, object]:
    return {"account": f"ad:user:{number}", "employee_id": str(number), **more}


def holds(number: int) -> dict[str, object]:
    return {"account": f"ad:user:{number}", "entitlement": "ad:group:a"}


def test_every_account_and_grant_is_judged_or_has_a_reason_why_not() -> None:
    world = snapshot(
        people=[
            {"person": "hr:person:1"},
            {"person": "hr:person:2"},
            {"person": "hr:person:3", "status": "left", "left_at_latest": AS_OF},
        ],
        assignments=[{"person": "hr:person:1", "role": "clerk"}, {"person": "hr:person:2", "role": "none"}],
        accounts=[*map(account, (1, 2, 3, 4)), account(5, employee_id=None, kind="service")],
        entitlements=[{"entitlement": "ad:group:a"}],
        grants=[holds(number) for number in (1, 2, 3, 5)],
    )
    with EmbeddedEngine(AS_OF) as engine:
        judged = review(world, workspace(templates=[{"role": "clerk", "may": ["ad:group:a"]}]), engine).judged
    assert judged == Judged(
        accounts=5,
        grants=4,
        copies=0,
        unjudged=(
            UnjudgedPart(NotJudged.NO_OWNER, 1, 0),
            UnjudgedPart(NotJudged.NO_ROLE, 1, 1),
            UnjudgedPart(NotJudged.NOT_A_PERSON, 1, 1),
        ),
    )
    assert (judged.accounts_judged, judged.grants_judged, judged.whole) == (2, 2, False)


CHECKLIST = """\
checkpoints:
  - checkpoint: sources-read
    title: Every source was read whole
    every: weekly
    measured: sources-complete
    green: {at_least: 100}
    undone: red
    halt: Nothing
    controls: [SOC 2 CC7.2]
"""


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Company, CommandResult, CommandResult]:
    """One audit of a company whose people all have a role, and a review of the same when no role fits any more."""
    company = Company(tmp_path_factory.mktemp("company"))
    whole = company.run("audit", at=AT)
    (company.folder / "roles/checklist.yaml").write_text(CHECKLIST)
    template = company.folder / "roles/templates/clerk.yaml"
    template.write_text(template.read_text().replace("Finance", "Elsewhere"))
    return company, whole, company.run("--json", "review", "--run", "2026", at=AT)


AT = "2026-11-02T06:00:00Z"
Audited = tuple[Company, CommandResult, CommandResult]


@pytest.mark.slow
def test_that_nothing_is_wrong_is_said_only_where_all_was_judged(audited: Audited) -> None:
    _, whole, empty = audited
    assert (whole.code, whole.err) == (0, "")
    assert "Judged: 30 of 30 grants, 30 of 30 accounts." in whole.out
    assert "Nothing is wrong that the evaluated rules can see." in whole.out
    assert empty.code == 5
    assert "30 of 30 grants were not judged" in empty.err
    judged = empty.json["judged"]
    assert (judged["whole"], judged["grants_judged"], judged["grants"]) == (False, 0, 30)
    assert judged["not_judged"] == [{"why": "no-role", "accounts": 30, "grants": 30}]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("offboarding",), 5),  # nobody leaves, which is not clean where nobody was judged
        (("--json", "daily"), 5),
        (("trend",), 0),
        (("--json", "check"), 0),
        (("roles", "coverage"), 0),
        (("--json", "status"), 5),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else str(part),
)
def test_every_command_that_sums_up_says_what_was_not_judged(
    audited: Audited, command: tuple[str, ...], code: int
) -> None:
    said = audited[0].run(*command, at=AT)
    if "--json" in command:
        assert (said.json["judged"]["grants_judged"], said.json["judged"]["whole"]) == (0, False)
    else:
        text = " ".join(said.out.split())
        assert "Judged: 0 of 30 grants, 0 of 30 accounts. Not judged: 30 grants of 30 accounts of people" in text
    assert said.code == code
    assert code == 0 or "30 of 30 grants were not judged" in said.err
