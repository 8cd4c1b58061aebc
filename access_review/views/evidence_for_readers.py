"""The files of a pack of evidence that are written for readers and programs; all of them follow from the rest of it."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC

import rfc8785

from access_review.evidence import pack
from access_review.evidence.controls import CONTROLS, ControlEvidence, is_there
from access_review.evidence.pack import EvidencePack
from access_review.evidence.provenance import PROVENANCE
from access_review.evidence.removed import REMOVED, RemovedThing, removed_rows
from access_review.evidence.summary import ANSWERS, RunSummary, controls_without
from access_review.views import oscal
from access_review.views.evidence import removed_shown
from access_review.views.evidence_figures import shown_by
from access_review.views.spreadsheet import csv_bytes
from access_review.views.text import count

_CONTROLS = ("framework", "control", "evidence", "measure", "where", "nothing in")
_SAID = ("run", "what", "who", "how known", "when", "of", "where")
_FIGURES = (
    "run", "of", "population", "drawn", "tested", "wrong least", "wrong most", "wrong at most of all",
    "missed least", "missed most", "missed at most of all", "confidence",
)  # fmt: skip


def for_readers(
    made: EvidencePack,
    runs: Sequence[RunSummary],
    places: Collection[str],
    removed: Sequence[RemovedThing],
) -> dict[str, bytes]:
    """Return the files of a pack that are written for readers and programs, by path; all follow from the rest of it.

    ``places`` is where evidence is: its files, and the kinds of rows of its stores.
    """
    places = {*places, "provenance.csv"}
    without = controls_without(places, runs)
    results = oscal.assessment_results(made, runs, without)
    gone = {"removed.csv": csv_bytes(REMOVED, list(removed_rows(removed)))} if removed else {}
    return {
        **gone,
        "README.txt": readme(made, runs, without, removed).encode(),
        "controls.csv": csv_bytes(_CONTROLS, list(_control_rows(places, without))),
        "said.csv": csv_bytes(_SAID, [*_statement_rows(runs), *_certificate_rows(runs), *_answer_rows(runs)]),
        "answers.csv": csv_bytes(ANSWERS, [row for run in runs for row in run.answers]),
        "provenance.csv": csv_bytes(PROVENANCE, [row for run in runs for row in run.provenance]),
        "figures.csv": csv_bytes(_FIGURES, list(_figure_rows(runs))),
        oscal.PATH: rfc8785.dumps(results) + b"\n",
    }


def _control_rows(places: Collection[str], without: Collection[ControlEvidence]) -> Iterator[tuple[str, ...]]:
    for one in CONTROLS:
        served = one not in without
        there = {place for place in one.places if served and is_there(place, places)}
        yield (
            one.framework,
            one.control,
            "yes" if served else "no",
            one.measure,
            " ".join(place for place in one.places if place in there),
            " ".join(place for place in one.places if place not in there),
        )


def _statement_rows(runs: Iterable[RunSummary]) -> Iterator[tuple[str, ...]]:
    for run in runs:
        for one in run.said:
            said = one.statement
            at = said.at.astimezone(UTC).isoformat()
            yield run.run, str(said.kind), said.person, "authenticated", at, said.digest, one.place


def _certificate_rows(runs: Iterable[RunSummary]) -> Iterator[tuple[str, ...]]:
    for run in runs:
        for one in run.certificates:
            signed = ("", "nobody signed it", "")
            if one.statement:
                signed = (one.statement.person, "authenticated", one.statement.at.astimezone(UTC).isoformat())
            yield run.run, f"certificate: access of {one.person} is gone", *signed, one.digest, one.place


def _answer_rows(runs: Iterable[RunSummary]) -> Iterator[tuple[str, ...]]:
    for run in runs:
        for how, number in (("authenticated", run.authenticated), ("claimed", run.claimed)):
            if number:
                yield run.run, "answers", "", how, "", str(number), "answers.csv"


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
    parts = [
        ("Controls without evidence here (controls.csv has all)", lacking or ["none"]),
        (
            "Who stood behind what (said.csv has each, answers.csv each answer; claimed: a name was written, nobody proved it)",
            list(_stood_behind(runs)),
        ),
        _misses(runs),
    ]
    if removed:
        parts.append(("What was removed (removed.csv has each file with its digest)", list(removed_shown(removed))))
    return "\n\n".join(f"{head}\n" + "\n".join(f"- {line}" for line in lines) for head, lines in parts)


def _stood_behind(runs: Sequence[RunSummary]) -> Iterator[str]:
    """Say how much was signed by whom, how answers were given, and which of the last audits were signed off."""
    kinds = Counter((one.statement.kind, one.statement.person) for run in runs for one in run.said)
    for (kind, person), number in sorted(kinds.items()):
        yield f"{kind} by {person}, authenticated: {number}"
    authenticated, claimed = sum(run.authenticated for run in runs), sum(run.claimed for run in runs)
    yield f"answers of reviewers: {authenticated:,} authenticated, {claimed:,} claimed"
    if given := [one for run in runs for one in run.certificates]:
        signed = sum(bool(one.statement) for one in given)
        yield f"certificates of removed access: {len(given)}, {signed} signed"
    for run in runs[-6:]:
        yield f"audit {run.run}: {f'signed off by {run.signed_off}' if run.signed_off else 'not signed off'}"


def _misses(runs: Sequence[RunSummary]) -> tuple[str, list[str]]:
    """Return the heading and the lines on how much the review itself missed, by the newest draw with answers."""
    drawn = [run.figures for run in runs if run.figures and run.figures.lines]
    answered = [one for one in drawn if any(line.stratum == "rest" and line.tested for line in one.lines)]
    last = next(reversed(answered or drawn), None)
    sure = list(shown_by(last.run, last)) if last else ["no run had a draw: nothing is known of misses"]
    if answered and drawn[-1] is not answered[-1]:
        sure.append(f"{drawn[-1].run}: drawn, and not answered yet")
    by = ""
    if last and last.confidence:
        by = f", by the newest draw with answers and with {last.confidence:.0%} confidence"
    return f"The review's own misses{by} (figures.csv has all)", sure


def readme(
    made: EvidencePack,
    runs: Sequence[RunSummary],
    without: Collection[ControlEvidence],
    removed: Sequence[RemovedThing],
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
- what somebody who may write to runs/ wrote there before the head was told, where it follows from nothing else: the rows
  that a source showed, an answer that nobody signed, what a server said to a batch
- who really sat at the keyboard, where a name was claimed and not signed for
- {pack.VERIFIER} alone, without --digest: what this file, the other .csv beside it and oscal/ say, and
  whether declared/ is what the files of the workspace say; the tool holds these to the rest
- {pack.VERIFIER} alone: whether a draw aims at what roles/policy.yaml asks for of single clients, which "evidence check" looks
  at; what the machine had found of each question, and which of them were test rows, which "evidence rederive" lists again

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
