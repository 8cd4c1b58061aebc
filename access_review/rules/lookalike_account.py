"""Accounts whose names are made to be taken for another's."""

import unicodedata

from access_review.model import Family, Relation, Severity
from access_review.rules import rule, select

# Letters of other scripts drawn like Latin ones, after the confusables of Unicode TR 39.
_HOMOGLYPHS = {
    "a": "аɑα",
    "b": "Ьƅ",
    "c": "сϲ",
    "d": "ԁ",
    "e": "еҽ",
    "g": "ɡց",
    "h": "һհ",
    "i": "іıιɩ",
    "j": "јϳ",
    "k": "кκ",
    "l": "ӏΙІ|",
    "m": "м",
    "n": "ոп",
    "o": "оοσօ",
    "p": "рρ",
    "q": "ԛգ",
    "r": "гᴦ",
    "s": "ѕꜱ",
    "t": "тτ",
    "u": "ʋυս",
    "v": "νѵᴠ",
    "w": "ѡԝա",
    "x": "хχ",
    "y": "уγү",
    "z": "ᴢ",
}
_LATIN = (0x00C0, 0x0250)
_LATIN_MORE = (0x1E00, 0x1F00)
_FULL_WIDTH = (0xFF01, 0xFF5F)
_INVISIBLE = (*range(0x0300, 0x0370), 0x00AD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF)


@rule(
    family=Family.OWNERSHIP,
    severity=Severity.MEDIUM,
    needs=("people", "accounts"),
    whole=("accounts",),
    controls=("iso27001:A.5.16", "soc2:CC6.1", "soc2:CC7.2"),
    sentences={
        "lookalike": "{name} can be taken for {taken_for}, which belongs to {belongs_to}; it belongs to [{holder}|nobody known]",
    },
)
def check() -> Relation:
    """Human accounts whose folded sign-in name is that of another person's account.

    Folding ignores case, accents, invisible marks and the domain, and takes 0 for o, 1
    for l, rn for m, vv for w, and letters of other scripts for the Latin ones they look
    like. Among accounts of one folded name the most trusted is the one that belongs to
    a person, certainly, and is oldest; each account of somebody else or of nobody is
    held against it. Two accounts of nobody say nothing. Never a match, only a finding.
    """
    alien, latin = lookalikes()
    return select(
        """
        WITH human AS (
            SELECT account, person, name, principal_name FROM accounts WHERE kind = 'human' AND coalesce(enabled, TRUE)
        ), named AS (
            SELECT account, person, name FROM human WHERE name IS NOT NULL
            UNION ALL
            SELECT account, person, principal_name FROM human
            WHERE coalesce(split_part(principal_name, '@', 1) <> split_part(name, '@', 1), principal_name IS NOT NULL)
        ), plain AS (
            SELECT account, person,
                   lower(split_part(CASE WHEN regexp_matches(name, '[^ -~]') THEN translate(name, :alien, :latin)
                                         ELSE name END, '@', 1)) AS name
            FROM named
        ), folded AS (
            SELECT account, person, replace(replace(translate(name, '01|', 'oll'), 'rn', 'm'), 'vv', 'w') AS folded
            FROM plain WHERE name <> ''
        ), shared AS (
            SELECT folded FROM folded GROUP BY folded
            HAVING min(person) <> max(person) OR (count(person) > 0 AND count(person) < count(*))
        ), ranked AS (
            SELECT a.account, a.person, coalesce(a.name, a.principal_name) AS shown, folded.folded,
                   row_number() OVER (
                       PARTITION BY folded.folded
                       ORDER BY CASE WHEN a.person IS NULL THEN 2 WHEN a.certain THEN 0 ELSE 1 END,
                                CASE WHEN a.created_at IS NULL THEN 1 ELSE 0 END, a.created_at, a.account) AS place
            FROM folded JOIN shared ON shared.folded = folded.folded JOIN accounts AS a ON a.account = folded.account
        )
        SELECT other.account AS subject, first.account AS about,
               'lookalike' AS code, min(other.shown) AS name, min(first.shown) AS taken_for,
               min(coalesce(p.name, first.person)) AS belongs_to, min(coalesce(o.name, other.person)) AS holder,
               'review' AS remedy
        FROM ranked AS first JOIN ranked AS other ON other.folded = first.folded
             LEFT JOIN people AS p ON p.person = first.person
             LEFT JOIN people AS o ON o.person = other.person
        WHERE first.place = 1 AND other.place > 1 AND first.person IS NOT NULL
          AND coalesce(other.person <> first.person, TRUE)
        GROUP BY other.account, first.account
        """,
        alien=alien,
        latin=latin,
    )


def lookalikes() -> tuple[str, str]:
    """Return characters and, place by place, the ASCII ones they look like; those beyond the second are dropped."""
    pairs = {char: latin for latin, chars in _HOMOGLYPHS.items() for char in chars}
    for start, end in (_LATIN, _LATIN_MORE, _FULL_WIDTH):
        for char in map(chr, range(start, end)):
            base = unicodedata.normalize("NFKD", char)[0]
            if base.isascii():
                pairs.setdefault(char, base.lower())
    return "".join(pairs) + "".join(map(chr, _INVISIBLE)), "".join(pairs.values())
