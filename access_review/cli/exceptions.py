"""Commands of the exception log."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from access_review.cli.asked import Asked, shown


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day; write for example 2026-12-31") from None


Until = Annotated[date, typer.Option(parser=_day, metavar="DAY", help="The last day, as 2026-12-31.")]
By = Annotated[str, typer.Option(help="Who you are: id, name or mail.")]
Ticket = Annotated[str, typer.Option(help="The ticket that asks for it.")]
Name = Annotated[str, typer.Argument(help="The waiver, as W-2026-011.")]


def ask(
    ctx: typer.Context,
    finding: Annotated[str, typer.Argument(help="The finding, by the start of its id.")],
    reason: Annotated[str, typer.Option(help="Why it is to be accepted.")],
    ticket: Ticket,
    until: Until,
    by: By,
) -> None:
    """Ask to have a finding accepted; it accepts nothing until another approves it."""
    from access_review.audit import exception_log
    from access_review.errors import Unclear
    from access_review.stages import audit

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    found = audit.read_report(asked.found_run(reviewed=True)).findings.to_pylist()
    rows = [row for row in found if row["finding"].startswith(finding.lower()) and row["status"] != "closed"]
    if len(rows) != 1 or len(finding) < 6:
        raise Unclear(f"{len(rows)} open findings begin with {finding!r}", hint="give 6 digits or more of one")
    wanted = exception_log.WaiverRequest(
        rows[0]["rule"], rows[0]["subject"], rows[0]["about"], reason, by, ticket, until
    )
    text, name = exception_log.request_waiver(_text(asked), wanted, workspace.policy.exceptions, asked.now.date())
    _write(asked, text)
    asked.show(
        {"waiver": name}, f"{name} waits for an approver.\nNext: access-review waive approve {name} --by SOMEBODY-ELSE"
    )


def approve(ctx: typer.Context, name: Name, by: By) -> None:
    """Approve what another asked for."""
    from access_review.audit import exception_log

    asked: Asked = ctx.obj
    _write(asked, exception_log.approve_waiver(_text(asked), name, by))
    asked.show({"waiver": name, "approver": by}, f"{name} is approved by {by}; it counts from the next review on.")


def renew(ctx: typer.Context, name: Name, until: Until, ticket: Ticket, by: By) -> None:
    """Ask for more time; another approves it again."""
    from access_review.audit import exception_log

    asked: Asked = ctx.obj
    settings = asked.workspace().policy.exceptions
    text = exception_log.renew_waiver(
        _text(asked), name, by=by, ticket=ticket, expires=until, settings=settings, today=asked.now.date()
    )
    _write(asked, text)
    asked.show(
        {"waiver": name}, f"{name} waits for an approver.\nNext: access-review waive approve {name} --by SOMEBODY-ELSE"
    )


def end(ctx: typer.Context, name: Name) -> None:
    """End a waiver: what it accepted is open again."""
    from access_review.audit import exception_log

    asked: Asked = ctx.obj
    _write(asked, exception_log.end_waiver(_text(asked), name, asked.now.date()))
    asked.show({"waiver": name}, f"{name} has ended; what it accepted is open again in the next review.")


def list_(
    ctx: typer.Context,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the list to sign, as CSV.")] = None,
) -> None:
    """List every waiver with how it stands: the list that is signed off each month."""
    from access_review.audit import exception_log
    from access_review.stages import routine
    from access_review.views import exception_log as view

    asked: Asked = ctx.obj
    workspace, run = asked.workspace(), asked.found_run(reviewed=True)
    settings = workspace.policy.exceptions
    stand = exception_log.waiver_states(
        workspace.waivers.waivers, routine.used_waivers(run), settings, asked.now.date()
    )
    kept = routine.kept_unlogged(run)
    if output:
        output.write_bytes(view.csv(stand, kept))
    value: dict[str, Any] = {
        "waivers": [{**one.model_dump(mode="json"), "state": state} for one, state in stand],
        "kept_without_waiver": [{"item": i.item, "account": i.account, "entitlement": i.entitlement} for i in kept],
    }
    asked.show(value, view.text(stand, kept, width=asked.width) + (f"\n\nTo sign: {shown(output)}" if output else ""))


def _file(asked: Asked) -> Path:
    return asked.folder / "roles/waivers.yaml"


def _text(asked: Asked) -> str:
    file = _file(asked)
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _write(asked: Asked, text: str) -> None:
    """Write the log whole or not at all, and as readable as it was: it is a file of the repository."""
    file = _file(asked)
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, encoding="utf-8")
    if file.exists():
        beside.chmod(file.stat().st_mode)
    beside.replace(file)


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    waive = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The exception log.")
    waive.command()(ask)
    waive.command()(approve)
    waive.command()(renew)
    waive.command()(end)
    waive.command("list")(list_)
    app.add_typer(waive, name="waive")
