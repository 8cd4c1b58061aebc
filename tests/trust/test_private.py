import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review.connectors.private_file import write_private
from access_review.errors import ArtifactError
from access_review.guarded_files.private import Acl, _read_acl, exposure, read_private, require_private

ME, OTHER = "S-1-5-21-1004336348-1177238915-682003330-1042", "S-1-5-21-1004336348-1177238915-682003330-1007"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"")
    path.chmod(0o600)
    return path


posix = pytest.mark.skipif(os.name != "posix", reason="mode bits mean nothing here")


@posix
@pytest.mark.parametrize(
    ("mode", "who"),
    [
        (0o600, None),
        (0o400, None),
        (0o700, None),
        (0o640, "its group may read"),
        (0o604, "everybody may read"),
        (0o620, "its group may write"),
        (0o602, "everybody may write"),
        (0o611, "its group may enter or run, everybody may enter or run"),
        (0o666, "its group may read, write, everybody may read, write"),
    ],
)
def test_mode_bits_decide_on_posix(secret, mode, who):
    secret.chmod(mode)
    if who is None:
        assert exposure(secret) is None
        require_private(secret)
        return
    assert str(exposure(secret)) == f"{secret} is open to others: {who}"
    with pytest.raises(ArtifactError, match="is open to others") as refused:
        require_private(secret)
    assert refused.value.hint == f"chmod 600 {secret}"


@posix
def test_a_folder_is_judged_as_a_file_is(tmp_path):
    tmp_path.chmod(0o755)
    assert exposure(tmp_path).hint == f"chmod 700 {tmp_path}"
    tmp_path.chmod(0o700)
    assert exposure(tmp_path) is None


@posix
def test_the_open_file_is_judged_whatever_took_its_place(secret):
    secret.chmod(0o644)
    with secret.open("rb") as file:
        secret.unlink()
        secret.write_bytes(b"")
        secret.chmod(0o600)
        assert exposure(secret) is None
        assert exposure(secret, file.fileno())


@posix
@pytest.mark.parametrize(
    ("me", "owner", "is_open"), [(1000, 1000, False), (1000, 0, False), (1000, 7, True), (0, 7, False)]
)
def test_a_file_of_another_user_is_open_to_them(secret, monkeypatch, me, owner, is_open):
    real = secret.stat()
    found = os.stat_result((real.st_mode, real.st_ino, real.st_dev, 1, owner, 0, 0, 0, 0, 0))
    monkeypatch.setattr(os, "fstat", lambda _: found)
    monkeypatch.setattr(os, "geteuid", lambda: me)
    result = exposure(secret, 0)
    assert (result is not None) is is_open
    if result:
        assert result.who == ("it belongs to another user (uid 7)",)
        assert "chown" in result.hint


def on_windows(path, sddl, *, user=ME):
    found = exposure(path, windows=True, read_acl=lambda _: Acl(sddl, user))
    return found and found.who


@pytest.mark.parametrize(
    "sddl",
    [
        f"O:{ME}D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;{ME})",
        f"O:BAG:DUD:P(A;;FA;;;{ME})",
        f"O:SYD:PAI(A;;FA;;;{ME})",
        f"O:{ME}D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;FA;;;{ME})",
        f"O:{ME}G:S-1-5-21-1-2-3-513D:PAI(A;;0x1f01ff;;;{ME})(A;;FA;;;OW)",
        f"O:{ME}D:PAI(D;;FA;;;WD)(A;;FA;;;{ME})",
        f"O:{ME}D:PAI",
        f"O:{ME}D:PAI(A;;FA;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)",
    ],
)
def test_on_windows_a_file_with_every_mode_bit_is_private_when_its_list_is(secret, sddl):
    secret.chmod(0o666)  # what every file reads there
    assert on_windows(secret, sddl) is None
    require_private(secret, windows=True, read_acl=lambda _: Acl(sddl, ME))


@pytest.mark.parametrize(
    ("sddl", "who"),
    [
        (f"O:{ME}D:AI(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)", ("Users may open it",)),
        (f"O:{ME}D:(A;;FR;;;WD)(A;;FR;;;AU)(A;;FR;;;AU)", ("Everyone may open it", "Authenticated Users may open it")),
        (f"O:{ME}D:(A;;FR;;;S-1-1-0)", ("Everyone may open it",)),
        (f"O:{ME}D:PAI(A;;FA;;;{OTHER})", (f"{OTHER} may open it",)),
        (f"O:{ME}D:PAI(XA;;FA;;;{OTHER})(OA;;FA;;;DU)", (f"{OTHER} may open it", "Domain Users may open it")),
        (f"O:{OTHER}D:PAI(A;;FA;;;{ME})", (f"it belongs to {OTHER}",)),
        (f"D:PAI(A;;FA;;;{ME})", ("it belongs to nobody who is named",)),
        (f"O:{ME}D:NO_ACCESS_CONTROL", ("it has no access control list, so everybody may open it",)),
        (f"O:{ME}", ("its access control list cannot be understood",)),
        ("", ("its access control list cannot be understood",)),
        (f"O:{ME}D:PAI(A;;FA;;)", ("its access control list cannot be understood",)),
        (f'O:{ME}D:(XA;;FX;;;WD;(@User.Title=="PM"))', ("its access control list cannot be understood",)),
        (f"O:{ME}D:PAI(A;;FA;;;CO)", ("CO may open it",)),
        (f"O:{ME}D:PAI(A;;FA;;;SY)(A;;FA;;;DA)", ("Domain Admins may open it",)),
    ],
)
def test_on_windows_whoever_is_named_besides_may_open_it(secret, sddl, who):
    assert on_windows(secret, sddl) == who
    with pytest.raises(ArtifactError, match="is open to others") as refused:
        require_private(secret, windows=True, read_acl=lambda _: Acl(sddl, ME))
    assert refused.value.hint == f'icacls "{secret}" /inheritance:r /grant:r "%USERNAME%":F'


