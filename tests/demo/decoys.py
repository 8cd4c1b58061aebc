"""Decoys: what looks wrong and is not. Each must stay quiet in the rules it names."""

from datetime import date

from tests.demo.company import AS_OF, DOMAIN, NEVER, CloudUser, Company, SignIn, Spell, local, moment
from tests.demo.offboarding import take_leave
from tests.demo.population import engage, give, hire
from tests.demo.scenario import Scenario

LEAVING = ("leaver-active", "leaver-residue", "signin-after-end")
UNUSED = ("account-dormant", "never-used")
JOB = ("Agent", "Client Services", "Manila", "HARBOR")


def plant(company: Company, scenario: Scenario) -> None:
    """Plant everything of this module."""
    _leavers(company, scenario)
    _moves(company, scenario)
    _identities(company, scenario)
    _use(company, scenario)
    _privileges(company, scenario)
    _things(company, scenario)


def _leavers(company: Company, scenario: Scenario) -> None:
    agents = company.by_title()["Agent"]
    going, today, stays = agents[12], agents[62], agents[110]
    for person, day in ((going, date(2026, 11, 13)), (today, AS_OF.date())):
        person.status, person.last_day, person.notice = "Terminated", day, date(2026, 10, 12)
    scenario.decoy(going.ad, "is called terminated and leaves on 13 November: still at work", *LEAVING)
    scenario.decoy(today.entra, "leaves at the end of today", *LEAVING)
    stays.notice = date(2026, 10, 5)
    company.ad_users[stays.login].expires = moment("2026-10-31T05:00:00")
    why = "gave notice and took it back; the date at which the account expires was never cleared"
    scenario.decoy(stays.ad, why, *LEAVING, "contract-ended")
    back = hire(
        company,
        "Joselito Pardo",
        "Agent",
        "Client Services",
        "Bogotá",
        "PINEWAY",
        number="10814",
        since=date(2026, 8, 3),
    )
    back.earlier = [Spell(date(2024, 5, 6), date(2026, 2, 27), "Agent", "Client Services", "Bogotá", "PINEWAY")]
    company.ad_users[back.login].created = moment("2024-05-03T08:00:00")
    scenario.decoy(back.ad, "left in February and was hired again in August, under the same number", *LEAVING)
    gone = next(p for p in company.people.values() if p.name == "Delfin Cruz")
    company.sign_ins.append(SignIn(f"{gone.login}@{DOMAIN}", moment("2026-10-31T02:10:00"), "BR", worked=False))
    why = "left in September and was closed as it should be; somebody tried the password since, and failed"
    for subject in (gone.ad, gone.entra, gone.badge):
        scenario.decoy(subject, why, *LEAVING, "account-unowned", "signin-outside-countries")
    torn = hire(company, "Ligaya Dizon", *JOB, number="10815", since=date(2024, 1, 8))
    torn.last_day = date(2026, 9, 15)
    why = "the roster says active, and that the last day has passed: a person decides which of the two is right"
    scenario.plant("contract-ended", torn.id, None, why)
    scenario.decoy(
        torn.ad, "said to be active: not taken for a leaver", *LEAVING, "access-beyond-role", "account-unowned"
    )
    resting = agents[115]
    take_leave(company, resting, date(2026, 10, 21))
    scenario.decoy(resting.entra, "on leave for twelve days, and has not signed in since", "leave-active", *UNUSED)
    busy = [p for p in company.people.values() if p.contractor][8]
    scenario.decoy(busy.ad, "the contract ends in December", *LEAVING, "contract-ended")


def _moves(company: Company, scenario: Scenario) -> None:
    mover = hire(
        company,
        "Aldona Gawron",
        "Quality Analyst",
        "Client Services",
        "Kraków",
        "MERIDIAN",
        number="10816",
        since=date(2026, 10, 30),
    )
    mover.former = [Spell(date(2022, 10, 3), date(2026, 10, 29), "Agent", "Client Services", "Kraków", "MERIDIAN")]
    company.join(mover.login, "MERIDIAN-Agents")
    scenario.decoy(
        mover.ad, "changed jobs three days ago: five days to hand over", "mover-kept-access", "access-beyond-role"
    )
    shared = hire(
        company,
        "Rosa Tolentino",
        "Agent",
        "Client Services",
        "Manila",
        "MERIDIAN",
        number="10817",
        since=date(2023, 1, 9),
    )
    shared.second = Spell(date(2026, 7, 6), date(2027, 1, 29), "Agent", "Client Services", "Manila", "HARBOR")
    shared.second_shift = "23:00-06:00"
    give(company, shared, "Agent", "HARBOR")
    why = "works for two clients, and the roster says so"
    scenario.decoy(shared.ad, why, "client-boundary", "access-beyond-role", "mover-kept-access")
    joiner = hire(company, "Florante Ilagan", *JOB, number="10818", since=date(2026, 11, 9))
    company.leave(joiner.login, "HARBOR-Agents", "LIC-Frontline")
    company.stop(joiner, NEVER)
    for account in (company.ad_users[joiner.login], company.cloud(joiner)):
        account.created = moment("2026-10-26T03:00:00")
    why = "starts next week: the account is ready, unused, and not complete yet"
    scenario.decoy(joiner.ad, why, "never-used", "account-unowned")
    scenario.decoy(joiner.id, why, "birthright-missing")


