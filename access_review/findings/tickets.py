"""What requests authorise: the texts of a service desk, told by what the sources hold.

A request names people, entitlements and systems as people write them: by id, number, mail, login or name. Each text means
what the surest of these finds; where that is several, nobody knows which, and the request is *unknown* for all of
them: it authorises nothing, and nothing is concluded against what it may be about. A text that means nothing here (a request
for a laptop) is about nothing here.
"""

import pyarrow as pa

from access_review.engine.relation import NamedRelation
from access_review.facts import FACTS

TICKET_PARTIES = NamedRelation(
    "ticket_parties",
    "Who a text of a request may mean, as the one asked for or the one who approved: a person, or an account of nobody.",
    ("text", "party"),
    """
    WITH texts AS (
        SELECT lower(trim(person)) AS text FROM tickets UNION SELECT lower(trim(approved_by)) FROM tickets
    ), names AS (
        SELECT lower(CAST(person AS VARCHAR)) AS text, 1 AS rank, CAST(person AS VARCHAR) AS party FROM people
        UNION SELECT lower(native_id), 1, CAST(person AS VARCHAR) FROM people
        UNION SELECT lower(mail), 2, CAST(person AS VARCHAR) FROM people
        UNION SELECT lower(CAST(account AS VARCHAR)), 1, CAST(coalesce(person, account) AS VARCHAR) FROM accounts
        UNION SELECT lower(principal_name), 2, CAST(coalesce(person, account) AS VARCHAR) FROM accounts
        UNION SELECT lower(mail), 2, CAST(coalesce(person, account) AS VARCHAR) FROM accounts
        UNION SELECT lower(name), 3, CAST(coalesce(person, account) AS VARCHAR) FROM accounts
        UNION SELECT lower(name), 4, CAST(person AS VARCHAR) FROM people
        UNION SELECT lower(display_name), 4, CAST(coalesce(person, account) AS VARCHAR) FROM accounts
    ), found AS (
        SELECT texts.text, names.party, names.rank FROM texts JOIN names ON names.text = texts.text
    ), best AS (
        SELECT text, min(rank) AS rank FROM found GROUP BY text
    )
    SELECT DISTINCT found.text, found.party
    FROM found JOIN best ON best.text = found.text AND best.rank = found.rank
    """,
    nothing_without=("tickets",),
    empty=pa.schema([("text", pa.string()), ("party", pa.string())]),
)

# A group and its synced copy are one thing under two ids: the request for it is about the one that is mastered.
TICKET_OBJECTS = NamedRelation(
    "ticket_objects",
    "What each line of a request may be about: what its text means in its system, or all of a system that is named alone.",
    ("source", "ticket", "line", "entitlement", "alone"),
    """
    WITH asked AS (
        SELECT source, ticket, line, lower(trim(entitlement)) AS text, lower(trim(system)) AS system, client
        FROM tickets
    ), texts AS (
        SELECT DISTINCT text FROM asked WHERE text IS NOT NULL
    ), names AS (
        SELECT lower(CAST(entitlement AS VARCHAR)) AS text, 1 AS rank, CAST(entitlement AS VARCHAR) AS entitlement
        FROM entitlements
        UNION SELECT lower(native_id), 1, CAST(entitlement AS VARCHAR) FROM entitlements
        UNION SELECT lower(value), 2, id FROM aliases
        UNION SELECT lower(name), 3, CAST(entitlement AS VARCHAR) FROM entitlements
    ), found AS (
        SELECT a.source, a.ticket, a.line, e.entitlement AS id, CAST(e.entitlement AS VARCHAR) AS entitlement, n.rank
        FROM texts JOIN names AS n ON n.text = texts.text
        JOIN asked AS a ON a.text = texts.text
        JOIN entitlements AS e ON e.entitlement = n.entitlement
        WHERE (a.system IS NULL OR lower(e.source) = a.system OR lower(e.system) = a.system)
          AND (a.client IS NULL OR e.client IS NULL OR lower(e.client) = lower(a.client))
    ), best AS (
        SELECT source, ticket, line, min(rank) AS rank FROM found GROUP BY source, ticket, line
    ), meant AS (
        SELECT DISTINCT f.source, f.ticket, f.line, f.entitlement
        FROM found AS f JOIN best AS b
             ON b.source = f.source AND b.ticket = f.ticket AND b.line = f.line AND b.rank = f.rank
    ), own AS (
        SELECT m.source, m.ticket, m.line, m.entitlement
        FROM meant AS m
        LEFT JOIN (
            SELECT DISTINCT two.source, two.ticket, two.line, two.entitlement
            FROM meant AS one JOIN nesting AS n ON n.child = one.entitlement AND n.why = 'synced-to'
            JOIN meant AS two ON two.entitlement = n.parent AND two.source = one.source AND two.ticket = one.ticket
                 AND two.line = one.line
        ) AS copies ON copies.source = m.source AND copies.ticket = m.ticket AND copies.line = m.line
             AND copies.entitlement = m.entitlement
        WHERE copies.entitlement IS NULL
    ), counted AS (
        SELECT source, ticket, line, count(*) AS meanings FROM own GROUP BY source, ticket, line
    )
    SELECT own.source, own.ticket, own.line, own.entitlement, counted.meanings = 1 AS alone
    FROM own JOIN counted ON counted.source = own.source AND counted.ticket = own.ticket AND counted.line = own.line
    UNION ALL
    SELECT a.source, a.ticket, a.line, CAST(e.entitlement AS VARCHAR), TRUE
    FROM asked AS a JOIN entitlements AS e ON lower(e.source) = a.system OR lower(e.system) = a.system
    WHERE a.text IS NULL AND (a.client IS NULL OR e.client IS NULL OR lower(e.client) = lower(a.client))
    """,
    nothing_without=("tickets",),
    empty=pa.schema(
        [
            *((name, pa.string()) for name in ("source", "ticket")),
            ("line", pa.int64()),
            ("entitlement", pa.string()),
            ("alone", pa.bool_()),
        ]
    ),
)

