"""Sign-ins outside the shift of the person."""

from datetime import timedelta
from functools import cache
from zoneinfo import available_timezones

from access_review.engine.sql import json_path
from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select

_SHIFT = "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-4]):[0-5][0-9]$"
DAY = timedelta(days=1) // timedelta(minutes=1)


@rule(
    family=Family.SIGN_INS,
    local=True,
    severity=Severity.LOW,
    needs=("people", "assignments", "accounts", "signins"),
    nothing_without=("signins",),
    controls=("soc2:CC7.2", "iso27001:A.8.15"),
    sentences={
        "off-shift": "outside the shift {shift} ({zone}): sign-ins {times}, the last on {latest} UTC",
    },
)
def check(*, shift: str = "shift", timezone: str = "timezone", slack_minutes: int = 60, at_least: int = 1) -> Relation:
    """Successful sign-ins more than ``slack_minutes`` before or after the shift, ``at_least`` so many.

    ``shift`` and ``timezone`` name the roster attributes: ``22:00-06:00`` on the
    person's own clock, and a zone such as ``Asia/Manila``. Somebody with several
    assignments at the time is off shift only when outside all of them; where a shift
    or a zone is missing or unreadable, nothing is said.
    """
    return select(
        """
        WITH seen AS (
            SELECT DISTINCT a.person FROM accounts AS a JOIN signins AS s ON s.account = a.account WHERE s.success
        ), spells AS (
            SELECT person, starts_earliest, ends_latest,
                   json_extract_string(attributes, :shift) AS shift, json_extract_string(attributes, :timezone) AS zone
            FROM assignments JOIN people USING (person)
            WHERE people.status = 'active' AND assignments.status = 'active' AND person IN (SELECT person FROM seen)
        ), shifts AS (
            SELECT person, starts_earliest, ends_latest, shift, CASE WHEN zone IN :zones THEN zone END AS zone,
                   CASE WHEN regexp_matches(shift, :form)
                        THEN try_cast(substr(shift, 1, 2) AS INTEGER) * 60 + try_cast(substr(shift, 4, 2) AS INTEGER) END
                       AS opens,
                   CASE WHEN regexp_matches(shift, :form)
                        THEN try_cast(substr(shift, 7, 2) AS INTEGER) * 60 + try_cast(substr(shift, 10, 2) AS INTEGER) END
                       AS closes
            FROM spells
        ), local AS (
            SELECT s.account, s.signin, s."at", sh.opens, sh.closes, sh.shift, sh.zone,
                   CASE WHEN sh.zone IS NOT NULL
                        THEN extract(HOUR FROM s."at" AT TIME ZONE sh.zone) * 60
                             + extract(MINUTE FROM s."at" AT TIME ZONE sh.zone) END AS minute
            FROM signins AS s JOIN accounts AS a ON a.account = s.account JOIN shifts AS sh ON sh.person = a.person
            WHERE s.success AND coalesce(sh.starts_earliest <= s."at", TRUE) AND coalesce(sh.ends_latest >= s."at", TRUE)
        ), judged AS (
            SELECT account, signin, "at", min(shift) AS shift, min(zone) AS zone,
                   count(*) - count(opens + closes + minute) AS unknown,
                   max(CASE WHEN (minute - opens + :slack + 2 * :day) % :day
                                 <= (closes - opens + :day - 1) % :day + 1 + 2 * :slack THEN 1 ELSE 0 END) AS inside
            FROM local GROUP BY account, signin, "at"
        )
        SELECT account AS subject, NULL AS about,
               'off-shift' AS code, min(shift) AS shift, min(zone) AS zone, count(*) AS times,
               strftime(max("at"), '%Y-%m-%d %H:%M') AS latest,
               'review' AS remedy
        FROM judged WHERE unknown = 0 AND inside = 0
        GROUP BY account HAVING count(*) >= :at_least
        """,
        shift=json_path(shift),
        timezone=json_path(timezone),
        zones=_zones(),
        form=_SHIFT,
        slack=slack_minutes,
        day=DAY,
        at_least=at_least,
    )


@cache
def _zones() -> tuple[str, ...]:
    # They are looked for in hundreds of folders.
    return tuple(sorted(available_timezones() - {"localtime"}))
