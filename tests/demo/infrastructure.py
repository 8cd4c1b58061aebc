"""What is not a person: administrators' second accounts, services, shared and emergency accounts, applications, agents."""

from datetime import date, timedelta

from tests.demo import seeded
from tests.demo.company import (
    AS_OF,
    DOMAIN,
    NEVER,
    AdUser,
    Agent,
    Application,
    CloudUser,
    Company,
    LedgerAccount,
    Person,
)

GRAPH = "Microsoft Graph"
MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
BLUEPRINT = "Norwind Agent Blueprint"

SERVICES = {
    "svc-backup": "takes the nightly backup",
    "svc-sql": "runs the reporting database",
    "svc-harbor-sftp": "exchanges files with Harbor Bank",
    "svc-dialler": "runs the outbound dialler",
    "svc-access-review": "reads the directory for the access review",
}
SHARED = {
    "shared-harbor-desk": "the Harbor shift supervisor's desk",
    "shared-reception": "reception in Manila",
    "shared-pineway-fax": "the fax gateway of Pineway",
}
AGENTS = (
    ("Norwind Agent Invoice Reader", "ai-invoice-agent", "reads supplier invoices and drafts ledger entries"),
    ("Norwind Agent Invoice Matcher", "ai-invoice-agent", "matches invoices with orders"),
    ("Norwind Agent Shift Answers", "ai-support-agent", "answers questions about shifts"),
    ("Norwind Agent Leave Answers", "ai-support-agent", "answers questions about leave"),
    ("Norwind Agent Call Notes", "ai-support-agent", "drafts notes of calls for Meridian"),
    ("Norwind Agent Device Help", "ai-support-agent", "helps with laptops and headsets"),
)


def build(company: Company) -> None:
    """Add everything that is not a person, each with somebody who answers for it."""
    admins = company.by_title()["IT Administrator"]
    for person in admins:
        administrate(company, person)
    for person in admins[:2]:
        company.join(f"adm-{person.login}", "Domain Admins")
        company.ad_users[f"adm-{person.login}"].tier0 = True
    _services(company, admins)
    _shared(company)
    _built_in(company)
    _emergency(company)
    _applications(company, admins)
    _agents(company)
    for lead in company.by_title()["Team Lead"]:
        company.cloud_groups[f"Team {lead.client.title()}"].owners.add(f"{lead.login}@{DOMAIN}")


def administrate(company: Company, person: Person) -> None:
    """Give an administrator second accounts, with roles to be activated when needed."""
    login, upn = f"adm-{person.login}", f"adm.{person.login}@{DOMAIN}"
    company.ad_users[login] = AdUser(
        login, f"{person.name} (admin)", "Admins", person.number, synced=False, seen=AS_OF - timedelta(days=2)
    )
    company.join(login, "Server-Admins", "SG-MFA-Required")
    name = f"{person.name} (admin)"
    company.cloud_users[upn] = CloudUser(
        upn, name, "", person.number, seen=AS_OF - timedelta(days=3), title=person.title
    )
    company.eligible |= {(upn, role) for role in ("User Administrator", "Exchange Administrator")}


def _services(company: Company, admins: list[Person]) -> None:
    for index, (login, about) in enumerate(SERVICES.items()):
        company.ad_users[login] = AdUser(
            login, about, "Service Accounts", synced=False, seen=AS_OF - timedelta(hours=5)
        )
        company.join(login, "SG-Deny-Interactive-Logon")
        company.owners.append((f"{login}@{DOMAIN}", admins[index % 4].number))
    company.join("svc-backup", "Backup-Restore")
    managed = AdUser("gmsa-web$", "runs the intranet", "Managed Service Accounts", synced=False, form="gmsa")
    managed.owner = f"adm-{admins[1].login}"
    company.ad_users[managed.login] = managed
    for login, form in (("NWDC1$", "dc"), ("NWDC2$", "dc"), ("NWFS1$", "computer"), ("NWPC117$", "computer")):
        company.ad_users[login] = AdUser(login, login[:-1], "Computers", synced=False, form=form)


def _shared(company: Company) -> None:
    by_title = company.by_title()
    keepers = [by_title["Team Lead"][0], by_title["Office Coordinator"][0], by_title["Team Lead"][-1]]
    for (login, about), keeper in zip(SHARED.items(), keepers, strict=True):
        company.ad_users[login] = AdUser(login, about, "Shared Accounts", synced=False)
        company.join(login, "Branch-Printers")
        company.custodians.append((f"{login}@{DOMAIN}", keeper.number, date(2025, 9, 1), None))


