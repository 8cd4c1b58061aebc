"""What the reviewers' answers say, for the terminal."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from math import ceil

from access_review.audit.judge import ClientStatement, Judgement, Rate, Reviewer
from access_review.model import Rag
from access_review.views.terminal import fitted, table, wrapped
from access_review.views.text import count, limit, shorten, visible


def text(
    judged: Judgement,
    *,
    read: int,
    doubles: Sequence[tuple[str, str]] = (),
    strangers: Sequence[str] = (),
    width: int = 100,
) -> str:
    """Say how far the hand check is and what it says so far, in ``width`` columns.

    ``doubles`` are sheets that answer the same items, ``strangers`` what lay beside the sheets and is none.
    """
    rows = [
        (
            line.stratum,
            f"{line.population:,}",
            f"{line.tested:,} of {line.drawn:,}",
            _rate(line.wrong),
            _rate(line.missed),
        )
        for line in judged.lines
    ]
    verdict = {
        True: "Wrong access among those drawn from is within what is tolerable.",
        False: "Wrong access among those drawn from is above what is tolerable.",
        None: "Whether wrong access is within what is tolerable cannot be said yet.",
    }[judged.within_tolerance]
    header = ("part", "population", "checked", "wrong access", "missed by the machine")
    came = [f"{count(read, 'decision')} read; {count(judged.unanswered, 'item')} still open."]
    came += [f"Twice: {visible(one)} and {visible(other)} answer the same items alike." for one, other in doubles]
    came += [f"No work sheet, left aside: {', '.join(map(visible, strangers))}"] * bool(strangers)
    parts = [
        "\n".join(came),
        fitted(header, rows, width, numbers=(1, 2)),
        f"{verdict}\nLimits hold with {judged.confidence:.0%} confidence.",
        reviewers(judged.reviewers),
    ]
    if judged.test_rows:
        names = ", ".join(row.item for row in judged.test_rows)
        parts.append(f"Nobody has what these test rows ask about, so nothing is to be done about them: {names}")
    return "\n\n".join(part for part in parts if part)


def reviewers(some: Sequence[Reviewer]) -> str:
    """Show how each reviewer answers, or nothing where nobody did."""
    rows = [
        (
            shorten(one.by, 30),
            f"{one.answers:,}",
            f"{one.revokes:,}",
            f"{one.cannot_say:,}",
            f"{one.caught:,} of {one.tested:,}" if one.tested else "none asked",
            "not known" if one.seconds is None else f"{one.seconds:.0f} s",
            "; ".join(one.signs),
        )
        for one in some
    ]
    header = ("answered by", "answers", "revoke", "cannot say", "test rows caught", "half within", "look at")
    return table(header, rows, numbers=(1, 2, 3)) if rows else ""


def client_value(card: Mapping[str, object], shown: ClientStatement | None, folder: str) -> dict[str, object]:
    """Return for scripts how a client stands, where its part lies, and what a draw shows of it alone, null without one."""
    return {**card, "shown": asdict(shown) if shown else None, "folder": folder}


def client_text(
    card: Mapping[str, object], shown: ClientStatement | None, folder: str, *, judged: str = "", width: int = 80
) -> str:
    """Say how a client stands in numbers, what was ``judged``, what the draw shows of it, and where its part lies.

    Lines have ``width`` columns.
    """
    lines = [f"{key.replace('_', ' '):24} {_plain(value)}" for key, value in card.items()]
    of_draw = wrapped(of_client(shown), width, "  ") if shown else "no sample was drawn in this run"
    return "\n".join([*lines, *([judged] if judged else []), "", of_draw, "", f"In {folder}"])


_RANKS: Mapping[object, int] = {str(rag): rank for rank, rag in enumerate(Rag)}


def _plain(value: object) -> str:
    """Write a number, a name, or how many there are of each kind: colours from the worst on."""
    if not isinstance(value, Mapping):
        return f"{value:,}" if isinstance(value, int) else visible(str(value))
    worst = sorted(value, key=lambda kind: (_RANKS.get(kind, len(_RANKS)), str(kind)))
    return ", ".join(f"{value[kind]:,} {kind}" for kind in worst) or "none"


def of_client(shown: ClientStatement) -> str:
    """Say what a draw shows of one client alone, and whether that is enough for what the client was promised."""
    line, aim = shown.line, f"no more than {shown.tolerable * 100:g} % wrong with {shown.confidence:.0%} confidence"
    if not line.drawn:
        drawn = f"{visible(shown.client)}: {count(line.population, 'unit')} that may be drawn, none was"
        return drawn + (f"; its turn comes in {shown.week}" if shown.week else "")
    wrong, missed = _rate(line.wrong, _tenths), _rate(line.missed, _tenths)
    verdict = {
        True: f"that is enough for {aim}",
        False: f"that does not show {aim}",
        None: f"whether that shows {aim} is open",
    }[shown.holds]
    if shown.week:
        verdict += f"; its turn to be drawn enough comes in {shown.week}"
    tested = f"{line.tested:,} of {line.drawn:,} drawn were tested, of {count(line.population, 'unit')}"
    return f"{visible(shown.client)}: {tested}; wrong {wrong}, missed by the machine {missed}; {verdict}"


def _tenths(rate: float) -> str:
    """Write an upper limit to a tenth of a percent, rounded up: one client's are high, and compared with each other."""
    return f"{ceil(round(1000 * rate, 6)) / 10:g}%"


def _rate(rate: Rate, limit: Callable[[float], str] = limit) -> str:
    """Show a count with its upper limit for all, as a span while some are not checked."""
    found = _span(f"{rate.found_least:,}", f"{rate.found_most:,}")
    if rate.limit_least is None or rate.limit_most is None:
        return found
    return f"{found} (at most {_span(limit(rate.limit_least), limit(rate.limit_most))} of all)"


def _span(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"
