"""The inventory of applications that are AI or not approved, and of AI agents."""

from datetime import datetime
from typing import TypedDict, cast

from access_review.engine import Engine


class ListedApplication(TypedDict):
    """An application or consent that is AI or not approved, with how many accounts hold it.

    ``foreign`` is that it belongs to another organisation, null where that is not known.
    """

    object: str
    name: str
    approved: bool
    ai: bool
    foreign: bool | None
    accounts: int


class ListedAgent(TypedDict):
    """An AI agent with its accounts and direct grants; of one that no register knows, only these and its name are known.

    ``sponsor`` is the name of whoever answers for it, ``sponsor_status`` that person's status.
    """

    object: str
    name: str
    purpose: str | None
    data_class: str | None
    approved_until: datetime | None
    sponsor: str | None
    sponsor_status: str | None
    accounts: int
    grants: int


def list_applications(engine: Engine) -> list[ListedApplication]:
    """Return the applications that are AI, and those nobody approved, AI first.

    Reads ``applications, grants``, as :mod:`access_review.facts` has them.
    """
    return cast("list[ListedApplication]", engine.rows(_APPLICATIONS))


def list_agents(engine: Engine) -> list[ListedAgent]:
    """Return the AI agents of the registers, and those of the sources that no register knows, by name.

    Reads ``people, accounts, grants``.
    """
    return cast("list[ListedAgent]", engine.rows(_AGENTS))


_APPLICATIONS = """
    WITH held AS (SELECT entitlement, count(DISTINCT account) AS accounts FROM grants GROUP BY entitlement)
    SELECT a.object, a.name, a.approved, a.ai, a.foreign, coalesce(held.accounts, 0) AS accounts
    FROM applications AS a LEFT JOIN held ON held.entitlement = a.object
    WHERE a.ai OR NOT a.approved
    ORDER BY NOT a.ai, a.approved, a.name, a.object
"""

_AGENTS = """
    WITH held AS (
        SELECT a.person, count(DISTINCT a.account) AS accounts, count(DISTINCT g.entitlement) AS grants
        FROM accounts AS a LEFT JOIN grants AS g USING (account) GROUP BY a.person
    )
    SELECT agent.person AS object, coalesce(agent.name, agent.person) AS name, agent.purpose, agent.data_class,
           agent.approved_until, coalesce(sponsor.name, agent.sponsor) AS sponsor, sponsor.status AS sponsor_status,
           coalesce(held.accounts, 0) AS accounts, coalesce(held.grants, 0) AS grants
    FROM people AS agent LEFT JOIN people AS sponsor ON sponsor.person = agent.sponsor
    LEFT JOIN held ON held.person = agent.person
    WHERE agent.kind = 'agent'
    UNION ALL
    SELECT a.account, coalesce(a.display_name, a.name, a.account), NULL, NULL, NULL, NULL, NULL, 1,
           (SELECT count(DISTINCT g.entitlement) FROM grants AS g WHERE g.account = a.account)
    FROM accounts AS a WHERE a.kind = 'agent' AND a.person IS NULL
    ORDER BY name, object
"""
