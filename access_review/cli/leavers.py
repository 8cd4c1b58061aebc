"""Commands of the daily job: offboarding verification."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from access_review.cli.asked import Asked, moment

if TYPE_CHECKING:
    from access_review.offboarding.leaver import Leaver, Leavers
    from access_review.runs import Run
    from access_review.workspace import Workspace


def offboarding(
    ctx: typer.Context,
    person: Annotated[str, typer.Option(help="One leaver in full, by name or id.")] = "",
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=moment,
            metavar="TIME",
            help="Everyone whose end is not before this, clear or not; as 2026-11-01T00:00Z.",
        ),
    ] = None,
    certificates: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write a certificate of access removal for each who can have one."),
    ] = None,
    client: Annotated[str, typer.Option(help="Only those who work, or worked, for this client.")] = "",
    fresh: Annotated[bool, typer.Option("--collect", help="Read the sources first.")] = False,
) -> None:
    """Say what is still open for those who leave. In which system, and for how long."""
    from access_review.offboarding import leaver as values
    from access_review.stages import routine
    from access_review.views import offboarding as view

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    run = _run(asked, workspace, fresh=fresh)
    made = routine.follow_leavers(workspace, run)
    if client:
        made = values.limited(made, [one for one in made.leavers if client in one.clients])
    if certificates:
        some = (
            [values.find_leaver(made, person)]
            if person
            else list(view.since(made, since or made.as_of.min.replace(tzinfo=UTC)))
        )
        _certify(asked, made, some, certificates)
        return
    if person:
        one = values.find_leaver(made, person)
        asked.show(
            values.to_json(values.limited(made, [one])),
            view.details(one, made, colour=asked.colour, width=asked.width),
        )
        return
    shown = view.since(made, since)
    text = view.listing(made, shown, colour=asked.colour, width=asked.width, stale=routine.too_old(run, asked.now))
    asked.show(values.to_json(values.limited(made, shown)), text)


def daily(ctx: typer.Context) -> None:
    """Do the daily check: leavers, sign-ins, and what AI there is."""
    from access_review.audit import inventory
    from access_review.offboarding import leaver as values
    from access_review.stages import audit, routine
    from access_review.views import daily as view
    from access_review.views import offboarding as leaving

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    run = asked.found_run() if asked.run else _run(asked, workspace, fresh=True)
    report = audit.review_run(workspace, run)
    made = routine.follow_leavers(workspace, run)
    signins = routine.signin_findings(report)
    with audit.facts_of(workspace, run) as (engine, _, _):
        known = inventory.list_applications(engine), inventory.list_agents(engine)
    shown = leaving.since(made, None)
    silent = {e.rule: e.reason for e in report.evaluations if e.rule in routine.SIGNIN_RULES and not e.evaluated}
    value = {
        "leavers": values.to_json(values.limited(made, shown)),
        "signins": signins,
        "applications": known[0],
        "agents": known[1],
        "not_evaluated": silent,
    }
    listed = leaving.listing(made, shown, colour=asked.colour, width=asked.width)
    asked.show(value, view.text(listed, signins, *known, silent, width=asked.width))


def _certify(asked: Asked, made: "Leavers", some: "list[Leaver]", folder: Path) -> None:
    """Write the certificates that can be given, and say why the others cannot."""
    from access_review import runs
    from access_review.offboarding import certificate
    from access_review.views import certificate as view
    from access_review.views.text import visible
    from access_review.views.worksheet import name_of

    written, refused = {}, {}
    for one in some:
        if reason := certificate.why_not(one, made.as_of):
            refused[one.person] = reason
            continue
        told, path = certificate.certify(one, made), folder / name_of(one.person)
        runs.write_json(path.with_suffix(".json"), told)
        runs.write(path.with_suffix(".html"), view.page(told))
        written[one.person] = str(path.with_suffix(".html"))
    names = {one.person: visible(one.name) for one in some}
    lines = [f"{names[person]}: {path}" for person, path in written.items()]
    lines += [f"{names[person]}: none, {reason}" for person, reason in refused.items()]
    asked.show({"written": written, "refused": refused}, "\n".join(lines) or "Nobody has left.")


def _run(asked: Asked, workspace: "Workspace", *, fresh: bool) -> "Run":
    if not fresh:
        return asked.found_run()
    from access_review.stages import audit
    from access_review.views import terminal

    with terminal.progress(shown=False if asked.quiet or asked.json else None) as progress:
        return audit.collect(workspace, asked.now, progress)


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(offboarding)
    app.command()(daily)
