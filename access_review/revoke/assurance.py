"""Whether a person said something with a key of their own, or whether their name was typed: what a file says of it is not believed."""

from collections.abc import Iterable

from access_review.errors import PlanRefused
from access_review.revoke import statements
from access_review.revoke.approve import Signatories, StatementKind, enrolled, public_keys
from access_review.settings.approvers import Approvers


def is_authenticated(
    envelopes: Iterable[bytes],
    kind: StatementKind,
    digest: str,
    person: str,
    approvers: Approvers,
    people: Signatories,
    workspace: str,
) -> bool:
    """Tell whether a person signed a digest in this workspace, with a key of theirs that held on that day."""
    lines = public_keys(approvers)
    for data in envelopes:
        try:
            signed = statements.open_statement(data, lines)
        except PlanRefused:
            continue
        said = signed.statement
        if (said.kind, said.digest, said.person, said.workspace) == (kind, digest, person, workspace) and any(
            people.by_name.get(key.person.casefold()) == frozenset({person})
            for key in enrolled(approvers, signed.keys, said.at.date())
        ):
            return True
    return False
