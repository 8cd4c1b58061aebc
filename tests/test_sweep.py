"""The shares in which longer sweeps run: the same for the same seed, none empty, and all of it where somebody asks."""

import pytest

from tests.support.sweep import Sweep

pytest_plugins = ["pytester"]

CONFTEST = """
from tests.support import sweep as sweeps

def pytest_addoption(parser):
    sweeps.options(parser)

def pytest_configure(config):
    sweeps.settle(config)

def pytest_report_header(config):
    return sweeps.told(config)

def pytest_collection_modifyitems(config, items):
    sweeps.leave_out(config, items)
"""

SWEEPS = """
import pytest

@pytest.mark.sweep(share=1/4)
@pytest.mark.parametrize("number", range(20))
def test_one_promise(number): pass

@pytest.mark.sweep(share=1/10, each="rule")
@pytest.mark.parametrize("rule", ["a", "b", "c"])
@pytest.mark.parametrize("case", range(5))
def test_of_each(rule, case): pass

@pytest.mark.sweep(share=1/10, always=("0", "7"))
@pytest.mark.parametrize("number", range(10))
def test_with_some_always(number): pass

@pytest.mark.sweep(share=1/2, among="pages")
def test_a_page(): pass

@pytest.mark.sweep(share=1/2, among="pages")
def test_another_page(): pass

@pytest.mark.sweep(share=1/4)
def test_alone(): pass

def test_outside(): pass
"""


@pytest.fixture
def ran(pytester, monkeypatch):
    """Run the sweeps above with these words; return the names of what ran."""
    monkeypatch.setattr("tests.support.sweep.commit", lambda: "a1b2c3")
    monkeypatch.setattr("tests.support.sweep._sessions", [])
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_sweeps=SWEEPS)
    pytester.makeini("[pytest]\nmarkers =\n    sweep: drawn\n")

    def run(*words: str) -> list[str]:
        made = pytester.inline_run("-p", "no:cacheprovider", *words)
        called = [one for one in made.getreports("pytest_runtest_logreport") if one.when == "call"]
        return [one.nodeid.partition("::")[2] for one in called]

    return run


def test_a_share_of_each_sweep_runs_and_never_none(ran):
    names = ran("--sweep-seed=one")
    assert ran("--sweep-seed=one") == names

    def how_many(start):
        return sum(name.startswith(start) for name in names)

    assert how_many("test_one_promise") == 5
    assert [how_many(f"test_of_each[{case}-{rule}]") for rule in "abc" for case in range(5)].count(1) == 3
    assert [sum(name.endswith(f"-{rule}]") for name in names) for rule in "abc"] == [1, 1, 1]
    assert how_many("test_with_some_always") == 3
    assert {"test_with_some_always[0]", "test_with_some_always[7]"} <= set(names)
    assert how_many("test_a_page") + how_many("test_another_page") == 1
    assert how_many("test_alone") == how_many("test_outside") == 1


def test_the_same_seed_draws_the_same_and_others_draw_others_until_all_ran():
    cases = [f"test[{number}]" for number in range(20)]
    shares = [Sweep(str(seed)).draw("test", cases, 1 / 4) for seed in range(40)]
    assert {len(share) for share in shares} == {5}
    assert len({tuple(share) for share in shares}) > 35
    assert {case for share in shares for case in share} == set(cases)
    assert Sweep("7").draw("test", cases, 1 / 4) == shares[7] == sorted(shares[7], key=cases.index)
    assert Sweep("7").draw("another", cases, 1 / 4) != shares[7]


def test_whoever_says_nothing_draws_by_the_commit(ran):
    assert ran() == ran("--sweep-seed=a1b2c3")


@pytest.mark.parametrize(
    "words", [("--whole",), ("-k", "test_"), ("test_sweeps.py::test_one_promise", "test_sweeps.py")]
)
def test_all_runs_where_somebody_asks_for_it(ran, words):
    assert sum(name.startswith("test_one_promise") for name in ran(*words)) == 20


def test_the_header_says_how_to_have_the_same_share_again(ran, capsys):
    ran("--sweep-seed=one")
    ran("--whole")
    printed = capsys.readouterr().out
    assert "sweeps: shares drawn by --sweep-seed=one (--whole runs every case)" in printed
    assert "sweeps: every case" in printed


def test_seeds_in_a_test_begin_anywhere_and_are_as_many_as_the_share_says():
    one, other = (Sweep(seed).seeds("histories", 60, 1 / 4) for seed in "ab")
    assert (len(one), len(other)) == (15, 15)
    assert one != other
    assert Sweep("a").seeds("histories", 60, 1 / 4) == one
    assert Sweep("a", whole=True).seeds("histories", 60, 1 / 4) == range(60)
