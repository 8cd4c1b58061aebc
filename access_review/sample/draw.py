"""The weekly sample: who is looked at by a person, chosen so that anyone can check the choice.

Leavers and privileged access are a census. From the rest two draws are made. The
*inference* draw is random and independent each time: only it says how much access
is wrong. The *coverage* draw takes whoever waited longest, so that everyone is seen
in time; it is no random sample and no rate rests on it.

The inference draw is one draw over the whole rest, not one per stratum: what it
holds of a stratum is then a random sample of that stratum too, and both the
whole and each stratum can be judged exactly.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from access_review.errors import ArtifactError
from access_review.policy import Sampling
from access_review.sample import for_clients, rotation
from access_review.sample.choice import Choice, Draw, Pick, Stratum, stratum
from access_review.sample.commitment import commitment, merkle_root, rank, seed
from access_review.sample.for_clients import ClientAims, ClientParts
from access_review.sample.hypergeometric import Size
from access_review.sample.population import ReviewUnit
from access_review.sample.rotation import LastReviewed


@dataclass(frozen=True, slots=True)
class DrawPart:
    """How much of one stratum is looked at."""

    stratum: Stratum
    population: int
    census: int
    inference: int
    coverage: int
    client: int = 0


@dataclass(frozen=True, slots=True)
class Pledge:
    """A key promised for the next draw; ``key`` (hex) is null where the auditor keeps it."""

    commitment: str
    key: str | None = field(default=None, repr=False)


def pledge_elsewhere(commitment: str) -> Pledge:
    """Promise a key that the auditor made and keeps, by its commitment; raises ``ArtifactError`` for what is none."""
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", commitment.strip()):
        hint = "it looks like sha256:… (64 hex digits): the SHA-256 of 32 random bytes"
        raise ArtifactError(f"{commitment.strip()[:80]!r} is no commitment to a key", hint=hint)
    return Pledge(commitment.strip())


def pledge(key: bytes) -> Pledge:
    """Promise a key of 32 bytes or more; whoever calls made it at random and keeps it secret."""
    return Pledge(commitment(key), key.hex())


@dataclass(frozen=True, slots=True)
class Reveal:
    """The key a run used, whether it had been promised before, and what that run promised for the next."""

    key: str
    committed: bool
    next_commitment: str


@dataclass(frozen=True, slots=True)
class SampleState:
    """What reaches from one draw to the next; secret while ``pledge`` holds a key."""

    pledge: Pledge | None = None
    reveals: Mapping[str, Reveal] = field(default_factory=dict)
    coverage: Mapping[str, LastReviewed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """Who is looked at, why so many, and everything needed to choose them again.

    ``committed`` is false where nobody had been promised the key, as in the first
    run. ``overdue`` counts units that no draw reached within the coverage time.
    """

    run: str
    as_of: datetime
    policy: Sampling
    size: Size
    parts: tuple[DrawPart, ...]
    picks: tuple[Pick, ...]
    overdue: int
    reasons: tuple[str, ...]
    committed: bool
    commitment: str
    key: str
    root: str
    seed: str
    next_commitment: str
    carried: tuple[str, ...] = ()
    """Units that the draw before took and nobody reviewed: looked at now whatever else is drawn, but for ``put_off``."""
    put_off: tuple[str, ...] | None = None
    """Those of them for whom there is no room: they add no more work than the draw itself. They are not looked at now,
    count as not tested, and are carried on. Null in a sample from before there was such a bound."""
    clients: ClientParts | None = None
    """What is drawn for the clients that the policy names; null where it names none."""

    @property
    def minutes(self) -> int:
        """Minutes of reviewers' time that are asked for."""
        return len(self.picks) * self.policy.minutes_per_item


