"""The certificate of access removal: what can be proved of one leaver, and why it cannot be where it cannot."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from access_review.offboarding.leaver import AccessItem, AccessState, Leaver, Leavers, LeaverStatus, System

CERTIFICATE = "access-review/access-removal@1"

APART = timedelta(minutes=15)
"""Two reads that agree must be at least so far apart to prove that access is gone."""


@dataclass(frozen=True, slots=True)
class EndBounds:
    """A moment between two, in ISO 8601; null where a bound is not known."""

    earliest: str | None
    latest: str | None


@dataclass(frozen=True, slots=True)
class CertifiedCheck:
    """How one item of the check list stands, and the names of what it is about; ``reason`` may be empty."""

    state: str
    about: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class CertifiedSystem:
    """One source: the moments (ISO 8601) between which access was gone, and each check by its item."""

    source: str
    last_seen_open: str | None
    first_seen_gone: str | None
    verified: str | None
    checks: Mapping[str, CertifiedCheck]


@dataclass(frozen=True, slots=True)
class RemovalCertificate:
    """A certificate of access removal, as it is written: moments in ISO 8601, the target in minutes.

    ``judged`` is a value of ``Late``: how the time that access was open compares with the target.
    """

    person: str
    name: str
    run: str
    snapshot: str
    as_of: str
    notified: str | None
    effective: EndBounds
    first_seen: str | None
    gone: str | None
    target_minutes: float
    judged: str
    systems: tuple[CertifiedSystem, ...]


def why_not(leaver: Leaver, as_of: datetime, written: Mapping[str, datetime] = MappingProxyType({})) -> str:
    """Say why no certificate can be given of a leaver, or nothing.

    ``written`` is when the export of a source was, where it is one: read twice, it is one read.
    """
    if leaver.standing is not LeaverStatus.LEFT:
        return "has not left"
    if not leaver.systems:
        return "no account was ever seen, so there is no removal to certify"
    for state in (AccessState.OPEN, AccessState.UNKNOWN):
        items = [
            f"{system.source}: {check.item}"
            for system in leaver.systems
            for check in system.checks
            if check.state is state
        ]
        if items:
            return f"{state}: {', '.join(items)}"
    read_at = {system.source: min(as_of, written.get(system.source, as_of)) for system in leaver.systems}
    once = [system.source for system in leaver.systems if not _proved(system, read_at[system.source])]
    if once:
        anew = "export and " if any(source in written for source in once) else ""
        return f"{', '.join(once)}: seen gone once only; {anew}collect again {APART.seconds // 60} minutes later"
    return ""


def _proved(system: System, read_at: datetime) -> bool:
    """Tell whether two reads far enough apart agree that nobody can sign in, the later at a moment."""
    if system.state(AccessItem.SIGN_IN) is AccessState.NONE or system.verified_at is not None:
        return True
    return system.first_gone_at is not None and read_at - system.first_gone_at >= APART


def certify(leaver: Leaver, leavers: Leavers) -> RemovalCertificate:
    """Return the certificate of one of the ``leavers``; raises ``ValueError`` where none can be given (:func:`why_not`)."""
    if reason := why_not(leaver, leavers.as_of):
        raise ValueError(reason)
    return RemovalCertificate(
        person=leaver.person,
        name=leaver.name,
        run=leavers.run,
        snapshot=leavers.snapshot,
        as_of=leavers.as_of.isoformat(),
        notified=_iso(leaver.notified_at),
        effective=EndBounds(_iso(leaver.left_at_earliest), _iso(leaver.left_at_latest)),
        first_seen=_iso(leaver.first_seen_left_at),
        gone=_iso(leaver.gone_at),
        target_minutes=leaver.clock.target.total_seconds() // 60,
        judged=str(leaver.clock.late),
        systems=tuple(_certified(system) for system in leaver.systems),
    )


def contradiction(given: RemovalCertificate, leavers: Leavers) -> str:
    """Say how a certificate differs from what its run says of the leaver, or nothing.

    What was merely seen twice when it was given may have been proven by a batch since: a moment more is no contradiction.
    """
    leaver = next((one for one in leavers.leavers if one.person == given.person), None)
    if leaver is None:
        return "is of nobody who leaves by the records of its run"
    if reason := why_not(leaver, leavers.as_of):
        return f"cannot be given by the records of its run: {reason}"
    now = certify(leaver, leavers)
    pairs = list(zip(given.systems, now.systems, strict=False))
    for before, later in pairs:
        if before.verified not in {None, later.verified}:
            return f"says of {before.source} another moment of proof than the records of its run"
    proven_since = any(before.verified != later.verified for before, later in pairs)
    same = _without_proof(given) == _without_proof(now) if proven_since else given == now
    return "" if same else "says something else than the records of its run"


def _without_proof(certificate: RemovalCertificate) -> RemovalCertificate:
    """Return what does not follow from when it was proven."""
    systems = tuple(replace(one, verified=None) for one in certificate.systems)
    return replace(certificate, systems=systems, gone=None, judged="")


def _certified(system: System) -> CertifiedSystem:
    return CertifiedSystem(
        source=system.source,
        last_seen_open=_iso(system.last_open_at),
        first_seen_gone=_iso(system.first_gone_at),
        verified=_iso(system.verified_at),
        checks={
            str(check.item): CertifiedCheck(str(check.state), tuple(check.done), check.reason)
            for check in system.checks
        },
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
