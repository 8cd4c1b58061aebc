"""Whether files have changed, told by their times first and by what is in them where these are others."""

import os

import pytest

from access_review.changes import Mark
from access_review.connectors import file_marks
from access_review.connectors.file_marks import mark_files


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("one\n")
    return path


def test_the_same_content_is_the_same_mark_whatever_the_time_and_another_is_another(file):
    first = mark_files([file], Mark())
    os.utime(file, (1, 1))
    touched = mark_files([file], first)
    assert (touched.content == first.content, touched.seen == first.seen) == (True, False)
    file.write_text("two\n")
    assert mark_files([file], touched).content != first.content


def test_a_file_is_read_again_only_where_its_times_are_others(file, monkeypatch):
    first = mark_files([file], Mark())
    monkeypatch.delattr(file_marks, "size_and_digest")
    assert mark_files([file], first) == first


def test_a_file_that_goes_or_comes_and_one_below_a_folder_changes_the_mark(file, tmp_path):
    folder = mark_files([tmp_path], Mark())
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "two.csv").write_text("x\n")
    assert mark_files([tmp_path], folder).content != folder.content
    there = mark_files([file], Mark())
    file.unlink()
    gone = mark_files([file], there)
    assert gone.content != there.content
    assert mark_files([file], gone) == gone


def test_a_mark_that_is_damaged_is_none(file):
    assert mark_files([file], Mark("x", "{")).content == mark_files([file], Mark()).content


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_links_that_lead_round_in_a_circle_are_a_file_that_cannot_be_read(file):
    there = mark_files([file], Mark())
    file.unlink()
    file.symlink_to(file.name)
    circle = mark_files([file], there)
    assert circle.content != there.content
    assert circle == mark_files([file], circle)
