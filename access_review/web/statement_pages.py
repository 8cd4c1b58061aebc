"""What somebody signs beside plans: the standing approval and removal, wind-downs, and that they take back what they signed.

Each page shows all that is signed before the passkey is asked; what is signed goes to ``runs/``.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from starlette.responses import Response

from access_review.errors import PlanRefused, Unclear
from access_review.revoke import approve
from access_review.revoke.approve import Counted, StatementKind
from access_review.revoke.signed_removal import digest_of_removal
from access_review.revoke.signed_wind_down import digest_of_wind_down, find_wind_down
from access_review.runs import Run
from access_review.stages import approve as approving
from access_review.stages import own_statements as owning
from access_review.stages.keep_signed import ToSign
from access_review.store import logged, plans
from access_review.views import planned
from access_review.views.standing import declared_text
from access_review.views.standing_removal import removal_text
from access_review.web import passkey_forms
from access_review.web.pages import Visit

_HOME = "/statements"


def newest_run(visit: Visit) -> Run:
    """Return the newest reviewed run, whose roster says who is who; raises ``Unclear`` before the first."""
    run = logged.newest_reviewed(visit.site.folder)
    if run is None:
        raise Unclear("nothing has been reviewed yet", hint="access-review audit comes first")
    return run


def statements(visit: Visit) -> Response:
    """Show what two people sign, who has, and what this person signed."""
    run, declared, now = newest_run(visit), visit.site.workspace(), visit.site.clock.now()
    wanted = [_wind_down_of(visit, name) for name in sorted(declared.wind_downs)]
    if declared.policy.standing_removal:
        wanted.insert(0, _removal_of(visit))
    if declared.policy.standing:
        wanted.insert(0, _approval_of(visit))
    offers = [_offer(visit, run, one) for one in wanted]
    mine = owning.own_statements(declared, run, visit.who.person, now)
    return visit.page("statements", offers=offers, mine=mine, has_key=bool(passkey_forms.own_keys(visit, "approve")))


def ask_standing(visit: Visit) -> Response:
    """Show the standing approval as it is to be signed."""
    return _asking(visit, _approval_of(visit), _of_policy(visit, approving.standing_to_sign))


def sign_standing(visit: Visit) -> Response:
    """Keep the signature of the standing approval."""
    return _signed(visit, f"{_HOME}/standing", "You signed the standing approval.")


def ask_removal(visit: Visit) -> Response:
    """Show the standing removal as it is to be signed."""
    return _asking(visit, _removal_of(visit), _of_policy(visit, approving.removal_to_sign))


def sign_removal(visit: Visit) -> Response:
    """Keep the signature of the standing removal."""
    return _signed(visit, f"{_HOME}/removal", "You signed the standing removal.")


def ask_wind_down(visit: Visit) -> Response:
    """Show a wind-down as it is to be signed."""
    return _asking(visit, _wind_down_of(visit, visit.path("name")), _wind_down(visit))


def sign_wind_down(visit: Visit) -> Response:
    """Keep the signature of a wind-down."""
    return _signed(visit, f"{_HOME}/wind-down/{visit.path('name')}", "You signed the wind-down.")


def ask_withdrawal(visit: Visit) -> Response:
    """Show what is taken back."""
    run, name, now = newest_run(visit), visit.path("name"), visit.site.clock.now()
    mine = owning.own_statements(visit.site.workspace(), run, visit.who.person, now)
    found = next((one for one in mine if one.name == name), None)
    if found is None:
        raise Unclear("nothing of yours that stands has this name", hint="it may be taken back already, or be over")
    said = found.statement
    text = "\n".join(
        (
            f"Takes back: {said.kind} of {said.digest}",
            f"  signed by {said.person} at {said.at.isoformat()}"
            + (f", because: {said.reason}" if said.reason else ""),
            f"  of the {found.stored.name} of run {found.stored.run.id}"
            if found.stored
            else "  which belongs to no run",
            "  It stays on record, and counts no more.",
        )
    )
    return _signing(visit, "Take back what you signed", text, f"{_HOME}/{name}/withdraw", _withdrawal(visit))


def sign_withdrawal(visit: Visit) -> Response:
    """Keep that somebody takes back what they signed."""
    return _signed(
        visit, f"{_HOME}/{visit.path('name')}/withdraw", "Taken back; it stays on record and counts no more."
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What two people sign, in full, and where that is asked for."""

    heading: str
    text: str
    place: str
    digest: str
    kind: StatementKind


