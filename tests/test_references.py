import pytest

from access_review.snapshot.references import resolve
from access_review.tables import ref
from tests.support.snapshots import tables


def settled(**rows):
    return {name: table.to_pylist() for name, table in resolve(tables(rows)).items()}


FOREST = {
    "accounts": [{"account": "east:user:1"}, {"account": "west:user:2"}],
    "entitlements": [{"entitlement": "east:group:a"}, {"entitlement": "west:group:b"}],
    "aliases": [
        {"scheme": "sid", "value": "S-1-5-21-1-1-1-1001", "id": "east:user:1"},
        {"scheme": "sid", "value": "S-1-5-21-2-2-2-1001", "id": "west:user:2"},
        {"scheme": "sid", "value": "S-1-5-21-2-2-2-2001", "id": "west:group:b"},
        {"scheme": "mail", "value": "twice@example.test", "id": "east:user:1"},
        {"scheme": "mail", "value": "twice@example.test", "id": "west:user:2"},
    ],
}


def holds(account, entitlement="east:group:a", **more):
    return {"account": account, "entitlement": entitlement, **more}


def test_a_foreign_member_is_the_account_of_the_other_domain():
    made = settled(**FOREST, grants=[holds(ref("sid", "S-1-5-21-2-2-2-1001"))])
    assert [(g["account"], g["entitlement"]) for g in made["grants"]] == [("west:user:2", "east:group:a")]
    assert made["problems"] == []


def test_a_foreign_member_that_is_a_group_becomes_nesting():
    made = settled(**FOREST, grants=[holds(ref("sid", "S-1-5-21-2-2-2-2001"), mastered_in="east")])
    assert made["grants"] == []
    edge = made["nesting"][0]
    assert (edge["child"], edge["parent"], edge["why"], edge["mastered_in"]) == (
        "west:group:b",
        "east:group:a",
        "member",
        "east",
    )


@pytest.mark.parametrize(
    "member", [ref("sid", "S-1-5-21-9-9-9-1001"), ref("mail", "twice@example.test"), "east:user:gone"]
)
def test_a_member_nobody_knows_or_two_could_be_is_dangling_and_counted(member):
    made = settled(**FOREST, grants=[holds(member), holds("east:user:1")])
    assert [g["account"] for g in made["grants"]] == ["east:user:1"]
    assert [(p["source"], p["kind"], p["subject"]) for p in made["problems"]] == [
        ("east", "dangling-member", "east:group:a")
    ]


LEFT = ref("sid", "S-1-5-21-1-1-1-1001")


@pytest.mark.parametrize(
    ("account", "more", "still"),
    [
        (LEFT, {}, ["east:user:1"]),
        ("east:user:1", {}, ["east:user:1"]),
        (LEFT, {"believed": {"east"}}, []),
        (ref("sid", "S-1-5-21-9-9-9-1001"), {}, []),
        ("west:user:2", {}, []),
    ],
    ids=["by another name", "by its id", "less is accepted", "unknown before", "still listed"],
)
def test_an_account_that_is_gone_and_still_named_as_a_member_is_said_until_it_is_not(account, more, still):
    before = tables(FOREST)
    less = {name: [row for row in rows if "east:user:1" not in row.values()] for name, rows in FOREST.items()}
    for _ in range(2):  # the run after next has the account from what this one says of it
        before = resolve(tables({**less, "grants": [holds(account)]}), before, **more)
        said = [row["subject"] for row in before["problems"].to_pylist() if row["kind"] == "still-named"]
        assert said == still
    gone = resolve(tables({**less, "grants": []}), before, **more)
    assert gone["problems"].to_pylist() == []
    assert "east:user:1" not in gone["aliases"]["id"].to_pylist()


def test_one_grant_known_by_two_names_is_one_grant():
    made = settled(**FOREST, grants=[holds(ref("sid", "S-1-5-21-1-1-1-1001")), holds("east:user:1")])
    assert len(made["grants"]) == 1


def test_an_optional_reference_that_does_not_resolve_is_unknown():
    made = settled(people=[{"person": "hr:person:1", "manager": ref("person-mail", "boss@example.test")}])
    assert made["people"][0]["manager"] is None
    assert made["problems"][0]["kind"] == "unresolved"


def test_a_synced_group_is_joined_to_its_copy():
    made = settled(
        entitlements=[{"entitlement": "ad:group:x"}, {"entitlement": "entra:group:y"}],
        aliases=[
            {"scheme": "sid", "value": "S-1-5-21-7", "id": "ad:group:x"},
            {"scheme": "on-premises-sid", "value": "S-1-5-21-7", "id": "entra:group:y"},
        ],
    )
    edge = made["nesting"][0]
    assert (edge["child"], edge["parent"], edge["why"]) == ("ad:group:x", "entra:group:y", "synced-to")
    assert (edge["mastered_in"], edge["removable"]) == ("ad", False)


def test_resolving_twice_is_resolving_once():
    once = resolve(tables({**FOREST, "grants": [holds(ref("sid", "S-1-5-21-2-2-2-1001")), holds(ref("sid", "?"))]}))
    assert {n: t.to_pylist() for n, t in resolve(once).items()} == {n: t.to_pylist() for n, t in once.items()}


OTHERS = [ref("sid", f"S-1-5-21-9-9-9-{number}") for number in range(2)]


def unknown(made):
    return [row["subject"] for row in made["problems"].to_pylist() if row["kind"] == "unknown-member"]


def test_a_member_who_is_nobody_where_somebody_was_leaves_the_group_open_until_it_is_somebody_again_or_gone():
    there = resolve(tables({**FOREST, "grants": [holds("east:user:1"), holds(OTHERS[0])]}))
    renamed = there
    for _ in range(2):  # the run after next has it from what this one says
        renamed = resolve(tables({**FOREST, "grants": [holds(OTHERS[0]), holds(OTHERS[1])]}), renamed)
        assert unknown(renamed) == ["east:group:a"], "what nobody was before is nobody who is missing"
    again = resolve(tables({**FOREST, "grants": [holds("east:user:1"), holds(OTHERS[0])]}), renamed)
    gone = resolve(tables({**FOREST, "grants": [holds(OTHERS[0])]}), renamed)
    besides = resolve(tables({**FOREST, "grants": [holds("east:user:1"), *map(holds, OTHERS)]}), there)
    believed = resolve(tables({**FOREST, "grants": [holds(OTHERS[1])]}), there, {"east"})
    assert [unknown(made) for made in (again, gone, besides, believed)] == [[], [], [], []]


@pytest.mark.parametrize(("lost", "whole"), [(3, True), (4, False), (40, False)])
def test_of_a_source_many_of_whose_members_are_nobody_no_membership_is_read_whole(lost, whole):
    users = [{"account": f"east:user:{number}", "source": "east", "native_id": str(number)} for number in range(40)]
    forest = {**FOREST, "accounts": [*FOREST["accounts"][1:], *users]}
    held = [holds(user["account"]) for user in users]
    verdict = {"source": "east", "subject": "grants", "complete": True, "received": 39}

    def read(grants, before=None):
        return resolve(tables({**forest, "grants": grants, "completeness": [verdict]}), before)

    before = read(held)
    others = [holds(ref("dn", f"cn=u{number}")) for number in range(lost)]
    verdicts = read([*held[lost:], *others], before)["completeness"].to_pylist()
    told = next(row for row in verdicts if (row["source"], row["subject"]) == ("east", "grants"))
    assert told["complete"] == whole
    assert (told["reason"] or "").startswith(f"{lost} of 39 members are nobody") == (not whole)
