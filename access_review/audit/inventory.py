"""The inventory of applications that are AI or not approved, and of AI agents."""

from typing import Any

from access_review.engine.duckdb import Engine


def list_applications(engine: Engine) -> list[dict[str, Any]]:
    """Return the AI applications, and those nobody approved: ``object, name, approved, ai, foreign, accounts``."""
    return engine.rows(_APPLICATIONS)


def list_agents(engine: Engine) -> list[dict[str, Any]]:
    """Return the AI agents of the registers, and those of the sources that no register knows."""
    return engine.rows(_AGENTS)


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
