"""What all pages share: the workspace, who is signed in with which roles, the audit that goes on."""

import os
import threading
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from access_review import runs, workspace
from access_review.audit.reviewers import People
from access_review.errors import ArtifactError, Unclear
from access_review.explain.account_access import AccessFacts
from access_review.model import Clock
from access_review.runs import Run
from access_review.settings.web import Overseer, Web
from access_review.stages.sign_in import Claims, NotKnown, WebRole, certain_owners, find_person
from access_review.store import audits, logged, reviews, rosters
from access_review.store.recalled import stamp_of
from access_review.web.sessions import Sessions
from access_review.web.sign_in import IdentityProvider
from access_review.workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who is signed in, by id, and what they may; ``clients`` are those that they see, none for all."""

    person: str
    name: str
    roles: frozenset[WebRole]
    clients: tuple[str, ...] = ()

    @property
    def sees(self) -> tuple[str, ...]:
        """The clients that they see alone; none for all of them, as auditors do."""
        return () if WebRole.AUDITOR in self.roles else self.clients


_HOLDS = 30.0
"""Seconds for which what took long to find is shown again, to everybody who may see the same."""
_MOST_HELD = 64


@dataclass(frozen=True, slots=True)
class _Held:
    at: float
    same: Hashable
    value: Any


@dataclass
class Site:
    """One workspace as it is served."""

    folder: Path
    clock: Clock
    provider: IdentityProvider
    sessions: Sessions
    secure: bool = True
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _read: tuple[object, Workspace] | None = None
    _people: tuple[object, People] | None = None
    _owning: threading.Lock = field(default_factory=threading.Lock)
    _owners: tuple[object, Mapping[str, str]] | None = None
    _asking: threading.Lock = field(default_factory=threading.Lock)
    _facts: tuple[Run, AccessFacts, Callable[[], None]] | None = None
    _making: threading.Lock = field(default_factory=threading.Lock)
    _made: dict[Hashable, _Held] = field(default_factory=dict)

    @property
    def cookie(self) -> str:
        """The name of the cookie; under TLS one that no other host can set."""
        return "__Host-session" if self.secure else "session"

    def workspace(self) -> Workspace:
        """Return the workspace as its files are now, read anew where one changed; raises ``WorkspaceError``."""
        stamp = [(name, stamp_of(name)) for name in _declarations(str(self.folder))]
        with self._lock:
            if self._read is None or self._read[0] != stamp:
                self._read = (stamp, workspace.load(self.folder))
            return self._read[1]

    @property
    def web(self) -> Web:
        """What the policy says of these pages; raises ``Unclear`` where it says nothing any more."""
        found = self.workspace().policy.web
        if found is None:
            raise Unclear("roles/policy.yaml says nothing of web any more", hint="declare `web` again")
        return found

    def audit(self) -> Run | None:
        """Return the run of the audit that goes on, or of the last; nothing before the first."""
        try:
            run, _ = audits.newest(self.folder)
        except ArtifactError:
            if logged.known(self.folder) is not None and audits.all_audits(self.folder):
                raise
            return None
        return run

    def people(self) -> People:
        """Return who works here now, by the newest rosters."""
        found = runs.all_runs(self.folder)
        now = self.clock.now()
        stamp = [f"{now:%Y-%m-%d %H:%M}", *(run.id for run in found)]
        with self._lock:
            if self._people is None or self._people[0] != stamp:
                known = logged.known_runs(self.folder)
                self._people = (stamp, rosters.people_now(known[0], now) if known else People({}, {}, frozenset()))
            return self._people[1]

    def person_of(self, claims: Claims) -> str | NotKnown:
        """Return who somebody is by the newest reviewed run, or why they are nobody; raises as :func:`certain_owners` does."""
        run, declared, web = logged.newest_reviewed(self.folder), self.workspace(), self.web
        return find_person(run, web, claims, self._owners_in(run, declared, web.sign_in.source) if run else {})

    def _owners_in(self, run: Run, declared: Workspace, source: str) -> Mapping[str, str]:
        """Return the certain owners of a run, found once: each page asks whose the account is that somebody came with."""
        stamp = (run.id, reviews.written(run), declared.digest, source)
        with self._owning:
            if self._owners is None or self._owners[0] != stamp:
                self._owners = (stamp, certain_owners(run, declared, source))
            return self._owners[1]

    def signed_in(self, person: str, claims: Claims) -> Viewer | None:
        """Return :meth:`viewer` of who signed in with these claims; nothing where the account is theirs no more."""
        return self.viewer(person) if self.person_of(claims) == person else None

    def viewer(self, person: str) -> Viewer | None:
        """Return somebody with what the policy lets them do now; nothing for who has left."""
        people = self.people()
        if person not in people.here:
            return None
        declared, web = self.workspace(), self.web
        today = self.clock.now().date()
        roles = {WebRole.REVIEWER}
        may = (one for one in declared.approvers.approvers if one.until is None or today <= one.until)
        if any("approve" in one.may and people.who(one.person) == person for one in may):
            roles.add(WebRole.APPROVER)
        seen = _overseer(web, people, person)
        if seen is not None:
            roles.add(WebRole.OPERATIONS)
        if any(people.who(name) == person for name in web.auditors):
            roles.add(WebRole.AUDITOR)
        return Viewer(person, people.names[person], frozenset(roles), seen.clients if seen else ())

    @contextmanager
    def facts(self, run: Run) -> Iterator[AccessFacts]:
        """Give the facts of a run, opened once and asked by one request at a time."""
        declared = self.workspace()
        with self._asking:
            if self._facts is None or self._facts[0] != run:
                self.close()
                # Requests come in many contexts; what is opened in one of its own is closed there.
                stack, context = ExitStack(), copy_context()
                opened = context.run(stack.enter_context, reviews.opened(declared, run))
                self._facts = (run, AccessFacts(opened.engine, declared), lambda: context.run(stack.close))
            yield self._facts[1]

    def remembered(self, what: Hashable, make: Callable[[], T], *, while_same: Hashable = None) -> T:
        """Return what was made of the same moments ago, or while something is the same, else make it.

        One request makes at a time, so that what many ask for is made once.
        """
        with self._making:
            now, held = self.sessions.tick(), self._made.get(what)
            if held is None or held.same != while_same or (while_same is None and now - held.at > _HOLDS):
                self._made.pop(what, None)
                held = _Held(now, while_same, make())
                while len(self._made) >= _MOST_HELD:
                    del self._made[next(iter(self._made))]
                self._made[what] = held
        value: T = held.value
        return value

    def close(self) -> None:
        """Close what is open."""
        if self._facts:
            self._facts[2]()
            self._facts = None


def _declarations(folder: str) -> Iterator[str]:
    """Yield the files that declare a workspace, sorted; with the system's own calls, since each page asks several times."""
    for part in ("sources", "roles"):
        for place, folders, names in os.walk(f"{folder}/{part}"):
            folders[:] = sorted(folders) if part == "roles" else ()
            yield from (f"{place}/{name}" for name in sorted(names) if name.endswith(".yaml"))


def _overseer(web: Web, people: People, person: str) -> Overseer | None:
    return next((one for one in web.operations if people.who(one.person) == person), None)
