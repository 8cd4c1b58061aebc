"""Explain one thing to whoever asks: who has what, why, by which path, and what would end it.

Asks the facts of a review (:func:`access_review.review.establish`, with ``findings``
registered) and returns a value; nothing is decided here. What is meant is looked up by
:mod:`access_review.explain.lookup`, what an account holds is explained by
:mod:`access_review.explain.account_access`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from access_review import rules
from access_review.engine import Engine
from access_review.explain.account_access import OWNERS, AccessFacts
from access_review.explain.explanation import (
    AccountCard,
    CutKind,
    EntitlementCard,
    Explanation,
    FindingCard,
    Holders,
    PersonCard,
    PossibleCut,
    Reached,
    RoleHeld,
    SubjectKind,
    ThingCard,
)
from access_review.explain.lookup import Subject, look_up
from access_review.findings.sentences import Sentences
from access_review.model import CURRENT
from access_review.workspace import Workspace

NAMED_HOLDERS = 12
"""Holders of an entitlement that are named; of the others only the number is said."""


def explain(engine: Engine, workspace: Workspace, text: str) -> Explanation:
    """Explain a finding, person, account or entitlement named by ``text``.

    Reads ``findings`` and every fact of :mod:`access_review.facts` about what is meant. Raises ``Unclear``
    where nothing or several things are called so.
    """
    subject = look_up(engine, text)
    question = _Question(engine, workspace, AccessFacts(engine, workspace))
    match subject.kind:
        case SubjectKind.ACCOUNT:
            return question.account(subject)
        case SubjectKind.PERSON:
            return question.person(subject)
        case SubjectKind.ENTITLEMENT:
            return question.entitlement(subject)
        case SubjectKind.FINDING:
            return question.finding(subject)


@dataclass(frozen=True, slots=True)
class _Question:
    """One question to the facts; ``access`` keeps what was looked up for it."""

    engine: Engine
    workspace: Workspace
    access: AccessFacts = field(repr=False)

    def _answer(self, subject: Subject, **parts: Any) -> Explanation:
        made = Explanation(subject.kind, subject.id, subject.name, self.engine.as_of, **parts)
        return replace(made, still=self._still(made))

    def _still(self, made: Explanation) -> tuple[str, ...]:
        """Look at every grant of the accounts: an answer about one finding has those alone that bear on it."""
        cut = {(one.child.id, one.parent.id) for one in made.ends if one.removable and one.what is CutKind.GRANT}
        if not cut:
            return ()
        held = self.engine.rows(_GRANTED, accounts=[one.account.id for one in made.accounts])
        kept = sorted({row["entitlement"] for row in held if (row["account"], row["entitlement"]) not in cut})
        return tuple(row["reached"] for row in self.engine.rows(_REACHED, entitlements=kept))

    def account(self, subject: Subject) -> Explanation:
        account = self.access.account(subject.id)
        owner = account.ownership.person
        person = self._person(owner.id) if owner else None
        return self._answer(
            subject,
            findings=self._findings("subject = :id OR about = :id", id=subject.id),
            person=person,
            accounts=(account,),
            ends=self._ends(person, (account,)),
        )

    def person(self, subject: Subject) -> Explanation:
        accounts, person = self._accounts_of(subject.id), self._person(subject.id)
        return self._answer(
            subject,
            findings=self._findings("person = :id OR subject = :id", id=subject.id),
            person=person,
            accounts=accounts,
            ends=self._ends(person, accounts),
        )

    def entitlement(self, subject: Subject) -> Explanation:
        findings = self._findings("subject = :id OR about = :id", id=subject.id)
        nested = [(f.subject.id, f.about.id) for f in findings if f.about and f.remedy == "cut" and f.status in CURRENT]
        return self._answer(
            subject,
            findings=findings,
            entitlements=(self._entitlement(subject.id),),
            ends=tuple(dict.fromkeys(cut for pair in nested for cut in self.access.edges(*pair))),
        )

    def finding(self, subject: Subject) -> Explanation:
        sql = "SELECT subject, about, person FROM findings WHERE finding = :id"
        (row,) = self.engine.rows(sql, id=subject.id)
        about = row["about"]
        known = self._kinds([row["subject"], about])
        goals = self._goals(about, known)
        accounts = self._accounts_in(row["subject"], about, known, goals)
        entitlements = [each for each in (row["subject"], about) if known.get(each) == SubjectKind.ENTITLEMENT]
        person = self._person(row["person"]) if row["person"] else None
        ends = (
            self.access.edges(row["subject"], about) if len(entitlements) == 2 else self._ends(person, accounts, goals)
        )
        findings = self._findings("finding = :id", id=subject.id)
        return self._answer(
            replace(subject, name=f"{findings[0].rule} on {findings[0].subject.name}"),
            findings=findings,
            person=person,
            accounts=accounts,
            # Where an account's grants show how it is held, the entitlement's other holders are beside the point.
            entitlements=() if any(a.grants for a in accounts) else tuple(map(self._entitlement, entitlements)),
            ends=ends,
        )

    def _ends(
        self, person: PersonCard | None, accounts: Sequence[AccountCard], goals: frozenset[str] | None = None
    ) -> tuple[PossibleCut, ...]:
        """What would end it: for a leaver the accounts first, then the grants."""
        disabled = self.access.disables(accounts) if person is not None and person.status == "left" else ()
        return (*disabled, *self.access.ends(accounts, goals=goals))

    def _kinds(self, ids: Sequence[str | None]) -> Mapping[str | None, SubjectKind]:
        sql = """
            SELECT account AS id, 'account' AS kind FROM accounts WHERE account IN :ids
            UNION ALL SELECT entitlement, 'entitlement' FROM entitlements WHERE entitlement IN :ids
            UNION ALL SELECT person, 'person' FROM people WHERE person IN :ids
        """
        return {row["id"]: SubjectKind(row["kind"]) for row in self.engine.rows(sql, ids=[i for i in ids if i])}

    def _goals(self, about: str | None, known: Mapping[str | None, SubjectKind]) -> frozenset[str] | None:
        """What a finding is about, as entitlements: itself, or both sides of a toxic pair."""
        if about is not None and known.get(about) == SubjectKind.ENTITLEMENT:
            return frozenset({about})
        pair = self.engine.rows("SELECT entitlement FROM separation WHERE pair = :pair", pair=about)
        return frozenset(row["entitlement"] for row in pair) or None

    def _accounts_in(
        self, subject: str, about: str | None, known: Mapping[str | None, SubjectKind], goals: frozenset[str] | None
    ) -> tuple[AccountCard, ...]:
        if known.get(subject) == SubjectKind.PERSON:
            accounts = self._accounts_of(subject, goals)
            return tuple(account for account in accounts if account.grants or goals is None)
        return tuple(
            self.access.account(each, goals=goals)
            for each in (subject, about)
            if each is not None and known.get(each) == SubjectKind.ACCOUNT
        )

    def _accounts_of(self, person: str, goals: frozenset[str] | None = None) -> tuple[AccountCard, ...]:
        sql = "SELECT account FROM accounts WHERE person = :id ORDER BY account"
        return tuple(self.access.account(row["account"], goals=goals) for row in self.engine.rows(sql, id=person))

    def _findings(self, where: str, **params: Any) -> tuple[FindingCard, ...]:
        sql = f"SELECT * FROM findings WHERE ({where}) ORDER BY status = 'closed', risk DESC, rule, finding"
        known = rules.load()
        titles = {name: rule.title.rstrip(".") for name, rule in known.items()}
        sentences = Sentences.of(known.values())
        return tuple(
            FindingCard(
                subject=ThingCard(row["subject"], row["subject_name"] or row["subject"]),
                about=ThingCard(row["about"], row["about_name"] or row["about"]) if row["about"] else None,
                title=titles.get(row["rule"], str(row["rule"])),
                controls=row["controls"] or "",
                **{name: row[name] for name in _AS_IS},
            )
            for row in map(sentences.shown, self.engine.rows(sql, **params))
        )

    def _person(self, person: str) -> PersonCard | None:
        for row in self.engine.rows("SELECT * FROM people WHERE person = :person", person=person):
            instants = ("notified_at", "left_at_earliest", "left_at_latest", "first_seen_left_at")
            return PersonCard(
                ThingCard(person, row["name"] or person, row["kind"]),
                row["status"],
                roles=self._roles(person),
                **{name: row[name] for name in instants},
            )
        return None

    def _roles(self, person: str) -> tuple[RoleHeld, ...]:
        who = {template.role: template.who for template in self.workspace.templates}
        return tuple(
            RoleHeld(
                row["role"],
                row["spell"],
                row["client"],
                row["since"],
                row["until"],
                _because(row, who.get(row["role"], {})),
                self.workspace.place("template", row["role"]),
            )
            for row in self.engine.rows(_ROLES, person=person)
        )

    def _entitlement(self, entitlement: str) -> EntitlementCard:
        (row,) = self.engine.rows("SELECT * FROM entitlements WHERE entitlement = :id", id=entitlement)
        owners = self.engine.rows(OWNERS, object=entitlement)
        carriers = self.engine.rows(_CARRIERS, id=entitlement)
        return EntitlementCard(
            self.access.card(entitlement),
            row["effect"],
            row["sensitivity"],
            owners=tuple(ThingCard(o["id"], o["name"]) for o in owners),
            direct=self._holders(_DIRECT, entitlement),
            nested=self._holders(_NESTED, entitlement),
            carried_by=tuple(self._carried(c["entitlement"], entitlement) for c in carriers),
            gives=self.access.reaches(entitlement, frozenset()),
            allowed_by=self.access.allowed_by(entitlement, frozenset(t.role for t in self.workspace.templates)),
        )

    def _carried(self, child: str, goal: str) -> Reached:
        (reach,) = self.access.reaches(child, frozenset(), goals=frozenset({goal}))
        # Read from the goal's side: the entitlement that matters is the one that carries it.
        return replace(reach, entitlement=self.access.card(child))

    def _holders(self, sql: str, entitlement: str) -> Holders:
        (totals,) = self.engine.rows(
            f"SELECT count(DISTINCT id) AS total, count(DISTINCT person) AS people FROM ({sql}) AS found",
            id=entitlement,
        )
        first = self.engine.rows(
            f"SELECT DISTINCT id, name FROM ({sql}) AS found ORDER BY name, id LIMIT {NAMED_HOLDERS}", id=entitlement
        )
        return Holders(totals["total"], totals["people"], tuple(ThingCard(f["id"], f["name"]) for f in first))


def _because(row: Mapping[str, Any], who: Iterable[str]) -> str:
    """Say which part of the assignment gives the role."""
    if row["said"] is not None and row["said"].strip().casefold() == row["role"].casefold():
        return f"the roster says role {row['said']}"
    attributes = {**json.loads(row["attributes"] or "{}"), "role": row["said"], "client": row["client"]}
    attributes |= {"kind": row["kind"], "source": row["source"]}
    return " and ".join(f"{key} is {attributes.get(key)}" for key in who) or "its template applies"


_JUDGED = ("finding", "rule", "severity", "rag", "risk", "remedy", "status", "waiver", "first_seen")
_AS_IS = (*_JUDGED, "code", "facts", "reason", "risk_reasons")

_ROLES = """
    SELECT DISTINCT role_given.role, spells.spell, spells.client, spells.since, spells.until,
           profiles.role AS said, profiles.attributes, profiles.kind, profiles.source
    FROM spells JOIN profile_roles AS role_given USING (profile) JOIN profiles USING (profile)
    WHERE spells.person = :person
    ORDER BY CASE spells.spell WHEN 'current' THEN 0 WHEN 'grace' THEN 1 ELSE 2 END, role_given.role, spells.since,
             spells.until, spells.client, profiles.attributes
"""

_GRANTED = "SELECT account, entitlement FROM grants WHERE account IN :accounts"

_REACHED = "SELECT DISTINCT reached FROM closure WHERE entitlement IN :entitlements ORDER BY reached"

_CARRIERS = """
    SELECT closure.entitlement FROM closure WHERE reached = :id AND entitlement <> :id ORDER BY entitlement
"""

_DIRECT = """
    SELECT accounts.account AS id, coalesce(accounts.name, accounts.account) AS name, accounts.person
    FROM grants JOIN accounts USING (account) WHERE grants.entitlement = :id
"""

_NESTED = """
    SELECT accounts.account AS id, coalesce(accounts.name, accounts.account) AS name, accounts.person
    FROM closure JOIN grants USING (entitlement) JOIN accounts USING (account)
    WHERE closure.reached = :id AND closure.entitlement <> :id
"""
