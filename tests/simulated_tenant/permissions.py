"""Who may do what, by Microsoft's own map of application permissions (outside data)."""

import json
import re
from functools import lru_cache
from pathlib import Path

from tests.simulated_tenant.wire import Request

Needs = dict[tuple[str, str], dict[str, tuple[str, ...]]]

_ID = re.compile(
    r"^(?:[^@/]+@[^@/]+|[0-9a-f]{8}-[0-9a-f-]{27}(?:_[0-9a-f-]+)?|consent-\d+|(?=.*\d)[\w-]{32,})$", re.IGNORECASE
)
_CHANGES_ENABLED = frozenset({"User.EnableDisableAccount.All", "User.ReadWrite.All", "Directory.ReadWrite.All"})

# What the map leaves out, from the reference page of each path.
_DOCUMENTED: Needs = {
    ("GET", "/directory/deleteditems/microsoft.graph.user"): {"User.Read.All": (), "Directory.Read.All": ()},
    ("POST", "/groups/{}/members"): {"GroupMember.ReadWrite.All": (), "Group.ReadWrite.All": ()},
    ("GET", "/users/{}/memberof"): {"User.Read.All": (), "Directory.Read.All": ()},
    ("GET", "/groups/{}/memberof"): {"GroupMember.Read.All": (), "Group.Read.All": (), "Directory.Read.All": ()},
    ("GET", "/serviceprincipals/{}/memberof"): {"Application.Read.All": (), "Directory.Read.All": ()},
}


def pattern(path: str) -> str:
    """Return a path as the map has it: lower case, ids left out, ``/$ref`` dropped."""
    parts = [part for part in path.split("/") if part]
    kept = ["{}" if _ID.match(part) else part.casefold() for part in parts if part != "$ref"]
    if kept[1:2] == ["{}"]:  # a cast of one object stands in no path of the map
        kept = [part for part in kept if not part.startswith("microsoft.graph.")]
    return "/" + "/".join(kept)


@lru_cache(maxsize=1)
def load(file: Path) -> Needs:
    """Read the map: by method and pattern, each permission that suffices and what it needs besides."""
    found: Needs = {}
    for name, permission in json.loads(file.read_text("utf-8"))["permissions"].items():
        for paths in permission["pathSets"]:
            if "Application" not in paths["schemeKeys"]:
                continue
            for path, said in paths["paths"].items():
                shape = re.sub(r"\{[^}]*\}", "{}", path.casefold()).split("?")[0].rstrip("/").removesuffix("/$ref")
                also = re.search(r"AlsoRequires=([^;]+)", said)
                for method in paths["methods"]:
                    needs = tuple(also[1].split(",")) if also else ()
                    found.setdefault((method, shape), {})[name] = needs
    for key, permissions in _DOCUMENTED.items():
        found.setdefault(key, {}).update(
            {name: needs for name, needs in permissions.items() if name not in found.get(key, {})}
        )
    return found


def suffices(needs: Needs, granted: frozenset[str], request: Request) -> frozenset[str]:
    """Return the granted permissions that let a request through; none refuses it."""
    key = (request.method, pattern(request.path))
    if key == ("POST", "/$batch"):
        return granted
    if key not in needs:
        raise AssertionError(f"Microsoft's map does not know {key[0]} {key[1]}")
    enough = {name for name, also in needs[key].items() if name in granted and (not also or granted & set(also))}
    if key == ("PATCH", "/users/{}"):
        enough &= _CHANGES_ENABLED
    if "signInActivity" in request.options.get("$select", "") and "AuditLog.Read.All" not in granted:
        return frozenset()
    if key == ("GET", "/users") and enough == {"User.ReadBasic.All"}:
        return frozenset()
    return frozenset(enough)
