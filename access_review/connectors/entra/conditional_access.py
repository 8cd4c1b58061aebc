"""Conditional Access policies, and sign-ins."""

from collections.abc import Iterable, Iterator

from access_review.connectors import problem
from access_review.connectors.addresses import address
from access_review.connectors.entra.properties import Object, UnusableError, date, flag, inner, text, texts, whole
from access_review.connectors.entra.tenant_objects import TableRow, TenantObjects

# Words that stand where ids do.
_NOT_IDS = frozenset({"All", "None", "GuestsOrExternalUsers"})


def is_on(policy: Object) -> bool:
    """Tell whether a policy acts or is being tried out; a disabled one says nothing about its groups."""
    return text(policy, "state") != "disabled"


def check_policy(policy: Object) -> None:
    """Check that everything used of a policy is usable."""
    text(policy, "state"), text(policy, "displayName")
    for name in ("includeGroups", "excludeGroups", "excludeUsers"):
        texts(_users(policy), name)


def _users(policy: Object) -> Object:
    return inner(inner(policy, "conditions"), "users")


def restricting(policies: Iterable[Object]) -> frozenset[str]:
    """Return the groups whose members a policy restricts."""
    return frozenset(group for policy in policies for group in texts(_users(policy), "includeGroups"))


def exempting(policies: Iterable[Object]) -> frozenset[str]:
    """Return the groups whose members escape a policy."""
    return frozenset(group for policy in policies for group in texts(_users(policy), "excludeGroups"))


def exclusions(directory: TenantObjects, policy: Object) -> Iterator[TableRow]:
    """Translate the single users that a policy leaves out: an exemption each of them holds."""
    excluded = sorted(set(texts(_users(policy), "excludeUsers")) - _NOT_IDS)
    if not excluded:
        return
    native = policy["id"]
    name = f"Excluded from {text(policy, 'displayName') or native}"
    yield directory.entitlement("ca-exclusion", native, name, effect="exempts", privileged=True)
    why = "the policy itself must be changed"
    for user_id in excluded:
        exclusion = directory.source.id("ca-exclusion", native)
        yield directory.holding(user_id, exclusion, via="list", native_id=native, removable=False, why_not=why)


_RESULTS = {"success": "success", "failure": "failure", "notApplied": "not-applied"}
"""What Conditional Access said, by Graph's word; any other is a word of the future, and unknown."""


def signin(directory: TenantObjects, thing: Object) -> Iterator[TableRow]:
    """Translate a sign-in."""
    who = text(thing, "userId") or text(thing, "servicePrincipalId")
    at = date(thing, "createdDateTime")
    if who is None or at is None:
        raise UnusableError("a sign-in without an account or a time")
    written = text(thing, "ipAddress")
    if written is not None and address(written) is None:
        yield problem(
            directory.source,
            f"signIns/{thing['id']}",
            "unusable",
            f"ipAddress {written!r} is no address: it is unknown",
        )
    code, device = whole(inner(thing, "status"), "errorCode"), inner(thing, "deviceDetail")
    yield (
        "signins",
        {
            "account": directory.row_id(who),
            "at": at,
            "signin": thing["id"],
            "success": None if code is None else code == 0,
            "country": text(inner(thing, "location"), "countryOrRegion"),
            "device": text(device, "displayName") or text(device, "deviceId"),
            "application": text(thing, "appDisplayName"),
            "address": address(written),
            "managed": flag(device, "isManaged"),
            "compliant": flag(device, "isCompliant"),
            "conditional_access": _RESULTS.get(text(thing, "conditionalAccessStatus") or ""),
        },
    )
