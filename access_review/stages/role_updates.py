"""Propose changes to the templates that exist, and write the changed files beside them for a person to compare."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypedDict

from access_review import roles
from access_review.draft.roles_in_review import roles_today
from access_review.draft.updates import TemplateProposal, propose_updates
from access_review.errors import WorkspaceError
from access_review.review import establish
from access_review.runs import Run
from access_review.stages.drafting import REVIEW_AFTER
from access_review.store import files, reviews, snapshots
from access_review.views import changed_template
from access_review.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RoleUpdates:
    """What is proposed, and the changed files."""

    proposals: tuple[TemplateProposal, ...]
    files: tuple[Path, ...]
    templates: int


def update_roles(workspace: Workspace, run: Run, folder: Path, today: date, *, promote: bool = False) -> RoleUpdates:
    """Propose changes and write each changed template into ``folder``; the workspace's own files stay as they are.

    Raises ``WorkspaceError`` where a file would be overwritten.
    """
    snapshot = snapshots.load(run)
    resolved = roles.resolve(workspace.templates, snapshot.tables["entitlements"])
    with reviews.engine_of(workspace, snapshot) as engine:
        establish(snapshot.tables, workspace, engine)
        proposals = propose_updates(roles_today(engine, resolved), promote=promote)
    by_role: dict[str, list[TemplateProposal]] = defaultdict(list)
    for one in proposals:
        by_role[one.role].append(one)
    texts = {}
    for role, wanted in by_role.items():
        path = workspace.folder / workspace.place("template", role).rpartition(":")[0]
        changed = changed_template.text(path.read_text("utf-8"), wanted, today + REVIEW_AFTER)
        texts[folder / path.name] = changed
    if taken := [path for path in texts if path.exists()]:
        raise WorkspaceError(f"{taken[0]} is already there", hint="name an empty folder with --to, and compare")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, text.encode())
    return RoleUpdates(proposals, tuple(texts), len(resolved))


class ProposedChange(TypedDict):
    """A change to a template: of its ``people``, ``holding`` have what the pattern says."""

    role: str
    kind: str
    pattern: str
    people: int
    holding: int
    cautions: list[str]
    sentence: str


class RoleUpdatesValue(TypedDict):
    """What is proposed; ``templates`` counts those that were compared."""

    format: str
    templates: int
    files: list[str]
    proposals: list[ProposedChange]


def value(updates: RoleUpdates) -> RoleUpdatesValue:
    """Return the proposals as JSON."""
    return {
        "format": "access-review/role-updates@1",
        "templates": updates.templates,
        "files": [path.as_posix() for path in updates.files],
        "proposals": [
            {
                "role": one.role,
                "kind": str(one.kind),
                "pattern": one.pattern,
                "people": one.people,
                "holding": one.holding,
                "cautions": [str(caution.kind) for caution in one.cautions],
                "sentence": one.sentence,
            }
            for one in updates.proposals
        ],
    }
