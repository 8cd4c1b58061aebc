"""Planted: access beyond the role, kept after a move, forbidden, combined, or held all the time; and stale access."""

from datetime import date, timedelta

from tests.demo import infrastructure, seeded
from tests.demo.company import AS_OF, DOMAIN, NEVER, AdGroup, CloudUser, Company, LedgerAccount, SignIn, Spell, moment
from tests.demo.population import give, hire
from tests.demo.scenario import Scenario

RECENT = AS_OF.date() - timedelta(days=9)


def plant(company: Company, scenario: Scenario) -> None:
    """Plant everything of this module."""
    _beyond(company, scenario)
    _forbidden(company, scenario)
    _movers(company, scenario)
    _nesting(company, scenario)
    _standing(company, scenario)
    _toxic(company, scenario)
    _stale(company, scenario)
    _unused(company, scenario)


def _beyond(company: Company, scenario: Scenario) -> None:
    rule, by_title = "access-beyond-role", company.by_title()
    helper, tester, scribe, roamer, keeper, planner, visitor = (
        by_title[title][place]
        for title, place in (
            ("Agent", 3),
            ("Helpdesk Analyst", 0),
            ("Agent", 70),
            ("Senior Agent", 0),
            ("Team Lead", 1),
            ("Workforce Planner", 0),
            ("Agent", 9),
        )
    )
    company.join(helper.login, "Finance-Read")
    scenario.plant(
        rule, helper.ad, "ad:group:Finance-Read", "helped Finance with the month end once, and nobody took it back"
    )
    company.ad_groups["PRJ-Migration"] = AdGroup("PRJ-Migration", "moves the file servers", {tester.login})
    for carried in ("VPN-Users", "Backup-Restore"):
        company.ad_groups[carried].nested.add("PRJ-Migration")
    scenario.plant(
        rule,
        tester.ad,
        "ad:group:PRJ-Migration",
        "carries VPN-Users, which is expected, and Backup-Restore, which is not",
    )
    company.cloud(scribe).licences.add("Microsoft_365_Copilot")
    scenario.plant(rule, scribe.entra, "entra:licence:Microsoft_365_Copilot", "a licence of a trial that ended")
    company.cloud_groups["CA-Exempt-Emergency"].members.add(f"{roamer.login}@{DOMAIN}")
    scenario.plant(
        rule, roamer.entra, "entra:group:CA-Exempt-Emergency", "travelled without a phone, and has been exempt since"
    )
    company.join(keeper.login, "HR-Records-Read")
    why = "covers for HR during an audit, accepted until the end of the year"
    scenario.plant(rule, keeper.ad, "ad:group:HR-Records-Read", why, waived=True)
    company.ledger[planner.login] = LedgerAccount(planner.login, planner.number, planner.mail, {"Viewer": RECENT})
    scenario.plant(rule, planner.ledger, "ledger:role:Viewer", "was given the ledger just in case")
    company.eligible.add((f"{tester.login}@{DOMAIN}", "Exchange Administrator"))
    scenario.plant(
        rule, tester.entra, "entra:role:Exchange Administrator", "may activate a role that no template lists"
    )
    company.doors[visitor.number].add("Server room")
    scenario.plant(rule, visitor.badge, "badge:door:Server room", "an agent's badge opens the server room")


def _forbidden(company: Company, scenario: Scenario) -> None:
    by_title = company.by_title()
    analyst, lead = by_title["Finance Analyst"][3], by_title["Team Lead"][6]
    contractor = next(p for p in company.people.values() if p.contractor)
    company.ledger[analyst.login].roles["Payment Approval"] = RECENT
    scenario.plant(
        "never-allowed", analyst.ledger, "ledger:role:Payment Approval", "an analyst may never approve payments"
    )
    company.join(contractor.login, "HR-Records-Read")
    scenario.plant(
        "never-allowed", contractor.ad, "ad:group:HR-Records-Read", "contractors never see personnel records"
    )
    company.roles.add((f"{lead.login}@{DOMAIN}", "Reports Reader"))
    scenario.plant(
        "never-allowed", lead.entra, "entra:role:Reports Reader", "nobody at the front line holds a directory role"
    )
    crosser = by_title["Agent"][120]
    company.join(crosser.login, "MERIDIAN-Files")
    why = "an agent of Pineway reads the files of Meridian"
    scenario.each("access-beyond-role", [(crosser.ad, "ad:group:MERIDIAN-Files")], why)
    scenario.each("client-boundary", [(crosser.ad, "ad:group:MERIDIAN-Files")], why)
    guided = company.by_title()["Quality Analyst"][7]
    company.join(guided.login, "PRJ-Portal-Core")
    company.ad_groups["MERIDIAN-Files"].nested.add("PRJ-Portal")
    why = "works for Pineway, and reaches the files of Meridian through a project's groups"
    scenario.each("access-beyond-role", [(guided.ad, "ad:group:PRJ-Portal-Core")], why)
    scenario.each("client-boundary", [(guided.ad, "ad:group:PRJ-Portal-Core")], why)


