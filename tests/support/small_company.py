"""A small company for the tests of what people see: two people, a leaver, nested groups, names written by an attacker."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from access_review.engine import Engine
from access_review.engine.duckdb import EmbeddedEngine
from access_review.policy import ApplicationLists, Policy
from access_review.review import Report, review
from access_review.settings import Pattern, Separation, SourceFile, Template, ToxicPair, Waivers, pattern
from access_review.snapshot import Manifest, Snapshot, manifest
from access_review.tables import TABLES, frame
from access_review.workspace import SourceEntry, Workspace

AS_OF = datetime(2026, 2, 1, tzinfo=UTC)
MARKUP = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
BIDI = "Ledger\u202eresworB\u2066"
ANSI = "\x1b[31mRed\x1b[0m\x07"
FORMULA = '=HYPERLINK("http://evil.example.test","x")'
HOSTILE = (MARKUP, BIDI, ANSI, FORMULA)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One review and everything it was made from."""

    engine: Engine
    snapshot: Snapshot
    workspace: Workspace
    report: Report
    manifest: Manifest


def group(name: str, **more: Any) -> dict[str, Any]:
    return {
        "entitlement": f"ad:group:{name}",
        "source": "ad",
        "native_id": name,
        "stable_id": True,
        "kind": "group",
        "name": name,
        "effect": "grants",
        **more,
    }


def account(native: str, name: str, employee: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "account": f"ad:user:{native}",
        "source": "ad",
        "native_id": native,
        "stable_id": True,
        "name": name,
        "employee_id": employee,
        "kind": "human",
        "enabled": True,
        **more,
    }


def member(native: str, name: str, **more: Any) -> dict[str, Any]:
    held = {"mode": "assigned", "via": "member", "removable": True}
    return {"account": f"ad:user:{native}", "entitlement": f"ad:group:{name}", **held, **more}


def nested(child: str, parent: str, **more: Any) -> dict[str, Any]:
    edge = {"mode": "assigned", "why": "member", "reach": "transitive", "removable": True}
    return {"child": f"ad:group:{child}", "parent": f"ad:group:{parent}", **edge, **more}


def person(native: str, name: str, **more: Any) -> dict[str, Any]:
    told = {"source": "hr", "native_id": native, "name": name, "kind": "employee", "status": "active"}
    return {"person": f"hr:person:{native}", **told, **more}


def spell(native: str, department: str, **more: Any) -> dict[str, Any]:
    told = {"seq": 1, "source": "hr", "status": "active", "client": "Sundown Retail"}
    attributes = f'{{"department":"{department}"}}'
    return {"person": f"hr:person:{native}", "attributes": attributes, **told, **more}


def rows(*, hostile: bool = False) -> dict[str, list[dict[str, Any]]]:
    """The company: Ana fits her role but for two grants, Bo has left, nobody owns zed."""
    ended = AS_OF - timedelta(days=3)
    evil = HOSTILE if hostile else ("Client", "Ledger", "Red", "Link")
    return {
        "people": [
            person("1", "Ana Lim", manager="hr:person:3"),
            person(
                "2",
                MARKUP if hostile else "Bo Reyes",
                status="left",
                left_at_earliest=ended - timedelta(hours=8),
                left_at_latest=ended,
                notified_at=ended + timedelta(hours=20),
                first_seen_left_at=ended + timedelta(hours=26),
            ),
            person("3", "Cem Aydin"),
            person("7", "Invoice agent", kind="agent", sponsor="hr:person:2", purpose="Match invoices"),
        ],
        "assignments": [
            spell("1", "Finance", starts_latest=AS_OF - timedelta(days=90)),
            spell("2", "Finance", status="left", ends_latest=ended),
            spell("3", "Support"),
        ],
        "accounts": [
            account("1", "ana", "1", mail="ana@norwind.example.test"),
            account("2", BIDI if hostile else "bo", "2"),
            account("3", "zed"),
            account("4", "cem", None, mail="cem.aydin@norwind.example.test", display_name="Cem Aydin"),
        ],
        "entitlements": [
            *map(group, ("All-Staff", "Finance-Read", "Finance-Write", "Payroll", "Office", *evil)),
            group("Admins", privileged=True, sensitivity="restricted"),
        ],
        "nesting": [nested("Office", "Finance-Read"), nested("Finance-Read", "Admins"), nested("Payroll", evil[1])],
        "grants": [
            member("1", "All-Staff", via="primary", removable=False, why_not="a primary group cannot be left"),
            *(member("1", name) for name in ("Finance-Read", "Payroll", "Office", *evil)),
            member("2", "Finance-Write"),
            member("3", evil[0]),
        ],
        "completeness": [
            {"source": source, "subject": table, "complete": True, "received": 4}
            for source, tables in (
                ("hr", ("people", "assignments")),
                ("ad", ("accounts", "entitlements", "grants", "nesting")),
            )
            for table in tables
        ],
    }


def patterns(*texts: str) -> tuple[Pattern, ...]:
    return tuple(map(pattern, texts))


def workspace() -> Workspace:
    ladder: dict[str, Any] = {
        "connector": "ldap",
        "match": [{"on": ["employee_id", "person"]}, {"on": ["display_name", "name"], "certain": False}],
    }
    templates = (
        Template(role="all-staff", must=patterns("ad:group:All-Staff")),
        Template(
            role="finance-analyst",
            who={"department": ("Finance",)},
            extends=("all-staff",),
            may=patterns("ad:group:Finance-*"),
            never=patterns("ad:group:Red"),
        ),
    )
    places = {
        ("template", "finance-analyst"): "roles/templates/finance-analyst.yaml:1",
        ("must of all-staff", "ad:group:All-Staff"): "roles/templates/all-staff.yaml:2",
        ("may of finance-analyst", "ad:group:Finance-*"): "roles/templates/finance-analyst.yaml:4",
    }
    pair = ToxicPair(
        pair="pay-and-post", a=patterns("ad:group:Payroll"), b=patterns("ad:group:Finance-Read"), reason="pays itself"
    )
    sources = (SourceEntry("ad", SourceFile(**ladder), {}), SourceEntry("hr", SourceFile(connector="roster"), {}))
    policy = Policy(organisation="Norwind Outsourcing", applications=ApplicationLists(ai=("*agent*",)))
    return Workspace(Path(), sources, templates, policy, Separation(pairs=(pair,)), Waivers(), "sha256:w", places)


@contextmanager
def reviewed(told: Mapping[str, list[dict[str, Any]]] | None = None) -> Iterator[Reviewed]:
    """Review the company, or another one told by rows."""
    told = rows() if told is None else told
    snapshot = Snapshot(AS_OF, {name: frame(name, told.get(name, [])) for name in TABLES}, "sha256:s")
    space = workspace()
    with EmbeddedEngine(AS_OF) as engine:
        report = review(snapshot, space, engine)
        engine.register("findings", report.findings)
        yield Reviewed(engine, snapshot, space, report, manifest(snapshot, space))
