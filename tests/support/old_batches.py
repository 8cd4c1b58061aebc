"""Batches as versions before this one left them: ``plan@1`` signed with ``approval@1``, no logbook; and plans of another version of the tool."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest
import rfc8785

from access_review.plan import record
from access_review.plan.record import Plan
from access_review.revoke.journal import Note
from access_review.revoke.statements import Statement, StatementKind
from access_review.revoke.states import State, Transition
from access_review.store import logbook, pinned
from access_review.store.journal import JournalFile
from tests.support.first_envelopes import first_envelope
from tests.support.workspaces import Company

SERVER = "app.example"


def age_plan(company: Company, name: str, signed: Mapping[int, str], at: str) -> Plan:
    """Make of a plan one of the first format, signed so by people (by number: ``request`` or ``approval``)."""
    (folder,) = company.folder.glob(f"runs/*/{name}")
    made = record.read((folder / "plan.json").read_bytes())
    body = json.loads(record.write(replace(made, format=record.EARLIER)))
    del body["digest"]
    digest = record._digest(rfc8785.dumps(body))  # such a plan holds its own
    (folder / "plan.json").write_bytes(rfc8785.dumps(body | {"digest": digest}) + b"\n")
    for path in (folder / "approvals").glob("*.json"):
        path.unlink()
    private_folder = folder / "approvals"
    private_folder.mkdir(mode=0o700, exist_ok=True)
    for person, kind in signed.items():
        said = Statement(StatementKind(kind), digest, f"{person:05}", datetime.fromisoformat(at))
        path = private_folder / f"{kind}-{person}.json"
        path.write_bytes(first_envelope(said.payload(), (company.folder / f"key{person}").read_bytes()))
        path.chmod(0o600)
    logbook.path_of(company.folder).unlink()
    return record.read((folder / "plan.json").read_bytes())


def begin_journal(company: Company, name: str, plan: Plan, states: Mapping[str, State], at: str) -> None:
    """Write how far a batch had come when it stopped: each of these changes was called for, and stands where it is said."""
    (folder,) = company.folder.glob(f"runs/*/{name}")
    moment = datetime.fromisoformat(at)
    with JournalFile(folder / "journal.sqlite", plan.digest) as journal:
        journal.note(Note("opened", moment, "00007"))
        for change, state in states.items():
            rows = (State.INTENT, State.CALLING, state)
            for row in rows[: rows.index(state) + 1]:
                called = moment if row is State.CALLING else None
                journal.add(Transition(change, row, moment, 1, SERVER, "", None, called))
        journal.flush()


@contextmanager
def of_version(number: str) -> Iterator[None]:
    """Let commands say that they are of another version of this tool, whose formats are those of this one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pinned, "__version__", number)
        patched.setattr("access_review.stages.rederive.__version__", number)
        yield
