"""What ``roles/policy.yaml`` may say of the removals that two people sign beforehand, for whoever moved on."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictInt

from access_review.settings import File, Pattern, PatternText, Texts

MoverRule = Literal["mover-kept-access", "client-boundary", "never-allowed"]


def _exact(named: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
    """Hold each name to one thing: what is signed must not grow by itself."""
    if many := next((one for one in named if not one.exact), None):
        raise ValueError(f"{many} stands for many; each is named by itself, as ad:group:Finance-Read")
    return named


class StandingRemoval(File):
    """Which access may go without asking each time: findings of which rules, of which entitlements, how many changes in any 24 hours, until when.

    ``tell`` are those who hear of what was done, by id, name or mail, beside the manager and the two who signed.
    """

    rules: Annotated[tuple[MoverRule, ...], Field(min_length=1)]
    entitlements: Annotated[tuple[PatternText, ...], Field(min_length=1), AfterValidator(_exact)]
    daily: Annotated[StrictInt, Field(ge=1, le=1000)]
    until: date
    tell: Texts = ()
