"""Write the example company of ``sources/demo``: ``python -m tests.demo.make_company [FOLDER]``.

The same bytes every time: nothing here looks at a clock, and all chance comes from
a seed (``seeded.SEED``). Start reading at ``population.found``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.demo import (
    decoys,
    excess,
    infrastructure,
    offboarding,
    ownership,
    population,
    write_directory,
    write_planted,
    write_sheets,
    write_tenant,
)
from tests.demo.company import Company
from tests.demo.scenario import Scenario

DEMO = Path(__file__).resolve().parent.parent.parent / "sources" / "demo"


def company() -> tuple[Company, Scenario]:
    """Return the company with everything planted, and the list of it."""
    made, scenario = population.found(), Scenario()
    infrastructure.build(made)
    excess.plant(made, scenario)
    offboarding.plant(made, scenario)
    ownership.plant(made, scenario)
    excess.agents_beyond_purpose(made, scenario)
    excess.unusual_sign_ins(made, scenario)
    decoys.plant(made, scenario)
    population.appoint_managers(made)
    population.sign_everybody_in(made)
    return made, scenario


def files() -> Iterator[tuple[str, str | bytes]]:
    """Yield the name and content of every file."""
    made, scenario = company()
    yield from write_directory.files(made)
    yield from write_tenant.files(made)
    yield from write_sheets.files(made)
    yield "planted.yaml", write_planted.text(scenario)


def main(folder: Path) -> None:
    """Write every file."""
    for name, content in files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO)
