"""What an application may read of a tenant, part by part, without reading it all."""

from collections.abc import Iterator

from access_review.changes import ReadablePart
from access_review.connectors.entra.live_pages import LivePages
from access_review.connectors.entra.pages import AbsentError, NotReadError
from access_review.connectors.entra.queries import QUERIES


def readable_parts(door: LivePages) -> Iterator[ReadablePart]:
    """Ask for the first page of each part; those of each object are tried with the first object."""
    for read in QUERIES:
        if read.part == "signInActivity":
            verdict = _verdict(door, "signInActivity")
        elif read.per_object:
            verdict = _first(door, read.part)
        else:
            verdict = _verdict(door, read.part)
        yield ReadablePart(read.part, *verdict, read.permission, "" if verdict[0] else read.lost)


def _first(door: LivePages, part: str) -> tuple[bool, bool, str]:
    folder, _, last = part.partition("/")
    for native in door.seen.get(folder, ())[:1]:
        return _verdict(door, f"{folder}/{native}/{last}")
    return False, True, f"there are no {folder} to try it with"


def _verdict(door: LivePages, collection: str) -> tuple[bool, bool, str]:
    try:
        for _ in door(collection):
            return True, False, ""
    except AbsentError as error:
        return False, True, str(error)
    except NotReadError as error:
        return False, False, str(error)
    return False, False, "no page came"
