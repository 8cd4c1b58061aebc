"""What the files of a workspace may say.

Each model is the contract of one file: unknown keys, numbers where names belong and values out of range are errors.
Editors get the same contract as JSON Schema (``roles/schemas/``).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    model_validator,
)

from access_review.model import Options

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: Any) -> timedelta:
    """Read ``30m``, ``24h``, ``5d`` or ``2w``; raises ``ValueError``."""
    if isinstance(text, timedelta):
        return text
    match = re.fullmatch(r"(\d{1,6})([mhdw])", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no duration; write for example 30m, 24h, 5d or 2w")
    found = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if found > timedelta(days=36_525):  # a moment so long before or after has a date still
        raise ValueError(f"{text!r} is longer than a hundred years")
    return found


Duration = Annotated[
    timedelta, BeforeValidator(duration), WithJsonSchema({"type": "string", "pattern": r"^\d{1,6}[mhdw]$"})
]


@dataclass(frozen=True, slots=True, order=True)
class Pattern:
    """Entitlements named as ``source:kind:name``, where ``*`` stands for any text; letter case does not count."""

    source: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.source}:{self.kind}:{self.name}"

    @property
    def exact(self) -> bool:
        """Tell whether the pattern names one thing rather than many."""
        return "*" not in str(self)


def pattern(text: Any) -> Pattern:
    """Read a pattern; raises ``ValueError``."""
    if isinstance(text, Pattern):
        return text
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not text; write it in quotes")  # noqa: TRY004 - pydantic reports ValueError
    parts = text.split(":", 2)
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"{text!r} does not name an entitlement; write source:kind:name, as in ad:group:Finance-*")
    return Pattern(*parts)


PatternText = Annotated[
    Pattern, BeforeValidator(pattern), WithJsonSchema({"type": "string", "pattern": "^[^:]+:[^:]+:.+$"})
]
Texts = tuple[str, ...]
OneOrMore = Annotated[
    Texts,
    BeforeValidator(lambda v: (v,) if isinstance(v, str) else v),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
Percent = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Whole = Annotated[StrictInt, Field(ge=0)]


class File(BaseModel):
    """A part of a workspace file: nothing unknown, nothing changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Ignored(StrEnum):
    """What two values may differ in and still be taken for one."""

    CASE = "case"
    """``k7`` and ``K7``; of ids alone, since mails, names and attributes are compared so anyway."""
    LEADING_ZEROS = "leading-zeros"
    """``00123`` and ``123``."""
    DOMAIN = "domain"
    """``ACME\\ana`` and ``ana``."""
    MAIL_DOMAIN = "mail-domain"
    """``ana@old.test``, ``ana@new.test``, ``ACME\\ana`` and ``ana``."""
    NAME_ORDER = "name-order"
    """``Cruz, Ana`` and ``Ana Cruz``."""


_IGNORED_WORDS = {
    Ignored.CASE: "in any case of letters",
    Ignored.LEADING_ZEROS: "without leading zeros",
    Ignored.DOMAIN: "without the domain",
    Ignored.MAIL_DOMAIN: "by the part before @",
    Ignored.NAME_ORDER: "in any order of names",
}
_NEVER_CERTAIN = (Ignored.MAIL_DOMAIN, Ignored.NAME_ORDER)
_NEAR = 0.75
"""So alike is a name that is meant to be a column of every roster, and would match nobody: ``male`` and ``mail``."""


