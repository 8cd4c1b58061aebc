"""Packs of evidence in words: what to read first, the mapping of controls, and what a check found."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from functools import cache
from importlib.resources import files
from typing import TypedDict

from access_review.evidence import pack
from access_review.evidence.controls import ControlEvidence
from access_review.evidence.pack import EvidencePack
from access_review.evidence.removed import RemovedThing
from access_review.evidence.summary import RunSummary
from access_review.views.evidence_figures import shown_by
from access_review.views.text import count, listed, visible


class PackValue(TypedDict):
    """A pack for scripts: where it lies, the digest of its ``pack.json``, and what it says of itself.

    ``part_of`` is the digest of the full pack where it is a part of one.
    """

    folder: str
    archive: str | None
    digest: str
    head: str
    workspace: str
    runs: list[str]
    files: int
    left_out: int
    part_of: str | None


class CheckedValue(TypedDict):
    """What a check of a pack found, in order; nothing is good."""

    folder: str
    head: str | None
    wrong: list[str]
    said: list[str]


@cache
def verifier() -> bytes:
    """Return the second verifier as it is put into each pack: a program for its reader, and no module of this package."""
    return (files("access_review") / "views" / "templates" / f"{pack.VERIFIER}.txt").read_bytes()


UNSIGNED_PART = (
    "neither signed nor its --digest told: what no figure rests on can have been changed since (answers about units drawn "
    "for coverage, who answered, findings.csv), and all of it by whoever computes the figures anew"
)
"""What nobody can notice in a part that nobody signed."""


def shown(one: RunSummary) -> Iterator[str]:
    """Say of a run what its draw proves, how answers were given, and who signed what."""
    if one.figures:
        yield from shown_by(one.run, one.figures)
    if one.authenticated or one.claimed:
        yield assured(one.run, one.authenticated, one.claimed)
    for given in one.certificates:
        by = f"signed by {given.statement.person}" if given.statement else "which nobody signed"
        yield f"{given.place}: certifies that access of {given.person} is gone, {by}"
    for said in one.said:
        what = said.statement
        at = f"{what.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        yield f"{said.place}: {what.kind} of {what.digest[:19]} by {what.person}, authenticated, {at}"


def badly_removed(removed: Iterable[RemovedThing]) -> list[str]:
    """Say which lines that removed something do not prove what it was."""
    return [
        f"logbook line {one.line}: says of {path}, which it removed, another digest than lines before, or none"
        for one in removed
        for path in one.wrong
    ]


def removed_shown(removed: Sequence[RemovedThing]) -> Iterator[str]:
    """Say what was removed, when and why, and which line proves it."""
    for one in removed[-_MOST_REMOVED:]:
        what = f"{count(len(one.digests), 'file')} known by digest"
        yield f"{one.name}: removed on {one.at:%Y-%m-%d} ({one.why}); line {one.line} of the logbook has {what}"
    if (more := len(removed) - _MOST_REMOVED) > 0:
        yield f"{count(more, 'line')} before removed more: removed.csv has all"


_MOST_REMOVED = 6


def without_evidence(controls: Sequence[ControlEvidence]) -> str:
    """Say for which controls a pack holds nothing; empty where there is something for each."""
    names = [f"{one.framework} {one.control}" for one in controls]
    return f"nothing in it for {listed(names, most=12)}" if names else ""


def assured(run: str, authenticated: int, claimed: int) -> str:
    """Say how many answers of reviewers were given by people known, and by people merely named."""
    return f"{run}: {count(authenticated + claimed, 'answer')}: {authenticated} authenticated, {claimed} claimed"


def packed_value(made: EvidencePack, folder: str, archive: str | None, digest: str) -> PackValue:
    """Return a pack for scripts."""
    return {
        "folder": folder,
        "archive": archive,
        "digest": digest,
        "head": made.head,
        "workspace": made.workspace,
        "runs": list(made.runs),
        "files": len(made.files),
        "left_out": len(made.left_out),
        "part_of": made.part.of if made.part else None,
    }


def packed_text(made: EvidencePack, folder: str, archive: str | None, digest: str) -> str:
    """Say where a pack is, and what its reader is to be told some other way."""
    rest = f"{count(len(made.left_out), 'file')} that the logbook knows left out, with why"
    if made.part:
        rest = f"a part of the pack with the digest {made.part.of}; README.txt says what it cannot show"
    lines = [
        f"Evidence of {count(len(made.runs), 'run')} in {visible(folder)}"
        + (f" and {visible(archive)}" if archive else ""),
        f"{count(len(made.files), 'file')}; {rest}",
        f"Digest: {digest}",
        f"Head:   {made.head}",
        "        Tell the auditor both some other way: without the head, weeks cut off at the end are not noticed",
        f"Next:   access-review evidence check {visible(folder)} --head {made.head}",
    ]
    return "\n".join(lines)


NOT_CONCLUDED = (
    "findings were counted and not concluded again: evidence rederive does that, check_evidence.py of three rules"
)
"""What a check says of what it does not show."""


def checked_value(folder: str, head: str | None, wrong: Sequence[str], said: Sequence[str]) -> CheckedValue:
    """Return what a check found, for scripts."""
    return {"folder": folder, "head": head, "wrong": list(wrong), "said": list(said)}


def checked_text(folder: str, wrong: Sequence[str], said: Sequence[str]) -> str:
    """Say what a check found: the first thing that is wrong first."""
    lines = [f"{visible(folder)}: not as it was made; {count(len(wrong), 'thing')} wrong"] if wrong else []
    lines += [f"  {visible(one)}" for one in wrong[:20]]
    if len(wrong) > 20:
        lines.append(f"  and {len(wrong) - 20:,} more: --json has all")
    if not wrong:
        lines.append(f"{visible(folder)}: everything is as it was made")
    return "\n".join([*lines, *(f"  {visible(one)}" for one in said)])
