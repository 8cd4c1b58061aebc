"""The contracts of the workspace's files as JSON Schema, for editors, and that of ``plan.json`` for whoever reads it.

Published in ``roles/schemas/``; the first line of each YAML file points there.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from access_review import connectors, rules
from access_review.model import JsonObject
from access_review.plan import record
from access_review.policy import Policy
from access_review.settings import RoleExpectations, Separation, SourceFile, Template, Waivers, WindDown
from access_review.settings.approvers import Approvers
from access_review.settings.checklist import CheckpointList
from access_review.settings.scorecard import Formulas
from access_review.workspace import options_of

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def all_schemas() -> dict[str, JsonObject]:
    """Return the schema of each kind of file by its name."""
    schemas: dict[str, Any] = {
        "source": _source(),
        "template": _of(Template),
        "policy": _policy(),
        "separation": _of(Separation),
        "waivers": _of(Waivers),
        "approvers": _of(Approvers),
        "expectations": _of(RoleExpectations),
        "wind-down": _of(WindDown),
        "checklist": _of(CheckpointList),
        "scorecard": _of(Formulas),
        "plan": {"$schema": _DIALECT, **record.schema()},
    }
    words: dict[str, str] = json.loads((Path(__file__).parent / "descriptions.json").read_text(encoding="utf-8"))
    for name, schema in schemas.items():
        _describe(schema, name, words)
    return schemas


def _describe(node: Any, parent: str, words: Mapping[str, str]) -> None:
    """Say of each property what it is, for editors: by where it stands, or else by its name."""
    for key, inner in node.items() if isinstance(node, dict) else ():
        if key == "$defs":
            for name, definition in inner.items():
                _describe(definition, name, words)
        elif key == "properties" and isinstance(inner, dict):
            for name, definition in inner.items():
                said = words.get(f"{parent}.{name}") or words.get(name)
                if said and "description" not in definition:
                    definition["description"] = said
                _describe(definition, f"{parent}.{name}", words)
        else:
            for one in inner if isinstance(inner, list) else (inner,):
                _describe(one, parent, words)


def _of(model: Any) -> dict[str, Any]:
    return {"$schema": _DIALECT, **model.model_json_schema()}


def _source() -> dict[str, Any]:
    """A source's options are those of the connector it names."""
    schema = _of(SourceFile)
    branches = []
    for name in connectors.known():
        options = options_of(connectors.load(name)).model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
        for inner, definition in options.pop("$defs", {}).items():
            schema["$defs"][f"{name}.{inner}"] = definition
        options.pop("title", None)
        branches.append(
            {"if": {"properties": {"connector": {"const": name}}}, "then": {"properties": {"options": options}}}
        )
    schema["properties"]["connector"]["enum"] = list(connectors.known())
    schema["properties"]["options"] = {"type": "object"}
    return {**schema, "allOf": branches}


def _policy() -> dict[str, Any]:
    """Each rule has its own settings beside the common ones."""
    schema = _of(Policy)
    common = schema["$defs"]["RuleSettings"]["properties"]
    schema["properties"]["rules"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: {
                "type": "object",
                "description": rule.title,
                "additionalProperties": False,
                "properties": {**common, **options_of(rule.check).model_json_schema()["properties"]},
            }
            for name, rule in rules.load().items()
        },
    }
    return schema


def text(schema: JsonObject) -> str:
    """Return a schema as it is published."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def publish(folder: Path) -> None:
    """Write all schemas to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in all_schemas().items():
        (folder / f"{name}.schema.json").write_text(text(schema), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    publish(Path("roles/schemas"))
