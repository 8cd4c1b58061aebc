"""Why a finding gives no change: a code that decides, the facts behind it, and the one place that puts it into words.

Whoever decides (whether a change is refused or skipped, what is shown first) reads the code.
The sentence is for people: it may be reworded without anything else changing.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Annotated

from pydantic import Field


class WithheldCode(StrEnum):
    """Why something is withheld. Of several protections of one thing the first in this order of their values is named."""

    BREAK_GLASS = "break-glass"
    OPERATOR = "operator"
    PROTECTED_BY_SOURCE = "protected-by-source"
    PROTECTED_IN_POLICY = "protected-in-policy"
    LAST_HOLDERS = "last-holders"

    INCOMPLETE = "incomplete"
    NOT_CHECKED = "not-checked"

    UNDECIDED = "undecided"
    NOT_ONE_ACCOUNT = "not-one-account"
    NOT_AN_ENTITLEMENT = "not-an-entitlement"
    NO_OWN_GRANT = "no-own-grant"
    ACCOUNT_ITSELF = "account-itself"
    MASTERED_ELSEWHERE = "mastered-elsewhere"

    ORIGIN_DISABLED = "origin-disabled"
    ALREADY_DISABLED = "already-disabled"
    OTHERS_DEPEND = "others-depend"
    ENABLED_UNKNOWN = "enabled-unknown"

    ID_MAY_CHANGE = "id-may-change"
    LOOKALIKE = "lookalike"
    QUARANTINED = "quarantined"
    OWNER_UNKNOWN = "owner-unknown"
    OWNER_GUESSED = "owner-guessed"
    OWNER_DOUBTFUL = "owner-doubtful"
    STATUS_UNCERTAIN = "status-uncertain"
    STILL_ASSIGNED = "still-assigned"
    NOT_OVER_YET = "not-over-yet"

    PARTLY_EXPECTED = "partly-expected"
    ROLES_UNKNOWN = "roles-unknown"
    ALLOWED = "allowed"
    RESTRICTS = "restricts"
    EXEMPTS = "exempts"
    DISTRIBUTION = "distribution"
    EFFECT_UNKNOWN = "effect-unknown"
    LICENCE = "licence"
    CARRIES_LICENCE = "carries-licence"
    NOT_REMOVABLE = "not-removable"
    NO_ACTION = "no-action"
    NESTING_GONE = "nesting-gone"
    NESTING_NOT_REMOVABLE = "nesting-not-removable"
    NESTING_IS_NO_MEMBERSHIP = "nesting-is-no-membership"

    LOSS_OWNER_UNCERTAIN = "loss-owner-uncertain"
    LOSS_STATUS_UNCERTAIN = "loss-status-uncertain"
    LOSS_EXPECTED = "loss-expected"
    LOSS_OF_EFFECT = "loss-of-effect"
    LOSS_OF_LICENCE = "loss-of-licence"
    GROUP_LIMIT = "group-limit"
    PROOF_FINDS = "proof-finds"
    PROOF_LOSES = "proof-loses"
    NOT_GIVEN_BACK = "not-given-back"
    NOT_WOUND_DOWN = "not-wound-down"
    NOT_STANDING = "not-standing"


PROTECTIONS = frozenset(
    {
        WithheldCode.BREAK_GLASS,
        WithheldCode.OPERATOR,
        WithheldCode.PROTECTED_BY_SOURCE,
        WithheldCode.PROTECTED_IN_POLICY,
        WithheldCode.LAST_HOLDERS,
    }
)
"""What nobody may overlook: shown first, and refused whenever it holds."""

_UNREAD = frozenset({WithheldCode.INCOMPLETE, WithheldCode.NOT_CHECKED})

UNDECIDED = "what to do is for a person to decide"
"""Why findings of some rules never become changes by themselves."""

SENTENCES = {
    WithheldCode.BREAK_GLASS: "protected: a break-glass account",
    WithheldCode.OPERATOR: "protected: it belongs to an operator or to whoever asks for this plan",
    WithheldCode.PROTECTED_BY_SOURCE: "protected: its source says: {detail}",
    WithheldCode.PROTECTED_IN_POLICY: "protected: roles/policy.yaml names it",
    WithheldCode.LAST_HOLDERS: "protected: {name} would have {holders} usable holders left, and {keep} must stay",
    WithheldCode.INCOMPLETE: "withheld: {name} incomplete: {detail}",
    WithheldCode.NOT_CHECKED: "withheld: {detail}",
    WithheldCode.UNDECIDED: "{rule}: " + UNDECIDED,
    WithheldCode.NOT_ONE_ACCOUNT: "it is not about one account",
    WithheldCode.NOT_AN_ENTITLEMENT: "it is not about something that an account holds",
    WithheldCode.NO_OWN_GRANT: "no grant of the account's own leads there",
    WithheldCode.ACCOUNT_ITSELF: "a reviewer wants the account itself gone",
    WithheldCode.MASTERED_ELSEWHERE: "{name} follows a grant in another system: it is taken away there",
    WithheldCode.ORIGIN_DISABLED: "the account it is synced from, {name}, is disabled already",
    WithheldCode.ALREADY_DISABLED: "the account is disabled already: see what it was used for",
    WithheldCode.OTHERS_DEPEND: "a {kind} account: others may depend on it",
    WithheldCode.ENABLED_UNKNOWN: "whether the account is enabled is not known",
    WithheldCode.ID_MAY_CHANGE: "the id of {name} may change: nothing is planned on it",
    WithheldCode.LOOKALIKE: "its name looks like that of another account",
    WithheldCode.QUARANTINED: "quarantined: {detail}",
    WithheldCode.OWNER_UNKNOWN: "nobody is known to own it: {link}",
    WithheldCode.OWNER_GUESSED: "who owns it is a guess ({link})",
    WithheldCode.OWNER_DOUBTFUL: "it is in doubt whether it is {owner}'s, or {other}'s",
    WithheldCode.STATUS_UNCERTAIN: "the person is {status}: missing is not terminated",
    WithheldCode.STILL_ASSIGNED: "the roster says left, and an assignment has not ended",
    WithheldCode.NOT_OVER_YET: "the last day is not certainly over yet",
    WithheldCode.PARTLY_EXPECTED: "part of what {name} gives is expected",
    WithheldCode.ROLES_UNKNOWN: "no role of the holder is known, so neither is what is expected",
    WithheldCode.ALLOWED: "a role of the holder allows it",
    WithheldCode.RESTRICTS: "the group restricts: taking it away may loosen what its members can do",
    WithheldCode.EXEMPTS: "it is an exemption: what ends with it is not known",
    WithheldCode.DISTRIBUTION: "it is a distribution list: mail would stop",
    WithheldCode.EFFECT_UNKNOWN: "what it does is not known",
    WithheldCode.LICENCE: "it is a licence: mailbox and files may go with it",
    WithheldCode.CARRIES_LICENCE: "{name} carries a licence: mailbox and files may go with it",
    WithheldCode.NOT_REMOVABLE: "it cannot be taken away here: {detail}",
    WithheldCode.NO_ACTION: "it is held as {via}, which has no action of its own",
    WithheldCode.NESTING_GONE: "the nesting it is about is not there",
    WithheldCode.NESTING_NOT_REMOVABLE: "the nesting cannot be cut: {detail}",
    WithheldCode.NESTING_IS_NO_MEMBERSHIP: "the nesting is no membership ({why})",
    WithheldCode.LOSS_OWNER_UNCERTAIN: "{account} would lose {name}, and who owns it is not certain",
    WithheldCode.LOSS_STATUS_UNCERTAIN: "{account} would lose {name}, and the person is {status}",
    WithheldCode.LOSS_EXPECTED: "{account} would lose {name}, which is expected",
    WithheldCode.LOSS_OF_EFFECT: "{account} would leave {name}, whose effect is: {effect}",
    WithheldCode.LOSS_OF_LICENCE: "{account} would lose the licence {name}",
    WithheldCode.GROUP_LIMIT: "with the rest of the plan {name} would lose more of its members than the limit allows",
    WithheldCode.PROOF_FINDS: "the proof fails: {rule} would still or newly be found ({detail})",
    WithheldCode.PROOF_LOSES: "the proof fails: {account} would lose {name}, which is expected",
    WithheldCode.NOT_GIVEN_BACK: "not given back: {detail}",
    WithheldCode.NOT_WOUND_DOWN: "the wind-down {name} does not cover it: {detail}",
    WithheldCode.NOT_STANDING: "the standing removal does not cover it: {detail}",
}
"""What people read, with the facts in their places."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why one finding gives no change, and what a person can do instead.

    ``facts`` are what the sentence names. ``about`` is the thing that the reason holds for,
    where that is another than the one asked about.
    """

    code: WithheldCode
    facts: tuple[tuple[str, str], ...] = ()
    alternatives: tuple[str, ...] = ()
    about: str = ""

    @property
    def reason(self) -> str:
        """The sentence."""
        return SENTENCES[self.code].format(**dict(self.facts)) + (f" ({self.about})" if self.about else "")

    @property
    def protected(self) -> bool:
        """Tell whether a protection refuses it, which nobody may overlook."""
        return self.code in PROTECTIONS

    @property
    def refuses(self) -> bool:
        """Tell whether it must not be done by anybody's word: it is protected, or what it rests on was not read."""
        return self.protected or self.code in _UNREAD


