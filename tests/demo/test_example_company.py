"""The example company is its own oracle: a review finds what was planted, all of it, and nothing else."""

import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from access_review import workspace
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import RosterFault
from access_review.findings.sentences import every_sentence
from access_review.review import Report, review
from access_review.roles import Names, Resolved, resolve
from access_review.rules import load
from access_review.settings import pattern
from access_review.snapshot import Snapshot, collect
from access_review.workspace import Workspace
from tests.support.example import copy_example

pytestmark = pytest.mark.slow

AS_OF = datetime(2026, 11, 2, 6, tzinfo=UTC)
NEEDS_AN_EARLIER_RUN = {
    "person-missing": "somebody must have been in an earlier roster",
    "repeat-finding": "a finding must have been open for a month",
    "not-reviewed": "an audit must have ended without an answer",
    "not-reviewed-again": "two audits must have ended without an answer",
    "kept-unlogged": "a reviewer must have answered in an earlier audit",
}

NEEDS_ANOTHER_COMPANY = {
    "owner-doubtful": "nobody of the example may be anybody else: tests/stages/test_doubts.py has those who may",
    "signin-outside-network": "its logs have no addresses: tests/stages/test_signin_places.py has some",
    "signin-unmanaged-device": "its logs do not say whether a device is managed: that test does",
    "access-untrained": "none of its templates asks for training before anything: tests/stages/test_status.py has one that does",
    "training-missing": "none of its templates asks for training: tests/scorecard/test_training.py has some that do",
}

NEEDS_TICKETS = {
    "access-outside-ticket": "no source of the example has tickets: tests/stages/test_changes.py has some",
    "grant-unauthorised": "that test has them too",
}

Key = tuple[str, str, str | None, bool]


@dataclass(frozen=True)
class Demo:
    """The workspace, what was collected from it, what the review says, and the names of ids."""

    workspace: Workspace
    snapshot: Snapshot
    report: Report
    named: Mapping[str, str]
    planted: Mapping[str, Any]

    def keys(self, findings: pa.Table) -> dict[Key, str]:
        """Return findings as planted.yaml names them, each with its reason."""

        def name(value: str | None) -> str | None:
            return None if value is None else self.named.get(value, value)

        said = every_sentence()
        return {
            (f["rule"], name(f["subject"]) or "", name(f["about"]), f["status"] == "waived"): said.reason(f)
            for f in findings.to_pylist()
        }


@pytest.fixture(scope="module")
def demo(repository: Path) -> Demo:
    ours = workspace.load(repository)
    snapshot = collect(ours, AS_OF)
    planted = YAML(typ="safe").load((repository / "sources/demo/planted.yaml").read_text("utf-8"))
    with EmbeddedEngine(AS_OF) as engine:
        report = review(snapshot, ours, engine)
    return Demo(ours, snapshot, report, _names(snapshot), planted)


def _names(snapshot: Snapshot) -> dict[str, str]:
    named = {}
    for table, column in (("accounts", "account"), ("entitlements", "entitlement"), ("people", "person")):
        for row in snapshot.tables[table].to_pylist():
            source, kind, _ = row[column].split(":", 2)
            named[row[column]] = f"{source}:{kind}:{row['name']}"
    return named


def _key(entry: Mapping[str, Any]) -> Key:
    return entry["rule"], entry["subject"], entry.get("about"), entry.get("status") == "waived"


def _lines(keys: Iterable[Key], says: Mapping[Key, str]) -> str:
    shown = (
        f"  {rule}: {subject}{f' about {about}' if about else ''}{' (waived)' if waived else ''}: {says[key]}"
        for key in sorted(keys, key=str)
        for rule, subject, about, waived in [key]
    )
    return "\n".join(shown)


def test_findings_are_what_was_planted_in_both_directions(demo: Demo) -> None:
    found = demo.keys(demo.report.findings)
    planted = {_key(entry): entry["why"] for entry in demo.planted["planted"]}
    assert len(found) == len(demo.report.findings), "two findings have one name"
    assert len(planted) == len(demo.planted["planted"]), "an entry stands twice"
    missed, unexpected = planted.keys() - found.keys(), found.keys() - planted.keys()
    said = f"planted and not found:\n{_lines(missed, planted)}\nfound and not planted:\n{_lines(unexpected, found)}"
    assert not missed | unexpected, said