def draw(
    units: Sequence[ReviewUnit],
    policy: Sampling,
    state: SampleState,
    *,
    run: str,
    as_of: datetime,
    next_pledge: Pledge,
    key: bytes | None = None,
    carried: Iterable[str] = (),
    taken_back: str = "",
    clients: ClientAims | None = None,
) -> tuple[Sample, SampleState]:
    """Choose who is looked at, and return what the next draw must know.

    The same run drawn again, before another is drawn, gives the same sample, and keeps
    what it promised. A draw whose run is gone (``taken_back``) could have been disliked, so
    another is not called committed. ``carried`` are units that nobody reviewed the last time, ``clients`` those of
    whom something is to be shown by themselves. ``key`` (32
    bytes or more) is given where the auditor keeps it; raises ``ArtifactError`` when it is
    missing, is not the one promised, or is promised again, and ``ValueError`` for a short one.
    """
    reveal = state.reveals.get(run) or _reveal(state, next_pledge, key)
    if taken_back:
        reveal = replace(reveal, committed=False)
    secret = bytes.fromhex(reveal.key)
    if reveal.next_commitment == commitment(secret):
        raise ArtifactError("the key promised next is the one used now", hint="make a new key for the next draw")
    root = merkle_root(unit.unit for unit in units)
    sown = seed(secret, root, run)
    kept = tuple(sorted(set(carried)))
    chosen = Choice(units, policy, run, as_of, sown, state.coverage, kept, bounded=True, clients=clients).chosen()
    rest = [unit.unit for unit in units if not stratum(unit).is_census]
    sample = Sample(
        run=run,
        as_of=as_of,
        policy=policy,
        size=chosen.size,
        parts=_parts(units, chosen.picks),
        picks=chosen.picks,
        overdue=rotation.count_overdue(rest, state.coverage, run=run, as_of=as_of, weeks=policy.coverage_weeks),
        reasons=(),
        committed=reveal.committed,
        commitment=commitment(secret),
        key=reveal.key,
        root=root,
        seed=sown.hex(),
        next_commitment=reveal.next_commitment,
        carried=kept,
        put_off=tuple(sorted(set(kept) - {pick.unit for pick in chosen.picks})),
        clients=chosen.clients,
    )
    sample = replace(sample, reasons=tuple(_reasons(sample, taken_back)))
    seen = rotation.advance_clocks(
        state.coverage, [unit.unit for unit in units], [pick.unit for pick in sample.picks], run=run, as_of=as_of
    )
    promised = state.pledge if run in state.reveals else next_pledge
    return sample, SampleState(promised, {**state.reveals, run: reveal}, seen)


def _reveal(state: SampleState, next_pledge: Pledge, key: bytes | None) -> Reveal:
    """The key of a new run: the one promised, or in the first run one given or derived."""
    promised = state.pledge
    if promised is None:
        given = key.hex() if key else next_pledge.key
        if given is None:
            raise ArtifactError("no key was promised and none is given", hint="give a key for the first draw")
        # Publishing what is derived tells nothing of the key it is derived from.
        used = given if key else rank(bytes.fromhex(given), "first run").hex()
        return Reveal(used, committed=False, next_commitment=next_pledge.commitment)
    kept = key.hex() if key else promised.key
    if kept is None:
        raise ArtifactError("the key of this draw is not here", hint="the auditor keeps it: ask for it")
    if commitment(bytes.fromhex(kept)) != promised.commitment:
        raise ArtifactError("the key is not the one promised", hint=f"promised was {promised.commitment}")
    return Reveal(kept, committed=True, next_commitment=next_pledge.commitment)


def _parts(units: Iterable[ReviewUnit], picks: Iterable[Pick]) -> tuple[DrawPart, ...]:
    there = Counter(stratum(unit) for unit in units)
    picked = Counter((pick.stratum, pick.draw) for pick in picks)
    order = (Draw.CENSUS, Draw.INFERENCE, Draw.COVERAGE, Draw.CLIENT)
    return tuple(DrawPart(s, there[s], *(picked[s, how] for how in order)) for s in Stratum)


