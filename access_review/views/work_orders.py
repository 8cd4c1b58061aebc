"""Work orders: what a person is asked to change, as a list, for a ticket system, and as a message."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from access_review.changes import Change
from access_review.views.spreadsheet import csv_bytes
from access_review.views.text import moment, visible

FORMAT = "access-review/orders@1"
_COLUMNS = ("Change", "System", "What to do", "Account", "Account id", "Entitlement", "Entitlement id", "Person", "Due")

Order = tuple[Change, datetime]
"""A change, and by when it is to be made."""


def as_csv(orders: Iterable[Order]) -> bytes:
    """Return the orders as CSV, one line each."""
    return csv_bytes(_COLUMNS, (list(_row(*one).values()) for one in orders))


def as_json(orders: Iterable[Order], *, run: str) -> bytes:
    """Return the orders in the shape of ServiceNow's ``sc_task`` records, for its import; moments are in UTC."""
    records = [
        {
            "correlation_id": one.id,
            "short_description": _row(one, due)["What to do"],
            "description": "\n".join(f"{name}: {value}" for name, value in _row(one, due).items()),
            "assignment_group": one.target.source,
            "due_date": f"{due.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        }
        for one, due in orders
    ]
    return (
        json.dumps({"format": FORMAT, "run": run, "records": records}, indent=2, ensure_ascii=False) + "\n"
    ).encode()


def as_text(orders: Iterable[Order], *, run: str) -> str:
    """Return the orders as the text of a message."""
    every = list(orders)
    what = "give these back" if any(one.action.restores for one, _ in every) else "take these away"
    lines = [f"Please {what}, and answer with the number of each change when it is done (run {run}).", ""]
    lines += [f"- {visible(one.id)}: {visible(_row(one, due)['What to do'])}, by {moment(due)}" for one, due in every]
    return "\n".join(lines) + "\n"


def _row(one: Change, due: datetime) -> dict[str, str]:
    target = one.target
    thing = target.account or target.child
    what = (
        target.manual
        or f"{one.action}: {target.entitlement.name if target.entitlement else ''} {thing.name if thing else ''}"
    )
    values = (
        one.id,
        target.source,
        what.strip(),
        thing.name if thing else "",
        thing.native_id if thing else "",
        target.entitlement.name if target.entitlement else "",
        target.entitlement.native_id if target.entitlement else "",
        target.person_name or "",
        moment(due),
    )
    return dict(zip(_COLUMNS, values, strict=True))
