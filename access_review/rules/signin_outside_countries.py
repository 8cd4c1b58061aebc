"""Sign-ins from a country nobody agreed to."""

from access_review.engine.sql import json_path
from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.SIGN_INS,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "accounts", "signins"),
    nothing_without=("signins",),
    controls=("soc2:CC7.2", "iso27001:A.8.15", "iso27001:A.5.20"),
    sentences={
        "outside": "sign-ins from {country}: {times}, the last on {latest} UTC; agreed: {agreed}",
    },
)
def check(*, countries: tuple[str, ...] = (), attribute: str = "country") -> Relation:
    """Successful sign-ins from outside ``countries`` and outside the holder's own country.

    ``countries`` are agreed for everybody; ``attribute`` names the roster attribute
    with the own country of each assignment, written as the sign-in log writes
    countries. Assignments of the time of the sign-ins count. Without ``countries``,
    people of whom one has no known country are not judged; a sign-in from an unknown
    country never is.
    """
    return select(
        """
        WITH abroad AS (
            SELECT account, upper(country) AS country, count(*) AS times, min(s."at") AS earliest, max(s."at") AS latest
            FROM signins AS s
            WHERE success AND country IS NOT NULL AND coalesce(upper(country) NOT IN :countries, TRUE)
            GROUP BY account, upper(country)
        ), travellers AS (
            SELECT abroad.account, a.person, country, times, earliest, latest
            FROM accounts AS a JOIN abroad ON abroad.account = a.account
        ), home AS (
            SELECT person, starts_earliest, ends_latest, upper(json_extract_string(attributes, :attribute)) AS country
            FROM assignments WHERE person IN (SELECT person FROM travellers)
        ), compared AS (
            SELECT s.account, s.country, s.times, s.latest, min(home.country) AS own,
                   max(CASE WHEN home.country = s.country OR (:listed = '' AND home.country IS NULL) THEN 1 ELSE 0 END)
                       AS settled
            FROM travellers AS s LEFT JOIN home ON home.person = s.person
                      AND coalesce(home.starts_earliest <= s.latest, TRUE) AND coalesce(home.ends_latest >= s.earliest, TRUE)
            GROUP BY s.account, s.country, s.times, s.latest
        )
        SELECT account AS subject, country AS about,
               'outside' AS code, country, times, strftime(latest, '%Y-%m-%d %H:%M') AS latest,
               concat_ws(', ', CASE WHEN :listed <> '' THEN :listed END, own) AS agreed,
               'review' AS remedy
        FROM compared
        WHERE settled = 0
        """,
        attribute=json_path(attribute),
        countries=tuple(country.upper() for country in countries),
        listed=", ".join(sorted(country.upper() for country in countries)),
    )
