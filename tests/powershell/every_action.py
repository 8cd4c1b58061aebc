"""A plan with every action, made for a directory and a tenant in which names are hostile, and the undo of it."""

from dataclasses import replace
from functools import cache

from access_review.changes import UNDO, Action, Thing
from access_review.plan.limits import Count
from access_review.plan.record import GIVEN_BACK, Batch, NamedSystem, Plan, seal
from tests.support.planning import account, add, change, company, grant, group, leave, planned

HOSTILE = "O'Brien\u2019s $(Remove-Item *) `n\r\n'; Remove-ADUser x #> \" \u2018\u2019\u201a\u201b @{} =1+1 \u202e"
DOMAIN, TENANT = "S-1-5-21-1-2-3", "0a0a0a0a-0000-4000-8000-000000000001"
SYSTEMS = {"ad": NamedSystem(DOMAIN, "corp.example"), "entra": NamedSystem(TENANT, "corp")}


def guid(number: int) -> str:
    """Return an id that looks as those of directories do."""
    return f"00000000-0000-4000-8000-{number:012d}"


@cache
def everything() -> Plan:
    """Return a plan with every action that a program can carry out."""
    rows = leave(company(), 5)
    rows = add(
        rows,
        accounts=[account(5, "entra", native_id=guid(205))],
        entitlements=[
            group("Mail", "entra", native_id=guid(301)),
            group("Reader", "entra", "role", native_id=guid(302), scope="/"),
            group("Writer", "entra", "role", native_id=guid(303), scope="/"),
            group("App", "entra", "approle", native_id=f"{guid(304)}/{guid(305)}"),
            group("Consent", "entra", "consent", native_id=f"{guid(306)}/{guid(307)}/Mail.Read"),
            group("Carrier", native_id=guid(105)),
        ],
        grants=[
            grant(5, "Mail", "entra"),
            grant(5, "Reader", "entra", "role", mode="eligible", via="pim"),
            grant(5, "Writer", "entra", "role", via="role-assignment", native_id="as-1"),
            grant(5, "App", "entra", "approle", via="approle", native_id="as-2"),
            grant(5, "Consent", "entra", "consent", via="consent", native_id="as-3"),
            grant(7, "Other"),
        ],
    )
    for number, name in enumerate(("All", "Fin", "Other"), start=100):
        rows = change(rows, "entitlements", f"ad:group:{name}", native_id=guid(number))
    rows = change(rows, "accounts", "ad:user:5", native_id="S-1-5-21-1-2-3-1105", name=HOSTILE)
    rows = change(rows, "accounts", "ad:user:7", native_id=guid(7))
    return seal(replace(planned(rows, requested_by="hr:person:60\nRemove-ADUser x"), systems=SYSTEMS))


@cache
def nesting() -> Plan:
    """Return a plan that cuts a group out of a group, in the directory and in the tenant."""
    made = everything()
    cut = []
    for source, parent, child in (("ad", 100, 105), ("entra", 301, 302)):
        target = next(one for one in made.changes if one.action is Action.REMOVE_MEMBER and one.target.source == source)
        inner = Thing(f"{source}:group:{child}", guid(child), HOSTILE)
        outer = Thing(f"{source}:group:{parent}", guid(parent), "Outer")
        ends = replace(target.target, account=None, child=inner, entitlement=outer, person=None, native_id=None)
        cut.append(replace(target, id=f"c-cut-{source}", action=Action.CUT_NESTING, target=ends))
    parts = (Batch("batch-1", tuple(one.id for one in cut)),)
    return seal(replace(made, changes=tuple(cut), batches=parts))


def undone(made: Plan) -> Plan:
    """Return the undo of everything that a plan takes, as a plan of its own."""
    given = tuple(
        replace(one, id=f"u-{one.id}", action=Action(UNDO[one.action])) for one in made.changes if UNDO[one.action]
    )
    counts = (Count(GIVEN_BACK, made.digest, len(given), len(given), len(given)),)
    parts = (Batch("batch-1", tuple(one.id for one in given)),)
    return seal(replace(made, changes=given, batches=parts, limits=replace(made.limits, counts=counts)))