def test_decoys_stay_quiet(demo: Demo) -> None:
    there, rules = set(demo.named.values()), load()
    about: dict[tuple[str, str], str] = {}
    for (rule, subject, other, _), reason in demo.keys(demo.report.findings).items():
        about |= {(rule, subject): reason, (rule, other or ""): reason}
    for decoy in demo.planted["decoys"]:
        assert decoy["subject"] in there, f"there is no {decoy['subject']}"
        assert set() < set(decoy["rules"]) <= set(rules), decoy
        loud = {rule: about[rule, decoy["subject"]] for rule in decoy["rules"] if (rule, decoy["subject"]) in about}
        assert not loud, f"{decoy['subject']} {decoy['why']}; and yet {loud}"
    assert len(demo.planted["decoys"]) >= 15


def test_every_rule_is_evaluated_and_planted(demo: Demo) -> None:
    idle = {e.rule for e in demo.report.evaluations if not e.evaluated}
    assert idle == NEEDS_TICKETS.keys()
    planted = {entry["rule"] for entry in demo.planted["planted"]}
    elsewhere = {*NEEDS_AN_EARLIER_RUN, *NEEDS_ANOTHER_COMPANY, *NEEDS_TICKETS}
    assert planted | elsewhere == set(load())
    assert not planted & elsewhere


def test_planted_says_when_it_holds(demo: Demo) -> None:
    assert demo.planted["as_of"] in (AS_OF, AS_OF.replace(tzinfo=None))


def test_every_source_is_complete(demo: Demo) -> None:
    verdicts = demo.snapshot.tables["completeness"].to_pylist()
    assert not [v for v in verdicts if not v["complete"] and not v["subject"].startswith("part:")]


def test_problems_are_those_planted(demo: Demo) -> None:
    kinds = {(p["source"], p["kind"]) for p in demo.snapshot.tables["problems"].to_pylist()}
    assert kinds == {("ad", "dangling-member"), ("ad", "well-known-member")}
    assert len(demo.snapshot.tables["problems"]) == 2


def test_ids_that_look_like_something_else_stay_text_and_join(demo: Demo) -> None:
    with EmbeddedEngine(AS_OF) as engine:
        review(demo.snapshot, demo.workspace, engine)
        sql = "SELECT person FROM accounts WHERE source = 'ad' AND employee_id IN ('00123', '123', '1E5', 'NO') ORDER BY person"
        found = [row["person"] for row in engine.rows(sql)]
    assert found == ["hr:person:00123", "hr:person:123", "hr:person:1E5", "vendor:person:NO"]


def test_same_input_gives_the_same_findings(demo: Demo, repository: Path) -> None:
    again = collect(workspace.load(repository), AS_OF)
    assert again.digest == demo.snapshot.digest
    with EmbeddedEngine(AS_OF, threads=1) as engine:
        assert review(again, demo.workspace, engine).digest == demo.report.digest


