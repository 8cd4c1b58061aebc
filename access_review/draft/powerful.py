"""Which entitlements of a list are powerful by their names, where the list itself does not say which are."""

import re
from collections.abc import Iterable

from access_review.connectors.ad import well_known
from access_review.connectors.entra import roles
from access_review.draft.headers import plain_header
from access_review.draft.languages import folded

_POWERFUL = re.compile(
    r"\b(domain|sys|super)?(admins?|administrators?|administrador(es)?|administrateurs?|amministrator[ei]|administrator(en|zy))\b|"
    r"\b(super ?users?|root|sudo(ers)?|dba|sap all)\b|管理者"
)


def powerful_names(names: Iterable[str]) -> list[str]:
    """Return the names that are those of powerful groups and roles of Windows and Entra ID, or call somebody an administrator."""
    known = {name.casefold() for name in (*well_known.powerful_names(), *roles.powerful_names())}
    return sorted(name for name in names if name.casefold() in known or _POWERFUL.search(folded(plain_header(name))))
