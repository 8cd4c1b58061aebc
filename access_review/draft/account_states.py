"""What the words of a column say of accounts: whether each can be used, and where the same column says it, as what."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from access_review.draft.columns import ColumnLook
from access_review.draft.headers import meant, plain_header
from access_review.draft.languages import folded
from access_review.draft.powerful import powerful_names
from access_review.draft.sign_in_words import can_sign_in, is_turned

_ROLE = re.compile(
    r"((primary|workspace|org|organi[sz]ation|account|super|global|billing|team|system|single|multi|channel|full|external|"
    r"limited|standard|basic|free|paid|read ?only) )*"
    r"(members?|admins?|administrators?|owners?|guests?|users?|viewers?|editors?|contributors?|collaborators?|agents?|"
    r"managers?|bots?|apps?|developers?|authors?|approvers?|auditors?)"
)
"""What somebody is in a service, and no state of an account."""
_LOCK = re.compile(
    r"^((user|account) )?(is )?(locked|lock|lock status|disabled|blocked|gesperrt|sperre|inactive|deactivated)$"
)
_OWNER = re.compile(r"\bowners?$")


@dataclass(frozen=True, slots=True)
class AccountStates:
    """Words with which an account can be used and cannot; ``roles`` are those of the first that say as what."""

    yes: tuple[str, ...]
    no: tuple[str, ...]
    roles: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def powerful(self) -> list[str]:
        """The roles that are powerful by their names."""
        return sorted(
            {*powerful_names(self.roles), *(role for role in self.roles if _OWNER.search(plain_header(role)))}
        )


def empty_states(columns: Sequence[ColumnLook]) -> list[str]:
    """Say of columns that are headed like a lock and have nothing in any row that they say nothing."""
    return [
        f"{one.name} is empty in every row, and is not read: whether the accounts can be used is not known"
        for one in columns
        if one.rows and not one.filled and _LOCK.search(meant(one.name))
    ]


def account_states(column: ColumnLook) -> AccountStates:
    """Tell what each word of a column means; a role is one where another word says that an account is shut."""
    turned = is_turned(column.name)
    means = {one.word: can_sign_in(one.word, column.name) for one in column.words}
    unknown = [word for word, can in means.items() if can is None]
    mixed = False in means.values() and not turned
    roles = [word for word in unknown if mixed and _ROLE.fullmatch(folded(plain_header(word)))]
    yes = [word for word, can in means.items() if can or word in roles]
    no = [word for word, can in means.items() if can is False]
    doubts = []
    if unknown := [word for word in unknown if word not in roles]:
        said = f"whether accounts with {column.name} {', '.join(unknown)} can be used is not known"
        doubts.append(f"{said}: put the words under enabled")
    if roles:
        doubts.append(
            f"{column.name} says both whether an account can be used and as what: {', '.join(roles)} are taken for roles"
        )
    if column.filled < column.rows:
        said = f"{column.name} is empty in {column.rows - column.filled:,} rows: whether those accounts can be used is not known"
        doubts.append(f'{said}; if they can, add `blank: "yes"` to enabled')
    if turned:
        doubts.append(
            f"{column.name} is read the other way round: {', '.join(no) or 'yes'} means that nobody can sign in"
        )
    true, false = ("false", "true") if turned else ("true", "false")
    return AccountStates(tuple(yes) or (true,), tuple(no) or (false,), tuple(roles), tuple(doubts))
