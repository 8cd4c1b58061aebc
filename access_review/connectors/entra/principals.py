"""Users, service principals and agents: accounts, their other names, their credentials."""

from collections.abc import Iterator
from datetime import datetime

from access_review.connectors.classification import matches
from access_review.connectors.entra.properties import (
    NEVER,
    Object,
    UnusableError,
    date,
    flag,
    inner,
    needed,
    objects,
    text,
    texts,
    time_or_never,
    type_of,
)
from access_review.connectors.entra.tenant_objects import SCHEME, TableRow, TenantObjects, attributes
from access_review.connectors.same_name import folded
from access_review.tables import Row

SYNC_ACCOUNT = "directory synchronisation account"
_SYNC_NAMES = ("sync_", "adtoaadsyncserviceaccount")


def user(directory: TenantObjects, thing: Object, syncing: frozenset[str] = frozenset()) -> Iterator[TableRow]:
    """Translate a user; ``syncing`` are the ids that hold the directory-synchronisation role."""
    native, name = thing["id"], text(thing, "userPrincipalName")
    account = directory.source.id("user", native)
    row = {
        "account": account,
        "source": directory.source.name,
        "native_id": native,
        "stable_id": True,
        "name": name,
        "principal_name": name,
        "display_name": directory.said(thing, "displayName"),
        "mail": directory.said(thing, "mail"),
        "employee_id": directory.said(thing, "employeeId"),
        "kind": _kind(directory, thing, name or ""),
        "enabled": flag(thing, "accountEnabled"),
        "created_at": date(thing, "createdDateTime"),
        "password_set_at": date(thing, "lastPasswordChangeDateTime"),
        "client": directory.client(name or ""),
        "protected": _protected(directory, native, name or "", syncing),
        "attributes": _of_user(directory, thing),
        **last_use(inner(thing, "signInActivity")),
    }
    yield "accounts", row
    yield from _user_names(directory, thing, account)
    directory.add_account(native, account, name or native)


def _kind(directory: TenantObjects, thing: Object, name: str) -> str:
    if type_of(thing) == "agentUser" or text(thing, "identityParentId"):
        return "agent"
    guest = (text(thing, "userType") or "").casefold() == "guest"
    return directory.classification.kind(name, "", "guest" if guest else "human")


def _protected(directory: TenantObjects, native: str, name: str, syncing: frozenset[str]) -> str | None:
    if native in syncing or name.casefold().startswith(_SYNC_NAMES):
        return SYNC_ACCOUNT
    return protection(directory, name)


def protection(directory: TenantObjects, name: str) -> str | None:
    """Return why an account of that name is never touched; null when it may be."""
    return "break-glass account" if matches(directory.classification.break_glass, name, "") else None


def _of_user(directory: TenantObjects, thing: Object) -> str | None:
    synced = flag(thing, "onPremisesSyncEnabled")
    return attributes(
        mastered_in=directory.synced_from if synced else None,
        user_type=text(thing, "userType"),
        employee_type=directory.said(thing, "employeeType"),
        department=directory.said(thing, "department"),
        job_title=directory.said(thing, "jobTitle"),
        company=directory.said(thing, "companyName"),
        invitation=text(thing, "externalUserState"),
        agent_identity=text(thing, "identityParentId"),
    )


def _user_names(directory: TenantObjects, thing: Object, account: str) -> Iterator[TableRow]:
    yield directory.alias(SCHEME, thing["id"], account)
    for scheme, name in (
        ("on-premises-sid", "onPremisesSecurityIdentifier"),
        ("immutable-id", "onPremisesImmutableId"),
    ):
        if value := directory.said(thing, name):
            yield directory.alias(scheme, value, account)
    if upn := text(thing, "userPrincipalName"):
        yield directory.alias("upn", folded(upn), account)
    proxies = [
        address[5:] for address in directory.all_said(thing, "proxyAddresses") if address.casefold().startswith("smtp:")
    ]
    for address in sorted({folded(mail) for mail in (directory.said(thing, "mail"), *proxies) if mail}):
        yield directory.alias("mail", address, account)


def last_use(activity: Object) -> Row:
    """Translate the sign-in activity of a user.

    The last *successful* sign-in is exact. The others include failures, so they
    only say that the last use was not later; the successful one has been recorded
    since December 2023 and may be absent. Year 1 is never, absence is unknown.
    """
    success = time_or_never(activity, "lastSuccessfulSignInDateTime")
    attempts = [time_or_never(activity, name) for name in ("lastSignInDateTime", "lastNonInteractiveSignInDateTime")]
    if success is not None and success != NEVER:
        return _used(success, success, never=False)
    tried: list[datetime] = [at for at in attempts if at is not None and at != NEVER]
    if tried:
        return _used(None, max(tried), never=None)
    known = [at for at in (success, *attempts) if at is not None]
    return _used(None, None, never=True if known else None)


def _used(earliest: datetime | None, latest: datetime | None, *, never: bool | None) -> Row:
    return {"last_used_earliest": earliest, "last_used_latest": latest, "never_used": never}


def service_principal(directory: TenantObjects, thing: Object, *, agent: bool = False) -> Iterator[TableRow]:
    """Translate a service principal, managed identity or agent identity."""
    native, app = thing["id"], text(thing, "appId")
    name = text(thing, "displayName") or text(thing, "appDisplayName") or app or native
    agent = agent or type_of(thing) == "agentIdentity" or text(thing, "agentIdentityBlueprintId") is not None
    account = directory.source.id("sp", native)
    yield (
        "accounts",
        {
            "account": account,
            "source": directory.source.name,
            "native_id": native,
            "stable_id": True,
            "name": name,
            "display_name": name,
            "kind": "agent" if agent else "service",
            "enabled": flag(thing, "accountEnabled"),
            "created_at": date(thing, "createdDateTime") if agent else None,
            "client": directory.client(name),
            "protected": protection(directory, name),
            "attributes": _of_service_principal(thing, app, agent=agent),
        },
    )
    yield directory.alias(SCHEME, native, account)
    if app and not agent:
        yield directory.alias("app-id", app, account)
        directory.principals_of_apps[app] = native
    yield from credentials(account, thing)
    directory.add_account(native, account, name)


def _of_service_principal(thing: Object, app: str | None, *, agent: bool) -> str | None:
    return attributes(
        app_id=app,
        type=text(thing, "servicePrincipalType"),
        owner_tenant=text(thing, "appOwnerOrganizationId"),
        publisher=text(inner(thing, "verifiedPublisher"), "displayName"),
        azure_names=texts(thing, "alternativeNames"),
        tags=texts(thing, "tags"),
        blueprint=text(thing, "agentIdentityBlueprintId") if agent else None,
    )


def credentials(owned: str, thing: Object) -> Iterator[TableRow]:
    """Translate the secrets and certificates of a service principal or application."""
    for name, kind in (("passwordCredentials", "secret"), ("keyCredentials", "certificate")):
        seen = set()
        for credential in objects(thing, name):
            key = needed(credential, "keyId")
            if key in seen:
                raise UnusableError(f"credential {key} stands twice")
            seen.add(key)
            yield (
                "credentials",
                {
                    "object": owned,
                    "credential": key,
                    "kind": kind,
                    "set_at": date(credential, "startDateTime"),
                    "expires_at": date(credential, "endDateTime"),
                },
            )
