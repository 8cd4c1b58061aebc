"""Commands that look: lay out and check a workspace, explain, export, show templates."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from access_review.cli.asked import Asked, leave, shown
from access_review.errors import WorkspaceError


def init(ctx: typer.Context, directory: Annotated[Path, typer.Argument(help="Where to lay it out.")] = Path()) -> None:
    """Lay out a working example workspace to start from."""
    asked: Asked = ctx.obj
    starter = _starter()
    taken = [name for name in ("sources", "roles") if (directory / name).exists()]
    if taken:
        raise WorkspaceError(f"{directory / taken[0]} is already there", hint="name an empty folder")
    for name in ("sources", "roles"):
        shutil.copytree(starter / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    here = directory == Path()
    where = "" if here else f"-C {directory} "
    asked.show(
        {"workspace": str(directory)},
        f"A workspace is laid out in {'this folder' if here else directory}: the example company.\n"
        f"Next: access-review {where}--as-of {_DEMO_TIME} audit",
    )


_DEMO_TIME = "2026-11-02T06:00:00Z"


def _starter() -> Path:
    """Return the example workspace: inside the wheel, or at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "starter" if (package / "starter").is_dir() else package.parent


def check(
    ctx: typer.Context,
    live: Annotated[
        bool, typer.Option("--live", help="Ask live sources what their reader may and may not read.")
    ] = False,
) -> None:
    """Say every mistake, and what would be loaded."""
    from access_review.stages import check as checked
    from access_review.views import check as view
    from access_review.views import terminal

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    if live:
        said = checked.live(workspace, asked.now)
        asked.show(said, view.live_text(said))
        leave(1 if any(not part["can"] and not part["absent"] for parts in said.values() for part in parts) else 0)
        return
    with terminal.progress(shown=None if not asked.quiet else False) as progress:
        result = checked.check(workspace, asked.now, progress)
    asked.show(result, view.text(result))
    leave(1 if any(not s["complete"] for s in result["sources"]) else 0)


def report(ctx: typer.Context) -> None:
    """Write the HTML report of a run again."""
    from access_review.stages import audit, routine

    asked: Asked = ctx.obj
    run = asked.found_run(reviewed=True)
    file = audit.write_report(asked.workspace(), run)
    asked.show({"report": str(file)}, f"Report: {shown(file)}")
    audited = [one for one, _ in routine.audits(asked.folder)]
    if not asked.run and audited and audited[-1] != run:
        asked.say(f"The newest audit is another run: access-review --run {audited[-1].id} report")


def explain(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="A finding, person, account or entitlement, by id or name.")],
    drawing: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Draw the paths too, as SVG.")
    ] = None,
) -> None:
    """Say who has what, why, and what ends it."""
    from access_review.explain import explain as explaining
    from access_review.stages import audit
    from access_review.views import explanation, svg

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    with audit.facts_of(workspace, asked.found_run(reviewed=True)) as (engine, _, _):
        answer = explaining.explain(engine, workspace, what)
    if drawing:
        drawing.write_text(svg.draw_explanation(answer, alone=True), encoding="utf-8")
    asked.show(answer.to_json(), explanation.text(answer, colour=asked.colour, width=asked.width))


def export(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(help="A table, as findings, people, held or effective; 'list' names them.")],
    form: Annotated[str, typer.Option("--format", help="csv, json or parquet.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file; <table>.<format> by default.")
    ] = None,
) -> None:
    """Write any table of a run, or who has what effectively."""
    from access_review import export as exporting
    from access_review.stages import audit

    asked: Asked = ctx.obj
    if table == "list":
        names = {name: made.about for name, made in exporting.EXPORTED.items()}
        asked.show(names, "\n".join(f"{name:18} {about.split('. ')[0]}" for name, about in names.items()))
        return
    try:
        wanted = exporting.Format(form)
    except ValueError:
        raise typer.BadParameter(f"{form!r} is not csv, json or parquet", param_hint="--format") from None
    target = output or Path(f"{table}.{form}")
    with audit.facts_of(asked.workspace(), asked.found_run(reviewed=True)) as (engine, _, _):
        rows = exporting.export(engine, table, target, wanted)
    asked.show({"file": str(target), "rows": rows}, f"{rows} rows in {target}")


def roles_show(
    ctx: typer.Context, role: Annotated[str, typer.Argument(help="A role; all of them are listed without.")] = ""
) -> None:
    """Show a template after inheritance, with what each pattern matches today."""
    from access_review import roles, snapshot
    from access_review.errors import Unclear
    from access_review.views import role_template

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    taken = snapshot.load(asked.found_run())
    resolved = {one.template.role: one for one in roles.resolve(workspace.templates, taken.tables["entitlements"])}
    if role and role not in resolved:
        raise Unclear(f"no template has the role {role!r}", hint=f"known: {', '.join(resolved)}")
    shown = [resolved[role]] if role else list(resolved.values())
    values = [role_template.value(one, workspace, taken.tables["entitlements"]) for one in shown]
    asked.show(
        {"roles": values},
        "\n".join(
            role_template.text(value, short=not role, colour=asked.colour, width=asked.width) for value in values
        ),
    )


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(init)
    app.command()(check)
    app.command()(report)
    app.command()(explain)
    app.command()(export)
    roles = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Role templates.")
    roles.command("show")(roles_show)
    app.add_typer(roles, name="roles")
