"""What Graph answers in another form than its own is never taken for "not there", "nothing changed" or "no more"."""

import json
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import MaxRetryError
from urllib3.exceptions import SSLError as UrllibSSLError

from access_review.changes import Action, Change, Expectation, Mark, Target, Thing, WriteResult
from access_review.connectors.entra.access_packages import AccessPackages, check_assignment
from access_review.connectors.entra.authentication import Network, TokenProvider
from access_review.connectors.entra.delta import COUNT, START, TRACKED, Mirror, mark_changes
from access_review.connectors.entra.graph import Graph, GraphRequest, UntrustedError
from access_review.connectors.entra.live import LiveTenant
from access_review.connectors.entra.live_pages import LivePages
from access_review.connectors.entra.paged_tenant import PagedTenant
from access_review.connectors.entra.pages import NotReadError, PagedCollection
from access_review.connectors.entra.properties import UnusableError
from access_review.connectors.entra.registration import Cloud, Registration
from access_review.connectors.entra.tenant_objects import TenantObjects
from access_review.connectors.entra.writer import GraphWriter
from access_review.errors import ConnectorError, Transient
from tests.simulated_tenant.reading import SOURCE

BASE = "https://graph.test/v1.0"
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
EMPTY: Any = {"value": []}
NO_LIST: tuple[Any, ...] = ({}, {"error": {"code": "x"}}, {"value": None}, {"value": {"id": "g1"}}, {"value": 5})
NO_END: tuple[Any, ...] = (
    {"value": [], "@odata.nextLink": [f"{BASE}/x"]},
    {"value": ["g1"]},
    {"value": [{"name": "no id"}]},
)


@dataclass
class Scripted:
    """A service that answers each address by the first of these that stands in it, and everything else with 404."""

    answers: dict[str, Any]
    sent: list[tuple[str, str, Any]] = field(default_factory=list)

    def request(self, method: str, url: str, *, json: Any = None, **_: Any) -> requests.Response:
        self.sent.append((method, url.removeprefix(BASE), json))
        found = next((answer for part, answer in self.answers.items() if part in url), 404)
        if isinstance(found, Exception):
            raise found
        status, body, headers = (
            found if isinstance(found, tuple) else (found, {}, {}) if found == 404 else (200, found, {})
        )
        return made(status, body, headers)

    def close(self) -> None: ...


def made(status: int, body: Any, headers: dict[str, str]) -> requests.Response:
    response = requests.Response()
    response.status_code, response.headers = status, CaseInsensitiveDict(headers)
    response._content = json.dumps(body).encode()
    return response


def graph(answers: dict[str, Any]) -> tuple[Graph, Scripted]:
    service = Scripted(answers)
    return Graph(BASE, lambda _: "token", service, attempts=1), service  # type: ignore[arg-type]


def thing(kind: str, native: str) -> Thing:
    return Thing(f"entra:{kind}:{native}", native, native)


def of(
    action: Action, kind: str = "", native: str = "", *, via: str = "member", native_id: str | None = None
) -> Change:
    held = thing(kind, native) if kind else None
    target = Target("entra", "entra", native_id=native_id, account=thing("user", "u1"), entitlement=held)
    return Change("c-1", action, target, via, Expectation(present=True), (), (), "")


HOLDER = {"/users/u1": {"id": "u1"}}
GROUP = {"id": "g1", "groupTypes": ["Unified"], "visibility": "Private"}
MEMBER = of(Action.REMOVE_MEMBER, "group", "g1")
ROLE = of(Action.REMOVE_ROLE_ASSIGNMENT, "role", "r1", via="role-assignment", native_id="a1")
PIM = of(Action.END_PIM, "group", "g1", via="pim", native_id="a1")
APP_ROLE = of(Action.REMOVE_APPROLE, "approle", "s1/r1", via="approle", native_id="a1")
CONSENT = of(Action.REMOVE_CONSENT, "consent", "c1/s1/Mail.Read", via="consent", native_id="k1")
LISTED = {
    "member": (MEMBER, "/memberOf", {"/groups/g1": GROUP}),
    "role": (ROLE, "/roleAssignments", {}),
    "membership in PIM": (PIM, "/assignmentScheduleInstances", {}),
    "app role": (APP_ROLE, "/appRoleAssignedTo", {}),
    "consent given anew": (CONSENT, "/oauth2PermissionGrants?", {}),
}


