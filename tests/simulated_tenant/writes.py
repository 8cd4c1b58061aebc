"""What an application may change in the tenant, how it is refused, and how long reads lag behind."""

from typing import TYPE_CHECKING

from tests.simulated_tenant.tenants import Object
from tests.simulated_tenant.wire import Request, Response, failed

if TYPE_CHECKING:
    from tests.simulated_tenant.simulator import Simulator

SYNCED = "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration."
MAIL = "Cannot Update a mail-enabled security groups and or distribution list."


class Writes:
    """Every write; reads see its effect ``lag`` seconds later."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator
        self._gone_links: list[tuple[float, str, str, str]] = []
        self._gone_objects: list[tuple[float, str, Object]] = []
        self._old_values: list[tuple[float, str, Object]] = []
        self.made: list[tuple[str, str]] = []
        self.revoked_sessions: list[str] = []
        self.mails: list[Object] = []

    # What reads see

    def seen(self, collection: str, things: dict[str, Object]) -> dict[str, Object]:
        now = self._simulator.clock.now()
        ghosts = [thing for until, where, thing in self._gone_objects if until > now and where == collection]
        olds = {old["id"]: old for until, where, old in self._old_values if until > now and where == collection}
        if not ghosts and not olds:
            return things
        return {**things, **{g["id"]: g for g in ghosts}, **{n: old for n, old in olds.items() if n in things}}

    def seen_links(self, what: str, owner: str, targets: list[str]) -> list[str]:
        now = self._simulator.clock.now()
        ghosts = [
            t for until, w, o, t in self._gone_links if until > now and (w, o) == (what, owner) and t not in targets
        ]
        return [*targets, *ghosts]

    # Writes

    def answer(self, request: Request) -> Response:
        self.made.append((request.method, request.path))
        method, parts = request.method, request.segments
        match method, parts:
            case "DELETE", ["groups", group, "members" | "owners" as what, target, "$ref"]:
                return self._unlink(group, what, target)
            case "DELETE", ["groups", _, "members" | "owners", target]:
                return self._delete_user(target)
            case "DELETE", ["users", target]:
                return self._delete_user(target)
            case "POST", ["groups", group, "members" | "owners" as what, "$ref"]:
                return self._link(group, what, request)
            case "PATCH", ["users" | "servicePrincipals" as collection, native]:
                return self._patch(collection, native, request)
            case "POST", ["users", native, "revokeSignInSessions"]:
                self.revoked_sessions.append(native)
                at = self._simulator.clock.utc.isoformat()
                self._simulator.tenant.of("users")[native]["signInSessionsValidFromDateTime"] = at
                return Response(200, {"value": True})
            case "POST", ["users", sender, "sendMail"]:
                return self._send_mail(sender, request)
            case "POST", ["users", native, "assignLicense"]:
                return self._licences(native, request)
            case "DELETE", ["servicePrincipals", resource, "appRoleAssignedTo", native]:
                return self._app_role(resource, native)
            case "POST", ["servicePrincipals", resource, "appRoleAssignedTo"]:
                return self._assign(resource, request)
            case "DELETE", ["oauth2PermissionGrants", native]:
                return self._remove("oauth2PermissionGrants", native)
            case "PATCH", ["oauth2PermissionGrants", native]:
                return self._scope(native, request)
            case "POST", ["oauth2PermissionGrants"]:
                return self._create("oauth2PermissionGrants", request, f"consent-{len(self.made)}")
            case "DELETE", ["roleManagement", "directory", "roleAssignments", native]:
                return self._remove("roleAssignments", native)
            case "POST", ["roleManagement", "directory", "roleAssignments"]:
                return self._create("roleAssignments", request, f"role-{len(self.made):032}")
            case "POST", ["roleManagement", "directory", kind]:
                return self._schedule(kind, request, ("roleDefinitionId", "principalId", "directoryScopeId"))
            case "POST", ["identityGovernance", "privilegedAccess", "group", kind]:
                return self._schedule(kind, request, ("groupId", "principalId", "accessId"))
            case "POST", ["identityGovernance", "entitlementManagement", "assignmentRequests"]:
                return self._end_package(request)
        return failed(400, "BadRequest", f"cannot {method} {request.path}")

    def _send_mail(self, sender: str, request: Request) -> Response:
        """Take a mail as the reference says of ``sendMail``: 202 and nothing more, before it is delivered."""
        users = self._simulator.tenant.of("users").values()
        if not any(sender in (one["id"], one["userPrincipalName"]) for one in users):
            return failed(404, "ErrorInvalidUser", f"The requested user '{sender}' is invalid.")
        body = request.body if isinstance(request.body, dict) else {}
        mail = body.get("message")
        if not isinstance(mail, dict) or not set(body) <= {"message", "saveToSentItems"}:
            return failed(400, "ErrorInvalidRequest", "The request body is not as sendMail takes it.")
        if not all(one["emailAddress"]["address"] for one in mail.get("toRecipients", ())):
            return failed(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.")
        self.mails.append(mail)
        return Response(202, None)

    def _until(self) -> float:
        return self._simulator.clock.now() + self._simulator.lag

    def _group_refusal(self, group: Object | None) -> Response | None:
        if group is None:
            return failed(404, "Request_ResourceNotFound", "the group does not exist")
        if group["onPremisesSyncEnabled"]:
            return failed(400, "Request_BadRequest", SYNCED)
        if "DynamicMembership" in group["groupTypes"]:
            return failed(
                400, "Request_BadRequest", "Insufficient privileges to complete the operation: dynamic membership."
            )
        if group["mailEnabled"] and "Unified" not in group["groupTypes"]:
            return failed(400, "Request_BadRequest", MAIL)
        granted = self._simulator.granted
        if group["isAssignableToRole"] and granted is not None and "RoleManagement.ReadWrite.Directory" not in granted:
            return failed(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        return None

    def _unlink(self, native: str, what: str, target: str) -> Response:
        refusal = self._group_refusal(self._simulator.tenant.of("groups").get(native))
        if refusal:
            return refusal
        kept = self._simulator.tenant.links.setdefault((f"groups/{what}", native), [])
        if target not in kept:
            return failed(404, "Request_ResourceNotFound", f"Resource '{target}' does not exist or is no {what}")
        if what == "owners" and len(kept) == 1:
            return failed(
                400, "Request_BadRequest", "The group must have at least one owner, hence this owner cannot be removed."
            )
        kept.remove(target)
        self._gone_links.append((self._until(), f"groups/{what}", native, target))
        self._simulator.delta.linked("groups", native, what, target, added=False)
        return Response(204)

    def _link(self, native: str, what: str, request: Request) -> Response:
        refusal = self._group_refusal(self._simulator.tenant.of("groups").get(native))
        if refusal:
            return refusal
        target = str(request.body["@odata.id"]).rpartition("/")[2]
        kept = self._simulator.tenant.links.setdefault((f"groups/{what}", native), [])
        if target in kept:
            return failed(400, "Request_BadRequest", "One or more added object references already exist.")
        kept.append(target)
        self._simulator.delta.linked("groups", native, what, target, added=True)
        return Response(204)

    def _delete_user(self, native: str) -> Response:
        """Delete the user itself: what Graph does when ``/$ref`` is missing."""
        tenant = self._simulator.tenant
        thing = tenant.of("users").pop(native, None)
        if thing is None:
            return failed(404, "Request_ResourceNotFound")
        tenant.add("deletedUsers", {**thing, "deletedDateTime": self._simulator.clock.utc.isoformat()})
        for (what, owner), targets in tenant.links.items():
            if native in targets:
                targets.remove(native)
                self._simulator.delta.linked(what.partition("/")[0], owner, what.partition("/")[2], native, added=False)
        self._simulator.delta.touched("users", native)
        return Response(204)

    def _patch(self, collection: str, native: str, request: Request) -> Response:
        thing = self._simulator.tenant.of(collection).get(native)
        if thing is None:
            return failed(404, "Request_ResourceNotFound")
        holds = any(r["principalId"] == native for r in self._simulator.tenant.of("roleAssignments").values())
        if holds and not self._simulator.app_roles and self._simulator.granted is not None:
            return failed(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        self._old_values.append((self._until(), collection, dict(thing)))
        thing.update(request.body)
        self._simulator.delta.touched(collection, native)
        return Response(204)

    def _licences(self, native: str, request: Request) -> Response:
        thing = self._simulator.tenant.of("users")[native]
        removed = set(request.body["removeLicenses"])
        states = thing["licenseAssignmentStates"]
        if any(s["skuId"] in removed and s["assignedByGroup"] for s in states):
            return failed(
                400,
                "Request_BadRequest",
                "User license is inherited from a group membership and it cannot be removed directly from the user.",
            )
        if not removed <= {licence["skuId"] for licence in thing["assignedLicenses"]}:
            return failed(400, "Request_BadRequest", "User does not have a corresponding license.")
        thing["assignedLicenses"] = [x for x in thing["assignedLicenses"] if x["skuId"] not in removed]
        thing["licenseAssignmentStates"] = [s for s in states if s["skuId"] not in removed]
        return Response(200, {name: value for name, value in thing.items() if name != "signInActivity"})

    def _app_role(self, resource: str, native: str) -> Response:
        kept = self._simulator.tenant.links.get(("servicePrincipals/appRoleAssignedTo", resource), [])
        if native not in kept:
            return failed(404, "Request_ResourceNotFound")
        kept.remove(native)
        self._gone_links.append((self._until(), "servicePrincipals/appRoleAssignedTo", resource, native))
        return self._remove("appRoleAssignments", native)

    def _assign(self, resource: str, request: Request) -> Response:
        made = self._create("appRoleAssignments", request, f"assignment-{len(self.made):032}")
        self._simulator.tenant.link("servicePrincipals/appRoleAssignedTo", resource, made.body["id"])
        return made

    def _remove(self, collection: str, native: str) -> Response:
        thing = self._simulator.tenant.of(collection).pop(native, None)
        if thing is None:
            return failed(404, "Request_ResourceNotFound")
        self._gone_objects.append((self._until(), collection, thing))
        self._simulator.delta.touched(collection, native)
        return Response(204)

    def _scope(self, native: str, request: Request) -> Response:
        thing = self._simulator.tenant.of("oauth2PermissionGrants").get(native)
        if thing is None:
            return failed(404, "Request_ResourceNotFound")
        self._old_values.append((self._until(), "oauth2PermissionGrants", dict(thing)))
        thing.update(request.body)
        self._simulator.delta.touched("oauth2PermissionGrants", native)
        return Response(204)

    def _create(self, collection: str, request: Request, native: str) -> Response:
        fresh = {"principalId": None, **request.body}
        self._simulator.tenant.add(collection, {"id": native, **fresh})
        self._simulator.delta.touched(collection, native)
        return Response(201, {"id": native, **fresh})

    def _schedule(self, kind: str, request: Request, key: tuple[str, ...]) -> Response:
        collections = {
            "roleAssignmentScheduleRequests": "roleAssignmentScheduleInstances",
            "roleEligibilityScheduleRequests": "roleEligibilityScheduleInstances",
            "assignmentScheduleRequests": "groupAssignmentScheduleInstances",
            "eligibilityScheduleRequests": "groupEligibilityScheduleInstances",
        }
        body, collection = request.body, collections[kind]
        if body["action"] == "adminAssign":
            more = {"memberType": "Direct", "assignmentType": "Assigned"}
            if collection.startswith("group"):  # their types write the same words small
                more = {name: word.lower() for name, word in more.items()}
            more["startDateTime"] = "2026-11-24T09:00:00Z"
            ends = {**{name: body[name] for name in key}, "endDateTime": None, **more}
            self._simulator.tenant.add(collection, {"id": f"schedule-{len(self.made):032}", **ends})
            return Response(201, {"id": "request", "status": "Provisioned", "action": "adminAssign"})
        if body["action"] != "adminRemove":
            return failed(400, "InvalidAction", body["action"])
        found = [t for t in self._simulator.tenant.of(collection).values() if all(t[n] == body[n] for n in key)]
        if not found:
            return failed(404, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
        for thing in found:
            self._remove(collection, thing["id"])
        self._end_effect(collection, body)
        return Response(201, {"id": "request", "status": "Revoked", "action": "adminRemove"})

    def _end_effect(self, collection: str, body: Object) -> None:
        if collection == "groupAssignmentScheduleInstances":
            self._unlink(body["groupId"], "members", body["principalId"])
        if collection == "roleAssignmentScheduleInstances":
            for thing in list(self._simulator.tenant.of("roleAssignments").values()):
                if all(thing[n] == body[n] for n in ("roleDefinitionId", "principalId", "directoryScopeId")):
                    self._remove("roleAssignments", thing["id"])

    def _end_package(self, request: Request) -> Response:
        native = request.body["assignment"]["id"]
        if request.body["requestType"] != "adminRemove" or native not in self._simulator.tenant.of(
            "accessPackageAssignments"
        ):
            return failed(400, "InvalidRequest")
        self._remove("accessPackageAssignments", native)
        return Response(201, {"id": "request", "requestType": "adminRemove", "state": "submitted"})
