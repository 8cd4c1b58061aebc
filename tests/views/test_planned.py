"""A plan on the terminal: a line a change by person, what is left with the setting that helps, and never a wall of text."""

from dataclasses import replace

import pytest

from access_review.changes import Action, change_id
from access_review.plan.withheld import SENTENCES, ToPerson, WithheldCode, recognised, withheld
from access_review.views import plan_folder, planned
from access_review.views.carry_out import NAME
from access_review.views.plan_changes import Screen, sign
from tests.powershell.every_action import everything
from tests.support.planning import company
from tests.support.planning import planned as planned_for

ALL = Screen(whole=True)


@pytest.fixture(scope="module")
def made():
    return everything()


def test_each_change_is_a_line_behind_its_sign_below_the_person_it_is_about(made):
    shown = planned.text(made, [], screen=ALL).splitlines()
    signs = [line[2] for line in shown if line[:2] == "  " and line[2:4] in {"- ", "! ", "+ "}]
    assert signs.count("-") == sum(sign(one) == "-" for one in made.changes)
    assert signs.count("!") == sum(one.action is Action.MANUAL for one in made.changes)
    for one in made.changes:
        assert any((one.target.person or "Server") in line for line in shown)
    assert "- taken away" in shown[2]
    assert "+ given back" not in shown[2], "what does not occur is not explained"


def test_only_a_terminal_is_coloured_and_nothing_is_wider_than_it(made):
    assert "\x1b" not in planned.text(made, [])
    assert "\x1b[31m" in planned.text(made, [], screen=Screen(colour=True))
    narrow = planned.text(made, [], screen=Screen(width=80, whole=True)).splitlines()
    assert max(map(len, (line for line in narrow if "sha256" not in line))) <= 80


def thousands(made):
    """A plan of 2,400 changes for 800 people, with 7,000 findings left for as many different sentences."""
    first = next(one for one in made.changes if one.action is Action.REMOVE_MEMBER)
    changes = []
    for number in range(2_400):
        who, what = f"hr:person:{number // 3}", first.target.entitlement
        group = replace(what, id=f"ad:group:{number % 40}", name=f"Group {number % 40}")
        account = replace(first.target.account, id=f"ad:user:{number // 3}", name=f"user{number // 3}")
        target = replace(first.target, account=account, entitlement=group, person=who, person_name=f"Somebody {who}")
        changes.append(replace(first, id=change_id(first.action, target), target=target))
    left = tuple(
        ToPerson.of((f"f{number}",), withheld(WithheldCode.ID_MAY_CHANGE, name=f"thing {number}"))
        for number in range(7_000)
    )
    return replace(made, changes=tuple(changes), to_person=left)


def test_thousands_are_below_sixty_lines_and_all_has_each(made):
    many = thousands(made)
    found = {
        f"f{number}": {
            "subject": f"apps:user:{number}",
            "subject_name": f"user{number}",
            "about": f"apps:role:{number}",
            "about_name": f"Role {number}",
            "person": f"hr:person:{number % 500}",
            "person_name": f"Person {number % 500}",
        }
        for number in range(7_000)
    }
    short = planned.text(many, ["plan.json"], found=found)
    assert len(short.splitlines()) < 60
    assert "7,000 findings about 500 people" in short
    assert "7,000 ids may change" in short
    assert "stable_id: true in sources/apps.yaml" in short
    assert "take 60 accounts out of Group 0 (ad): Somebody" in short
    assert "more for" in short
    assert "2,400 to take away, for 800 people" in short
    read_back = replace(many, to_person=tuple(replace(one, why=None) for one in many.to_person))
    assert "7,000 ids may change" in planned.text(read_back, []), "a plan that was read says it as well"
    whole = planned.text(many, [], found=found, screen=ALL)
    assert whole.count("- take user") == 2_400
    assert whole.count("the id of thing ") == 7_000


def test_each_reason_is_known_again_by_its_sentence():
    for code, sentence in SENTENCES.items():
        facts = {part.split("}")[0]: "Some Thing" for part in sentence.split("{")[1:]}
        for about in ("", "Other"):
            why = replace(withheld(code, **facts), about=about)
            known = recognised(why.reason)
            assert known is not None
            assert (known.code, known.reason) == (code, why.reason)
    assert recognised("what no version ever wrote") is None


def test_where_nothing_is_planned_there_is_nothing_to_approve_and_no_program(made):
    empty = planned_for(company(8))
    assert NAME in plan_folder.files(made, {})
    assert NAME not in (files := plan_folder.files(empty, {}))
    assert plan_folder.obsolete(files) == (NAME,), "one of an earlier plan is taken away"
    shown = planned.text(empty, [])
    assert "nothing to prove, to approve or to carry out" in shown
    assert "Digest to approve" not in shown
