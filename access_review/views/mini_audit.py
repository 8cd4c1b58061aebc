"""The mini-audit in words: the drawn controls, where their evidence is, what to ask, and what was answered."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from access_review.model import JsonObject
from access_review.scorecard.follow_up import FollowUp
from access_review.scorecard.mini_audit import MiniAudit, Question
from access_review.views.terminal import wrapped
from access_review.views.text import count, day, shorten, visible

_SENTENCES = {
    Question.POPULATION: "Name two people from elsewhere (payroll, a badge list): are they, and all their accounts, in the tables?",
    Question.FINDINGS: "Take one open finding and one closed one: does the system itself say the same today?",
    Question.DRAW: "Repeat the draw from its key: are the same people in the sample, and was the key promised before?",
    Question.DECISIONS: "Take two answers: did that person give them, and can they say why?",
    Question.BATCHES: "Take one change: who asked, who approved, who carried it out, and is the access gone today?",
    Question.DECLARED: "Take one change of a template since the last quarter: who reviewed it, and what did it do to findings?",
    Question.LOGBOOK: "Is the head that was noted outside, a quarter ago, one of this logbook (evidence check --head)?",
    Question.FIGURES: "Compute one figure by hand from the tables: is it what the evidence states?",
    Question.FOLLOW_UP: "Take one step or statement: did that person make it, and does its link still show what they saw?",
    Question.CUSTODY: "Take one shared account: who knows its secret, and was it changed when the last of them left?",
}


def text(made: MiniAudit, opened_at: datetime, answers: Sequence[FollowUp], *, width: int = 80) -> str:
    """Show the drawn controls with evidence, questions and answers, in lines of ``width`` columns."""
    return "\n".join(_lines(made, opened_at, answers, width))


def _lines(made: MiniAudit, opened_at: datetime, answers: Sequence[FollowUp], width: int) -> Iterator[str]:
    how = "promised before it was read" if made.key.committed else "uncommitted: nobody had promised it"
    yield f"Mini-audit of {made.quarter}, opened {day(opened_at)}"
    yield wrapped(f"Drawn by the key of {made.key.run}, {how}", width)
    last = {one.text("control"): one for one in answers}
    for one in made.controls:
        yield ""
        yield wrapped(f"{one.control}: {one.measure}", width, "  ")
        said = last.get(one.control)
        if said:
            who = visible(said.person.rpartition(":")[2])
            yield shorten(f"  {said.text('answer')}, by {who} on {day(said.at)}: {visible(said.text('note'))}", width)
        else:
            yield "  not answered"
        if not one.evidence:
            yield "  no evidence: that is the answer, unless there is some elsewhere"
        for path, digest in one.evidence:
            yield shorten(f"  {path}  {digest.rpartition(':')[2][:12]}", width)
        if one.files > len(one.evidence):
            yield f"  the newest of {count(one.files, 'file')}"
        yield from (wrapped(f"  ? {_SENTENCES[question]}", width, " " * 4) for question in one.questions)
    if open_ := [one.control for one in made.controls if one.control not in last]:
        yield ""
        yield f'Next: access-review mini-audit answer "{open_[0]}" works --by YOU --link WHERE --note TEXT'


def value(made: MiniAudit, opened_at: datetime, answers: Sequence[FollowUp]) -> JsonObject:
    """Return the mini-audit for scripts."""
    return {
        "quarter": made.quarter,
        "opened_at": opened_at.isoformat(),
        "run": made.key.run,
        "key": made.key.key,
        "committed": made.key.committed,
        "root": made.root,
        "controls": [
            {
                "control": one.control,
                "measure": one.measure,
                "evidence": [{"path": path, "digest": digest} for path, digest in one.evidence],
                "files": one.files,
                "questions": [{"code": str(code), "asks": _SENTENCES[code]} for code in one.questions],
                "answers": [
                    {"person": said.person, "at": said.at.isoformat(), "assurance": said.assurance, **said.said}
                    for said in answers
                    if said.text("control") == one.control
                ],
            }
            for one in made.controls
        ],
    }
