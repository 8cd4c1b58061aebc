"""Open a group: the findings that are one line of what to do, row by row."""

from collections.abc import Sequence

from access_review.errors import Unclear
from access_review.findings.groups import FindingGroup, count_and_group, find_group, rows_of
from access_review.findings.sentences import every_sentence
from access_review.runs import Run
from access_review.store import reviews
from access_review.tables import Row
from access_review.workspace import Workspace


def open_group(workspace: Workspace, run: Run, wanted: str) -> tuple[FindingGroup, Sequence[Row]]:
    """Return a group of a reviewed run, by its place or the start of its id, and its findings as they are shown.

    Raises ``Unclear`` for none, or several.
    """
    sentences = every_sentence()
    with reviews.opened(workspace, run) as facts:
        total = count_and_group(facts.engine, 0).total
        group = find_group(facts.engine, wanted.strip().lower())
        if group is None:
            raise Unclear(
                f"no one line of {total} is called {wanted!r}",
                hint="a line has a place (1 is the first) and an id: access-review export finding_groups has all of them",
            )
        return group, [sentences.shown(row) for row in rows_of(facts.engine, group.group)]
