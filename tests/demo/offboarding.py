"""Planted: leavers whose access stayed, leave, contracts that ended, secrets that were never changed."""

from datetime import date, datetime, timedelta

from tests.demo import seeded
from tests.demo.company import DOMAIN, Agent, Company, Person, SignIn, Spell, local, moment
from tests.demo.infrastructure import BLUEPRINT, administrate, employ
from tests.demo.population import hire
from tests.demo.scenario import Scenario

HARMLESS = {"SG-MFA-Required"}
"""Groups that restrict: whoever stays in them can do no harm by it."""


def plant(company: Company, scenario: Scenario) -> None:
    """Plant everything of this module."""
    _ordinary_leavers(company)
    _friday(company, scenario)
    _half_closed(company, scenario)
    _owners(company, scenario)
    _administrator(company, scenario)
    _contractor(company, scenario)
    _agents(company, scenario)
    _leave(company, scenario)
    _secrets(company, scenario)


def depart(company: Company, person: Person, day: date, notice: date | None = None) -> datetime:
    """Let somebody go at the end of a day; return the last time they signed in."""
    person.status, person.last_day, person.notice = "Terminated", day, notice or day - timedelta(days=30)
    seen = local(day, int(person.shift[:2]) + 1.5, person.site) - timedelta(days=1)
    company.stop(person, seen)
    return seen


def _ordinary_leavers(company: Company) -> None:
    """Let some go as it should be: nothing is left of them but disabled accounts."""
    agents = company.by_title()["Agent"]
    for index, day in ((30, 2), (45, 9), (80, 13), (95, 20), (130, 27)):
        depart(company, agents[index], date(2026, 10, day))
        company.close(agents[index])
    for number, name, day in (("10811", "Delfin Cruz", 12), ("10812", "Rosalia Abad", 30)):
        person = hire(
            company, name, "Agent", "Client Services", "Manila", "HARBOR", number=number, since=date(2023, 4, 3)
        )
        depart(company, person, date(2026, 9, day))
        company.close(person)


def _friday(company: Company, scenario: Scenario) -> None:
    person = hire(
        company, "Iwona Kos", "Agent", "Client Services", "Kraków", "MERIDIAN", number="10804", since=date(2022, 5, 9)
    )
    depart(company, person, date(2026, 10, 30), notice=date(2026, 10, 29))
    after = moment("2026-10-31T20:12:00")
    company.sign_ins.append(SignIn(f"{person.login}@{DOMAIN}", after, "PL"))
    company.cloud(person).seen = after
    why = "left on Friday, and nobody offboards at the weekend"
    scenario.each("leaver-active", [(person.ad, None), (person.entra, None), (person.badge, None)], why)
    kept = [(person.ad, f"ad:group:{name}") for name in company.groups_of(person.login) if name not in HARMLESS]
    kept += [(person.entra, "entra:group:DYN-Employees"), (person.badge, "badge:door:Office Kraków")]
    scenario.each("leaver-residue", kept, why)
    scenario.plant("signin-after-end", person.entra, None, "signed in on Saturday, a day after the end")


def _half_closed(company: Company, scenario: Scenario) -> None:
    person = hire(
        company, "Nestor Villar", "Agent", "Client Services", "Manila", "HARBOR", number="10805", since=date(2023, 2, 6)
    )
    depart(company, person, date(2026, 10, 16))
    company.close(person)
    company.cloud(person).enabled = True
    why = "disabled in the directory; the cloud did not follow, since synchronisation skips this account"
    scenario.plant("leaver-active", person.entra, None, why)
    person = hire(
        company,
        "Amparo Gil",
        "Senior Agent",
        "Client Services",
        "Bogotá",
        "PINEWAY",
        number="10806",
        since=date(2020, 9, 7),
    )
    depart(company, person, date(2026, 10, 9))
    company.close(person)
    company.join(person.login, "PINEWAY-Agents", "DL-Bogota-Social")
    kept = [(person.ad, f"ad:group:{name}") for name in ("PINEWAY-Agents", "DL-Bogota-Social")]
    scenario.each("leaver-residue", kept, "disabled in time, and left in the groups")


def _owners(company: Company, scenario: Scenario) -> None:
    person = hire(company, "Bruno Zych", "IT Administrator", "IT", "Kraków", number="10807", since=date(2018, 3, 5))
    depart(company, person, date(2026, 9, 30))
    company.close(person)
    connector = company.applications["Harbor CRM Connector"]
    connector.owners.add(f"{person.login}@{DOMAIN}")
    connector.secrets["harbor-sftp"] = (date(2026, 2, 16), date(2027, 2, 16))
    subject = "entra:sp:Harbor CRM Connector"
    scenario.plant("leaver-residue", subject, person.entra, "a leaver still owns it, beside others")
    key = seeded.guid("entra/secret/harbor-sftp")
    scenario.plant("leaver-residue", subject, key, "a secret that a leaver could read was never changed")
    company.owners = [(o, person.number if o.startswith("svc-sql@") else owner) for o, owner in company.owners]
    why = "its only owner left in September"
    scenario.plant("leaver-residue", "ad:user:svc-sql", person.id, why)
    scenario.plant("service-unowned", "ad:user:svc-sql", None, why)


