"""``serve``: the pages in the browser."""

import os
from pathlib import Path
from typing import Annotated

import typer

from access_review.cli.options import Options


def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen on; this machine alone by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8443,
    cert: Annotated[
        Path | None, typer.Option("--cert", metavar="FILE", help="The certificate chain, to end TLS here.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Its private key, readable by you alone.")
    ] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy on this machine ends TLS and says who asks.")
    ] = False,
) -> None:
    """Serve the pages for reviewers, approvers, operations and auditors, until stopped."""
    from access_review.errors import Unclear
    from access_review.store.rights import Right, hold

    options: Options = ctx.obj
    try:
        from access_review.web import server
        from access_review.web.application import application
        from access_review.web.sessions import Sessions
        from access_review.web.sign_in import OpenIdProvider
        from access_review.web.site import Site
    except ModuleNotFoundError as error:
        raise Unclear(f"{error.name} is not installed", hint="pip install 'access-review[web]'") from None
    import time

    workspace = options.workspace()
    web = workspace.policy.web
    if web is None:
        hint = "declare `web` in roles/policy.yaml; runbooks/web.md goes through it"
        raise Unclear("the policy does not say where the pages are and who signs people in", hint=hint)
    at = server.Listening(host, port, cert, key, behind_proxy)
    server.refuse_unsafe(web, at)
    secret = os.environ.get(web.sign_in.secret_env, "")
    if not secret:
        raise Unclear(f"the environment has no {web.sign_in.secret_env}", hint="it holds the registration's secret")
    clock = options.acting(workspace)
    provider = OpenIdProvider(web.sign_in, f"{web.address}/callback", secret)
    sessions = Sessions(web.idle.total_seconds(), web.longest.total_seconds(), time.monotonic)
    site = Site(options.folder, clock, provider, sessions, secure=web.address.startswith("https://"))
    with hold(options.folder, Right.SERVE, now=clock.now(), command="serve"):
        options.begin_logbook("serve")
        made = application(site, address=web.address, clock=clock, behind_proxy=behind_proxy)
        server.listen(made, at, lambda: typer.echo(f"Serving {web.address} from {host}:{port}. Ctrl-C stops it."))
        site.close()
    typer.echo("Stopped; what was answered is kept, and everybody is signed out.")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)
