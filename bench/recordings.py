"""Write a small company as sources export it: a roster in CSV, a directory in LDIF, a tenant in Graph pages.

The same people, groups and memberships as in its snapshot, so that collecting them
is measured and can be checked against it.
"""

import base64
import csv
import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

BASE = "DC=norwind,DC=example,DC=test"
PAGE = 999

Row = Mapping[str, Any]

SOURCES = {
    "hr": "connector: roster\noptions:\n  path: people.csv\n  columns: {person: id, name: name, mail: mail, role: role}\n",
    "ad": "connector: ldap\noptions:\n  recorded: [directory.ldif]\nmatch:\n  - {on: [employee_id, person]}\n",
    "entra": "connector: entra\noptions:\n  recorded: graph\n  synced_from: ad\nmatch:\n  - {on: [employee_id, person]}\n",
}


def write(snapshot: Path, folder: Path) -> None:
    """Write the recordings of a snapshot's folder, and a workspace that collects them."""
    tables = {path.stem: pq.read_table(path).to_pylist() for path in snapshot.glob("*.parquet")}
    sources = folder / "sources"
    (sources / "graph/groups").mkdir(parents=True, exist_ok=True)
    (folder / "roles/templates").mkdir(parents=True, exist_ok=True)
    for name, text in SOURCES.items():
        (sources / f"{name}.yaml").write_text(text)
    roster(tables, sources / "people.csv")
    directory(tables, sources / "directory.ldif")
    tenant(tables, sources / "graph")


def roster(tables: Mapping[str, list[Row]], path: Path) -> None:
    """Write employees with their first role."""
    roles = {row["person"]: row["role"] or "" for row in reversed(tables["assignments"])}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "name", "mail", "role"))
        for row in tables["people"]:
            writer.writerow((row["native_id"], row["name"], row["mail"], roles.get(row["person"], "")))


def directory(tables: Mapping[str, list[Row]], path: Path) -> None:
    """Write users and groups with their members."""
    names = {row["account"]: f"CN={row['name']},OU=Staff,{BASE}" for row in tables["accounts"] if row["source"] == "ad"}
    names |= {
        r["entitlement"]: f"CN={r['name']},OU=Groups,{BASE}" for r in tables["entitlements"] if r["source"] == "ad"
    }
    members: dict[str, list[str]] = defaultdict(list)
    for row in tables["grants"]:
        members[row["entitlement"]].append(names.get(row["account"], ""))
    for row in tables["nesting"]:
        if row["why"] == "member":
            members[row["parent"]].append(names[row["child"]])
    with path.open("w", encoding="utf-8") as file:
        file.write("version: 1\n\n")
        for row in tables["accounts"]:
            if row["source"] == "ad":
                # Ids of a snapshot differ by their prefix too; a directory's numbers must differ by themselves.
                number = row["native_id"] if row["kind"] != "service" else "f" + row["native_id"][1:]
                file.write(_entry(names[row["account"]], number, "user", _user(row)))
        for row in tables["entitlements"]:
            if row["source"] == "ad":
                lines = [("sAMAccountName", row["name"]), ("groupType", "-2147483646")]
                lines += [("member", name) for name in members[row["entitlement"]]]
                file.write(_entry(names[row["entitlement"]], row["native_id"], "group", lines))


def _user(row: Row) -> Iterable[tuple[str, str]]:
    yield "sAMAccountName", row["name"]
    for attribute, column in (
        ("userPrincipalName", "principal_name"),
        ("displayName", "display_name"),
        ("mail", "mail"),
    ):
        if row[column]:
            yield attribute, row[column]
    if row["employee_id"]:
        yield "employeeID", row["employee_id"]
    yield "userAccountControl", "512" if row["enabled"] else "514"


def _entry(name: str, native: str, kind: str, lines: Iterable[tuple[str, str]]) -> str:
    number = base64.b64encode(uuid.UUID(native).bytes_le).decode()
    classes = ("top", "person", "organizationalPerson", "user") if kind == "user" else ("top", "group")
    written = [f"dn: {name}", *(f"objectClass: {one}" for one in classes), f"objectGUID:: {number}"]
    return "\n".join([*written, *(f"{attribute}: {value}" for attribute, value in lines)]) + "\n\n"


def tenant(tables: Mapping[str, list[Row]], folder: Path) -> None:
    """Write pages of users and groups, and the members of every group as answers of ``$batch``."""
    cloud = [row for row in tables["accounts"] if row["source"] == "entra"]
    groups = [row for row in tables["entitlements"] if row["source"] == "entra" and row["kind"] == "group"]
    _pages(folder, "users", [_cloud_user(row) for row in cloud])
    _pages(
        folder, "groups", [{"id": r["native_id"], "displayName": r["name"], "securityEnabled": True} for r in groups]
    )
    native = {row["account"]: row["native_id"] for row in cloud}
    members: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in tables["grants"]:
        if row["account"] in native:
            user = {"@odata.type": "#microsoft.graph.user", "id": native[row["account"]]}
            members[row["entitlement"]].append(user)
    answers = [{"id": r["native_id"], "status": 200, "body": {"value": members[r["entitlement"]]}} for r in groups]
    (folder / "groups/members.json").write_text(json.dumps({"responses": answers}))


def _cloud_user(row: Row) -> dict[str, Any]:
    return {
        "id": row["native_id"],
        "displayName": row["display_name"],
        "userPrincipalName": row["principal_name"],
        "mail": row["mail"],
        "accountEnabled": row["enabled"],
        "userType": "Member",
    }


def _pages(folder: Path, name: str, values: list[dict[str, Any]]) -> None:
    pages = [values[i : i + PAGE] for i in range(0, len(values), PAGE)] or [[]]
    for number, page in enumerate(pages, start=1):
        body: dict[str, Any] = {"value": page}
        if number < len(pages):
            body["@odata.nextLink"] = f"https://graph.microsoft.com/v1.0/{name}?$skiptoken={number}"
        (folder / (f"{name}.json" if number == 1 else f"{name}.{number}.json")).write_text(json.dumps(body))
