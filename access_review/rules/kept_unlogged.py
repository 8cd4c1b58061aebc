"""Exceptions that are used and in no log."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.GOVERNANCE,
    severity=Severity.HIGH,
    needs=("accounts", "grants"),
    nothing_without=("kept",),
    controls=("soc2:CC4.1", "iso27001:A.5.18"),
    sentences={
        "kept": "{reviewer} kept it on {kept_on} against {against} for {subject_name}[ about {about_name}]; no waiver accepts it",
    },
    subject="{against} for {subject_name}[ about {about_name}]",
)
def check() -> Relation:
    """Findings that a reviewer answered with keep, that are open still, and that no waiver accepts.

    The subject is the finding, which is about access: what says that the review fell short is kept by nobody. It ends when a waiver is logged and approved, when the
    access goes, or when a later review says revoke.
    """
    return select(
        """
        WITH open_still AS (
            SELECT finding, min(reviewer) AS reviewer, min(kept_at) AS kept_at
            FROM kept AS k
            WHERE EXISTS (SELECT 1 FROM accounts AS a WHERE a.account = k.object)
               OR EXISTS (SELECT 1 FROM grants AS g WHERE g.account = k.account AND g.entitlement = k.object)
            GROUP BY finding
        )
        SELECT f.finding AS subject, NULL AS about,
               'kept' AS code, k.reviewer, strftime(k.kept_at, '%Y-%m-%d') AS kept_on, f.rule AS against,
               coalesce(f.subject_name, f.subject) AS subject_name, coalesce(f.about_name, f.about) AS about_name,
               'fix' AS remedy
        FROM open_still AS k JOIN previous_findings AS f ON f.finding = k.finding
        WHERE f.status IN ('new', 'open')
          AND f.rule NOT IN ('kept-unlogged', 'not-reviewed', 'not-reviewed-again', 'repeat-finding')
          AND NOT EXISTS (
            SELECT 1 FROM valid_waivers AS w
            WHERE w.rule = f.rule AND w.subject = f.subject AND coalesce(w.about, '') = coalesce(f.about, ''))
        """
    )