def withheld(code: WithheldCode, *alternatives: str, **facts: object) -> Withheld:
    """Return a reason with its facts by the names that the sentence has for them."""
    return Withheld(code, tuple((name, str(value)) for name, value in facts.items()), alternatives)


def recognised(sentence: str) -> Withheld | None:
    """Return what a sentence of a plan that was read says; nothing for one that this version would not write.

    It is for showing alone: a plan that was read decides nothing by its sentences.
    """
    for code, form in _forms():
        if said := form.fullmatch(sentence):
            facts = said.groupdict(default="")
            about = facts.pop("about_", "")
            return Withheld(code, tuple(facts.items()), (), about)
    return None


@cache
def _forms() -> tuple[tuple[WithheldCode, re.Pattern[str]], ...]:
    """Return how the sentence of each code reads: those with most words of their own first."""
    forms = []
    for code, sentence in SENTENCES.items():
        parts = re.split(r"\{(\w+)\}", sentence)
        said = "".join(f"(?P<{part}>.*?)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
        forms.append((sum(map(len, parts[::2])), code, re.compile(said + r"(?: \((?P<about_>[^()]*)\))?", re.DOTALL)))
    return tuple((code, form) for _, code, form in sorted(forms, key=lambda one: (-one[0], one[1])))


@dataclass(frozen=True, slots=True)
class ToPerson:
    """Findings that no plan settles, why not, and what a person can do.

    ``why`` is what the reason was made of. It is not in the file: a plan that was read has none.
    """

    findings: tuple[str, ...]
    reason: str
    ways_out: tuple[str, ...] = ()
    why: Annotated[Withheld | None, Field(exclude=True)] = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, findings: tuple[str, ...], why: Withheld) -> "ToPerson":
        """Return findings that are left to a person for one reason."""
        return cls(findings, why.reason, why.alternatives, why)
