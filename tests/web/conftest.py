"""The example company, audited and served, for each module of these tests to go on with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the pages are not tested: pip install 'access-review[web]'")

from tests.web.company import Served, served_copy


@pytest.fixture(scope="module")
def served(audited_example: Path) -> Iterator[Served]:
    made = served_copy(audited_example)
    yield made
    made.site.close()
