"""A doubt blocks whatever the account was read from; and what is wrong in several files is said at once."""

from pathlib import Path

import pytest

from access_review import snapshot, workspace
from access_review.engine.duckdb import EmbeddedEngine
from access_review.errors import WorkspaceError
from access_review.review import review
from tests.connectors.good_samples import JUDGING, SAMPLES
from tests.connectors.small_sources import AS_OF

FORMATS = ("table-json", "ldif-ldapsearch", "sharphound-zip", "graph-pages")


def doubts(folder: Path, another: str) -> tuple[set[str], set[str]]:
    """Let somebody besides the leaver be employed; return which accounts are in doubt, and which are leavers'."""
    with (folder / "sources/hr.csv").open("a") as file:
        file.write(another)
    policy = folder / "roles/policy.yaml"
    policy.write_text(policy.read_text().replace("  owner-doubtful: {enabled: false}\n", ""))
    space = workspace.load(folder)
    with EmbeddedEngine(AS_OF) as engine:
        found = review(snapshot.collect(space, AS_OF), space, engine).findings.to_pylist()
        names = {row["account"]: row["name"] for row in engine.rows("SELECT account, name FROM accounts")}
    assert {row["rule"] for row in found} <= {*JUDGING, "owner-doubtful"}
    told = {
        rule: {names[row["subject"]].partition("@")[0] for row in found if row["rule"] == rule}
        for rule in ("owner-doubtful", "leaver-active")
    }
    return told["owner-doubtful"], told["leaver-active"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_namesake_who_began_when_somebody_left_puts_their_account_in_doubt(name, tmp_path):
    SAMPLES[name](tmp_path)
    doubted, left = doubts(tmp_path, "00099,Ana15 Núñez15,,Active,2026-10-05,,ops\n")
    assert doubted == {"ana15"}
    assert left == {"ana7", "ana15", "ana23"}, "it is found, and a person settles it"


@pytest.mark.parametrize("name", FORMATS[1:3])
def test_a_namesake_employed_all_along_is_another_person(name, tmp_path):
    SAMPLES[name](tmp_path)
    assert doubts(tmp_path, "00099,Ana15 Núñez15,,Active,2019-10-05,,ops\n")[0] == set()


def test_the_mistakes_of_all_sources_are_said_at_once(tmp_path):
    SAMPLES["ldif-plain"](tmp_path)
    sources = tmp_path / "sources"
    (sources / "hr.csv").write_text((sources / "hr.csv").read_text() + "x,y\n1,2,3,Lft,5,6,7\n")
    (sources / "ad.ldif").write_text("dn: CN=a\nobjectClass user\n\nfoo: bar\n")
    (sources / "list.csv").write_text("login,role\na\n")
    (sources / "list.yaml").write_text(
        "connector: table\noptions: {path: list.csv, columns: {account: login, entitlement: role}}\n"
    )
    with pytest.raises(WorkspaceError) as raised:
        snapshot.collect(workspace.load(tmp_path), AS_OF)
    places = {(mistake.file, mistake.line) for mistake in raised.value.mistakes}
    assert places == {("ad.ldif", 2), ("ad.ldif", 4), ("hr.csv", 26), ("hr.csv", 27), ("list.csv", 2)}


def test_a_file_of_which_a_key_stands_twice_is_looked_through_for_the_rest(tmp_path):
    SAMPLES["ldif-plain"](tmp_path)
    (tmp_path / "roles/templates/ops.yaml").write_text("role: ops\nrole: sales\nmay: [x]\nbogus: 1\n")
    (tmp_path / "sources/z.yaml").write_text("connectr: x\nconnector: roster\noptions: {path: z.csv, tmezone: UTC}\n")
    with pytest.raises(WorkspaceError) as raised:
        workspace.load(tmp_path)
    said = [str(mistake) for mistake in raised.value.mistakes]
    for text in ("'role' stands twice", "'x' does not name", "bogus: is not known", "connectr: is", "tmezone: is"):
        assert any(text in one for one in said), (text, said)
