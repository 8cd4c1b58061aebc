"""What an audit says beyond what was found: what it rests on, what stands out, and what is likely to fail next."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypedDict

from access_review.draft.predicted import PredictedRisk
from access_review.explain.coverage import Coverage
from access_review.model import JsonObject
from access_review.views import coverage, predicted
from access_review.views.report_contents import UnusualLine


class AuditedValue(TypedDict):
    """The part of ``audit --json`` that stands in the report as well.

    ``unusual`` is the grants that stand out most, each with place, score, person, entitlement, holders, people and reason;
    null where there are too many people to look. ``predicted`` is null where earlier decisions cannot be read.
    """

    coverage: Any
    unusual: list[JsonObject] | None
    predicted: predicted.PredictedRiskValue | None


def value(rests_on: Coverage, unusual: Sequence[UnusualLine] | None, risk: PredictedRisk | None) -> AuditedValue:
    """Return it as the JSON that scripts read."""
    return {
        "coverage": coverage.value(rests_on),
        "unusual": None if unusual is None else [asdict(one) for one in unusual],
        "predicted": predicted.risk(risk),
    }