def _approval_of(visit: Visit) -> _Wanted:
    standing = visit.site.workspace().policy.standing
    if standing is None:
        raise PlanRefused("there is no standing approval", hint="declare `standing` in roles/policy.yaml")
    text, digest = declared_text(standing), approve.digest_of_standing(standing)
    return _Wanted("Standing approval", text, f"{_HOME}/standing", digest, StatementKind.STANDING)


def _removal_of(visit: Visit) -> _Wanted:
    removal = visit.site.workspace().policy.standing_removal
    if removal is None:
        raise PlanRefused("there is no standing removal", hint="declare `standing_removal` in roles/policy.yaml")
    text, digest = removal_text(removal), digest_of_removal(removal)
    return _Wanted("Standing removal", text, f"{_HOME}/removal", digest, StatementKind.STANDING)


def _wind_down_of(visit: Visit, name: str) -> _Wanted:
    wound = find_wind_down(visit.site.workspace().wind_downs, name)
    text, digest = planned.wind_down(name, wound), digest_of_wind_down(name, wound)
    return _Wanted(f"Wind-down {name}", text, f"{_HOME}/wind-down/{name}", digest, StatementKind.WIND_DOWN)


def _offer(visit: Visit, run: Run, wanted: _Wanted) -> dict[str, Any]:
    """Return what two people sign, who has, and whether that is this person."""
    counted = _counted(visit, run, wanted.digest)
    signed = sorted(counted.by(wanted.kind, "approve"))
    return {
        **asdict(wanted),
        "signed": signed,
        "passed_over": counted.stale,
        "approved": visit.who.person in signed,
    }


def _counted(visit: Visit, run: Run, digest: str) -> Counted:
    folder, declared = visit.site.folder, visit.site.workspace()
    every, seen = plans.workspace_statements(folder), plans.seen_standing(folder)
    people, now = plans.signatories(run), visit.site.clock.now()
    return approve.count_statements(every, digest, declared.approvers, people, now=now, seen=seen)


def _of_policy(visit: Visit, to_sign: Callable[..., ToSign]) -> passkey_forms.Make:
    """Return what makes the statement of something that the policy declares."""

    def make(reason: str, at: datetime) -> ToSign:
        run, declared, by = newest_run(visit), visit.site.workspace(), visit.who.person
        return to_sign(run, declared, by, reason, at, plans.SIGNED_HERE)

    return make


def _wind_down(visit: Visit) -> passkey_forms.Make:
    name = visit.path("name")

    def make(reason: str, at: datetime) -> ToSign:
        run, declared, by = newest_run(visit), visit.site.workspace(), visit.who.person
        return approving.wind_down_to_sign(run, declared, name, by, reason, at, plans.SIGNED_HERE)

    return make


def _withdrawal(visit: Visit) -> passkey_forms.Make:
    name = visit.path("name")

    def make(reason: str, at: datetime) -> ToSign:
        run, declared, by = newest_run(visit), visit.site.workspace(), visit.who.person
        return owning.withdrawal_to_sign(declared, run, name, by, reason, at)

    return make


def _asking(visit: Visit, wanted: _Wanted, make: passkey_forms.Make) -> Response:
    return _signing(visit, wanted.heading, wanted.text, wanted.place, make)


def _signing(visit: Visit, heading: str, text: str, place: str, make: passkey_forms.Make) -> Response:
    return sign_page(visit, heading, text, _HOME, **passkey_forms.ask(visit, place, make))


def sign_page(visit: Visit, heading: str, text: str, back: str, **shown: Any) -> Response:
    """Show a statement in full, with the form that asks the passkey for it."""
    return visit.page("statement", heading=heading, text=text, back=back, **shown)


def _signed(visit: Visit, place: str, told: str) -> Response:
    passkey_forms.take(visit, place)
    visit.signed_in.said = told
    return visit.go(_HOME)
