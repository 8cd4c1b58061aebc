"""Sign-ins from outside the networks of the holder's site."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from access_review.engine.sql import json_path
from access_review.errors import RuleError
from access_review.model import Family, Relation, Severity
from access_review.rules import derive, rule

if TYPE_CHECKING:
    import pandas as pd

Networks = Mapping[str, Sequence[IPv4Network | IPv6Network]]
EVERYWHERE = "*"


@rule(
    family=Family.SIGN_INS,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "accounts", "signins"),
    nothing_without=("signins",),
    controls=("soc2:CC6.6", "soc2:CC7.2", "iso27001:A.8.20", "iso27001:A.6.7"),
    sentences={
        "outside": "sign-ins from outside the networks of {sites}: {times}, the last on {latest} UTC from {address}",
    },
)
def check(*, ranges: tuple[str, ...] = (), attribute: str = "site") -> Relation:
    """Successful sign-ins from an address outside the ``ranges`` of every site where the holder works then.

    ``ranges`` are written ``SITE=NETWORK``, as ``Manila=203.0.113.0/24``, or ``*=2001:db8::/32``
    for all sites (the exit of a VPN, say); ``attribute`` names the roster attribute with the
    site of each assignment. Without ranges nobody is judged, nor is who has no known
    site, or one without a range of its own. A sign-in from an unknown address never is.
    """
    allowed = networks(ranges)
    return derive(
        """
        WITH used AS (
            SELECT account, address, count(*) AS times, min(s."at") AS earliest, max(s."at") AS latest
            FROM signins AS s WHERE success AND address IS NOT NULL AND :judged GROUP BY account, address
        ), by_people AS (
            SELECT used.account, a.person, used.address, used.times, used.earliest, used.latest
            FROM accounts AS a JOIN used ON used.account = a.account WHERE a.person IS NOT NULL
        ), sites AS (
            SELECT person, starts_earliest, ends_latest, json_extract_string(attributes, :attribute) AS site
            FROM assignments WHERE person IN (SELECT person FROM by_people)
        )
        SELECT u.account, u.address, u.times, strftime(u.latest, '%Y-%m-%d %H:%M') AS latest, sites.site
        FROM by_people AS u LEFT JOIN sites ON sites.person = u.person
             AND coalesce(sites.starts_earliest <= u.latest, TRUE) AND coalesce(sites.ends_latest >= u.earliest, TRUE)
        """,
        then=outside(allowed),
        attribute=json_path(attribute),
        judged=bool(allowed),
    )


def networks(ranges: Sequence[str]) -> Networks:
    """Return the networks of each site; raises ``RuleError`` for one that is none."""
    found: dict[str, list[IPv4Network | IPv6Network]] = {}
    for text in ranges:
        site, _, network = (part.strip() for part in text.rpartition("="))
        try:
            known = ip_network(network)
        except ValueError:
            known = None
        if not site or known is None:
            hint = "write SITE=NETWORK, as Manila=203.0.113.0/24 or *=2001:db8::/32"
            raise RuleError("signin-outside-network", f"{text!r} is no range of a site", hint=hint)
        found.setdefault(site, []).append(known)
    return found


def outside(allowed: Networks) -> "Callable[[pd.DataFrame], pd.DataFrame]":
    """Return what keeps, of accounts and the addresses they used, those outside their sites' networks: one row each."""

    def kept(used: "pd.DataFrame") -> "pd.DataFrame":
        import pandas as pd

        sites: dict[tuple[str, str], set[str | None]] = {}
        times: dict[tuple[str, str], tuple[str, int]] = {}
        for row in used.to_dict("records"):
            key = (row["account"], row["address"])
            sites.setdefault(key, set()).add(row["site"] if isinstance(row["site"], str) else None)
            times[key] = (row["latest"], int(row["times"]))
        found: dict[str, list[tuple[str, str, int, str]]] = {}
        for (account, address), names in sites.items():
            known = sorted(name for name in names if name in allowed and name is not None)
            if known and len(known) == len(names) and not _within(address, known, allowed):
                latest, number = times[account, address]
                found.setdefault(account, []).append((latest, address, number, ", ".join(known)))
        rows = []
        for account, each in sorted(found.items()):
            latest, address, _, names_of = max(each)
            rows.append(
                (account, None, "outside", names_of, str(sum(one[2] for one in each)), latest, address, "review")
            )
        columns = ["subject", "about", "code", "sites", "times", "latest", "address", "remedy"]
        return pd.DataFrame(rows, columns=columns, dtype="str")

    return kept


def _within(address: str, sites: Sequence[str], allowed: Networks) -> bool:
    at = ip_address(address)
    return any(at in network for site in (*sites, EVERYWHERE) for network in allowed.get(site, ()))
