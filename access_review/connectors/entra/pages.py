"""Collections of Graph objects, page by page, and whether all of one arrived.

A *collection* is named by its place: ``users``, ``groups/<id>/members``. A door
(:data:`Pages`) yields the pages of one; :class:`PagedCollection` turns pages into objects
and keeps the verdict. The same reading serves saved pages and the live service.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from access_review.connectors.contradictions import are_many
from access_review.connectors.entra.properties import Object
from access_review.connectors.entra.queries import BY_PART
from access_review.connectors.entra.saved_forms import NotReadError, Page, as_page, unbatched
from access_review.guarded_files.plain import followed, read_plain

Pages = Callable[[str], Iterator[Page]]

__all__ = ["AbsentError", "NotReadError", "Page", "PagedCollection", "Pages", "SavedPages"]

LARGEST = 2 * 2**30
"""Bytes of one saved page; Graph itself sends none of more than some megabytes."""

# An id may hold nothing that means something in an id of ours; the ids in a file name are held to less still.
_ID = re.compile(r"[^\s:/\\@\x00-\x1f]+")
_SAFE = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*")


class AbsentError(NotReadError):
    """Nobody tried to read the collection, or the reader has no permission for it."""


@dataclass
class PagedCollection:
    """The objects of one collection, each id once; ``faults`` says afterwards why it is not complete.

    ``torn`` are those that arrived twice and differ. Where each is in doubt ``alone``, few of them are no fault.
    """

    collection: str
    pages: Iterator[Page]
    received: int = 0
    expected: int | None = None
    started: bool = False
    absent: bool = False
    nameless: int = 0
    alone: bool = False
    torn: dict[str, None] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    unread: int = 0
    _seen: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Tell whether everything arrived; meaningful when the objects are used up."""
        return self.started and not self.faults

    @property
    def reason(self) -> str:
        """Say why it is not complete."""
        return "; ".join(dict.fromkeys(self.faults))

    def objects(self) -> Iterator[Object]:
        """Yield the objects as they arrive."""
        try:
            for value in self._values():
                yield from self._fresh(value)
        except NotReadError as error:
            self.absent = isinstance(error, AbsentError) and not self.started
            self.faults.append(str(error))
        if self.torn and (not self.alone or are_many(len(self.torn), self.received)):
            self.faults.append(f"id {min(self.torn)} arrived twice and differs")
        if self.nameless:
            self.faults.append(f"{self.nameless} without a usable id")
        if self.expected is not None and self.expected != self.received:
            self.faults.append(f"{self.received} received, the server counted {self.expected}")

    def _values(self) -> Iterator[list[Any]]:
        following: str | None = None
        followed: set[str] = set()
        for page in self.pages:
            if self.started and following is None:
                raise NotReadError("a page follows the one that ends the collection")
            if following in followed:
                raise NotReadError("a nextLink leads back to a page already read")
            if following is not None:
                followed.add(following)
            value = listed(page)
            self._check_context(page)
            self.started = True
            # Not every page repeats the count, and the last one that does is right.
            count = page.get("@odata.count")
            self.expected = count if isinstance(count, int) else self.expected
            yield value
            following = next_link(page)
        if not self.started:
            raise NotReadError("no page was read")
        if following is not None:
            raise NotReadError("the last page has a nextLink, the page it leads to was not read")

    def _fresh(self, value: list[Any]) -> Iterator[Object]:
        for thing in value:
            if not _is_object(thing):
                self.nameless += 1
                continue
            print_ = hash(json.dumps(thing, sort_keys=True))
            if thing["id"] not in self._seen:
                self._seen[thing["id"]] = print_
                self.received += 1
                yield thing
            elif self._seen[thing["id"]] != print_:
                self.torn[thing["id"]] = None

    def _check_context(self, page: Page) -> None:
        """Refuse a page of another collection, where Graph's context says so."""
        context = str(page.get("@odata.context", "")).partition("$metadata#")[2]
        named = re.match(r"(\w+)\('([^')]+)'\)/(\w+)", context)
        parts = self.collection.split("/")
        if named and len(parts) == 3 and named[2].lower() != parts[1].lower():
            raise NotReadError(f"a page belongs to {named[1]}/{named[2]}/{named[3]}")
        top = re.match(r"(users|groups|servicePrincipals|applications)\b(?!\(')", context)
        if top and len(parts) == 1 and parts[0] in _TOP and top[1] != parts[0]:
            raise NotReadError(f"a page belongs to {top[1]}")


_TOP = frozenset({"users", "groups", "servicePrincipals", "applications"})


def listed(page: Page) -> list[Any]:
    """Return what a page lists; raises ``NotReadError`` for one without a list, which says nothing of what is there."""
    value = page.get("value") if isinstance(page, Mapping) else None
    if not isinstance(value, list):
        raise NotReadError(f"a page has no list of values{_error(page)}")
    return value


def listed_objects(page: Page) -> list[Object]:
    """Return the objects that a page lists; raises ``NotReadError`` where something in it is no object with an id."""
    things = listed(page)
    if not all(map(_is_object, things)):
        raise NotReadError("a page lists something without a usable id")
    return things


def next_link(page: Page) -> str | None:
    """Return the link to the page that follows, null after the last; raises ``NotReadError`` for what is no link."""
    link = page.get("@odata.nextLink")
    if link is not None and not isinstance(link, str):
        raise NotReadError("a page has a nextLink that is no text")
    return link