class Rung(File):
    """One step of the ladder from accounts to people: equal columns, and whether a change may rest on it.

    The second column is ``person`` (the id), ``mail``, ``name`` or any HR attribute that a roster maps.
    """

    on: Annotated[tuple[str, ...], Field(min_length=2, max_length=2)]
    ignoring: Ignored | None = None
    certain: StrictBool = True

    @model_validator(mode="after")
    def _known(self) -> Self:
        account, person = self.on
        if account not in ACCOUNT_COLUMNS or not person:
            raise ValueError(
                f"on: {list(self.on)} is not [account column, person column]; accounts have "
                f"{', '.join(ACCOUNT_COLUMNS)}, people have {', '.join(PERSON_COLUMNS)} and what a roster maps"
            )
        near = get_close_matches(person, PERSON_COLUMNS, 1, _NEAR)
        if self.attribute and near and abs(len(person) - len(near[0])) <= 1:
            raise ValueError(
                f"on: {list(self.on)} looks misspelt: write {near[0]}, or give the HR attribute {person!r} a name less like it"
            )
        if self.certain and self.ignoring in _NEVER_CERTAIN:
            raise ValueError(
                f"ignoring: what matches {_IGNORED_WORDS[self.ignoring]} is a guess, and no change may rest on it: "
                "write certain: false beside it"
            )
        return self

    @property
    def attribute(self) -> str | None:
        """The HR attribute that the second column is, or nothing where every roster has that column."""
        return None if self.on[1] in PERSON_COLUMNS else self.on[1]

    @property
    def label(self) -> str:
        """Name the rung, and what it ignores."""
        return " ".join((" = ".join(self.on), *([_IGNORED_WORDS[self.ignoring]] if self.ignoring else [])))


ACCOUNT_COLUMNS = ("employee_id", "mail", "principal_name", "name", "display_name", "native_id")
PERSON_COLUMNS = ("person", "mail", "name")


def pair_of_ids(value: Any) -> tuple[str, str]:
    """Read two ids; raises ``ValueError``."""
    pair = tuple(value) if isinstance(value, list | tuple) else ()
    if len(pair) != 2 or not all(isinstance(one, str) and one.count(":") >= 2 for one in pair):
        raise ValueError(f"{value!r} is no pair of ids; write for example [ad:user:…, hr:person:1001]")
    return str(pair[0]), str(pair[1])


PairOfIds = Annotated[
    tuple[str, str],
    BeforeValidator(pair_of_ids),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}),
]


class SourceFile(File):
    """``sources/<name>.yaml``: which connector reads the source, and how its accounts are matched to people.

    ``accept_fewer`` is a day: until then, and for a week at most, it is right that the source holds much less than before.
    From the day ``retired`` on the source is not read, and its people are forgotten.

    What nobody can tell from columns is settled by ids: ``same`` says whose an account is, before any
    rung; ``not_same`` says of an account and a person, or of two people, that they do not belong together.
    """

    connector: str
    options: Options = {}
    match: tuple[Rung, ...] = ()
    accept_fewer: date | None = None
    retired: date | None = None
    same: tuple[PairOfIds, ...] = ()
    not_same: tuple[PairOfIds, ...] = ()

    def nearly(self, mapped: Collection[str]) -> list[tuple[int, str]]:
        """Return the places of rungs that ask for an attribute that no roster maps and that is nearly one, and which."""
        asked = [(index, rung.attribute) for index, rung in enumerate(self.match)]
        near = [(i, get_close_matches(a, sorted(mapped), 1, _NEAR)) for i, a in asked if a and a not in mapped]
        return [(index, found[0]) for index, found in near if found]


class TemplateTest(File):
    """What a template must say of somebody who holds some entitlements."""

    has: Texts
    expect: Literal["ok"] | Texts


class CourseBefore(File):
    """A ``course`` that whoever holds some of what a role allows must have done ``before``."""

    course: str
    before: Annotated[tuple[PatternText, ...], Field(min_length=1)]


class Template(File):
    """``roles/templates/<role>.yaml``: what holders of a role must, may and must never have."""

    role: str
    who: Mapping[str, OneOrMore] = {}
    extends: Texts = ()
    must: tuple[PatternText, ...] = ()
    may: tuple[PatternText, ...] = ()
    never: tuple[PatternText, ...] = ()
    eligible: tuple[PatternText, ...] = ()
    training: tuple[str | CourseBefore, ...] = ()
    review_by: date | None = None
    tests: tuple[TemplateTest, ...] = ()


