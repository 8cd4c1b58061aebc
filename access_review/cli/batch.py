"""Commands of the revocation batch."""

import json
from typing import Annotated

import typer

from access_review.cli.asked import Asked, shown


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
    asked.show(json.loads(planning.write(made)), planned.text(made, [shown(file) for file in files]))


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(plan)
