"""Data of other people, of three kinds, as a newcomer brings it: nine of ten mappings are right, and each guess is printed.

The right mappings stand in ``tests/draft/first_workspaces.yaml``, written by reading the files.
"""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.command import CommandResult, in_folder
from tests.support.example import REPOSITORY
from tests.support.sweep import Sweep

RIGHT: dict[str, Any] = YAML(typ="safe").load((REPOSITORY / "tests/draft/first_workspaces.yaml").read_text("utf-8"))
LEAST = 0.9
MISSED = frozenset(
    f"access-decisions: {line}"
    for line in (
        "people: columns person: person",
        "decisions-half: columns account: account",
        "decisions-half: columns entitlement: entitlement",
    )
)
"""What is not found as somebody would have written it: no run may miss more, whichever companies it draws."""


def entries(ldif: str) -> Iterator[dict[str, list[str]]]:
    for block in re.split(r"\n\s*\n", ldif.replace("\n ", "")):
        entry: dict[str, list[str]] = {}
        for line in block.splitlines():
            name, mark, value = line.partition(": ")
            if mark and not name.startswith("#"):
                entry.setdefault(name, []).append(value)
        if entry:
            yield entry


def directory_of_the_dentists(data: Path, folder: Path) -> list[Path]:
    """Make a directory of a roster: ids of eight digits, first name first, groups by department and position."""
    people = list(csv.DictReader((data / "HRDataset_v14.csv").read_text("utf-8-sig").splitlines()))
    groups: dict[str, list[str]] = {}
    lines = ["version: 1", ""]
    for one in people:
        last, _, first = (part.strip() for part in one["Employee_Name"].partition(","))
        dn = f"CN={first} {last} {one['EmpID']},OU=Staff,DC=dental,DC=test"
        login = f"{first[0]}{last[:4]}{one['EmpID'][-3:]}".lower().replace(" ", "")
        lines += [
            *(f"dn: {dn}", "objectClass: person", "objectClass: user", f"sAMAccountName: {login}"),
            *(f"displayName: {first} {last}", f"employeeID: {int(one['EmpID']):08d}", "primaryGroupID: 513"),
            *(f"objectSid: S-1-5-21-7-7-7-{one['EmpID']}", "userAccountControl: 512", ""),
        ]
        for name in (f"Dept {one['Department'].strip()}", f"Job {one['Position'].strip()}"):
            groups.setdefault(name.replace("/", "-"), []).append(dn)
    for number, (name, members) in enumerate(sorted(groups.items()), 2000):
        lines += [f"dn: CN={name},OU=Groups,DC=dental,DC=test", "objectClass: group", f"sAMAccountName: {name}"]
        lines += [
            f"objectSid: S-1-5-21-7-7-7-{number}",
            "groupType: -2147483646",
            *(f"member: {m}" for m in members),
            "",
        ]
    (folder / "directory.ldf").write_text("\n".join(lines), "utf-8")
    return [data, folder / "directory.ldf"]


def doors_of_the_insiders(data: Path, folder: Path) -> list[Path]:
    """Make a list of who opened which door, of every fourth person of the last roster."""
    people = list(csv.DictReader((data / "2010-05.csv").read_text("utf-8").splitlines()))[::4]
    with (folder / "doors.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["Card login", "Door", "Last used"])
        for number, one in enumerate(people):
            for door in ("Gate", f"Floor {one['functional_unit'][:1]}", f"{one['department']}"):
                if door:
                    rows.writerow([f"DTAA\\{one['user_id'].lower()}", door, f"{number % 28 + 1:02}/05/2010"])
    return [data, folder / "doors.csv"]


def roster_of_the_heroes(data: Path, folder: Path) -> list[Path]:
    """Make a roster of a directory's people: semicolons, Windows text, days first, the superior last name first."""
    text = (data / "marvel.local.ldif").read_text("utf-8")
    people = [one for one in entries(text) if "department" in one and " " in one.get("displayName", [""])[0].strip()]
    rows = ["Personnel No;Surname;Given name;Login;Dept;Entry;Exit;State;Superior"]
    chief = people[0]["displayName"][0].split(" ", 1)
    for number, one in enumerate(people):
        given, surname = one["displayName"][0].strip().split(" ", 1)
        gone = number % 9 == 5
        rows.append(
            f"{number + 17:05};{surname};{given};MARVEL\\{one['sAMAccountName'][0].upper()};{one['department'][0]};"
            f"{number % 28 + 1:02}.03.2019;{'30.06.2022' if gone else ''};{'Left' if gone else 'Active'};"
            f"{chief[1]}, {chief[0]}"
        )
    (folder / "staff.csv").write_bytes("\r\n".join([*rows, ""]).encode("utf-16"))
    return [data, folder / "staff.csv"]


def as_it_is(data: Path, _: Path) -> list[Path]:
    return [data]


MADE: dict[str, Callable[[Path, Path], list[Path]]] = {
    "midpoint-associations": as_it_is,
    "hr-huebner": directory_of_the_dentists,
    "cert-r5.2-ldap": doors_of_the_insiders,
    "marvel-ad": roster_of_the_heroes,
    "entra-graph-psoxy": as_it_is,
    "access-decisions": as_it_is,
}


def judge(right: dict[str, Any], said: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Compare what was written with the list, one mapping after the other."""
    written = {one["source"]: one for one in said["sources"]}
    for name, wanted in right.items():
        if name in {"made", "ignored"}:
            continue
        found = written.get(name, {"connector": "", "columns": {}, "options": {}, "match": []})
        yield f"{name}: connector", found["connector"] == wanted["connector"]
        for part in ("columns", "options"):
            for field, value in wanted.get(part, {}).items():
                there = found[part].get(field)
                yield f"{name}: {part} {field}: {there}", there == value
        rungs = [[*rung["on"], rung["ignoring"] or ""] for rung in found["match"]]
        for rung in wanted.get("match", ()):
            yield f"{name}: match {rung}: {rungs}", rung in rungs
        for column in wanted.get("never", ()):
            yield f"{name}: {column} is left out", column not in found["columns"].values()
        if "path" in wanted:
            yield f"{name}: path", Path(str(found["options"].get("path"))).name == wanted["path"]
    ignored = {Path(one["file"]).name for one in said["unused"]}
    for file in right.get("ignored", ()):
        yield f"{file} is ignored", file in ignored


@pytest.mark.slow
def test_nine_of_ten_mappings_are_right_and_a_first_review_is_reached(
    outside_data: Path, tmp_path: Path, sweep: Sweep
) -> None:
    wrong: list[str] = []
    asked = 0
    drawn = sweep.draw("first workspaces", list(MADE), 1 / 3)
    for name in drawn:
        folder = tmp_path / name
        folder.mkdir()
        exports = MADE[name](outside_data / name, folder)
        result: CommandResult = in_folder(folder, "--json", "init", "w", "--from", *map(str, exports))
        assert result.code == 0, result.err
        said: dict[str, Any] = result.json
        assert list((folder / "w/runs").rglob("report.html")), name
        verdicts = list(judge(RIGHT[name], said))
        asked += len(verdicts)
        wrong += [f"{name}: {line}" for line, right in verdicts if not right]
    assert MISSED.issuperset(wrong), "\n".join(sorted(set(wrong) - MISSED))
    if len(drawn) == len(MADE):
        assert len(wrong) <= (1 - LEAST) * asked, "\n".join([f"{len(wrong)} of {asked}", *wrong])
