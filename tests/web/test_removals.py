"""Announced removals in the browser: the manager sees what goes and stops it, and nobody else does."""

import json
import re
from pathlib import Path

import pytest

from access_review import runs
from access_review.logbook.lines import LogEvent
from access_review.store import logged
from tests.support.faulty_company import key
from tests.support.moving_company import AUDIT, FIRST, MANAGER, NEXT, POLICY, REMOVAL, SIGN, Moving
from tests.web.company import ADDRESS, Served, policy
from tests.web.test_guards import HOSTILE, markup_in
from tests.web.test_passkey import Authenticator

pytestmark = pytest.mark.slow
LATER = "2026-11-02T08:00:00Z"


WEB = policy(None, ADDRESS, source="app")


class Signing(Moving):
    """The manager and two approvers have accounts, by which they sign in."""

    def __init__(self, folder: Path, policy: str = POLICY + REMOVAL + WEB) -> None:
        super().__init__(folder, policy)
        system = folder / "sources/system.json"
        known = json.loads(system.read_text())
        known["there"] |= dict.fromkeys((key(n, "View") for n in (8, 9, MANAGER)), next(iter(known["there"].values())))
        system.write_text(json.dumps(known))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return Signing.told(tmp_path_factory.mktemp("moving") / "company")


@pytest.fixture
def company(told, tmp_path):
    return told.copy(tmp_path / "company")


@pytest.fixture
def served(company):
    with company.installed():
        made = Served(company.folder, runs.find(company.folder), LATER, source="app")
        yield made
        made.site.close()


def person(number: int) -> str:
    return f"hr:person:{number:05}"


def test_a_manager_stops_what_was_announced_by_a_page_that_the_notice_names(company, served):
    (notice,) = company.notices()
    assert f"You stop it in the browser, too: {ADDRESS}/removals" in notice
    manager = served.signed_in(person(MANAGER))
    page = manager.get("/removals").text
    for words in ("Person 11: Books (u00011)", "Person 12: Books (u00012)", "Not before 2026-11-03 06:10 UTC"):
        assert words in page, words
    assert page.count('<button class="strong">') == 3
    empty = manager.post(f"/removals/{company.change(11)}", {"reason": "  "})
    assert (empty.status_code, "Nothing was stopped" in empty.text) == (422, True)
    done = manager.post(f"/removals/{company.change(11)}", {"reason": HOSTILE[0]})
    assert done.status_code == 303, done.text
    after = manager.get("/removals").text
    assert "Stopped: the access stays" in after
    assert "Person 10 stopped it" in after
    assert after.count('<button class="strong">') == 2
    assert markup_in(after) == set()
    (line,) = (one for one in logged.known(company.folder).of(LogEvent.OBSERVATION) if one.name.startswith("stopped "))
    assert (line.details["person"], line.details["assured"]) == (person(MANAGER), "authenticated")
    looked = company.look(NEXT)
    assert company.holders == {11, 14}, looked.out
    assert f"Person 11: Books in app (u00011): {person(MANAGER)} stopped it" in looked.json["removals"]["left"]


def test_nobody_else_sees_or_stops_it_and_nobody_their_own(company, served):
    change = company.change(12)
    for number, said in ((12, "nobody keeps their own access"), (20, "it is for the manager who was told")):
        other = served.signed_in(person(number))
        assert "Nothing is announced that you could stop" in other.get("/removals").text
        refused = other.post(f"/removals/{change}", {"reason": "mine"})
        assert (refused.status_code, said in refused.text) == (409, True), refused.text
    assert served.signed_in(person(8)).get("/removals").text.count("<section") == 3, "whoever may approve may stop"
    manager = served.signed_in(person(MANAGER))
    assert manager.post("/removals/c-00", {"reason": "x"}).status_code == 404
    assert manager.post(f"/removals/{change}", {"reason": "x"}, csrf="").status_code == 403
    assert served.browser().get("/removals").status_code == 303, "signed out"
    assert company.look("2026-11-03T06:20:00Z").json["removals"]["done"], "nothing was stopped"


def test_two_people_sign_the_standing_removal_in_the_browser_and_it_counts(tmp_path):
    company = Signing(tmp_path / "company")
    assert company.run("audit", at=AUDIT).code == 0
    theirs = {person(n): Authenticator() for n in (8, 9)}
    approvers = company.folder / "roles/approvers.yaml"
    keys = (f'  - {{person: "{who}", key: "{one.line}", enrolled: passkey}}\n' for who, one in theirs.items())
    approvers.write_text(approvers.read_text() + "".join(keys))
    with company.installed():
        served = Served(company.folder, runs.find(company.folder), SIGN, source="app")
        for who, passkey in theirs.items():
            assert company.look(FIRST).json["removals"]["announced"] == [], "one of two"
            browser = served.signed_in(who)
            shown = browser.post("/statements/removal", {"reason": "as agreed"}).text
            assert "Standing removal: up to 3 changes in any 24 hours, until 2026-12-31" in shown
            (challenge,) = re.findall(r'data-challenge="([^"]+)"', shown)
            signed = browser.post("/statements/removal/sign", passkey.sign(challenge, origin=ADDRESS))
            assert signed.status_code == 303, signed.text
            assert "You signed the standing removal" in browser.get("/statements").text
        served.site.close()
    looked = company.look("2026-11-02T06:20:00Z")
    assert len(looked.json["removals"]["announced"]) == 3, looked.out


def test_without_a_standing_removal_there_is_no_such_line_among_the_pages(tmp_path):
    company = Signing(tmp_path / "company", policy=POLICY + WEB)
    assert company.run("audit", at=FIRST).code == 0
    with company.installed():
        served = Served(company.folder, runs.find(company.folder), LATER, source="app")
        page = served.signed_in(person(MANAGER)).get("/removals")
        served.site.close()
    assert (page.status_code, "Nothing is announced" in page.text) == (200, True)
    assert 'href="/removals"' not in page.text
