"""A connector whose system is one file, and that fails on schedule: what ``apply`` does with a real writer, by the command line."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from access_review.changes import Action, Capabilities, Change
from access_review.connectors import Source, complete, system
from access_review.logbook import entries
from access_review.store import logged
from access_review.tables import TABLES, Row
from tests.support.fake_system import FakeOnDisk, Faults, Time
from tests.support.snapshots import fill


def connect(source: Source, *, path: str = "system.json", declares: bool = False, disables: bool = False) -> "Faulty":
    """Return the connector of the system in a file beside the source's own, which may declare what the system can do."""
    kind = Disabling if disables else Declaring if declares else Faulty
    return kind(source, source.folder / path)


class Faulty:
    """Accounts hold roles; ``faults.json`` says at which call or look something goes wrong."""

    def __init__(self, source: Source, path: Path) -> None:
        self.source = source
        self.path = path

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        """Yield accounts, roles and grants from the keys of the system: ``account|role||mode``."""
        stopping = self.path.with_name("stopping")
        if stopping.exists():
            stop = entries.removal_stopped(
                stopping.read_text(), as_of, person="Person 10", assured="claimed", reason=""
            )
            logged.append(self.path.parents[1], stop, command="stop")
            stopping.unlink()
        named = self.path.with_name("identity")
        if named.exists():
            yield system(self.source, named.read_text(), "app.example")
        marks = self._marks()
        every = [key.split("|") for key in sorted(json.loads(self.path.read_text())["there"])]
        keys, working = [key for key in every if key[1]], {key[0] for key in every if not key[1]}
        rows: dict[str, list[dict[str, Any]]] = {
            "accounts": [
                {
                    "account": account,
                    "name": account.rsplit(":", 1)[1],
                    "employee_id": account.rsplit(":u", 1)[1],
                    "enabled": account in working or not working,
                }
                for account in sorted({key[0] for key in keys})
            ],
            "entitlements": [
                {"entitlement": role, "privileged": role.endswith("Admins"), **marks.get(role, {})}
                for role in sorted({key[1] for key in keys})
            ],
            "grants": [{"account": key[0], "entitlement": key[1], "mastered_in": self.source.name} for key in keys],
            "nesting": [],
        }
        for table, found in rows.items():
            yield from ((table, fill(TABLES[table], row)) for row in found)
            done = complete(self.source, table, len(found))
            yield (done[0], {**done[1], **marks.get(table, {})})

    def _marks(self) -> dict[str, dict[str, Any]]:
        """Return what ``marks.json`` says of roles, and of how whole a table was read, beside what is so of itself."""
        said = self.path.with_name("marks.json")
        return json.loads(said.read_text()) if said.exists() else {}

    def covers(self, change: Change) -> bool:
        """Everything can be changed here."""
        del change
        return True

    @contextmanager
    def writing(self) -> Iterator[FakeOnDisk]:
        """Open the system with the faults of now."""
        said = self.path.with_name("faults.json")
        planned = json.loads(said.read_text()) if said.exists() else {}
        faults: dict[str, Any] = {
            kind: {int(number): fault for number, fault in planned.get(kind, {}).items()} for kind in ("calls", "looks")
        }
        if marks := planned.get("marks"):  # what changes between the plan and the first change
            self.path.with_name("marks.json").write_text(json.dumps(marks))
        if change := planned.get("stopped"):  # what somebody stops while everything is read again for the first change
            self.path.with_name("stopping").write_text(change)
        yield FakeOnDisk(self.path, Time(), Faults(**faults))

    verifying = writing


class Declaring(Faulty):
    """The same, saying that roles can be taken away; that accounts can be disabled, it does not say."""

    capabilities = Capabilities(actions=frozenset({Action.REMOVE_MEMBER}), signs_in=False)


class Disabling(Faulty):
    """The same, in which accounts can be disabled: those that may sign in have a key without a role."""

    capabilities = Capabilities(actions=frozenset({Action.REMOVE_MEMBER, Action.DISABLE_ACCOUNT}), signs_in=False)
