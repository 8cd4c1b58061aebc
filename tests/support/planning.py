"""A small company to plan removals for: one directory, one tenant, one application list, one roster."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from access_review.connectors.ad.capabilities import CAPABILITIES as DIRECTORY
from access_review.connectors.entra.capabilities import CAPABILITIES as TENANT
from access_review.connectors.table.connector import Export
from access_review.engine import Engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.plan.plan import plan
from access_review.plan.record import Plan
from access_review.policy import Policy
from access_review.review import Report, review
from access_review.settings import pattern
from access_review.snapshot import Snapshot
from access_review.workspace import Workspace
from tests.support.snapshots import AS_OF, snapshot, workspace

__all__ = ["Policy", "pattern", "snapshot"]

Rows = dict[str, list[dict[str, Any]]]

STAFF = 60
CONNECTORS = {"ad": "ldap", "entra": "entra", "ledger": "table"}
CAPABILITIES = {"ad": DIRECTORY, "entra": TENANT, "ledger": Export.capabilities}
ASKED: dict[str, Any] = {"requested_by": "hr:person:60", "now": AS_OF, "capabilities": CAPABILITIES}
TEMPLATES = (
    {
        "role": "finance",
        "who": {"department": "Finance"},
        "must": ["ad:group:All"],
        "may": ["ad:group:Fin*", "ad:group:Admins", "entra:*:Mail", "ledger:right:view"],
    },
)


def without_last_holders(space: Workspace) -> Workspace:
    """Return a workspace in which nobody keeps what is privileged: less than any policy file may say."""
    protect = space.policy.protect.model_copy(update={"last_holders": 0})
    return replace(space, policy=space.policy.model_copy(update={"protect": protect}))


def person(number: int, status: str = "active", **more: Any) -> dict[str, Any]:
    left = {"left_at_latest": AS_OF - timedelta(days=3)} if status == "left" else {}
    return {"person": f"hr:person:{number}", "name": f"Person {number}", "status": status, **left, **more}


def job(number: int, status: str = "active", **more: Any) -> dict[str, Any]:
    return {
        "person": f"hr:person:{number}",
        "status": status,
        "client": "Northgate",
        "attributes": '{"department":"Finance"}',
        "starts_earliest": AS_OF - timedelta(days=400),
        **more,
    }


def account(number: int, source: str = "ad", **more: Any) -> dict[str, Any]:
    row = {"account": f"{source}:user:{number}", "name": f"user{number}", "employee_id": str(number)}
    used = {"last_used_earliest": AS_OF - timedelta(days=1), "last_used_latest": AS_OF}
    return {**row, **used, **more}


def group(name: str, source: str = "ad", kind: str = "group", **more: Any) -> dict[str, Any]:
    return {"entitlement": f"{source}:{kind}:{name}", **more}


def grant(number: int, name: str, source: str = "ad", kind: str = "group", **more: Any) -> dict[str, Any]:
    row = {"account": f"{source}:user:{number}", "entitlement": f"{source}:{kind}:{name}"}
    return {**row, "mastered_in": source, **more}


def nest(child: str, parent: str, **more: Any) -> dict[str, Any]:
    return {"child": f"ad:group:{child}", "parent": f"ad:group:{parent}", "mastered_in": "ad", **more}


def company(staff: int = STAFF) -> Rows:
    """Return a company in which nothing is wrong: everybody is in finance and holds what finance must."""
    numbers = range(1, staff + 1)
    return {
        "people": [person(n) for n in numbers],
        "assignments": [job(n) for n in numbers],
        "accounts": [account(n) for n in numbers],
        "entitlements": [group(name) for name in ("All", "Fin", "Fin-Read", "Other", "Outer")]
        + [group("Admins", privileged=True)],
        "grants": [grant(n, name) for n in numbers for name in ("All", "Fin")]
        + [grant(n, "Admins") for n in (1, 2, 3)],
        "nesting": [],
    }


def leave(rows: Rows, number: int) -> Rows:
    """Return the company after somebody has left, their access still there."""
    gone = f"hr:person:{number}"
    people = [person(number, "left") if row["person"] == gone else row for row in rows["people"]]
    jobs = [job(number, "left", ends_latest=AS_OF) if row["person"] == gone else row for row in rows["assignments"]]
    return {**rows, "people": people, "assignments": jobs}


def add(rows: Rows, **more: Iterable[dict[str, Any]]) -> Rows:
    """Return the company with more rows."""
    return {**rows, **{name: [*rows.get(name, []), *new] for name, new in more.items()}}


def change(rows: Rows, table: str, key: str, **values: Any) -> Rows:
    """Return the company with the row that has ``key`` changed."""
    first = next(iter(rows[table][0]))
    return {**rows, table: [{**row, **values} if row[first] == key else row for row in rows[table]]}


def declared(
    *, policy: Mapping[str, Any] | None = None, templates: Iterable[Mapping[str, Any]] = TEMPLATES, **more: Any
) -> Workspace:
    """Return the workspace of the company, each source with its real connector."""
    ladders = {name: [{"on": ["employee_id", "person"]}] for name in CONNECTORS}
    made = workspace(templates=templates, match=ladders, policy={"engine": {"threads": 1}, **(policy or {})}, **more)
    sources = tuple(
        replace(s, file=s.file.model_copy(update={"connector": CONNECTORS.get(s.name, s.file.connector)}))
        for s in made.sources
    )
    return replace(made, sources=sources)


def reviewed(rows: Rows, space: Workspace, engine: Engine) -> tuple[Snapshot, Report]:
    taken = snapshot(**rows)
    return taken, review(taken, space, engine)


def planned(rows: Rows, space: Workspace | None = None, **options: Any) -> Plan:
    """Review the company and plan what to take away."""
    space = space or declared()
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        taken, report = reviewed(rows, space, engine)
        return plan(taken, space, engine, report, **ASKED | options)


def asked_of(made: Plan) -> list[tuple[str, str, str]]:
    """Return what a plan does: action, account (or child), entitlement."""
    return [
        (
            c.action.value,
            (c.target.account or c.target.child).name,
            c.target.entitlement.name if c.target.entitlement else "",
        )
        for c in made.changes
    ]


def reasons(made: Plan) -> list[str]:
    return [one.reason for one in made.to_person]


def limits(**parts: Any) -> dict[str, Any]:
    return {"limits": Policy().limits.model_dump() | parts}


def parsed(data: bytes) -> Any:
    return json.loads(data)
