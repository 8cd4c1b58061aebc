"""A plan as the files of its folder: the record, and the lists and the script that people work by."""

from collections.abc import Mapping

from access_review.changes import Capabilities
from access_review.plan import record
from access_review.plan.record import Plan
from access_review.views import plan_files, powershell


def files(plan: Plan, reasons: Mapping[str, str], capabilities: Mapping[str, Capabilities]) -> dict[str, bytes]:
    """Return JSON, CSV, XLSX and PowerShell by file name; ``reasons`` says why of each finding, ``capabilities`` what each source can do."""
    return {
        "plan.json": record.write(plan),
        "plan.csv": plan_files.csv(plan, reasons),
        "plan.xlsx": plan_files.xlsx(plan, reasons),
        "undo.ps1" if plan.gives_back else "revoke.ps1": powershell.script(plan, capabilities),
    }
