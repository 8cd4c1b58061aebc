"""The same small company in the format of every connector, and the same faults done to each.

Two people hold one group; a third is in it and nowhere else (a reference that resolves to nobody). A format writes
the files and returns the options that read them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Self

from access_review.changes import Capabilities
from access_review.connectors import Source, complete, incomplete, problem
from access_review.tables import Row

DOMAIN = "S-1-5-21-1-2-3"


@dataclass(frozen=True)
class Company:
    """What every format can say: accounts, with their mail and last use, and who is in the one group."""

    accounts: Mapping[str, Mapping[str, str]]
    members: Sequence[str]

    @classmethod
    def usual(cls, **changed: str) -> Self:
        """Return two accounts in the group; ``changed`` are values of the first."""
        fine = {"mail": "{}@norwind.example.test", "used": "2026-10-30", "made": "2024-01-01"}
        accounts = {name: {key: text.format(name) for key, text in fine.items()} for name in ("ana", "ben")}
        accounts["ana"] |= changed
        return cls(accounts, ("ana", "ben"))


Format = Callable[[Path, Company], dict[str, Any]]


def table(folder: Path, company: Company) -> dict[str, Any]:
    lines = ["login,mail,used,made,role"]
    for name, said in company.accounts.items():
        lines.append(f"{name},{said['mail']},{said['used']},{said['made']},{'Ops' if name in company.members else ''}")
    (folder / "export.csv").write_text("\n".join([*lines, ""]), "utf-8")
    columns = {"account": "login", "mail": "mail", "last_used": "used", "created_at": "made", "entitlement": "role"}
    return {"path": "export.csv", "columns": columns, "dates": "%Y-%m-%d", "timezone": "UTC"}


def ldap(folder: Path, company: Company) -> dict[str, Any]:
    records = []
    for number, (name, said) in enumerate(company.accounts.items(), 1001):
        records.append(
            f"dn: CN={name},DC=home,DC=test\nobjectClass: user\nsAMAccountName: {name}\n"
            f"objectSid: {DOMAIN}-{number}\nprimaryGroupID: 1201\nuserAccountControl: 512\nmail: {said['mail']}\n"
            f"whenCreated: {said['made'].replace('-', '')}000000.0Z\nlastLogonTimestamp: {_filetime(said['used'])}\n"
        )
    members = "".join(f"member: CN={name},DC=home,DC=test\n" for name in company.members)
    group = f"dn: CN=Ops,DC=home,DC=test\nobjectClass: group\nsAMAccountName: Ops\nobjectSid: {DOMAIN}-1201\n{members}"
    (folder / "ad.ldif").write_text("\n".join([*records, group]), "utf-8")
    return {"recorded": ["ad.ldif"]}


def sharphound(folder: Path, company: Company) -> dict[str, Any]:
    users = [
        {
            "ObjectIdentifier": f"{DOMAIN}-{number}",
            "PrimaryGroupSID": f"{DOMAIN}-1201",
            "Properties": {
                "name": f"{name}@HOME.TEST",
                "samaccountname": name,
                "email": said["mail"],
                "enabled": True,
                "whencreated": _seconds(said["made"]),
                "lastlogontimestamp": _seconds(said["used"]),
                "lastlogon": -1,
            },
        }
        for number, (name, said) in enumerate(company.accounts.items(), 1001)
    ]
    sids = {name: f"{DOMAIN}-{number}" for number, name in enumerate(company.accounts, 1001)}
    members = [{"ObjectIdentifier": sids.get(n, f"{DOMAIN}-9999"), "ObjectType": "User"} for n in company.members]
    group = {"ObjectIdentifier": f"{DOMAIN}-1201", "Properties": {"name": "OPS@HOME.TEST"}, "Members": members}
    computer = {"ObjectIdentifier": f"{DOMAIN}-1301", "Properties": {"name": "PC"}, "PrimaryGroupSID": f"{DOMAIN}-1201"}
    for kind, objects in (("users", users), ("groups", [group]), ("computers", [computer])):
        meta = {"version": 6, "type": kind, "count": len(objects)}
        (folder / f"{kind}.json").write_text(json.dumps({"data": objects, "meta": meta}), "utf-8")
    return {"path": "."}


def entra(folder: Path, company: Company) -> dict[str, Any]:
    def moment(day: str) -> str:
        return day if len(day) != len("2026-10-30") else f"{day}T08:00:00Z"

    users = [
        {
            "id": f"id-{name}",
            "userPrincipalName": f"{name}@norwind.example.test",
            "mail": said["mail"],
            "createdDateTime": moment(said["made"]),
            "signInActivity": {"lastSuccessfulSignInDateTime": moment(said["used"])},
        }
        for name, said in company.accounts.items()
    ]
    members = [{"id": f"id-{name}", "@odata.type": "#microsoft.graph.user"} for name in company.members]
    pages = {
        "users": users,
        "groups": [{"id": "g1", "displayName": "Ops"}, {"id": "g2", "displayName": "Empty"}],
        "groups/g1/members": members,
        "groups/g2/members": [],
        "groups/g1/owners": [],
        "groups/g2/owners": [],
    }
    for name, value in pages.items():
        path = folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"value": value}), "utf-8")
    return {"recorded": "."}


@dataclass(frozen=True, slots=True)
class LineConnector:
    """A connector as others write one: a text file of names, which knows nothing of the rules for input."""

    capabilities: ClassVar[Capabilities] = Capabilities(signs_in=False)
    source: Source
    path: str

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:  # noqa: ARG002
        """Yield an account a line: login, mail, made, used, and whether it is in the group."""
        lines = (self.source.folder / self.path).read_text("utf-8").splitlines()
        for line in lines:
            name, mail, made, used, member = line.split("|")
            at = datetime.fromisoformat(f"{used}T00:00:00+00:00")
            row: dict[str, Any] = {
                "account": self.source.id("user", name),
                "source": self.source.name,
                "native_id": name,
            }
            row |= {"stable_id": True, "name": name, "kind": "human", "mail": mail}
            row |= {"created_at": datetime.fromisoformat(f"{made}T00:00:00+00:00")}
            yield "accounts", {**row, "last_used_earliest": at, "last_used_latest": at}
            if member == "yes":
                yield problem(self.source, name, "unresolved", "groups are not read")
        if lines:
            yield complete(self.source, "accounts", len(lines))
        else:
            yield incomplete(self.source, "accounts", "no line was read")


def third_party(source: Source, *, path: str) -> LineConnector:
    """Open a text file."""
    return LineConnector(source, path)


def lines(folder: Path, company: Company) -> dict[str, Any]:
    text = "".join(
        f"{name}|{said['mail']}|{said['made']}|{said['used']}|{'yes' if name in company.members else 'no'}\n"
        for name, said in company.accounts.items()
    )
    (folder / "lines.txt").write_text(text, "utf-8")
    return {"path": "lines.txt"}


def roster(folder: Path, company: Company) -> dict[str, Any]:
    """Write the people whose accounts these are: who began when the account was made, and has no end."""
    lines = ["id,name,mail,status,start,end"]
    lines += [f"{n},{n.title()},{said['mail']},Active,{said['made']}," for n, said in company.accounts.items()]
    (folder / "hr.csv").write_text("\n".join([*lines, ""]), "utf-8")
    columns = {"person": "id", "name": "name", "mail": "mail", "status": "status", "starts": "start", "left_at": "end"}
    return {
        "path": "hr.csv",
        "columns": columns,
        "dates": "%Y-%m-%d",
        "timezone": "UTC",
        "left_at_means": "end-of-day",
        "statuses": {"active": ["Active"], "left": ["Terminated"]},
    }


FORMATS: Mapping[str, Format] = {"table": table, "ldap": ldap, "sharphound": sharphound, "entra": entra}


def _seconds(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T08:00:00+00:00").timestamp())


def _filetime(day: str) -> int:
    return (_seconds(day) + 11_644_473_600) * 10**7
