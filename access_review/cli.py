"""The command line: parse, call one function, show what it returns, choose the exit code.

Time enters here and nowhere else. Heavy modules are imported by the command that
needs them, so that ``--help`` is quick.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from access_review import __version__
from access_review.errors import AccessReviewError, WorkspaceError
from access_review.model import Severity

if TYPE_CHECKING:
    from access_review.review import Report
    from access_review.runs import Run
    from access_review.workspace import Workspace


_FLAGS = ("--json", "--quiet", "-q")
_VALUES = ("-C", "--workspace", "--run", "--as-of")


def globals_first(args: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that people may write them after the command too."""
    moved: list[str] = []
    rest: list[str] = []
    waiting = list(args)
    while waiting:
        word = waiting.pop(0)
        name, equals, _ = word.partition("=")
        if word == "--":
            rest += [word, *waiting]
            break
        if name in _VALUES and not equals:
            moved += [word, *waiting[:1]]
            del waiting[:1]
        elif name in _FLAGS or name in _VALUES:
            moved.append(word)
        else:
            rest.append(word)
    return moved + rest


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Reconcile who has access with who should have it, and take the rest away safely.",
    epilog="Exit codes: 0 clean; 1 a source or artifact could not be read; 2 usage, workspace or roster; "
    "3 findings at or above --fail-on; 4 refused or partly applied.",
)
roles_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Role templates.")
app.add_typer(roles_app, name="roles")


@dataclass(frozen=True, slots=True)
class Asked:
    """The global options."""

    folder: Path
    run: str | None
    now: datetime
    json: bool
    quiet: bool

    def workspace(self) -> "Workspace":
        """Read the workspace asked for."""
        from access_review import workspace

        return workspace.load(self.folder)

    def found_run(self, *, reviewed: bool = False) -> "Run":
        """Return the run asked for, or the newest."""
        from access_review import runs

        return runs.find(self.folder, self.run, reviewed=reviewed)

    def show(self, value: Mapping[str, Any], text: str) -> None:
        """Print a result: as JSON for scripts, or as text for people."""
        typer.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str) if self.json else text)

    def say(self, text: str) -> None:
        """Print a remark for people: not with --json, not with --quiet."""
        if not self.json and not self.quiet:
            typer.echo(text)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write for example 2026-11-02T06:00:00Z") from None
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no time zone; add Z for UTC")
    return moment.astimezone(UTC).replace(microsecond=0)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _globals(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Option("-C", "--workspace", help="The workspace: a folder with sources/ and roles/.")
    ] = Path(),
    run: Annotated[str | None, typer.Option(help="The run, by the start of its name; the newest by default.")] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            parser=_moment, metavar="TIME", help="The moment reviewed, as 2026-11-02T06:00:00Z; now by default."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result only.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version
    now = as_of or datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the one place where now enters
    ctx.obj = Asked(folder, run, now, as_json, quiet)


FailOn = Annotated[
    Severity | None, typer.Option("--fail-on", help="Exit with 3 when a new or open finding is at least this severe.")
]