def _is_object(thing: Any) -> bool:
    return isinstance(thing, dict) and isinstance(thing.get("id"), str) and bool(_ID.fullmatch(thing["id"]))


def _error(page: Any) -> str:
    """Quote the code of a Graph error document saved as a page."""
    error = page.get("error") if isinstance(page, Mapping) else None
    return f": {error['code']}" if isinstance(error, Mapping) and isinstance(error.get("code"), str) else ""


@dataclass
class SavedPages:
    """The door to saved pages, which knows what nobody asked for.

    Without ``names``, a collection ``A/<id>/B`` is the file ``A/<id>/B.json`` or, if
    there is none, the responses with that id in the ``$batch`` answers saved as
    ``A/B.json``; a list is also found in any case, and by the path that Graph was asked for; further files are ``.2.json``, ``.3.json``. With ``names``, each
    collection is exactly the file named for it.
    """

    folder: Path
    names: Mapping[str, str] | None = None
    _batches: dict[str, dict[str, list[Object]]] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _files: dict[str, Path] = field(default_factory=dict)

    def __call__(self, collection: str) -> Iterator[Page]:
        """Yield the saved pages of a collection; raises ``NotReadError`` where they are not whole, or not there."""
        self._asked.add(collection)
        if not all(_SAFE.fullmatch(part) for part in collection.split("/")):
            raise NotReadError("its id cannot stand in a file name")
        if self.names is not None:
            if collection not in self.names:
                raise AbsentError("not saved")
            yield from _pages(self.folder / self.names[collection])
            return
        first = self._first(collection)
        owner, _, last = collection.rpartition("/")
        parent, _, native = owner.rpartition("/")
        if first.exists() or not parent:
            yield from _pages(first)
            return
        batch = f"{parent}/{last}"
        if batch not in self._batches:
            self._batches[batch] = _responses(self.folder / f"{batch}.json")
        yield from _answers(self._batches[batch].get(native))

    def _first(self, collection: str) -> Path:
        """Return the file of a collection: by its name in any case, or where it lies by the path that Graph was asked for."""
        named = self.folder / f"{collection}.json"
        query = BY_PART.get(collection)
        if query is None or named.exists():
            return named
        if not self._files:
            self._files.update(
                {str(path.relative_to(self.folder)).casefold(): path for path in self.folder.rglob("*.json")}
            )
        asked = (f"{name}.json".casefold().replace("/", os.sep) for name in (collection, query.path.removeprefix("/")))
        return next((self._files[name] for name in asked if name in self._files), named)

    def unasked(self, part: str) -> list[str]:
        """Return the ids of which a collection of a part, as ``groups/members``, is saved and was not asked for."""
        parent, _, last = part.partition("/")
        if self.names is not None:
            there = {name for name in self.names if name.startswith(f"{parent}/") and name.endswith(f"/{last}")}
        else:
            files = self.folder.glob(f"{parent}/*/{last}.json")
            there = {path.relative_to(self.folder).with_suffix("").as_posix() for path in files}
            there |= {f"{parent}/{native}/{last}" for native in self._batches.get(part, ())}
        return sorted(name.split("/")[1] for name in there - self._asked)


def _pages(first: Path) -> Iterator[Page]:
    for page in _files(first):
        yield unbatched(page, first.name)


def _files(first: Path) -> Iterator[Page]:
    """Yield the page of ``first`` and of the numbered files that follow it."""
    if not first.is_file():
        raise AbsentError("not saved")
    numbered = re.compile(re.escape(first.stem) + r"\.(\d+)\.json", re.IGNORECASE)
    later = sorted((int(m[1]), path) for path in first.parent.iterdir() if (m := numbered.fullmatch(path.name)))
    if [number for number, _ in later] != list(range(2, len(later) + 2)):
        raise NotReadError(f"{first.name}: the numbers of its further pages have a gap")
    for path in (first, *(path for _, path in later)):
        yield _load(path)


def _load(path: Path) -> Page:
    try:
        page = json.loads(
            read_plain(followed(path), LARGEST)
        )  # in any encoding of Unicode: PowerShell's > writes UTF-16
    except (OSError, ValueError, RecursionError) as error:
        raise NotReadError(f"{path.name} is not readable as JSON: {error}") from error
    if page == [] and path.stem.partition(".")[0] in _TOP:
        raise NotReadError(f"{path.name} is an empty list, which a failed read looks like")
    return as_page(page, path.name)


def _responses(first: Path) -> dict[str, list[Object]]:
    """Return the responses of saved ``$batch`` answers by their id, in the order they stand."""
    found: dict[str, list[Object]] = {}
    for answer in _files(first):
        responses = answer.get("responses")
        if not isinstance(responses, list):
            raise NotReadError(f"{first.name} is not the answer to a $batch")
        for response in responses:
            if isinstance(response, dict) and isinstance(response.get("id"), str):
                found.setdefault(response["id"], []).append(response)
    return found


def _answers(responses: list[Object] | None) -> Iterator[Page]:
    """Yield the pages among one id's responses; a refusal counts unless a later response succeeded."""
    if not responses:
        raise AbsentError("not saved")
    good = [r["body"] for r in responses if r.get("status") == 200 and isinstance(r.get("body"), dict)]
    yield from good
    if responses[-1].get("status") != 200:
        raise NotReadError(f"status {responses[-1].get('status')}{_error(responses[-1].get('body'))}")
