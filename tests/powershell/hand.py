"""A plan carried out by a person: by the program where there is PowerShell, else by the log that it would have written."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from access_review.revoke.carried_out import COLUMNS
from access_review.views import carry_out
from tests.powershell.carry import Carry, digest
from tests.powershell.reads import lacking
from tests.powershell.world import World, world

_SECOND = timedelta(seconds=1)
_DIRECTORIES = {"ldap", "sharphound"}


def log_of(plan: bytes, at: datetime, outcomes: Mapping[str, str] | None = None) -> bytes:
    """Return the log that the program writes of a plan, begun at a moment and a second for each row.

    ``outcomes`` has by action what came of it; of anything else, that all went well. A step by hand is in no log.
    """
    assert lacking(plan) == []
    said, content = outcomes or {}, json.loads(plan)
    changes = {one["id"]: one for one in content["changes"]}
    rows = [COLUMNS]
    for batch in content["batches"]:
        for one in (changes[name] for name in batch["changes"]):
            for outcome in _rows(one, said):
                moment = (at + len(rows) * _SECOND).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.1234567Z")
                on = content["systems"][one["target"]["source"]]
                where = f"dc1.{on['name']}" if one["target"]["connector"] in _DIRECTORIES else on["identity"]
                rows.append(
                    (moment, digest(plan), one["id"], batch["id"], one["action"], outcome, "", "HOME\\ann", where)
                )
    return b"\xef\xbb\xbf" + "".join(",".join(map(_field, row)) + "\r\n" for row in rows).encode()


def _rows(change: Mapping[str, Any], said: Mapping[str, str]) -> Iterator[str]:
    if change["action"] == "manual" or change["target"]["connector"] not in _DIRECTORIES | {"entra"}:
        return
    outcome = said.get(change["action"], "pending")
    if outcome in {"pending", "unknown", "still there", "still missing"}:
        yield "intent"
    yield outcome


def _field(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def carried_out(folder: Path, at: datetime, carry: Carry | None = None) -> Path:
    """Carry out the plan that lies in a folder, and return the log; with ``carry`` by the program that lies beside it."""
    plan, log = (folder / "plan.json").read_bytes(), folder / carry_out.LOG
    if carry is None:
        log.write_bytes(log_of(plan, at))
        return log
    beside = Carry(carry.place, carry.starts, carry.modules, folder / carry_out.NAME)
    ran = beside.out(plan, state=_world_of(json.loads(plan)), log=carry_out.LOG)
    assert ran.code == 0, ran
    log.write_bytes((ran.folder / carry_out.LOG).read_bytes())
    return log


def _world_of(plan: Mapping[str, Any]) -> World:
    """Return a directory in which a plan that is about members of its groups can be carried out."""
    made = world()
    objects: dict[str, World] = {}
    base = made["ad"]["domains"]["corp.example"]
    for one in plan["changes"]:
        target = one["target"]
        system = plan["systems"][target["source"]]
        base |= {"name": system["name"], "sid": system["identity"]}
        for kind, thing in (("user", target["account"]), ("group", target["entitlement"])):
            native, name = thing["native_id"], thing["name"]
            sid = {"sid" if native.startswith("S-") else "guid": native}
            dn = f"CN={name},DC={kind}"
            empty = {"guid": f"00000000-0000-4000-8000-{len(objects):012d}", "sid": f"S-1-5-21-{len(objects)}"}
            plain = {"domain": system["name"], "dn": dn, "name": name, "class": kind, **empty, **sid}
            more: World = {"member": []} if kind == "group" else {"userAccountControl": 512}
            objects.setdefault(dn, plain | more)
        if one["action"] == "remove-member":
            objects[f"CN={target['entitlement']['name']},DC=group"]["member"].append(
                f"CN={target['account']['name']},DC=user"
            )
    made["ad"] = {
        "default": base["name"],
        "domains": {base["name"]: base, base["host"]: base},
        "objects": [*objects.values()],
    }
    return made
