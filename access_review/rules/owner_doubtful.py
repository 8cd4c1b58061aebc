"""Accounts whose certain owner something speaks against."""

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select


@rule(
    family=Family.OWNERSHIP,
    local=True,
    severity=Severity.MEDIUM,
    needs=("people", "assignments", "accounts"),
    nothing_without=("doubts",),
    controls=("iso27001:A.5.16", "soc2:CC6.1", "soc2:CC6.2", "nist:PS-4"),
    sentences={
        "mail": "belongs to {owner}, who left ({link}), and a mail address leads to {other}, who has not",
        "name": "belongs to {owner}, who left ({link}), and its name is that of {other}, who has not",
        "owner": "belongs to {owner}, who left ({link}), and {other}, who has not, answers for it",
        "namesake": "belongs to {owner}, who left ({link}); {other} of the same name began about then",
        "changed": "belonged to {other} before, and now leads to {owner} ({link})",
        "renumbered": "the number of {owner} was that of {former} before[, who is {other} now]",
        "id": "leads to {owner} ({link}); the number beside it, {former}, [is that of {other}|is nobody's]",
        "denied": "leads to {owner} ({link}), which not_same of a source file denies",
    },
)
def check() -> Relation:
    """Accounts matched to a person for certain that may well be another's.

    A leaver's account whose mail, name or owner is that of somebody who has not left;
    one of a leaver with a namesake who began within 30 days before to 90 after the end,
    or nobody knows when; one whose owner is another than in the run before, or whose
    owner's number was another person's; one joined by a name or mail although the id
    beside it is another person's, or of a leaver and nobody's. A namesake employed all along doubts nothing.

    Nothing is planned on such an account until a person has settled it in a source
    file: ``same`` with the account and its person, or ``not_same`` with the account (or
    the owner) and the other.
    """
    return select(
        """
        SELECT d.account AS subject, nullif(d.other, '') AS about, d.code, d.owner_name AS owner, d.other_name AS other,
               d.former, a.link, 'review' AS remedy
        FROM doubts AS d JOIN accounts AS a ON a.account = d.account
        """
    )
