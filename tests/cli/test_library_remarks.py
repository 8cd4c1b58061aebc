"""What libraries warn of is a line each on standard error, and JSON where a program reads."""

import json
import logging
import warnings

import pytest

from access_review.cli.library_remarks import on_one_line


@pytest.mark.parametrize("as_json", [True, False])
def test_a_warning_is_a_line_and_json_where_a_program_reads(capsys, as_json):
    before = (warnings.showwarning, logging.lastResort)
    with on_one_line(as_json=as_json):
        warnings.simplefilter("default")
        warnings.warn("Workbook contains\nno default style", UserWarning, stacklevel=1)
        library = logging.Logger("of a library")  # noqa: LOG001 - one that nobody listens to
        library.warning("Retrying %s", "/api")
        library.info("nothing")
    lines = capsys.readouterr().err.splitlines()
    said = [json.loads(line)["warning"] if as_json else line.removeprefix("access-review: ") for line in lines]
    assert said == ["UserWarning: Workbook contains no default style", "of a library: Retrying /api"]
    assert (warnings.showwarning, logging.lastResort) == before
