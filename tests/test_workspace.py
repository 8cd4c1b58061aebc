import json
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from access_review.documents import parse
from access_review.errors import WorkspaceError
from access_review.policy import Policy
from access_review.stages import schemas
from access_review.workspace import _SOURCE_NAME, load

SOURCE = """\
connector: roster
options:
  path: people.csv
  columns: {person: id}
"""
TEMPLATE = "role: analyst\nmay: [ad:group:Finance-*]\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sources").mkdir()
    (tmp_path / "roles/templates").mkdir(parents=True)
    (tmp_path / "sources/hr.yaml").write_text(SOURCE)
    (tmp_path / "roles/templates/analyst.yaml").write_text(TEMPLATE)
    return tmp_path


def mistakes(folder):
    with pytest.raises(WorkspaceError) as raised:
        load(folder)
    return [str(m) for m in raised.value.mistakes]


def test_a_small_workspace_loads_and_its_digest_covers_every_file(folder):
    first = load(folder)
    assert [s.name for s in first.sources] == ["hr"]
    assert first.place("template", "analyst") == "roles/templates/analyst.yaml:1"
    (folder / "roles/templates/analyst.yaml").write_text(TEMPLATE + "# note\n")
    assert load(folder).digest != first.digest


@pytest.mark.parametrize(
    "file", ["policy", "separation", "waivers", "approvers", "checklist", "expectations", "templates/b"]
)
@pytest.mark.parametrize("to", ["itself", "nowhere"])
def test_a_link_that_leads_nowhere_is_no_absent_file(folder, file, to):
    """What it was to say (who may not hold what, how much may be taken) would be switched off without a word."""
    path = folder / f"roles/{file}.yaml"
    path.symlink_to(path if to == "itself" else folder / "not-there")
    (only,) = mistakes(folder)
    assert only.startswith(f"roles/{file}.yaml: cannot be read: ")


BY_DEFAULT = ("policy", "waivers", "separation", "approvers", "checklist", "expectations", "scorecard")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("roles/templates/b.yaml", "role: b\nrole: c\n", "roles/templates/b.yaml:2:1: the key 'role' stands twice"),
        ("roles/templates/b.yaml", "role: 0123\n", "roles/templates/b.yaml:1:1: role: must be text (it is read as a"),
        (
            "roles/templates/b.yaml",
            "role: yes\nmai: []\n",
            "roles/templates/b.yaml:2:1: mai: is not known here (known:",
        ),
        (
            "roles/templates/b.yaml",
            "role: b\nmay: [Finance]\n",
            "roles/templates/b.yaml:2:7: may[0]: 'Finance' does not",
        ),
        ("roles/templates/b.yaml", "role: analyst\n", "roles/templates/b.yaml:1:7: the role 'analyst' stands twice"),
        ("roles/templates/b.yaml", "role: b\nextends: [c]\n", "b.yaml:2:11: no template has the role 'c'"),
        ("roles/templates/b.yaml", "role: b\nextends: [b]\n", "b.yaml:2:11: 'b' extends itself"),
        ("roles/templates/b.yaml", "role: [b\n", "roles/templates/b.yaml:2:1: is not YAML"),
        ("roles/templates/b.yaml", "role: b\nreview_by: 2026-02-30\n", "b.yaml:2:12: cannot be read as a date"),
        (
            "roles/approvers.yaml",
            'approvers:\n  - {person: "7", key: ssh-dss AAAA, enrolled: x}\n',
            "roles/approvers.yaml:2:19: key: must be a public key as ssh-keygen writes it",
        ),
        (
            "roles/approvers.yaml",
            f'approvers:\n  - {{person: "7", key: ssh-rsa {"A" * 372}, enrolled: x}}\n',
            "roles/approvers.yaml:2:19: key: the RSA key is too short: 3072 bits",
        ),
        ("roles/templates/b.yml", "role: b\n", "roles/templates/b.yml: is not read: its name ends in .yml"),
        ("roles/policy.yml", "limits: {}\n", "roles/policy.yml: is not read: its name ends in .yml"),
        (
            "roles/separation.yaml",
            "pairs:\n " + "[" * 900,
            "separation.yaml:2:502: more than 500 brackets are open here",
        ),
        (
            "roles/policy.yaml",
            "limits: {disable: {percent: 101, floor: 1}}\n",
            "policy.yaml:1:20: percent: must be at most",
        ),
        (
            "roles/policy.yaml",
            "limits: {disable: {percent: -1, floor: 1}}\n",
            "policy.yaml:1:20: percent: must be at least",
        ),
        *(
            (f"roles/{name}.yaml", "", f"roles/{name}.yaml: is empty (was it cut")
            for name in (*BY_DEFAULT, "templates/b")
        ),
        (
            "roles/policy.yaml",
            "\ufeff \n\n",
            "roles/policy.yaml: is empty (was it cut while it was written? Else delete it)",
        ),
        ("roles/policy.yaml", "limits: {disable: {percent: 5}}\n", "roles/policy.yaml:1:10: floor: is missing"),
        ("roles/policy.yaml", "mover_grace: 5\n", "mover_grace: 5 is no duration"),
        ("roles/policy.yaml", "mover_grace: 999999w\n", "is longer than a hundred years"),
        (
            "roles/policy.yaml",
            "rules: {leaver-active: {grase_hours: 4}}\n",
            "grase_hours: is not known here (known: grace",
        ),
        ("roles/policy.yaml", "rules: {leaver-activ: {}}\n", "roles/policy.yaml:1:9: no rule is called 'leaver-activ'"),
        ("roles/separation.yaml", "pairs: [{pair: p, a: [x:y:z], b: []}]\n", "roles/separation.yaml:1:31: b: "),
        (
            "roles/waivers.yaml",
            "waivers: [{waiver: 1, rule: r, subject: s}]\n",
            "roles/waivers.yaml:1:12: waiver: must be text",
        ),
        (
            "sources/x.yaml",
            "connector: rooster\n",
            "sources/x.yaml:1:12: no connector is called 'rooster' (known: entra",
        ),
        ("sources/x.yaml", "connector: roster\noptions: {pth: a}\n", "sources/x.yaml:2:11: pth: is not known here"),
        ("sources/x.yaml", "connector: roster\noptions: {path: 5}\n", "sources/x.yaml:2:11: path: must be text"),
        (
            "sources/x.yaml",
            SOURCE + "match: [{on: [mail, male]}]\n",
            "sources/x.yaml:5:9: match[0]: on: ['mail', 'male']",
        ),
    ],
)
def test_every_mistake_has_its_place_and_says_what_to_do(folder, file, text, said):
    (folder / file).write_text(text)
    assert any(said in mistake for mistake in mistakes(folder)), mistakes(folder)


