import json
import stat
from dataclasses import replace
from datetime import timedelta

import pytest

from access_review import runs, snapshot
from access_review.artifacts import MANIFEST, canonical
from access_review.errors import ArtifactError
from access_review.store import files, snapshots
from access_review.workspace import load
from tests.support.snapshots import AS_OF, tables, workspace
from tests.support.snapshots import snapshot as world

ROSTER = "connector: roster\noptions:\n  path: people.csv\n  columns: {person: id, name: name}\n"


@pytest.fixture
def space(tmp_path):
    (tmp_path / "sources").mkdir()
    (tmp_path / "roles").mkdir()
    (tmp_path / "sources/hr.yaml").write_text(ROSTER)
    (tmp_path / "sources/people.csv").write_text("id,name\n00123,Ana\n1E5,Bo\n")
    return load(tmp_path)


def test_what_is_saved_is_what_is_loaded_and_collecting_again_gives_the_same_run(space):
    first = snapshot.collect(space, AS_OF)
    run = snapshots.save(first, space)
    assert snapshots.load(run).digest == first.digest
    assert all(table.equals(first.tables[name]) for name, table in snapshots.load(run).tables.items())
    assert snapshots.save(snapshot.collect(space, AS_OF), space) == run
    assert first.tables["people"]["native_id"].to_pylist() == ["00123", "1E5"]


def test_files_are_for_their_owner_only(space):
    run = snapshots.save(snapshot.collect(space, AS_OF), space)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in run.folder.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700


def test_an_altered_or_damaged_table_is_refused(space):
    run = snapshots.save(snapshot.collect(space, AS_OF), space)
    people = run.folder / "snapshot/people.parquet"
    other = snapshots.save(world(people=[{"person": "hr:person:9"}]), space)
    people.write_bytes((other.folder / "snapshot/people.parquet").read_bytes())
    with pytest.raises(ArtifactError, match="not the table that was collected"):
        snapshots.load(run)
    people.write_bytes(b"PAR1")
    with pytest.raises(ArtifactError, match="cannot be read"):
        snapshots.load(run)


def test_a_newer_format_is_refused_by_name(space):
    run = snapshots.save(snapshot.collect(space, AS_OF), space)
    manifest = run.folder / MANIFEST.path
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": "access-review/snapshot@9"}))
    with pytest.raises(ArtifactError, match="snapshot@9"):
        snapshots.load(run)


def test_a_source_that_fails_is_incomplete_and_the_others_go_on(space):
    broken = replace(space.sources[0], name="other", options={**space.sources[0].options, "path": "gone.csv"})
    made = snapshot.collect(replace(space, sources=(*space.sources, broken)), AS_OF)
    assert len(made.tables["people"]) == 2
    assert set(made.incomplete("people")) == {"other"}
    assert "gone.csv" in made.incomplete("accounts")["other"]


def test_a_run_that_fails_leaves_nothing_and_the_last_good_one_stays(space):
    run = snapshots.save(snapshot.collect(space, AS_OF), space)

    def fail_half_way():
        with runs.building(space.folder) as partial:
            (partial / "half").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert [path.name for path in (space.folder / "runs").iterdir()] == [run.id]
    assert runs.find(space.folder) == run


def test_runs_are_found_by_name_or_the_newest(space):
    old = snapshots.save(snapshot.collect(space, AS_OF - timedelta(days=7)), space)
    new = snapshots.save(snapshot.collect(space, AS_OF), space)
    assert runs.find(space.folder) == new
    assert runs.find(space.folder, old.id[:8]) == old
    with pytest.raises(ArtifactError, match="no run is called"):
        runs.find(space.folder, "1999")
    with pytest.raises(ArtifactError, match="no reviewed run yet"):
        runs.find(space.folder, reviewed=True)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    target = tmp_path / "deep" / "file.json"
    files.write(target, canonical({"format": "x@1", "b": 1}))
    with pytest.raises(TypeError):
        files.write(target, "text")  # type: ignore[arg-type]
    assert json.loads(target.read_bytes())["b"] == 1
    assert [path.name for path in target.parent.iterdir()] == ["file.json"]


def test_digests_are_taken_over_of_tables_that_are_as_they_were_and_of_no_other():
    before = tables({"accounts": [{"account": "ad:user:1"}], "people": [{"person": "hr:person:1"}]})
    now = before | {"people": tables({"people": [{"person": "hr:person:1", "status": "left"}]})["people"]}
    last, again = ([{name: [table] for name, table in one.items()}] for one in (before, now))
    seen = snapshot.assemble(workspace(), AS_OF, last)
    marked = snapshot.Stored(seen.tables)
    marked._digests |= {name: f"taken over: {name}" for name in marked}

    made = snapshot.assemble(workspace(), AS_OF, again, last=replace(seen, tables=marked))
    whole = snapshot.assemble(workspace(), AS_OF, again)
    for name in whole.tables:
        digested = snapshot.stored(whole.tables).digest(name) if name == "people" else f"taken over: {name}"
        assert snapshot.stored(made.tables).digest(name) == digested

    assert snapshot.assemble(workspace(), AS_OF, again, last=seen).digest == whole.digest != seen.digest
