"""What all tests share."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from jsonschema import Draft202012Validator

from access_review.plan import record
from access_review.views import plan_folder
from tests.powershell import carry
from tests.powershell.carry import PowerShell
from tests.powershell.reads import lacking
from tests.support import sweep as sweeps
from tests.support.command import access_review
from tests.support.derived_once import derived_once
from tests.support.example import AUDITED_AT, REPOSITORY, copy_example
from tests.support.programs import need
from tests.support.remembered import remembering
from tests.support.sweep import Sweep

OUTSIDE_DATA = "ACCESS_REVIEW_OUTSIDE_DATA"

# Time is never asserted: a busy machine is no failure. In CI the same examples are tried in every run.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("ci" if os.environ.get("CI") else "here")

REAL = REPOSITORY / "tests" / "real"
LONG = {REPOSITORY / "tests" / "plan" / "test_plan.py", REPOSITORY / "tests" / "rules" / "test_rules.py"}
"""Modules of many quick tests, which would else be what everybody waits for at the end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew; the diff is the review")
    sweeps.options(parser)


def pytest_configure(config: pytest.Config) -> None:
    sweeps.settle(config)


def pytest_report_header(config: pytest.Config) -> str:
    return sweeps.told(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Draw the shares of sweeps, and run what takes long first: ``make test`` hands out groups of tests in this order."""
    sweeps.leave_out(config, items)
    slow: set[Path] = set()
    for item in items:
        if REAL in item.path.parents:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow"):
            slow.add(item.path)
    items.sort(key=lambda item: (REAL not in item.path.parents, item.path not in slow, item.path not in LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep on one core what shares something expensive, by the ids of tests, which are all that is known where they are handed out."""
    from xdist.scheduler import LoadScopeScheduling

    class ByWhatTheyShare(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return shared_by(nodeid)

    return ByWhatTheyShare(config, log)


def shared_by(nodeid: str) -> str:
    """Return what a test has in common with others: the real servers, or what its module makes."""
    path, _, _ = nodeid.partition("::")
    # Each scenario runs PowerShell several times, and shares nothing.
    if path in SHARING_NOTHING:
        return nodeid
    if not path.startswith("tests/real/"):
        return path
    return "domains that batches write to" if path.endswith(LIVE) else "domains that are read"


LIVE = ("_live.py", "test_hybrid.py")
"""The modules of real servers that share a domain and a tenant which follows it, and no domain with the others."""
SHARING_NOTHING = ("tests/powershell/test_scenarios.py",)

_ran_on: dict[str, set[str]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note where a test ran, if not here."""
    if node := getattr(report, "node", None):
        _ran_on.setdefault(shared_by(report.nodeid), set()).add(node.gateway.id)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where what is shared was made on two cores: nothing else would tell, and ``make test`` took half as long again."""
    apart = sorted(shared for shared, nodes in _ran_on.items() if len(nodes) > 1)
    if apart:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\nRan on several cores, and should not: {', '.join(apart)}")  # noqa: T201


@pytest.fixture(scope="session", autouse=True)
def _every_plan_fits_its_readers() -> Iterator[None]:
    """Hold every plan that any test makes to the published schema, and every one on disk to what the program reads."""
    schema = REPOSITORY / "roles" / "schemas" / "plan.schema.json"
    validator, known = Draft202012Validator(json.loads(schema.read_text("utf-8"))), set[bytes]()
    write, files = record.write, plan_folder.files

    def held(plan: record.Plan) -> bytes:
        data = write(plan)
        if not _forged and plan.format == record.FORMAT and data not in known:
            known.add(data)
            validator.validate(json.loads(data))
        return data

    def held_files(plan: record.Plan, reasons: Mapping[str, str]) -> dict[str, bytes]:
        made = files(plan, reasons)
        assert _forged or lacking(made["plan.json"]) == [], "carry-out.ps1 does not find in the plan what it reads"
        return made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(record, "write", held)
        patched.setattr(plan_folder, "files", held_files)
        yield


_forged: list[bool] = []


@pytest.fixture(scope="session", autouse=True)
def _each_plan_is_derived_once() -> Iterator[None]:
    """Let commands share what they derive from the same inputs, which in processes of their own each does again."""
    with derived_once():
        yield


@pytest.fixture(scope="session", autouse=True)
def _each_audit_is_made_once(
    _every_plan_fits_its_readers: None, _each_plan_is_derived_once: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Let tests share what a command makes of the same files at the same moment; workers of one session share it, too."""
    base = tmp_path_factory.getbasetemp()
    with remembering((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "remembered"):
        yield


@pytest.fixture
def forged_plans() -> Iterator[None]:
    """Let plans be whatever an attacker makes them: they are not held to what reads them."""
    _forged.append(True)
    yield
    _forged.pop()


@pytest.fixture(scope="session")
def outside_data() -> Path:
    """Return the folder of outside data, or say that these tests did not run."""
    folder = os.environ.get(OUTSIDE_DATA)
    if not folder:
        pytest.skip(f"outside data not tested: set {OUTSIDE_DATA} to its folder")
    return Path(folder).resolve(strict=True)


@pytest.fixture(scope="session")
def powershell() -> PowerShell:
    """Return the PowerShell of this machine, or say that what takes one did not run."""
    found = carry.find()
    need("pwsh", "carrying out in PowerShell", None if found else "pwsh is not found (PWSH names it)")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def sweep(pytestconfig: pytest.Config) -> Sweep:
    """Return what this session draws the shares of its sweeps by."""
    return sweeps.of(pytestconfig)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def audited_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example company after its first audit; nobody writes there."""
    folder = copy_example(tmp_path_factory.mktemp("audited-once") / "workspace")
    audited = access_review(folder, "--as-of", AUDITED_AT, "-q", "audit")
    assert audited.code == 0, audited.err
    return folder


@pytest.fixture(scope="module")
def audited_example(audited_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the example company after its first audit, its runs included, for a module to go on with."""
    return Path(shutil.copytree(audited_once, tmp_path_factory.mktemp("audited") / "workspace"))
