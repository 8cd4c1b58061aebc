"""A company of two dozen people in the format of every connector: what is right before it is damaged.

Three people have left and still hold what they held, one account is nobody's, two people hold more than their role
allows. A sample is a whole workspace, so that a damage is judged by what a review concludes from it.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from access_review import rules
from tests.connectors.faulty_inputs import DOMAIN
from tests.support.command import lay_out

STAFF = range(1, 25)
GONE = {7, 15, 23}
TEAMS = ("ops", "sales", "legal")
NOBODY = 90

Rows = list[dict[str, str]]


def person(number: int) -> dict[str, str]:
    """Return what the roster says of somebody."""
    left = number in GONE
    return {
        "id": f"{number:05}",
        "name": f"Ana{number} Núñez{number}",
        "mail": f"ana{number}@norwind.example.test",
        "status": "Terminated" if left else "Active",
        "start": f"2024-01-{number:02}",
        "end": "2026-09-30" if left else "",
        "team": TEAMS[number % 3],
    }


def login(number: int) -> str:
    """Return the name of somebody's account."""
    return f"ana{number}"


def teams(number: int) -> list[str]:
    """Return the groups that an account is in: its own, everybody's two, and for two of them one too many."""
    return ["staff", "news", TEAMS[number % 3], *(["vault"] if number in {4, 9, 15} else [])]


ACCOUNTS = (*STAFF, NOBODY)

HR = """\
connector: roster
options:
  path: {path}
  timezone: UTC
  dates: "%Y-%m-%d"
  left_at_means: end-of-day
  statuses: {{active: [Active], left: [Terminated]}}
  columns: {{person: id, name: name, mail: mail, status: status, starts: start, left_at: end, team: team}}
"""
APP = "connector: {connector}\noptions: {options}\nmatch:\n  - {{on: [mail, mail]}}\n"
POLICY = "engine: {{threads: 1}}\nrules:\n{off}"
JUDGING = ("leaver-active", "leaver-residue", "access-beyond-role", "account-unowned")
"""The rules that judge a damage; the others only take time."""
TEMPLATE = "role: {team}\nwho: {{team: {team}}}\nmay: [app:{kind}:staff, app:{kind}:news, app:{kind}:{team}]\n"


def _csv(rows: Rows) -> bytes:
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    return "".join(f"{line}\n" for line in lines).encode()


def _xlsx(rows: Rows) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(list(rows[0]))
    for row in rows:
        page.append([value or None for value in row.values()])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _json(rows: Rows) -> bytes:
    return json.dumps(rows, indent=0, ensure_ascii=False).encode()


def _parquet(rows: Rows) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([{k: v or None for k, v in row.items()} for row in rows]), stream)
    return stream.getvalue()


TABULAR: Mapping[str, Callable[[Rows], bytes]] = {"csv": _csv, "xlsx": _xlsx, "json": _json, "parquet": _parquet}


def _workspace(folder: Path, connector: str, options: str, roster: str = "csv") -> Path:
    kind = "role" if connector == "table" else "group"
    texts = {
        "sources/hr.yaml": HR.format(path=f"hr.{roster}"),
        "sources/app.yaml": APP.format(connector=connector, options=options),
        "roles/policy.yaml": POLICY.format(
            off="".join(f"  {rule}: {{enabled: false}}\n" for rule in rules.load() if rule not in JUDGING)
        ),
        **{f"roles/templates/{team}.yaml": TEMPLATE.format(team=team, kind=kind) for team in TEAMS},
    }
    lay_out(folder, texts)
    (folder / f"sources/hr.{roster}").write_bytes(TABULAR[roster]([person(number) for number in STAFF]))
    return folder / "sources"


def table(folder: Path, kind: str) -> list[Path]:
    """Write a list of who holds what, one of these kinds of file."""
    columns = "{account: login, mail: mail, enabled: on, last_used: used, created_at: made, entitlement: role}"
    words = "enabled: {'yes': ['yes'], 'no': ['no']}"
    options = f"{{path: app.{kind}, dates: '%Y-%m-%d', timezone: UTC, columns: {columns}, {words}}}"
    folder = _workspace(folder, "table", options)
    rows = [
        {
            "login": login(number),
            "mail": f"{login(number)}@norwind.example.test",
            "on": "yes",
            "used": "2026-10-30",
            "made": "2024-01-01",
            "role": role,
        }
        for number in ACCOUNTS
        for role in teams(number)
    ]
    (folder / f"app.{kind}").write_bytes(TABULAR[kind](rows))
    return [folder / f"app.{kind}"]


def roster(folder: Path, kind: str) -> list[Path]:
    """Write the roster as one of these kinds of file; it is what is damaged."""
    found = table(folder, "csv")
    path = found[0].parent / f"hr.{kind}"
    (path.parent / "hr.yaml").write_text(HR.format(path=path.name), "utf-8")
    path.write_bytes(TABULAR[kind]([person(number) for number in STAFF]))
    return [path]


def _filetime(day: int) -> int:
    return (day + 11_644_473_600) * 10**7


USED = 1_793_347_200  # 2026-10-30


def _records() -> Iterable[str]:
    for number in ACCOUNTS:
        name = login(number)
        yield (
            f"dn: CN={name},OU=People,DC=home,DC=test\nobjectClass: user\nsAMAccountName: {name}\n"
            f"objectSid: {DOMAIN}-{1000 + number}\nprimaryGroupID: 2000\nuserAccountControl: 512\n"
            f"mail: {name}@norwind.example.test\nwhenCreated: 20240101000000.0Z\nlastLogonTimestamp: {_filetime(USED)}\n"
        )
    for place, team in enumerate(("staff", "news", *TEAMS, "vault")):
        members = [n for n in ACCOUNTS if team in teams(n)] if team != "staff" else []
        lines = "".join(f"member: CN={login(number)},OU=People,DC=home,DC=test\n" for number in members)
        sid = f"{DOMAIN}-{2000 + place}"
        yield f"dn: CN={team},DC=home,DC=test\nobjectClass: group\nsAMAccountName: {team}\nobjectSid: {sid}\ngroupType: -2147483646\n{lines}"


