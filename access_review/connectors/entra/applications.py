"""Applications: their app roles, the consents given to them, and the blueprints of agents."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from access_review.connectors.entra.properties import (
    Object,
    UnusableError,
    date,
    flag,
    needed,
    needed_word,
    objects,
    text,
)
from access_review.connectors.entra.tenant_objects import TableRow, TenantObjects
from access_review.tables import Row, ref

DEFAULT_ROLE = "00000000-0000-0000-0000-000000000000"
"""The app role of an assignment that names none: plain access."""

MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"
"""The application id of Microsoft Graph."""

PRIVILEGED_PERMISSIONS = frozenset(
    {
        "Application.ReadWrite.All",
        "AppRoleAssignment.ReadWrite.All",
        "DelegatedPermissionGrant.ReadWrite.All",
        "Directory.ReadWrite.All",
        "EntitlementManagement.ReadWrite.All",
        "Files.ReadWrite.All",
        "Group.ReadWrite.All",
        "GroupMember.ReadWrite.All",
        "Mail.ReadWrite",
        "Mail.Send",
        "Policy.ReadWrite.ConditionalAccess",
        "PrivilegedAccess.ReadWrite.AzureADGroup",
        "RoleAssignmentSchedule.ReadWrite.Directory",
        "RoleEligibilitySchedule.ReadWrite.Directory",
        "RoleManagement.ReadWrite.Directory",
        "Sites.FullControl.All",
        "User.ReadWrite.All",
        "UserAuthenticationMethod.ReadWrite.All",
    }
)
"""Application permissions of Microsoft Graph that lead to more access, or to everybody's mail and files."""


class AppRole(NamedTuple):
    """An app role that a service principal offers: its id, what it is called there, and what it says."""

    id: str
    value: str
    description: str | None


def offered_roles(thing: Object) -> list[AppRole]:
    """Return the app roles of a service principal, a disabled one only when it is held; raises ``UnusableError``."""
    found = []
    for role in objects(thing, "appRoles"):
        role_id, value = needed(role, "id"), text(role, "value") or text(role, "displayName")
        if flag(role, "isEnabled") is not False:
            found.append(AppRole(role_id, value or role_id, text(role, "description")))
    return found


def read_app_role(thing: Object) -> tuple[str, str]:
    """Read principal and role of an assignment of an app role."""
    return needed(thing, "principalId"), needed(thing, "appRoleId")


def read_consent(thing: Object) -> tuple[str, str, str]:
    """Read client, resource and holder of a consent.

    One for everybody is held by the application: no user gave it, and none can give it back.
    """
    everybody = needed_word(thing, "consentType", "AllPrincipals", "Principal") == "AllPrincipals"
    client = needed(thing, "clientId")
    return client, needed(thing, "resourceId"), client if everybody else needed(thing, "principalId")


