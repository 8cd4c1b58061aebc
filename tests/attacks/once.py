"""What follows from the same inputs is derived once for many histories: deriving is pure, as its own tests hold."""

import hashlib

import pytest

from access_review.engine import ParquetFile
from access_review.plan import derive
from access_review.plan.derive import DerivedPlan, PlanInputs, PlanOrder
from access_review.snapshot import digest_of
from access_review.stages import plan, rederive


def derive_once(patched: pytest.MonkeyPatch) -> None:
    """Keep what is derived by everything that it is derived from, by content and not by name."""
    whole, known = derive.derive, dict[str, DerivedPlan]()

    def derived(order: PlanOrder, inputs: PlanInputs) -> DerivedPlan:
        if inputs.answered:
            return whole(order, inputs)
        name = _everything(order, inputs)
        if name not in known:
            known[name] = whole(order, inputs)
        return known[name]

    for module in (plan, rederive):
        patched.setattr(module, "derive", derived)


def _everything(order: PlanOrder, inputs: PlanInputs) -> str:
    snapshot, before = inputs.snapshot, inputs.previous
    tables = (
        []
        if before.findings is None and before.owners is None
        else [_content(before.findings), _content(before.owners)]
    )
    said = (
        inputs.pinned,
        inputs.capabilities,
        inputs.accepted,
        inputs.taken,
        before.left_open,
        inputs.workspace.digest,
    )
    made_of = (snapshot.digest, snapshot.previous, digest_of(snapshot.as_of, snapshot.tables), order, said, tables)
    return hashlib.sha256(repr(made_of).encode()).hexdigest()


def _content(table: object) -> str:
    data = table.path.read_bytes() if isinstance(table, ParquetFile) else repr(table).encode()
    return hashlib.sha256(data).hexdigest()