class RoleExpectation(File):
    """What must come out for a person of the roster, by id, name or mail, or for whoever has some attributes.

    ``roles`` and ``not_roles`` are roles that they must and must not have, ``may`` and ``may_not`` what these roles
    must and must not allow, ``must`` what must be a duty.
    """

    person: str | None = None
    attributes: Mapping[str, str] = {}
    roles: Texts = ()
    not_roles: Texts = ()
    must: tuple[PatternText, ...] = ()
    may: tuple[PatternText, ...] = ()
    may_not: tuple[PatternText, ...] = ()

    @model_validator(mode="after")
    def _about_somebody(self) -> Self:
        if bool(self.person) == bool(self.attributes):
            raise ValueError("name a person, or attributes")
        if not (self.roles or self.not_roles or self.must or self.may or self.may_not):
            raise ValueError("expects nothing: give roles, not_roles, must, may or may_not")
        return self


class RoleExpectations(File):
    """``roles/expectations.yaml``: what ``roles test`` holds the templates to."""

    expectations: tuple[RoleExpectation, ...] = ()


class ToxicPair(File):
    """Two sets of entitlements nobody may hold together."""

    pair: str
    a: Annotated[tuple[PatternText, ...], Field(min_length=1)]
    b: Annotated[tuple[PatternText, ...], Field(min_length=1)]
    reason: str = ""


class Separation(File):
    """``roles/separation.yaml``: the toxic pairs."""

    pairs: tuple[ToxicPair, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        unique("pair", [p.pair for p in self.pairs])
        return self


LONGEST_WIND_DOWN = timedelta(days=92)


class WindDown(File):
    """``roles/wind-downs/NAME.yaml``: a ``client`` that ends, or those ``who`` have some attributes, as a site that closes.

    ``expected`` is how many people lose their access by it in all, from the day ``since`` to the day ``until``.
    """

    client: str = ""
    who: Mapping[str, OneOrMore] = {}
    expected: Annotated[StrictInt, Field(ge=1, le=1_000_000)]
    since: date
    until: date
    reason: Annotated[str, Field(min_length=1, max_length=2000)]

    @model_validator(mode="after")
    def _of_some(self) -> Self:
        """Hold it to one kind of people, and to a quarter of a year."""
        if bool(self.client.strip()) == bool(self.who):
            raise ValueError("whose access ends: either client, or who, as {site: Cebu}")
        if not all(values and all(value.strip() for value in values) for values in self.who.values()):
            raise ValueError("who: each attribute has the values that are meant")
        if not self.since <= self.until <= self.since + LONGEST_WIND_DOWN:
            raise ValueError(f"until: between since and {LONGEST_WIND_DOWN.days} days after it")
        return self

    @property
    def of(self) -> str:
        """Whose access ends, in words."""
        return self.client or ", ".join(f"{key} {' or '.join(values)}" for key, values in sorted(self.who.items()))


Assured = Literal["authenticated", "claimed"]


class Waiver(File):
    """One accepted finding. What is missing here is a finding of its own (``waiver-incomplete``).

    ``asked_as`` and ``approved_as`` say whether that person signed with a key, or whether a name was typed.
    """

    waiver: str
    rule: str
    subject: str
    about: str | None = None
    reason: str | None = None
    asked_by: str | None = None
    approver: str | None = None
    ticket: str | None = None
    expires: date | None = None
    asked_as: Assured | None = None
    approved_as: Assured | None = None

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it does not say, or says blankly, of why, by whom, under which ticket and until when."""
        said = {"reason": self.reason, "approver": self.approver, "ticket": self.ticket, "expires": self.expires}
        return tuple(name for name, value in said.items() if not str(value or "").strip())


class Waivers(File):
    """``roles/waivers.yaml``: the exception log."""

    waivers: tuple[Waiver, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        unique("waiver", [w.waiver for w in self.waivers])
        return self


def unique(what: str, names: list[str]) -> None:
    """Hold names to be one each; raises ``ValueError``."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} {twice[0]!r} stands twice")
