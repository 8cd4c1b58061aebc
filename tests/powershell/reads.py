"""What ``carry-out.ps1`` reads of plan.json, said a second time: each plan must have it, in the form that it takes."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

HOLDERS = {"entra": {"user", "sp", "group"}}


def lacking(data: bytes) -> list[str]:
    """Return what the program would miss in a plan."""
    return list(_lacking(json.loads(data)))


def _lacking(plan: dict[str, Any]) -> Iterator[str]:
    if plan["format"] != "access-review/plan@2":
        yield f"format {plan['format']}"
    for name in ("expires_at", "valid_from"):
        if plan[name] is not None or name == "expires_at":
            yield from _moment(plan[name], name)
    if not isinstance(plan["requested_by"], str):
        yield "requested_by"
    changes = {one["id"]: one for one in plan["changes"]}
    if sorted(changes) != sorted(name for batch in plan["batches"] for name in batch["changes"]):
        yield "a change that is in no batch, or a batch of what is no change"
    for one in changes.values():
        yield from (f"{one['id']}: {what}" for what in _lacking_of(one, plan["systems"]))


def _lacking_of(change: dict[str, Any], systems: dict[str, Any]) -> Iterator[str]:
    target = change["target"]
    for name in ("source", "connector", "account", "child", "entitlement", "mode", "native_id", "until", "manual"):
        if name not in target:
            yield name
    holder = target["child"] or target["account"]
    if holder is None:
        yield "nobody whose it is"
    for thing in filter(None, (holder, target["entitlement"])):
        if len(thing["id"].split(":", 2)) != 3 or not isinstance(thing["native_id"], str) or "name" not in thing:
            yield f"id {thing['id']}"
    if target["until"] is not None:
        yield from _moment(target["until"], "until")
    if target["source"] not in systems and target["connector"] in {"ldap", "entra"}:
        yield f"which system {target['source']} is"


def _moment(text: str, name: str) -> Iterator[str]:
    if not text.endswith("Z") or datetime.fromisoformat(text).tzinfo is None:
        yield f"{name} is no moment in UTC: {text}"
