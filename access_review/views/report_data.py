"""The findings of a report as data beside its layout: a JSON island whose rows the page draws on demand.

Each text stands once, and rows are numbers, so that 100,000 findings stay small. Every text is visible
(:func:`access_review.views.text.visible`), and nothing in the island can end it: ``<``, ``>`` and ``&`` are written as
escapes of JSON.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from access_review.tables import Row
from access_review.views.report_cards import ReportCard
from access_review.views.text import day, visible

COLUMNS = (
    *(
        "id",
        "risk",
        "rag",
        "severity",
        "who",
        "account",
        "what",
        "system",
        "rule",
        "title",
        "status",
        "reason",
        "remedy",
    ),
    *("reasons", "since", "client", "controls", "subject", "about", "manager", "group", "person"),
)
"""The columns of a row, in order; ``risk`` is a number, all others are texts."""

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def island(
    findings: Sequence[Row], titles: Mapping[str, str], groups: Mapping[str, str], managers: Mapping[str, str]
) -> Markup:
    """Return the rows as JSON that may stand in an element; ``groups`` and ``managers`` are by finding and by person."""
    texts: dict[str, int] = {}
    rows = [
        [
            value if isinstance(value, int) else texts.setdefault(visible(value), len(texts))
            for value in _row(finding, titles, groups, managers)
        ]
        for finding in findings
    ]
    return _in_element({"columns": COLUMNS, "texts": list(texts), "rows": rows})


def cards_island(cards: Sequence[ReportCard]) -> Markup:
    """Return the cards, their pictures apart, as JSON that may stand in an element."""
    return _in_element(
        [
            {"id": visible(card.id), "title": visible(card.title), "kind": card.kind, "facts": card.facts}
            for card in cards
        ]
    )


def _in_element(value: object) -> Markup:
    said = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Markup("".join(_ESCAPES.get(letter, letter) for letter in said) if _needs(said) else said)  # noqa: S704 - escaped


def _needs(said: str) -> bool:
    return any(letter in said for letter in _ESCAPES)


def _row(
    row: Row, titles: Mapping[str, str], groups: Mapping[str, str], managers: Mapping[str, str]
) -> Iterator[str | int]:
    yield row["finding"][:16]
    yield int(row["risk"])
    yield row["rag"]
    yield row["severity"]
    yield row["person_name"] or row["subject_name"] or row["subject"]
    yield (row["subject_name"] or "") if row["person_name"] and row["subject"] != row["person"] else ""
    yield (row["about_name"] or row["about"]) if row["about"] else ""
    yield row["source"] if row["source"] and row["source"] != row["subject"] else ""  # a finding is of no system
    yield row["rule"]
    yield titles.get(row["rule"], row["rule"])
    yield row["status"]
    yield row["reason"]
    yield row["remedy"]
    yield row["risk_reasons"] or ""
    yield day(row["first_seen"])
    yield row["client"] or ""
    yield (row["controls"] or "").replace(" ", ", ")
    yield row["subject"]
    yield row["about"] or ""
    yield managers.get(row["person"] or "", "")
    yield groups.get(row["finding"], "")
    yield row["person"] or ""
