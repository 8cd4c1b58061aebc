"""The company as it should be: everybody has what their role asks for, and nothing else.

What is wrong on purpose is added afterwards, by the modules ``excess``, ``offboarding``,
``ownership`` and ``decoys``.
"""

import unicodedata
from datetime import date, datetime, timedelta
from typing import NamedTuple

from tests.demo import names, seeded
from tests.demo.company import (
    AS_OF,
    CLIENTS,
    DOMAIN,
    SITES,
    AdGroup,
    AdUser,
    CloudGroup,
    CloudUser,
    Company,
    LedgerAccount,
    Person,
    SignIn,
    local,
)

SHIFTS = {
    ("HARBOR", "Manila"): "21:00-06:00",
    ("MERIDIAN", "Kraków"): "08:00-16:00",
    ("MERIDIAN", "Manila"): "14:00-23:00",
    ("PINEWAY", "Bogotá"): "07:00-16:00",
}
OFFICE_HOURS = "09:00-18:00"


class Kit(NamedTuple):
    """What a job asks for; {C} in a group's name is the client, {c} its short name."""

    licence: str
    groups: tuple[str, ...] = ()
    cloud: tuple[str, ...] = ()
    ledger: tuple[str, ...] = ()


KITS = {
    "Agent": Kit("LIC-Frontline", ("{C}-Agents",)),
    "Senior Agent": Kit("LIC-Frontline", ("{C}-Agents",)),
    "Team Lead": Kit("LIC-Frontline", ("{C}-Agents", "{C}-Leads"), ("Team {c}", "APP-Timesheets-Viewers")),
    "Quality Analyst": Kit("LIC-Frontline", ("{C}-QA",), ("Team {c}",)),
    "Operations Manager": Kit("LIC-Office", ("Workforce-Planning", "VPN-Users"), ("APP-Timesheets-Viewers",)),
    "Workforce Planner": Kit("LIC-Office", ("Workforce-Planning", "VPN-Users"), ("APP-Timesheets-Approvers",)),
    "Finance Analyst": Kit("LIC-Office", ("Finance-Team", "VPN-Users"), ledger=("Viewer",)),
    "Payables Clerk": Kit("LIC-Office", ("Finance-Team",), ledger=("Viewer", "Payment Entry")),
    "Payment Approver": Kit("LIC-Office", ("Finance-Team", "VPN-Users"), ledger=("Viewer", "Payment Approval")),
    "Payroll Clerk": Kit("LIC-Office", ("Payroll-Team",), ledger=("Viewer", "Payroll Run")),
    "HR Partner": Kit("LIC-Office", ("HR-Team", "VPN-Users")),
    "Helpdesk Analyst": Kit("LIC-Office", ("IT-Helpdesk", "VPN-Users")),
    "IT Administrator": Kit("LIC-Office", ("IT-Team", "VPN-Users")),
    "Internal Auditor": Kit("LIC-Office", ("Audit-Team", "VPN-Users"), ("ROLE-Security-Readers",), ("Viewer",)),
    "Office Coordinator": Kit("LIC-Office"),
    "Director": Kit("LIC-Office", ("VPN-Users",)),
}

# Title, department, site, client and how many.
HEADCOUNT = (
    ("Director", "Executive", "Manila", "", 2),
    ("Operations Manager", "Operations", "Manila", "", 2),
    ("Operations Manager", "Operations", "Kraków", "", 1),
    ("Operations Manager", "Operations", "Bogotá", "", 1),
    ("IT Administrator", "IT", "Kraków", "", 4),
    ("Helpdesk Analyst", "IT", "Manila", "", 5),
    ("HR Partner", "People", "Manila", "", 3),
    ("HR Partner", "People", "Kraków", "", 2),
    ("Finance Analyst", "Finance", "Kraków", "", 5),
    ("Payables Clerk", "Finance", "Kraków", "", 3),
    ("Payment Approver", "Finance", "Kraków", "", 2),
    ("Payroll Clerk", "Finance", "Manila", "", 2),
    ("Workforce Planner", "Operations", "Manila", "", 4),
    ("Internal Auditor", "Audit", "Kraków", "", 2),
    ("Office Coordinator", "Facilities", "Manila", "", 2),
    ("Office Coordinator", "Facilities", "Bogotá", "", 1),
    ("Team Lead", "Client Services", "Manila", "HARBOR", 6),
    ("Team Lead", "Client Services", "Kraków", "MERIDIAN", 3),
    ("Team Lead", "Client Services", "Manila", "MERIDIAN", 2),
    ("Team Lead", "Client Services", "Bogotá", "PINEWAY", 4),
    ("Quality Analyst", "Client Services", "Manila", "HARBOR", 3),
    ("Quality Analyst", "Client Services", "Kraków", "MERIDIAN", 3),
    ("Quality Analyst", "Client Services", "Bogotá", "PINEWAY", 2),
    ("Agent", "Client Services", "Manila", "HARBOR", 60),
    ("Agent", "Client Services", "Kraków", "MERIDIAN", 30),
    ("Agent", "Client Services", "Manila", "MERIDIAN", 18),
    ("Senior Agent", "Client Services", "Kraków", "MERIDIAN", 4),
    ("Agent", "Client Services", "Bogotá", "PINEWAY", 38),
    ("Senior Agent", "Client Services", "Bogotá", "PINEWAY", 4),
    ("Agent", "Client Services", "Manila", "HARBOR", 24),
)
CONTRACTORS = 24

