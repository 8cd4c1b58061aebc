"""Planted: what nobody answers for, names made to deceive, applications nobody approved, and the state of the rules."""

from datetime import date

import infrastructure
from book import Book
from company import AS_OF, DOMAIN, AdUser, Agent, CloudUser, Company, LedgerAccount, moment
from offboarding import depart
from population import hire

HOSTILE = '=HYPERLINK("http://evil.example.test","Payroll") <script>alert(1)</script> \u202egnp.exe'


def plant(company: Company, book: Book) -> None:
    """Plant everything of this module."""
    _accounts(company, book)
    _services(company, book)
    _agents(company, book)
    _applications(company, book)
    _missing(company, book)
    _governance(book)


def _accounts(company: Company, book: Book) -> None:
    rule = "account-unowned"
    company.ad_users["test.onboarding"] = AdUser("test.onboarding", "Test Onboarding", "Manila,OU=People", synced=False)
    book.plant(rule, "ad:user:test.onboarding", None, "made to try the onboarding, and forgotten")
    first, second = company.by_title()["Office Coordinator"][1:3]
    first.mail = second.mail = f"frontdesk@{DOMAIN}"
    front = AdUser("front.desk", "Front Desk", "Bogota,OU=People", mail=first.mail, synced=False)
    company.ad_users[front.login] = front
    book.plant(rule, "ad:user:front.desk", None, "its mail is that of two people, and two candidates are no owner")
    company.ledger["migration"] = LedgerAccount("migration", "", "", {"Viewer": date(2026, 10, 20)})
    book.plant(rule, "ledger:user:migration", None, "moved the ledger's data once, and belongs to nobody")
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
    book.plant("lookalike-account", subject, double.ad, "rn stands where m should be")
    book.plant(rule, subject, None, "the look-alike belongs to nobody")


def _services(company: Company, book: Book) -> None:
    company.owners = [(o, owner) for o, owner in company.owners if not o.startswith("svc-dialler@")]
    book.plant("service-unowned", "ad:user:svc-dialler", None, "nobody was ever named for it")
    company.ad_users["shared-training"] = AdUser(
        "shared-training", "the training room", "Shared Accounts", synced=False
    )
    book.plant("service-unowned", "ad:user:shared-training", None, "a shared account without a custodian")


def _agents(company: Company, book: Book) -> None:
    sponsor = hire(
        company, "Teodor Rybak", "Workforce Planner", "Operations", "Manila", number="10808", since=date(2019, 5, 6)
    )
    depart(company, sponsor, date(2026, 10, 2))
    company.close(sponsor)
    about = ("plans breaks", "internal", date(2027, 3, 31))
    infrastructure.employ(company, Agent("Norwind Agent Break Planner", "ai-support-agent", sponsor.number, *about))
    company.applications["Norwind Agent Break Planner"].owners.clear()
    why = "the sponsor left a month ago"
    book.plant("agent-unowned", "agents:person:Norwind Agent Break Planner", None, why)
    infrastructure.shadow(company, "Quick Meeting Helper")
    subject, why = "entra:sp:Quick Meeting Helper", "somebody made an agent without telling the register"
    book.plant("agent-unowned", subject, None, why)
    book.plant("app-consent-unapproved", subject, None, why)


def _applications(company: Company, book: Book) -> None:
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
        book.each(rule, [(thing, None) for thing in (f"entra:sp:{name}", *consents)], why)
        book.plant("service-unowned", f"entra:sp:{name}", None, "nobody answers for it inside the company")


def _missing(company: Company, book: Book) -> None:
    rule = "birthright-missing"
    agent = company.by_title()["Agent"][50]
    company.leave(agent.login, "LIC-Frontline")
    book.plant(rule, agent.id, "ad:group:LIC-Frontline", "works without a licence since the last clean-up")
    job = ("Agent", "Client Services", "Manila", "HARBOR")
    hostile = hire(company, HOSTILE, *job, number="10809", since=date(2026, 9, 7), login="new.joiner")
    company.leave(hostile.login, "HARBOR-Agents")
    why = "waits for the client's tools since September; the name is there to attack whoever prints it"
    book.plant(rule, hostile.id, "ad:group:HARBOR-Agents", why)


def _governance(book: Book) -> None:
    """Note what is wrong with the files under ``roles/``, which people write and no script does."""
    book.plant("template-overdue", "payroll-clerk", None, "was to be looked at again by the end of August")
    book.plant("template-unresolved", "helpdesk", "may ad:group:Helpdesk-Tools", "the group was renamed in spring")
    book.plant("waiver-expired", "W-2026-003", None, "accepted until the end of September")
    book.plant("waiver-incomplete", "W-2026-005", None, "says neither who approved it nor under which ticket")
