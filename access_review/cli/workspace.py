"""Commands that look: lay out and check a workspace, explain, export, show templates."""

import json
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from access_review.cli.options import STANDARD_OUTPUT, Options, folder_only, leave, shown


def check(
    ctx: typer.Context,
    live: Annotated[
        bool, typer.Option("--live", help="Ask live sources what their reader may and may not read.")
    ] = False,
) -> None:
    """Say every mistake, and what would be loaded."""
    from access_review.stages.check import check_sources, readable_parts
    from access_review.views import check as view
    from access_review.views import terminal
    from access_review.views.text import listed

    options: Options = ctx.obj
    workspace = options.workspace(to_read=not live)
    if live:
        parts = readable_parts(workspace, options.now)
        options.show(view.live_value(parts), view.live_text(parts))
        unread = [(name, p.part) for name, told in parts.items() for p in told if not p.can and not p.absent]
        lacking = listed([f"{part} of {name}" for name, part in unread])
        leave(1 if lacking else 0, f"not all can be read: {lacking}")
        return
    with terminal.progress(shown=None if not options.quiet else False) as progress:
        result = check_sources(workspace, options.now, progress)
    options.show(view.value(result), view.text(result, options.room))
    cut = [source["source"] for source in result["sources"] if not source["complete"]]
    leave(1 if cut else 0, f"not read whole, so that less is concluded: {listed(cut)}")


def report(
    ctx: typer.Context,
    manager: Annotated[
        str,
        typer.Option(
            metavar="WHO", help="Only what concerns those who report to one manager: id, number, mail or name."
        ),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Where a manager's page goes; - is the standard output."),
    ] = None,
) -> None:
    """Write the HTML report of a run again, or the page of one manager, to be sent alone."""
    from access_review.stages.report import write_report
    from access_review.store import audits

    options: Options = ctx.obj
    run = options.found_run(reviewed=True)
    if bool(manager) != bool(output):
        raise typer.BadParameter("a manager's page goes to a file of its own: --manager WHO -o FILE")
    if output == STANDARD_OUTPUT:
        with tempfile.TemporaryDirectory() as folder:
            page = write_report(options.workspace(), run, manager=manager, to=Path(folder, "page.html")).path
            options.give(page.read_text("utf-8"), output)
        return
    file = write_report(options.workspace(), run, manager=manager, to=output).path
    options.show({"report": str(file)}, f"Report: {shown(file)}")
    audited = [one for one, _ in audits.all_audits(options.folder)]
    if not options.run and audited and audited[-1] != run:
        options.say(f"The newest audit is another run: access-review --run {audited[-1].id} report")


def explain(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="A finding, person, account or entitlement, by id or name.")],
    drawing: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Draw the paths too, as SVG; - draws them alone.")
    ] = None,
) -> None:
    """Say who has what, why, and what ends it."""
    from access_review.stages.explain import explain_in
    from access_review.stages.zones import common_zone
    from access_review.views import explanation, explanation_picture, unusual

    options: Options = ctx.obj
    workspace, run = options.workspace(), options.found_run(reviewed=True)
    answer = explain_in(workspace, run, what)
    explained = answer.explanation
    zone = common_zone(workspace, run, explained.people)
    if drawing and options.give(explanation_picture.draw_explanation(explained, alone=True, zone=zone), drawing):
        return
    beside = [{"account": account, **unusual.counts(one)} for (account, _), one in sorted(answer.peers.items())]
    said = {grant: unusual.peer_sentence(one) for grant, one in answer.peers.items()}
    options.show(
        {**explained.to_json(), "peers": beside},
        explanation.text(explained, said, zone=zone, colour=options.colour, width=options.width),
    )


