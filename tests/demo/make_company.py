"""Write the example company of ``sources/demo``: ``python tests/demo/make_company.py [FOLDER]``.

The same bytes every time: nothing here looks at a clock, and all chance comes from
a seed (``chance.SEED``). Start reading at ``population.found``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import decoys
import excess
import infrastructure
import offboarding
import ownership
import population
import write_directory
import write_planted
import write_sheets
import write_tenant
from book import Book
from company import Company

DEMO = Path(__file__).resolve().parent.parent.parent / "sources" / "demo"


def company() -> tuple[Company, Book]:
    """Return the company with everything planted, and the list of it."""
    made, book = population.found(), Book()
    infrastructure.build(made)
    excess.plant(made, book)
    offboarding.plant(made, book)
    ownership.plant(made, book)
    excess.agents_beyond_purpose(made, book)
    excess.unusual_sign_ins(made, book)
    decoys.plant(made, book)
    population.appoint_managers(made)
    population.sign_everybody_in(made)
    return made, book


def files() -> Iterator[tuple[str, str | bytes]]:
    """Yield the name and content of every file."""
    made, book = company()
    yield from write_directory.files(made)
    yield from write_tenant.files(made)
    yield from write_sheets.files(made)
    yield "planted.yaml", write_planted.text(book)


def main(folder: Path) -> None:
    """Write every file."""
    for name, content in files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO)
