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
