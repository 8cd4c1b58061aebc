"""Frozen values to plain JSON values and back, each with its format's name and version.

Pure: ``runs.write_json`` and ``runs.read_json`` carry the result to and from disk.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from access_review.errors import ArtifactError

T = TypeVar("T")


def dump(form: str, value: Any) -> dict[str, Any]:
    """Turn a dataclass into a JSON object that carries its format."""
    plain: dict[str, Any] = TypeAdapter(type(value)).dump_python(value, mode="json")
    return {"format": form, **plain}


def load(form: str, kind: type[T], plain: Mapping[str, Any]) -> T:
    """Turn it back; raises ``ArtifactError`` for another format or anything that does not fit ``kind``."""
    if plain.get("format") != form:
        raise ArtifactError(f"format {plain.get('format')!r}, not {form!r}", hint="use the version that wrote it")
    rest = {name: value for name, value in plain.items() if name != "format"}
    try:
        made: T = TypeAdapter(kind).validate_python(rest)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(
            f"{form} is damaged: {place}: {first['msg']}", hint="restore the file or run the stage again"
        ) from None  # the input may hold a secret, so it stays out of tracebacks
    return made
