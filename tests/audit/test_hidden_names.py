"""Names that are struck out: looked up word by word, they are those that one pattern of all of them finds."""

import re

from hypothesis import given
from hypothesis import strategies as st

from access_review.audit.client_extract import STRUCK_OUT, HiddenNames

LETTERS = "aAbıİſsS1 .:-_(é"


def by_one_pattern(names: set[str], text: str) -> str:
    """Return what a pattern of all names makes of a text: short ones as written, the others in any case."""
    some = (
        re.escape(one) if len(one) < 4 else f"(?i:{re.escape(one)})"
        for one in sorted(names, key=lambda one: (-len(one), one))
    )
    return re.sub(rf"(?<!\w)(?:{'|'.join(some)})(?!\w)", STRUCK_OUT, text)


@given(st.sets(st.text(LETTERS, min_size=1, max_size=6), min_size=1, max_size=6), st.text(LETTERS, max_size=24))
def test_what_is_struck_out_is_what_one_pattern_of_all_names_finds(names, text):
    assert HiddenNames(names).strike(text) == by_one_pattern(names, text)
