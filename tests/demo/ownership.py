"""Planted: what nobody answers for, names made to deceive, applications nobody approved, and the state of the rules."""

from datetime import date

from tests.demo import infrastructure
from tests.demo.company import AS_OF, DOMAIN, AdUser, Agent, CloudUser, Company, LedgerAccount, moment
from tests.demo.offboarding import depart
from tests.demo.population import hire
from tests.demo.scenario import Scenario

HOSTILE = '=HYPERLINK("http://evil.example.test","Payroll") <script>alert(1)</script> \u202egnp.exe'


def plant(company: Company, scenario: Scenario) -> None:
    """Plant everything of this module."""
    _accounts(company, scenario)
    _services(company, scenario)
    _agents(company, scenario)
    _applications(company, scenario)
    _missing(company, scenario)
    _governance(scenario)


def _accounts(company: Company, scenario: Scenario) -> None:
    rule = "account-unowned"
    company.ad_users["test.onboarding"] = AdUser("test.onboarding", "Test Onboarding", "Manila,OU=People", synced=False)
    scenario.plant(rule, "ad:user:test.onboarding", None, "made to try the onboarding, and forgotten")
    first, second = company.by_title()["Office Coordinator"][1:3]
    first.mail = second.mail = f"frontdesk@{DOMAIN}"
    front = AdUser("front.desk", "Front Desk", "Bogota,OU=People", mail=first.mail, synced=False)
    company.ad_users[front.login] = front
    scenario.plant(rule, "ad:user:front.desk", None, "its mail is that of two people, and two candidates are no owner")
    company.ledger["migration"] = LedgerAccount("migration", "", "", {"Viewer": date(2026, 10, 20)})
    scenario.plant(rule, "ledger:user:migration", None, "moved the ledger's data once, and belongs to nobody")
    double = hire(
        company,
        "Carmen Morales",
        "Agent",
        "Client Services",
        "Bogotá",
        "PINEWAY",
        number="10813",
        since=date(2021, 6, 7),
    )
    false = CloudUser(f"carrnen.morales@{DOMAIN}", "Carmen Morales", seen=AS_OF, created=moment("2026-10-20T22:10:00"))
    company.cloud_users[false.upn] = false
    subject = f"entra:user:{false.upn}"
    scenario.plant("lookalike-account", subject, double.ad, "rn stands where m should be")
    scenario.plant(rule, subject, None, "the look-alike belongs to nobody")


def _services(company: Company, scenario: Scenario) -> None:
    company.owners = [(o, owner) for o, owner in company.owners if not o.startswith("svc-dialler@")]
    scenario.plant("service-unowned", "ad:user:svc-dialler", None, "nobody was ever named for it")
    company.ad_users["shared-training"] = AdUser(
        "shared-training", "the training room", "Shared Accounts", synced=False
    )
    scenario.plant("service-unowned", "ad:user:shared-training", None, "a shared account without a custodian")


def _agents(company: Company, scenario: Scenario) -> None:
    sponsor = hire(
        company, "Teodor Rybak", "Workforce Planner", "Operations", "Manila", number="10808", since=date(2019, 5, 6)
    )
    depart(company, sponsor, date(2026, 10, 2))
    company.close(sponsor)
    about = ("plans breaks", "internal", date(2027, 3, 31))
    infrastructure.employ(company, Agent("Norwind Agent Break Planner", "ai-support-agent", sponsor.number, *about))
    company.applications["Norwind Agent Break Planner"].owners.clear()
    why = "the sponsor left a month ago"
    scenario.plant("agent-unowned", "agents:person:Norwind Agent Break Planner", None, why)
    infrastructure.shadow(company, "Quick Meeting Helper")
    subject, why = "entra:sp:Quick Meeting Helper", "somebody made an agent without telling the register"
    scenario.plant("agent-unowned", subject, None, why)
    scenario.plant("app-consent-unapproved", subject, None, why)


def _applications(company: Company, scenario: Scenario) -> None:
    rule, curious = "app-consent-unapproved", company.by_title()["Team Lead"][8]
    infrastructure.foreign(
        company, "NoteScribe AI", *(("", scope) for scope in ("User.Read", "Mail.Read", "Files.Read.All"))
    )
    infrastructure.foreign(company, "PromptPal", (f"{curious.login}@{DOMAIN}", "Calendars.Read"))
    for name, scopes, why in (
        (
            "NoteScribe AI",
            ("User.Read", "Mail.Read", "Files.Read.All"),
            "an AI that takes notes reads everybody's mail and files",
        ),
        ("PromptPal", ("Calendars.Read",), "an AI chat that one team lead let in"),
    ):
        consents = [f"entra:consent:{name}/{infrastructure.GRAPH}:{scope}" for scope in scopes]
        scenario.each(rule, [(thing, None) for thing in (f"entra:sp:{name}", *consents)], why)
        scenario.plant("service-unowned", f"entra:sp:{name}", None, "nobody answers for it inside the company")


def _missing(company: Company, scenario: Scenario) -> None:
    rule = "birthright-missing"
    agent = company.by_title()["Agent"][50]
    company.leave(agent.login, "LIC-Frontline")
    scenario.plant(rule, agent.id, "ad:group:LIC-Frontline", "works without a licence since the last clean-up")
    job = ("Agent", "Client Services", "Manila", "HARBOR")
    hostile = hire(company, HOSTILE, *job, number="10809", since=date(2026, 9, 7), login="new.joiner")
    company.leave(hostile.login, "HARBOR-Agents")
    why = "waits for the client's tools since September; the name is there to attack whoever prints it"
    scenario.plant(rule, hostile.id, "ad:group:HARBOR-Agents", why)


def _governance(scenario: Scenario) -> None:
    """Note what is wrong with the files under ``roles/``, which people write and no script does."""
    scenario.plant("template-overdue", "payroll-clerk", None, "was to be looked at again by the end of August")
    scenario.plant("template-unresolved", "helpdesk", "may ad:group:Helpdesk-Tools", "the group was renamed in spring")
    scenario.plant("waiver-expired", "W-2026-003", None, "accepted until the end of September")
    scenario.plant("waiver-incomplete", "W-2026-005", None, "says neither who approved it nor under which ticket")
