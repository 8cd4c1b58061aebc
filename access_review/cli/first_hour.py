"""Commands of the first hour: look at files."""

from pathlib import Path
from typing import Annotated

import typer

from access_review.cli.options import Options


def inspect(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Exports of any kind, or folders of them.")],
) -> None:
    """Say what files are and how they fit together, before anything is configured."""
    from access_review.stages.inspect import inspect_files
    from access_review.views import inspection as view

    options: Options = ctx.obj
    seen = inspect_files(files, options.now)
    exports = {
        name: {"connector": one.connector, "rows": dict(one.rows), "unread": list(one.unread)}
        for name, one in seen.found.exports.items()
    }
    ignored = [(one.path.as_posix(), one.reason) for one in seen.found.ignored]
    options.show(view.value(seen.look, exports, ignored), view.text(seen.look, exports, ignored, width=options.width))


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(inspect)
