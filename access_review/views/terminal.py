"""The terminal: tables in plain words, colour only where somebody looks, progress on long work."""

import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

import typer
from tabulate import tabulate

from access_review.findings.control import CONTROL_RULES
from access_review.views import judged_share
from access_review.views.groups import GroupSummary
from access_review.views.summary import RAGS, SEVERITIES, Summary, counts_of, warning_lines
from access_review.views.text import by_reason, count, moment, shorten, visible

_COLOURS = {"red": "red", "amber": "yellow", "green": "green", "critical": "red", "high": "yellow"}
NARROWEST = 60
"""Tables are drawn for at least so many columns, and wrap on what is narrower."""

_WIDE, _ROOMY = 120, 92
_BELOW = "\n  "
_MOST_LINES = 10


def wants_colour(stream: IO[str], environment: Mapping[str, str]) -> bool:
    """Tell whether to colour: on a terminal only, never with ``NO_COLOR`` or on a dumb one."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: Sequence[int] = ()) -> str:
    """Draw a table; the columns in ``numbers`` are aligned right. Cells are shown as they are: ids stay text."""
    align = ["right" if column in numbers else "left" for column in range(len(header))]
    return tabulate(rows, header, tablefmt="simple", colalign=align if rows else None, disable_numparse=True)


_SPACE, _LONG_WORD = 2, 16
_STYLED = re.compile(r"^((?:\x1b\[[0-9;]*m)+)(.*?)((?:\x1b\[0m)+)$")


def fitted(
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    width: int,
    *,
    numbers: Sequence[int] = (),
    kept: Sequence[int] = (),
) -> str:
    """Draw a table of at most so many columns of letters: what is widest goes on in lines below, and nothing is cut.

    The lines of the columns ``kept`` stay whole.
    """
    texts = [[str(cell) for cell in row] for row in rows]
    cells = [[*header], *texts]
    widest = [max(_longest(row[column]) for row in cells) for column in range(len(header))]
    least = [widest[one] if one in kept else _least(row[one] for row in cells) for one in range(len(header))]
    over = sum(widest) + _SPACE * (len(header) - 1) - max(width, NARROWEST)
    while over > 0:
        column = max(range(len(header)), key=lambda one: (widest[one] > least[one], widest[one]))
        if widest[column] <= least[column]:
            break
        widest[column] -= 1
        over -= 1
    align = ["right" if column in numbers else "left" for column in range(len(header))]
    lines = [[_within(cell, most) for cell, most in zip(row, widest, strict=True)] for row in cells]
    drawn = [lines[0], ["-" * max(map(_longest, column)) for column in zip(*lines, strict=True)], *lines[1:]]
    # Headings are rows here: tabulate would give each column two blanks more than they need.
    return tabulate(drawn, tablefmt="plain", colalign=align, disable_numparse=True)


def _least(cells: Iterable[str]) -> int:
    """Return how narrow a column may be: as its longest word, where that is no id or address."""
    return min(_LONG_WORD, max((_longest(word) for cell in cells for word in cell.split()), default=0))


def _longest(cell: str) -> int:
    from rich.cells import cell_len

    return max((cell_len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", cell).split("\n")), default=0)


def _within(cell: str, width: int) -> str:
    """Wrap a cell, each of its lines in the colour that it had."""
    return "\n".join(part for line in cell.split("\n") for part in _parts(line, width))


def _parts(line: str, width: int) -> Iterator[str]:
    styled = _STYLED.match(line)
    before, text, after = styled.groups() if styled else ("", line, "")
    for part in textwrap.wrap(text, width, break_on_hyphens=False) or [""]:
        yield f"{before}{part}{after}"


def render(summary: Summary, *, colour: bool = False, width: int = 100, quiet: bool = False) -> str:
    """Write a summary (:func:`access_review.views.summary.summary`) for the terminal; quiet is the first lines only."""
    width = max(width, NARROWEST)
    parts = [_heading(summary, width, colour)]
    if not quiet:
        parts += [
            _groups(summary, width, colour),
            _control(summary, width, colour),
            _findings(summary, width, colour),
            _sources(summary, width, colour),
        ]
    parts.append(_silent(summary, width, colour))
    ahead = (("Report: ", summary["report"]), ("Next:   ", summary["next"]))
    parts.append("\n".join(label + visible(what) for label, what in ahead if what))
    return "\n\n".join(part for part in parts if part) + "\n"


def wrapped(text: str, width: int, then: str = "") -> str:
    """Show a text whole, on as many lines as it takes: what is needed to act is never cut."""
    lead = text[: len(text) - len(text.lstrip())]
    lines = textwrap.wrap(
        visible(text.strip()), max(20, width), initial_indent=lead, subsequent_indent=then, break_on_hyphens=False
    )
    return "\n".join(lines)


def paint(text: str, name: str, colour: bool) -> str:
    """Colour text by the name of what it says (a severity, a RAG status), where colour is wanted."""
    return typer.style(text, fg=_COLOURS[name], bold=name == "critical") if colour and name in _COLOURS else text


def _strong(text: str, colour: bool) -> str:
    return typer.style(text, bold=True) if colour else text


def _heading(summary: Summary, width: int, colour: bool) -> str:
    found, rows = summary["access"], summary["rows"]
    whose = f" of {visible(summary['organisation'])}" if summary["organisation"] else ""
    title = f"Access review{whose}, as of {moment(datetime.fromisoformat(summary['as_of']))}"
    status = found["status"]
    rag = ", ".join(paint(f"{found['rag'][r]:,} {r}", r if found["rag"][r] else "", colour) for r in RAGS)
    population = (
        f"{count(rows['people'], 'person', 'people')}, {count(rows['accounts'], 'account')}, "
        f"{count(rows['grants'], 'grant')} of {count(rows['entitlements'], 'entitlement')}"
    )
    current = (
        f"{count(found['current'], 'finding')}: {rag}{' ' if width >= _ROOMY else _BELOW}({status['new']:,} new, {status['open']:,} known before; "
        f"{status['waived']:,} waived, {status['closed']:,} closed)"
    )
    if short := summary["findings"]["current"] - found["current"]:
        current += f"\n{short:,} more about the review itself"
    found_judged = summary["judged"]
    said = textwrap.wrap(judged_share.sentence(found_judged), width, break_on_hyphens=False) if found_judged else []
    if found_judged and not found_judged["whole"]:
        said = [paint(line, "amber", colour) for line in said]
    return "\n".join((_strong(title, colour), population, current, *said))


def _sources(summary: Summary, width: int, colour: bool) -> str:
    rows = []
    for source in summary["sources"]:
        unread = by_reason((part["subject"], part["reason"]) for part in source["incomplete"])
        broken = [f"{subjects}: {reason}" for subjects, reason in unread]
        verdict = "complete" if source["complete"] else "incomplete: " + ("; ".join(broken) or "nothing was said")
        unusable = sum(source["problems"].values())
        lines = wrapped(verdict, width - 53).split("\n")
        shown = "\n".join(paint(line, "green" if source["complete"] else "red", colour) for line in lines)
        rows.append(
            (
                shorten(source["source"], 12),
                shorten(source["connector"], 12),
                f"{source['received']:,}",
                f"{unusable:,}",
                shown,
            )
        )
    said = warning_lines({source["source"]: source["told"] for source in summary["sources"]})
    drawn = table(("source", "connector", "rows", "unusable", "read"), rows, numbers=(2, 3))
    return "\n".join([drawn, *(wrapped(line, width) for line in said)])


def _findings(summary: Summary, width: int, colour: bool) -> str:
    if not summary["rules"]:
        return judged_share.nothing_found(summary)
    columns = (*SEVERITIES, *RAGS) if width >= _WIDE else RAGS
    room = width - sum(len(column) + 4 for column in columns)
    review = [rule for rule in summary["rules"] if rule["rule"] in CONTROL_RULES]
    access = [counts_of(rule) for rule in summary["rules"] if rule["rule"] not in CONTROL_RULES]
    rows = [
        (wrapped(rule["title"], room), *(paint(_number(of[c]), c if of[c] else "", colour) for c in columns))
        for rule in sorted(summary["rules"], key=lambda rule: rule["rule"] in CONTROL_RULES)
        for of in [counts_of(rule)]
    ]
    # What is about the review itself stands below: the sum is what the first lines say.
    total = [_strong("all about access" if review else "all", colour)]
    total += [_strong(_number(sum(of[c] for of in access)), colour) for c in columns]
    rows.insert(len(access), tuple(total))
    return table(("finding", *columns), rows, numbers=range(1, 1 + len(columns)))


def _number(value: int) -> str:
    return f"{value:,}" if value else "·"


def _groups(summary: Summary, width: int, colour: bool) -> str:
    """Show what to act on, one line a matter: who and what before any number."""
    groups = summary["groups"]
    if not groups or not groups["first"]:
        return ""
    shown = groups["first"][:_MOST_LINES]
    room = width - len("00    12345678  100") - 4
    rows = [
        (
            str(group["place"]),
            "\n".join(textwrap.wrap(_line(group), room, break_on_hyphens=False)),
            group["group"][:8],
            paint(str(group["risk"]), group["rag"], colour),
        )
        for group in shown
    ]
    drawn = table(("", "what, and what would end it", "group", "risk"), rows, numbers=(0, 3))
    rest = groups["total"] - len(shown)
    fewer = groups["findings"] - sum(group["findings"] for group in shown)
    more = f"\nand {count(rest, 'line')} more, of {count(fewer, 'finding')}" if rest else ""
    opening = f"Open one: access-review review --group {shown[0]['group'][:8]}"
    return f"{_strong('What to do first', colour)}\n{drawn}{more}\n{opening}"


def _control(summary: Summary, width: int, colour: bool) -> str:
    """Show where the review itself fell short, apart from what is wrong with access."""
    if not summary["control"]:
        return ""
    shown = [wrapped(f"  {line['said']}", width, "    ") for line in summary["control"][:_MOST_LINES]]
    rest = summary["control"][_MOST_LINES:]
    more = [f"  and {count(len(rest), 'line')} more, of {count(sum(one['findings'] for one in rest), 'finding')}"]
    return "\n".join((_strong("The review itself fell short", colour), *shown, *(more if rest else ())))


def _line(group: GroupSummary) -> str:
    said = f"{group['said']} ({group['share']})" if group["share"] else group["said"]
    return f"{said} → {group['ends']}"


def _silent(summary: Summary, width: int, colour: bool) -> str:
    """What was not looked at is as loud as what was found."""
    lines = []
    if summary["not_evaluated"]:
        lines.append(paint(f"Not evaluated: {count(len(summary['not_evaluated']), 'rule')}", "amber", colour))
        why: dict[str, list[str]] = {}
        for rule in summary["not_evaluated"]:
            why.setdefault(rule["reason"], []).append(rule["rule"])
        lines += [wrapped(f"  {reason}: {', '.join(found)}", width, "    ") for reason, found in why.items()]
    withheld = [rule for rule in summary["withheld"] if rule["withheld"]]
    if withheld:
        lines.append(paint("Withheld, since a source was not read whole:", "amber", colour))
        lines += [
            wrapped(f"  {rule['rule']}: {count(rule['withheld'], 'finding')}; {rule['reason']}", width, "    ")
            for rule in withheld
        ]
    return "\n".join(lines)


@contextmanager
def progress(*, shown: bool | None = None) -> Iterator[Callable[[str, int], None]]:
    """Give a function ``(source, rows so far)`` that keeps a live line for each source on standard error.

    Nothing is drawn where standard error is no terminal, or with ``shown=False``.
    """
    if not (sys.stderr.isatty() if shown is None else shown):
        yield lambda _source, _rows: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.fields[source]}", markup=False),
        TextColumn("{task.fields[rows]} rows", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def told(source: str, rows: int) -> None:
            if source not in tasks:
                tasks[source] = bar.add_task("", total=None, source=visible(source), rows="0")
            bar.update(tasks[source], rows=f"{rows:,}")

        yield told
