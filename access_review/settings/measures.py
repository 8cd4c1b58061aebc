"""What can be measured from the records of a workspace, by the names that its files use."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class MeasureName(StrEnum):
    """A figure that follows from runs, audits, leavers or the check list's own records; never from what somebody says."""

    SOURCES_COMPLETE = "sources-complete"
    DAYS_WITH_RUN = "days-with-run"
    WEEKS_AUDITED = "weeks-audited"
    SAMPLED_SHARE = "sampled-share"
    UNITS_REVIEWED = "units-reviewed"
    AUDITS_SIGNED_OFF = "audits-signed-off"
    COVERAGE = "coverage"
    MISS_LIMIT = "miss-limit"
    WRONG_LIMIT = "wrong-limit"
    TEST_ROWS_CAUGHT = "test-rows-caught"
    GRANTS_JUDGED = "grants-judged"
    OPEN_FINDINGS = "open-findings"
    OLDEST_FINDING = "oldest-finding"
    EXCESS_AGE = "excess-age"
    REVOCATION_SPEED = "revocation-speed"
    EXCEPTION_RATE = "exception-rate"
    ORPHAN_RATE = "orphan-rate"
    AGENTS_OWNED = "agents-owned"
    STANDING_PRIVILEGE = "standing-privilege"
    LEAVERS_OPEN_LATE = "leavers-open-late"
    LEAVERS_IN_TIME = "leavers-in-time"
    LEAVER_LAG = "leaver-lag"
    CHANGES_PROVEN = "changes-proven"
    TRAINING_DONE = "training-done"
    RULES_EVALUATED = "rules-evaluated"
    FOLLOWED_UP = "followed-up"
    MINI_AUDIT_ANSWERED = "mini-audit-answered"


class MeasureUnit(StrEnum):
    """In what a figure is measured."""

    PERCENT = "%"
    NUMBER = ""
    HOURS = "h"
    DAYS = "d"


@dataclass(frozen=True, slots=True)
class MeasureMeaning:
    """In what a figure is measured, and what it is, in a sentence for whoever writes the files that use it.

    Only one that is ``by_rule`` may be narrowed to some rules.
    """

    unit: MeasureUnit
    what: str
    by_rule: bool = False


LOOK_BACK_DAYS = 92
"""Over how many days figures of a period look back: a quarter."""

_PERCENT, _NUMBER, _HOURS, _DAYS = MeasureUnit.PERCENT, MeasureUnit.NUMBER, MeasureUnit.HOURS, MeasureUnit.DAYS

MEASURES: Mapping[MeasureName, MeasureMeaning] = {
    MeasureName.SOURCES_COMPLETE: MeasureMeaning(_PERCENT, "sources that the newest run read whole"),
    MeasureName.DAYS_WITH_RUN: MeasureMeaning(
        _PERCENT, "days of the last 28, or since the first run, on which a run was made: the unattended jobs ran"
    ),
    MeasureName.WEEKS_AUDITED: MeasureMeaning(
        _PERCENT, "weeks of the last 13, or since the first audit, in which a sample was drawn"
    ),
    MeasureName.SAMPLED_SHARE: MeasureMeaning(_PERCENT, "people and accounts of nobody that the newest audit drew"),
    MeasureName.UNITS_REVIEWED: MeasureMeaning(
        _PERCENT, "units drawn by the audits of the quarter that ended which reviewers answered for in time"
    ),
    MeasureName.AUDITS_SIGNED_OFF: MeasureMeaning(
        _PERCENT, "audits of the quarter, the one going on left out, that were signed off"
    ),
    MeasureName.COVERAGE: MeasureMeaning(
        _PERCENT, "units of the newest population that are not overdue: reviewed, or new, within the coverage time"
    ),
    MeasureName.MISS_LIMIT: MeasureMeaning(
        _PERCENT, "highest rate of wrong access missed by the machine that the newest ended audit leaves possible"
    ),
    MeasureName.WRONG_LIMIT: MeasureMeaning(
        _PERCENT, "highest rate of wrong access that the newest ended audit leaves possible"
    ),
    MeasureName.TEST_ROWS_CAUGHT: MeasureMeaning(_PERCENT, "test rows of the quarter that reviewers answered rightly"),
    MeasureName.GRANTS_JUDGED: MeasureMeaning(_PERCENT, "direct grants that a role template judges"),
    MeasureName.OPEN_FINDINGS: MeasureMeaning(
        _NUMBER, "open findings about access, or of the rules that are named", by_rule=True
    ),
    MeasureName.OLDEST_FINDING: MeasureMeaning(
        _DAYS,
        "how long the oldest open finding about access has been known, or of the rules that are named",
        by_rule=True,
    ),
    MeasureName.EXCESS_AGE: MeasureMeaning(_DAYS, "how long open findings about excess have been known, on average"),
    MeasureName.REVOCATION_SPEED: MeasureMeaning(
        _DAYS,
        "within so long nine in ten findings about access were gone, of those that closed in the quarter or are open for longer",
        by_rule=True,
    ),
    MeasureName.EXCEPTION_RATE: MeasureMeaning(
        _PERCENT, "findings about access that a waiver accepts, of all that stand"
    ),
    MeasureName.ORPHAN_RATE: MeasureMeaning(_PERCENT, "accounts that nobody answers for"),
    MeasureName.AGENTS_OWNED: MeasureMeaning(_PERCENT, "AI agents that somebody who works here answers for"),
    MeasureName.STANDING_PRIVILEGE: MeasureMeaning(
        _PERCENT, "grants of privileged access that are held all the time, not merely eligible"
    ),
    MeasureName.LEAVERS_OPEN_LATE: MeasureMeaning(
        _NUMBER, "leavers who can sign in somewhere, or may, longer after their end than the failure line of the policy"
    ),
    MeasureName.LEAVERS_IN_TIME: MeasureMeaning(
        _PERCENT, "leavers of the quarter of whom the records prove that access ended within its target"
    ),
    MeasureName.LEAVER_LAG: MeasureMeaning(
        _HOURS, "nine in ten leavers of the quarter lost access within so long of their end, as the records prove"
    ),
    MeasureName.CHANGES_PROVEN: MeasureMeaning(
        _PERCENT, "changes that batches of the quarter carried out, a day ago or before, and two reads proved"
    ),
    MeasureName.TRAINING_DONE: MeasureMeaning(
        _PERCENT, "trainings due by now, by the table of trainings or assigned in a mock audit, that are done and count"
    ),
    MeasureName.RULES_EVALUATED: MeasureMeaning(
        _PERCENT, "rules that had all they need in the newest review", by_rule=True
    ),
    MeasureName.FOLLOWED_UP: MeasureMeaning(
        _PERCENT, "checkpoints of the quarter that were amber or red whose first step was taken in time"
    ),
    MeasureName.MINI_AUDIT_ANSWERED: MeasureMeaning(
        _PERCENT, "questions of the newest mini-audit that somebody answered"
    ),
}
