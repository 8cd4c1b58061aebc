"""What can go wrong, as one tree.

::

    AccessReviewError                       exit
    ├── WorkspaceError      2   sources/ or roles/ cannot be used as written; has file:line:column
    │   └── RosterFault     2   a roster breaks its guard: empty, cut short, malformed
    ├── Unclear             2   what was asked for is not there, or could be several things
    ├── ConnectorError      1   a source could not be read or changed; names the source
    │   └── Transient           the same call may succeed later
    ├── ArtifactError       1   a snapshot, plan or journal is damaged, altered or too new
    ├── RuleError           1   a rule broke its contract; names the rule
    └── PlanRefused         4   must not be made, or must not be applied
        ├── StalePlan
        └── LimitExceeded

Every error says what happened (its message) and what to do next (its hint).
Not errors: a row that cannot be used (table ``problems``), a rule without its
inputs (*not evaluated*), a change that failed (its outcome).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar, Self, TypeVar

T = TypeVar("T")


class AccessReviewError(Exception):
    """The root: anything not below it is a bug and shows its traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def in_a_line(self) -> str:
        """What happened, for where there is room for one line."""
        return " ".join(self.message.split("\n"))


def said_by_the_system(error: OSError) -> str:
    """Return what the operating system refused, in one line, behind the place where it did."""
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One thing wrong at one place in a file a person wrote; lines and columns start at 1, 0 is unknown."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class WorkspaceError(AccessReviewError):
    """``sources/`` or ``roles/`` cannot be used as written."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", mistakes: Sequence[Mistake] = ()) -> None:
        super().__init__(message, hint=hint)
        self.mistakes = tuple(sorted(mistakes))

    @property
    def in_a_line(self) -> str:
        """What happened: of several mistakes the first, and how many more there are."""
        if not self.mistakes:
            return super().in_a_line
        more = len(self.mistakes) - 1
        return f"{self.mistakes[0]}" + (f"; and {more:,} more" if more else "")

    @classmethod
    def of(cls, mistakes: Sequence[Mistake], *, hint: str = "") -> Self:
        """Report every mistake at once, in the order of the files."""
        count = len(mistakes)
        message = "1 mistake" if count == 1 else f"{count} mistakes"
        return cls(message, hint=hint, mistakes=mistakes)


class RosterFault(WorkspaceError):
    """A roster breaks its guard, so nothing may be concluded from who is not in it."""


def every(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Return what every call returns; raises one ``WorkspaceError`` with the mistakes of all calls that raise one.

    It is a ``RosterFault`` where one of them is.
    """
    found: list[T] = []
    wrong: list[WorkspaceError] = []
    for call in calls:
        try:
            found.append(call())
        except WorkspaceError as error:
            wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        kind = next((type(error) for error in wrong if isinstance(error, RosterFault)), WorkspaceError)
        mistakes = [one for e in wrong for one in e.mistakes or (Mistake("sources", 0, 0, e.message, e.hint),)]
        hints = dict.fromkeys(error.hint for error in wrong if error.mistakes and error.hint)
        raise kind.of(mistakes, hint="; ".join(hints))
    return found


class Unclear(AccessReviewError):
    """What was asked for is not there, or could be several things."""

    exit_code = 2


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three names that are nearly one, or of which it is a word, the nearest first; case makes no difference."""
    folded = {one.casefold(): one for one in sorted(known)}
    wanted = name.casefold()
    near = [folded[found] for found in get_close_matches(wanted, folded, 3)]
    return near or [one for found, one in folded.items() if wanted and wanted in found.split()][:3]


def no_such(what: str, name: str, known: Iterable[str], *, more: str = "", all_of_them: str = "") -> Unclear:
    """Return the error that ``what`` has no such name, with the nearest that there is, or else with all of them.

    ``all_of_them`` is what lists them, where they are too many to be named. A part of a name that is a word of it is near too.
    """
    named = sorted(known)
    near = near_names(name, named)
    listed = f"all of them: {all_of_them}" if all_of_them else f"known: {', '.join(named)}"
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else listed
    return Unclear(f"{what} {name!r}", hint=f"{hint}{more}")


class ConnectorError(AccessReviewError):
    """A source could not be read or changed."""

    def __init__(self, source: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"{source}: {message}", hint=hint)
        self.source = source


class Transient(ConnectorError):
    """A source could not be reached now; the same call may succeed later."""


class ArtifactError(AccessReviewError):
    """A file this tool wrote is damaged, altered, or from a newer version."""


class RuleError(AccessReviewError):
    """A rule broke its contract."""

    def __init__(self, rule: str, message: str, *, hint: str = "") -> None:
        super().__init__(f"rule {rule}: {message}", hint=hint)
        self.rule = rule


class PlanRefused(AccessReviewError):
    """A plan must not be made, or must not be applied."""

    exit_code = 4


class StalePlan(PlanRefused):
    """The plan has expired, or the world it was made from has changed."""


class LimitExceeded(PlanRefused):
    """The plan would change more than the limits allow."""