def test_a_rung_that_asks_for_nearly_an_attribute_of_the_roster_is_answered_with_it(folder):
    (folder / "sources/hr.yaml").write_text(SOURCE.replace("{person: id}", "{person: id, login_name: Login}"))
    (folder / "sources/x.yaml").write_text("connector: roster\noptions: {path: a.csv, columns: {person: id}}\n")
    with (folder / "sources/x.yaml").open("a") as file:
        file.write("match: [{on: [name, login_name]}, {on: [name, login_nmae]}, {on: [name, badge]}]\n")
    (found,) = mistakes(folder)
    assert found.startswith("sources/x.yaml:3:")
    assert "no roster maps 'login_nmae' (is 'login_name' meant?)" in found


def test_several_mistakes_in_several_files_are_reported_at_once(folder):
    (folder / "roles/templates/b.yaml").write_text("role: b\nrole: b\nmust: 5\n")
    (folder / "roles/policy.yaml").write_text("mover_grace: x\nlimit: {}\nrules: {no-such: {}}\n")
    (folder / "sources/x.yaml").write_text("conector: roster\n")
    found = mistakes(folder)
    assert [m.split(":")[0] for m in found] == ["roles/policy.yaml"] * 3 + ["roles/templates/b.yaml"] * 2 + [
        "sources/x.yaml"
    ] * 2


def test_no_workspace_says_how_to_make_one(tmp_path):
    with pytest.raises(WorkspaceError) as raised:
        load(tmp_path)
    assert "access-review init" in raised.value.hint


def test_an_alias_bomb_is_a_mistake():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{n}: &{n} [{', '.join(['*' + p] * 10)}]" for p, n in zip("abcdefgh", "bcdefghi", strict=True)]
    assert "aliases expanded" in parse("\n".join(lines), "x.yaml").mistakes[0].message


@given(st.text())
def test_any_text_is_a_value_or_a_mistake_and_never_a_crash(text):
    parse(text, "x.yaml")


def undescribed(node, place):
    for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key == "properties" and isinstance(inner, dict):
            yield from (f"{place}/{name}" for name, one in inner.items() if not one.get("description"))
        yield from undescribed(inner, f"{place}/{key}")


def test_every_property_of_a_schema_says_what_it_is():
    assert [place for name, schema in schemas.all_schemas().items() for place in undescribed(schema, name)] == []


def test_the_published_schemas_are_those_of_the_models_and_accept_the_example(repository):
    for name, schema in schemas.all_schemas().items():
        published = repository / "roles/schemas" / f"{name}.schema.json"
        assert published.read_text() == schemas.text(schema), "run: make schemas"
        Draft202012Validator.check_schema(json.loads(published.read_text()))
    for kind, pattern in (
        ("template", "roles/templates/*.yaml"),
        ("source", "sources/*.yaml"),
        ("policy", "roles/policy.yaml"),
    ):
        validator = Draft202012Validator(schemas.all_schemas()[kind])
        for path in sorted(repository.glob(pattern)):
            data = json.loads(json.dumps(parse(path.read_text(), path.name).data, default=str))
            assert not list(validator.iter_errors(data)), path


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_only_plain_words_name_sources(name):
    assert bool(_SOURCE_NAME.fullmatch(name)) == (
        name[0] in string.ascii_lowercase + string.digits
        and set(name) <= set(string.ascii_lowercase + string.digits + "-_")
    )


@pytest.mark.parametrize("name", ["o'brien", "HR", "a b", "-x", "hr.old"])
def test_a_source_whose_name_is_no_plain_word_is_a_mistake_with_its_place(tmp_path, name):
    (tmp_path / "roles").mkdir()
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / f"{name}.yaml").write_text(SOURCE)
    with pytest.raises(WorkspaceError) as raised:
        load(tmp_path)
    (mistake,) = raised.value.mistakes
    assert str(mistake).startswith(f"sources/{name}.yaml:1:1: {name!r} cannot be the name of a source")


def test_a_file_of_remarks_alone_sets_nothing(folder):
    (folder / "roles/policy.yaml").write_text("# nothing yet\n")
    assert load(folder).policy == Policy()