# Who asks for something asks for what it carries too, save what is privileged: that is asked for by name.
TICKETED = NamedRelation(
    "ticketed",
    "The fact `ticketed`.",
    tuple(FACTS["ticketed"].schema.names),
    """
    WITH lines AS (
        SELECT source, ticket, line, lower(trim(person)) AS asked_for, lower(trim(approved_by)) AS approver, system,
               approved, starts_at, ends_at
        FROM tickets
    ), parties AS (
        SELECT text, count(*) AS meanings FROM ticket_parties GROUP BY text
    ), beneficiaries AS (
        SELECT l.source, l.ticket, l.line, p.party, parties.meanings = 1 AS alone, l.approver, l.asked_for, l.system,
               l.approved, l.starts_at, l.ends_at,
               max(CASE WHEN signer.party = p.party THEN 1 ELSE 0 END) AS own, count(signer.party) AS approvers
        FROM lines AS l JOIN ticket_parties AS p ON p.text = l.asked_for JOIN parties ON parties.text = l.asked_for
        LEFT JOIN ticket_parties AS signer ON signer.text = l.approver
        GROUP BY l.source, l.ticket, l.line, p.party, parties.meanings, l.approver, l.asked_for, l.system, l.approved,
                 l.starts_at, l.ends_at
    ), objects AS (
        SELECT source, ticket, line, entitlement, alone, entitlement AS named FROM ticket_objects
        UNION
        SELECT o.source, o.ticket, o.line, CAST(c.reached AS VARCHAR), o.alone, o.entitlement
        FROM ticket_objects AS o JOIN closure AS c ON c.entitlement = o.entitlement
        JOIN entitlements AS e ON e.entitlement = c.reached
        WHERE NOT coalesce(e.privileged, FALSE)
    ), about AS (
        SELECT source, ticket, line, entitlement, max(CASE WHEN alone THEN 1 ELSE 0 END) AS alone
        FROM objects GROUP BY source, ticket, line, entitlement
    ), holders AS (
        SELECT CAST(account AS VARCHAR) AS account, CAST(coalesce(person, account) AS VARCHAR) AS party,
               person IS NULL OR coalesce(certain, FALSE) AS certain
        FROM accounts
    )
    SELECT h.account, o.entitlement, b.source, b.ticket, b.line,
           CASE WHEN NOT b.approved THEN 'refused'
                WHEN b.approver IS NULL THEN 'unapproved'
                WHEN NOT (b.alone AND o.alone = 1 AND h.certain) OR b.approved IS NULL THEN 'unknown'
                WHEN b.approver = b.asked_for OR (b.own = 1 AND b.approvers = 1) THEN 'self-approved'
                WHEN b.own = 1 THEN 'unknown'
                ELSE 'approved' END AS standing,
           coalesce(b.system, e.system, e.name) AS place, b.starts_at, b.ends_at
    FROM beneficiaries AS b
    JOIN about AS o ON o.source = b.source AND o.ticket = b.ticket AND o.line = b.line
    JOIN holders AS h ON h.party = b.party
    JOIN entitlements AS e ON e.entitlement = o.entitlement
    """,
    nothing_without=("tickets",),
    empty=FACTS["ticketed"].schema,
)

RELATIONS = (TICKET_PARTIES, TICKET_OBJECTS, TICKETED)
"""What is made of requests, in this order."""