NESTED = {
    "All-Staff": ("Site-Manila", "Site-Krakow", "Site-Bogota"),
    "Finance-Read": ("Finance-Team",),
    "Finance-Share": ("Finance-Team", "Payroll-Team"),
    "HR-Records-Read": ("HR-Team",),
    "HR-Records-Write": ("HR-Team",),
    "Audit-Evidence-Read": ("Audit-Team",),
    "Workstation-Admins": ("IT-Team",),
    "CRM-Platform": tuple(f"{c}-CRM-Users" for c in CLIENTS),
    "Web-Gateway": ("CRM-Platform",),
    "PRJ-Portal": ("PRJ-Portal-Core",),
    "Administrators": ("Domain Admins",),
    **{f"{c}-{resource}": (f"{c}-Agents",) for c in CLIENTS for resource in ("CRM-Users", "Files")},
    **{f"{c}-CRM-Refunds": (f"{c}-Leads",) for c in CLIENTS},
    **{f"{c}-Recordings": (f"{c}-QA",) for c in CLIENTS},
}
SYNCED = ("All-Staff", "Site-Manila", "Site-Krakow", "Site-Bogota", "SG-MFA-Required", "LIC-Frontline", "LIC-Office")
SINGLE = (
    "VPN-Users",
    "IT-Helpdesk",
    "Workforce-Planning",
    "Server-Admins",
    "Backup-Restore",
    "Audit-Evidence-Write",
    "SG-Deny-Interactive-Logon",
    "Branch-Printers",
)
BUILT_IN = {
    "Domain Users": 513,
    "Domain Guests": 514,
    "Domain Computers": 515,
    "Domain Admins": 512,
    "Domain Controllers": 516,
}


def plain(text: str) -> str:
    """Return a name in the letters that logins are made of."""
    folded = unicodedata.normalize("NFKD", text.replace("ł", "l")).encode("ascii", "ignore").decode().lower()
    return "".join(letter if letter.isalnum() else "." for letter in folded).strip(".")


def found() -> Company:
    """Return the company with its groups, and with everybody in ordinary jobs."""
    company = Company()
    _groups(company)
    number = 10_001
    for title, department, site, client, count in HEADCOUNT:
        for _ in range(count):
            hire(company, "", title, department, site, client, number=str(number))
            number += 1
    for index in range(CONTRACTORS):
        engage(company, "", f"contractor/{index}")
    return company


def _groups(company: Company) -> None:
    names = {*NESTED, *(n for nested in NESTED.values() for n in nested), *SYNCED, *SINGLE, *BUILT_IN}
    for name in sorted(names):
        group = AdGroup(name, synced=name in SYNCED, nested=set(NESTED.get(name, ())), rid=BUILT_IN.get(name, 0))
        company.ad_groups[name] = group
    company.ad_groups["Administrators"].sid = "S-1-5-32-544"
    for site in ("Manila", "Krakow", "Bogota"):
        company.ad_groups[f"DL-{site}-Social"] = AdGroup(f"DL-{site}-Social", security=False)
    for name in ("Team Harbor", "Team Meridian", "Team Pineway"):
        company.cloud_groups[name] = CloudGroup(name, unified=True)
    for name in ("APP-Timesheets-Viewers", "APP-Timesheets-Approvers", "CA-Exempt-Emergency"):
        company.cloud_groups[name] = CloudGroup(name)
    company.cloud_groups["ROLE-Security-Readers"] = CloudGroup("ROLE-Security-Readers", for_roles=True)
    company.cloud_groups["Norwind News"] = CloudGroup("Norwind News", mail_only=True)
    company.cloud_groups["DYN-Employees"] = CloudGroup("DYN-Employees", dynamic='(user.employeeType -eq "Employee")')


