"""The directory half of ``carry-out.ps1`` against a real domain, through a stand-in that speaks LDAP; where there is PowerShell."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from access_review.changes import Action, Change, Expectation, Target, Thing
from access_review.connectors.ad import identifiers
from access_review.plan.record import Batch, NamedSystem
from tests.powershell.carry import Carry, PowerShell, Ran
from tests.powershell.every_action import everything
from tests.powershell.written import dated
from tests.real.conftest import MEMBER, servers
from tests.real.example_domain import DOMAIN_LOCAL, FOREIGN_SID, READER, SERVICE_PASSWORD, Domain
from tests.real.samba import ADMIN_PASSWORD
from tests.real.samba import Domain as Controller

OVER_LDAP = Path(__file__).parent.parent / "powershell" / "over-ldap"
ODD = "O'Brien, (five) *#"
"""A name that means something in a filter, in a distinguished name and in PowerShell."""

Ids = Callable[[str], tuple[str, str]]


@pytest.fixture(scope="module")
def domain(powershell: PowerShell, small_state: Controller, tmp_path_factory) -> Iterator[Controller]:  # noqa: ARG001 - skips
    """Return a served domain with odd members, in which the reader may not see who is in Hidden; it takes plain binds."""
    made = small_state.copy(tmp_path_factory.mktemp("samba") / "powershell")
    more = Domain(made.base)
    odd = more.add(
        r"CN=O'Brien\, (five) *\#,OU=Staff", objectClass="user", sAMAccountName="obrien", userAccountControl=512
    )
    seven = more.user("user7")
    contact = more.add(r"CN=Vendor\, (contact) *,OU=Staff", objectClass="contact")
    inner = more.group("Inner")
    more.group("All", [odd, seven, contact, f"<SID={FOREIGN_SID}>"], groupType=DOMAIN_LOCAL)
    more.group("Fin", [odd, inner])
    more.group("Primary", [seven])
    more.group("Hidden", [seven])
    made.load(more.ldif())
    rid = made.sid("Primary").rpartition("-")[2]
    made.modify(f"dn: {seven}\nchangetype: modify\nreplace: primaryGroupID\nprimaryGroupID: {rid}\n")
    made.grant(f"CN=Hidden,OU=Groups,{made.base}", f"(OD;;RP;{MEMBER};;{made.sid(READER)})")
    text = made.config.read_text()
    made.config.write_text(text.replace("strong auth = allow_sasl_over_tls", "strong auth = no"))
    with made.served():
        yield made


@pytest.fixture(scope="module")
def ids(domain: Controller, tmp_path_factory) -> Ids:
    """Find GUID and SID of an object by a filter."""
    folder = tmp_path_factory.mktemp("administrator")

    def find(where: str) -> tuple[str, str]:
        with servers(folder, domain, "Administrator").session() as session:
            ((_, held),) = session.search(domain.base, where, ["objectGUID", "objectSid"], scope="SUBTREE").entries
        return identifiers.guid(held["objectGUID"][0]), identifiers.sid(
            held["objectSid"][0]
        ) if "objectSid" in held else ""

    return find


@pytest.fixture
def carried(domain: Controller, powershell: PowerShell, tmp_path: Path) -> Callable[..., Ran]:
    """Carry changes out as somebody, by a plan of their own."""
    system = NamedSystem(domain.sid("Administrator").rpartition("-")[0], domain.dns)

    def run(*changes: Change, by: str = "Administrator") -> Ran:
        numbered = tuple(replace(one, id=f"c-{number:02}") for number, one in enumerate(changes))
        batches = (Batch("batch-1", tuple(one.id for one in numbered)),)
        plan = replace(everything(), changes=numbered, batches=batches, systems={"ad": system})
        environment = {
            "AD_HOST": domain.address,
            "AD_BASE": domain.base,
            "AD_USER": f"{by}@{domain.dns}",
            "AD_PASSWORD": ADMIN_PASSWORD if by == "Administrator" else SERVICE_PASSWORD,
        }
        return Carry(tmp_path, powershell, OVER_LDAP).out(dated(plan), environment=environment, prompt=True)

    return run


def of(action: Action, who: str, what: str = "") -> Change:
    """Return a change of an account or a member by ids of either kind."""
    held = Thing("ad:group:x", what, "what") if what else None
    target = Target("ad", "ldap", account=Thing("ad:user:x", who, "who"), entitlement=held, mode="assigned")
    return Change("", action, target, "member", Expectation(present=True), (), (), "")


def outcomes(ran: Ran) -> list[str]:
    return [ran.outcomes[name] for name in sorted(ran.outcomes)]


TAKE, GIVE = Action.REMOVE_MEMBER, Action.ADD_MEMBER


def test_members_of_every_kind_are_taken_found_gone_and_given_back(carried, ids):
    five, vendor, everybody, fin = ids("(sAMAccountName=obrien)"), ids("(cn=Vendor*)"), ids("(cn=All)"), ids("(cn=Fin)")
    inner, empty, seven = ids("(cn=Inner)"), ids("(cn=Empty)"), ids("(cn=user7)")

    def both(member: Action, account: Action) -> Sequence[Change]:
        return (
            of(account, five[1]),
            of(member, five[1], everybody[0]),
            of(member, five[0], fin[1]),
            of(member, FOREIGN_SID, everybody[0]),
            of(member, vendor[0], everybody[0]),
            of(member, inner[0], fin[0]),
        )

    taken = carried(*both(TAKE, Action.DISABLE_ACCOUNT))
    assert (outcomes(taken), taken.code) == (["pending"] * 6, 0), taken
    again = carried(*both(TAKE, Action.DISABLE_ACCOUNT)[:4], of(TAKE, seven[0], empty[0]))
    assert (outcomes(again), again.code) == (["absent"] * 5, 0), again
    given = carried(*both(GIVE, Action.ENABLE_ACCOUNT))
    assert (outcomes(given), given.code) == (["pending"] * 6, 0), given


def test_what_cannot_be_seen_is_never_absent(carried, ids):
    seven, hidden, everybody = ids("(cn=user7)"), ids("(cn=Hidden)"), ids("(cn=All)")
    primary = carried(of(TAKE, seven[0], ids("(cn=Primary)")[0]))
    assert (outcomes(primary), primary.code) == (["failed"], 4), primary
    unseen = carried(of(TAKE, seven[0], hidden[0]), of(TAKE, seven[0], everybody[0]), by=READER)
    assert (outcomes(unseen), unseen.code) == (["failed", "failed"], 4), unseen
    nobody = "00000000-0000-4000-8000-000000000999"
    gone = carried(of(Action.DISABLE_ACCOUNT, "S-1-5-21-1-2-3-4"), of(TAKE, seven[0], nobody))
    assert (outcomes(gone), gone.code) == (["not found", "not found"], 4), gone