def _built_in(company: Company) -> None:
    administrator = AdUser("Administrator", "built in", "Users", synced=False, rid=500, tier0=True, seen=None)
    company.ad_users["Administrator"] = administrator
    company.join("Administrator", "Administrators", "Domain Admins")
    for login, rid in (("Guest", 501), ("krbtgt", 502)):
        company.ad_users[login] = AdUser(login, "built in", "Users", synced=False, rid=rid, enabled=False, seen=NEVER)
    company.ad_users["MSOL_7f3a91c2d4e8"] = AdUser(
        "MSOL_7f3a91c2d4e8", "synchronises with the tenant", "Users", synced=False
    )
    sync = f"Sync_NWDC1_7f3a91c2d4e8@{DOMAIN}"
    company.cloud_users[sync] = CloudUser(
        sync, "On-Premises Directory Synchronization", seen=AS_OF - timedelta(hours=1)
    )
    company.roles.add((sync, "Directory Synchronization Accounts"))
    keeper = company.by_title()["IT Administrator"][0].number
    company.owners += [(upn, keeper) for upn in (f"MSOL_7f3a91c2d4e8@{DOMAIN}", sync)]


def _emergency(company: Company) -> None:
    for upn in (f"emergency1@{DOMAIN}", f"emergency2@{DOMAIN}"):
        company.cloud_users[upn] = CloudUser(upn, "Emergency access", seen=AS_OF - timedelta(days=200))
        company.roles.add((upn, "Global Administrator"))
        company.cloud_groups["CA-Exempt-Emergency"].members.add(upn)


def _applications(company: Company, admins: list[Person]) -> None:
    graph_roles = ("User.Read.All", "Mail.Send", "Calendars.Read", "Directory.ReadWrite.All")
    graph = Application(
        GRAPH, own=False, app_id="00000003-0000-0000-c000-000000000000", tenant=MICROSOFT, roles=graph_roles
    )
    timesheets = Application("Timesheets", roles=("Viewer", "Approver"))
    connector = Application("Harbor CRM Connector", secrets={"harbor-crm": (date(2026, 10, 12), date(2027, 4, 12))})
    backup = Application("Norwind Backup", kind="ManagedIdentity", own=False)
    for application in (graph, timesheets, connector, backup):
        company.applications[application.name] = application
    for index, application in enumerate((timesheets, connector, backup)):
        application.owners.add(f"{admins[index].login}@{DOMAIN}")
    company.app_roles |= {
        ("Harbor CRM Connector", f"{GRAPH}/User.Read.All"),
        ("Norwind Backup", f"{GRAPH}/Directory.ReadWrite.All"),
        ("APP-Timesheets-Viewers", "Timesheets/Viewer"),
        ("APP-Timesheets-Approvers", "Timesheets/Approver"),
    }
    company.consents.add(("Timesheets", "", "User.Read"))
    company.roles.add(("ROLE-Security-Readers", "Security Reader"))


def _agents(company: Company) -> None:
    blueprint = Application(BLUEPRINT, kind="Application", blueprint=True)
    sponsors = company.by_title()["Finance Analyst"][:2] + company.by_title()["Workforce Planner"][:4]
    blueprint.owners.add(f"{sponsors[0].login}@{DOMAIN}")
    company.applications[BLUEPRINT] = blueprint
    company.app_roles.add((BLUEPRINT, f"{GRAPH}/User.Read.All"))
    for (name, role, purpose), sponsor in zip(AGENTS, sponsors, strict=True):
        data_class = "confidential" if role == "ai-invoice-agent" else "internal"
        employ(company, Agent(name, role, sponsor.number, purpose, data_class, date(2027, 3, 31)))
    for name in ("Norwind Agent Invoice Reader", "Norwind Agent Invoice Matcher"):
        number = company.applications[name].id
        login = name.removeprefix("Norwind Agent ").lower().replace(" ", ".")
        company.ledger[login] = LedgerAccount(login, number, "", {"Viewer": AS_OF.date() - timedelta(days=2)})


def employ(company: Company, agent: Agent) -> None:
    """Register an agent, with its identity in the tenant."""
    application = Application(agent.name, kind="ServiceIdentity", agent_of=BLUEPRINT)
    owner = next((p for p in company.people.values() if p.number == agent.sponsor), None)
    if owner:
        application.owners.add(f"{owner.login}@{DOMAIN}")
    company.applications[agent.name] = application
    company.agents[agent.name] = agent
    if agent.role == "ai-support-agent":
        company.app_roles.add((agent.name, "Timesheets/Viewer"))


def shadow(company: Company, name: str) -> Application:
    """Make an agent identity that nobody registered."""
    company.applications[name] = Application(name, kind="ServiceIdentity", agent_of=BLUEPRINT)
    return company.applications[name]


def foreign(company: Company, name: str, *consents: tuple[str, str]) -> Application:
    """Let an application of another organisation in; each consent has a user (none: everybody) and a scope."""
    application = Application(name, own=False, tenant=seeded.guid(f"tenant/{name}"))
    company.applications[name] = application
    company.consents |= {(name, who, scope) for who, scope in consents}
    return application
