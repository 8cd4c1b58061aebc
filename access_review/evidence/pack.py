"""What a pack of evidence holds of a workspace, and what it says of itself.

A pack is a folder that lies as a workspace does, so that what checks one checks the other:
``runs/`` with the logbook and the files it knows, ``tables/`` with the same rows as CSV, whose
SHA-256 is the digest that manifests have of them, ``declared/`` and ``figures/`` with what a
second verifier computes anew. What the logbook knows and the pack does not hold is named, with why.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import rfc8785

from access_review.logbook.known import KnownThings
from access_review.logbook.lines import FileMark

OF_NO_RUN = ("approvals", "waivers")
"""Folders of ``runs/`` with what people signed that belongs to no run, and its words."""
RUNS, TABLES, DECLARED, FIGURES, STANDING = "runs", "tables", "declared", "figures", "roles/approvals"
"""The folders of a pack."""
LOCK = "tool/requirements.txt"
"""What the tool that made the pack was installed with: every package with its version and hashes."""
VERIFIER = "check_evidence.py"
"""The second verifier: one file, which needs nothing of this tool."""
MANIFEST = "pack.json"
ENVELOPE = "pack.dsse.json"
"""Who made the pack, where they signed it: an in-toto statement over ``pack.json`` in a DSSE envelope."""

BASIS = ("manifest.json", "review.json", "findings.parquet", "owners.parquet")
"""What the first run of a pack is compared with: these files of the run before it."""
ACCEPTED = ("manifest.json", "snapshot/grants.parquet", "snapshot/completeness.parquet")
"""What tickets are held against: these files of the run that was accepted last when another was reviewed."""


class LeftOutReason(StrEnum):
    """Why a file that the logbook knows is not in a pack."""

    OTHER_RUN = "of a run outside the period"
    KEY_TO_COME = "it holds the key of a draw to come"


@dataclass(frozen=True, slots=True)
class LeftOutFile:
    """A file or store that the logbook knows and the pack does not hold."""

    path: str
    why: LeftOutReason


LEAVES = "leaves.txt"
"""In a part of a pack, in place of the logbook: the hash of each line (RFC 6962), from which the heads follow."""
SIGNER = "signer.json"
"""In a part of a pack: whose key signed it."""
PART = "part"
"""The folder of a part with what it has of each run."""


@dataclass(frozen=True, slots=True)
class PackPart:
    """What of a pack another is: of one client alone, or with pseudonyms in the place of people.

    ``of`` is the digest of ``pack.json`` of the full one, ``cannot`` what cannot be shown from the part.
    """

    of: str
    client: str | None
    pseudonyms: bool
    cannot: tuple[str, ...]


CANNOT = (
    "findings cannot be concluded again: the rows of other people, their names and the templates are not in it",
    "the draw's population is not in it whole, so that its root and the counts of other parts are not shown",
    "plans, signatures under them, journals and answers are not in it as they were signed and chained",
)
"""What nobody can show from a part of a pack."""
CANNOT_UNDER_PSEUDONYMS = (
    "names and mail addresses feed templates and look-alikes, and which units were drawn follows from their real ids",
)


@dataclass(frozen=True, slots=True)
class EvidencePack:
    """What a pack says of itself: ``files`` are all others in its folder, ``head`` is that of the logbook in it.

    ``runs`` are those of the period, oldest first; ``basis`` is the run before them, of which only
    what findings are compared with is there (none in the first run of a workspace).
    """

    workspace: str
    head: str
    tool: str
    made_at: datetime
    runs: tuple[str, ...]
    basis: str | None
    files: Mapping[str, FileMark]
    left_out: tuple[LeftOutFile, ...]
    notice: tuple[str, ...]
    lock: str = ""
    """Digest of the locked requirements of the tool that made the pack, which are in it too; empty where it has none."""
    part: PackPart | None = None
    """Of which pack it is a part; null in a full one."""


@dataclass(frozen=True, slots=True)
class RederivedRun:
    """The findings of a run concluded again: ``digest`` is what came out, ``known`` what its review says.

    ``unknowable``: this version cannot conclude them again, since `prune` removed what they were compared with, or a version
    before this one concluded them in another form. ``others`` are what is said beside the findings and was concluded otherwise,
    of whom was drawn and what was asked too; ``not_shown`` is why the latter cannot be said, empty where it can.
    """

    run: str
    known: str
    digest: str
    why_not: str = ""
    unknowable: bool = False
    others: tuple[str, ...] = ()
    not_shown: str = ""

    @property
    def same(self) -> bool:
        """Tell whether all that was concluded again is what the pack says."""
        return self.digest == self.known and not self.others


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the files and stores that a logbook knows go into a pack, by path below ``runs/``."""

    taken: tuple[str, ...]
    left_out: tuple[LeftOutFile, ...]


def select_files(
    known: KnownThings, runs: Collection[str], besides: Mapping[str, Collection[str]], secret: Collection[str]
) -> Selection:
    """Choose the files of some runs, and ``besides`` of others those that their findings were compared with."""
    taken, left_out = [], []
    for path in sorted({*known.files, *known.stores}):
        run, _, file = path.partition("/")
        if path in secret:
            left_out.append(LeftOutFile(path, LeftOutReason.KEY_TO_COME))
        elif not file or run in runs or run in OF_NO_RUN or file in besides.get(run, ()):
            taken.append(path)
        else:
            left_out.append(LeftOutFile(path, LeftOutReason.OTHER_RUN))
    return Selection(tuple(taken), tuple(left_out))


def in_toto(digest: str, made: EvidencePack) -> bytes:
    """Return the in-toto statement (v1) of a pack, canonical; ``digest`` is that of the bytes of ``pack.json``."""
    return rfc8785.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": MANIFEST, "digest": {"sha256": digest.removeprefix("sha256:")}}],
            "predicateType": "urn:access-review:evidence:v1",
            "predicate": {
                "workspace": made.workspace,
                "head": made.head,
                "runs": list(made.runs),
                "tool": f"access-review {made.tool}",
                "madeAt": made.made_at.isoformat(),
            },
        }
    )


IN_TOTO = "application/vnd.in-toto+json"
"""The type of what the envelope of a pack holds."""


def message(statement: bytes) -> bytes:
    """Return the bytes that are signed of a pack: DSSE's encoding (protocol 1.0) of the type and the statement."""
    return b"DSSEv1 %d %s %d %s" % (len(IN_TOTO), IN_TOTO.encode(), len(statement), statement)


NOTICE = (
    "Names, mail addresses, employee ids, managers, titles and last days of the people in the rosters, as CSV and Parquet.",
    "Accounts of these people, what they hold, when accounts were last used and, where sign-ins are loaded, from which country.",
    "Who reviewed what, what they answered and how long they took; who asked for, approved and carried out changes.",
    "Keep it as long as the control it serves asks for (HIPAA: 6 years; others as policy says) and no longer.",
    "Whoever has the folder can read it: hand it over encrypted.",
)
"""Which personal data a pack holds."""