def _identities(company: Company, scenario: Scenario) -> None:
    for number in ("10819", "10820"):
        twin = hire(company, "Marisol Reyes", *JOB, number=number, since=date(2022, 3, 7))
        scenario.decoy(
            twin.ad,
            "two people have this name; the employee number tells them apart",
            "lookalike-account",
            "account-unowned",
        )
    for number, name, why in (
        ("00123", "Honorio Salazar", "a number that starts with zeros is text, and not 123"),
        ("123", "Perla Estrada", "a number like another's without the zeros"),
        ("1E5", "Wenceslao Lazaro", "a number from a company that was bought, and not 100000"),
    ):
        person = hire(company, name, *JOB, number=number, since=date(2017, 2, 6))
        scenario.decoy(person.ad, why, "account-unowned", "birthright-missing")
        scenario.decoy(person.id, why, "birthright-missing")
    worker = engage(company, "Nenita Oliva", "contractor/no", number="NO")
    scenario.decoy(worker.ad, "the vendor's sign of this worker is NO, which is no false", "account-unowned")
    desk = company.by_title()["Office Coordinator"][1]
    scenario.decoy(desk.ad, "shares a mailbox with somebody; the accounts match by number first", "account-unowned")
    hostile = next(p for p in company.people.values() if p.login == "new.joiner")
    why = "the display name holds a formula, markup and a mark that turns text around"
    scenario.decoy(hostile.ad, why, "lookalike-account", "account-unowned", "access-beyond-role")


def _use(company: Company, scenario: Scenario) -> None:
    agents = company.by_title()["Agent"]
    cloudy, virtual, late = agents[25], agents[125], agents[15]
    company.ad_users[cloudy.login].seen = moment("2026-05-04T13:00:00")
    scenario.decoy(cloudy.ad, "last seen by the directory in May; signs in to the cloud every day", *UNUSED)
    company.ad_users[virtual.login].seen = NEVER
    scenario.decoy(virtual.ad, "never touched the directory; works in the browser only", *UNUSED)
    company.odd_hours.add(late.login)
    at = local(date(2026, 11, 1), 5.6, late.site)
    company.sign_ins.append(SignIn(f"{late.login}@{DOMAIN}", at, "PH"))
    company.cloud(late).seen = at
    scenario.decoy(
        late.entra, "signed in at half past five in the morning: the shift began the evening before", "signin-off-shift"
    )
    guest = CloudUser(f"auditor2_partner.example.test#EXT#@{DOMAIN}", "Guest (auditor 2)", guest=True)
    guest.seen, guest.created = moment("2026-10-20T09:00:00"), moment("2026-02-02T09:00:00")
    company.cloud_users[guest.upn] = guest
    scenario.decoy(f"entra:user:{guest.upn}", "a guest who came two weeks ago", "guest-stale", "account-unowned")


def _privileges(company: Company, scenario: Scenario) -> None:
    admins, auditor = company.by_title()["IT Administrator"], company.by_title()["Internal Auditor"][1]
    upn = f"adm.{admins[3].login}@{DOMAIN}"
    why = "may activate roles, as the template says"
    scenario.decoy(f"entra:user:{upn}", why, "standing-privilege", "access-beyond-role", "never-allowed")
    upn = f"adm.{admins[0].login}@{DOMAIN}"
    company.activated.add((upn, "Exchange Administrator"))
    scenario.decoy(f"entra:user:{upn}", "has activated a role this morning", "standing-privilege", "access-beyond-role")
    why = "administers the domain with a second account, as two of the administrators do"
    scenario.decoy(f"ad:user:adm-{admins[0].login}", why, "access-beyond-role", "account-unowned", *UNUSED)
    company.cloud_groups["ROLE-Security-Readers"].members.add(f"{auditor.login}@{DOMAIN}")
    why = "reads the security reports through a group that the template names"
    scenario.decoy(auditor.entra, why, "standing-privilege", "access-beyond-role", "nesting-escalates")
    for upn in (f"emergency1@{DOMAIN}", f"emergency2@{DOMAIN}"):
        why = "emergency access: belongs to nobody, holds everything, is never used, and must stay so"
        scenario.decoy(f"entra:user:{upn}", why, "standing-privilege", "account-unowned", "access-beyond-role", *UNUSED)
    sync = f"entra:user:Sync_NWDC1_7f3a91c2d4e8@{DOMAIN}"
    scenario.decoy(
        sync, "synchronises the directories, and holds a powerful role for it", "standing-privilege", "service-unowned"
    )


def _things(company: Company, scenario: Scenario) -> None:
    social = company.by_title()["Agent"][40]
    company.join(social.login, "DL-Manila-Social")
    company.cloud_groups["Norwind News"].members.add(f"{social.login}@{DOMAIN}")
    why = "reads two mailing lists, and must sign in with a second factor, which no template mentions: no excess"
    scenario.decoy(social.ad, why, "access-beyond-role")
    scenario.decoy(social.entra, why, "access-beyond-role")
    scenario.decoy(
        "ad:user:svc-backup", "a service account with an owner, and powerful", "service-unowned", "access-beyond-role"
    )
    scenario.decoy("ad:user:gmsa-web$", "a managed service account whose owner the directory names", "service-unowned")
    before = company.by_title()["Office Coordinator"][1]
    company.custodians.append((f"shared-reception@{DOMAIN}", before.number, date(2024, 9, 2), date(2026, 6, 30)))
    why = "somebody handed it over in June, and the password was changed in September"
    scenario.decoy("ad:user:shared-reception", why, "shared-unrotated", "service-unowned")
    company.ad_groups["Branch-Printers"].foreign = {"S-1-5-21-3623811015-3361044348-30300820-1013", "S-1-5-11"}
    why = "has a member from another forest and everybody who signs in: counted as problems, concluded from neither"
    scenario.decoy("ad:group:Branch-Printers", why, "nesting-escalates", "nesting-cycle")
    scenario.decoy(
        "entra:consent:Timesheets/Microsoft Graph:User.Read", "an approved application", "app-consent-unapproved"
    )