def export(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(help="A table, as findings, people, held or effective; 'list' names them.")],
    form: Annotated[str, typer.Option("--format", help="csv, json or parquet.")] = "csv",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The file, or - for the standard output; <table>.<format> by default."),
    ] = None,
) -> None:
    """Write any table of a run, or who has what effectively."""
    from access_review.export import EXPORTED, Format
    from access_review.stages.export import export_table, pipe_table

    options: Options = ctx.obj
    if table == "list":
        names = {name: exported.about for name, exported in EXPORTED.items()}
        options.show(names, "\n".join(f"{name:18} {about.split('. ')[0]}" for name, about in names.items()))
        return
    try:
        wanted = Format(form)
    except ValueError:
        raise typer.BadParameter(f"{form!r} is not csv, json or parquet", param_hint="--format") from None
    if output == STANDARD_OUTPUT:
        pipe_table(options.workspace(), options.found_run(reviewed=True), table, sys.stdout.buffer, wanted)
        return
    target = output or Path(f"{table}.{form}")
    rows = export_table(options.workspace(), options.found_run(reviewed=True), table, target, wanted)
    options.show({"file": str(target), "rows": rows}, f"{rows} rows in {target}")


def roles_show(
    ctx: typer.Context, role: Annotated[str, typer.Argument(help="A role; all of them are listed without.")] = ""
) -> None:
    """Show a template after inheritance, with what each pattern matches today."""
    from access_review.errors import no_such
    from access_review.stages.roles import members_of, resolve_templates
    from access_review.views import role_members, role_template

    options: Options = ctx.obj
    workspace = options.workspace()
    run = options.found_run()
    resolved, entitlements = resolve_templates(workspace, run)
    if role and role not in resolved:
        raise no_such("no template has the role", role, resolved)
    wanted = [resolved[role]] if role else list(resolved.values())
    members = members_of(workspace, run)
    values = [role_template.value(o, workspace, entitlements, members.people[o.template.role]) for o in wanted]
    unmatched = [one for one in members.unmatched if not role or one.role == role]
    lines = [role_template.text(v, short=not role, colour=options.colour, width=options.width) for v in values]
    options.show(
        {"roles": values, "nobody_has": [role_members.value(one) for one in unmatched]},
        "\n".join((*lines, *map(role_members.warning, unmatched))),
    )


def roles_test(ctx: typer.Context) -> None:
    """Run the tests of the templates and roles/expectations.yaml, against a run where there is one. Exit code 3 if any fails."""
    from access_review import runs
    from access_review.stages.roles import run_role_tests
    from access_review.views import role_tests as view
    from access_review.views.text import count

    options: Options = ctx.obj
    run = options.found_run() if options.run or runs.all_runs(options.folder) else None
    results = run_role_tests(options.workspace(), run)
    options.show(view.value(results), view.text(results))
    failed = [one for one in results if not one.holds]
    leave(3 if failed else 0, f"{len(failed)} of {count(len(results), 'test')} failed")


def roles_coverage(ctx: typer.Context) -> None:
    """Say which accounts find their person, which access a template judges, and who has no role."""
    from access_review.stages.roles import measure_coverage
    from access_review.store import snapshots
    from access_review.views import coverage as view
    from access_review.views import judged_share
    from access_review.views.summary import judged_summary

    options: Options = ctx.obj
    run = options.found_run(reviewed=True)
    measured, share = measure_coverage(options.workspace(), run)
    judged = judged_summary(share, snapshots.read_manifest(run))
    text = f"{view.text(measured, options.room)}\n{judged_share.paragraph(judged, options.width)}"
    options.show({**view.value(measured), "judged": judged}, text)


def roles_diff(
    ctx: typer.Context,
    before: Annotated[Path, typer.Argument(help="A folder of role files, as roles/ of the branch that is changed.")],
    after: Annotated[Path | None, typer.Argument(help="The changed one; the workspace's roles/ by default.")] = None,
    sarif: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write what appears as SARIF too, for checks of a pull request; - writes it alone."
        ),
    ] = None,
) -> None:
    """Say which findings of a run a change of role files makes and ends; nothing is kept. Exit code 3 if any appears."""
    from access_review.stages.compare_roles import compare_roles
    from access_review.views import role_change as view
    from access_review.views.text import count

    options: Options = ctx.obj
    for folder in filter(None, (before, after)):
        if not (folder / "templates").is_dir():
            raise typer.BadParameter(f"{folder} has no templates/: name a folder such as roles/")
    changed = after or options.folder / "roles"
    change = compare_roles(options.folder, options.found_run(reviewed=True), before, changed)
    written = json.dumps(view.sarif(change, changed.as_posix()), indent=1) + "\n"
    if not (sarif and options.give(written, sarif)):
        options.show(view.value(change), view.text(change))
    leave(3 if change.appear else 0, f"the change makes {count(len(change.appear), 'finding')}")


