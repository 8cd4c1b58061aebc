"""Active Directory live, and it and other LDAP directories from recordings in LDIF.

Accounts, groups, who is in what (nested groups and primary groups included) and
who answers for it. Live: ``server``, ``user`` and ``password`` name a domain
controller and a read-only account (``runbooks/connect-ad.md``). A recording is LDIF content as ``ldapsearch``, ``ldifde`` or
``ldbsearch`` write it, with at least ``objectClass``, the id (``objectGUID`` or
``entryUUID``), names, ``member`` and, of Active Directory, ``objectSid``,
``primaryGroupID``, ``userAccountControl``, ``groupType`` and ``adminCount``.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from access_review.connectors import Connector, Source
from access_review.connectors.ad.dialect import DirectoryKind, DirectoryOptions
from access_review.connectors.ad.login import Login, SignIn
from access_review.connectors.ad.reach import DirectoryReach, WriterLogin
from access_review.connectors.ad.recorded import RecordedDirectory
from access_review.connectors.classification import Classification, Effect
from access_review.connectors.secret import Named, Secret
from access_review.errors import WorkspaceError
from access_review.settings import OneOrMore


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
    options = DirectoryOptions(
        classification=Classification(
            privileged=tuple(privileged),
            effect=effect or {},
            service_accounts=tuple(service_accounts),
            shared_accounts=tuple(shared_accounts),
            break_glass=tuple(break_glass),
            client=client or {},
            sensitivity=sensitivity or {},
        ),
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
    login = Login(sign_in, user, password)
    _check_login(source, login)
    if writer is not None:
        _check_writer(source, writer)
    # ldap3 takes a tenth of a second to import, which whoever reads recordings does not need.
    from access_review.connectors.ad.live import LiveDirectory
    from access_review.connectors.ad.server import Servers

    reach = reach or DirectoryReach()
    authority = source.folder / ca_file if ca_file else None
    servers = Servers.at(source, server, login, authority, round(reach.answer_within.total_seconds()))
    live = LiveDirectory.of(servers, options, reach)
    return live if writer is None else live.writable(writer.login, writer.guard)


def _check_way(source: Source, recorded: Sequence[str], server: Sequence[str], directory: DirectoryKind | None) -> None:
    if not recorded and not server:
        hint = "name LDIF files under recorded, or a domain controller under server"
        raise WorkspaceError(f"{source.name}: nothing is named to read from", hint=hint)
    if recorded and server:
        raise WorkspaceError(f"{source.name}: recorded and server exclude each other", hint="keep one of them")
    if server and directory == "other":
        hint = "export it as LDIF and name the files under recorded"
        raise WorkspaceError(f"{source.name}: only Active Directory is read live", hint=hint)


def _check_login(source: Source, login: Login) -> None:
    if login.method == "simple" and not (login.user and login.password):
        raise WorkspaceError(f"{source.name}: user and password are needed", hint="nobody reads anonymously")
    if login.method == "kerberos" and (login.user or login.password):
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
