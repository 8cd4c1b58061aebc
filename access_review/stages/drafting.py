"""Draft role templates from a run: what people hold today, by their attributes, written as files to be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypedDict

from access_review.draft.review_input import draft_input, names_of
from access_review.draft.templates import TemplateDraft, draft_templates
from access_review.errors import WorkspaceError
from access_review.review import establish
from access_review.runs import Run
from access_review.store import files, reviews, snapshots
from access_review.views import source_yaml
from access_review.workspace import Workspace

REVIEW_AFTER = timedelta(days=180)
"""How long a drafted template holds before it is to be looked at again."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft, and the files written for it."""

    draft: TemplateDraft
    people: int
    attributes: tuple[str, ...]
    files: tuple[Path, ...]
    names: Mapping[str, str]
    """What people and entitlements are called."""


def draft_roles(
    workspace: Workspace, run: Run, folder: Path, today: date, *, min_people: int = 2, promote: bool = False
) -> Drafted:
    """Draft templates from a run into a folder, and bundles into ``bundles`` below; with ``promote``, duties too.

    Raises ``WorkspaceError`` where a file would be overwritten.
    """
    snapshot = snapshots.load(run)
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine)
        given, names = draft_input(engine), names_of(engine)
    draft = draft_templates(given, min_people=min_people, names=names)
    texts = {
        folder / f"{one.name}.yaml": source_yaml.template(one, today + REVIEW_AFTER, promote=promote)
        for one in draft.templates
        if one.lines
    }
    templates = tuple(texts)
    for one in draft.bundles:
        patterns = [given.entitlements[e].pattern if e in given.entitlements else e for e in one.entitlements]
        people = [names.get(person, person) for person in one.people]
        made = source_yaml.bundle_template(one, patterns, people, today + REVIEW_AFTER)
        texts[folder / "bundles" / f"{one.name}.yaml"] = made
    taken = [path for path in texts if path.exists()]
    if taken:
        raise WorkspaceError(f"{taken[0]} is already there", hint="name an empty folder with --to, and compare")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, text.encode())
    return Drafted(draft, len(given.matrix.people), given.attributes, templates, names)


class DraftedLine(TypedDict):
    """A line of a drafted template: ``holding`` of ``people`` have it; ``withheld`` ones are shown and not drafted."""

    pattern: str
    people: int
    holding: int
    held_by_all: bool
    confidence: str
    withheld: bool
    cautions: list[str]


class DraftedTemplate(TypedDict):
    """A drafted template: whom it is for, how many they are, and how many grants it explains that no other does."""

    role: str
    who: dict[str, list[str]]
    people: int
    explains: int
    lines: list[DraftedLine]
    questions: list[str]


class ExplainedShare(TypedDict):
    """The share (0 to 1) of grants that so many templates explain."""

    templates: int
    share: float


class DraftedBundle(TypedDict):
    """Entitlements that the same people hold, by ids."""

    bundle: str
    people: list[str]
    entitlements: list[str]
    cautions: list[str]


class LeftOutGrant(TypedDict):
    """A grant that no template is drafted for, its place by how unusual it is among all, and why."""

    person: str
    entitlement: str
    place: int
    score: float
    reason: str


class DraftedValue(TypedDict):
    """A draft; ``coverage`` and ``chance`` are shares (0 to 1) of the grants that it explains, and would by chance."""

    format: str
    people: int
    attributes: list[str]
    grants: int
    coverage: float
    chance: float
    explains: int
    sentence: str
    files: list[str]
    templates: list[DraftedTemplate]
    curve: list[ExplainedShare]
    bundles: list[DraftedBundle]
    left_out: list[LeftOutGrant]


def value(drafted: Drafted) -> DraftedValue:
    """Return a draft as JSON."""
    draft = drafted.draft
    return {
        "format": "access-review/draft@1",
        "people": drafted.people,
        "attributes": list(drafted.attributes),
        "grants": draft.grants,
        "coverage": round(draft.coverage, 4),
        "chance": round(draft.chance, 4),
        "explains": draft.explains,
        "sentence": draft.sentence,
        "files": [path.as_posix() for path in drafted.files],
        "templates": [
            {
                "role": one.name,
                "who": {name: list(values) for name, values in one.who},
                "people": len(one.people),
                "explains": one.newly,
                "lines": [
                    {
                        "pattern": line.pattern,
                        "people": line.people,
                        "holding": line.holding,
                        "held_by_all": line.held_by_all,
                        "confidence": str(line.confidence),
                        "withheld": line.withheld,
                        "cautions": [str(caution.kind) for caution in line.cautions],
                    }
                    for line in one.lines
                ],
                "questions": list(one.questions),
            }
            for one in draft.templates
        ],
        "curve": [{"templates": p.roles, "share": round(p.share, 4)} for p in draft.curve],
        "bundles": [
            {
                "bundle": b.name,
                "people": list(b.people),
                "entitlements": list(b.entitlements),
                "cautions": [str(caution.kind) for caution in b.cautions],
            }
            for b in draft.bundles
        ],
        "left_out": [
            {"person": g.person, "entitlement": g.entitlement, "place": g.place, "score": g.score, "reason": g.reason}
            for g in draft.left_out
        ],
    }
