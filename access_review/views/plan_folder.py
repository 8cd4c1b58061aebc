"""A plan as the files of its folder: the record, the lists that people work by, and the program that reads the record."""

from collections.abc import Mapping

from access_review.plan import record
from access_review.plan.record import Plan
from access_review.views import carry_out, plan_files


def files(plan: Plan, reasons: Mapping[str, str]) -> dict[str, bytes]:
    """Return JSON, CSV, XLSX and the PowerShell program by file name; ``reasons`` says why of each finding."""
    return {
        "plan.json": record.write(plan),
        "plan.csv": plan_files.csv(plan, reasons),
        "plan.xlsx": plan_files.xlsx(plan, reasons),
        carry_out.NAME: carry_out.program(),
    }
