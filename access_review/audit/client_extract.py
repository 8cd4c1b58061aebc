"""One client alone: its people, findings, questions and leavers, without a trace of another client's people.

Who works for several clients is in each one's part; who works for none (a manager of
the organisation itself) may be named. Whatever text still names one of another client's
people has that name struck out.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypedDict

from access_review.audit.decisions import Decision
from access_review.audit.judge import ClientStatement
from access_review.audit.worklist import UNASSIGNED, WorkItem
from access_review.engine import Engine
from access_review.errors import no_such
from access_review.findings.control import CONTROL_RULES
from access_review.findings.sentences import every_sentence
from access_review.model import CURRENT, AsOf
from access_review.offboarding.leaver import AccessState, Late, Leaver, LeaverStatus
from access_review.sample.draw import Sample
from access_review.sample.population import CLIENTS, ReviewUnit
from access_review.snapshot import Manifest
from access_review.tables import Row

EVIDENCE = "access-review/client-evidence@1"
SCORECARD = "access-review/scorecard@1"
_DRAWN = ("commitment", "committed", "key", "root", "run", "seed")
STRUCK_OUT, ANOTHER = "(a person of another client)", "(another client)"
_ABOUT = ("finding", "rule", "subject", "subject_name", "about", "about_name", "person", "person_name")
_JUDGED = ("severity", "rag", "risk", "reason", "remedy", "status", "first_seen")
FINDING = (*_ABOUT, *_JUDGED)


class ClientEvidence(TypedDict):
    """What a client's part rests on: digests of snapshot and workspace, and SHA-256 of each file, as ``sha256:<hex>``.

    ``sources`` holds the verdicts of each source by subject; ``sample`` what lets anyone repeat the draw, ``shown``
    what that draw shows of this client alone; both are empty where there was none.
    """

    format: str
    client: str
    as_of: str
    snapshot: str
    workspace: str
    sources: dict[str, dict[str, dict[str, object]]]
    sample: dict[str, object]
    shown: dict[str, object]
    files: dict[str, str]


class ClientScorecard(TypedDict):
    """How a client stands, in numbers.

    ``findings`` counts the new and open ones about access by RAG status, ``about_the_review`` those beside them that
    say that the review fell short; ``sampled`` units, ``answered`` items; ``leavers`` are
    those who have left, ``leavers_late`` those of them whose access outlived them for longer than its target.
    """

    client: str
    people: int
    units: int
    findings: dict[str, int]
    about_the_review: int
    waived: int
    sampled: int
    items: int
    answered: int
    leavers: int
    leavers_who_can_sign_in: int
    leavers_late: int


_SHORT = 4
"""Letters: a shorter name is struck only as it is written, for the id ``NO`` is not every "no"."""
_PLACES = re.compile(r"\w+|(?<!\w)\W")
"""Where a name may begin: at a word, or at a sign that stands behind none."""


class HiddenNames:
    """Names that are struck out wherever they stand by themselves, the longest first, in any case unless they are short.

    They are looked up by the word that they begin with: a pattern of all names of a company would try each everywhere.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._lengths: dict[str, set[int]] = defaultdict(set)
        self._exact, self._folded = set[str](), set[str]()
        for name in names:
            short = len(name) < _SHORT
            (self._exact if short else self._folded).add(name if short else _folded(name))
            if begin := _PLACES.match(_folded(name)):
                self._lengths[begin[0]].add(len(name))

    def strike(self, text: str) -> str:
        """Return text without the names."""
        folded, parts, done = _folded(text), list[str](), 0
        for place in _PLACES.finditer(folded):
            start = place.start()
            if start < done or not (lengths := self._lengths.get(place[0])):
                continue
            if length := next(
                (one for one in sorted(lengths, reverse=True) if self._is_at(text, folded, start, one)), 0
            ):
                parts += (text[done:start], STRUCK_OUT)
                done = start + length
        return "".join((*parts, text[done:])) if parts else text

    def _is_at(self, text: str, folded: str, start: int, length: int) -> bool:
        end = start + length
        if end > len(text) or _is_word(folded[end : end + 1]):
            return False
        return text[start:end] in self._exact if length < _SHORT else folded[start:end] in self._folded


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _folded(text: str) -> str:
    """Return text in one case, as long as it was."""
    return text.lower() if text.isascii() else "".join(map(_folded_letter, text))


def _folded_letter(letter: str) -> str:
    if letter in "\u0130\u0131":  # the i with a dot, and the one without
        return "i"
    return next((one for one in (letter.casefold(), letter.lower()) if len(one) == 1), letter)


@dataclass(frozen=True, slots=True)
class Borders:
    """Whose people are whose: the client's own, and the names that must not be seen."""

    client: str
    own: frozenset[str]
    others: frozenset[str]
    names: HiddenNames
    clients: re.Pattern[str] | None = None

    def strike(self, text: str) -> str:
        """Return text without the names, mails and ids of other clients' people, and without the clients' own."""
        text = self.names.strike(text)
        return self.clients.sub(ANOTHER, text) if self.clients else text


