"""The words of what follows: steps and root causes, without anything heavy, since the command line offers them."""

from enum import StrEnum


class LadderStep(StrEnum):
    """What follows when a checkpoint is not green, in this order."""

    ISOLATE = "isolate"
    INVESTIGATE = "investigate"
    REMEDIATE = "remediate"
    REINFORCE = "reinforce"


class RootCause(StrEnum):
    """Where something came from: what was read, a rule, a mover, a nesting, a template, people, or something else."""

    SOURCE = "source"
    RULE = "rule"
    MOVER = "mover"
    NESTING = "nesting"
    TEMPLATE = "template"
    PEOPLE = "people"
    OTHER = "other"


class MockStep(StrEnum):
    """The steps of a mock audit, in this order; opening it is the first."""

    REVIEW = "review"
    ENGAGE = "engage"
    ARCHITECT = "architect"
    CONTROL = "control"
    TEST = "test"
