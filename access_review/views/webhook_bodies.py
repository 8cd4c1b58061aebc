"""A notice as a webhook takes it: plain JSON, a card for Teams, or a message for Slack; pure.

Names in a notice may be written by an attacker. Nothing here is read as markup by whoever shows it: no
link, no picture and no mention comes of a name.
"""

from collections.abc import Iterator

from access_review.model import Json, JsonObject
from access_review.settings.channels import WebhookForm
from access_review.views.notices import Notice

_MOST_LINES = 150
_LONGEST = 20_000
"""Signs of one message; Teams refuses more than 28 KB. The whole notice lies in runs/notices/."""
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
    """Return an adaptive card in runs of text, which know no Markdown."""
    lines: list[Json] = [
        _run(notice.subject, weight="Bolder", size="Medium"),
        *map(_run, _shortened(notice.text).split("\n")),
    ]
    card: JsonObject = {"$schema": _SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": lines}
    attachment: JsonObject = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _run(line: str, **style: str) -> JsonObject:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line or " ", **style}]}


def _slack(notice: Notice) -> JsonObject:
    """Return blocks of plain text; ``text`` is what a notification shows, in which three signs are escaped."""
    shown = notice.subject.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    parts = [f"{notice.subject}\n\n", *_blocks(_shortened(notice.text))]
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
    return kept if kept == text else f"{kept}\n… the whole of it lies in runs/notices/"
