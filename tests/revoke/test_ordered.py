"""What a list that is read again says of what was ordered: that it is gone, that it is there, or nothing."""

from datetime import timedelta

import pytest

from access_review.changes import Action, Expectation, Sighting, Target, Thing, change
from access_review.offboarding.checklist import OUTLIVES
from access_review.revoke.work_orders import WorkOrders
from tests.support.fake_system import START
from tests.support.snapshots import snapshot

ROWS = {
    "accounts": [{"account": "ad:user:1"}, {"account": "ad:user:2"}],
    "entitlements": [{"entitlement": "ad:group:Fin"}, {"entitlement": "ad:group:In"}],
    "grants": [{"account": "ad:user:2", "entitlement": "ad:group:Fin"}],
}


def a_change(action, account="1", group="", child=""):
    target = Target(
        "ad",
        "ldap",
        Thing(f"ad:user:{account}", account, account) if account else None,
        Thing(f"ad:group:{group}", group, group) if group else None,
        Thing(f"ad:group:{child}", child, child) if child else None,
        mode="assigned" if group else "",
    )
    return change(action, target, Expectation(present=True), "finding")


def seen(one, *, ordering=False, **rows) -> Sighting:
    return WorkOrders("ad", lambda: snapshot(**{**ROWS, **rows}), ordering).holds(one, START)


REMOVED = a_change(Action.REMOVE_MEMBER, group="Fin")


def test_what_a_whole_list_does_not_show_is_gone():
    assert seen(REMOVED).there is False
    assert seen(a_change(Action.REMOVE_MEMBER, "2", "Fin")).there is True
    assert seen(a_change(Action.CUT_NESTING, "", "Fin", "In")).there is False
    assert seen(a_change(Action.MANUAL, "9", "Other")).there is False, "a list shows only who holds something"
    assert seen(a_change(Action.MANUAL, "9")).there is False


@pytest.mark.parametrize(
    "one",
    [
        a_change(Action.REMOVE_MEMBER, group="Other"),
        a_change(Action.CUT_NESTING, "", "Fin", "Other"),
        a_change(Action.CUT_NESTING, "", "Other", "In"),
        a_change(Action.REMOVE_MEMBER, "9", "Fin"),
    ],
)
def test_what_a_directory_does_not_show_at_all_is_not_known(one):
    assert seen(one).there is None
    assert "is not there any more" in seen(one).reason


@pytest.mark.parametrize("about", ["ad:user:1", "ad:group:Fin"])
@pytest.mark.parametrize("kind", ["quarantined", "fewer-members", "still-named", "unknown-member"])
def test_what_is_in_doubt_is_not_known(about, kind):
    doubt = {"source": "ad", "locator": "1", "kind": kind, "reason": "in doubt", "subject": about}
    assert seen(REMOVED, problems=[doubt]) == Sighting(None, "ad", "in doubt")


@pytest.mark.parametrize("about", ["ad:group:Fin", "entitlements", "accounts", "grants", "nesting"])
def test_what_was_not_read_whole_is_not_known(about):
    short = {"source": "ad", "subject": about, "complete": False, "reason": "page 2 failed"}
    assert seen(REMOVED, completeness=[short]) == Sighting(None, "ad", "page 2 failed")


@pytest.mark.parametrize("enabled", [True, False, None])
def test_sessions_are_over_when_the_account_was_disabled_for_as_long_as_any_lasts(enabled):
    accounts = [{"account": "ad:user:1", "enabled": enabled}]
    ends = a_change(Action.REVOKE_SESSIONS)
    there = seen(ends, accounts=accounts)
    assert (there.there, there.settles) == ((False, OUTLIVES) if enabled is False else (None, timedelta()))
    assert seen(ends, accounts=accounts, ordering=True).there is True, "it is ordered all the same"
    assert seen(a_change(Action.DISABLE_ACCOUNT), accounts=accounts).there is enabled