def roles_draft(
    ctx: typer.Context,
    to: Annotated[
        Path, typer.Option(metavar="FOLDER", callback=folder_only, help="Where the templates are written.")
    ] = Path("drafted"),
    exact: Annotated[
        bool,
        typer.Option("--exact", help="Instead, the fewest roles that give exactly today's access; writes nothing."),
    ] = False,
    of: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --exact: a table of who holds what, instead of a run.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Instead, propose changes to the templates that exist.")
    ] = False,
    promote: Annotated[
        bool, typer.Option("--promote", help="Write what all of a role hold as duties, under must.")
    ] = False,
    min_people: Annotated[int, typer.Option(min=2, help="People that a template needs.")] = 2,
) -> None:
    """Draft templates from what people hold today, propose changes to those that exist, or mine exact roles."""
    from access_review.stages import drafting, exact_roles, role_updates
    from access_review.views import changed_template
    from access_review.views import drafted as view

    options: Options = ctx.obj
    if of and not exact:
        raise typer.BadParameter("a table has no people with attributes: add --exact", param_hint="--of")
    if exact and (update or promote):
        raise typer.BadParameter("--exact writes nothing: leave --update and --promote away", param_hint="--exact")
    if exact:
        mined = (
            exact_roles.of_table(of, options.now)
            if of
            else exact_roles.of_run(options.workspace(), options.found_run())
        )
        options.show(exact_roles.value(mined), mined.sentence)
        return
    workspace, run, today = options.workspace(), options.found_run(), options.now.date()
    if update:
        found = role_updates.update_roles(workspace, run, to, today, promote=promote)
        said = changed_template.proposals_text(found.proposals, found.templates, len(found.files), shown(to))
        options.show(role_updates.value(found), said)
        return
    made = drafting.draft_roles(workspace, run, to, today, min_people=min_people, promote=promote)
    options.show(drafting.value(made), view.text(made.draft, len(made.files), shown(to), made.names, promoted=promote))


def sources_list(ctx: typer.Context) -> None:
    """Show the sources: of which kind each is, read live or from files, when last, whether whole, and retired since when."""
    from access_review.stages.sources import list_sources
    from access_review.views import sources as view

    options: Options = ctx.obj
    found = list_sources(options.workspace(), options.now)
    options.show(view.value(found), view.text(found))


def sources_retire(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The source, as its file in sources/ is called.")],
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day without it; today by default.")
    ] = None,
) -> None:
    """Say in its file that a source is no more: it is not read, and its people are forgotten."""
    from access_review.stages.sources import retire_source

    options: Options = ctx.obj
    day = on.date() if on else options.now.date()
    file = retire_source(options.workspace(), name, day)
    said = f"{file} says: retired: {day}\nNext: review the change as any other, then access-review check"
    options.show({"source": name, "file": file, "retired": day.isoformat()}, said)


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(check)
    app.command()(report)
    app.command()(explain)
    app.command()(export)
    roles = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Role templates.")
    roles.command("show")(roles_show)
    roles.command("test")(roles_test)
    roles.command("coverage")(roles_coverage)
    roles.command("diff")(roles_diff)
    roles.command("draft")(roles_draft)
    app.add_typer(roles, name="roles")
    sources = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Sources.")
    sources.command("list")(sources_list)
    sources.command("retire")(sources_retire)
    app.add_typer(sources, name="sources")
