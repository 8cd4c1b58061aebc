"""A plan as the files of its folder: the record, the lists that people work by, and the program that reads the record."""

from collections.abc import Mapping

from access_review.plan import record
from access_review.plan.record import Plan
from access_review.views import carry_out, plan_files


def files(plan: Plan, reasons: Mapping[str, str]) -> dict[str, bytes]:
    """Return JSON, CSV, XLSX and the PowerShell program by file name; ``reasons`` says why of each finding.

    There is no program where there is nothing to carry out.
    """
    made = {
        "plan.json": record.write(plan),
        "plan.csv": plan_files.csv(plan, reasons),
        "plan.xlsx": plan_files.xlsx(plan, reasons),
    }
    return made | ({carry_out.NAME: carry_out.program()} if plan.changes else {})


def obsolete(written: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the files that an earlier plan of the folder may have left, and that do not go with this one."""
    return () if carry_out.NAME in written else (carry_out.NAME,)
