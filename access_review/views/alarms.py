"""What people hear at once: findings that opened, sources that do not show themselves, and what to do about each; pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from access_review.findings.sentences import Sentences
from access_review.model import Remedy, Severity
from access_review.snapshot.watched import HaltedJob, PreparedPlan
from access_review.tables import Row
from access_review.views.text import count, moment, visible

_MOST = 200
"""Findings in one notice; more are counted, and a whole run has them all."""

BEYOND = "access-beyond-role"
"""The rule whose finding may as well be a template that lacks a line."""

_TO_DO = {
    Remedy.DISABLE: "disable the account",
    Remedy.REMOVE: "take it away",
    Remedy.CUT: "cut the nesting",
    Remedy.ROTATE: "change the secret",
    Remedy.ASSIGN_OWNER: "name an owner who works here",
    Remedy.GRANT: "grant it",
    Remedy.TRAIN: "train them",
    Remedy.REVIEW: "ask whoever answers for it",
    Remedy.FIX: "mend it",
}


def opened(
    rows: Sequence[Row], sentences: Sentences, at: datetime, *, unread: Mapping[str, str], run: str
) -> tuple[str, str]:
    """Return subject and text of the alarm about findings that opened, the worst first.

    ``unread`` are the sources that are known only as last seen, with the reason; ``run`` is the last whole run.
    """
    worst = max((Severity(row["severity"]) for row in rows), key=lambda one: one.rank)
    subject = f"Access review: {count(len(rows), 'finding')} opened, {worst} at worst"
    return subject, "\n".join(map(visible, _opened(rows, sentences, at, unread, run)))


def _opened(
    rows: Sequence[Row], sentences: Sentences, at: datetime, unread: Mapping[str, str], run: str
) -> Iterator[str]:
    yield f"Seen {moment(at)}, since the run {run}:"
    yield ""
    for row in rows[:_MOST]:
        shown = sentences.shown(row)
        whose = f" of {row['person_name']}" if row["person_name"] else ""
        about = f", {row['about_name']}" if row["about_name"] else ""
        yield f"- {row['severity']} {row['rule']}: {row['subject_name']}{whose}{about}"
        yield f"  {shown['reason']}"
        or_allow = ", or say in a template that the role has it" if row["rule"] == BEYOND else ""
        yield f"  To do: {_TO_DO[Remedy(row['remedy'])]}{or_allow}. Finding {row['finding']}"
    if len(rows) > _MOST:
        yield f"- and {len(rows) - _MOST} more"
    yield ""
    for source, reason in sorted(unread.items()):
        yield f"Not read now, known as last seen: {source}: {reason}"
    yield "To act on them, make a whole run and plan on it:"
    yield "  access-review audit"
    yield "  access-review plan --requested-by YOUR-ID --person THE-PERSON"


def prepared(
    persons: Sequence[str], run: str, plan: str, why: str, before: PreparedPlan | None = None
) -> tuple[str, str]:
    """Return subject and text of the alarm that people have left and can still sign in, with the plan that waits for them.

    Without a ``plan`` it says how to make one; ``why`` is what refused it. ``before`` is what was prepared before it, and nobody took up.
    """
    subject = f"Access review: {count(len(persons), 'person')} left and can still sign in"
    lines = [f"Left, with accounts that work: {', '.join(persons[:_MOST]) or 'see the findings'}", ""]
    if before and before.plan:
        lines += [f"The plan of {before.run}, prepared {moment(before.at)}, can be carried out no more.", ""]
    elif before:
        lines += [f"This was told {moment(before.at)}, and nothing was carried out since.", ""]
    if why:
        lines += [f"No plan could be made: {why}", ""]
    if plan:
        lines += [
            "A plan is ready for two people to sign; it is checked again before each change, and void if it is rescinded:",
            *_to_sign(run, plan),
        ]
    else:
        lines += [
            "Plan it, have it signed by two people, and carry it out:",
            f"  access-review --run {run} plan --name leavers --requested-by YOUR-ID --rule leaver-active",
            "Name who asks under watch: plans_for: in roles/policy.yaml, and the plan is ready the next time.",
        ]
    lines += ["", "With a standing approval, signed once by two people, it is done at once: runbooks/leaver-now.md"]
    return subject, "\n".join(map(visible, lines))


def lapses(persons: Sequence[str], known: PreparedPlan) -> tuple[str, str]:
    """Return subject and text of the alarm that nobody has carried out a plan for those who have left, and its time is almost over."""
    lines = [
        f"Left, with accounts that work: {', '.join(persons[:_MOST]) or 'see the findings'}",
        "",
        f"The plan that was prepared {moment(known.at)} is not carried out, and can be until {moment(known.until)}:",
        *_to_sign(known.run, known.plan),
        "",
        "After that another one is prepared, and takes new signatures.",
    ]
    return "Access review: a plan for who left lapses soon", "\n".join(map(visible, lines))


def _to_sign(run: str, plan: str) -> Iterator[str]:
    yield f"  access-review --run {run} approve --of {plan} --request --key KEY --by WHO-ASKS"
    yield f"  access-review --run {run} approve --of {plan} --key KEY --by SOMEBODY-ELSE --reason WHY"
    yield f"  access-review --run {run} apply --of {plan} --key KEY --by WHO-ASKS"


def rescinded(person: str, begun: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return subject and text of the alarm that somebody for whom something was begun has not left, as the roster now says.

    ``begun`` are run and name of the plans of which something was carried out for them, or ordered.
    """
    done = [f"  access-review --run {run} undo --of {plan}" for run, plan in begun]
    lines = [
        f"The roster says now that {person} works here. What was planned for it is not carried out any more.",
        "",
        *(
            [
                "An order that is not done yet is ended now, and its ticket closed.",
                "What was done already can be given back, by two people:",
                *done,
            ]
            if done
            else ["Nothing was carried out here."]
        ),
        "To do: ask HR which of the two is right" + (", before anything is given back." if done else "."),
    ]
    # The subject goes into the logbook, which is kept for ever and names nobody.
    return "Access review: somebody has not left after all", "\n".join(map(visible, lines))


