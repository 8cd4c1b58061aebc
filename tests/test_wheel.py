"""What is installed from a wheel: every module, and every file that the modules read."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

STARTER = {
    "sources": "access_review/starter/sources",
    "roles": "access_review/starter/roles",
    "requirements.txt": "access_review/starter/requirements.txt",
}


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return what a wheel built from this checkout holds."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=repository,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _in_checkout(repository: Path) -> dict[str, Path]:
    """Return what must be in the wheel, by its name there: what git would keep of the package and the starter files."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "access_review", *STARTER]
    done = subprocess.run(listed, cwd=repository, check=True, capture_output=True, text=True)
    names = {}
    for name in done.stdout.splitlines():
        top, _, rest = name.partition("/")
        names[f"{STARTER[top]}/{rest}".rstrip("/") if top in STARTER else name] = repository / name
    return {name: path for name, path in names.items() if path.is_file()}


def test_the_wheel_has_every_file_of_the_package_byte_for_byte(repository: Path, wheel: dict[str, bytes]) -> None:
    expected = _in_checkout(repository)
    assert {"access_review/views/templates/carry-out.ps1", f"{STARTER['roles']}/schemas/plan.schema.json"} <= {
        *expected
    }
    inside = {name for name in wheel if ".dist-info/" not in name}
    assert (sorted(expected.keys() - inside), sorted(inside - expected.keys())) == ([], [])
    assert [name for name, path in expected.items() if wheel[name] != path.read_bytes()] == []


def test_the_wheel_has_one_program_for_powershell(wheel: dict[str, bytes]) -> None:
    ends = (".ps1", ".psm1", ".psd1", ".ps1.jinja")
    assert [name for name in wheel if name.endswith(ends)] == ["access_review/views/templates/carry-out.ps1"]
