"""The runbook's permissions are those that the code uses."""

from pathlib import Path

from access_review.connectors.entra.permissions import READING, WRITES, WRITING, reading, writing


def test_the_runbook_lists_the_permissions_of_the_code_and_no_others(repository: Path) -> None:
    text = (repository / "runbooks" / "connect-entra.md").read_text("utf-8")
    assert "\n".join(reading()) in text
    assert "\n".join(writing()) in text


def test_a_reader_asks_for_nothing_that_writes() -> None:
    assert not [name for name in READING if "Write" in name]
    assert len(WRITING) == len(WRITES)
    assert "Directory.ReadWrite.All" not in WRITING
    assert "Group.ReadWrite.All" not in WRITING
