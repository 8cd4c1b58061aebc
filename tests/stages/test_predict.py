"""What past decisions tell, through the command line: from a table of them, from this tool's own, or nothing at all."""

import csv
from pathlib import Path

import numpy as np
import pytest

from access_review import runs, store
from access_review.artifacts import WORKLIST
from access_review.audit.decisions import ReviewerAnswer, decision_on
from access_review.draft import learned
from access_review.stages import decide
from tests.support.command import access_review, in_folder

HEAD = ("team", "entitlement", "comment", "decision")


def written(path: Path, count: int, seed: int = 5) -> None:
    """Write decisions in which one team loses one entitlement, and little else is revoked."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        team, what = f"team {rng.integers(8)}", f"thing {rng.integers(6)}"
        revoked = rng.random() < (0.8 if (team, what) == ("team 2", "thing 5") else 0.05)
        rows.append((team, what, "must go" if revoked else "fine", "revoke" if revoked else "keep"))
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEAD, *rows])


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decided")
    written(folder / "past.csv", 3_200)
    written(folder / "few.csv", 2_999)
    (folder / "open.csv").write_text("Entitlement,Team\nthing 5,team 2\nthing 1,team 1\nthing 1,team 99\n", "utf-8")
    return folder


def test_open_items_get_a_likelihood_with_reasons_and_the_riskiest_are_listed(decided: Path) -> None:
    said = in_folder(decided, "--json", "predict", "--decisions", "past.csv", "--items", "open.csv").json
    assert not said["silent"]
    # A comment knows the answer and is not learned from.
    assert said["learned_from"] == ["team", "entitlement"]
    first, second, third = said["items"]
    assert first["likelihood"] > 0.3
    assert second["likelihood"] < 0.1
    # What was never decided about is near the overall rate: nothing is made of it.
    assert third["likelihood"] < 0.15
    assert first["reasons"][0]["attributes"] == ["team", "entitlement"]
    assert 1 <= len(first["reasons"]) <= 3
    assert third["unseen"] == ["team"]
    assert said["riskiest"]["team"][0]["value"] == "team 2"
    assert 0.6 < said["held_out"]["area"] < 1
    shown = in_folder(decided, "predict", "--decisions", "past.csv", "--items", "open.csv").out
    assert "Most likely to fail next, by team" in shown
    assert "never decided about before: team" in shown


def test_it_says_how_well_it_did_where_the_items_know(decided: Path) -> None:
    said = in_folder(decided, "--json", "predict", "--decisions", "past.csv", "--items", "few.csv").json
    assert said["actual"]["items"] == 2_999
    assert said["actual"]["area"] > 0.6
    assert said["actual"]["calibration_error"] < 0.03


def test_few_decisions_are_said_and_nothing_else(decided: Path) -> None:
    said = in_folder(decided, "--json", "predict", "--decisions", "few.csv", "--items", "open.csv")
    assert said.code == 0
    assert said.json["silent"]
    assert said.json["items"] == []
    assert "2,999 decisions" in in_folder(decided, "predict", "--decisions", "few.csv").out


def test_a_table_without_decisions_is_refused_with_what_is_needed(decided: Path) -> None:
    said = in_folder(decided, "predict", "--decisions", "open.csv", "--items", "open.csv")
    assert said.code == 2
    assert "does not say what was decided" in said.err


@pytest.mark.slow
def test_own_decisions_are_learned_from_and_told_of_all_that_is_held(
    audited_example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.find(audited_example)
    items = [item for item in store.read(run, WORKLIST).items if item.entitlement]
    later = run.as_of.replace(day=run.as_of.day + 1)
    answers = {True: ReviewerAnswer.REVOKE, False: ReviewerAnswer.KEEP}
    given = [
        decision_on(i, answers[bool(i.findings)], by="hr:person:10001", at=later.date(), comment="so it is")
        for i in items[:120]
    ]
    decide._record(run, given, later)
    real = [item for item in items[:120] if not item.planted]
    silent = access_review(audited_example, "--json", "predict")
    assert silent.json["silent"]
    assert silent.json["decisions"] == len(real)
    page = run.folder / "report.html"
    assert access_review(audited_example, "report").code == 0
    assert "Most likely to fail next" not in page.read_text("utf-8")
    assert "Most likely to fail next" not in access_review(audited_example, "status").out
    monkeypatch.setattr(learned, "MIN_DECISIONS", 50)
    monkeypatch.setattr(learned, "MIN_REVOKED", 5)
    said = access_review(audited_example, "--json", "predict").json
    assert {"person", "entitlement", "manager", "rule"} <= set(said["learned_from"])
    assert len(said["items"]) > 1_000
    assert set(said["riskiest"]) >= {"manager", "entitlement", "person"}
    assert access_review(audited_example, "report").code == 0
    shown = page.read_text("utf-8")
    assert "<caption>By manager.</caption>" in shown
    assert "decisions it had not seen" in shown
    status = access_review(audited_example, "status")
    assert status.code == 3, "something is red"
    assert "Most likely to fail next: manager" in status.out
    assert access_review(audited_example, "--json", "status").json["predicted"]["riskiest"]["manager"]
    # What was revoked was what had findings: such items come first.
    with_rule = [one["likelihood"] for one in said["items"] if one["item"]["rule"]]
    without = [one["likelihood"] for one in said["items"] if not one["item"]["rule"]]
    assert sum(with_rule) / len(with_rule) > sum(without) / len(
        without
    )  # which 120 were answered is drawn anew each time
