"""What a campaign waits for, in words: whoever is asked, and what nobody is known to answer."""

from datetime import UTC, datetime

from access_review.audit.campaign import Campaign, Reminder, ReminderKind
from access_review.audit.reviewers import People
from access_review.audit.worklist import UNASSIGNED
from access_review.findings.control import ControlLine, Shortfall
from access_review.views import campaign, control
from access_review.views.notices import notices

AT = datetime(2026, 11, 2, 6, tzinfo=UTC)
NOBODY = People({}, {}, frozenset())


def test_what_nobody_is_known_to_answer_is_not_said_to_be_asked_of_anybody() -> None:
    asked = Reminder(ReminderKind.ASKED, UNASSIGNED, AT, 3)
    said = campaign.text(Campaign("run", "2026-W45", AT, sent=(asked,)), {UNASSIGNED: 3}, (asked,), AT, {})
    assert "Nobody is known to answer 3 items: access-review decide --by YOU --of unassigned" in said
    assert "asked, now" not in said
    (notice,) = notices(Campaign("run", "2026-W45", AT), (asked,), NOBODY, ())
    assert "3 items wait for the answer of somebody who is to be found" in notice.text


def test_what_nobody_was_to_answer_is_not_held_against_a_reviewer_of_that_name() -> None:
    line = ControlLine(Shortfall.NOT_REVIEWED, "2026-W45", UNASSIGNED, 3, again=3, most=2)
    assert control.sentence(line) == (
        "2026-W45: 3 people and accounts had nobody who is known to answer for them, and were not reviewed"
        ", 3 of them again, up to 2 audits in a row"
    )
