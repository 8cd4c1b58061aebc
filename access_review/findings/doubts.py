"""Whose an account is, in doubt: what speaks against a certain owner, until a person settles it.

A guess never makes a change, but it stops one. An account is in doubt when it is a leaver's
and something of it leads to somebody else who has not left, when a namesake of the leaver
began about when they ended, when its owner or the person behind its owner's number is
another than before, and when an id beside says otherwise than the name or mail that it was
joined by. ``same`` and ``not_same`` in a source file settle each doubt once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pyarrow as pa

from access_review.engine import Engine
from access_review.engine.relation import NamedRelation
from access_review.facts import FACTS
from access_review.rules.lookalike_account import lookalikes
from access_review.workspace import Workspace


def doubt(engine: Engine, workspace: Workspace) -> None:
    """Create ``doubts``, from what :func:`access_review.correlate.correlate` and the workspace say."""
    settled = [pair for source in workspace.sources for pair in source.file.not_same]
    both = sorted({*settled, *((two, one) for one, two in settled)})
    engine.register("not_same", _texts(("one", "two"), both))
    ladders = [(source.name, _joined(rung.label for rung in source.file.match)) for source in workspace.sources]
    engine.register("ladders", _texts(("source", "rungs"), ladders))
    alien, latin = lookalikes()
    left = bool(engine.rows("SELECT 1 AS any FROM people WHERE status = 'left' LIMIT 1"))
    shorter = _doubts(former=not engine.is_empty("former_owners"), settled=bool(both), left=left)
    replace(DOUBTS, sql=shorter).make(engine, **_foldings(alien, latin))
    DOUBTED.make(engine)


_BLANK = " \t\u00a0.,_-'’"
"""Beside the marks that nobody sees: what stands between the parts of a name, or does not."""


def _foldings(alien: str, latin: str) -> dict[str, str]:
    """Return what is folded into what: of any letter, and of ASCII alone."""
    plain = {one: two for one, two in zip(alien, latin, strict=False) if one.isascii()}
    return {
        "alien": alien + _BLANK,
        "latin": latin,
        "plain": "".join(plain) + "".join(one for one in _BLANK if one.isascii()),
        "letters": "".join(plain.values()),
    }


def _joined(rungs: Iterable[str]) -> str:
    return "|" + "".join(f"{rung}|" for rung in ("same", "synced", *rungs))


def _texts(names: tuple[str, str], rows: Sequence[tuple[str, str]]) -> pa.Table:
    return pa.table({name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)})


def owners_now(unread: Sequence[str]) -> tuple[str, dict[str, object]]:
    """Return the SELECT of what the next run compares with, and its parameters.

    An owner in doubt, and one that cannot be told now, stays who it was. ``unread`` are the
    sources of which not every account was seen.
    """
    return _OWNERS_NOW, {"unread": tuple(unread)}


# Letter case, accents and what is between the parts of a name do not tell people apart: a doubt costs a look, not access.
# To fold a name of ASCII letters by all that is foreign takes a thousand times as long as by the few of it that are ASCII.
_FOLDED = """
    CASE WHEN regexp_matches({0}, '[^ -~]') THEN lower(translate({1}, :alien, :latin))
         ELSE lower(translate({1}, :plain, :letters)) END
