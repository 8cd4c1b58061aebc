"""A notice as a webhook takes it: plain JSON, a card for Teams, or a message for Slack; pure.

Names in a notice may be written by an attacker. Nothing here is read as markup by whoever shows it: no
link, no picture and no mention comes of a name.
"""

import json
from collections.abc import Iterator, Sequence

from access_review.model import Json, JsonObject
from access_review.settings.channels import WebhookForm
from access_review.views.notices import Notice

_MORE = "… the whole of it lies in runs/notices/"
_MOST_LINES = 150
_LONGEST = 20_000
"""Signs of one message. The whole notice lies in runs/notices/."""
_LONGEST_LINE = 1_000
_LARGEST_CARD = 27_000
"""Bytes of a card as it is sent: Teams refuses more than 28 KB, and a letter beyond ASCII takes six of them, or twelve."""
_BLOCK = 2900
_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"


def body(notice: Notice, form: WebhookForm) -> JsonObject:
    """Return what is posted."""
    match form:
        case "teams":
            return _teams(notice)
        case "slack":
            return _slack(notice)
        case "json":
            return {"text": f"{notice.subject}\n\n{notice.text}", "to": notice.name}


def _teams(notice: Notice) -> JsonObject:
    """Return an adaptive card in runs of text, which know no Markdown; as many lines as Teams takes."""
    lines = [_run(_cut(notice.subject), weight="Bolder", size="Medium")]
    left, rest = _LARGEST_CARD - _size(_card(lines)) - _size(_run(_MORE)) - len(", "), notice.text.split("\n")
    for number, line in enumerate(rest):
        shown = _run(_cut(line))
        left -= _size(shown) + len(", ")
        if number == _MOST_LINES or left < 0:
            return _card([*lines, _run(_MORE)])
        lines.append(shown)
    return _card(lines)


def _card(lines: Sequence[Json]) -> JsonObject:
    card: JsonObject = {"$schema": _SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": list(lines)}
    attachment: JsonObject = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _size(part: Json) -> int:
    """Return how many bytes something takes in what is posted."""
    return len(json.dumps(part))


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + _MORE


def _run(line: str, **style: str) -> JsonObject:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line or " ", **style}]}


def _slack(notice: Notice) -> JsonObject:
    """Return blocks of plain text; ``text`` is what a notification shows, in which three signs are escaped."""
    subject = _cut(notice.subject)
    shown = subject.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    parts = [f"{subject}\n\n", *_blocks(_shortened(notice.text))]
    blocks: list[Json] = [
        {"type": "section", "text": {"type": "plain_text", "text": part, "emoji": False}} for part in parts
    ]
    return {"text": shown, "blocks": blocks}


def _blocks(text: str) -> Iterator[str]:
    for start in range(0, len(text), _BLOCK):
        yield text[start : start + _BLOCK]


def _shortened(text: str) -> str:
    lines = text.split("\n")
    kept = "\n".join(lines[:_MOST_LINES])[:_LONGEST]
    return kept if kept == text else f"{kept}\n{_MORE}"
