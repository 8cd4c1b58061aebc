"""Damaged copies of good files: nobody leaves by a damage, and no finding is closed by what was not read.

The same damages befall the good sample of every connector, and a review says what follows. A damage that leaves a
well-formed file of at least 90 % is one that no reader can notice: a row that is gone, a value that became another.
So is the loss of a few members of one group, of which some are left. Such are counted apart; ``make damages`` lists them.
"""

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from access_review import snapshot, workspace
from access_review.connectors.emptied_groups import FEW
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import AccessReviewError
from access_review.review import review
from access_review.snapshot import Snapshot
from access_review.workspace import Workspace
from tests.connectors.damages import damage
from tests.connectors.good_samples import SAMPLES

DAMAGES = int(os.environ.get("DAMAGES", "12"))
AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
LATER = AS_OF + timedelta(days=1)
NOTICEABLE = 0.9


@dataclass
class Sample:
    """A good sample as it was read and reviewed, and how its damaged copies are."""

    space: Workspace
    files: list[Path]
    whole: Snapshot
    findings: Any
    outcomes: Counter[str] = field(default_factory=Counter)
    unnoticed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, folder: Path) -> "Sample":
        files = SAMPLES[name](folder)
        space = workspace.load(folder)
        taken = snapshot.collect(space, AS_OF)
        with EmbeddedEngine(AS_OF) as engine:
            findings = review(taken, space, engine).findings
        assert not {one["subject"] for one in taken.tables["completeness"].to_pylist() if not one["complete"]} & {
            *TABLES
        }
        assert not taken.tables["problems"].num_rows
        assert {row["status"] for row in findings.to_pylist()} == {"new"}
        assert Counter(findings["rule"].to_pylist())["leaver-active"] == 3
        return cls(space, files, taken, findings)

    @contextmanager
    def damaged(self, seed: int) -> Iterator[tuple[str, float | None]]:
        """Damage one file, or take it away, and mend it again."""
        chance = random.Random(seed)  # noqa: S311 - damages, not secrets
        path = chance.choice(self.files)
        kept = path.read_bytes()
        try:
            if chance.random() < 0.02:
                path.unlink()
                yield "gone", None
            else:
                kind, share = damage(path, chance)
                yield kind, 1.0 if share and _is_ordinary(path, kept, share) else share
        finally:
            path.write_bytes(kept)

    def judge(self, seed: int) -> None:
        with self.damaged(seed) as (kind, share):
            what = self._outcome()
        excused = share is not None and share >= NOTICEABLE
        if what.startswith("wrong") and excused:
            self.unnoticed[kind] += 1
            what = "unnoticeable"
        self.outcomes[what] += 1
        if what.startswith("wrong"):
            self.wrong.append(f"seed {seed}, {kind}, {share}: {what}")

    def _outcome(self) -> str:
        try:
            taken = snapshot.collect(self.space, LATER, previous=self.whole)
        except AccessReviewError:
            return "refused"
        if wrong := left(taken) - left(self.whole):
            return f"wrong: {sorted(wrong)} are leavers"
        if all(same(self.whole, taken, table) for table in TABLES):
            return "same"
        if same(self.whole, taken, "people") and all(taken.incomplete(table) for table in TABLES[1:]):
            return "incomplete"
        with EmbeddedEngine(LATER) as engine:
            found = review(taken, self.space, engine, self.findings).findings.to_pylist()
        if closed := sorted((f["rule"], f["subject"]) for f in found if f["status"] == "closed"):
            return f"wrong: closed {closed}"
        if new := sorted(f["subject"] for f in found if f["rule"].startswith("leaver") and f["status"] == "new"):
            return f"wrong: {new} are said to be of leavers"
        return "some incomplete" if any(map(taken.incomplete, TABLES)) else "complete, and nothing closed"


def _is_ordinary(path: Path, kept: bytes, share: float) -> bool:
    """Tell whether no more members of one group are gone than any day takes, and some are left."""
    return path.name == "members.json" and (1 - share) * len(json.loads(kept)["value"]) < FEW + 0.5


TABLES = ("people", "accounts", "entitlements", "grants", "aliases")


def left(taken: Snapshot) -> set[str]:
    return {row["person"] for row in taken.tables["people"].to_pylist() if row["status"] == "left"}


def same(one: Snapshot, other: Snapshot, table: str) -> bool:
    """Tell whether a table is the same, save for the moment."""
    a, b = (taken.tables[table] for taken in (one, other))
    moving = [name for name in ("last_used_latest", "first_seen_left_at") if name in a.column_names]
    return bool(a.drop_columns(moving).equals(b.drop_columns(moving)))


@pytest.mark.parametrize("name", SAMPLES)
def test_nobody_leaves_and_nothing_is_closed_by_a_damage(name, tmp_path, capsys, sweep):
    sample = Sample.of(name, tmp_path)
    for seed in sweep.seeds(f"damages of {name}", DAMAGES, 1 / 3):
        sample.judge(seed)
    if "DAMAGES" in os.environ:
        with capsys.disabled():
            sys.stdout.write(f"\n{name}: {dict(sample.outcomes)}; unnoticeable: {dict(sample.unnoticed)}\n")
    assert not sample.wrong
