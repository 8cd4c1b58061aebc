"""What a workspace declares, for a verifier that reads no YAML: the parts that decide three rules and who may sign."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from access_review.revoke.approve import public_keys
from access_review.revoke.sshsig import PublicKeyLine
from access_review.workspace import Workspace

DERIVED = ("access-beyond-role", "leaver-active", "never-allowed")
"""The rules that the second verifier derives by itself."""


@dataclass(frozen=True, slots=True)
class DeclaredTemplate:
    """A role template: whose it is and what it says, each pattern as ``source:kind:name``."""

    role: str
    who: Mapping[str, tuple[str, ...]]
    extends: tuple[str, ...]
    must: tuple[str, ...]
    may: tuple[str, ...]
    eligible: tuple[str, ...]
    never: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeclaredPair:
    """A toxic pair: the patterns of both sides."""

    pair: str
    a: tuple[str, ...]
    b: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeclaredRung:
    """A rung of a ladder: equal columns, what is ignored, and whether a change may rest on it."""

    on: tuple[str, ...]
    ignoring: str | None
    certain: bool


@dataclass(frozen=True, slots=True)
class DeclaredLadder:
    """The ladder of a source; ``same`` are pairs of account and person that its file tells."""

    rungs: tuple[DeclaredRung, ...]
    same: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DeclaredKey:
    """A key that may sign, of a person or, without one, of the unattended job.

    ``origin`` is where a passkey is asked for, unless that is its own host at the usual port.
    """

    person: str
    key: str
    job: bool
    until: date | None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class DeclaredValues:
    """Templates, toxic pairs, ladders and keys as values; ``digest`` is that of the workspace whose files say so.

    ``derived`` are the rules that are derived anew and switched on; ``leaver_grace_hours`` is a setting of one of them.
    """

    digest: str
    mover_grace_seconds: int
    leaver_grace_hours: int
    derived: tuple[str, ...]
    templates: tuple[DeclaredTemplate, ...]
    pairs: tuple[DeclaredPair, ...]
    ladders: Mapping[str, DeclaredLadder]
    approvers: tuple[DeclaredKey, ...]


def values_of(workspace: Workspace) -> DeclaredValues:
    """Return what a workspace declares, as values."""
    policy = workspace.policy
    return DeclaredValues(
        digest=workspace.digest,
        mover_grace_seconds=int(policy.mover_grace.total_seconds()),
        leaver_grace_hours=int(policy.rule("leaver-active").own.get("grace_hours", 0)),
        derived=tuple(name for name in DERIVED if policy.rule(name).enabled),
        templates=tuple(
            DeclaredTemplate(
                one.role,
                {name: tuple(values) for name, values in sorted(one.who.items())},
                tuple(one.extends),
                *(tuple(map(str, patterns)) for patterns in (one.must, one.may, one.eligible, one.never)),
            )
            for one in workspace.templates
        ),
        pairs=tuple(
            DeclaredPair(one.pair, tuple(map(str, one.a)), tuple(map(str, one.b))) for one in workspace.separation.pairs
        ),
        ladders={
            one.name: DeclaredLadder(
                tuple(DeclaredRung(r.on, r.ignoring and str(r.ignoring), r.certain) for r in one.file.match),
                tuple((account, person) for account, person in sorted(one.file.same)),
            )
            for one in workspace.sources
        },
        approvers=tuple(
            DeclaredKey(one.person, one.key, one.job is not None, one.until, _unusual(line))
            for one, line in zip(workspace.approvers.approvers, public_keys(workspace.approvers), strict=True)
        ),
    )


def _unusual(line: PublicKeyLine) -> str:
    return "" if line.origin == f"https://{line.application}" else line.origin