def _reasons(sample: Sample, taken_back: str) -> Iterator[str]:
    """Say why so many, and what is wrong with the draw."""
    policy, count = sample.policy, len(sample.picks)
    by_stratum = {part.stratum: part for part in sample.parts}
    also = sum(part.coverage for part in sample.parts)
    hours = count * policy.minutes_per_item / 60
    yield f"all {by_stratum[Stratum.LEAVERS].population} leavers and missing people who still have accounts"
    yield f"all {by_stratum[Stratum.PRIVILEGED].population} who hold privileged access"
    yield sample.size.reason
    yield f"{also} more, so that everyone is seen within {policy.coverage_weeks} weeks"
    yield f"{count} in all at {policy.minutes_per_item} minutes each: {hours:.1f} reviewer hours"
    waited, put_off = len(sample.carried), len(sample.put_off or ())
    if waited:
        yield f"{waited - put_off} that the audit before drew and nobody reviewed are among them"
    if put_off:
        yield f"{put_off} more that nobody reviewed are not asked about again now: they count as not tested"
    if sample.overdue:
        yield f"{sample.overdue} were not seen within {policy.coverage_weeks} weeks and are drawn now"
    if not sample.committed:
        yield "uncommitted: no key had been promised before this draw, so the choice could have been steered"
    yield from for_clients.reasons(sample.clients.parts if sample.clients else ())
    if taken_back:
        yield f"drawn again: what was drawn in {taken_back} is gone"


def remember_unseen(before: SampleState, after: SampleState) -> SampleState:
    """Keep the clocks of those whom a draw did not see where not all accounts were read: they may be there still."""
    return replace(after, coverage={**before.coverage, **after.coverage})


def not_reviewed(state: SampleState, sample: Sample, reviewed: Iterable[str]) -> SampleState:
    """Let the units that nobody looked at wait on from where they were before the sample was drawn."""
    missed = {pick.unit for pick in sample.picks} - set(reviewed)
    return replace(state, coverage=rotation.set_clocks_back(state.coverage, missed, run=sample.run))


def verify(
    sample: Sample,
    units: Sequence[ReviewUnit],
    key: bytes,
    *,
    published: str | None = None,
    seen: Mapping[str, LastReviewed] | None = None,
) -> tuple[str, ...]:
    """Choose again from the frozen population and the revealed key; return what does not agree, nothing being good.

    ``published`` is the commitment as it was published before the draw. Without
    ``seen``, the coverage as it was before, the coverage draw is not repeated;
    nothing is inferred from it.
    """
    wrong = [] if commitment(key) == sample.commitment else ["the key does not fit the commitment"]
    if published is not None and published != sample.commitment:
        wrong.append("the commitment is not the one published before the draw")
    root = merkle_root(unit.unit for unit in units)
    sown = seed(key, root, sample.run)
    if root != sample.root:
        wrong.append("the population is not the one that was frozen")
    if sown.hex() != sample.seed:
        wrong.append("the seed does not follow from key, population and run")
    bounded = sample.put_off is not None
    aims = sample.clients.aims if sample.clients else None
    again = Choice(
        units, sample.policy, sample.run, sample.as_of, sown, seen or {}, sample.carried, bounded=bounded, clients=aims
    ).chosen()
    if again.clients != sample.clients:
        wrong.append("what is drawn for single clients is another number")
    if again.size != sample.size:
        wrong.append(f"{again.size.units} were to be drawn, {sample.size.units} are said to be")
    for how in Draw:
        if how is Draw.COVERAGE and seen is None:
            continue
        if {p for p in again.picks if p.draw is how} != {p for p in sample.picks if p.draw is how}:
            wrong.append(f"the {how} draw is another one")
    if _parts(units, sample.picks) != sample.parts:
        wrong.append("the counts of the strata are others")
    return tuple(wrong)
