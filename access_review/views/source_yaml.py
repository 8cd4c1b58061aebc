"""A drafted source, policy or template as commented YAML: each line with why it is so."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from access_review.draft.sources import OptionLine, SourceDraft
from access_review.draft.templates import DraftBundle, DraftLine, DraftTemplate
from access_review.views.text import visible

_SCHEMA = "# yaml-language-server: $schema={}schemas/{}.schema.json"


def source(drafted: SourceDraft) -> str:
    """Write one file of ``sources/``."""
    return "\n".join(_source_lines(drafted)) + "\n"


def _source_lines(drafted: SourceDraft) -> Iterator[str]:
    yield _SCHEMA.format("../roles/", "source")
    yield from (_comment(line) for line in drafted.about)
    yield from (_comment(f"LOOK: {doubt}") for doubt in drafted.doubts)
    yield f"connector: {drafted.connector}"
    yield "options:"
    yield from (f"  {line}" for line in _options(drafted.options))
    if drafted.columns:
        yield "  columns:"
        yield from (f"    {line}" for line in _options(drafted.columns))
    if any(rung.possible for rung in drafted.match):
        yield "match:"
    for rung in drafted.match:
        yield f"  {_comment(rung.because)}"
        ignoring = f", ignoring: {rung.ignoring}" if rung.ignoring else ""
        certain = "" if rung.certain else ", certain: false"
        line = f"- {{on: [{rung.account}, {rung.person}]{ignoring}{certain}}}"
        yield f"  {line}" if rung.possible else f"  # not possible as it stands: {line}"


def _options(lines: Sequence[OptionLine]) -> Iterator[str]:
    for line in lines:
        if line.because:
            yield _comment(line.because)
        yield f"{_key(line.name)}: {_value(line.value)}"


def policy(organisation: str) -> str:
    """Write ``roles/policy.yaml`` of a new workspace."""
    return "\n".join(
        (
            _SCHEMA.format("", "policy"),
            "# What is not given here has its default; the editor knows what may be set.",
            f"organisation: {_value(organisation)}",
            "",
        )
    )


def template(drafted: DraftTemplate, review_by: date, *, promote: bool = False) -> str:
    """Write one drafted template: everything under ``may``, withheld lines commented out.

    With ``promote``, lines that all hold and that nothing speaks against are duties, under ``must``.
    """
    lines = [
        _SCHEMA.format("../", "template"),
        _comment(
            f"Drafted from what {len(drafted.people):,} people hold today: a proposal, to be read by somebody who knows the work."
        ),
        *(_comment(f"ASK: {question}") for question in drafted.questions),
        f"role: {_value(drafted.name)}",
    ]
    # Of nobody in particular is everybody of any kind.
    who = ", ".join(f"{_key(name)}: {_value(list(values))}" for name, values in drafted.who or (("kind", ("*",)),))
    lines.append(f"who: {{{who}}}")
    duties = [line for line in drafted.lines if promote and line.held_by_all and not line.withheld]
    if duties:
        lines.append("must:")
        lines += [f"  - {_value(line.pattern)}  # {visible(line.note)}; promoted" for line in duties]
    others = [line for line in drafted.lines if line not in duties]
    if any(not line.withheld for line in others):
        lines.append("may:")
    for line in others:
        lines += _template_line(line)
    if drafted.undecided:
        lines.append("  # Some of them hold these, and no template allows them: decide.")
        lines += [f"  # - {_value(line.pattern)}  {visible(line.note)}" for line in drafted.undecided]
    return "\n".join((*lines, f"review_by: {review_by.isoformat()}", ""))


def _template_line(line: DraftLine) -> Iterator[str]:
    yield from (f"  {_comment(f'{caution.kind}: {caution.sentence}')}" for caution in line.cautions)
    mark = "  # " if line.withheld else "  "
    all_of_them = "; held by all: a person may promote it to must" if line.held_by_all else ""
    yield f"{mark}- {_value(line.pattern)}  # {visible(line.note)}{all_of_them}"


def bundle_template(drafted: DraftBundle, patterns: Sequence[str], people: Sequence[str], review_by: date) -> str:
    """Write a bundle as a template that nobody has yet: a person gives it a name and says who has it, or leaves it."""
    lines = [
        _SCHEMA.format("../../", "template"),
        _comment(f"{drafted.note}. Who are they? Name the role, say under who what they have in common, or leave it."),
        _comment(f"Held together by {', '.join(people)}."),
        *(_comment(f"{caution.kind}: {caution.sentence}") for caution in drafted.cautions),
        f"role: {_value(drafted.name)}",
        "may:",
        *(f"  - {_value(pattern)}" for pattern in patterns),
    ]
    return "\n".join((*lines, f"review_by: {review_by.isoformat()}", ""))


def bundle(drafted: DraftBundle, names: Mapping[str, str]) -> str:
    """Say a bundle that no attribute explains in one line."""
    held = ", ".join(visible(names.get(one, one)) for one in drafted.entitlements)
    return f"{visible(drafted.name)}: {len(drafted.people):,} people hold {held}"


def _comment(text: str) -> str:
    return f"# {visible(text)}"


def _key(name: str) -> str:
    return (
        name
        if _PLAIN_KEY.fullmatch(name) and name.casefold() not in _READ_OTHERWISE
        else json.dumps(name, ensure_ascii=False)
    )


def _value(value: Any) -> str:
    """Write a value so that YAML reads it as what it is: JSON is YAML."""
    if isinstance(value, str) and value.isascii() and value.replace("_", "").replace("-", "").isalpha():
        return value if value.casefold() not in _READ_OTHERWISE else json.dumps(value)
    return json.dumps(value, ensure_ascii=False)


_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_READ_OTHERWISE = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})
