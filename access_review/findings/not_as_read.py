"""Hold what a review says of its rules to what was read: which could conclude, about which sources, and how many findings there are."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from access_review.findings.hits import Evaluation, Gaps, why_idle, why_withheld
from access_review.model import Status
from access_review.policy import Policy
from access_review.rules import Rule

COUNTED = ("rule", "status", "checked")
"""The columns of findings that :func:`count_found` reads."""


def count_found(batches: Iterable[pa.RecordBatch]) -> Counter[str]:
    """Count by rule the findings that a review found: neither closed, nor kept because nobody could look."""
    found: Counter[str] = Counter()
    for batch in batches:
        rows = pa.table(batch.select(COUNTED)).group_by(list(COUNTED)).aggregate([([], "count_all")])
        for row in rows.to_pylist():
            if row["checked"] and row["status"] != Status.CLOSED:
                found[row["rule"]] += row["count_all"]
    return found


def other_counts(evaluations: Sequence[Evaluation], found: Mapping[str, int]) -> Iterator[str]:
    """Say of which rules a review counts other findings than there are."""
    said = {one.rule: one.hits for one in evaluations}
    for rule in sorted(said.keys() | found.keys()):
        if said.get(rule, 0) != found.get(rule, 0):
            yield f"counts {said.get(rule, 0)} findings of {rule}, and there are {found.get(rule, 0)}"


def other_gaps(
    evaluations: Sequence[Evaluation], rules: Mapping[str, Rule], policy: Policy, gaps: Gaps
) -> Iterator[str]:
    """Say which rules concluded nothing, or withheld findings, otherwise than follows from what was read.

    ``rules`` are those that are known here. How many were withheld only concluding them again can tell: here, that none
    may be where all was read.
    """
    said = {one.rule: one for one in evaluations}
    yield from (f"says nothing of {rule}" for rule in sorted(rules.keys() - said.keys()))
    for rule in (rules[name] for name in sorted(rules.keys() & said.keys())):
        one = said[rule.id]
        idle = why_idle(rule, policy, gaps)
        if one.evaluated == bool(idle):
            yield f"{rule.id} was {'not ' if idle else ''}to be evaluated" + (f": {idle}" if idle else "")
        elif one.reason != (idle or why_withheld(gaps.withheld_for(rule))):
            yield f"{rule.id}: what was not read is another than it says: {one.reason!r}"
        elif one.withheld and not gaps.withheld_for(rule):
            yield f"{rule.id} withholds {one.withheld}, and every source was wholly read for it"
