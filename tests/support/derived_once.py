"""What follows from the same inputs is derived once: deriving is pure, and a batch derives its plan four times over.

What is remembered goes by the content of all that a plan is derived from, so that an input which was edited is derived
from anew. That deriving is pure is seen here too, and not only by the tests of it: one plan in four is derived again
when it is asked for again, and must come out byte for byte as before. So it is with the workbook of a plan, which each
approval makes again to compare it with the one that lies there.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from types import SimpleNamespace

import pytest

from access_review.engine import ParquetFile
from access_review.plan import derive, record
from access_review.plan.derive import DerivedPlan, PlanInputs, PlanOrder
from access_review.plan.record import Plan
from access_review.rules import load
from access_review.snapshot import digest_of
from access_review.stages import plan, rederive
from access_review.tables import digest
from access_review.views import plan_files, plan_folder

AGAIN = 4
"""One plan in so many is derived again."""


@contextmanager
def derived_once() -> Iterator[None]:
    """Keep what the stages derive, by everything that it is derived from."""
    whole, known, held = derive.derive, dict[str, DerivedPlan](), set[str]()

    def derived(order: PlanOrder, inputs: PlanInputs) -> DerivedPlan:
        if any(not isinstance(items, Sequence) for items, _ in inputs.answered):
            return whole(order, inputs)
        name = _everything(order, inputs)
        if name not in known:
            known[name] = whole(order, inputs)
        elif name not in held and _is_made_again(name):
            held.add(name)
            again = whole(order, inputs)
            same = record.write(again.plan) == record.write(known[name].plan) and again.reasons == known[name].reasons
            assert same, "the same inputs gave another plan"
        return known[name]

    xlsx, books = plan_files.xlsx, dict[str, bytes]()

    def book(made: Plan, why: Mapping[str, str]) -> bytes:
        name = hashlib.sha256(record.write(made) + repr(sorted(why.items())).encode()).hexdigest()
        if name not in books:
            books[name] = xlsx(made, why)
        elif name not in held and _is_made_again(name):
            held.add(name)
            assert xlsx(made, why) == books[name], "the same plan gave another workbook"
        return books[name]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(plan_folder, "plan_files", SimpleNamespace(csv=plan_files.csv, xlsx=book))
        for module in (plan, rederive):
            patched.setattr(module, "derive", derived)
        yield


def _is_made_again(name: str) -> bool:
    return int(name[:8], 16) % AGAIN == 0


def _everything(order: PlanOrder, inputs: PlanInputs) -> str:
    snapshot, before = inputs.snapshot, inputs.previous
    made_of = (
        (snapshot.digest, snapshot.previous, digest_of(snapshot.as_of, snapshot.tables), order),
        (inputs.pinned, inputs.capabilities, inputs.accepted, inputs.taken, inputs.answered),
        (before.left_open, _content(before.findings), _content(before.owners)),
        (inputs.workspace.digest, tuple(load())),
    )
    # A time that was read back from a file says UTC by another name.
    return hashlib.sha256(repr(made_of).replace("TzInfo(0)", repr(UTC)).encode()).hexdigest()


def _content(table: object) -> str:
    if table is None:
        return ""
    return digest((table.read() if isinstance(table, ParquetFile) else table).to_reader())
