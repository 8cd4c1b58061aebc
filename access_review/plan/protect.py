"""Who and what no plan touches, and the last usable holders of what is privileged."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from access_review.engine import Engine
from access_review.plan.withheld import Withheld, WithheldCode, withheld
from access_review.policy import Protect
from access_review.tables import Row


def guard(engine: Engine, protect: Protect, requested_by: str) -> None:
    """Create ``guarded``: the accounts and entitlements that no plan touches (id), each with every reason (code, detail).

    ``protections`` has one reason of each (id, code, detail), to be read by :func:`protection`.

    Accounts: break-glass, those their source holds untouchable, those the policy names,
    and the operators' own, whoever asks for the plan among them. A synced copy is
    guarded with its origin, and an origin with its copy.
    """
    accounts = (*protect.accounts, *protect.operators)
    engine.create(
        "guarded_accounts",
        "UNION ALL".join([_BY_NATURE, *_named_accounts(accounts), _OPERATORS]),
        break_glass=WithheldCode.BREAK_GLASS.value,
        by_source=WithheldCode.PROTECTED_BY_SOURCE.value,
        by_policy=WithheldCode.PROTECTED_IN_POLICY.value,
        operator=WithheldCode.OPERATOR.value,
        operators=sorted({name.casefold() for name in (*protect.operators, requested_by) if name}),
        **_params(accounts),
    )
    engine.create(
        "guarded",
        "UNION ALL".join([_GUARDED_WITH_TWINS, *_named_entitlements(protect.entitlements)]),
        by_policy=WithheldCode.PROTECTED_IN_POLICY.value,
        **_params(protect.entitlements),
    )
    engine.create("protections", _PROTECTIONS)


def protection(row: Row, *, about: str = "") -> Withheld:
    """Return the reason that a row of ``protections`` gives; ``about`` names what is protected, where that is not plain."""
    code = WithheldCode(row["code"])
    facts = (("detail", row["detail"]),) if code is WithheldCode.PROTECTED_BY_SOURCE else ()
    return Withheld(code, facts, about=about)


def _named_accounts(names: Sequence[str]) -> Iterator[str]:
    for number in range(len(names)):
        kinds = f"(lower(split_part(account, ':', 2)) LIKE :kind{number} ESCAPE '!' OR lower(kind) LIKE :kind{number} ESCAPE '!')"
        called = " OR ".join(
            f"lower({column}) LIKE :name{number} ESCAPE '!'"
            for column in ("name", "principal_name", "display_name", "native_id")
        )
        yield f"""
            SELECT account, :by_policy AS code, CAST(NULL AS VARCHAR) AS detail FROM accounts
            WHERE account = :id{number} OR (lower(source) LIKE :source{number} ESCAPE '!' AND {kinds} AND ({called}))
        """


def _named_entitlements(names: Sequence[str]) -> Iterator[str]:
    for number in range(len(names)):
        yield f"""
            SELECT entitlement, :by_policy, CAST(NULL AS VARCHAR) FROM entitlements
            WHERE entitlement = :id{number} OR (
                lower(source) LIKE :source{number} ESCAPE '!' AND lower(kind) LIKE :kind{number} ESCAPE '!'
                AND lower(name) LIKE :name{number} ESCAPE '!')
        """


def _params(names: Sequence[str]) -> dict[str, str]:
    """Return each name as an id and as the three parts of a pattern, for LIKE."""
    params: dict[str, str] = {}
    for number, name in enumerate(names):
        parts = ([*name.split(":", 2), "", ""])[:3]
        likes = {part: _like(text) for part, text in zip(("source", "kind", "name"), parts, strict=True)}
        params |= {f"id{number}": name, **{f"{part}{number}": text for part, text in likes.items()}}
    return params


def _like(pattern: str) -> str:
    for special in "!%_":
        pattern = pattern.replace(special, f"!{special}")
    return pattern.lower().replace("*", "%")


_BY_NATURE = """
    SELECT account, :break_glass AS code, CAST(NULL AS VARCHAR) AS detail FROM accounts WHERE kind = 'break-glass'
    UNION ALL
    SELECT account, :by_source, protected FROM accounts WHERE protected IS NOT NULL
