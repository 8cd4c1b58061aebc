"""The example company of the checkout, in a folder of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

REPOSITORY = Path(__file__).resolve().parent.parent.parent
AUDITED_AT = "2026-11-02T06:00:00Z"


def copy_example(folder: Path) -> Path:
    """Copy sources and roles of the example company into a folder, without its runs."""
    for name in ("sources", "roles"):
        shutil.copytree(REPOSITORY / name, folder / name, dirs_exist_ok=True)
    return folder


def planted(rule: str = "") -> list[dict[str, Any]]:
    """Return what was planted and is not accepted, of one rule or of all."""
    known = YAML(typ="safe").load((REPOSITORY / "sources/demo/planted.yaml").read_text("utf-8"))["planted"]
    return [one for one in known if "status" not in one and rule in {"", one["rule"]}]


def name_of(thing: str) -> str:
    """Return the name in ``source:kind:name``."""
    return thing.split(":", 2)[-1]


@contextmanager
def as_it_was_before(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """Take some planted members out of the directory's groups for a while; yield what is planted with them."""
    groups = folder / "sources/demo/ad/groups.ldif"
    now = groups.read_text("utf-8")
    blocks, undone = now.split("\n\n"), []
    for one in planted("client-boundary") + planted("nesting-escalates"):
        for place, block in enumerate(blocks):
            member = f"member: CN={name_of(one['subject'])},"
            if f"\ncn: {name_of(one['about'])}\n" in block and member in block:
                blocks[place] = "\n".join(line for line in block.split("\n") if not line.startswith(member))
                undone.append((one["subject"], one["about"]))
    groups.write_text("\n\n".join(blocks), "utf-8", newline="\n")
    yield [one for one in planted() if (one["subject"], one.get("about")) in undone]
    groups.write_text(now, "utf-8", newline="\n")