def test_the_generator_writes_the_checkout_byte_for_byte(repository: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-B", "-m", "tests.demo.make_company", str(tmp_path)]
    subprocess.run(command, cwd=repository, check=True)
    made, kept = _files(tmp_path), _files(repository / "sources/demo")
    assert made.keys() == kept.keys()
    differing = [name for name in made if made[name] != kept[name]]
    assert not differing, f"not what {command[3]} writes: {', '.join(differing)}"
    assert sum(map(len, kept.values())) < 2 * 2**20


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _expected_of(role: Resolved, has: Iterable[str], ids: Callable[[str], frozenset[str]]) -> set[str]:
    """Say what the lists of one template mean for somebody who holds some things, and only by them."""
    said = set()
    for text in has:
        held = ids(text)
        agent = "ai-agent" in {role.template.role, *role.template.extends}
        if held <= role.forbidden:
            said.add("never-allowed")
        elif not held <= role.allowed:
            said.add("agent-beyond-purpose" if agent else "access-beyond-role")
        elif not held <= role.entitlements("must") | role.entitlements("may"):
            said.add("standing-privilege")
    return said


def test_template_tests_are_well_formed_and_hold(demo: Demo) -> None:
    entitlements, rules = demo.snapshot.tables["entitlements"], load()
    names = Names(entitlements)
    for role in resolve(demo.workspace.templates, entitlements):
        assert role.template.tests, f"{role.template.role} has no tests"
        for test in role.template.tests:
            for text in test.has:
                assert names.match(pattern(text)), f"{role.template.role}: nothing is called {text}"
            wanted = set() if test.expect == "ok" else set(test.expect)
            assert wanted <= set(rules), test
            said = _expected_of(role, test.has, lambda text: names.match(pattern(text)))
            assert said == wanted, (role.template.role, test)


def test_everybody_who_works_has_a_role(demo: Demo) -> None:
    with EmbeddedEngine(AS_OF) as engine:
        review(demo.snapshot, demo.workspace, engine)
        bare = engine.rows(
            """
            SELECT people.name FROM people JOIN spells USING (person) LEFT JOIN person_role_sets AS r USING (person)
            LEFT JOIN role_sets USING (role_set)
            WHERE spells.spell = 'current' GROUP BY people.name HAVING count(DISTINCT role) < 2
            """
        )
        roles = {row["role"] for row in engine.rows("SELECT DISTINCT role FROM person_roles")}
    assert not bare
    assert roles == {t.role for t in demo.workspace.templates} - {"frontline"}


def test_yaml_points_to_its_schema(repository: Path) -> None:
    for path in [*(repository / "sources").glob("*.yaml"), *(repository / "roles").glob("*.yaml")]:
        _check_first_line(path)
    for path in (repository / "roles/templates").glob("*.yaml"):
        _check_first_line(path)


def _check_first_line(path: Path) -> None:
    first = path.read_text("utf-8").split("\n", 1)[0]
    assert first.startswith("# yaml-language-server: $schema="), path
    target = (path.parent / first.partition("=")[2]).resolve()
    assert target.match("roles/schemas/*.schema.json"), path


@pytest.fixture
def own_copy(tmp_path: Path) -> Path:
    """Return a copy of the workspace, to be spoilt."""
    return copy_example(tmp_path)


def test_findings_of_last_month_are_repeated(demo: Demo) -> None:
    since = demo.report.findings.schema.get_field_index("first_seen")
    field = demo.report.findings.schema.field(since)
    old = pa.array([AS_OF - timedelta(days=40)] * len(demo.report.findings), field.type)
    with EmbeddedEngine(AS_OF) as engine:
        after = review(demo.snapshot, demo.workspace, engine, demo.report.findings.set_column(since, field, old))
    repeated = [f for f in after.findings.to_pylist() if f["rule"] == "repeat-finding"]
    assert len(repeated) == sum(f["status"] != "waived" for f in demo.report.findings.to_pylist())


def test_whoever_vanishes_from_the_roster_is_missing_and_not_gone(demo: Demo, own_copy: Path) -> None:
    roster = own_copy / "sources/demo/hr/roster.csv"
    lines = roster.read_text("utf-8").splitlines(keepends=True)
    gone = next(line for line in lines if line.startswith("10150,"))
    roster.write_text("".join(line for line in lines if line != gone), "utf-8")
    spoilt = workspace.load(own_copy)
    after = collect(spoilt, AS_OF, previous=demo.snapshot)
    with EmbeddedEngine(AS_OF) as engine:
        found = demo.keys(review(after, spoilt, engine, demo.report.findings).findings)
    new = found.keys() - demo.keys(demo.report.findings).keys()
    assert [key[0] for key in new] == ["person-missing"]


def test_a_roster_cut_short_stops_the_run(demo: Demo, own_copy: Path) -> None:
    roster = own_copy / "sources/demo/hr/roster.csv"
    lines = roster.read_text("utf-8").splitlines(keepends=True)
    roster.write_text("".join(lines[: int(len(lines) * 0.6)]), "utf-8")
    with pytest.raises(RosterFault, match="vanished without a termination"):
        collect(workspace.load(own_copy), AS_OF, previous=demo.snapshot)
