"""The daily check, for the terminal."""

from collections.abc import Iterator, Mapping, Sequence

from access_review.audit.inventory import ListedAgent, ListedApplication
from access_review.tables import Row
from access_review.views.terminal import wrapped
from access_review.views.text import count, visible


def text(
    leavers: str,
    signins: Sequence[Row],
    applications: Sequence[ListedApplication],
    agents: Sequence[ListedAgent],
    silent: Mapping[str, str],
    ending: str = "",
    *,
    width: int = 100,
) -> str:
    """Say what there is to do today, in lines of ``width`` columns."""
    ends = [wrapped(f"To be renewed: {ending}", width, "  ")] if ending else []
    return "\n".join((leavers, "", *_lines(signins, applications, agents, silent, width), *ends))


def _lines(
    signins: Sequence[Row],
    applications: Sequence[ListedApplication],
    agents: Sequence[ListedAgent],
    silent: Mapping[str, str],
    width: int,
) -> Iterator[str]:
    yield f"Sign-ins to look at: {len(signins)}"
    for row in signins:
        name = row["person_name"] or row["subject_name"] or row["subject"]
        yield wrapped(f"  {row['finding'][:8]}  {row['rule']}: {name}, {row['reason']}", width, "    ")
    for rule, reason in sorted(silent.items()):
        yield wrapped(f"  not evaluated: {rule}: {reason}", width, "    ")
    yield ""
    unknown = [row for row in applications if not row["approved"]]
    yield f"{count(len(applications), 'application')} listed as AI or unapproved, {len(unknown)} of them not approved"
    for row in unknown:
        marks = f"{'AI, ' if row['ai'] else ''}{'of another organisation, ' if row['foreign'] else ''}"
        yield wrapped(f"  {row['name']}: {marks}{count(row['accounts'], 'account')}", width, "    ")
    orphans = [row for row in agents if row["sponsor_status"] != "active"]
    yield f"{count(len(agents), 'AI agent')}, {len(orphans)} without a sponsor who works here"
    for row in orphans:
        yield f"  {visible(row['name'])}"
