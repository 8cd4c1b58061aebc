"""The rosters, the ledger's list of users, badges and the registers of custodians and owners."""

import csv
import io
import json
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from operator import itemgetter

from tests.demo import seeded
from tests.demo.company import SITES, Company, Person, Spell, card_of
from tests.demo.population import SHIFTS

HR = (
    *("employee_no", "full_name", "work_mail", "status", "effective_from", "last_day", "notice_received"),
    *("department", "job_title", "site", "client", "shift", "manager_no"),
)
VENDOR = ("Worker ID", "Worker name", "E-mail", "Assignment", "Client", "Start", "End", "Shift", "State")

# openpyxl writes XML by whichever library is there, and the two differ in bytes.
os.environ["OPENPYXL_LXML"] = "False"


def files(company: Company) -> Iterator[tuple[str, str | bytes]]:
    """Yield the name and content of each file."""
    staff = sorted((p for p in company.people.values() if not p.contractor), key=lambda p: p.number)
    yield "hr/roster.csv", _csv(HR, (row for person in staff for row in _roster(person)))
    former = ("employee_no", "from", "until", "department", "job_title", "site", "client")
    yield "hr/history.csv", _csv(former, (_former(p, spell) for p in staff for spell in p.former))
    yield "hr/sites.csv", _csv(("site", "country", "timezone"), ((s.name, s.country, s.zone) for s in SITES.values()))
    yield "vendor/brightdesk.xlsx", _workbook([p for p in company.people.values() if p.contractor])
    yield "agents/register.json", _register(company)
    yield "ledger/users.csv", _ledger(company)
    yield "badge/cards.csv", _cards(company)
    yield "badge/swipes.csv", _swipes(company)
    custodians = (
        (upn, number, since, until or "") for upn, number, since, until in sorted(company.custodians, key=str)
    )
    yield "shared/custodians.csv", _csv(("account", "employee_no", "since", "until"), custodians)
    yield "shared/owners.csv", _csv(("account", "employee_no"), sorted(company.owners))


def _csv(heading: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows(rows)
    return out.getvalue()


def _roster(person: Person) -> Iterator[tuple[object, ...]]:
    """Yield the rows of one person: spells that ended in a termination, the present job, a second one."""
    who = (person.number, person.name, person.mail)
    for spell in person.earlier:
        yield *who, "Terminated", spell.since, spell.until, "", *_job(spell, person.shift, person.manager)
    present = Spell(person.since, date.max, person.title, person.department, person.site, person.client)
    dates = (person.since, person.last_day or "", person.notice or "")
    yield *who, person.status, *dates, *_job(present, person.shift, person.manager)
    if person.second:
        shift = person.second_shift or person.shift
        yield *who, "Active", person.second.since, person.second.until, "", *_job(person.second, shift, person.manager)


def _job(spell: Spell, shift: str, manager: str) -> tuple[str, ...]:
    return spell.department, spell.title, spell.site, spell.client, shift, manager


def _former(person: Person, spell: Spell) -> tuple[object, ...]:
    return person.number, spell.since, spell.until, spell.department, spell.title, spell.site, spell.client


def _register(company: Company) -> str:
    entries = [
        {
            "object_id": company.applications[agent.name].id,
            "name": agent.name,
            "role": agent.role,
            "sponsor": agent.sponsor,
            "purpose": agent.purpose,
            "data_class": agent.data_class,
            "approved_until": str(agent.approved_until),
            "state": "retired" if agent.retired_on else "approved",
            "retired_on": str(agent.retired_on) if agent.retired_on else None,
        }
        for agent in sorted(company.agents.values(), key=lambda a: a.name)
    ]
    return json.dumps({"agents": entries}, indent=1) + "\n"


def _ledger(company: Company) -> str:
    rows = [
        (a.login, a.number, a.mail, "open" if a.enabled else "locked", role, used or "")
        for a in sorted(company.ledger.values(), key=lambda a: a.login)
        for role, used in sorted(a.roles.items())
    ]
    return _csv(("login", "employee_no", "mail", "state", "role", "last_used"), rows)


def _cards(company: Company) -> str:
    rows: list[tuple[str, ...]] = []
    for person in sorted(company.people.values(), key=lambda p: p.number):
        card = card_of(person.number)
        if person.number in company.blocked_badges:
            rows.append((card, person.number, "blocked", ""))
            continue
        doors = {f"Office {person.site}"} | company.doors[person.number]
        rows += [(card, person.number, "active", door) for door in sorted(doors)]
    return _csv(("card", "employee_no", "state", "door"), rows)


def _swipes(company: Company) -> str:
    """Write a swipe for every third person who signed in during a shift, shortly before."""
    signed_in = {found.who: found for found in company.sign_ins if found.worked}
    rows: list[tuple[str, ...]] = []
    for person in company.people.values():
        found = signed_in.get(company.cloud(person).upn)
        ordinary = person.login not in company.idle | company.odd_hours
        if found and ordinary and not seeded.number(f"swipes/{person.number}", 3):
            at = found.at - timedelta(minutes=4)
            rows.append((card_of(person.number), f"{at:%Y-%m-%dT%H:%M:%S%z}", SITES[person.site].country, person.site))
    rows.sort(key=itemgetter(1, 0))
    return _csv(("card", "at", "country", "gate"), rows)


def _workbook(people: list[Person]) -> bytes:
    """Write the vendor's sheet as vendors do: a title above, a note below, spaces and two kinds of dates."""
    from openpyxl import Workbook

    scenario = Workbook()
    page = scenario.active
    assert page is not None
    page.title = "Workers"
    page.append(["Brightdesk Staffing (fictional): workers on assignment at Norwind"])
    page.append(["Status of 30 October 2026"])
    page.append([])
    page.append(list(VENDOR))
    for index, person in enumerate(sorted(people, key=lambda p: p.number)):
        released = person.status == "Terminated"
        end = person.last_day or date.max
        since: object = f"{person.since:%d.%m.%Y}" if index % 3 else datetime(*person.since.timetuple()[:3])  # noqa: DTZ001
        name = f"{person.name} " if index % 4 == 0 else person.name
        shift = SHIFTS[person.client, person.site]
        state = "Released" if released else "On assignment"
        page.append(
            [
                person.number,
                name,
                person.mail,
                person.title,
                f" {person.client}",
                since,
                f"{end:%d.%m.%Y}",
                shift,
                state,
            ]
        )
    page.append(["Total", len(people), *[None] * 7])
    page.append(["Prepared by the vendor's planning desk", *[None] * 8])
    out = io.BytesIO()
    scenario.save(out)
    return _settled(out.getvalue())


def _settled(data: bytes) -> bytes:
    """Take the clock out of a workbook: fixed dates, fixed order, nothing packed, so that equal content is equal bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-10-30T09:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, (2026, 10, 30, 9, 0, 0)), content)
    return out.getvalue()
