"""Several people and jobs at once: one week is drawn once, and no answer is lost."""

import csv
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from access_review import runs
from access_review.artifacts import AUDIT, SAMPLE, WORKLIST
from access_review.store import audits, decisions, has, logbook, logbook_check, read
from tests.support.command import access_review, in_own_process
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow
AT = "2026-11-02T06:00:00Z"


def at_once(folder, *commands):
    """Run commands in processes of their own, at the same time."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(lambda words: in_own_process(folder, "--as-of", AT, *words), commands))


def test_three_audits_at_once_draw_one_week_once(tmp_path):
    Company(tmp_path)
    ended = at_once(tmp_path, ["audit"], ["audit"], ["audit"])
    assert {one.code for one in ended} <= {0, 4}
    assert any(one.code == 0 for one in ended)
    for late in (one for one in ended if one.code == 4):
        # Whose run it is cannot be said in the moment between their lock and their note of it.
        assert re.search(r"another run or audit is being made in this workspace(: audit \(process|\n)", late.err)
    known = runs.all_runs(tmp_path)
    assert len([run for run in known if has(run, AUDIT)]) == len([run for run in known if has(run, SAMPLE)]) == 1
    assert logbook_check.check(tmp_path) == ()


def test_four_people_who_answer_at_once_lose_nothing(tmp_path):
    company = Company(tmp_path)
    assert company.run("audit", at=AT).code == 0
    (run,) = runs.all_runs(tmp_path)
    items = read(run, WORKLIST).items
    sheet = min((run.folder / "sample").glob("*.csv"))
    rows = list(csv.DictReader(sheet.read_text(encoding="utf-8-sig").splitlines()))
    assert len(rows) == len(items) >= 16
    paths = []
    for number in range(4):
        paths.append(tmp_path / f"sheet{number}.csv")
        mine = rows[number::4]
        for row in mine:
            row |= {"decision": "keep", "decided by": "Person 7", "decided on": "2026-11-02", "comment": "agreed"}
        own = [row for row in mine if "u7" not in row["account"]]
        with paths[-1].open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(own)
    ended = at_once(tmp_path, *(["decide", str(path)] for path in paths))
    assert [one.code for one in ended] == [0, 0, 0, 0], [one.err for one in ended]
    given = audits.recorded(run).history
    assert len(given) == len({row.decision.item for row in given}) == len([r for r in rows if "u7" not in r["account"]])
    assert {(row.person, str(row.assurance)) for row in given} == {("hr:person:00007", "claimed")}
    assert logbook_check.check(tmp_path) == ()
    # A store that was rolled back is noticed, and nothing is concluded from it.
    decisions.path_of(tmp_path).unlink()
    later = access_review(tmp_path, "--as-of", "2026-11-03T06:00:00Z", "decide", str(paths[0]))
    assert later.code == 1
    assert "decisions.sqlite: is gone" in later.err


def test_decisions_from_before_there_was_a_store_are_read_and_taken_over(tmp_path):
    company = Company(tmp_path)
    assert company.run("audit", at=AT).code == 0
    (run,) = runs.all_runs(tmp_path)
    sheet = min((run.folder / "sample").glob("*.csv"))
    text = sheet.read_text(encoding="utf-8-sig").splitlines()
    rows = list(csv.DictReader(text))
    chosen = next(row for row in rows if "u7" not in row["account"])
    chosen |= {"decision": "keep", "decided by": "Person 7", "decided on": "2026-11-02", "comment": "agreed"}
    path = tmp_path / "sheet.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerow(chosen)
    back = tmp_path / "back"
    back.mkdir()
    for name in ("sheet.csv", "sheet (1).csv"):
        (back / name).write_bytes(path.read_bytes())
    (back / "holiday.jpg").touch()
    said = company.run("decide", str(back), at=AT)
    assert said.code == 0, said.err
    assert "Twice: sheet (1).csv and sheet.csv answer the same items alike." in said.out
    assert "No work sheet, left aside: holiday.jpg" in said.out
    before = audits.decisions(run)
    logbook.path_of(tmp_path).unlink()
    decisions.path_of(tmp_path).unlink()
    assert audits.decisions(run) == before
    later = company.run("remind", at="2026-11-03T06:00:00Z")
    assert later.code == 0, later.err
    assert audits.decisions(run) == before
    assert [row.person for row in audits.recorded(run).history] == ["hr:person:00007"]