def seen(change: Change, answers: dict[str, Any]) -> bool | None:
    client, _ = graph(answers)
    return GraphWriter(client).holds(change, NOON).there


@pytest.mark.parametrize("odd", [*NO_LIST, *NO_END], ids=str)
@pytest.mark.parametrize("what", LISTED)
def test_a_grant_is_not_there_only_where_a_list_shows_it(what: str, odd: Any) -> None:
    change, place, others = LISTED[what]
    assert seen(change, {place: EMPTY, **others, **HOLDER}) is False
    assert seen(change, {place: odd, **others, **HOLDER}) is None


@pytest.mark.parametrize("what", ["role", "membership in PIM", "app role", "consent given anew"])
def test_a_listed_grant_that_does_not_say_whose_or_what_it_is_may_be_the_one(what: str) -> None:
    change, place, others = LISTED[what]
    assert seen(change, {place: {"value": [{"id": "another"}]}, **others, **HOLDER}) is None


@pytest.mark.parametrize("odd", [{}, {"id": "g1"}, {**GROUP, "id": "g2"}], ids=str)
def test_whether_a_group_hides_its_members_has_to_be_said(odd: Any) -> None:
    assert seen(MEMBER, {"/memberOf": EMPTY, "/groups/g1": odd, **HOLDER}) is None


@pytest.mark.parametrize(
    "odd", [{}, {"id": "k1"}, {"id": "k1", "scope": ["Mail.Read"]}, {"id": "k2", "scope": ""}], ids=str
)
def test_a_consent_is_neither_gone_nor_deleted_where_its_scopes_are_not_said(odd: Any) -> None:
    assert seen(CONSENT, {"/oauth2PermissionGrants/k1": {"id": "k1", "scope": "User.Read"}, **HOLDER}) is False
    assert seen(CONSENT, {"/oauth2PermissionGrants/k1": odd, **HOLDER}) is None
    client, service = graph({"/oauth2PermissionGrants/k1": odd, **HOLDER})
    assert GraphWriter(client).revoke(CONSENT).result is WriteResult.TRANSIENT
    assert {method for method, _, _ in service.sent} == {"GET"}


@pytest.mark.parametrize(
    "odd", [{}, {"id": "u1"}, {"id": "u2", "accountEnabled": False}, {"id": "u1", "accountEnabled": "false"}], ids=str
)
def test_an_account_is_disabled_only_where_it_says_so_itself(odd: Any) -> None:
    change = of(Action.DISABLE_ACCOUNT)
    assert seen(change, {"/users/u1": {"id": "u1", "accountEnabled": False}}) is False
    assert seen(change, {"/users/u1": odd}) is None


def test_a_role_for_a_scope_of_an_application_is_found_taken_by_its_id_and_given_for_that_scope() -> None:
    held = {"id": "a1", "principalId": "u1", "roleDefinitionId": "r1", "directoryScopeId": None, "appScopeId": "/"}
    answers: dict[str, Any] = {"/roleAssignments/a1": (204, {}, {}), "/roleAssignments": {"value": [held]}, **HOLDER}
    scoped = of(Action.REMOVE_ROLE_ASSIGNMENT, "role", "r1@app:/", via="role-assignment", native_id="a1")
    assert seen(scoped, answers) is True
    assert seen(ROLE, answers) is False, "it is not of the whole tenant"
    client, service = graph(answers)
    writer = GraphWriter(client)
    assert writer.revoke(scoped).result is WriteResult.DONE
    assert service.sent[-1][:2] == ("DELETE", "/roleManagement/directory/roleAssignments/a1")
    writer.restore(scoped)
    assert service.sent[-1][2] == {"principalId": "u1", "roleDefinitionId": "r1", "appScopeId": "/"}


def test_a_header_that_is_no_date_changes_nothing_of_what_was_done() -> None:
    client, _ = graph({"/groups/g1/members": (204, {}, {"Date": "junk"}), "/groups/g1": GROUP})
    assert GraphWriter(client).revoke(MEMBER).result is WriteResult.DONE
    assert client.clock is None


def test_an_answer_whose_headers_cannot_be_read_is_unknown() -> None:
    # requests looks where a redirect leads although none is followed.
    client, _ = graph({"/groups/g1/members": ValueError("Invalid IPv6 URL"), "/groups/g1": GROUP})
    assert GraphWriter(client).revoke(MEMBER).result is WriteResult.UNKNOWN


