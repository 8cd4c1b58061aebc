"""A draft of templates, in words."""

from collections.abc import Iterator, Mapping, Sequence

from access_review.draft.templates import DraftLine, TemplateDraft
from access_review.views import source_yaml
from access_review.views.terminal import table
from access_review.views.text import count, visible

_LEFT_OUT = 10
_WARNED = 15
_SHOWN = 40  # templates that are named: more than anybody reads at once
_STEPS = (1, 3, 5, 10, 15, 20, 30)


def text(draft: TemplateDraft, written: int, folder: str, names: Mapping[str, str], *, promoted: bool = False) -> str:
    """Say what was drafted, how much it explains beside chance, and what it leaves."""
    duties = (
        "what all of a role hold is a must, the rest a may: a person reads each of them."
        if promoted
        else "every line is a may: a person promotes what is a duty (or --promote)."
    )
    told = (
        f"{count(written, 'template')} written to {visible(folder)}; {duties}" if written else "No template is written."
    )
    return "\n".join((*_lines(draft, folder, names), told))


def _lines(draft: TemplateDraft, folder: str, names: Mapping[str, str]) -> Iterator[str]:
    if not draft.grants:
        yield "Nothing is drafted: nobody's access is known, or no account finds its person."
        return
    yield draft.sentence
    if draft.templates:
        rows = [
            (visible(one.name), f"{len(one.people):,}", str(len(one.lines)), f"{one.newly:,}", _marks(one.lines))
            for one in draft.templates[:_SHOWN]
        ]
        yield table(("template", "people", "lines", "explains", "look at"), rows, numbers=(1, 2, 3))
        if len(draft.templates) > _SHOWN:
            yield f"and {len(draft.templates) - _SHOWN:,} more, each explaining less; --json has them all"
    warned = [(one.name, line) for one in draft.templates for line in one.lines if line.cautions]
    if warned:
        yield "Look at these lines first; what a whole team has too much is drafted like anything else:"
        yield from (
            f"  {visible(name)}: {visible(line.pattern)}{' (not drafted)' if line.withheld else ''}: {visible(line.note)}"
            for name, line in warned[:_WARNED]
        )
        if len(warned) > _WARNED:
            yield f"  and {len(warned) - _WARNED:,} more, each marked in its file"
    points = [point for point in draft.curve if point.roles in _STEPS or point is draft.curve[-1]]
    if points:
        yield "What each further template buys: " + ", ".join(f"{p.roles}: {100 * p.share:.0f} %" for p in points)
    if draft.bundles:
        yield f"Held together, and explained by no attribute (files in {visible(folder)}/bundles):"
        yield from (f"  {source_yaml.bundle(one, names)}" for one in draft.bundles)
    if draft.left_out:
        yield f"Left out: {count(len(draft.left_out), 'grant')}, the most unusual first:"
        for grant in draft.left_out[:_LEFT_OUT]:
            who, what = (visible(names.get(one, one)) for one in (grant.person, grant.entitlement))
            yield f"  {who}, {what}: {visible(grant.reason)}"


def _marks(lines: Sequence[DraftLine]) -> str:
    kinds = sorted({str(c.kind) for line in lines for c in line.cautions})
    return ", ".join(kinds)