def draw_borders(engine: Engine, client: str) -> Borders:
    """Draw the borders of a client; raises ``Unclear`` for one that nobody works for.

    Reads ``people, assignments, accounts``.
    """
    sql = f"""
        SELECT p.person, p.name, p.mail, p.native_id, coalesce(k.clients, []) AS clients,
               list(a.name) FILTER (a.name IS NOT NULL) AS logins
        FROM people AS p LEFT JOIN ({CLIENTS}) AS k ON k.person = p.person LEFT JOIN accounts AS a ON a.person = p.person
        GROUP BY ALL ORDER BY p.person
    """
    rows = engine.rows(sql, now=AsOf())
    own = frozenset(row["person"] for row in rows if client in row["clients"])
    if not own:
        known = {name for row in rows for name in row["clients"]}
        raise no_such("nobody works for", client, known)
    foreign = [row for row in rows if row["clients"] and client not in row["clients"]]
    allowed = {name for row in rows if row["person"] in own or not row["clients"] for name in _names(row)}
    hidden = HiddenNames({name for row in foreign for name in _names(row)} - allowed)
    clients = {name for row in rows for name in row["clients"]} - {client}
    return Borders(client, own, frozenset(row["person"] for row in foreign), hidden, _clients(clients, client))


def _clients(others: Iterable[str], own: str) -> re.Pattern[str] | None:
    """Return what other clients are called, within longer names too, where the name is no common word or part of one's own."""
    some = sorted(
        (name for name in others if name and name.lower() not in own.lower()), key=lambda name: (-len(name), name)
    )
    if not some:
        return None
    whole = (rf"(?<!\w){re.escape(name)}(?!\w)" if len(name) <= _SHORT else re.escape(name) for name in some)
    return re.compile(rf"(?i:{'|'.join(whole)})")


def _names(row: Row) -> tuple[str, ...]:
    given = (row["person"], row["name"], row["mail"], row["native_id"], *(row["logins"] or ()))
    return tuple(name for name in given if name)


def select_findings(rows: Iterable[Row], within: Borders) -> list[Row]:
    """Return the findings about the client's people, and about its own things that belong to nobody."""
    kept = [
        row
        for row in rows
        if row["status"] != "closed"
        and (row["person"] in within.own if row["person"] else row["client"] == within.client)
    ]
    sentences = every_sentence()
    return [
        {name: within.strike(value) if isinstance(value := row[name], str) else value for name in FINDING}
        for row in ({**row, "reason": sentences.reason(row)} for row in kept)
    ]


def select_items(work: Iterable[WorkItem], within: Borders) -> tuple[WorkItem, ...]:
    """Return the questions about the client's people; a reviewer of another client is not named."""
    return tuple(_item(item, within) for item in work if within.client in item.clients)


def _item(item: WorkItem, within: Borders) -> WorkItem:
    foreign = item.reviewer in within.others
    return replace(
        item,
        reviewer=UNASSIGNED if foreign else item.reviewer,
        reviewer_name=STRUCK_OUT if foreign else item.reviewer_name,
        clients=(within.client,),
        found=within.strike(item.found),
        entitlement_name=within.strike(item.entitlement_name),
        title="" if len(item.clients) > 1 else item.title,
        department="" if len(item.clients) > 1 else item.department,
        manager=STRUCK_OUT if foreign or len(item.clients) > 1 else within.strike(item.manager),
        what=within.strike(item.what),
        beside=tuple(map(within.strike, item.beside)),
    )


def select_decisions(history: Iterable[Decision], items: Iterable[WorkItem], within: Borders) -> tuple[Decision, ...]:
    """Return every answer to the client's questions; who answered is not named if of another client."""
    known = {item.item for item in items}
    return tuple(
        replace(decision, by=within.strike(decision.by), comment=within.strike(decision.comment))
        for decision in history
        if decision.item in known
    )


def list_evidence(
    collected: Manifest,
    drawn: Sample | None,
    shown: ClientStatement | None,
    files: Mapping[str, bytes],
    within: Borders,
) -> ClientEvidence:
    """Say what the client's part rests on, and which bytes were handed over.

    ``collected`` is the manifest of the run, ``drawn`` its sample (null where there was no
    draw). Both are named by digests, and so can be told from any other without being shown.
    """
    sources = {
        name: {
            subject: {**asdict(verdict), "reason": within.strike(verdict.reason or "")}
            for subject, verdict in source.verdicts.items()
        }
        for name, source in collected.sources.items()
    }
    return {
        "format": EVIDENCE,
        "client": within.client,
        "as_of": collected.as_of.isoformat(),
        "snapshot": collected.digest,
        "workspace": collected.workspace_digest,
        "sources": sources,
        "sample": {name: getattr(drawn, name) for name in _DRAWN} if drawn else {},
        "shown": asdict(shown) if shown else {},
        "files": {name: f"sha256:{hashlib.sha256(data).hexdigest()}" for name, data in sorted(files.items())},
    }


def score(
    within: Borders,
    units: Sequence[ReviewUnit],
    found: Sequence[Row],
    items: Sequence[WorkItem],
    answered: int,
    leavers: Iterable[Leaver],
) -> ClientScorecard:
    """Count how the client stands; ``found`` and ``items`` are its own, of which ``answered`` have an answer."""
    left = [one for one in leavers if within.client in one.clients and one.standing is LeaverStatus.LEFT]
    current = [row for row in found if row["status"] in CURRENT]
    access = [row for row in current if row["rule"] not in CONTROL_RULES]
    return {
        "client": within.client,
        "people": len(within.own),
        "units": len(units),
        "findings": dict(sorted(Counter(str(row["rag"]) for row in access).items())),
        "about_the_review": len(current) - len(access),
        "waived": sum(row["status"] == "waived" for row in found),
        "sampled": len({item.unit for item in items}),
        "items": len(items),
        "answered": answered,
        "leavers": len(left),
        "leavers_who_can_sign_in": sum(one.signs_in is AccessState.OPEN for one in left),
        "leavers_late": sum(one.clock.late in {Late.YES, Late.FAILED} for one in left),
    }
