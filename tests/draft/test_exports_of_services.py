"""What services export for people and accounts: which column is what, with zeros of calendars and words for never among dates."""

import pyarrow as pa
import pytest

from access_review.draft.columns import look_at_columns
from access_review.draft.file_kinds import FileKind, guess_kind

WHO = [f"p{n}@x.test" for n in range(12)]
NAMES = [f"{first} {last}" for first in ("Ana", "Ben", "Cleo") for last in ("Abad", "Brook", "Costa", "Dima")]
NUMBERS = [f"{n:04}" for n in range(12)]
DAYS = [f"2026-09-{n + 10}" for n in range(12)]

PEOPLE = {
    "Employee #": NUMBERS,
    "Full Name": NAMES,
    "Work Email": WHO,
    "Employment Status": ["Full-Time"] * 9 + ["Part-Time"] * 2 + ["Terminated"],
    "Hire Date": ["01/31/2024"] * 12,
    "Termination Date": ["0000-00-00"] * 11 + ["09/30/2026"],
}
ENDLESS = {**PEOPLE, "Termination Date": ["9999-12-31"] * 11 + ["2026-09-30"], "Hire Date": ["2024-01-31"] * 12}
ASSIGNED = {
    "user.login": WHO * 2,
    "app.name": ["Slack"] * 12 + ["Google Workspace"] * 12,
    "assignment.status": ["ACTIVE"] * 24,
}
BADGES = {"Badge No": [f"B{n}" for n in range(12)], "Holder": NAMES, "Zone": ["Lobby", "Server Room"] * 6}
SIGNED = {
    "Email Address [Required]": WHO,
    "Status [READ ONLY]": ["Active", "Suspended"] * 6,
    "Last Sign In [READ ONLY]": [f"2026/10/{n + 10} 09:11:00" for n in range(11)] + ["Never logged in"],
}
KEYS = {"user": NUMBERS, "password_last_used": DAYS[:6] + ["no_information"] * 6, "access_key_1_active": ["false"] * 12}
LEARNED = {
    "User ID": NUMBERS * 2,
    "Item Title": ["Card data"] * 12 + ["Fire safety"] * 12,
    "Completion Date": [*DAYS, *DAYS[:6], *[""] * 6],
    "Completion Status": ["Passed"] * 18 + [""] * 6,
    "Due Date": ["2026-12-01"] * 24,
}


@pytest.mark.parametrize(
    ("columns", "kind", "meant"),
    [
        (PEOPLE, FileKind.ROSTER, {"left_at": "Termination Date", "status": "Employment Status"}),
        (ENDLESS, FileKind.ROSTER, {"left_at": "Termination Date"}),
        (ASSIGNED, FileKind.HOLDINGS, {"account": "user.login", "entitlement": "app.name", "enabled": None}),
        (BADGES, FileKind.HOLDINGS, {"account": "Badge No", "entitlement": "Zone"}),
        (SIGNED, FileKind.HOLDINGS, {"enabled": "Status [READ ONLY]", "used": "Last Sign In [READ ONLY]"}),
        (KEYS, FileKind.HOLDINGS, {"account": "user", "used": "password_last_used", "enabled": None}),
        (LEARNED, FileKind.TRAINING, {"employee_id": "User ID", "course": "Item Title", "done": "Completion Date"}),
    ],
    ids=["people", "endless", "assigned", "badges", "signed", "keys", "learned"],
)
def test_columns_mean_what_the_service_means(columns, kind, meant):
    looks = look_at_columns(pa.table(columns))
    guess = guess_kind(looks)
    found = {meaning.field: meaning.label for meaning in guess.meanings}
    assert (guess.kind, {field: found.get(field) for field in meant}) == (kind, meant)
    for look in looks:
        if look.dates:
            assert look.dates.format, look.name
