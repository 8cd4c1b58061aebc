"""Check what people signed, in a pack of evidence: by the keys enrolled then, of what lies beside it, and by what a key counted before."""

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from access_review.errors import PlanRefused
from access_review.logbook.lines import Logbook
from access_review.revoke import approve, statements
from access_review.revoke.approve import Signatories, Statement, StatementKind
from access_review.revoke.sshsig import Attended
from access_review.revoke.statements import SignedStatement
from access_review.runs import Run
from access_review.settings.approvers import Approvers
from access_review.store import files, logbook, packs, plans
from access_review.workspace import Workspace


@dataclass
class HeldStatements:
    """What the runs of a pack say of keys and people, and what keys counted so far, by fingerprint and count."""

    enrolled: list[tuple[datetime, Approvers, Signatories]] = field(default_factory=list)
    counted: MutableMapping[tuple[str, int], str] = field(default_factory=dict)

    def add(self, run: Run, at: datetime, known: Workspace) -> Iterator[str]:
        """Hold each signature in a run to the keys enrolled then, and to the plan beside it; yield what is wrong."""
        paths = packs.statement_files(run)
        people = packs.signatories_of(run, known, [*paths, *_of_no_run(run.folder.parent.parent)])
        self.enrolled.append((at, known.approvers, people))
        for path in paths:
            place = path.relative_to(run.folder.parent).as_posix()
            try:
                statement, said = _read(files.content(path, statements.LARGEST), known.approvers, people)
            except PlanRefused as error:
                yield f"{place}: {error.message}"
                continue
            yield from self._copied(place, statement, said)
            plan = path.parent.parent / "plan.json"
            of_plan = path.parent.name == "approvals" and statement.kind is not StatementKind.WITHDRAWAL
            if of_plan and logbook.mark_of(plan).digest != statement.digest:
                yield f"{place}: signs another plan than the one beside it"

    def of_no_run(self, folder: Path, log: Logbook, told: list[str]) -> Iterator[str]:
        """Hold what was signed and belongs to no run to the keys that any run knows; yield what is wrong.

        What was signed before the first of them, or after the last, by a key that none knows is ``told``: nothing here shows whose it is.
        """
        for path in _of_no_run(folder):
            place, data = path.relative_to(folder).as_posix(), files.content(path, statements.LARGEST)
            try:
                found = self._anybodys(data)
                statement = statements.payload_of(data)
            except PlanRefused as error:
                yield f"{place}: {error.message}"
                continue
            if found is None:
                told.append(f"{place}: is signed by a key that no run of the pack enrolled")
            else:
                yield from self._copied(place, *found)
            if statement.head is not None and (statement.workspace != log.workspace or statement.run):
                yield f"{place}: was said of a run, or in another workspace"
            yield from _words(folder, place, statement)

    def _anybodys(self, data: bytes) -> tuple[Statement, Mapping[str, Attended]] | None:
        """Return what is said, by a key and people that some run knows; nothing for a key that none does, from another time.

        Raises ``PlanRefused``.
        """
        refused = PlanRefused("no run of the pack says whose keys sign")
        for _, approvers, people in reversed(self.enrolled):
            try:
                return _read(data, approvers, people)
            except PlanRefused as error:
                refused = error
        at, ours = (
            statements.payload_of(data).at,
            [key for _, one, _ in self.enrolled for key in approve.public_keys(one)],
        )
        if not self.enrolled or not self.enrolled[0][0] <= at <= self.enrolled[-1][0]:
            try:
                signed = statements.open_statement(data, ours)
            except PlanRefused:
                if statements.keys_in(data) & {key.blob for key in ours}:
                    raise
                return None
            if self._may_be_own(signed):
                return signed.statement, signed.attended
        raise refused

    def _may_be_own(self, signed: SignedStatement) -> bool:
        """Tell whether some run's key of this person signed; who had left before the first, or came after the last, may be in no roster."""
        said = signed.statement
        return any(
            not key.job and people.named(key.person) == people.named(said.person)
            for _, approvers, people in self.enrolled
            for key in approve.enrolled(approvers, signed.keys, said.at.date())
        )

    def _copied(self, place: str, statement: Statement, said: Mapping[str, Attended]) -> Iterator[str]:
        # A count that is lower than one before is no proof of a copy: signatures are kept by what they are about, and
        # may have been made in another order. Two things signed with one count are.
        for key, attended in said.items():
            if attended.counter and self.counted.setdefault((key, attended.counter), statement.id) != statement.id:
                yield f"{place}: its key signed something else with the same count: there is a copy of it"


def _of_no_run(folder: Path) -> list[Path]:
    return sorted(
        path for place in (plans.SIGNED_HERE, plans.STANDING_APPROVALS) for path in (folder / place).glob("*.json")
    )


def _read(data: bytes, approvers: Approvers, people: Signatories) -> tuple[Statement, Mapping[str, Attended]]:
    statement, _ = approve.read_statement(data, approvers, people)
    return statement, statements.open_statement(data, approve.public_keys(approvers)).attended


def _words(folder: Path, place: str, statement: Statement) -> Iterator[str]:
    """Hold a waiver that was signed into ``runs/`` to its words, a file whose digest is what was signed."""
    if statement.kind is StatementKind.WAIVER and place.startswith(plans.SIGNED_HERE):
        words = folder / "runs" / "waivers" / f"{statement.digest.removeprefix('sha256:')}.json"
        if not words.is_file() or logbook.mark_of(words).digest != statement.digest:
            yield f"{place}: the words that were signed are gone, or others"