def _movers(company: Company, scenario: Scenario) -> None:
    mover = hire(
        company, "Tereza Wolna", "Workforce Planner", "Operations", "Kraków", number="10801", since=date(2026, 9, 14)
    )
    mover.former = [Spell(date(2021, 3, 1), date(2026, 9, 13), "Finance Analyst", "Finance", "Kraków")]
    company.join(mover.login, "Finance-Team")
    company.ledger[mover.login] = LedgerAccount(mover.login, mover.number, mover.mail, {"Viewer": RECENT})
    why = "moved from Finance to planning seven weeks ago and kept it"
    kept = [(mover.ad, "ad:group:Finance-Team"), (mover.ledger, "ledger:role:Viewer")]
    scenario.each("mover-kept-access", kept, why)
    job = ("Agent", "Client Services", "Manila", "MERIDIAN")
    crossed = hire(company, "Ramil Ocampo", *job, number="10802", since=date(2026, 10, 31))
    crossed.former = [Spell(date(2024, 2, 5), date(2026, 10, 30), "Agent", "Client Services", "Manila", "HARBOR")]
    company.join(crossed.login, "HARBOR-Agents")
    why = "moved to another client on Saturday: no days of grace between clients"
    scenario.plant("mover-kept-access", crossed.ad, "ad:group:HARBOR-Agents", why)
    scenario.plant("client-boundary", crossed.ad, "ad:group:HARBOR-Agents", why)


def _nesting(company: Company, scenario: Scenario) -> None:
    company.ad_groups["Server-Admins"].nested.add("IT-Helpdesk")
    why = "the whole helpdesk became administrator of the servers through one nesting"
    scenario.plant("nesting-escalates", "ad:group:IT-Helpdesk", "ad:group:Server-Admins", why)
    names = ("PRJ-Atlas-All", "PRJ-Atlas-Core")
    for name, other in zip(names, reversed(names), strict=True):
        company.ad_groups[name] = AdGroup(name, "project Atlas", nested={other})
    scenario.plant(
        "nesting-cycle", f"ad:group:{cycle_head(*names)}", None, "two groups of a project contain each other"
    )
    holder = company.by_title()["Team Lead"][3]
    company.app_roles.add((f"{holder.login}@{DOMAIN}", "Timesheets/Viewer"))
    why = "was given directly before the group existed"
    scenario.plant("direct-grant", holder.entra, "entra:approle:Timesheets/Viewer", why)


def cycle_head(*names: str) -> str:
    """Return the group whose id is the smallest: by it a cycle is named."""
    return min(names, key=lambda name: seeded.guid(f"ad/group/{name}"))


def _standing(company: Company, scenario: Scenario) -> None:
    admin, analyst = company.by_title()["IT Administrator"][1], company.by_title()["Helpdesk Analyst"][1]
    upn = f"adm.{admin.login}@{DOMAIN}"
    company.eligible.discard((upn, "User Administrator"))
    company.roles.add((upn, "User Administrator"))
    role = "entra:role:User Administrator"
    scenario.plant(
        "standing-privilege", f"entra:user:{upn}", role, "should be activated when needed, and is held all the time"
    )
    company.roles.add((f"{analyst.login}@{DOMAIN}", "Helpdesk Administrator"))
    why = "the helpdesk's role is for activation only"
    scenario.plant("standing-privilege", analyst.entra, "entra:role:Helpdesk Administrator", why)
    guest = CloudUser(f"consultant_partner.example.test#EXT#@{DOMAIN}", "Visiting consultant", guest=True)
    guest.seen, guest.mail = AS_OF - timedelta(days=6), "consultant@partner.example.test"
    company.cloud_users[guest.upn] = guest
    company.roles.add((guest.upn, "Application Administrator"))
    why = "a consultant from outside administers applications all the time"
    scenario.plant("standing-privilege", f"entra:user:{guest.upn}", "entra:role:Application Administrator", why)


