"""When batches proved a way to sign in gone, from their journals.

A disabled account is proven by two reads that agree and lie apart. The first of the two
is the instant: the account was off by then, and the second says that it was no accident.
"""

from datetime import datetime
from pathlib import Path

from access_review.plan import read
from access_review.planning.change import Action
from access_review.revocation.journal import Journal
from access_review.revocation.protocol import State


def proven(workspace: Path) -> dict[tuple[str, str], datetime]:
    """Return by person and system when every account that batches disabled there was proven off.

    What was given back since, or is not proven yet, gives nothing. Raises ``ArtifactError`` for a damaged journal.
    """
    found: dict[tuple[str, str], datetime] = {}
    for path in sorted((workspace / "runs").glob("*/*/journal.sqlite")):
        plan = read((path.parent / "plan.json").read_bytes())
        of_leavers = {c.id: c.target for c in plan.changes if c.action is Action.DISABLE_ACCOUNT and c.target.person}
        with Journal(path, plan.digest) as journal:
            seen = {row.change: row.at for row in journal.changes if row.state is State.PENDING}
            for change, target in of_leavers.items():
                if journal.standing(change).state is State.REVOKED and target.person:
                    key = target.person, target.source
                    found[key] = max(seen[change], found.get(key, seen[change]))
    return found
