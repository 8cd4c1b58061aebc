"""Findings: what the rules report, with a stable identity across runs.

``finding`` is the hash of rule, subject and about, so the same thing wrong next week is
the same finding: new, open, waived or closed. What an incomplete source does not show
concludes nothing: findings that rest on it are withheld and said to be, and none is
closed by it.
"""

from access_review.findings.conclusion import READS, conclude, without_moot
from access_review.findings.format_1 import register
from access_review.findings.hits import Evaluation, Gaps, evaluate

__all__ = ["READS", "Evaluation", "Gaps", "conclude", "evaluate", "register", "without_moot"]
