"""The measurements as a table in ``bench/README.md`` and as a chart beside it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from bench.company import SIZES

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
README = FOLDER / "README.md"
CHART = FOLDER / "chart.svg"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"

Row = Mapping[str, Any]


def write(results: Mapping[str, Any]) -> None:
    """Put the table into the README and draw the chart."""
    rows = results["measured"]
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    start = f"\n`access-review --help` starts in {results['start_up']} s.\n" if "start_up" in results else ""
    README.write_text(f"{before}{BEGIN}\n{table(rows)}{start}{END}{after}", encoding="utf-8")
    CHART.write_text(chart(rows), encoding="utf-8")


def sizes(rows: Sequence[Row]) -> list[str]:
    """Return the sizes measured, smallest first."""
    return [size for size in SIZES if any(row["size"] == size for row in rows)]


def table(rows: Sequence[Row]) -> str:
    """Return the measurements as Markdown: seconds (processor seconds), memory, rows."""
    lines = ["| size | way | seconds | processor seconds | memory, GB | rows | same rows as ours |", "|" + "---|" * 7]
    for size in sizes(rows):
        here = [row for row in rows if row["size"] == size]
        ours = next((row["digest"] for row in here if row["way"] == "access-review, distinct pairs"), None)
        for row in sorted(here, key=lambda row: str(row["way"])):
            same = "" if row["way"].startswith("access-review") else "yes" if row["digest"] == ours else "NO"
            figures = f"{row['seconds']:.1f} | {row['processor']:.1f} | {row['memory'] / 1e9:.2f} | {row['rows']:,}"
            lines.append(f"| {size} | {row['way']} | {figures} | {same} |")
    return "\n".join(lines) + "\n"


WIDTH, ROW, LEFT = 820, 20, 340


def chart(rows: Sequence[Row]) -> str:
    """Draw a bar for each measurement, by processor seconds; each size has its own scale."""
    parts: list[str] = []
    y = 28
    for size in sizes(rows):
        here = sorted((row for row in rows if row["size"] == size), key=lambda row: float(row["processor"]))
        parts.append(_text(8, y, f"{size}: {SIZES[size].people:,} people", bold=True))
        y += 10
        most = max(float(row["processor"]) for row in here)
        for row in here:
            parts += _bar(y, row, most)
            y += ROW
        y += 30
    title = "<title>Processor seconds by size and way</title>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="13">'
    background = f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>'
    return "\n".join([head, title, background, *parts, "</svg>"]) + "\n"


def _bar(y: int, row: Row, most: float) -> Iterable[str]:
    seconds = float(row["processor"])
    width = max(1, round((WIDTH - LEFT - 150) * seconds / most))
    colour = "#1f6f8b" if str(row["way"]).startswith("access-review") else "#a9a9a9"
    yield _text(LEFT - 8, y + 14, str(row["way"]), anchor="end")
    yield f'<rect x="{LEFT}" y="{y + 3}" width="{width}" height="{ROW - 6}" fill="{colour}"/>'
    yield _text(LEFT + width + 6, y + 14, f"{seconds:.1f} s, {row['memory'] / 1e9:.1f} GB")


def _text(x: int, y: int, text: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{weight} fill="#222222">{escape(text)}</text>'
