"""Who answers: the manager or owner by default, a delegate while somebody is away, a client's lead where there is nobody."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from access_review.audit.worklist import UNASSIGNED, WorkItem, Worklist, fold, sort_key
from access_review.policy import Reviewing
from access_review.tables import Row


@dataclass(frozen=True, slots=True)
class People:
    """The people of the rosters by everything they go by, folded; who could be several people is nobody."""

    known: Mapping[str, str]
    names: Mapping[str, str]
    here: frozenset[str]
    unread: frozenset[str] = frozenset()
    """Those whose row cannot be used now, so that nobody knows whether they work here."""
    mails: Mapping[str, str] = field(default_factory=dict)
    managers: Mapping[str, str] = field(default_factory=dict)

    def who(self, name: str) -> str | None:
        """Return the person of an id, name or mail; one who works here."""
        person = self.known.get(fold(name))
        return person if person in self.here else None

    def why_nobody(self, name: str) -> tuple[str, str]:
        """Say why a name is nobody who works here, and what to do about it: somebody who left is told from a stranger."""
        person = self.known.get(fold(name))
        if person is None:
            return f"{name!r} is nobody of the rosters who works here now", "give the id, name or mail of one person"
        if person in self.unread:
            return (
                f"whether {self.names[person]} ({person}) works here now is not known: the roster cannot be used for it",
                "see what is wrong with it: access-review check",
            )
        return (
            f"{self.names[person]} ({person}) does not work here now, as far as the rosters say",
            "name somebody who does",
        )

    def alike(self, one: str, other: str) -> bool:
        """Tell whether two persons could be one: the same person, or two whose names look the same."""
        names = [bare(self.names.get(person, "")) for person in (one, other)]
        return one == other or (bool(names[0]) and names[0] == names[1])

    def is_own(self, person: str, own: Iterable[str]) -> bool:
        """Tell whether access is a person's own, or of somebody of that name, by all that its holder goes by, folded.

        A second row of a roster, as of somebody hired again, is no second person.
        """
        names, name = set(own), bare(self.names.get(person, ""))
        # Asked of each item: what the holder goes by is looked up, and not all that everybody does.
        known = fold(person) in names or any(self.known.get(one) == person for one in names)
        return known or (bool(name) and name in map(bare, names))


def bare(name: str) -> str:
    """Return a name without what makes look-alikes differ: case, white space, marks, widths, order of its words."""
    letters = (one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    return " ".join(sorted(fold("".join(letters)).replace(",", " ").split()))


def people_of(people: Iterable[Row]) -> People:
    """Return the people as they are called, from rows of the table ``people``; agents answer for nothing."""
    meant: dict[str, set[str]] = defaultdict(set)
    rows = [row for row in people if row["kind"] != "agent"]
    for row in rows:
        for name in ("person", "native_id", "name", "mail"):
            if row[name]:
                meant[fold(row[name])].add(row["person"])
    return People(
        known={name: next(iter(persons)) for name, persons in meant.items() if len(persons) == 1},
        names={row["person"]: row["name"] or row["person"] for row in rows},
        here=frozenset(row["person"] for row in rows if row["status"] in {"active", "leave"}),
        unread=frozenset(row["person"] for row in rows if row["status"] == "unknown"),
        mails={row["person"]: row["mail"] for row in rows if row["mail"]},
        managers={row["person"]: row["manager"] for row in rows if row["manager"]},
    )


def route(work: Worklist, reviewing: Reviewing, people: People, today: date) -> Worklist:
    """Hand items on as the policy says. Nobody is handed an item about their own access."""
    items = (_routed(item, reviewing, people, today) for item in work.items)
    return replace(work, items=tuple(sorted(items, key=sort_key)))


def _routed(item: WorkItem, reviewing: Reviewing, people: People, today: date) -> WorkItem:
    if item.reviewer == UNASSIGNED:
        leads = (people.who(reviewing.client_leads[name]) for name in item.clients if name in reviewing.client_leads)
        return _to(item, next((lead for lead in leads if lead and not people.is_own(lead, item.own)), None), people)
    for one in reviewing.delegates:
        if people.who(one.person) == item.reviewer and one.since <= today <= one.until:
            delegate = people.who(one.delegate)
            return _to(item, delegate if delegate and not people.is_own(delegate, item.own) else None, people)
    return item


def _to(item: WorkItem, person: str | None, people: People) -> WorkItem:
    return replace(item, reviewer=person, reviewer_name=people.names[person]) if person else item
