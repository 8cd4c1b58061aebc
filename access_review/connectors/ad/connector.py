"""Active Directory live, and it and other LDAP directories from recordings in LDIF.

Accounts, groups, who is in what (nested groups and primary groups included) and
who answers for it. Live: ``server``, ``user`` and ``password`` name a domain
controller and a read-only account (``runbooks/connect-ad.md``). A recording is LDIF content as ``ldapsearch``, ``ldifde`` or
``ldbsearch`` write it, with at least ``objectClass``, the id (``objectGUID`` or
``entryUUID``), names, ``member`` and, of Active Directory, ``objectSid``,
``primaryGroupID``, ``userAccountControl``, ``groupType`` and ``adminCount``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from access_review.connectors import Connector, Source
from access_review.connectors.ad.dialect import DirectoryKind, DirectoryOptions
from access_review.connectors.ad.recorded import RecordedDirectory
from access_review.connectors.classification import Classification, Effect
from access_review.connectors.secret import Named, Secret, SecretReference
from access_review.errors import WorkspaceError
from access_review.settings import Duration, OneOrMore

SignIn = Literal["simple", "kerberos"]


class DirectoryReach(BaseModel):
    """What of a domain is read live, in pages of ``page_size`` objects, and how much of the server's time that may take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bases: OneOrMore = ()
    deleted: StrictBool = True
    history: StrictBool = False
    page_size: Annotated[StrictInt, Field(ge=1, le=100_000)] = 1000
    answer_within: Duration = timedelta(minutes=1)
    read_within: Duration = timedelta(hours=1)
    closures_checked: Annotated[StrictInt, Field(ge=0)] = 25
    last_logon: Literal["one-server", "every-server"] = "one-server"
    incremental: StrictBool = False
    full_every: Duration = timedelta(days=7)


