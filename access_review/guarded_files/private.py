"""Whether a file or folder is open to others; the one place where that is decided.

On POSIX by mode bits and owner (an ACL for somebody else shows in the bits of the group).
On Windows, where every file reads 0666, by owner and access control list as SDDL has them,
which is the same in every language of the system: only whoever runs this, SYSTEM and
Administrators may be named. What cannot be told counts as open.
"""

import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from access_review.errors import ArtifactError
from access_review.guarded_files.plain import open_plain


@dataclass(frozen=True, slots=True)
class Acl:
    """Owner and access control list of a file on Windows, as an SDDL string, and the SID of whoever runs this."""

    sddl: str
    user: str


AclReader = Callable[[Path], Acl]
"""Reads the access control list of a file; raises ``OSError`` when it cannot."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Who besides its owner may open a file or folder, and how to end that."""

    path: Path
    who: tuple[str, ...]
    hint: str

    def __str__(self) -> str:
        return f"{self.path} is open to others: {', '.join(self.who)}"


def exposure(
    path: Path, handle: int | None = None, *, windows: bool = os.name == "nt", read_acl: AclReader | None = None
) -> Exposure | None:
    """Tell who else may open a file or folder; nothing when nobody may. Raises ``OSError`` for one that is not there.

    ``handle`` is the open file, where it is open: then it is that file which is judged,
    whatever has taken its place since.
    """
    found = path.stat() if handle is None else os.fstat(handle)
    folder = stat.S_ISDIR(found.st_mode)
    if windows:
        who = _others_on_windows(path, read_acl or _read_acl, folder=folder)
        hint = f'icacls "{path}" /inheritance:r /grant:r "%USERNAME%":{"(OI)(CI)" if folder else ""}F'
    else:
        who = tuple(_others_on_posix(found))
        hint = f"chmod {'700' if folder else '600'} {path}"
        if who and not found.st_mode & 0o077:
            hint = f"chown it to whoever runs this, or run this as its owner: {path}"
    return Exposure(path, who, hint) if who else None


def require_private(
    path: Path, handle: int | None = None, *, windows: bool = os.name == "nt", read_acl: AclReader | None = None
) -> None:
    """Refuse a file or folder that is open to others; raises ``ArtifactError`` naming them, also when it cannot be told."""
    try:
        found = exposure(path, handle, windows=windows, read_acl=read_acl)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}") from None
    if found:
        raise ArtifactError(str(found), hint=found.hint)


def read_private(path: Path, most: int = 2**16) -> bytes:
    """Return the bytes of a file that nobody else may open; raises ``ArtifactError``. Judged and read by one handle."""
    try:
        with os.fdopen(open_plain(path, os.O_RDONLY), "rb") as file:
            require_private(path, file.fileno())
            data = file.read(most + 1)
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > most:
        raise ArtifactError(f"{path} is larger than {most} bytes, so it is no key and no secret")
    return data


