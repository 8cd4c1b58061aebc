"""A source that is no more is retired in its own file; one that merely vanishes is said until then."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from access_review import workspace
from tests.support.command import CommandResult, access_review, lay_out

ROSTER = """\
# who works for {name}: ask Bo
connector: roster   # the export of the night
options:
  path: {name}.csv
  timezone: UTC
  dates: "%Y-%m-%d"
  left_at_means: end-of-day
  statuses: {{active: [Active], left: [Left]}}
  columns: {{person: id, name: name, status: status}}
# the end
"""
HR, VENDOR = ROSTER.format(name="hr"), ROSTER.format(name="vendor")
DAY = "2026-02-{:02}T06:00:00Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return lay_out(
        tmp_path,
        {
            "sources/hr.yaml": HR,
            "sources/hr.csv": "id,name,status\n1,Ann Lee,Active\n",
            "sources/vendor.yaml": VENDOR,
            "sources/vendor.csv": "id,name,status\n9,Vi Dor,Active\n",
            "roles/policy.yaml": "engine: {threads: 1}\n",
        },
    )


def run(folder: Path, day: int, *words: str) -> CommandResult:
    return access_review(folder, "--as-of", DAY.format(day), *words)


def people(folder: Path) -> list[str]:
    assert access_review(folder, "export", "people", "--format", "json", "-o", "people.json").code == 0
    return [f"{row['name']} {row['status']}" for row in json.loads((folder / "people.json").read_text())]


def listed(name: str, kind: str, read_from: str, day: int, complete: bool, retired: str | None) -> dict[str, object]:
    last = f"2026-02-{day:02}T06:00:00+00:00"
    said = {"source": name, "connector": kind, "read_from": read_from, "last_read": last}
    return {**said, "complete": complete, "retired": retired}


def test_sources_are_listed_and_a_live_one_that_is_retired_is_read_by_nobody(folder: Path) -> None:
    options = "{tenant: t, reader: {client_id: c, secret: {env: NONE}}}"
    (folder / "sources/tenant.yaml").write_text(f"connector: entra\nretired: 2026-02-03\noptions: {options}\n")
    space = workspace.load(folder)
    days = [datetime(2026, 2, day, 6, tzinfo=UTC) for day in (2, 3)]
    assert [space.read_live(day) for day in days] == [("tenant",), ()]
    assert run(folder, 4, "audit").code == 0
    assert not (folder / "runs/rehearsals").exists()
    lines = run(folder, 5, "sources", "list").out.splitlines()
    assert [line.split() for line in lines[4:]] == [
        ["hr", "roster", "files", "2026-02-04", "06:00", "UTC", "complete"],
        ["tenant", "entra", "live", "never", "2026-02-03"],
        ["vendor", "roster", "files", "2026-02-04", "06:00", "UTC", "complete"],
    ]


def test_a_source_that_vanishes_is_said_until_it_is_back_or_retired(folder: Path) -> None:
    assert run(folder, 1, "audit").code == 0
    (folder / "sources/vendor.yaml").unlink()
    for day in (2, 3):  # not only in the first run without it
        audited = run(folder, day, "audit")
        assert audited.code == 1
        assert "incomplete: undeclared: sources/vendor.yaml is" in audited.out  # cut to the width of the terminal
        assert people(folder) == ["Ann Lee active", "Vi Dor active"]
    (report,) = (folder / "runs").glob("20260203*/report.html")
    assert "sources/vendor.yaml is gone" in report.read_text("utf-8")
    checked = run(folder, 4, "check")
    assert checked.code == 1
    assert "sources/vendor.yaml is gone" in checked.out
    assert "is called 'vendor'" in run(folder, 4, "sources", "retire", "vendor").err

    assert json.loads(run(folder, 4, "--json", "sources", "list").out)["sources"] == [
        listed("hr", "roster", "files", 3, True, None),
        listed("vendor", "", "", 1, True, None),
    ]
    (folder / "sources/vendor.yaml").write_text(VENDOR)
    done = run(folder, 4, "sources", "retire", "vendor")
    assert (done.code, done.err) == (0, "")
    after = VENDOR.replace("of the night\n", "of the night\nretired: 2026-02-04\n")
    assert (folder / "sources/vendor.yaml").read_text() == after
    again = run(folder, 5, "sources", "retire", "vendor")
    assert again.code == 2
    assert "is retired since 2026-02-04: nothing was written" in again.err
    assert run(folder, 4, "check").code == 0
    said = json.loads(run(folder, 5, "--json", "sources", "list").out)["sources"]
    assert said[1] == listed("vendor", "roster", "files", 1, True, "2026-02-04")
    assert [run(folder, 4, command).code for command in ("collect", "review")] == [0, 0]
    assert people(folder) == ["Ann Lee active"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\ufeff" + VENDOR, "\ufeff" + VENDOR.replace("of the night\n", "of the night\nretired: 2026-12-01\n")),
        (
            VENDOR.replace("\n", "\r\n"),
            VENDOR.replace("of the night\n", "of the night\nretired: 2026-12-01\n").replace("\n", "\r\n"),
        ),
        ('{"connector": roster, options: {path: a.csv, columns: {person: id}}}\n', None),
    ],
    ids=["byte order mark", "lines of Windows", "one line"],
)
def test_an_operator_s_file_stays_valid_or_is_left_alone(folder: Path, before: str, after: str | None) -> None:
    path = folder / "sources/vendor.yaml"
    path.write_bytes(before.encode())
    path.chmod(0o640)
    done = run(folder, 4, "sources", "retire", "vendor", "--on", "2026-12-01")
    assert done.code == (2 if after is None else 0)
    assert path.read_bytes().decode() == (before if after is None else after)
    assert path.stat().st_mode & 0o777 == 0o640
    if after is None:
        assert "write into it yourself: retired: 2026-12-01" in done.err
