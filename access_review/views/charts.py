"""Charts as SVG, drawn by hand so that equal values give equal bytes; their colours are classes of the report's style sheet."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart: its label and its parts, each a class of the style sheet with a number."""

    label: str
    parts: Sequence[tuple[str, int]]

    @property
    def total(self) -> int:
        """The length of the whole bar."""
        return sum(number for _, number in self.parts)


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """Draw horizontal stacked bars to one scale, each with its label and total; the parts say themselves on hover."""
    room, left, step = 520, 170, 30
    scale = max((row.total for row in rows), default=0) or 1
    drawn = []
    for number, row in enumerate(rows):
        y, x = number * step, float(left)
        drawn.append(
            Markup('<text class="label" x="{}" y="{}" text-anchor="end">{}</text>').format(left - 12, y + 18, row.label)
        )
        for name, amount in row.parts:
            if amount:
                # However small its share, what is there is seen.
                wide = max(room * amount / scale, 2.0)
                drawn.append(
                    Markup(
                        '<rect class="bar {}" x="{:.1f}" y="{}" width="{:.1f}" height="20"><title>{}: {} {}</title></rect>'
                    ).format(name, x, y + 4, wide, row.label, f"{amount:,}", name)
                )
                x += wide
        drawn.append(Markup('<text class="total" x="{:.1f}" y="{}">{}</text>').format(x + 8, y + 18, f"{row.total:,}"))
    return Markup('<svg class="chart" role="img" viewBox="0 0 {} {}"><title>{}</title><desc>{}</desc>{}</svg>').format(
        left + room + 70, max(len(rows), 1) * step, escape(title), escape(_described(rows)), Markup("").join(drawn)
    )


def columns(title: str, rows: Sequence[Bar]) -> Markup:
    """Draw stacked columns to one scale beside each other, each with its total above and its label below."""
    wide, room, step, top = 44, 72, 84, 18
    scale = max((row.total for row in rows), default=0) or 1
    drawn = []
    for number, row in enumerate(rows):
        x, y = number * step + step // 2, float(top + room)
        for name, amount in row.parts:
            if amount:
                high = max(room * amount / scale, 2.0)
                y -= high
                drawn.append(
                    Markup(
                        '<rect class="bar {}" x="{}" y="{:.1f}" width="{}" height="{:.1f}"><title>{}: {} {}</title></rect>'
                    ).format(name, x - wide // 2, y, wide, high, row.label, f"{amount:,}", name)
                )
        drawn.append(
            Markup(
                '<text class="total" x="{}" y="{:.1f}" text-anchor="middle">{}</text>'
                '<text class="label" x="{}" y="{}" text-anchor="middle">{}</text>'
            ).format(x, y - 5, f"{row.total:,}", x, top + room + 18, row.label)
        )
    return Markup(
        '<svg class="chart columns" role="img" viewBox="0 0 {0} {1}" width="{0}" height="{1}"><title>{2}</title>'
        "<desc>{3}</desc>{4}</svg>"
    ).format(max(len(rows), 1) * step, top + room + 26, escape(title), escape(_described(rows)), Markup("").join(drawn))


def _described(rows: Sequence[Bar]) -> str:
    return "; ".join(
        f"{row.label}: " + ", ".join(f"{n:,} {name}" for name, n in row.parts if n) for row in rows if row.total
    )
