"""A cheap share of ``make drafts``: the same questions to the command line, on the smallest of the outside data."""

from pathlib import Path

import pytest

from bench import drafting


@pytest.mark.slow
def test_figures_hold_on_the_smallest_data(
    outside_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drafting.exact(outside_data, ["domino"])
    assert drafting.unusual(outside_data, tmp_path, {"domino": range(1)}, kinds=["uniform"])
    assert "NOT MET" not in capsys.readouterr().out