def ldif(folder: Path, tool: str) -> list[Path]:
    """Write a directory as one of the tools exports it."""
    folder = _workspace(folder, "ldap", "{recorded: [ad.ldif]}")
    records = list(_records())
    if tool == "ldifde":
        records = [record.replace("\nobjectClass:", "\nchangetype: add\nobjectClass:", 1) for record in records]
    text = "\n".join(records)
    if tool == "ldapsearch":
        end = f"# search result\nsearch: 2\nresult: 0 Success\n\n# numResponses: {len(records) + 1}\n# numEntries: {len(records)}\n"
        text = f"# extended LDIF\n#\n# LDAPv3\n# base <DC=home,DC=test> with scope subtree\n#\n\n{text}\n{end}"
    (folder / "ad.ldif").write_text(text, "utf-8")
    return [folder / "ad.ldif"]


def sharphound(folder: Path, form: str) -> list[Path]:
    """Write a collection, a folder or a zip."""
    folder = _workspace(folder, "sharphound", f"{{path: {'bh.zip' if form == 'zip' else 'bh'}}}")
    users = [
        {
            "ObjectIdentifier": f"{DOMAIN}-{1000 + number}",
            "PrimaryGroupSID": f"{DOMAIN}-2000",
            "Properties": {
                "name": f"{login(number)}@HOME.TEST".upper(),
                "domain": "HOME.TEST",
                "samaccountname": login(number),
                "email": f"{login(number)}@norwind.example.test",
                "enabled": True,
                "whencreated": 1_704_067_200,
                "lastlogontimestamp": USED,
                "lastlogon": 0,
            },
            "IsDeleted": False,
        }
        for number in ACCOUNTS
    ]
    groups = [
        {
            "ObjectIdentifier": f"{DOMAIN}-{2000 + place}",
            "Properties": {"name": f"{team}@HOME.TEST".upper(), "samaccountname": team, "domain": "HOME.TEST"},
            "Members": [
                {"ObjectIdentifier": f"{DOMAIN}-{1000 + number}", "ObjectType": "User"}
                for number in ACCOUNTS
                if team != "staff" and team in teams(number)
            ],
        }
        for place, team in enumerate(("staff", "news", *TEAMS, "vault"))
    ]
    computers = [
        {
            "ObjectIdentifier": f"{DOMAIN}-{3000 + n}",
            "Properties": {"name": f"PC{n}.HOME.TEST"},
            "PrimaryGroupSID": f"{DOMAIN}-2000",
        }
        for n in range(12)
    ]
    files = {}
    for kind, objects in (("users", users), ("groups", groups), ("computers", computers)):
        meta = {"methods": 0, "type": kind, "count": len(objects), "version": 6}
        files[f"20260930_{kind}.json"] = json.dumps({"data": objects, "meta": meta}, indent=0).encode()
    if form == "zip":
        with zipfile.ZipFile(folder / "bh.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return [folder / "bh.zip"]
    (folder / "bh").mkdir()
    for name, data in files.items():
        (folder / "bh" / name).write_bytes(data)
    return sorted((folder / "bh").iterdir())


def graph(folder: Path, form: str) -> list[Path]:  # noqa: ARG001 - as every sample
    """Write the pages of a tenant."""
    folder = _workspace(folder, "entra", "{recorded: tenant}") / "tenant"
    users = [
        {
            "id": f"u{number:03}",
            "userPrincipalName": f"{login(number)}@norwind.example.test",
            "displayName": f"Ana {number}",
            "mail": f"{login(number)}@norwind.example.test",
            "accountEnabled": True,
            "userType": "Member",
            "createdDateTime": "2024-01-01T00:00:00Z",
            "signInActivity": {"lastSuccessfulSignInDateTime": "2026-10-30T08:00:00Z"},
        }
        for number in ACCOUNTS
    ]
    names = ("staff", "news", *TEAMS, "vault")
    pages: dict[str, list[dict[str, Any]]] = {
        "users": users,
        "groups": [{"id": f"g{place}", "displayName": team, "groupTypes": []} for place, team in enumerate(names)],
    }
    for place, team in enumerate(names):
        pages[f"groups/g{place}/members"] = [
            {"@odata.type": "#microsoft.graph.user", "id": f"u{number:03}"}
            for number in ACCOUNTS
            if team in teams(number)
        ]
        pages[f"groups/g{place}/owners"] = []
    for name, value in pages.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"@odata.context": f"x/$metadata#{name}", "value": value}, indent=0), "utf-8")
    return sorted(folder.rglob("*.json"))


Sample = Callable[[Path], list[Path]]


def _samples() -> dict[str, Sample]:
    made: dict[str, Sample] = {}
    for name, write, forms in (
        ("table", table, tuple(TABULAR)),
        ("roster", roster, tuple(TABULAR)),
        ("ldif", ldif, ("plain", "ldifde", "ldapsearch")),
        ("sharphound", sharphound, ("folder", "zip")),
        ("graph", graph, ("pages",)),
    ):
        for form in forms:
            made[f"{name}-{form}"] = lambda folder, write=write, form=form: write(folder, form)  # type: ignore[misc]
    return made


SAMPLES: Mapping[str, Sample] = _samples()
"""By name, what writes a workspace and returns the files to damage."""
