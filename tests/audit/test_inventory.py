"""Whose an application is: the tenant's own, another's, or nobody knows."""

from datetime import UTC, datetime

import pytest

from access_review import declared
from access_review.engine.duckdb import EmbeddedEngine
from access_review.policy import Policy
from access_review.tables import TABLES, frame

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
OWN, OTHER = "5e553342-5488-4943-a75e-fa0df5d1091f", "2a6e800a-4be0-491a-9237-396d5295f685"


def principal(native: str, owner: str | None, source: str = "entra"):
    attributes = f'{{"owner_tenant":"{owner}"}}' if owner else None
    told = {"source": source, "native_id": native, "stable_id": True, "name": native, "kind": "service"}
    return {"account": f"{source}:sp:{native}", "attributes": attributes, **told}


def consent(client: str):
    native = f"{client}/graph/User.Read"
    told = {"source": "entra", "native_id": native, "stable_id": True, "kind": "consent", "name": native}
    return {"entitlement": f"entra:consent:{native}", "effect": "grants", **told}


def foreign(registered):
    accounts = [
        principal("ours", OWN),
        principal("ours-too", OWN),
        principal("theirs", OTHER),
        principal("silent", None),
        principal("elsewhere", OTHER, source="subsidiary"),
    ]
    aliases = [{"scheme": "registered-app", "value": f"app-{name}", "id": f"entra:sp:{name}"} for name in registered]
    rows = {"accounts": accounts, "aliases": aliases, "entitlements": [consent("theirs"), consent("ours")]}
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        for name, some in rows.items():
            engine.register(name, frame(TABLES[name], some))
        told = declared.applications(Policy(organisation="Norwind"), engine).to_pylist()
    return {row["object"].split(":", 2)[2]: row["foreign"] for row in told}


def test_whose_application_is_not_registered_here_is_foreign():
    told = foreign(["ours"])
    assert told == {
        "ours": False,
        "ours-too": False,
        "theirs": True,
        "silent": None,
        "elsewhere": None,
        "ours/graph/User.Read": False,
        "theirs/graph/User.Read": True,
    }


@pytest.mark.parametrize("registered", [[], ["silent"]])
def test_where_no_own_application_is_known_nobody_is_foreign(registered):
    assert set(foreign(registered).values()) == {None}
