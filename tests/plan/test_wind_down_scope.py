"""Who belongs to a wind-down alone: by every assignment that holds or is to come, and by the last where none does."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from access_review.plan.wind_down_scope import belonging
from access_review.settings import WindDown

NOW = datetime(2026, 11, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
BOUNDS: dict[str, Any] = {"expected": 5, "since": date(2026, 11, 1), "until": date(2026, 11, 20), "reason": "it ends"}
HARBOR = WindDown(client="Harbor", **BOUNDS)
SITE = WindDown(who={"site": ("Cebu", "Davao")}, **BOUNDS)


def job(client="Harbor", status="active", ends=None, attributes='{"Site":"cebu"}'):
    return {"person": "p", "client": client, "status": status, "ends_latest": ends, "attributes": attributes}


@pytest.mark.parametrize(
    ("rows", "belongs"),
    [
        ([job()], True),
        ([job("HARBOR")], True),
        ([job(None)], False),
        ([job("Meridian")], False),
        ([job(), job("Meridian")], False),
        ([job(), job("Meridian", "leave")], False),
        ([job(), job("Meridian", "active", NOW + DAY)], False),
        ([job(), job("Meridian", "active", NOW - DAY)], True),
        ([job(), job("Meridian", "left", NOW - DAY)], True),
        ([job("Harbor", "left", NOW - DAY)], True),
        ([job("Harbor", "left", NOW - DAY), job("Meridian", "left", NOW - 9 * DAY)], True),
        ([job("Harbor", "left", NOW - 9 * DAY), job("Meridian", "left", NOW - DAY)], False),
        ([job("Harbor", "left", NOW - DAY), job("Meridian", "left", NOW - DAY)], False),
        ([job("Harbor", "left", NOW - DAY), job("Meridian", "left")], False),
        ([job("Harbor", "left", NOW - DAY), job("Meridian")], False),
    ],
)
def test_of_one_client_alone(rows, belongs):
    assert belonging(rows, HARBOR, NOW) == ({"p"} if belongs else set())


@pytest.mark.parametrize(
    ("attributes", "belongs"),
    [
        ('{"site":"DAVAO"}', True),
        ('{"site":"Manila"}', False),
        ("{}", False),
        (None, False),
        ('{"city":"Cebu"}', False),
    ],
)
def test_of_one_site(attributes, belongs):
    assert belonging([job(attributes=attributes)], SITE, NOW) == ({"p"} if belongs else set())