def _administrator(company: Company, scenario: Scenario) -> None:
    """Forget the second accounts of the administrator who left."""
    person = next(p for p in company.people.values() if p.name == "Bruno Zych")
    administrate(company, person)
    directory, cloud = f"ad:user:adm-{person.login}", f"entra:user:adm.{person.login}@{DOMAIN}"
    company.ad_users[f"adm-{person.login}"].seen = moment("2026-09-29T14:00:00")
    company.cloud_users[f"adm.{person.login}@{DOMAIN}"].seen = moment("2026-09-28T12:30:00")
    why = "the administrator left in September, and the second accounts were forgotten"
    scenario.each("leaver-active", [(directory, None), (cloud, None)], why)
    roles = [(cloud, f"entra:role:{role}") for role in ("User Administrator", "Exchange Administrator")]
    scenario.each("leaver-residue", [(directory, "ad:group:Server-Admins"), *roles], why)


def _contractor(company: Company, scenario: Scenario) -> None:
    person = [p for p in company.people.values() if p.contractor][5]
    depart(company, person, date(2026, 10, 23))
    company.leave(person.login, *company.groups_of(person.login))
    company.blocked_badges.add(person.number)
    why = "the vendor released the worker, and only the groups were taken away"
    scenario.each("leaver-active", [(person.ad, None), (person.entra, None)], why)


def _agents(company: Company, scenario: Scenario) -> None:
    planner = company.by_title()["Workforce Planner"][1].number
    about = ("forecasts calls for a client that has gone", "internal", date(2027, 3, 31))
    employ(company, Agent("Norwind Agent Forecast", "ai-support-agent", planner, *about, retired_on=date(2026, 9, 30)))
    subject, why = "entra:sp:Norwind Agent Forecast", "was retired in September, and its identity still works"
    scenario.plant("leaver-active", subject, None, why)
    kept = [(subject, f"entra:blueprint:{BLUEPRINT}"), (subject, "entra:approle:Timesheets/Viewer")]
    scenario.each("leaver-residue", kept, why)
    about = ("summarises surveys of staff", "internal", date(2026, 9, 30))
    employ(company, Agent("Norwind Agent Survey", "ai-support-agent", planner, *about))
    why = "was approved until the end of September, and goes on"
    scenario.plant("contract-ended", "agents:person:Norwind Agent Survey", None, why)


def _leave(company: Company, scenario: Scenario) -> None:
    agents = company.by_title()["Agent"]
    long, caught = agents[85], agents[140]
    for person, began in ((long, date(2026, 8, 31)), (caught, date(2026, 10, 19))):
        take_leave(company, person, began)
    why = "on leave since August, with the account open"
    scenario.each("leave-active", [(long.ad, None), (long.entra, None)], why)
    company.cloud(caught).seen = moment("2026-10-28T14:25:00")
    scenario.plant("leave-active", caught.entra, None, "on leave since 19 October, and signed in on the 28th")


def take_leave(company: Company, person: Person, began: date) -> None:
    """Send somebody on leave; the accounts stay as they are, the badge is kept at the gate."""
    before = Spell(person.since, began - timedelta(days=1), person.title, person.department, person.site, person.client)
    person.former.append(before)
    person.status, person.since = "LOA", began
    company.stop(person, local(began, int(person.shift[:2]), person.site) - timedelta(days=3))
    company.blocked_badges.add(person.number)


def _secrets(company: Company, scenario: Scenario) -> None:
    left = next(p for p in company.people.values() if p.name == "Rosalia Abad")
    company.custodians.append((f"shared-harbor-desk@{DOMAIN}", left.number, date(2025, 1, 6), None))
    company.ad_users["shared-harbor-desk"].password_set = moment("2026-05-04T02:00:00")
    why = "a custodian left on 30 September, the password is of May"
    scenario.plant("shared-unrotated", "ad:user:shared-harbor-desk", left.id, why)
    moved = company.by_title()["Team Lead"][-2]
    company.custodians.append((f"shared-pineway-fax@{DOMAIN}", moved.number, date(2025, 1, 6), date(2026, 6, 30)))
    company.ad_users["shared-pineway-fax"].password_set = moment("2026-03-02T15:00:00")
    why = "handed it over in June, and still knows the password of March"
    scenario.plant("shared-unrotated", "ad:user:shared-pineway-fax", moved.id, why)
