"""Packs of evidence in words: what to read first, the mapping of controls, and what a check found."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import TypedDict

from access_review.audit.judge import Rate
from access_review.evidence import pack
from access_review.evidence.controls import ControlEvidence
from access_review.evidence.figures import EvidenceFigures
from access_review.evidence.pack import EvidencePack, RederivedRun
from access_review.views import spreadsheet
from access_review.views.text import count, limit, listed, span, visible


class PackValue(TypedDict):
    """A pack for scripts: where it lies, the digest of its ``pack.json``, and what it says of itself."""

    folder: str
    archive: str | None
    digest: str
    head: str
    workspace: str
    runs: list[str]
    files: int
    left_out: int


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


def shown_by(run: str, stated: EvidenceFigures) -> Iterator[str]:
    """Say what the figures of a run show: how much is wrong, how much the machine missed, how late leavers are."""
    for line in stated.lines:
        if line.stratum == "rest" and line.wrong.limit_least is not None and line.missed.limit_least is not None:
            tested = f"{line.tested} of {line.drawn} drawn were tested, of {line.population:,}"
            yield f"{run}: {tested}; {_rate('wrong', line.wrong)}; {_rate('missed by the machine', line.missed)}"
    slowest = dict(stated.open_lag.percentiles).get(100)
    if slowest is not None:
        lag = stated.open_lag.accounts
        yield f"{run}: {count(lag, 'account')} of leavers not known to be off, the oldest for {span(timedelta(seconds=slowest))}"


def _rate(what: str, rate: Rate) -> str:
    found = str(rate.found_least) if rate.found_least == rate.found_most else f"{rate.found_least} to {rate.found_most}"
    most = rate.limit_most if rate.limit_most is not None else 1.0
    return f"{what} {found}, at most {limit(most)} of all"


def controls_csv(controls: Iterable[ControlEvidence]) -> bytes:
    """Return the mapping of controls as CSV."""
    rows = [(one.framework, one.control, one.measure, " ".join(one.places)) for one in controls]
    return spreadsheet.csv_bytes(("framework", "control", "measure", "where"), rows)


def readme(made: EvidencePack) -> str:
    """Return what whoever opens the folder reads first."""
    period = made.runs[0] if len(made.runs) == 1 else f"{made.runs[0]} to {made.runs[-1]}"
    notice = "\n".join(f"- {line}" for line in made.notice)
    return f"""\
Evidence of access reviews: {count(len(made.runs), "run")}, {period}
Made by access-review {made.tool} at {made.made_at:%Y-%m-%d %H:%M} UTC.

To check it, with Python 3.9 or later and its package "cryptography" and nothing else:

    python {pack.VERIFIER} .

That program is one file, written to be read. The same check by the tool, and every finding concluded again from the rows
as they were read:

    access-review evidence check .
    access-review evidence rederive .

Both take --head HEAD: the head of the logbook that you were told some other way. Ask for it. Without it, a pack whose last
weeks were taken away whole, or that was made up as a whole, looks like a pack.

What is here
  pack.json           every file with size and SHA-256, and what is left out, with why
  pack.dsse.json      who made the pack, where it was signed (in-toto, DSSE, SSH key)
  runs/logbook.jsonl  one line for each thing that happened; each holds the RFC 6962 head over all lines before it
  runs/               each run: what was read (Parquet), findings, draw, plans, signatures, journals
  runs/*/declared.json  sources, role templates and policy as they were when the run was reviewed
  tables/             the same rows as CSV: the SHA-256 of a file is the digest that manifests have of its rows
  declared/ figures/  templates and keys as values; what draws prove and how late leavers are
  controls.csv        which controls this serves, and where to look

What neither program can notice
- what nobody wrote down: a run that was thrown away before its line was written, an answer never given
- rows that a source did not show, beyond what its completeness verdicts say
- without --head or a signature that saw a later head: weeks cut off at the end, with all their traces
- who really sat at the keyboard, where a name was claimed and not signed for

Personal data in this folder
{notice}

How to get the tool in some years: its version stands above; sources and locked requirements are in its repository under
the tag of that version, and the digests of this folder do not depend on it.
"""


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
    }


def packed_text(made: EvidencePack, folder: str, archive: str | None, digest: str) -> str:
    """Say where a pack is, and what its reader is to be told some other way."""
    lines = [
        f"Evidence of {count(len(made.runs), 'run')} in {visible(folder)}"
        + (f" and {visible(archive)}" if archive else ""),
        f"{count(len(made.files), 'file')}; {count(len(made.left_out), 'file')} that the logbook knows left out, with why",
        f"Digest: {digest}",
        f"Head:   {made.head}",
        "        Tell the auditor this head some other way: without it, weeks cut off at the end are not noticed",
        f"Next:   access-review evidence check {visible(folder)} --head {made.head}",
    ]
    return "\n".join(lines)


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


class RederivedValue(TypedDict):
    """A run whose findings were concluded again; ``same`` tells whether that gave what its review says."""

    run: str
    known: str
    digest: str
    same: bool
    why_not: str


def rederived_value(again: Iterable[RederivedRun]) -> list[RederivedValue]:
    """Return what was concluded again, for scripts."""
    return [
        {
            "run": one.run,
            "known": one.known,
            "digest": one.digest,
            "same": one.digest == one.known,
            "why_not": one.why_not,
        }
        for one in again
    ]


def rederived_text(again: Sequence[RederivedRun]) -> str:
    """Say of each run whether its findings follow from what was read."""
    return "\n".join(f"{one.run}  {_again(one)}" for one in again) or "no run of the pack was reviewed"


def _again(one: RederivedRun) -> str:
    if one.why_not:
        return f"not concluded again: {visible(one.why_not)}"
    return (
        f"the same findings: {one.digest}"
        if one.digest == one.known
        else f"other findings: {one.digest}, not {one.known}"
    )