"""

_OPERATORS = """
    SELECT a.account, :operator AS code, CAST(NULL AS VARCHAR) AS detail
    FROM accounts AS a LEFT JOIN people AS p ON p.person = a.person
    WHERE lower(a.account) IN :operators OR lower(a.principal_name) IN :operators OR lower(a.mail) IN :operators
       OR lower(p.person) IN :operators OR lower(p.native_id) IN :operators OR lower(p.mail) IN :operators
"""

_GUARDED_WITH_TWINS = """
    SELECT account AS id, code, detail FROM guarded_accounts
    UNION ALL SELECT twins.account, code, detail FROM guarded_accounts JOIN twins ON twins.twin = guarded_accounts.account
    UNION ALL SELECT twins.twin, code, detail FROM guarded_accounts JOIN twins ON twins.account = guarded_accounts.account
"""

# Only what a source says has a detail, so the least of each column belong together.
_PROTECTIONS = "SELECT id, min(code) AS code, min(detail) AS detail FROM guarded GROUP BY id"


def last_holders(engine: Engine, keep: int, until: datetime) -> Sequence[Row]:
    """Return the changes that leave something privileged with fewer than ``keep`` usable holders, and what it is.

    A holder is usable when the person is active beyond ``until``, the plan's end, and an
    account of theirs that holds it is enabled and does not expire by then, after every
    change of the plan, whichever batch it is in; what is unknown is not usable. Which holders
    stay is not for a plan to choose: every change that takes one away is returned, that
    of a departing administrator included, who is to be replaced first. Permissions of
    applications need no second holder, so they are not concerned. Reads what
    :func:`access_review.plan.consequences.foresee` made.
    """
    return engine.rows(_LAST_HOLDERS, keep=keep, until=until) if keep else []


def without_holders(engine: Engine, keep: int, until: datetime) -> dict[str, Withheld]:
    """Return the changes that :func:`last_holders` names, each with the first privileged thing that speaks against it."""
    refused: dict[str, Withheld] = {}
    for row in last_holders(engine, keep, until):
        facts = {"name": row["name"], "holders": row["holders"], "keep": keep}
        why = withheld(WithheldCode.LAST_HOLDERS, "name a successor first, then plan again", **facts)
        refused.setdefault(row["change"], why)
    return refused


_LAST_HOLDERS = """
    WITH privileged AS (
        SELECT entitlement, name FROM entitlements WHERE privileged AND kind NOT IN ('approle', 'consent', 'licence')
    ),
    taken AS (
        SELECT losses.change, losses.account, losses.entitlement FROM losses JOIN privileged USING (entitlement)
        UNION
        SELECT d.change, d.account, closure.reached
        FROM disabled_after AS d JOIN grants USING (account) JOIN closure USING (entitlement)
        JOIN privileged ON privileged.entitlement = closure.reached
    ),
    working AS (
        SELECT taken.* FROM taken JOIN accounts USING (account) WHERE coalesce(accounts.enabled, TRUE)
    ),
    usable AS (
        SELECT c.reached AS entitlement, count(DISTINCT a.person) AS holders
        FROM closure_after AS c JOIN grants_after AS g ON g.entitlement = c.entitlement
        JOIN accounts AS a ON a.account = g.account JOIN people AS p ON p.person = a.person
        WHERE c.reached IN (SELECT entitlement FROM working) AND a.enabled AND a.certain AND p.status = 'active'
          AND (a.expires_at IS NULL OR a.expires_at > :until)
          AND ((p.left_at_earliest IS NULL AND p.left_at_latest IS NULL) OR p.left_at_earliest > :until)
          AND NOT EXISTS (SELECT 1 FROM disabled_after AS d WHERE d.account = a.account)
        GROUP BY c.reached
    )
    SELECT DISTINCT working.change, privileged.name, coalesce(usable.holders, 0) AS holders
    FROM working JOIN privileged USING (entitlement) LEFT JOIN usable USING (entitlement)
    WHERE coalesce(usable.holders, 0) < :keep
    ORDER BY working.change, privileged.name
"""
