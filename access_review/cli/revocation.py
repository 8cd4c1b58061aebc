"""Commands of the revocation batch."""

import getpass
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from access_review.cli import unattended
from access_review.cli.options import Options, leave, moment, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from access_review.findings.judged_share import Judged
    from access_review.plan.limits import Higher
    from access_review.plan.record import Plan
    from access_review.runs import Run
    from access_review.stages.keep_signed import Signer
    from access_review.tables import Row
    from access_review.views.plan_changes import Screen
    from access_review.views.summary import JudgedSummary
    from access_review.workspace import Workspace


_LARGEST_LOG = 64 * 2**20


def _higher(text: str) -> "Higher":
    from access_review.plan.limits import higher

    try:
        return higher(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Key = Annotated[Path, typer.Option("--key", help="Your private SSH key, as ~/.ssh/id_ed25519.")]
By = Annotated[str, typer.Option("--by", help="Who you are: a person of the roster, by id or name.")]
Which = Annotated[
    str, typer.Option("--of", help="Which plan of the run: plan, undo, standing, or the --name it was given.")
]
Whole = Annotated[bool, typer.Option("--all", help="Show every change and every finding left, however many.")]


def plan(
    ctx: typer.Context,
    requested_by: Annotated[
        str, typer.Option("--requested-by", help="Who asks: a person of the roster, by id or name.")
    ],
    rule: Annotated[list[str] | None, typer.Option(help="Only findings of this rule; may be given again.")] = None,
    person: Annotated[
        list[str] | None, typer.Option(help="Only this person's findings, by id or name; may be given again.")
    ] = None,
    client: Annotated[list[str] | None, typer.Option(help="Only this client's findings; may be given again.")] = None,
    name: Annotated[str, typer.Option(help="What to call it, for --of; plan by default, ahead with --ahead.")] = "",
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="What reviewers decided to revoke; findings only of rules given beside.")
    ] = False,
    ahead: Annotated[
        bool, typer.Option("--ahead", help="For who is to leave: it holds for a day from the end of employment.")
    ] = False,
    wind_down: Annotated[
        str,
        typer.Option("--wind-down", help="For a client or site that ends: roles/wind-downs/NAME.yaml, signed by two."),
    ] = "",
    higher: Annotated[
        list[Any] | None,
        typer.Option("--raise", parser=_higher, metavar="LIMIT", help="Raise a limit for this plan, as ad.disable=40."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why a limit is raised; two people then approve.")] = "",
    whole: Whole = False,
) -> None:
    """Write the revocation list. Nothing is changed anywhere: it is proven on a second review, and sealed."""
    from access_review.plan.limits import Raised
    from access_review.plan.request import Scope
    from access_review.stages.plan import plan_run

    options: Options = ctx.obj
    options.begin_logbook("plan")
    if ahead and reviewed:
        raise typer.BadParameter("--ahead is for who is to leave, --reviewed for who stays: plan them apart")
    if wind_down and (ahead or reviewed or higher or client):
        raise typer.BadParameter(
            "it says itself whose access ends and how many: leave --ahead, --reviewed, --raise and --client out",
            param_hint="--wind-down",
        )
    raised = Raised(tuple(higher), reason) if higher else None
    scope = Scope(tuple(rule or ()), tuple(person or ()), tuple(client or ()), reviewed, wind_down)
    workspace, run = options.workspace(), options.found_run(reviewed=True)
    made, files = plan_run(
        workspace, run, requested_by=requested_by, now=options.now, scope=scope, name=name, ahead=ahead, raised=raised
    )
    _show_plan(options, made.plan, files, whole, found=made.left(), judged=_judged(run, made.judged))


def _show_plan(
    options: Options,
    made: "Plan",
    files: "Iterable[Path]",
    whole: bool,
    *,
    found: "Mapping[str, Row] | None" = None,
    judged: "JudgedSummary | None" = None,
) -> None:
    from access_review import artifacts
    from access_review.store.plans import PLAN
    from access_review.views import planned
    from access_review.views.judged_share import sentence

    value = {**artifacts.plan(PLAN).plain(made), "digest": made.digest, **({"judged": judged} if judged else {})}
    said = sentence(judged) if judged else ""
    text = planned.text(made, [shown(file) for file in files], found=found, screen=_screen(options, whole), judged=said)
    options.show(value, text)


def _screen(options: Options, whole: bool) -> "Screen":
    from access_review.views.plan_changes import Screen

    return Screen(options.colour, options.width, whole)


def _judged(run: "Run", judged: "Judged | None") -> "JudgedSummary | None":
    from access_review.store import snapshots
    from access_review.views.summary import judged_summary

    return judged_summary(judged, snapshots.read_manifest(run))


def approve(
    ctx: typer.Context,
    key: Key,
    by: By,
    request: Annotated[bool, typer.Option("--request", help="Sign as the one who asks for it.")] = False,
    standing: Annotated[
        bool, typer.Option("--standing", help="Sign the standing approval of roles/policy.yaml.")
    ] = False,
    removal: Annotated[
        bool, typer.Option("--standing-removal", help="Sign the standing removal of roles/policy.yaml.")
    ] = False,
    wind_down: Annotated[
        str, typer.Option("--wind-down", help="Sign this wind-down, as roles/wind-downs/NAME.yaml declares it.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    of: Which = "plan",
    whole: Whole = False,
) -> None:
    """Approve, as a second person, what the first asked for."""
    from access_review.revoke.approve import StatementKind
    from access_review.stages.approve import approve_plan, approve_removal, approve_standing, approve_wind_down
    from access_review.stages.keep_signed import Signer
    from access_review.stages.plan import require_lists
    from access_review.store import plans
    from access_review.views import carry_out, planned
    from access_review.views.standing import declared_text
    from access_review.views.standing_removal import removal_text

    options: Options = ctx.obj
    options.begin_logbook("approve")
    if [request, standing, removal, bool(wind_down)].count(True) > 1:
        raise typer.BadParameter("one at a time: --request, --standing, --standing-removal or --wind-down NAME")
    run, workspace = options.found_run(reviewed=True), options.workspace()
    now = options.acting(workspace).now().replace(microsecond=0)
    stored = None if standing or removal or wind_down else plans.find(run, of)
    if stored:
        # What is signed is shown from the record alone; lists that say something else must not lie beside it.
        require_lists(stored, workspace)
        options.say(planned.text(stored.plan, [], screen=_screen(options, whole)))
    signer = Signer(by, key, _passphrase(key), reason)
    if stored:
        kind = StatementKind.REQUEST if request else StatementKind.APPROVAL
        digest, path = stored.plan.digest, approve_plan(stored, workspace, kind, signer, now)
    elif wind_down:
        kind = StatementKind.WIND_DOWN
        options.say(_declared(workspace, wind_down))
        digest, path = approve_wind_down(run, workspace, wind_down, signer, now)
    elif removal:
        kind = StatementKind.STANDING
        if workspace.policy.standing_removal:
            options.say(removal_text(workspace.policy.standing_removal))
        digest, path = approve_removal(run, workspace, signer, now)
    else:
        kind = StatementKind.STANDING
        if workspace.policy.standing:
            options.say(declared_text(workspace.policy.standing))
        digest, path = approve_standing(run, workspace, signer, now)
    signed = {"kind": kind, "digest": digest, "file": str(path)}
    text = f"Signed ({kind}) {digest}\n  {shown(path)}"
    if stored:
        signed |= {"program": carry_out.digest()}
        text += f"\n{carry_out.NAME}, which can carry it out: {carry_out.digest()}"
    options.show(signed, text)


def _declared(workspace: "Workspace", name: str) -> str:
    """Show what is signed of a wind-down, from its file alone."""
    from access_review.revoke.signed_wind_down import find_wind_down
    from access_review.views import planned

    return planned.wind_down(name, find_wind_down(workspace.wind_downs, name))


def signer_of(options: Options, by: str, key: Path | None) -> "Signer | None":
    """Return who signs with which key; nobody without one. Raises as :meth:`Options.acting` does: nobody dates a statement back."""
    from access_review.stages.keep_signed import Signer

    options.acting(options.workspace())
    if key is None:
        return None
    return Signer(by, key, _passphrase(key))


def _passphrase(key: Path) -> bytes | None:
    from access_review.store import keys

    return getpass.getpass(f"Passphrase of {key}: ").encode() if keys.needs_passphrase(key) else None


def withdraw_signature(
    options: Options, signer: tuple[str, Path, str], *, of: str, wind_down: str, removal: bool
) -> None:
    """Take back what somebody signed of a plan, of a wind-down, of the standing removal, or else of the standing approval."""
    from access_review.stages import approve
    from access_review.stages.keep_signed import Signer
    from access_review.store import plans

    by, key, reason = signer
    run, workspace = options.found_run(reviewed=True), options.workspace()
    options.acting(workspace)
    signed = Signer(by, key, _passphrase(key), reason)
    if of:
        part = approve.signed_of_plan(plans.find(run, of))
    elif wind_down:
        part = approve.signed_of_wind_down(run, workspace, wind_down)
    else:
        part = approve.signed_of_standing(run, workspace, removal=removal)
    files = approve.withdraw_signatures(part, workspace, signed, options.now)
    lines = [f"Withdrawn, for the record: {shown(path)}" for path in files]
    options.show({"withdrawn": [str(path) for path in files]}, "\n".join(lines))


def apply(
    ctx: typer.Context,
    by: Annotated[str, typer.Option("--by", help="Who you are; not with --standing.")] = "",
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            help="Your private SSH key: whoever carries a plan out signs that they do; with --standing, the job's own.",
        ),
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--batch", help="Only this batch; may be given again.")] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="TIME", help="Begin nothing after this moment.")
    ] = None,
    go_on: Annotated[bool, typer.Option("--go-on", help="Do not stop after the first changes.")] = False,
    standing: Annotated[
        bool,
        typer.Option(
            "--standing",
            help="Unattended, by the standing approval: read, plan for leavers and carry it out; with --run "
            "or --of, the plan prepared there. Then the standing removal, where one is signed.",
        ),
    ] = False,
    of: Which = "plan",
) -> None:
    """Carry out exactly the approved plan, or what is left of it."""
    import os

    from access_review.plan.record import refuse_early
    from access_review.stages.apply import Pace, apply_plan
    from access_review.stages.keep_signed import Signer
    from access_review.stages.tickets import see_to_tickets
    from access_review.store import plans
    from access_review.views import applied, tickets

    options: Options = ctx.obj
    if standing == bool(by) or (standing and only):
        raise typer.BadParameter("either --by PERSON, or --standing, which nobody gives and which takes all of it")
    if by and key is None:
        raise typer.BadParameter("whoever carries a plan out signs that they do: --key FILE", param_hint="--key")
    told = (lambda step: options.say(applied.progress(step))) if sys.stdout.isatty() else (lambda _: None)
    pace = Pace(tuple(only or ()), until, go_on, told)
    if standing:
        unattended.run(options, of, pace, key)
        return
    options.begin_logbook("apply")
    workspace = options.workspace()
    clock, stored = options.acting(workspace), plans.find(options.found_run(reviewed=True), of)
    refuse_early(stored.plan, now=clock.now())
    signer = Signer(by, key, _passphrase(key)) if key else None
    done = apply_plan(stored, workspace, clock, by=by, pace=pace, signer=signer)
    seen = see_to_tickets(workspace, clock.now(), os.environ)
    value = {**applied.value(stored.plan, done), "tickets": tickets.value(seen)}
    options.show(value, "\n".join((applied.text(stored.plan, done), *tickets.lines(seen))))
    leave(4 if done.partly else 1 if seen.failed else 0, unattended.PARTLY if done.partly else unattended.NO_TICKET)


def verify(
    ctx: typer.Context,
    confirmed: Annotated[
        list[str] | None, typer.Option("--confirm", help="A change done by hand; may be given again.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who confirms, or brings the log.")] = "",
    key: Annotated[
        Path | None, typer.Option("--key", help="Your private SSH key: signed, and not merely claimed.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", help="The carried-out.csv that carry-out.ps1 wrote of this plan.")
    ] = None,
    of: Which = "plan",
) -> None:
    """Read again what a batch changed: proven, pending, still given."""
    import os

    from access_review.revoke.states import State
    from access_review.stages.approve import has_other_program
    from access_review.stages.tickets import see_to_tickets
    from access_review.stages.verify import remaining_access, verify_plan, why_unapproved
    from access_review.store import plans
    from access_review.views import applied, carry_out, tickets
    from access_review.views.text import count

    options: Options = ctx.obj
    options.begin_logbook("verify")
    if confirmed and not by:
        raise typer.BadParameter("say who confirms: --by PERSON", param_hint="--confirm")
    if log and not by:
        raise typer.BadParameter("say who brings it: --by PERSON", param_hint="--log")
    workspace = options.workspace()
    now, brought = options.acting(workspace).now(), _log(log)
    stored = plans.find(options.found_run(reviewed=True), of)
    signer = signer_of(options, by, key) if confirmed or log else None
    said, dated = tuple(confirmed or ()), options.as_of is None
    found = verify_plan(stored, workspace, now=now, confirmed=said, by=by, log=brought, signer=signer, dated=dated)
    unapproved = why_unapproved(stored, workspace, brought, now) if brought is not None else ""
    if brought is not None and has_other_program(stored):
        options.remark(f"{carry_out.NAME} beside the plan is another now: ask who carried it out which one they ran")
    remaining = remaining_access(stored, workspace)
    seen = see_to_tickets(workspace, now, os.environ)
    value = {**applied.verified_value(found, remaining), "unapproved": unapproved, "tickets": tickets.value(seen)}
    text = (applied.verified_text(stored.plan, found, remaining), *applied.unapproved(unapproved), *tickets.lines(seen))
    options.show(value, "\n".join(text))
    wrong = {State.FAILED, State.REGRANTED}
    failed = sum(one.state in wrong for one in found)
    reason = f"{count(failed, 'change')} did not hold" if failed else "access remains that the batch was to end"
    why = f"{reason}; each stands above" if remaining or failed else unattended.NO_TICKET
    leave(4 if remaining or failed else 1 if seen.failed else 0, why)


def _log(path: Path | None) -> bytes | None:
    from access_review.guarded_files.plain import followed, read_plain

    try:
        return read_plain(followed(path), _LARGEST_LOG) if path else None
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint="--log") from None


def undo(
    ctx: typer.Context,
    requested_by: Annotated[
        str, typer.Option("--requested-by", help="Who asks: a person of the roster, by id or name.")
    ],
    of: Which = "plan",
    whole: Whole = False,
) -> None:
    """Plan to give back exactly what a batch took. It is approved and applied like any plan, with --of undo."""
    from access_review.stages.undo import undo_plan
    from access_review.store import logged, plans

    options: Options = ctx.obj
    options.begin_logbook("undo")
    workspace, newest = options.workspace(), logged.find(options.folder, reviewed=True)
    stored = plans.find(options.found_run(reviewed=True), of)
    now = options.acting(workspace).now().replace(microsecond=0)
    made, files = undo_plan(stored, newest, workspace, requested_by=requested_by, now=now)
    _show_plan(options, made, files, whole)


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(plan)
    app.command()(approve)
    app.command()(apply)
    app.command()(verify)
    app.command()(undo)
