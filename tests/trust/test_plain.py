import hashlib
import os
from types import SimpleNamespace

import pytest

from access_review.guarded_files.plain import (
    _is_junction,
    links_below,
    open_plain,
    placed,
    read_plain,
    size_and_digest,
)


@pytest.mark.parametrize(
    ("size", "most", "said"),
    [
        (0, 0, ""),
        (5, 5, ""),
        (5, 4, "larger than 4 bytes"),
        (2**20, 2**20, ""),
        (2**20 + 1, 2**20, "larger than 1 MiB"),
        (2**40, 2**31, "larger than 2048 MiB"),
    ],
)
def test_a_file_is_read_whole_or_refused_by_its_size(tmp_path, size, most, said):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(size)
    if not said:
        assert read_plain(path, most) == bytes(size)
        assert size_and_digest(path) == (size, f"sha256:{hashlib.sha256(bytes(size)).hexdigest()}")
        return
    with pytest.raises(OSError, match=said) as refused:
        read_plain(path, most)
    assert refused.value.filename == str(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
def test_what_grew_since_it_was_measured_is_refused_too(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"longer")
    real = os.fstat
    empty = os.stat_result((real(0).st_mode & 0o777 | 0o100000, *[0] * 9))
    monkeypatch.setattr(os, "fstat", lambda _: empty)
    with pytest.raises(OSError, match="larger than 5 bytes"):
        read_plain(tmp_path / "file", 5)
    assert read_plain(tmp_path / "file", 6) == b"longer"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
def test_only_files_are_opened_and_made_for_their_owner_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    free = os.dup(0)
    os.close(free)
    for name in ("pipe", "link", "."):
        with pytest.raises(OSError, match=r"is no file|symbolic links|Is a directory"):
            os.close(open_plain(tmp_path / name, os.O_RDONLY))
    again = os.dup(0)
    os.close(again)
    assert again == free, "what is refused is closed"
    before = os.umask(0)
    try:
        os.close(open_plain(tmp_path / "made", os.O_RDWR | os.O_CREAT))
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes and links")
def test_each_link_below_a_folder_is_found_and_none_is_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "not seen").symlink_to("/nowhere")
    folder = tmp_path / "folder"
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/file").touch()
    links = {folder / "dangling", folder / "a/to a folder", folder / "a/b/to a file"}
    for link, to in zip(sorted(links), (folder / "a/file", elsewhere, "/nowhere"), strict=True):
        link.symlink_to(to)
    assert set(links_below(folder)) == links
    assert set(links_below(folder / "none")) == set()


def test_a_junction_is_a_link_on_windows_alone():
    def entry(**about):
        return SimpleNamespace(stat=lambda follow_symlinks: SimpleNamespace(**({} if follow_symlinks else about)))

    junction = entry(st_reparse_tag=0xA0000003)
    assert [_is_junction(junction, windows=system) for system in (True, False)] == [True, False]
    assert not _is_junction(entry(st_reparse_tag=0xA000000C), windows=True)
    assert not _is_junction(entry(), windows=True)


@pytest.mark.parametrize("named", [None, "elsewhere"])
def test_what_the_system_refuses_has_a_place(tmp_path, named):
    with pytest.raises(OSError, match="No space left") as refused, placed(tmp_path):
        raise OSError(28, "No space left on device", named)
    assert refused.value.filename == (named or str(tmp_path))
