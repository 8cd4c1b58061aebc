"""The scopes of consents: one is taken or given back by writing the others, as they are once this batch is through."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from access_review.changes import Change, Sighting, Target, Thing
from access_review.connectors.entra.applications import read_consent
from access_review.connectors.entra.changed_objects import account_of, object_id
from access_review.connectors.entra.grant_lists import GrantHandle, GrantLists, ListedGrant
from access_review.connectors.entra.graph import GraphResponse as Reply
from access_review.connectors.entra.graph import VanishedError, quoted
from access_review.connectors.entra.pages import NotReadError

_CONSENTS = "/oauth2PermissionGrants"


@dataclass(frozen=True, slots=True)
class ConsentScopes:
    """The consents of a tenant while one batch changes them: it knows which scopes it has changed."""

    lists: GrantLists
    _scopes: dict[tuple[str, str, str], dict[str, bool]] = field(default_factory=dict)

    def remember(self, consent: Thing, change: Change) -> None:
        """Note that a batch has carried a change out, of which a read may not know yet."""
        self._edited(consent, change.target)[_scope_of(consent)] = change.action.restores

    def handle(self, consent: Thing, change: Change) -> GrantHandle:
        """Return how one scope of a consent is handled."""
        target = change.target
        edited = self._edited(consent, target)
        scope = _ConsentScope(self.lists, target, _scope_of(consent), _consent_key(consent, target), edited)
        return GrantHandle(scope.look, partial(scope.write, there=False), partial(scope.write, there=True))

    def _edited(self, consent: Thing, target: Target) -> dict[str, bool]:
        client, resource, _ = consent.native_id.split("/", 2)
        return self._scopes.setdefault((client, resource, account_of(target).native_id), {})


@dataclass(frozen=True, slots=True)
class _ConsentScope:
    """One scope; ``key`` tells its consent from others, which goes with its last scope, and ``edited`` is what the batch did to it."""

    lists: GrantLists
    target: Target
    name: str
    key: Mapping[str, str]
    edited: dict[str, bool]

    def look(self) -> Sighting:
        """Look whether it is there."""
        base = self.lists.graph.base
        if self.name in self._read()[1]:
            return Sighting(True, base)
        self.lists.see_holder(account_of(self.target))
        return Sighting(False, base)

    def write(self, *, there: bool) -> Reply:
        """Write the consent with it or without it."""
        address, read = self._read()
        before, self.edited[self.name] = self.edited.get(self.name), there
        # A read may still show what this batch has just taken: written back, it would be given again.
        left = [one for one in read if self.edited.get(one, True)]
        left += sorted(one for one, given in self.edited.items() if given and one not in left)
        graph = self.lists.graph
        try:
            if not left:
                reply = graph.send("DELETE", address)
            elif read or not there:
                reply = graph.send("PATCH", address, body={"scope": " ".join(left)})
            else:
                reply = graph.send("POST", _CONSENTS, body={**self.key, "scope": " ".join(left)})
        except Exception:
            self._forget(before)
            raise
        # What was refused is not done: the next scope of this consent must not take it along.
        refused = 400 <= reply.status < 500 or reply.status == 503
        if not reply.failure and refused and reply.status not in (404, 408):
            self._forget(before)
        return reply

    def _read(self) -> tuple[str, list[str]]:
        """Return the consent's address and scopes as they are read; one that was given anew has another id."""
        native = object_id(self.target.native_id or "")
        try:
            found = self.lists.graph.get_one(_CONSENTS, native, "scope")
        except VanishedError:
            look = f"{_CONSENTS}?$filter=clientId eq {quoted(object_id(self.key['clientId']))}"
            anew = ListedGrant(look, read_consent, self.key, account_of(self.target))
            again = next(self.lists.matching(anew), None)
            if again is None:
                return f"{_CONSENTS}/{native}", []
            found = again
        if not isinstance(found.get("scope"), str):
            raise NotReadError("the scopes of the consent are not said")
        return f"{_CONSENTS}/{object_id(found['id'])}", found["scope"].split()

    def _forget(self, before: bool | None) -> None:
        self.edited.pop(self.name)
        if before is not None:
            self.edited[self.name] = before


def _scope_of(consent: Thing) -> str:
    return consent.native_id.split("/", 2)[2]


def _consent_key(consent: Thing, target: Target) -> dict[str, str]:
    client, resource, _ = consent.native_id.split("/", 2)
    account = account_of(target)
    if account.native_id == client:
        return {"clientId": client, "resourceId": resource, "consentType": "AllPrincipals"}
    who = {"consentType": "Principal", "principalId": object_id(account)}
    return {"clientId": client, "resourceId": resource, **who}
