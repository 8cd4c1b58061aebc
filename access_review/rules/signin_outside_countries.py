"""Sign-ins from a country nobody agreed to."""

from access_review.model import Relation, Severity
from access_review.rules import rule, select


@rule(
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "accounts", "signins"),
    controls=("soc2:CC7.2", "iso27001:A.8.15", "iso27001:A.5.20"),
)
def check(*, countries: tuple[str, ...] = (), attribute: str = "country") -> Relation:
    """Successful sign-ins from outside ``countries`` and outside the holder's own country.

    ``countries`` are agreed for everybody; ``attribute`` names the roster attribute
    with a person's own, written as the sign-in log writes countries. Without
    ``countries``, people whose own country is unknown are not judged, and a sign-in
    from an unknown country never is.
    """
    return select(
        """
        WITH home AS (
            SELECT person, upper(json_extract_string(attributes, :attribute)) AS country FROM assignments
        ), known AS (
            SELECT person, min(country) AS country FROM home
            GROUP BY person HAVING count(country) > 0
        ), abroad AS (
            SELECT account, upper(country) AS country, count(*) AS times, max("at") AS "at"
            FROM signins
            WHERE success AND country IS NOT NULL AND coalesce(upper(country) NOT IN :countries, TRUE)
            GROUP BY account, upper(country)
        )
        SELECT s.account AS subject, s.country AS about,
               concat('sign-ins from ', s.country, ': ', times, ', the last on ', strftime("at", '%Y-%m-%d %H:%M'), ' UTC; agreed: ',
                      CASE WHEN :listed = '' THEN known.country
                           ELSE concat(:listed, coalesce(', ' || known.country, '')) END) AS reason,
               'review' AS remedy
        FROM abroad AS s JOIN accounts AS a ON a.account = s.account LEFT JOIN known ON known.person = a.person
        WHERE (known.person IS NOT NULL OR :listed <> '')
          AND NOT EXISTS (SELECT 1 FROM home WHERE home.person = a.person AND home.country = s.country)
        """,
        attribute=f'$."{attribute}"',
        countries=tuple(country.upper() for country in countries),
        listed=", ".join(sorted(country.upper() for country in countries)),
    )
