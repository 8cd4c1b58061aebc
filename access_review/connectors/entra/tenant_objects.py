"""What is known of a tenant while its parts are translated: which object id is what, and what it is called."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from access_review.connectors import Source, no_value, problem
from access_review.connectors.classification import Classification
from access_review.connectors.entra.properties import Object, text, texts, type_of
from access_review.tables import Row, ref

TableRow = tuple[str, Row]

SCHEME = "entra-object"
"""The alias scheme of object ids, which are unique across tenants."""

_ACCOUNTS = frozenset({"user", "agentUser", "servicePrincipal", "agentIdentity", "agentIdentityBlueprintPrincipal"})


@dataclass(frozen=True, slots=True)
class TenantObjects:
    """The objects of one tenant seen so far. Reading fills it; translations look things up.

    ``groups`` has, per group, how a membership of it can be removed.
    """

    source: Source
    classification: Classification = field(default_factory=Classification)
    synced_from: str = "on-premises"
    empty: frozenset[str] = frozenset()
    accounts: dict[str, str] = field(default_factory=dict)
    groups: dict[str, Row] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    principals_of_apps: dict[str, str] = field(default_factory=dict)
    disputed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def said(self, thing: Object, name: str) -> str | None:
        """Return a text that people fill in; null when it stands for nothing, or is the name of a type."""
        value = text(thing, name)
        if no_value.is_type_name(value):
            return None
        return no_value.something(value, self.empty, name=name == "displayName")

    def all_said(self, thing: Object, name: str) -> list[str]:
        """Return the texts of a list that say something."""
        return [value for value in texts(thing, name) if not no_value.is_nothing(value, self.empty)]

    def add_account(self, object_id: str, row_id: str, name: str) -> None:
        """Remember an account."""
        self.accounts[object_id] = row_id
        self.names[object_id] = name

    def forget(self, object_id: str) -> None:
        """Forget an object that could not be used after all, so that no grant refers to what is not there."""
        for known in (self.accounts, self.groups, self.names):
            known.pop(object_id, None)

    def service_principals(self) -> list[str]:
        """Return the object ids of the service principals read, agents included."""
        prefix = self.source.id("sp", "")
        return [native for native, row_id in self.accounts.items() if row_id.startswith(prefix)]

    def group(self, object_id: str) -> str:
        """Return the id of a group."""
        return self.source.id("group", object_id)

    def row_id(self, object_id: str) -> str:
        """Return the row id of a user, group or service principal; a reference when it was not read."""
        if object_id in self.groups:
            return self.group(object_id)
        return self.accounts.get(object_id) or ref(SCHEME, object_id)

    def name_of(self, object_id: str) -> str:
        """Return what an object is called; its id when that is all there is."""
        return self.names.get(object_id, object_id)

    def is_group(self, object_id: str, stated_type: str = "") -> bool:
        """Tell whether a principal is a group: known as one, or stated_type to be by Graph."""
        return object_id in self.groups or stated_type.casefold() == "group"

    def client(self, name: str) -> str | None:
        """Return the client whose pattern a name fits; null when none or several do."""
        clients = self.classification.clients(name, "")
        if len(clients) > 1:
            self.disputed[name] = clients
        return clients[0] if len(clients) == 1 else None

    def disputes(self) -> Iterator[TableRow]:
        """Yield the names that more than one client's pattern fits."""
        for name, clients in sorted(self.disputed.items()):
            reason = f"its name belongs to more than one client: {', '.join(clients)}"
            yield problem(self.source, f"client of {name}", "ambiguous", reason)

    def alias(self, scheme: str, value: str, row_id: str) -> TableRow:
        """Return another name of something."""
        return "aliases", {"scheme": scheme, "value": value, "id": row_id}

    def entitlement(
        self, kind: str, native: str, name: str, *, effect: str = "grants", privileged: bool = False, **more: Any
    ) -> TableRow:
        """Return something that can be held. What the source file says of its name comes first."""
        row: Row = {
            "entitlement": self.source.id(kind, native),
            "source": self.source.name,
            "native_id": native,
            "stable_id": True,
            "kind": kind,
            "name": name,
            "client": self.client(name),
            "privileged": privileged or self.classification.is_privileged(name, ""),
            "effect": self.classification.effect_of(name, "", effect),
        }
        return "entitlements", {**row, **more}

    def holding(
        self, principal: str, entitlement: str, *, stated_type: str = "", via: str, mode: str = "assigned", **edge: Any
    ) -> TableRow:
        """Return that a principal holds an entitlement: a grant of an account, or a group's nesting.

        What is given to a group reaches its direct members only, for directory
        roles, app roles and licences alike. ``edge`` has ``native_id`` and, where
        the thing cannot simply be taken away, ``removable`` and ``why_not``.
        """
        removal = {"removable": True, "mastered_in": self.source.name, **edge}
        if self.is_group(principal, stated_type):
            removal = {key: value for key, value in removal.items() if key not in ("since", "until")}
            return "nesting", {
                "child": self.row_id(principal),
                "parent": entitlement,
                "mode": mode,
                "why": "grants-role",
                "reach": "direct-only",
                **removal,
            }
        row = {"account": self.row_id(principal), "entitlement": entitlement, "mode": mode, "via": via, **removal}
        return "grants", row

    def ownership(self, owned: str, place: str, owner: Object) -> TableRow:
        """Return who answers for an object; devices and contacts cannot."""
        if not self.can_act(owner):
            return self.unusable(place, f"a {type_of(owner)} cannot own anything", owned)
        return "owners", {"object": owned, "owner": self.row_id(owner["id"])}

    def can_act(self, thing: Object) -> bool:
        """Tell whether an object is an account or a group; one without a type is taken for one."""
        kind = type_of(thing)
        return kind in _ACCOUNTS or kind in {"", "group"}

    def unusable(self, place: str, reason: str, subject: str | None = None) -> TableRow:
        """Return a row for an object that could not be used."""
        return problem(self.source, place, "unusable", reason, subject)


def attributes(**values: Any) -> str | None:
    """Return what else is known as canonical JSON; null when nothing is."""
    import rfc8785

    known: Mapping[str, Any] = {name: value for name, value in values.items() if value not in (None, [], "")}
    return rfc8785.dumps(dict(known)).decode() if known else None
