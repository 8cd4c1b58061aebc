"""Packs of evidence in words: what to read first, the mapping of controls, and what a check found."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC
from functools import cache
from importlib.resources import files
from typing import TypedDict

import rfc8785

from access_review.evidence import pack
from access_review.evidence.controls import CONTROLS, ControlEvidence, is_there
from access_review.evidence.pack import EvidencePack, RederivedRun
from access_review.evidence.provenance import PROVENANCE
from access_review.evidence.removed import REMOVED, RemovedThing, removed_rows
from access_review.evidence.summary import ANSWERS, RunSummary, controls_without
from access_review.views import oscal, spreadsheet
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


def for_readers(
    made: EvidencePack,
    runs: Sequence[RunSummary],
    places: Collection[str],
    removed: Sequence[RemovedThing] = (),
) -> dict[str, bytes]:
    """Return the files of a pack that are written for readers and programs, by path; all follow from the rest of it.

    ``places`` is where evidence is: its files, and the kinds of rows of its stores.
    """
    places, without = {*places, "provenance.csv"}, controls_without(places, runs)
    rows = [
        (
            one.framework,
            one.control,
            "no" if one in without else "yes",
            one.measure,
            " ".join(place for place in one.places if one not in without and is_there(place, places)),
            " ".join(place for place in one.places if one in without or not is_there(place, places)),
        )
        for one in CONTROLS
    ]
    said = [
        (
            run.run,
            str(what.kind),
            what.person,
            "authenticated",
            what.at.astimezone(UTC).isoformat(),
            what.digest,
            one.place,
        )
        for run in runs
        for one in run.said
        for what in [one.statement]
    ]
    answers = [
        (run.run, "answers", "", how, "", str(number), "answers.csv")
        for run in runs
        for how, number in (("authenticated", run.authenticated), ("claimed", run.claimed))
        if number
    ]
    said += [
        (
            run.run,
            f"certificate: access of {one.person} is gone",
            one.statement.person if one.statement else "",
            "authenticated" if one.statement else "nobody signed it",
            one.statement.at.astimezone(UTC).isoformat() if one.statement else "",
            one.digest,
            one.place,
        )
        for run in runs
        for one in run.certificates
    ]
    csv_bytes, results = spreadsheet.csv_bytes, oscal.assessment_results(made, runs, without)
    gone = {"removed.csv": csv_bytes(REMOVED, list(removed_rows(removed)))} if removed else {}
    return {
        **gone,
        "README.txt": readme(made, runs, without, removed).encode(),
        "controls.csv": csv_bytes(("framework", "control", "evidence", "measure", "where", "nothing in"), rows),
        "said.csv": csv_bytes(("run", "what", "who", "how known", "when", "of", "where"), [*said, *answers]),
        "answers.csv": csv_bytes(ANSWERS, [row for run in runs for row in run.answers]),
        "provenance.csv": csv_bytes(PROVENANCE, [row for run in runs for row in run.provenance]),
        "figures.csv": csv_bytes(_FIGURES, list(_figure_rows(runs))),
        oscal.PATH: rfc8785.dumps(results) + b"\n",
    }


_FIGURES = (
    "run", "of", "population", "drawn", "tested", "wrong least", "wrong most", "wrong at most of all",
    "missed least", "missed most", "missed at most of all", "confidence",
)  # fmt: skip


def _figure_rows(runs: Iterable[RunSummary]) -> Iterator[tuple[str, ...]]:
    for run in runs:
        if run.figures is None or run.figures.confidence is None:
            continue
        lines = [(line.stratum, line, run.figures.confidence) for line in run.figures.lines]
        lines += [(one.client, one.line, one.confidence) for one in run.figures.clients]
        for name, line, confidence in lines:
            rates = [
                (
                    str(rate.found_least),
                    str(rate.found_most),
                    "" if rate.limit_most is None else f"{rate.limit_most:.6f}",
                )
                for rate in (line.wrong, line.missed)
            ]
            counts = (str(line.population), str(line.drawn), str(line.tested))
            yield (run.run, name, *counts, *rates[0], *rates[1], f"{confidence:g}")


def _seen_in(runs: Sequence[RunSummary], without: Collection[ControlEvidence], removed: Sequence[RemovedThing]) -> str:
    """Answer what is asked first: what is not shown, who stood behind what, and how sure the review is of itself."""
    lacking = [f"{one.framework} {one.control}: {one.measure}" for one in CONTROLS if one in without]
    drawn = [run.figures for run in runs if run.figures and run.figures.lines]
    answered = [one for one in drawn if any(line.stratum == "rest" and line.tested for line in one.lines)]
    last = next(reversed(answered or drawn), None)
    sure = list(shown_by(last.run, last)) if last else ["no run had a draw: nothing is known of misses"]
    if answered and drawn[-1] is not answered[-1]:
        sure.append(f"{drawn[-1].run}: drawn, and not answered yet")
    by = (
        f", by the newest draw with answers and with {last.confidence:.0%} confidence"
        if last and last.confidence
        else ""
    )
    kinds = Counter((one.statement.kind, one.statement.person) for run in runs for one in run.said)
    ended = [
        f"audit {run.run}: {f'signed off by {run.signed_off}' if run.signed_off else 'not signed off'}" for run in runs
    ]
    given = [one for run in runs for one in run.certificates]
    certified = f"certificates of removed access: {len(given)}, {sum(bool(one.statement) for one in given)} signed"
    signed = [f"{kind} by {person}, authenticated: {number}" for (kind, person), number in sorted(kinds.items())]
    answers = f"answers of reviewers: {sum(r.authenticated for r in runs):,} authenticated, {sum(r.claimed for r in runs):,} claimed"
    parts = (
        ("Controls without evidence here (controls.csv has all)", lacking or ["none"]),
        (
            "Who stood behind what (said.csv has each, answers.csv each answer; claimed: a name was written, nobody proved it)",
            [*signed, answers, *([certified] if given else ()), *(ended[-6:] if len(ended) > 6 else ended)],
        ),
        (
            f"The review's own misses{by} (figures.csv has all)",
            sure,
        ),
        *(
            (("What was removed (removed.csv has each file with its digest)", list(removed_shown(removed))),)
            * bool(removed)
        ),
    )
    return "\n\n".join(f"{head}\n" + "\n".join(f"- {line}" for line in lines) for head, lines in parts)


def readme(
    made: EvidencePack,
    runs: Sequence[RunSummary],
    without: Collection[ControlEvidence],
    removed: Sequence[RemovedThing] = (),
) -> str:
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

Both take --head HEAD, the head of the logbook, and --digest DIGEST, that of pack.json, which you were told some other way. Ask
for both. Without the head, a pack whose last weeks were taken away whole, or that was made up as a whole, looks like a pack;
without the digest or a signature, so does one whose texts for readers were changed and its pack.json written anew.

{_seen_in(runs, without, removed)}

What is here
  pack.json           every file with size and SHA-256, and what is left out, with why
  pack.dsse.json      who made the pack, where it was signed (in-toto, DSSE, SSH key)
  runs/logbook.jsonl  one line for each thing that happened; each holds the RFC 6962 head over all lines before it
  runs/               each run: what was read (Parquet), findings, draw, plans, signatures, journals
  runs/*/certificates/  of leavers whose access is proven gone, that it is; the signature, if any, is in runs/approvals
  runs/*/declared.json  sources, role templates and policy as they were when the run was reviewed
  tables/             the same rows as CSV: the SHA-256 of a file is the digest that manifests have of its rows
  declared/ figures/  templates and keys as values; what draws prove and how late leavers are
  provenance.csv      of each source and run: what was asked, who answered, how many of how many, what was not used and why
  controls.csv        which controls this serves, which not, where to look, and where there is nothing to see
  said.csv answers.csv  who signed what; what was asked about whom, who answered what, and how that is known
  figures.csv         what each draw proves, and with which confidence
  oscal/              the same as OSCAL assessment results, for programs
  tool/               locked requirements of the tool that made this

What neither program can notice
- what nobody wrote down: a run that was thrown away before its line was written, an answer never given
- rows that a source did not show, beyond what its completeness verdicts say
- without --head or a signature that saw a later head: weeks cut off at the end, with all their traces
- who really sat at the keyboard, where a name was claimed and not signed for
- {pack.VERIFIER} alone, without --digest: what this file, the other .csv beside it and oscal/ say, and
  whether declared/ is what the files of the workspace say; the tool holds these to the rest

Personal data in this folder
{notice}

How to get the tool in some years
  check_evidence.py needs none of it, and any Python 3.9 or later. To conclude every finding again you need access-review
  {made.tool} itself, for Python 3.11. What it was installed with is {pack.LOCK}, each package with its version and SHA-256
  ({made.lock or "not in this pack"}):

    python3.11 -m venv venv
    venv/bin/pip install --require-hashes -r {pack.LOCK}
    venv/bin/pip install --no-deps access-review=={made.tool}

  Its sources are in its repository under the tag v{made.tool}; where an index has a package no more, any copy with that hash is it.
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