def _toxic(company: Company, scenario: Scenario) -> None:
    by_title = company.by_title()
    both = by_title["Payables Clerk"][0]
    both.second = Spell(date(2026, 8, 3), date(2027, 1, 29), "Payment Approver", "Finance", "Kraków")
    give(company, both, "Payment Approver", "")
    why = "stands in for an approver while still entering payments; both roles allow their half"
    scenario.plant("toxic-pair", both.id, "create-and-approve-payments", why)
    lead = by_title["Team Lead"][4]
    company.join(lead.login, "HARBOR-QA")
    scenario.plant("access-beyond-role", lead.ad, "ad:group:HARBOR-QA", "leads a team and rates its calls")
    scenario.plant("toxic-pair", lead.id, "refund-and-quality", "approves refunds and rates the calls about them")
    partner = by_title["HR Partner"][0]
    company.ledger[partner.login] = LedgerAccount(partner.login, partner.number, partner.mail, {"Payroll Run": RECENT})
    scenario.plant(
        "access-beyond-role", partner.ledger, "ledger:role:Payroll Run", "ran the payroll once, in an absence"
    )
    scenario.plant(
        "toxic-pair", partner.id, "hr-records-and-payroll", "can make a person and pay that person, in two systems"
    )
    admin = by_title["IT Administrator"][2]
    company.join(admin.login, "Audit-Evidence-Write")
    why = "an administrator can change the evidence of audits"
    scenario.plant("access-beyond-role", admin.ad, "ad:group:Audit-Evidence-Write", why)
    why = "may activate User Administrator, and writes the evidence about its use"
    scenario.plant("toxic-pair", admin.id, "user-admin-and-audit-evidence", why)


def _stale(company: Company, scenario: Scenario) -> None:
    quiet = company.by_title()["Agent"][20]
    company.stop(quiet, moment("2026-06-18T09:20:00"))
    why = "works on paper at the warehouse since June and has signed in nowhere"
    scenario.each("account-dormant", [(quiet.ad, None), (quiet.entra, None)], why)
    warned = company.by_title()["Agent"][75]
    company.stop(warned, moment("2026-07-28T09:20:00"))
    company.cloud(warned).seen = moment("2026-08-15T07:05:00")
    why = "last seen 79 days ago: still within the limit of 90, and to be warned of it"
    scenario.each("account-dormant", [(warned.ad, None), (warned.entra, None)], why)
    unused = hire(
        company,
        "Ksenia Bielak",
        "Agent",
        "Client Services",
        "Kraków",
        "MERIDIAN",
        number="10803",
        since=date(2026, 8, 3),
    )
    company.stop(unused, NEVER)
    scenario.each("never-used", [(unused.ad, None), (unused.entra, None)], "hired in August, and never came to sign in")
    for name, seen, why in (
        ("auditor", moment("2026-07-14T10:00:00"), "an auditor of last summer, not seen since"),
        ("bidder", NEVER, "was invited for a tender in May and never came"),
    ):
        guest = CloudUser(f"{name}_partner.example.test#EXT#@{DOMAIN}", f"Guest ({name})", guest=True, seen=seen)
        guest.created, guest.mail = moment("2026-05-11T08:00:00"), f"{name}@partner.example.test"
        company.cloud_users[guest.upn] = guest
        scenario.plant("guest-stale", f"entra:user:{guest.upn}", None, why)


def _unused(company: Company, scenario: Scenario) -> None:
    by_title = company.by_title()
    for person, role, day in (
        (by_title["Payment Approver"][1], "Payment Approval", date(2026, 5, 29)),
        (by_title["Internal Auditor"][0], "Viewer", date(2026, 6, 30)),
    ):
        company.ledger[person.login].roles[role] = day
        scenario.plant(
            "access-unused", person.ledger, f"ledger:role:{role}", f"last used on {day}, four months ago or more"
        )


def unusual_sign_ins(company: Company, scenario: Scenario) -> None:
    """Plant sign-ins at a strange hour and from a strange country."""
    by_title = company.by_title()
    night, abroad = by_title["Finance Analyst"][4], by_title["Quality Analyst"][4]
    company.odd_hours.add(night.login)
    at = moment("2026-11-01T01:40:00")
    company.sign_ins.append(SignIn(f"{night.login}@{DOMAIN}", at, "PL"))
    company.cloud(night).seen = at
    scenario.plant(
        "signin-off-shift", night.entra, None, "signed in before three in the morning; works from nine to six"
    )
    company.odd_hours.add(abroad.login)
    at = moment("2026-10-30T10:15:00")
    company.sign_ins.append(SignIn(f"{abroad.login}@{DOMAIN}", at, "VN"))
    company.cloud(abroad).seen = at
    scenario.plant("signin-outside-countries", abroad.entra, "VN", "signed in from Vietnam, works in Poland")


def agents_beyond_purpose(company: Company, scenario: Scenario) -> None:
    """Plant an agent with more than its purpose needs."""
    name = "Norwind Agent Leave Answers"
    company.app_roles.add((name, f"{infrastructure.GRAPH}/Mail.Send"))
    why = "answers questions about leave, and may send mail as anybody"
    scenario.plant("agent-beyond-purpose", f"entra:sp:{name}", "entra:approle:Microsoft Graph/Mail.Send", why)
