"""What runs without anybody, under what two people signed once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from access_review.cli.options import Options, leave

if TYPE_CHECKING:
    from access_review.stages.apply import Pace

PARTLY = (
    "not all of the plan was carried out; what was not stands above\n  → the same command goes on with what is left"
)

NO_TICKET = "not all tickets could be seen to; why stands above\n  → the next apply, verify or remind goes on with them"


def run(options: Options, of: str, pace: "Pace", key: Path | None) -> None:
    """Carry out what the standing approval covers, or a plan prepared for it; then what the standing removal does."""
    from access_review.snapshot.watched import HaltedJob
    from access_review.stages.apply_standing import apply_standing
    from access_review.stages.standing_removal import read_now, take_announced
    from access_review.store import plans
    from access_review.views import standing as view
    from access_review.views import standing_removal, tickets
    from access_review.views.text import visible

    with options.halted(HaltedJob.STANDING):
        options.begin_logbook("apply")
        prepared = plans.find(options.found_run(reviewed=True), of) if options.run or of != plans.PLAN else None
        workspace = options.workspace()
        clock = options.acting(workspace)
        alone = workspace.policy.standing_removal is not None and workspace.policy.standing is None and prepared is None
        read = read_now(workspace, clock) if alone else None
    texts: list[str] = []
    value: dict[str, object] = {}
    not_sent: tuple[str, ...] = ()
    partly, failed, removals = False, False, None
    if read:
        removals = take_announced(workspace, read, clock, os.environ, pace=pace, key=key)
    else:
        outcome = apply_standing(workspace, clock, os.environ, pace=pace, prepared=prepared, key=key)
        made = view.value(outcome.stored.plan, outcome.applied, outcome.told, outcome.not_sent)
        value = {**made, "tickets": tickets.value(outcome.tickets)}
        texts = [view.text(outcome.told, outcome.not_sent), *tickets.lines(outcome.tickets)]
        not_sent, partly, failed = outcome.not_sent, outcome.partly, bool(outcome.tickets.failed)
        if workspace.policy.standing_removal is not None and prepared is None:
            removals = take_announced(workspace, outcome.stored.run, clock, os.environ, pace=pace, key=key)
    if removals:
        texts += [standing_removal.text(removals.told, removals.not_sent), *tickets.lines(removals.tickets)]
        said = standing_removal.value(removals.told, removals.not_sent)
        value["removals"] = {**said, "tickets": tickets.value(removals.tickets)}
        partly, not_sent = partly or removals.partly, (*not_sent, *removals.not_sent)
        failed = failed or bool(removals.tickets.failed)
    options.show(value, "\n".join(texts))
    unsent = f"nobody was told of it: {'; '.join(map(visible, not_sent))}" if not_sent else NO_TICKET
    leave(4 if partly else 1 if not_sent or failed else 0, PARTLY if partly else unsent)