@pytest.mark.parametrize("responses", [5, {"id": "0"}, None, ["0"], [{"id": "0", "status": "200"}]], ids=str)
def test_a_batch_without_answers_has_none_for_its_parts(responses: Any) -> None:
    client, _ = graph({"/$batch": {"responses": responses}})
    (result,) = client.get_all([GraphRequest("/groups")])
    with pytest.raises(NotReadError):
        result()


def test_a_part_of_a_batch_may_have_odd_headers() -> None:
    part = {"id": "0", "status": 429, "headers": {"Retry-After": ["soon"], "Date": 5}, "body": {}}
    client, _ = graph({"/$batch": {"responses": [part]}})
    client.attempts = 2
    client.pace.time.sleep = lambda _: None
    with pytest.raises(NotReadError, match="429"):
        client.get_all([GraphRequest("/groups")])[0]()


@pytest.mark.parametrize("odd", [*NO_LIST, {"value": []}], ids=str)
def test_nothing_changed_only_where_a_page_of_changes_lists_nothing(odd: Any) -> None:
    before = Mark("known", json.dumps(dict.fromkeys(TRACKED, f"{BASE}/next")))
    client, _ = graph({"/next": {**EMPTY, "@odata.deltaLink": f"{BASE}/next"}})
    assert mark_changes(client, before).content == "known"
    client, _ = graph({"/next": {**odd, "@odata.deltaLink": None if "value" in odd else f"{BASE}/next"}})
    with pytest.raises(NotReadError):
        mark_changes(client, before)


@pytest.mark.parametrize("members", [None, 5, ["u1"], [{"@removed": {"reason": "deleted"}}]], ids=str)
def test_a_mirror_takes_no_members_that_it_cannot_read(members: Any) -> None:
    changed = {"value": [{"id": "g1", "members@delta": members}], "@odata.deltaLink": f"{BASE}/next"}
    client, _ = graph({START.url: changed, COUNT.url: {"@odata.count": 1}})
    with pytest.raises(NotReadError):
        Mirror("tenant").update(client)


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_mirror_starts_anew_where_its_place_is_not_known_any_more(status: int) -> None:
    lost: Any = (status, {"error": {"code": "syncStateNotFound"}}, {})
    anew = {"value": [{"id": "g1"}], "@odata.deltaLink": f"{BASE}/next"}
    client, _ = graph({"/next": lost, START.url: anew, COUNT.url: {**EMPTY, "@odata.count": 1}})
    assert Mirror("tenant", f"{BASE}/next").update(client) is True


def test_a_mirror_that_lacks_what_it_is_for_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "mirror.json"
    path.write_text('{"format": "access-review/mirror@2", "of": "tenant"}')
    assert Mirror.load(path, "tenant") == Mirror("tenant")


@pytest.mark.parametrize("odd", [*NO_LIST, EMPTY, {"value": ["x"]}], ids=str)
def test_a_tenant_that_does_not_say_which_it_is_is_not_read(odd: Any) -> None:
    client, _ = graph({"/organization": odd})
    tenant = LiveTenant(PagedTenant(SOURCE, LivePages(client)), lambda: client)
    with pytest.raises(Transient):
        list(tenant.collect(NOON))


def test_objects_that_nobody_counted_again_are_not_all() -> None:
    client, _ = graph({"$top=1&": {"value": []}, "/groups": {"value": [{"id": "g1"}], "@odata.count": 2}})
    groups = PagedCollection("groups", LivePages(client)("groups"))
    assert [one["id"] for one in groups.objects()] == []
    assert "does not say how many" in groups.reason


def test_a_link_that_is_none_does_not_hide_behind_the_next_group() -> None:
    client, _ = graph(
        {"/$batch": {"responses": [answer(0, {"value": [], "@odata.nextLink": ["x"]}), answer(1, EMPTY)]}}
    )
    door = LivePages(client, _candidates=["g1", "g2"])
    runs = PagedCollection("groupAssignmentScheduleInstances", door("groupAssignmentScheduleInstances"))
    assert list(runs.objects()) == []
    assert "no text" in runs.reason


def answer(number: int, body: Any) -> dict[str, Any]:
    return {"id": str(number), "status": 200, "headers": {}, "body": body}


MEMBERSHIP = {"id": "a1", "principalId": "u1", "groupId": "g1", "accessId": "member", "memberType": "Direct"}


