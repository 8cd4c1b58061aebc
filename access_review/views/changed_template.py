"""A template with proposals written into it, comments and order kept; and the proposals in words."""

from collections.abc import Iterator, Sequence
from datetime import date
from io import StringIO
from itertools import groupby
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from access_review.draft.updates import ProposalKind, TemplateProposal
from access_review.views.text import count, visible

_LISTS = ("must", "may", "eligible")


def text(before: str, proposals: Sequence[TemplateProposal], review_by: date) -> str:
    """Return the text of a template with the proposals in it, each with its reason."""
    yaml = YAML()
    yaml.width = 1_000_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    data = yaml.load(before)
    for one in proposals:
        match one.kind:
            case ProposalKind.ADD:
                _add(data, "may", one)
            case ProposalKind.REMOVE:
                for name in _LISTS:
                    _take(data, name, one.pattern)
            case ProposalKind.PROMOTE:
                if _take(data, "may", one.pattern):
                    _add(data, "must", one)
    data["review_by"] = review_by
    out = StringIO()
    yaml.dump(data, out)
    # What goes leaves its reason behind: a reader of the change must not have to look it up.
    gone = [one for one in proposals if one.kind is ProposalKind.REMOVE]
    notes = [f"# taken out: {visible(one.pattern)}: {visible(one.sentence)}\n" for one in gone]
    return out.getvalue() + "".join(notes)


def _add(data: Any, name: str, one: TemplateProposal) -> None:
    if data.get(name) is None:
        data.insert(list(data).index("review_by") if "review_by" in data else len(data), name, CommentedSeq())
    data[name].append(one.pattern)
    if not data[name].fa.flow_style():
        data[name].yaml_add_eol_comment(visible(one.sentence), len(data[name]) - 1)


def _take(data: Any, name: str, pattern: str) -> bool:
    lines = data.get(name) or []
    for place, line in enumerate(lines):
        if str(line) == pattern:
            del lines[place]
            if not lines:
                del data[name]
            return True
    return False


def proposals_text(proposals: Sequence[TemplateProposal], templates: int, written: int, folder: str) -> str:
    """Say what is proposed, role by role."""
    return "\n".join(_lines(proposals, templates, written, folder))


def _lines(proposals: Sequence[TemplateProposal], templates: int, written: int, folder: str) -> Iterator[str]:
    if not proposals:
        yield f"Nothing is proposed: {count(templates, 'template')} fit what people hold."
        return
    for role, wanted in groupby(proposals, key=lambda one: one.role):
        yield f"{visible(role)}:"
        yield from (f"  {one.kind} {visible(one.pattern)}: {visible(one.sentence)}" for one in wanted)
    yield f"{count(written, 'changed template')} in {visible(folder)}: a person compares, decides and takes over what is right."
