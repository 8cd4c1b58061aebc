"""A directory and a tenant for the stand-ins in ``stubs``: as :func:`tests.powershell.every_action.everything` knows them."""

from typing import Any

from tests.powershell.every_action import DOMAIN, TENANT, guid

World = dict[str, Any]

NAME, HOST = "corp.example", "dc1.corp.example"
BASE = "DC=corp,DC=example"
ANN, OTHER = guid(205), guid(206)
"""The user of the tenant who loses everything, and one who loses nothing."""
TEAM = guid(301)


def world() -> World:
    """Return a directory and a tenant in which all that the plan takes is held, beside what it must leave alone."""
    return {"ad": _directory(), "graph": _tenant()}


def _directory() -> World:
    five = f"CN=O'Brien\\, (five) *,OU=Staff,{BASE}"
    seven = f"CN=user7,OU=Staff,{BASE}"
    people = [
        _object("O'Brien", five, "user", guid(5), "S-1-5-21-1-2-3-1105", userAccountControl=512),
        _object("user7", seven, "user", guid(7), "S-1-5-21-1-2-3-1107", userAccountControl=512),
    ]
    groups = [
        _object(name, f"CN={name},OU=Groups,{BASE}", "group", guid(number), f"S-1-5-21-1-2-3-2{number}", member=members)
        for name, number, members in (("All", 100, [five, seven]), ("Fin", 101, [five]), ("Other", 102, [seven]))
    ]
    domain = {"name": NAME, "sid": DOMAIN, "host": HOST, "dn": BASE}
    return {"default": NAME, "domains": {NAME: domain, HOST: domain}, "objects": people + groups}


def _object(name: str, dn: str, kind: str, native: str, sid: str, **more: Any) -> World:
    return {"domain": NAME, "dn": dn, "name": name, "class": kind, "guid": native, "sid": sid, **more}


def _tenant() -> World:
    hers = {"principalId": ANN, "directoryScopeId": "/"}
    app, resource = guid(306), guid(307)
    consent = {"clientId": app, "resourceId": resource, "consentType": "Principal"}
    others = [{"id": f"other-{n}", **consent, "principalId": OTHER, "scope": "Mail.Read"} for n in range(3)]
    return {
        "tenant": TENANT,
        "connected": True,
        "scopes": ["Directory.ReadWrite.All"],
        "users": {
            ANN: {"accountEnabled": True, "signInSessionsValidFromDateTime": "2025-01-01T00:00:00Z"},
            OTHER: {"accountEnabled": True},
        },
        "servicePrincipals": {guid(304): {"accountEnabled": True}, app: {"accountEnabled": True}},
        "groups": {
            TEAM: {
                "members": [OTHER, guid(208), guid(209), ANN],
                "groupTypes": [],
                "mailEnabled": False,
                "onPremisesSyncEnabled": None,
            }
        },
        "roleAssignments": [
            {**hers, "id": "as-other", "roleDefinitionId": guid(303), "directoryScopeId": "/administrativeUnits/1"},
            {**hers, "id": "as-0", "roleDefinitionId": guid(399)},
            {**hers, "id": "as-1", "roleDefinitionId": guid(303)},
        ],
        "eligible": [{**hers, "id": "el-1", "roleDefinitionId": guid(302)}],
        "scheduled": [],
        "appRoleAssignments": [{"id": "as-2", "principalId": ANN, "resourceId": guid(304), "appRoleId": guid(305)}],
        "grants": [*others, {"id": "as-3", **consent, "principalId": ANN, "scope": "Mail.Read Calendars.Read"}],
    }


def nested() -> World:
    """Return a world in which a group is in a group, in the directory and in the tenant."""
    made = world()
    inner = f"CN=Carrier,OU=Groups,{BASE}"
    made["ad"]["objects"].append(_object("Carrier", inner, "group", guid(105), "S-1-5-21-1-2-3-2105", member=[]))
    of(made, "All")["member"].append(inner)
    made["graph"]["groups"][guid(302)] = {"members": [OTHER], "groupTypes": [], "mailEnabled": False}
    made["graph"]["groups"][TEAM]["members"].append(guid(302))
    return made


def of(made: World, name: str) -> World:
    """Return an object of the directory by its name."""
    found: World
    (found,) = [one for one in made["ad"]["objects"] if one["name"] == name]
    return found
