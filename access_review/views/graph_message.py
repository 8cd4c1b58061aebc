"""A notice as the body of Graph's ``sendMail``; pure."""

import base64

from access_review.model import Json, JsonObject
from access_review.views.notices import Notice

LARGEST_SHEET = 2_900_000
"""Bytes: an answer of Graph refuses requests above 4 MB, and base64 takes a third more."""
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def message(notice: Notice, address: str, sheet: bytes) -> JsonObject:
    """Return what is posted for one mail to one address, with its work sheet; nothing is kept in the sent items."""
    to: JsonObject = {"emailAddress": {"address": address, "name": notice.name}}
    mail: dict[str, Json] = {
        "subject": " ".join(notice.subject.split()),
        "body": {"contentType": "Text", "content": notice.text},
        "toRecipients": [to],
    }
    if sheet:
        attachments: list[Json] = [
            {
                "@odata.type": "#microsoft.graph.fileAttachment",
                "name": notice.sheet.rpartition("/")[2],
                "contentType": _WORKBOOK,
                "contentBytes": base64.b64encode(sheet).decode(),
            }
        ]
        mail["attachments"] = attachments
    return {"message": mail, "saveToSentItems": False}