def hire(
    company: Company,
    name: str,
    title: str,
    department: str,
    site: str,
    client: str = "",
    *,
    number: str,
    since: date | None = None,
    login: str = "",
) -> Person:
    """Employ somebody, with the accounts and groups of the job. Without a name, chance gives one."""
    name = name or names.of(number, site)
    shift = SHIFTS.get((client, site), OFFICE_HOURS)
    since = since or date(2019, 1, 7) + timedelta(weeks=seeded.number(f"since/{number}", 340))
    login = login or _login(company, name)
    person = Person(number, name, login, title, department, site, since, client, shift)
    person.mail = f"{person.login}@{DOMAIN}"
    _equip(company, person)
    return person


def engage(company: Company, name: str, key: str, *, number: str = "", since: date = date(2026, 7, 6)) -> Person:
    """Take on an agent from the staffing vendor, who numbers people by a few letters of their names."""
    name = name or names.of(key, "Manila")
    person = Person(
        number or _sign(company, name), name, _login(company, name), "Agent", "Client Services", "Manila", since
    )
    person.client, person.shift, person.contractor = "HARBOR", SHIFTS["HARBOR", "Manila"], True
    person.last_day = date(2026, 12, 18)
    person.mail = f"{person.login}@{DOMAIN}"
    _equip(company, person)
    return person


def _login(company: Company, name: str) -> str:
    base, count = plain(name), 1
    while (login := base if count == 1 else f"{base}{count}") in company.ad_users:
        count += 1
    return login


def _sign(company: Company, name: str) -> str:
    given, _, family = plain(name).upper().partition(".")
    signs = [given[:1] + family[:length] for length in range(2, 9)]
    return next(sign for sign in signs if sign not in company.people)


def _equip(company: Company, person: Person) -> None:
    first = min([person.since, *(spell.since for spell in (*person.former, *person.earlier))])
    created = datetime.combine(first, datetime.min.time(), tzinfo=AS_OF.tzinfo) - timedelta(days=3, hours=-8)
    seen = AS_OF - timedelta(days=1 + seeded.number(f"ad/{person.login}", 8), hours=seeded.number(person.login, 12))
    company.people[person.number] = person
    company.ad_users[person.login] = AdUser(
        person.login,
        person.name,
        "Contractors" if person.contractor else f"{plain(person.site).title()},OU=People",
        person.number,
        person.mail,
        created=created,
        seen=seen,
        password_set=AS_OF - timedelta(days=5 + seeded.number(f"password/{person.login}", 80), hours=3),
    )
    upn = f"{person.login}@{DOMAIN}"
    company.cloud_users[upn] = CloudUser(
        upn,
        person.name,
        person.login,
        person.number,
        person.mail,
        created=created + timedelta(hours=1),
        title=person.title,
        department=person.department,
    )
    company.join(person.login, f"Site-{plain(person.site).title()}", "SG-MFA-Required")
    give(company, person, person.title, person.client)
    if not person.contractor:
        company.cloud_groups["DYN-Employees"].members.add(upn)


def give(company: Company, person: Person, title: str, client: str) -> None:
    """Add what a job asks for."""
    kit, known = KITS[title], {"C": client, "c": client.title()}
    company.join(person.login, kit.licence, *(group.format(**known) for group in kit.groups))
    for group in kit.cloud:
        company.cloud_groups[group.format(**known)].members.add(f"{person.login}@{DOMAIN}")
    for role in kit.ledger:
        account = company.ledger.setdefault(person.login, LedgerAccount(person.login, person.number, person.mail))
        used = AS_OF.date() - timedelta(days=1 + seeded.number(f"ledger/{person.login}/{role}", 25))
        account.roles.setdefault(role, used)


def appoint_managers(company: Company) -> None:
    """Give everybody a manager: team leads for agents, operations managers for team leads, the top for the rest."""
    by_title = company.by_title()
    top = by_title["Director"][0]
    for person in company.people.values():
        leads = [p for p in by_title["Team Lead"] if p.client == person.client]
        managers = {"Agent": leads, "Senior Agent": leads, "Quality Analyst": leads}.get(person.title, [])
        managers = by_title["Operations Manager"] if person.title == "Team Lead" else managers or [top]
        if person is not top:
            person.manager = seeded.pick(f"manager/{person.number}", managers).number


def sign_everybody_in(company: Company) -> None:
    """Let everybody who works sign in to the cloud once, within the last shift before the review."""
    for person in company.people.values():
        cloud = company.cloud(person)
        if person.login in company.idle or person.login in company.odd_hours or not cloud.enabled:
            continue
        begins = int(person.shift[:2])
        day = AS_OF.date() - timedelta(days=1 + seeded.number(f"day/{person.login}", 2))
        minutes = seeded.number(f"minute/{person.login}", 90)
        at = local(day, begins + minutes / 60, person.site)
        company.sign_ins.append(SignIn(cloud.upn, at, SITES[person.site].country))
        cloud.seen = at