@dataclass
class Applications:
    """The applications of a tenant and what is given to and through them."""

    directory: TenantObjects
    graph_principals: set[str] = field(default_factory=set)
    role_names: dict[tuple[str, str], str] = field(default_factory=dict)
    blueprints: dict[str, str] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)
    passed_on: set[tuple[str, str, str]] = field(default_factory=set)
    consents: set[str] = field(default_factory=set)

    def app_roles(self, thing: Object, offered: Iterable[AppRole]) -> Iterator[TableRow]:
        """Translate the app roles that a service principal offers."""
        native = thing["id"]
        if text(thing, "appId") == MICROSOFT_GRAPH:
            self.graph_principals.add(native)
        for role in offered:
            yield from self._role(native, role.id, role.value, role.description)

    def _role(self, native: str, role_id: str, value: str, description: str | None = None) -> Iterator[TableRow]:
        if (native, role_id) in self.role_names:
            return
        self.role_names[native, role_id] = value
        privileged = native in self.graph_principals and value in PRIVILEGED_PERMISSIONS
        name = f"{self.directory.name_of(native)}/{value}"
        yield self.directory.entitlement(
            "approle", f"{native}/{role_id}", name, privileged=privileged, description=description
        )

    def assigned(self, native: str, thing: Object) -> Iterator[TableRow]:
        """Translate one assignment of an app role of service principal ``native``."""
        principal, role_id = read_app_role(thing)
        yield from self._role(native, role_id, "default" if role_id == DEFAULT_ROLE else role_id)
        role = self.directory.source.id("approle", f"{native}/{role_id}")
        since = date(thing, "createdDateTime")
        stated_type = text(thing, "principalType") or ""
        yield self.directory.holding(
            principal, role, stated_type=stated_type, via="approle", native_id=thing["id"], since=since
        )
        if principal in self.blueprints:
            self.passed_on.add((principal, role, thing["id"]))

    def consent(self, thing: Object) -> Iterator[TableRow]:
        """Translate a delegated permission: for one user, or (held by the application) for everybody."""
        client, resource, holder = read_consent(thing)
        everybody = holder == client
        scopes = sorted(set((text(thing, "scope") or "").split()))
        if not scopes:
            raise UnusableError("a consent without a scope")
        for scope in scopes:
            yield from self._consented(client, resource, scope)
            consent = self.directory.source.id("consent", f"{client}/{resource}/{scope}")
            yield self.directory.holding(holder, consent, via="consent", native_id=thing["id"])
            if everybody and client in self.blueprints:
                self.passed_on.add((client, consent, thing["id"]))

    def _consented(self, client: str, resource: str, scope: str) -> Iterator[TableRow]:
        native = f"{client}/{resource}/{scope}"
        if native in self.consents:
            return
        self.consents.add(native)
        name = f"{self.directory.name_of(client)}/{self.directory.name_of(resource)}:{scope}"
        privileged = resource in self.graph_principals and scope in PRIVILEGED_PERMISSIONS
        yield self.directory.entitlement("consent", native, name, privileged=privileged)

    def blueprint(self, thing: Object) -> Iterator[TableRow]:
        """Translate the principal of a blueprint: what each agent made from it passes through."""
        native = thing["id"]
        self.blueprints[native] = text(thing, "appId") or native
        yield self.directory.entitlement("blueprint", native, self.directory.name_of(native))

    def agent(self, thing: Object) -> None:
        """Remember which blueprint an agent was made from."""
        if blueprint := text(thing, "agentIdentityBlueprintId"):
            self.agents[thing["id"]] = blueprint

    def inherited(self) -> Iterator[TableRow]:
        """Yield what agents hold through their blueprints."""
        by_app = {app: native for native, app in self.blueprints.items()}
        fixed: Row = {
            "mastered_in": self.directory.source.name,
            "removable": False,
            "why_not": "an agent is made from its blueprint",
        }
        for agent, app in sorted(self.agents.items()):
            native = by_app.get(app) or (app if app in self.blueprints else None)
            if native is None:
                place, subject = f"agentIdentities/{agent}", self.directory.row_id(agent)
                yield self.directory.unusable(place, f"its blueprint {app} was not read", subject)
                continue
            blueprint = self.directory.source.id("blueprint", native)
            row = {"account": self.directory.row_id(agent), "entitlement": blueprint, "mode": "assigned"}
            yield "grants", {**row, "via": "inherits", "native_id": native, **fixed}
        why = "what the blueprint's principal holds reaches its agents: take it from the blueprint"
        for native, entitlement, held in sorted(self.passed_on):
            ends = {"child": self.directory.source.id("blueprint", native), "parent": entitlement, "mode": "assigned"}
            edge = {"why": "inherits", "reach": "transitive", "native_id": held}
            yield "nesting", {**ends, **edge, **fixed, "why_not": why}

    def registered(self, application: Object) -> TableRow | None:
        """Return the alias which says that a service principal is of an application registered in this tenant."""
        app = needed(application, "appId")
        native = self.directory.principals_of_apps.get(app)
        return self.directory.alias("registered-app", app, self.directory.row_id(native)) if native else None

    def object_of(self, application: Object) -> str:
        """Return what stands for an application: its service principal, or a reference by application id."""
        app = needed(application, "appId")
        native = self.directory.principals_of_apps.get(app)
        return self.directory.row_id(native) if native else ref("app-id", app)
