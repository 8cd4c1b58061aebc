"""What was planted: the findings that a review must give, and what looks wrong and is not.

An entry is written by whoever plants the problem, at the same time and from the
same intent; nothing here is taken from what the review says.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Planted:
    """A finding to be expected: names as ``source:kind:name``, or as the rule itself names the thing."""

    rule: str
    subject: str
    about: str | None = None
    why: str = ""
    waived: bool = False


@dataclass(frozen=True, order=True)
class Decoy:
    """Something that looks wrong and is not: no finding of ``rules`` may be about it."""

    subject: str
    why: str
    rules: tuple[str, ...] = ()


@dataclass
class Scenario:
    """Everything planted so far."""

    planted: list[Planted] = field(default_factory=list)
    decoys: list[Decoy] = field(default_factory=list)

    def plant(self, rule: str, subject: str, about: str | None, why: str, *, waived: bool = False) -> None:
        """Note a finding to come; planting the same one twice is a mistake in the scenario."""
        if any((p.rule, p.subject, p.about) == (rule, subject, about) for p in self.planted):
            raise ValueError(f"{rule} for {subject} about {about} is planted twice")
        self.planted.append(Planted(rule, subject, about, why, waived))

    def decoy(self, subject: str, why: str, *rules: str) -> None:
        """Note something that must stay quiet."""
        self.decoys.append(Decoy(subject, why, rules))

    def each(self, rule: str, subjects: Iterable[tuple[str, str | None]], why: str) -> None:
        """Note several findings of one rule that have one reason."""
        for subject, about in subjects:
            self.plant(rule, subject, about, why)
