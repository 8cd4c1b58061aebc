"""Users and members of groups that were exported apart: one system, whose leavers' access is found."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.command import in_folder

AT = "2026-11-02T06:00:00Z"
NAMES = ("ada", "ben", "cleo", "dan", "eva", "finn")
HEADING = "Employee ID,Name,Email,Status,Hire Date,Last Day,Manager,Department"
ROSTER = [
    f"100{n},{name.title()} Brook,{name}@x.test,{'Terminated' if n == 3 else 'Active'},2024-01-{n + 12},"
    f"{'2026-09-30' if n == 3 else ''},{{}},{'IT' if n % 2 else 'Sales'}"
    for n, name in enumerate(NAMES, 1)
]
MADE_OF_LISTS = "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection"


def guid(number: int) -> str:
    return f"0000000{number}-1111-4222-8333-444444444444"


def domain() -> dict[str, str]:
    """Return what Get-ADUser and Get-ADGroupMember export."""
    users = [
        f'"True","{name.title()}","{guid(n)}","{name}","{name}@corp.test","100{n}","30.10.2026 08:00:0{n}","{MADE_OF_LISTS}"'
        for n, name in enumerate(NAMES, 1)
    ]
    heading = "Enabled,Name,ObjectGUID,SamAccountName,UserPrincipalName,EmployeeID,LastLogonDate,MemberOf"
    members = [f'"App","{NAMES[n - 1].title()}","user","{guid(n)}","{NAMES[n - 1]}"' for n in (2, 3, 4)]
    return {
        "users.csv": "\n".join([heading, *users, ""]),
        "members.csv": "\n".join(["Group,name,objectClass,objectGUID,SamAccountName", *members, ""]),
    }


def tenant() -> dict[str, str]:
    """Return what the portal of a tenant exports: users, and the members of its groups."""
    users = [
        f"{guid(n)},{name.title()},{name}@x.test,{name}@x.test,True,100{n},2024-01-0{n}T08:00:00Z"
        for n, name in enumerate(NAMES, 1)
    ]
    heading = "id,displayName,userPrincipalName,mail,accountEnabled,employeeId,createdDateTime"
    members = [f"App,{guid(n)},{NAMES[n - 1]}@x.test" for n in (2, 3, 4)]
    return {
        "users.csv": "\n".join([heading, *users, ""]),
        "members.csv": "\n".join(["groupName,userId,userPrincipalName", *members, ""]),
    }


@pytest.mark.parametrize("exported", [domain, tenant])
def test_users_and_members_of_groups_are_one_system(exported, tmp_path: Path):
    managers = (9001, 9002, 9003, 9004, 9005, 9006)  # of another company: nobody here
    roster = [HEADING, *(line.format(manager) for line, manager in zip(ROSTER, managers, strict=True)), ""]
    for name, text in {"hr.csv": "\n".join(roster), **exported()}.items():
        (tmp_path / name).write_text(text, "utf-8")
    made = in_folder(tmp_path, "--as-of", AT, "init", "ws", "--from", "hr.csv", "users.csv", "members.csv")
    assert made.code == 0, made.err
    (run,) = tmp_path.glob("ws/runs/rehearsals/2*")
    found = pq.read_table(run / "findings.parquet").select(["rule", "subject", "about"]).to_pylist()
    assert [tuple(row.values()) for row in found if row["rule"].startswith("leaver")] == [
        ("leaver-active", f"users:user:{guid(3)}", None),
        ("leaver-residue", f"users:user:{guid(3)}", "members:role:App"),
    ]
    assert not [row for row in found if row["rule"] == "account-unowned"]
    assert "Manager is not read: none of its 6 values is anybody" in (tmp_path / "ws/sources/hr.yaml").read_text()
    if exported is domain:
        assert "MemberOf is not read: it holds the name of a type" in (tmp_path / "ws/sources/users.yaml").read_text()
