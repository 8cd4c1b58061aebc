"""Commands of the daily job: offboarding verification."""

import os
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from access_review.cli.options import Options, folder_only, leave, moment

if TYPE_CHECKING:
    from access_review.offboarding.leaver import Leaver
    from access_review.stages.offboarding import Certified


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
        typer.Option(
            metavar="FOLDER",
            callback=folder_only,
            help="Write a certificate of access removal for each who can have one.",
        ),
    ] = None,
    by: Annotated[str, typer.Option(help="Who stands for the certificates: id, name or mail.")] = "",
    key: Annotated[Path | None, typer.Option("--key", help="Your private SSH key: each certificate is signed.")] = None,
    client: Annotated[str, typer.Option(help="Only those who work, or worked, for this client.")] = "",
    fresh: Annotated[bool, typer.Option("--collect", help="Read the sources first.")] = False,
) -> None:
    """Say what is still open for those who leave. In which system, and for how long."""
    from access_review.artifacts import LEAVERS
    from access_review.cli.revocation import signer_of
    from access_review.offboarding import leaver as values
    from access_review.stages.offboarding import follow_leavers, of_client, too_old, write_certificates
    from access_review.stages.zones import person_zones
    from access_review.views import judged_share
    from access_review.views import offboarding as view

    options: Options = ctx.obj
    workspace = options.workspace(to_read=fresh)
    run = options.collect(workspace) if fresh else options.found_run()
    followed, zones = follow_leavers(workspace, run, options.now), person_zones(workspace, run)
    leavers, judged = followed.leavers, followed.judged
    if (by or key) and not (certificates and by and key):
        raise typer.BadParameter("--by and --key sign certificates, and belong together with --certificates")
    if client:
        leavers = values.limited(leavers, of_client(leavers, run, client))
    if certificates:
        some = [values.find_leaver(leavers, person)] if person else list(view.since(leavers, since or _EVER))
        signer, now = signer_of(options, by, key), options.now
        _certify(options, some, write_certificates(workspace, run, some, leavers, certificates, signer, now))
    elif person:
        leaver = values.find_leaver(leavers, person)
        zone = zones.get(leaver.person, "")
        text = view.details(leaver, leavers, colour=options.colour, width=options.width, zone=zone)
        options.show(LEAVERS.plain(values.limited(leavers, [leaver])), text)
    else:
        listed, stale = view.since(leavers, since), too_old(run, options.now)
        said = judged_share.paragraph(judged, options.width)
        text = view.listing(
            leavers, listed, colour=options.colour, width=options.width, stale=stale, judged=said, zones=zones
        )
        options.show({**LEAVERS.plain(values.limited(leavers, listed)), "judged": judged}, text)
        if not listed:
            options.leave_unjudged(judged)


_EVER = datetime.min.replace(tzinfo=UTC)


def daily(ctx: typer.Context) -> None:
    """Do the daily check: leavers, sign-ins, and what AI there is."""
    from access_review.artifacts import LEAVERS
    from access_review.offboarding import leaver as values
    from access_review.snapshot.watched import HaltedJob
    from access_review.stages.daily import check_day
    from access_review.stages.standing_alarms import ends_soon, not_heard_of, tell_alarms
    from access_review.stages.zones import person_zones
    from access_review.views import daily as view
    from access_review.views import judged_share
    from access_review.views import offboarding as leaving

    options: Options = ctx.obj
    with options.halted(HaltedJob.DAILY) if not options.attended else nullcontext():
        workspace = options.workspace(to_read=not options.run)
        with options.holding_campaign("daily"):
            run = options.found_run() if options.run else options.collect(workspace)
            day = check_day(workspace, run, options.now)
    listed, judged = leaving.since(day.leavers, None), day.judged
    value = {
        "leavers": LEAVERS.plain(values.limited(day.leavers, listed)),
        "signins": day.signins,
        "applications": day.applications,
        "agents": day.agents,
        "not_evaluated": day.silent,
        "judged": judged,
    }
    said, zones = judged_share.paragraph(judged, options.width), person_zones(workspace, run)
    text = leaving.listing(day.leavers, listed, colour=options.colour, width=options.width, judged=said, zones=zones)
    alarm, ending = not_heard_of(workspace, options.now), ends_soon(workspace, options.now)
    options.show(
        value | {"alarm": alarm, "ends_soon": ending},
        view.text(text, day.signins, day.applications, day.agents, day.silent, ending, width=options.room),
    )
    if not options.attended:
        for why in tell_alarms(workspace, alarm, ending, options.now, os.environ):
            options.remark(f"access-review: not everybody could be told: {why}")
    leave(4 if alarm else 0, alarm)
    if not listed and not day.signins:
        options.leave_unjudged(judged)


def _certify(options: Options, some: "list[Leaver]", certified: "Certified") -> None:
    """Say which certificates were written, who stands for them, and why the others cannot be given."""
    from access_review.views.text import visible

    names = {leaver.person: visible(leaver.name) for leaver in some}
    stands = dict.fromkeys(certified.signed, ", signed")
    lines = [f"{names[person]}: {path}{stands.get(person, '')}" for person, path in certified.written.items()]
    lines += [f"{names[person]}: none, {reason}" for person, reason in certified.refused.items()]
    written = {person: str(path) for person, path in certified.written.items()}
    value = {"written": written, "refused": certified.refused, "signed": list(certified.signed)}
    options.show(value, "\n".join(lines) or "Nobody has left.")


def add_to(app: typer.Typer) -> None:
    """Register the commands, in the order of the help."""
    app.command()(offboarding)
    app.command()(daily)