@app.command()
def init(ctx: typer.Context, directory: Annotated[Path, typer.Argument(help="Where to lay it out.")] = Path()) -> None:
    """Lay out a working example workspace to start from."""
    asked: Asked = ctx.obj
    starter = _starter()
    taken = [name for name in ("sources", "roles") if (directory / name).exists()]
    if taken:
        raise WorkspaceError(f"{directory / taken[0]} is already there", hint="name an empty folder")
    for name in ("sources", "roles"):
        shutil.copytree(starter / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    asked.show(
        {"workspace": str(directory)},
        f"A workspace is laid out in {directory}.\nNext: access-review -C {directory} --as-of {_DEMO_TIME} audit",
    )


_DEMO_TIME = "2026-11-02T06:00:00Z"


def _starter() -> Path:
    """Return the example workspace: inside the wheel, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    return package / "starter" if (package / "starter").is_dir() else package.parent


@app.command()
def check(ctx: typer.Context) -> None:
    """Validate the workspace, every mistake at once, and say what would be loaded."""
    from access_review import checked
    from access_review.views import check as view
    from access_review.views import terminal

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    with terminal.progress(shown=None if not asked.quiet else False) as progress:
        result = checked.check(workspace, asked.now, progress)
    asked.show(result, view.text(result))
    _exit(1 if any(not s["complete"] for s in result["sources"]) else 0)


@app.command()
def collect(ctx: typer.Context) -> None:
    """Read every source into a new run."""
    asked: Asked = ctx.obj
    run = _collect(asked, asked.workspace())
    manifest = _manifest(run)
    asked.show({"run": run.id, **manifest}, f"Collected {run.id}\nNext: access-review review")
    _exit(_unread(manifest))


@app.command()
def review(ctx: typer.Context, fail_on: FailOn = None) -> None:
    """Decide what is wrong in a run."""
    from access_review import audit

    asked: Asked = ctx.obj
    workspace, run = asked.workspace(), asked.found_run()
    report = audit.review_run(workspace, run)
    _summarise(asked, workspace, run, report)
    asked.say(f"Next:   access-review audit --run {run.id[:16]}")
    _exit(_unread(_manifest(run)) or _found(report, fail_on))


@app.command("audit")
def audit_command(ctx: typer.Context, fail_on: FailOn = None) -> None:
    """Do the weekly audit: collect, review, sample, work sheets, report."""
    import secrets

    from access_review import audit

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    run = asked.found_run() if asked.run else _collect(asked, workspace)
    report = audit.review_run(workspace, run)
    drawn = audit.draw(workspace, run, secrets.token_bytes(32))
    _summarise(asked, workspace, run, report, file=audit.write_report(workspace, run))
    sheets = f"{len(drawn.sheets)} work sheets in {_shown(run.folder / 'sample')}"
    asked.say(f"Sample: {len(drawn.sample.picks)} to check by hand; {sheets}")
    asked.say(f"Next:   access-review explain {_first(report)}, or access-review plan --requested-by YOU")
    _exit(_unread(_manifest(run)) or _found(report, fail_on))


@app.command()
def plan(
    ctx: typer.Context,
    requested_by: Annotated[
        str, typer.Option("--requested-by", help="Who asks: a person of the roster, by id or name.")
    ],
    rule: Annotated[list[str] | None, typer.Option(help="Only findings of this rule; may be given again.")] = None,
    person: Annotated[
        list[str] | None, typer.Option(help="Only this person's findings, by id; may be given again.")
    ] = None,
    client: Annotated[list[str] | None, typer.Option(help="Only this client's findings; may be given again.")] = None,
) -> None:
    """Write the revocation list: what to take away, proven and sealed. Nothing is changed anywhere."""
    from access_review import audit
    from access_review import plan as planning
    from access_review.views import planned

    asked: Asked = ctx.obj
    scope = planning.Scope(tuple(rule or ()), tuple(person or ()), tuple(client or ()))
    workspace, run = asked.workspace(), asked.found_run(reviewed=True)
    made, files = audit.plan_run(workspace, run, requested_by=requested_by, now=asked.now, scope=scope)
    asked.show(json.loads(planning.write(made)), planned.text(made, [_shown(file) for file in files]))


@app.command()
def report(ctx: typer.Context) -> None:
    """Write the HTML report of a run again."""
    from access_review import audit

    asked: Asked = ctx.obj
    file = audit.write_report(asked.workspace(), asked.found_run(reviewed=True))
    asked.show({"report": str(file)}, f"Report: {_shown(file)}")


@app.command()
def explain(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(help="A finding, person, account or entitlement, by id or name.")],
) -> None:
    """Say in words who has what, why, by which path, and what would end it."""
    from access_review import audit
    from access_review import explain as explaining
    from access_review.views import explanation

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    with audit.facts_of(workspace, asked.found_run(reviewed=True)) as (engine, _, _):
        answer = explaining.explain(engine, workspace, what)
    asked.show(answer.to_json(), explanation.text(answer))


@app.command()
def export(
    ctx: typer.Context,
    table: Annotated[str, typer.Argument(help="A table, as findings, people, held or effective; 'list' names them.")],
    form: Annotated[str, typer.Option("--format", help="csv, json or parquet.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file; <table>.<format> by default.")
    ] = None,
) -> None:
    """Write any table of a run, or who has what effectively."""
    from access_review import audit
    from access_review import export as exporting

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


@roles_app.command("show")
def roles_show(
    ctx: typer.Context, role: Annotated[str, typer.Argument(help="A role; all of them are listed without.")] = ""
) -> None:
    """Show a template after inheritance, with what each pattern matches today."""
    from access_review import roles, snapshot
    from access_review.errors import Unclear
    from access_review.views import template

    asked: Asked = ctx.obj
    workspace = asked.workspace()
    taken = snapshot.load(asked.found_run())
    resolved = {one.template.role: one for one in roles.resolve(workspace.templates, taken.tables["entitlements"])}
    if role and role not in resolved:
        raise Unclear(f"no template has the role {role!r}", hint=f"known: {', '.join(resolved)}")
    shown = [resolved[role]] if role else list(resolved.values())
    values = [template.value(one, workspace, taken.tables["entitlements"]) for one in shown]
    asked.show({"roles": values}, "\n".join(template.text(value, short=not role) for value in values))


@app.command()
def decide(
    ctx: typer.Context, sheets: Annotated[list[Path], typer.Argument(help="Filled-in work sheets, .xlsx or .csv.")]
) -> None:
    """Read reviewers' decisions from their work sheets."""
    from access_review import audit, decisions, judge
    from access_review import decide as deciding
    from access_review.views import judgement

    asked: Asked = ctx.obj
    run = asked.found_run(reviewed=True)
    work = audit.work_of(run)
    read = deciding.read_decisions(sheets, work, today=asked.now.date())
    answers = decisions.record(audit.decisions_of(run), read)
    audit.keep_decisions(run, answers)
    judged = judge.judge(audit.sample_of(run), work, answers)
    asked.show(judge.to_json(judged), judgement.text(judged, read=len(read)))


def _collect(asked: Asked, workspace: "Workspace") -> "Run":
    from access_review import audit
    from access_review.views import terminal

    with terminal.progress(shown=False if asked.quiet or asked.json else None) as progress:
        return audit.collect(workspace, asked.now, progress)


def _manifest(run: "Run") -> dict[str, Any]:
    from access_review import runs, snapshot

    return runs.read_json(run.folder / runs.MANIFEST, snapshot.FORMAT)


def _unread(manifest: Mapping[str, Any]) -> int:
    return 0 if all(source["complete"] for source in manifest["sources"].values()) else 1


def _found(report: "Report", fail_on: Severity | None) -> int:
    if fail_on is None:
        return 0
    severe = [str(s) for s in Severity if s.rank >= fail_on.rank]
    rows = zip(report.findings["severity"].to_pylist(), report.findings["status"].to_pylist(), strict=True)
    return 3 if any(severity in severe and status in ("new", "open") for severity, status in rows) else 0


def _summarise(asked: Asked, workspace: "Workspace", run: "Run", report: "Report", *, file: Path | None = None) -> None:
    from access_review.views import summary, terminal

    value = summary.summary(
        report,
        _manifest(run),
        organisation=workspace.policy.organisation,
        report_file=_shown(file) if file else "",
    )
    colour = terminal.wants_colour(sys.stdout, os.environ)
    width = shutil.get_terminal_size((100, 24)).columns
    asked.show({"run": run.id, **value}, terminal.render(value, colour=colour, width=width, quiet=asked.quiet).rstrip())


def _first(report: "Report") -> str:
    """Return the start of the id of the finding with the highest risk, as something to ask about."""
    from access_review.views.summary import highest

    return next((str(row["finding"])[:8] for row in highest(report.findings, 1)), "PERSON")


def _shown(path: Path) -> str:
    """Show a path as short as it can be from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _exit(code: int) -> None:
    if code:
        raise typer.Exit(code)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line; errors of the tree are printed with what to do, anything else is a bug."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A name must never crash the output, whatever the terminal can show.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(args=globals_first(sys.argv[1:] if args is None else args), prog_name="access-review")
    except AccessReviewError as error:
        _complain(error)
        sys.exit(error.exit_code)


def _complain(error: AccessReviewError) -> None:
    from access_review.views.text import visible

    lines = [f"access-review: {visible(error.message)}"]
    lines += [f"  {visible(str(mistake))}" for mistake in getattr(error, "mistakes", ())]
    if error.hint:
        lines.append(f"  → {visible(error.hint)}")
    typer.echo("\n".join(lines), err=True)
