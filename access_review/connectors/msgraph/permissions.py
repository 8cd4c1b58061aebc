"""Which application permissions reading and writing need, and why: the registrations ask for these and no others."""

from collections import defaultdict
from collections.abc import Iterator

from access_review.connectors.msgraph.parts import PARTS
from access_review.connectors.msgraph.reads import READS

OPTIONAL = frozenset({"Group-OnPremisesSyncBehavior.ReadWrite.All"})
"""Asked only where an option needs it."""

READING = frozenset(read.permission for read in READS) - OPTIONAL
"""What a reader needs to read everything."""


def _parts() -> dict[str, list[str]]:
    found = defaultdict(list)
    for read in READS:
        found[read.permission].append(read.part)
    return found


def reading() -> Iterator[str]:
    """Yield a table of the reader's permissions, as Markdown."""
    yield "| permission | for | without it |"
    yield "| --- | --- | --- |"
    needed = {part.name for part in PARTS if part.with_ == "always"}
    for permission in sorted(_parts()):
        reads = [read for read in READS if read.permission == permission]
        why = "; ".join(dict.fromkeys(read.why.rstrip(".") for read in reads))
        lost = " ".join(dict.fromkeys(read.lost for read in reads))
        must = any(read.part in needed and read.part != "signIns" for read in reads)
        name = f"**{permission}**" if must else permission
        yield f"| {name}{' (optional)' if permission in OPTIONAL else ''} | {why} | {lost} |"
