"""What the program was tried in, each a function that carries a plan out and says what must have come of it.

They were run in PowerShell as :mod:`tests.powershell.test_scenarios` runs them, where ``pwsh`` is found.
"""

from collections.abc import Callable

from tests.powershell.carry import Carry

Scenario = Callable[[Carry], None]

FOUND: list[Scenario] = []


def scenario(tried: Scenario) -> Scenario:
    """Note that a function is a scenario; its name says what must hold."""
    FOUND.append(tried)
    return tried


def every() -> list[Scenario]:
    """Return all scenarios, those that stop it before the first change first."""
    from tests.powershell.scenarios import beginning, directory, doing, failing, logging, tenant  # noqa: F401

    return FOUND
