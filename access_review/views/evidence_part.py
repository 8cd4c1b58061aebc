"""Parts of a pack in words: what to read first in the evidence of one client, or under pseudonyms."""

from collections.abc import Sequence

from access_review.evidence import pack
from access_review.evidence.pack import EvidencePack

POPULATION = ("unit", "part", "draw")
ANSWERS = ("item", "unit", "planted", "found", "decision", "decided on", "decided by", "how known")


def readme(made: EvidencePack, said: Sequence[str]) -> str:
    """Return what whoever opens the folder of a part reads first."""
    assert made.part is not None  # noqa: S101 - its caller writes parts
    part = made.part
    what = f"one client alone: {part.client}" if part.client else "everybody under pseudonyms"
    cannot = "\n".join(f"- {line}" for line in part.cannot)
    shown = "\n".join(f"- {line}" for line in said) or "- nothing: no run had a draw"
    about = _PSEUDONYMS if part.pseudonyms else _CLIENT
    return f"""\
Evidence of access reviews, {what}; {made.runs[0]} to {made.runs[-1]}
Made by access-review {made.tool} at {made.made_at:%Y-%m-%d %H:%M} UTC from the full pack whose pack.json has the digest
{part.of}

To check it, with Python 3.9 or later (and its package "cryptography" where the part is signed):

    python {pack.VERIFIER} . --head HEAD --digest DIGEST

The head is that of the logbook and the digest that of pack.json, which you were told some other way. Every file is held to pack.json, the heads are computed
from the hashes of the logbook's lines, and the figures from the questions and answers.

What it shows
{shown}

What cannot be shown from it
{cannot}
- where the part is not signed and you were not told its digest: that nothing was changed since that no figure rests on (answers
  about units drawn for coverage, who answered, findings.csv), or all of it together with the figures
Ask for the full pack, or let somebody whom you trust check that: its digest stands above.

What is here
  pack.json                 every file with size and SHA-256, the head, and the digest of the full pack
  {pack.LEAVES}                the hash of each line of the logbook (RFC 6962), none of which is shown
  part/*/population.csv     the units, and who was drawn
  part/*/answers.csv        what was asked of those drawn, and answered; planted: a test row, which counts in no rate
{about}"""


_CLIENT = """\
  part/*/findings.csv       what was found about people of this client, and its own things that belong to nobody
  part/*/shown.json         what the draw shows of this client alone, and what lets you choose again among its units

Nobody of another client is named in it; where text named one, it says so in brackets.
"""
_PSEUDONYMS = """\
  part/*/figures.json       what the draw shows, and how late leavers are
  tables/                   rows without names and mail addresses; ids of people and accounts are pseudonyms (HMAC-SHA256)

The key of the pseudonyms and the map to people are not in it. Where both are destroyed, nobody can tell any more who is who by
them; until then, and as long as roles and dates may point at somebody, these are personal data all the same.
"""
