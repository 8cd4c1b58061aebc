"""A declared wind-down counts while it lasts, and when two people have signed it as it now is."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from access_review.errors import PlanRefused, Unclear
from access_review.plan.record import Plan
from access_review.revoke.approve import Approved, Seen, Signatories, StatementKind, count_statements, require_two
from access_review.revoke.statements import signed_digest
from access_review.settings import WindDown
from access_review.settings.approvers import Approvers


def digest_of_wind_down(name: str, declared: WindDown) -> str:
    """Return the digest that two people sign of a wind-down: of its name and all it says."""
    return signed_digest({"name": name, **declared.model_dump(mode="json")})


def find_wind_down(declared: Mapping[str, WindDown], name: str) -> WindDown:
    """Return a wind-down by its name; raises ``Unclear``."""
    if name not in declared:
        known = ", ".join(sorted(declared)) or "none"
        raise Unclear(
            f"no wind-down is called {name!r}", hint=f"declared in roles/wind-downs/NAME.yaml; there is: {known}"
        )
    return declared[name]


def require_wind_down(
    name: str,
    declared: WindDown,
    envelopes: Iterable[bytes],
    approvers: Approvers,
    people: Signatories,
    *,
    now: datetime,
    seen: Seen,
    plan: Plan | None = None,
) -> Approved:
    """Return who signed a wind-down; raises ``PlanRefused`` unless two people did as it now is, and it lasts.

    Whose own access a ``plan`` under it touches does not count.
    """
    if not declared.since <= now.date() <= declared.until:
        raise PlanRefused(
            f"the wind-down {name} lasts from {declared.since} to {declared.until}, and today is {now.date()}",
            hint="wait for it, or have another day declared and signed",
        )
    found = count_statements(envelopes, digest_of_wind_down(name, declared), approvers, people, now=now, seen=seen)
    how = f"access-review approve --wind-down {name}, by two people"
    return require_two(found, StatementKind.WIND_DOWN, people, plan, what=f"the wind-down {name}", how=how)
