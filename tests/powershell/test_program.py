"""The one program that carries plans out in PowerShell: as it was run, in every plan's folder, with what it reads."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_powershell

from access_review.changes import Action
from access_review.connectors.entra.permissions import WRITING
from access_review.plan import record
from access_review.revoke.carried_out import COLUMNS, Outcome
from access_review.views import carry_out, plan_folder
from tests.powershell.every_action import everything, nesting, undone
from tests.powershell.mutations import MUTATIONS
from tests.powershell.reads import lacking

AS_RUN = "sha256:1cac8dd7cdfda84f497a4a00e7a62e9abe897c7d723d54e87425c8b2a3a00a52"
"""Of the bytes that were run in PowerShell. Whoever changes the program runs the scenarios, and then changes this."""

GRAMMAR_LACKS = (b"MB", b", Source", b"{ return 'groups' } default")
"""What PowerShell takes and this grammar does not know: a number's unit, two names after -Property, cases on one line."""


@pytest.fixture(scope="module")
def made() -> record.Plan:
    return everything()


def test_the_program_is_the_one_that_was_run() -> None:
    assert carry_out.digest() == AS_RUN
    assert "sha256:" + hashlib.sha256(carry_out.program()).hexdigest() == AS_RUN


def faults_of(program: bytes) -> list[bytes]:
    """Return what does not parse."""
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    open_, faults = [parser.parse(program).root_node], []
    while open_:
        node = open_.pop()
        open_ += node.children
        if node.type == "ERROR" or node.is_missing:
            faults.append(node.text or b"")
    return sorted(faults)


def test_it_writes_the_log_that_is_read() -> None:
    program = carry_out.program().decode()
    (heading,) = re.findall(r"\$LogHeader = '(.*)'", program)
    assert heading == ",".join(f'"{name}"' for name in COLUMNS)
    outcomes = set(re.findall(r"return '([a-z ]+)', ", program)) | set(
        re.findall(r"Write-Log \$Step '([a-z]+)'", program)
    )
    assert outcomes - {"planned"} == set(Outcome)


def test_the_runbook_knows_what_to_do_for_each_outcome_and_which_right_each_change_takes(repository: Path) -> None:
    runbook = (repository / "runbooks" / "revocation-batch.md").read_text("utf-8")
    section = runbook.partition("### By PowerShell")[2].partition("\n### ")[0]
    assert [one for one in Outcome if one is not Outcome.INTENT and f"`{one}`" not in section] == []
    assert [name for name in sorted(WRITING) if f"`{name}`" not in section] == []


def test_the_program_parses() -> None:
    assert faults_of(carry_out.program()) == sorted(GRAMMAR_LACKS)


def test_each_mutation_is_one_of_the_program_as_it_is() -> None:
    """And breaks what it means, not how it is written: that would be noticed by anything."""
    program = carry_out.program().decode()
    assert len({one.name for one in MUTATIONS}) == len({one.of(program) for one in MUTATIONS}) == len(MUTATIONS)
    for one in MUTATIONS:
        assert one.of(program) != program, one.name
        assert faults_of(one.of(program).encode()) == sorted(GRAMMAR_LACKS), one.name


def test_the_package_has_one_program_and_nothing_that_makes_another(repository: Path) -> None:
    package = repository / "access_review"
    found = [path.relative_to(package).as_posix() for path in package.rglob("*.ps1*")]
    assert found == ["views/templates/carry-out.ps1"]
    assert "*.ps1 -text" in (repository / ".gitattributes").read_text("utf-8").splitlines()


def test_every_action_and_its_undo_have_what_the_program_reads(made: record.Plan) -> None:
    taking = {action for action in Action if not action.restores}
    plans = [made, nesting()]
    assert {one.action for plan in plans for one in plan.changes} == taking - {Action.MANUAL}
    back = [undone(plan) for plan in plans]
    assert {one.action for plan in back for one in plan.changes} == {action for action in Action if action.restores}
    for plan in (*plans, *back):
        assert lacking(record.write(plan)) == []


def test_what_a_plan_lacks_is_noticed(made: record.Plan) -> None:
    data = record.write(made)
    assert lacking(data.replace(b'"systems":{"ad"', b'"systems":{"aD"')) != []
    assert lacking(data.replace(b"access-review/plan@2", b"access-review/plan@3")) != []
    assert lacking(data.replace(f'"id":"{made.changes[0].id}"'.encode(), b'"id":"c-other"', 1)) != []


def test_no_test_lays_out_a_plan_that_lacks_something(made: record.Plan) -> None:
    """What holds every plan of the suite does hold them."""
    with pytest.raises(AssertionError, match="does not find in the plan"):
        plan_folder.files(record.seal(replace(made, systems={})), {})


def test_revocations_and_undos_have_the_program_beside_them_as_it_is(made: record.Plan) -> None:
    for plan in (made, undone(made)):
        files = plan_folder.files(plan, {})
        assert sorted(files) == ["carry-out.ps1", "plan.csv", "plan.json", "plan.xlsx"]
        assert files["carry-out.ps1"] == carry_out.program()
        assert "sha256:" + hashlib.sha256(files["plan.json"]).hexdigest() == plan.digest