def test_what_a_folder_passes_on_counts_for_the_folder(tmp_path, secret):
    passed_on = f"O:{ME}D:PAI(A;OICI;FA;;;{ME})(A;OICIIO;FA;;;CO)(A;OICIIO;FR;;;BU)"
    assert on_windows(tmp_path, passed_on) == ("Users may open it",)
    assert on_windows(secret, passed_on) is None
    assert "(OI)(CI)F" in exposure(tmp_path, windows=True, read_acl=lambda _: Acl(passed_on, ME)).hint


@given(st.text() | st.text("OGD:PAI(;)SYBWDU-1S5FR", max_size=60), st.sampled_from(["", ME]))
def test_no_list_gives_a_traceback_and_doubt_is_open(sddl, user):
    found = exposure(Path(__file__), windows=True, read_acl=lambda _: Acl(sddl, user))
    assert found is None or found.who
    if not user:
        assert found


def test_what_cannot_be_told_counts_as_open(secret):
    def fails(_):
        raise OSError(5, "Access is denied")

    found = exposure(secret, windows=True, read_acl=fails)
    assert found.who == ("its access control list cannot be read (Access is denied)",)
    with pytest.raises(ArtifactError, match="cannot be read"):
        require_private(secret.with_name("none"))
    with pytest.raises(OSError, match="none"):
        exposure(secret.with_name("none"))


def test_windows_is_asked_without_a_word_of_the_path_in_the_command(secret, monkeypatch):
    asked = []

    def run(command, **options):
        asked.append((command, options))
        return subprocess.CompletedProcess(command, 0, f"O:{ME}D:PAI(A;;FA;;;{ME})\r\n{ME}\r\n", "")

    monkeypatch.setenv("SystemRoot", r"D:\Win")
    assert _read_acl(secret, run) == Acl(f"O:{ME}D:PAI(A;;FA;;;{ME})", ME)
    ((command, options),) = asked
    assert str(secret) not in " ".join(command)
    assert options["env"]["ACCESS_REVIEW_PATH"] == str(secret)
    powershell = r"\System32\WindowsPowerShell\v1.0\powershell.exe"
    assert (command[0], command[1:4]) == ("D:\\Win" + powershell, ["-NoProfile", "-NonInteractive", "-Command"])
    assert (options["text"], options["check"], options["capture_output"]) == (True, True, True)

    def silent(command, **_):
        return subprocess.CompletedProcess(command, 0, "", "")

    def refuses(command, **_):
        raise subprocess.CalledProcessError(1, command)

    for answers in (silent, refuses):
        with pytest.raises(OSError, match="PowerShell did not say"):
            _read_acl(secret, answers)
    assert "PowerShell did not say" in exposure(secret, windows=True, read_acl=lambda p: _read_acl(p, refuses)).who[0]


@posix
def test_a_private_file_is_read_and_no_other(secret):
    secret.write_bytes(b"x" * 5)
    assert read_private(secret, 5) == b"x" * 5
    with pytest.raises(ArtifactError, match="larger than 4 bytes"):
        read_private(secret, 4)
    secret.write_bytes(b"x" * 2**16)
    assert len(read_private(secret)) == 2**16
    secret.write_bytes(b"x" * (2**16 + 1))
    with pytest.raises(ArtifactError, match="larger than 65536 bytes"):
        read_private(secret)
    secret.chmod(0o644)
    with pytest.raises(ArtifactError, match="everybody may read"):
        read_private(secret)
    os.mkfifo(secret.with_name("pipe"), 0o600)
    for name in ("pipe", "none", "."):
        with pytest.raises(ArtifactError, match="cannot be read"):
            read_private(secret.with_name(name) if name != "." else secret.parent)


@posix
def test_every_folder_that_is_made_is_its_owners_only(tmp_path):
    before = os.umask(0o022)
    try:
        write_private(tmp_path / "a/b/c/kept.json", b"x")
    finally:
        os.umask(before)
    made = [tmp_path / part for part in ("a", "a/b", "a/b/c")]
    assert [folder.stat().st_mode & 0o777 for folder in made] == [0o700] * 3