def void_orders(lines: Sequence[str]) -> tuple[str, str]:
    """Return subject and text of the alarm that orders are not to be carried out any more; a line says which and why."""
    more = [f"- and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    text = [
        "Not to be carried out any more:",
        "",
        *(f"- {line}" for line in lines[:_MOST]),
        *more,
        "",
        "These orders are ended, and their tickets are closed.",
        "To do: tell whoever was asked; what was done all the same after the last read is to be given back.",
    ]
    # The subject goes into the logbook, which is kept for ever and names nobody.
    return f"Access review: {count(len(lines), 'order')} not to be carried out any more", "\n".join(map(visible, text))


def overdue_orders(lines: Sequence[str]) -> tuple[str, str]:
    """Return subject and text of the alarm that orders are not done in time; a line says which, by when it was to be, and what proves it."""
    more = [f"- and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    text = ["Ordered, and no read shows them done:", "", *(f"- {line}" for line in lines[:_MOST]), *more]
    return f"Access review: {count(len(lines), 'order')} not done in time", "\n".join(map(visible, text)) + "\n"


def unclear(lines: Sequence[str]) -> tuple[str, str]:
    """Return subject and text of the alarm that rows about people cannot be used any more; a line says whose and why."""
    more = [f"- and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    text = [
        "The roster was changed, and what it says of these cannot be used. Whether they have left is not known:",
        "",
        *(f"- {line}" for line in lines[:_MOST]),
        *more,
        "",
        "Nothing is planned for them, and no finding about them closes.",
        "To do: have HR mend the row. Who has left is seen to at once when it says so; where it cannot be mended now, disable by hand.",
    ]
    # The subject goes into the logbook, which is kept for ever and names nobody.
    return f"Access review: of {count(len(lines), 'person')} nobody knows any more whether they left", "\n".join(
        map(visible, text)
    )


def silent(source: str, since: datetime | None, reason: str, at: datetime) -> tuple[str, str]:
    """Return subject and text of the alarm about a source that does not show itself."""
    subject = f"Access review: {source} has not been seen since {moment(since, unknown='the beginning')}"
    text = (
        f"{source} cannot be read: {reason or 'it does not come to rest'}\n\n"
        f"What changes there is not noticed until it can, and what other sources show is not judged where it needs this one.\n"
        f"Nothing is taken to be better for it: no finding closes.\n"
        f"To do: access-review check --live shows what is wrong; it is tried again all the time, and told when it is well.\n"
        f"Now: {moment(at)}"
    )
    return subject, "\n".join(map(visible, text.split("\n")))


def lost(source: str, what: str) -> tuple[str, str]:
    """Return subject and text of the alarm that reading only changes had missed something."""
    subject = f"Access review: reading the changes of {source} had missed something"
    text = (
        f"{source} was read whole and compared with what its changes had given: {what}\n\n"
        "What was read whole is used now, and what was kept of the changes is forgotten.\n"
        "To do: look whether the server was restored from a backup, or whether another answers under its name."
    )
    return subject, "\n".join(map(visible, text.split("\n")))


def kept_wrong() -> tuple[str, str]:
    """Return subject and text of the alarm that reviewing only what changed had missed something."""
    text = (
        "Everything was reviewed, and the findings are not those of the reviews of what had changed alone.\n\n"
        "What opened or closed by that is told now, and what was kept is forgotten and made anew.\n"
        "To do: report it as a fault of the tool, with the logbook's lines since the check before; look whether somebody\n"
        "wrote to runs/watch/, and whether the disk is well."
    )
    return "Access review: reviewing only what changed had missed something", "\n".join(map(visible, text.split("\n")))


def fault(message: str, hint: str) -> tuple[str, str]:
    """Return subject and text of the alarm that the workspace cannot be used as it is written now."""
    text = f"{message}\n\nIt is watched as it was written before.\nTo do: {hint or 'access-review check names every mistake'}"
    return "Access review: sources/ or roles/ cannot be used as written", "\n".join(map(visible, text.split("\n")))


def other_logbook(run: str) -> tuple[str, str]:
    """Return subject and text of the alarm that the logbook is gone, or does not go on from what was seen of it; ``run`` is gone on from."""
    text = (
        "The logbook in runs/ is gone, was put back to an earlier one, or begun anew: what was last seen of it is not in it.\n\n"
        f"It is watched on, from the run {run}, as what lies there says. Nothing is carried out on signatures that were "
        "given in another logbook.\n"
        "To do: stop what runs unattended and keep a copy of runs/ as it is; restore the newest copy whose head was kept\n"
        "elsewhere, and look who wrote to runs/: runbooks/security.md. access-review logbook --check names what differs."
    )
    return "Access review: the logbook is gone or another one", "\n".join(map(visible, text.split("\n")))


def failing(why: str, since: datetime, now: datetime) -> tuple[str, str]:
    """Return subject and text of the alarm that no look succeeds, so that nothing is watched."""
    text = (
        f"No look has succeeded since {moment(since)}: {why}\n\n"
        "Nothing that changes is noticed until one does, and nobody who leaves is seen to at once.\n"
        f"To do: mend what it says; it is tried again all the time. Now: {moment(now)}"
    )
    return "Access review: nothing is watched", "\n".join(map(visible, text.split("\n")))


_HALTED = {
    HaltedJob.WATCH: (
        "nothing is watched",
        "It was watched before, and cannot begin again",
        "Nothing that changes is noticed until it does, and nobody who leaves is seen to at once.",
        "; what was missed is told when it has begun",
    ),
    HaltedJob.STANDING: (
        "nothing is done under the standing approval",
        "apply --standing cannot begin",
        "Nobody who leaves loses sign-in by it until it does, and nothing goes that was announced.",
        "",
    ),
    HaltedJob.DAILY: (
        "the daily check is not made",
        "The daily check cannot be made",
        "Who still can sign in after they left is not looked for until it can.",
        "",
    ),
}


def halted(why: str, hint: str, now: datetime, job: HaltedJob) -> tuple[str, str]:
    """Return subject and text of the alarm that something that runs by itself cannot begin."""
    subject, what, lost, after = _HALTED[job]
    text = f"{what}: {why}\n\n{lost}\nTo do: {hint or 'mend what it says'}{after}.\nNow: {moment(now)}"
    return f"Access review: {subject}", "\n".join(map(visible, text.split("\n")))


def turned_back(before: datetime, now: datetime) -> tuple[str, str]:
    """Return subject and text of the alarm that the clock went back."""
    text = (
        f"The last look was at {moment(before)}, and the machine's clock says {moment(now)}.\n\n"
        "What is due by time is reviewed as of the later one until the clock has come that far.\n"
        "To do: set the clock, and look who changed it. Where the later time was the wrong one, stop watching and remove\n"
        "runs/watch: it then begins at the last reviewed run, as of now."
    )
    return "Access review: the clock of the machine went back", text
