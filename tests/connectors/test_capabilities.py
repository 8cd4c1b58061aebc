"""What a connector declares decides what is planned, wherever the connector lives."""

import json
from collections.abc import Iterator
from datetime import datetime

import pytest

from access_review import workspace
from access_review.changes import Action, Capabilities, capabilities_of, tells_readable
from access_review.tables import Row
from tests.support.faulty_company import APP, Faulty


def planned(company: Faulty) -> list[tuple[str, str, str]]:
    (path,) = company.folder.glob("runs/*/plan/plan.json")
    changes = json.loads(path.read_bytes())["changes"]
    return [(c["action"], c["target"]["connector"], c["target"]["manual"]) for c in changes]


@pytest.mark.slow
def test_a_connector_outside_the_package_is_planned_with_by_what_it_declares(tmp_path):
    company = Faulty(tmp_path)
    (tmp_path / "sources/app.yaml").write_text(APP + "options: {declares: true}\n")
    assert company.run("audit", at="2026-11-02T06:00:00Z").code == 0
    company.approved((11, 12))
    assert planned(company) == [("remove-member", "faulty", "")] * 2
    done = company.apply()
    assert (done.code, set(done.json["states"].values())) == (0, {"pending"}), done.err


def test_every_source_of_the_example_declares_what_its_system_can_do(repository):
    space = workspace.load(repository)
    found = space.capabilities()
    connector = {entry.name: entry.file.connector for entry in space.sources}
    can = {connector[source]: {action.value for action in declared.actions} for source, declared in found.items()}
    assert can["roster"] == can["table"] == set()
    assert can["ldap"] == {"disable-account", "remove-member", "cut-nesting"}
    assert can["entra"] == {action.value for action in Action if not action.restores} - {"manual"}
    assert {connector[source] for source, declared in found.items() if declared.signs_in} == {"ldap", "entra"}
    assert {connector[source] for source, declared in found.items() if declared.synchronised} == {"entra"}


class Mistaken:
    capabilities = "remove-member"

    def collect(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        del as_of
        yield from ()


class Silent:
    collect = Mistaken.collect


class Librarian:
    """Has a method of the same name, for a purpose of its own."""

    collect = Mistaken.collect

    def readable(self) -> bool:
        return True


class Telling(Librarian):
    tells_readable = True


def test_who_declares_nothing_can_only_be_read():
    assert capabilities_of(Silent()) == Capabilities()
    assert Capabilities().actions == frozenset()


def test_who_can_tell_what_may_be_read_declares_it():
    assert [tells_readable(one) for one in (Silent(), Librarian(), Telling())] == [False, False, True]


def test_a_declaration_of_another_shape_is_a_mistake_of_the_connector():
    with pytest.raises(TypeError, match=r"Mistaken\.capabilities"):
        capabilities_of(Mistaken())