class WriterLogin(BaseModel):
    """The account that may write, apart from the one that reads; ``guard`` is an attribute of groups it may write.

    By Kerberos the user is a principal, with its ``keytab``, its ``tickets`` or a ticket that the machine holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: Named
    password: Secret | None = None
    sign_in: SignIn = "simple"
    keytab: Annotated[str, Field(min_length=1)] | None = None
    tickets: Annotated[str, Field(min_length=1)] | None = None
    guard: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*$")] | None = None


def connect(
    source: Source,
    *,
    recorded: Sequence[str] = (),
    server: OneOrMore = (),
    user: Named | None = None,
    password: Secret | None = None,
    sign_in: SignIn = "simple",
    ca_file: str | None = None,
    reach: DirectoryReach | None = None,
    writer: WriterLogin | None = None,
    directory: DirectoryKind | None = None,
    id_attribute: str | None = None,
    employee_id: str | None = None,
    attributes: Mapping[str, str] | None = None,
    privileged: Sequence[str] = (),
    effect: Mapping[Effect, Sequence[str]] | None = None,
    service_accounts: Sequence[str] = (),
    shared_accounts: Sequence[str] = (),
    break_glass: Sequence[str] = (),
    client: Mapping[str, str] | None = None,
    sensitivity: Mapping[str, str] | None = None,
    system: str | None = None,
    netbios: Mapping[str, str] | None = None,
    expected: Mapping[Literal["accounts", "entitlements"], int] | None = None,
    canaries: Sequence[str] = (),
    empty: Sequence[str] = (),
) -> Connector:
    """Open a directory: ``recorded`` or ``server``.

    recorded: LDIF files, or exports of csvde (.csv), by path or pattern, from the source's folder.
    server: domain controllers of one domain, tried in this order: ldaps://NAME, or ldap://NAME for StartTLS.
    user, password: who reads: the name, or where it is kept; and where the password is kept.
    sign_in: simple, or kerberos with the ticket that the machine holds (extra "kerberos"); both over verified TLS.
    ca_file: the authority that issued the servers' certificates, from the source's folder; the system's unless said.
    reach: bases (the whole domain unless said), deleted objects, history of memberships, limits of time and size,
    how many accounts are held against the server's own tokenGroups, whether lastLogon is asked of every server, and
    whether only what changed is read (runs/directory/ keeps the last read) with a full read every so often.
    writer: who removes members and disables accounts, and through which guard attribute if any; read-only without it.
    directory: what the directory is; detected entry by entry unless said.
    id_attribute: where the ids come from when there is no objectGUID, objectSid or entryUUID; ``dn`` ids may change.
    employee_id: the attribute with the HR id; employeeID in Active Directory and employeeNumber elsewhere unless said.
    attributes: more attributes to keep with accounts, as name in the review: name in the directory.
    privileged: patterns of group names or DNs that are privileged, beside those that Windows makes so.
    effect: patterns of groups that do something else than grant.
    service_accounts, shared_accounts, break_glass: patterns of account names or DNs.
    client: whose groups and accounts those of a pattern are.
    sensitivity: the class of data behind entitlements, by pattern of their names; the first that fits.
    system: the system that the groups are of; the DNS domain unless said.
    netbios: NetBIOS names by DNS domain, where they are not the first label.
    expected: the server's own counts; a difference makes the source incomplete.
    canaries: names that are there for certain; one unseen makes the source incomplete.
    empty: what stands for an empty value in this directory, beside the usual (N/A, NULL, - …).

    Raises ``WorkspaceError`` for options at odds, and for a file or pattern that is not there.
    """
    _check_way(source, recorded, server, directory)
    classification = Classification(
        privileged=tuple(privileged),
        effect=effect or {},
        service_accounts=tuple(service_accounts),
        shared_accounts=tuple(shared_accounts),
        break_glass=tuple(break_glass),
        client=client or {},
        sensitivity=sensitivity or {},
    )
    options = DirectoryOptions(
        classification=classification,
        directory=directory,
        id_attribute=id_attribute,
        employee_id=employee_id,
        attributes=attributes or {},
        system=system,
        netbios={where.casefold(): name for where, name in (netbios or {}).items()},
        expected={str(table): count for table, count in (expected or {}).items()},
        canaries=tuple(canaries),
        empty=frozenset(empty),
    )
    if recorded:
        return RecordedDirectory(source, tuple(recorded), options)
    _check_login(source, sign_in, user, password)
    if writer is not None:
        _check_writer(source, writer)
    return _live(source, options, server, (sign_in, user, password), ca_file, reach or DirectoryReach(), writer)


def _check_way(source: Source, recorded: Sequence[str], server: Sequence[str], directory: DirectoryKind | None) -> None:
    if not recorded and not server:
        hint = "name LDIF files under recorded, or a domain controller under server"
        raise WorkspaceError(f"{source.name}: nothing is named to read from", hint=hint)
    if recorded and server:
        raise WorkspaceError(f"{source.name}: recorded and server exclude each other", hint="keep one of them")
    if server and directory == "other":
        hint = "export it as LDIF and name the files under recorded"
        raise WorkspaceError(f"{source.name}: only Active Directory is read live", hint=hint)


def _check_login(source: Source, sign_in: SignIn, user: Named | None, password: SecretReference | None) -> None:
    if sign_in == "simple" and not (user and password):
        raise WorkspaceError(f"{source.name}: user and password are needed", hint="nobody reads anonymously")
    if sign_in == "kerberos" and (user or password):
        raise WorkspaceError(f"{source.name}: Kerberos uses the machine's ticket", hint="drop user and password")


def _check_writer(source: Source, writer: WriterLogin) -> None:
    files = [name for name in ("keytab", "tickets") if getattr(writer, name)]
    if writer.sign_in == "simple" and (writer.password is None or files):
        hint = "give it a password, or sign_in: kerberos with a keytab"
        raise WorkspaceError(f"{source.name}: the writer signs in with its password and nothing else", hint=hint)
    if writer.sign_in == "kerberos" and (writer.password is not None or len(files) > 1):
        hint = "keep one of keytab and tickets, or neither where the machine holds a ticket of the writer"
        raise WorkspaceError(
            f"{source.name}: by Kerberos the writer needs no password, and one file at most", hint=hint
        )


def _live(
    source: Source,
    options: DirectoryOptions,
    server: Sequence[str],
    login: tuple[SignIn, Named | None, SecretReference | None],
    ca_file: str | None,
    reach: DirectoryReach,
    writer: WriterLogin | None,
) -> Connector:
    # ldap3 takes a tenth of a second to import, which whoever reads recordings does not need.
    from access_review.connectors.ad.domain_reading import SearchScope
    from access_review.connectors.ad.live import LiveDirectory, WritableDirectory, with_standard_attributes
    from access_review.connectors.ad.login import Login
    from access_review.connectors.ad.server import Servers, parse_address

    addresses = tuple(parse_address(source, url) for url in server)
    authority = source.folder / ca_file if ca_file else None
    servers = Servers(source, addresses, Login(*login), authority, round(reach.answer_within.total_seconds()))
    further = (*options.attributes.values(), options.employee_id or "employeeID")
    scope = SearchScope(tuple(reach.bases), further, reach.deleted, reach.history, reach.closures_checked)
    live = LiveDirectory(
        source,
        servers,
        replace(options, attributes=with_standard_attributes(options.attributes), directory="active-directory"),
        scope,
        page=reach.page_size,
        read_within=reach.read_within.total_seconds(),
        every_server=reach.last_logon == "every-server",
        state_file=source.folder.parent / "runs" / "directory" / f"{source.name}.parquet"
        if reach.incremental
        else None,
        full_every=reach.full_every,
    )
    if writer is None:
        return live
    login_of = Login(writer.sign_in, writer.user, writer.password, writer.keytab, writer.tickets)
    writers = replace(servers, login=login_of)
    return WritableDirectory(
        **{f.name: getattr(live, f.name) for f in fields(live)}, writers=writers, guard=writer.guard
    )