def private_folder(folder: Path) -> None:
    """Make a folder and those above it that are not there, each for its owner only; raises ``OSError``."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):  # `parents=True` would leave the outer ones as the umask has them
        one.mkdir(mode=0o700, exist_ok=True)


_BITS = (
    ("its group", stat.S_IRGRP, stat.S_IWGRP, stat.S_IXGRP),
    ("everybody", stat.S_IROTH, stat.S_IWOTH, stat.S_IXOTH),
)


def _others_on_posix(found: os.stat_result) -> Iterator[str]:
    for who, *bits in _BITS:
        may = [verb for verb, bit in zip(("read", "write", "enter or run"), bits, strict=True) if found.st_mode & bit]
        if may:
            yield f"{who} may {', '.join(may)}"
    me = os.geteuid()
    if me != 0 and found.st_uid not in {0, me}:  # the owner may give it away at any time; root reads everything anyway
        yield f"it belongs to another user (uid {found.st_uid})"


# Of the names that SDDL has for well-known accounts, those that stand for many or for strangers get words.
_WELL_KNOWN = {
    "WD": "Everyone",
    "AU": "Authenticated Users",
    "BU": "Users",
    "DU": "Domain Users",
    "DA": "Domain Admins",
    "BG": "Guests",
    "DG": "Domain Guests",
    "AN": "Anonymous",
    "IU": "Interactive",
    "NU": "Network",
    "PU": "Power Users",
    "AC": "all application packages",
    "S-1-1-0": "Everyone",
    "S-1-5-11": "Authenticated Users",
    "S-1-5-32-545": "Users",
}
_TRUSTED = {"SY", "BA", "S-1-5-18", "S-1-5-32-544"}
"""SYSTEM and Administrators, who can open everything anyway, as root can."""
_OWNER = {"OW", "S-1-3-4"}
"""Whoever owns the file, which is judged by itself."""
_CREATOR = {"CO", "S-1-3-0"}
"""Stands for whoever makes a file in a folder."""

_SID = r"(?:[A-Z]{2}|S-1-[0-9xA-Fa-f]+(?:-[0-9]+)+)"
# Entries with a condition hold brackets of their own; they are not understood, so such a list counts as open.
_SDDL = re.compile(rf"(?:O:(?P<owner>{_SID}))?(?:G:{_SID})?D:(?P<flags>[A-Z_]*)(?P<entries>(?:\([^()]*\))*)")
_ENTRY = re.compile(r"\(([^;]*);([^;]*);[^;]*;[^;]*;[^;]*;([^;]*)\)")
_ALLOW = {"A", "XA", "OA", "ZA"}
_INHERIT_ONLY = "IO"


def _others_on_windows(path: Path, read_acl: AclReader, *, folder: bool) -> tuple[str, ...]:
    try:
        acl = read_acl(path)
    except OSError as error:
        return (f"its access control list cannot be read ({error.strerror or error})",)
    found = _SDDL.fullmatch(acl.sddl.strip())
    if not found or not acl.user:
        return ("its access control list cannot be understood",)
    trusted = _TRUSTED | {acl.user}
    owner = found["owner"]
    others = [] if owner in trusted else [f"it belongs to {_name(owner or 'nobody who is named')}"]
    if found["flags"].startswith("NO_ACCESS_CONTROL"):
        return (*others, "it has no access control list, so everybody may open it")
    for entry in re.findall(r"\([^()]*\)", found["entries"]):
        parts = _ENTRY.fullmatch(entry)
        if parts is None:
            return (*others, "its access control list cannot be understood")
        kind, flags, who = parts.groups()
        later = _INHERIT_ONLY in re.findall("..", flags)  # for what will be in the folder, not for itself
        harmless = trusted | _OWNER | (_CREATOR if later else set())
        if kind in _ALLOW and who not in harmless and (folder or not later):
            others.append(f"{_name(who)} may open it")
    return tuple(dict.fromkeys(others))


def _name(sid: str) -> str:
    return _WELL_KNOWN.get(sid, sid)


# By .NET itself: the cmdlet Get-Acl is not found when PowerShell 7 is what started us.
_READ = """
$path = $env:ACCESS_REVIEW_PATH
$kind = if ([IO.Directory]::Exists($path)) { [IO.Directory] } else { [IO.File] }
$kind::GetAccessControl($path, 'Access,Owner').GetSecurityDescriptorSddlForm('Access,Owner')
[Security.Principal.WindowsIdentity]::GetCurrent().User.Value
"""


def _read_acl(path: Path, run: Callable[..., "subprocess.CompletedProcess[str]"] = subprocess.run) -> Acl:
    """Ask Windows PowerShell, which every Windows has; raises ``OSError``."""
    system = os.environ.get("SystemRoot", r"C:\Windows")  # noqa: SIM112 - Windows spells it so
    command = [rf"{system}\System32\WindowsPowerShell\v1.0\powershell.exe", "-NoProfile", "-NonInteractive", "-Command"]
    environment = {**os.environ, "ACCESS_REVIEW_PATH": str(path.absolute())}
    try:
        answer = run([*command, _READ], env=environment, capture_output=True, text=True, timeout=60, check=True)
        sddl, user = answer.stdout.split("\n")[:2]
    except (subprocess.SubprocessError, ValueError) as error:
        raise OSError(f"PowerShell did not say: {type(error).__name__}") from None
    return Acl(sddl.strip(), user.strip())