"""
_FIRST_NAME_FIRST = (
    "CASE WHEN {0} LIKE '%, %' THEN concat(split_part({0}, ', ', 2), split_part({0}, ', ', 1)) ELSE {0} END"
)


def _folded(name: str) -> str:
    return _FOLDED.format(name, _FIRST_NAME_FIRST.format(name))


_NAMED = "concat(coalesce({0}.name, '?'), ' (', coalesce({0}.native_id, {0}.person), ')')"

# Namesakes are many, and few of them began when one of their name left: pairs are made of those alone.
# What finds something only where somebody has left, where former owners are known, and where a source file settles something.
_GONE = f"""
    ), gone AS (
        SELECT * FROM matched WHERE status = 'left'
    ), began AS (
        SELECT CAST(person AS VARCHAR) AS person, min(starts_earliest) AS earliest, min(starts_latest) AS latest,
               max(CASE WHEN starts_earliest IS NULL THEN 1 ELSE 0 END) AS unknown
        FROM assignments GROUP BY person
    ), mails AS (
        SELECT account, person, lower(trim(mail)) AS mail FROM gone
        UNION SELECT account, person, lower(trim(principal_name)) FROM gone
        UNION SELECT account, person, lower(trim(person_mail)) FROM gone
    ), own AS (
        SELECT account, person, {_folded("person_name")} AS folded, left_at_earliest, left_at_latest FROM gone
    ), names AS (
        SELECT account, person, {_folded("called")} AS folded
        FROM (
            SELECT account, person, display_name AS called FROM gone
            UNION SELECT account, person, split_part(name, '@', 1) FROM gone
            UNION SELECT account, person, split_part(principal_name, '@', 1) FROM gone
        ) AS every
    ), other_names AS (
        SELECT names.account, names.person, names.folded FROM names JOIN own ON own.account = names.account
        WHERE names.folded <> '' AND coalesce(own.folded <> names.folded, TRUE)
    ), bounds AS (
        SELECT folded, min(left_at_earliest) AS first_left, max(left_at_latest) AS last_left,
               max(CASE WHEN left_at_earliest IS NULL THEN 1 ELSE 0 END) AS no_first,
               max(CASE WHEN left_at_latest IS NULL THEN 1 ELSE 0 END) AS no_last
        FROM own WHERE folded <> '' GROUP BY folded
    ), newcomers AS (
        SELECT here.person, here.folded, began.earliest, began.latest, began.unknown
        FROM here JOIN bounds AS b ON b.folded = here.folded LEFT JOIN began ON began.person = here.person
        WHERE (coalesce(began.unknown, 1) = 1 OR b.no_last = 1 OR coalesce(began.earliest <= b.last_left + INTERVAL 90 DAY, TRUE))
          AND (b.no_first = 1 OR coalesce(began.latest >= b.first_left - INTERVAL 30 DAY, TRUE))
"""
_LEAVERS = """
        UNION
        SELECT mails.account, mails.person, here.person, 'mail', CAST(NULL AS VARCHAR)
        FROM mails JOIN here ON here.mail = mails.mail
        WHERE mails.mail <> '' AND here.person <> mails.person
        UNION
        SELECT names.account, names.person, here.person, 'name', CAST(NULL AS VARCHAR)
        FROM other_names AS names JOIN here ON here.folded = names.folded
        WHERE here.person <> names.person
        UNION
        SELECT g.account, g.person, CAST(owned.person AS VARCHAR), 'owner', CAST(NULL AS VARCHAR)
        FROM gone AS g JOIN owned ON owned.object = g.account
        WHERE g.kind IN ('human', 'guest') AND owned.person <> g.person AND owned.status <> 'left'
        UNION
        SELECT own.account, own.person, new.person, 'namesake', CAST(NULL AS VARCHAR)
        FROM own JOIN newcomers AS new ON new.folded = own.folded
        WHERE new.person <> own.person
          AND (coalesce(new.unknown, 1) = 1 OR coalesce(new.earliest <= own.left_at_latest + INTERVAL 90 DAY, TRUE))
          AND coalesce(new.latest >= own.left_at_earliest - INTERVAL 30 DAY, TRUE)
        UNION
        SELECT g.account, g.person, '', 'id', g.employee_id
        FROM gone AS g JOIN ladders ON ladders.source = g.source
        WHERE trim(g.employee_id) <> '' AND g.number <> trim(g.employee_id) AND g.rung <> 'synced'
          AND ladders.rungs LIKE '%|employee_id = person|%'
          AND NOT EXISTS (SELECT 1 FROM people AS p WHERE p.native_id = trim(g.employee_id))
"""
_FORMER = f"""
    ), former AS (
        SELECT m.account, m.person, m.rung, m.person_name, m.person_mail, f.person AS before, f.name AS before_name,
               f.mail AS before_mail, f.rungs
        FROM former_owners AS f JOIN matched AS m ON m.account = f.account
    ), renamed AS (
        SELECT *, {_folded("before_name")} AS folded_before FROM former
        WHERE before = person AND {_folded("before_name")} <> {_folded("person_name")}
"""
_BEFORE = """
        UNION
        SELECT account, person, before, 'changed', before_name FROM former
        WHERE before <> person AND rungs LIKE concat('%|', rung, '|%')
        UNION
        SELECT r.account, r.person, coalesce(here.person, ''), 'renumbered', r.before_name
        FROM renamed AS r LEFT JOIN here ON here.folded = r.folded_before AND here.person <> r.person
        WHERE here.person IS NOT NULL
           OR (coalesce(lower(r.before_mail) <> lower(r.person_mail), TRUE)
               AND split_part(lower(r.person_name), ' ', 1) NOT IN
                   (split_part(lower(r.before_name), ' ', 1), regexp_extract(lower(r.before_name), '[^ ]+$', 0))
               AND regexp_extract(lower(r.person_name), '[^ ]+$', 0) NOT IN
                   (split_part(lower(r.before_name), ' ', 1), regexp_extract(lower(r.before_name), '[^ ]+$', 0)))
"""
_DENIED = """
        UNION
        SELECT m.account, m.person, '', 'denied', CAST(NULL AS VARCHAR)
        FROM matched AS m JOIN not_same ON not_same.one = m.account AND not_same.two = m.person
"""
_UNSETTLED = """
        WHERE NOT EXISTS (SELECT 1 FROM not_same AS n WHERE n.one = f.account AND n.two = f.other)
          AND NOT EXISTS (SELECT 1 FROM not_same AS n WHERE f.code = 'namesake' AND n.one = f.person AND n.two = f.other)
"""


def _doubts(*, former: bool, settled: bool, left: bool) -> str:
    """Return the SELECT of ``doubts``, without what finds nothing: no former owners, nothing settled, nobody has left."""
    return f"""
    WITH confirmed AS (
        SELECT account FROM accounts WHERE rung = 'same'
        UNION SELECT twins.account FROM twins JOIN accounts ON accounts.account = twins.twin WHERE rung = 'same'
    ), matched AS (
        SELECT a.account, a.source, a.kind, CAST(a.person AS VARCHAR) AS person, a.rung, a.employee_id, a.mail,
               a.principal_name, a.name, a.display_name, p.status, p.native_id AS number, p.name AS person_name,
               p.mail AS person_mail, p.left_at_earliest, p.left_at_latest
        FROM accounts AS a JOIN people AS p ON p.person = a.person
        WHERE a.certain AND a.account NOT IN (SELECT account FROM confirmed)
    ), here AS (
        SELECT CAST(person AS VARCHAR) AS person, lower(trim(mail)) AS mail, {_folded("name")} AS folded
        FROM people WHERE status <> 'left'
{_GONE if left else ""}{_FORMER if former else ""}    ), found AS (
        SELECT m.account, m.person, CAST(p.person AS VARCHAR) AS other, 'id' AS code, m.employee_id AS former
        FROM matched AS m JOIN people AS p ON p.native_id = trim(m.employee_id)
        WHERE p.person <> m.person AND m.number <> trim(m.employee_id)
{_LEAVERS if left else ""}{_BEFORE if former else ""}{_DENIED if settled else ""}    ), open AS (
        SELECT account, person, other, min(code) AS code, min(former) AS former
        FROM found AS f
{_UNSETTLED if settled else ""}        GROUP BY account, person, other
    )
    SELECT o.account, o.other, o.person, o.code, o.former, {_NAMED.format("p")} AS owner_name,
           CASE WHEN q.person IS NOT NULL THEN {_NAMED.format("q")} WHEN o.other <> '' THEN concat(coalesce(o.former, '?'), ' (', o.other, ')')
           END AS other_name
    FROM open AS o JOIN people AS p ON p.person = o.person LEFT JOIN people AS q ON q.person = o.other
    """


DOUBTS = NamedRelation(
    "doubts",
    "What speaks against the certain owner of an account, one row for each other person.",
    tuple(FACTS["doubts"].schema.names),
    _doubts(former=True, settled=True, left=True),
)

DOUBTED = NamedRelation(
    "doubted",
    "The accounts in doubt, each with the one that the doubt is about: a synced copy is so with its origin, and it with its copy.",
    ("account", "about"),
    """
    SELECT account, account AS about FROM doubts
    UNION SELECT twins.account, twins.twin FROM twins WHERE twins.twin IN (SELECT account FROM doubts)
    UNION SELECT twins.twin, twins.account FROM twins WHERE twins.account IN (SELECT account FROM doubts)
    """,
    view=True,
)

_OWNERS_NOW = """
    WITH kept AS (
        SELECT f.* FROM former_owners AS f LEFT JOIN accounts AS a ON a.account = f.account
        WHERE (a.account IS NULL AND split_part(f.account, ':', 1) IN :unread)
           OR (a.account IS NOT NULL AND NOT coalesce(a.certain, FALSE))
           OR f.account IN (SELECT account FROM doubts WHERE code IN ('changed', 'renumbered', 'denied'))
    )
    SELECT account, person, name, mail, rungs FROM kept
    UNION ALL
    SELECT CAST(a.account AS VARCHAR), CAST(p.person AS VARCHAR), p.name, p.mail, ladders.rungs
    FROM accounts AS a JOIN people AS p ON p.person = a.person JOIN ladders ON ladders.source = a.source
    WHERE a.certain AND NOT EXISTS (SELECT 1 FROM kept WHERE kept.account = a.account)
    ORDER BY account
"""