@pytest.mark.parametrize(
    ("name", "value"), [("accessId", "future"), ("memberType", "future"), ("assignmentType", "future")]
)
def test_a_word_of_the_future_may_mean_that_it_is_there(name: str, value: str) -> None:
    place = "/assignmentScheduleInstances"
    assert seen(PIM, {place: {"value": [MEMBERSHIP]}, **HOLDER}) is True
    assert seen(PIM, {place: {"value": [{**MEMBERSHIP, name: value}]}, **HOLDER}) is None


def test_two_properties_of_one_name_that_cannot_be_read_are_one_problem() -> None:
    publisher = {"id": "s1", "displayName": 5, "verifiedPublisher": {"displayName": 6}}
    client, _ = graph({"/servicePrincipals?": {"value": [publisher]}})
    rows = list(PagedTenant(SOURCE, LivePages(client)).collect(NOON))
    keys = [row["locator"] for table, row in rows if table == "problems"]
    assert keys.count("servicePrincipals/s1/displayName") == 1


def test_a_tenant_may_have_a_name_that_cannot_be_read() -> None:
    client, _ = graph({"/organization": {"value": [{"id": "t1", "displayName": float("inf")}]}})
    tenant = LiveTenant(PagedTenant(SOURCE, LivePages(client)), lambda: client)
    reasons = [row.get("reason") for table, row in tenant.collect(NOON) if table == "completeness"]
    assert '{"identity":"t1","name":null}' in reasons


@pytest.mark.parametrize("state", [None, "future"])
def test_a_package_of_which_nobody_knows_whether_it_gives_anything_is_no_package_that_gives_nothing(state: Any) -> None:
    given = {"target": {"objectId": "u1"}, "accessPackage": {"id": "p1"}, "state": state}
    with pytest.raises(UnusableError, match="state"):
        check_assignment(given)


def test_a_package_that_is_delivered_in_part_is_held() -> None:
    given = {"id": "x", "target": {"objectId": "u1"}, "accessPackage": {"id": "p1"}, "state": "partiallyDelivered"}
    packages = AccessPackages(TenantObjects(SOURCE))
    packages.managed([{"id": "p1", "displayName": "Desk"}], [given])
    rows = list(packages.rows([{"id": "p1", "displayName": "Desk"}], [given]))
    assert [row["entitlement"] for table, row in rows if table == "grants"] == ["entra:accesspackage:p1"]


def lost(error: ssl.SSLError) -> requests.exceptions.SSLError:
    """Return what requests raises for an error of TLS."""
    return requests.exceptions.SSLError(MaxRetryError(None, "/", UrllibSSLError(error)))  # type: ignore[arg-type]


def test_tls_that_breaks_off_is_a_lost_connection_and_no_wrong_certificate() -> None:
    client, _ = graph({"/groups/g1/members": lost(ssl.SSLEOFError(8, "EOF occurred")), "/groups/g1": GROUP})
    assert GraphWriter(client).revoke(MEMBER).result is WriteResult.UNKNOWN
    client, _ = graph({"/users": lost(ssl.SSLCertVerificationError(1, "certificate verify failed"))})
    with pytest.raises(UntrustedError):
        client.get(GraphRequest("/users"))


def test_kinds_of_a_group_that_cannot_be_read_stop_the_call_before_it() -> None:
    client, service = graph({"/groups/g1": {**GROUP, "groupTypes": 5}})
    assert GraphWriter(client).revoke(MEMBER).result is WriteResult.TRANSIENT
    assert {method for method, _, _ in service.sent} == {"GET"}


@pytest.mark.parametrize("odd", [[], 5, None, {"access_token": "t", "expires_in": None}], ids=str)
def test_an_answer_that_is_none_of_a_sign_in_service_is_said_to_be(odd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {f"{name}_endpoint": f"https://login.test/{name}" for name in ("authorization", "token")}
    service = Scripted({"openid-configuration": {**known, "issuer": "https://login.test/t/v2.0"}, "/token": odd})
    monkeypatch.setenv("SECRET_OF_READER", "x")
    monkeypatch.setattr(Network, "session", lambda *_: service)
    registration = Registration.model_validate({"client_id": "c", "secret": {"env": "SECRET_OF_READER"}})
    cloud = Cloud(sign_in="https://login.test", graph="https://graph.test")
    with pytest.raises(ConnectorError, match="another form"):
        TokenProvider(SOURCE, "t", registration, cloud, Network())()
