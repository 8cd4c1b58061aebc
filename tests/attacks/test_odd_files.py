"""Files that are odd: a secret where none belongs, a part cut off, a pipe for a file, a zip of nothing but air."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from access_review.guarded_files.plain import read_plain
from tests.connectors import faulty_inputs
from tests.support.command import access_review, in_own_process, lay_out
from tests.support.example import AUDITED_AT
from tests.support.workspaces import HR, TEMPLATE, Company

AT = ("--as-of", AUDITED_AT)
SECRET = "hunter2-s3cret"  # noqa: S105 - it must be found nowhere
PIPES = hasattr(os, "mkfifo")

MATCH = "match:\n  - {on: [employee_id, person]}\n"
ROSTER = "id,name,status,last_day,department\n" + "".join(
    f"{n:05},Person {n},{'Terminated,2026-10-01' if n % 4 == 0 else 'Active,'},Finance\n" for n in range(1, 21)
)


@pytest.fixture
def small(tmp_path):
    texts = {"sources/hr.yaml": HR, "sources/people.csv": ROSTER, "roles/templates/clerk.yaml": TEMPLATE}
    return lay_out(tmp_path / "small", {**texts, "roles/policy.yaml": "engine: {threads: 1}\n"})


DIRECTORY = "connector: ldap\noptions:\n  server: ldaps://dc.example.test\n  user: reader\n"
TENANT = "connector: entra\noptions:\n  tenant: t\n"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f'{DIRECTORY}  password: "{SECRET}"\n', "5:3"),
        (f"{DIRECTORY}  password: {{env: A, literal: {SECRET}}}\n", "5:"),
        (f"{DIRECTORY}  password: {{env: {SECRET}}}\n", "5:"),
        (f"{DIRECTORY}  password: !{SECRET} x\n", "5:"),
        (f"{DIRECTORY}  password: *{SECRET}\n", "5:"),
        (f"{DIRECTORY}  password: 2026-13-45\n", "5:"),
        (f"{DIRECTORY}  password: {{env: A}}\n  writer: {{user: w, password: {SECRET}}}\n", "6:"),
        (f'{TENANT}  reader: {{client_id: x, secret: "{SECRET}"}}\n', "4:"),
        (
            f'{TENANT}  reader: {{client_id: x, secret: {{env: A}}}}\n  writer: {{client_id: x, secret: "{SECRET}"}}\n',
            "5:",
        ),
    ],
)
def test_a_secret_in_a_source_file_is_one_mistake_and_is_not_repeated(small, text, place):
    (small / "sources/live.yaml").write_text(text)
    for words in ([], ["--json"]):
        done = access_review(small, *words, "check")
        assert done.code == 2, done.err
        assert f"sources/live.yaml:{place}" in done.err
        assert done.err.startswith("access-review: 1 mistake\n"), done.err
        said = done.out + done.err
        assert SECRET not in said
        assert "2026-13-45" not in said


def test_a_secret_in_a_source_file_brings_no_traceback(small):
    (small / "sources/live.yaml").write_text(f'{DIRECTORY}  password: "{SECRET}"\n')
    done = in_own_process(small, "check")
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 2), done.err


def _user(number: int) -> str:
    return (
        f"dn: CN=u{number},DC=home,DC=test\nobjectClass: user\nsAMAccountName: u{number}\nemployeeID: {number:05}\n"
        f"objectSid: {faulty_inputs.DOMAIN}-{1000 + number}\nprimaryGroupID: 1201\nuserAccountControl: 512\n\n"
    )


GROUP = (
    "dn: CN=Ops,DC=home,DC=test\nobjectClass: group\nsAMAccountName: Ops\n"
    f"objectSid: {faulty_inputs.DOMAIN}-1201\n"
    f"{''.join(f'member: CN=u{n},DC=home,DC=test{chr(10)}' for n in range(1, 21))}\n"
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Return a workspace with a directory in two files, in which five who have left still have accounts; reviewed once."""
    folder = lay_out(
        tmp_path_factory.mktemp("attacks") / "directory",
        {
            "sources/hr.yaml": HR,
            "sources/people.csv": ROSTER,
            "sources/ad.yaml": f"connector: ldap\noptions: {{recorded: [a.ldif, b.ldif]}}\n{MATCH}",
            "sources/a.ldif": GROUP + "".join(map(_user, range(1, 11))),
            "sources/b.ldif": "".join(map(_user, range(11, 21))),
            "roles/templates/clerk.yaml": TEMPLATE,
            "roles/policy.yaml": "engine: {threads: 1}\n",
        },
    )
    for stage in ("collect", "review"):
        assert access_review(folder, *AT, "-q", stage).code == 0
    assert len(_leavers(folder)) == 5
    return folder


def _leavers(folder) -> list[str]:
    kept = folder / "findings.json"
    done = access_review(folder, "export", "findings", "--format", "json", "-o", str(kept))
    assert done.code == 0, done.err
    found = json.loads(kept.read_bytes())
    return [row["subject"] for row in found if row["rule"] == "leaver-active" and row["status"] != "closed"]


def _incomplete(folder, source) -> str:
    """Return why a source is incomplete, as ``check`` says it."""
    done = access_review(folder, *AT, "--json", "check")
    (said,) = (one for one in done.json["sources"] if one["source"] == source)
    assert (done.code, said["complete"]) == (1, False), said
    return json.dumps(said)


@pytest.mark.parametrize(
    ("cut", "reason"),
    [
        (lambda _: b"", "the file is empty"),
        (lambda data: data[: data.rindex(b"\ndn: ") - 5], "does not end with a line end"),
        (lambda data: b"# extended LDIF\n#\n" + data, "the end that ldapsearch writes is not there"),
        (lambda data: b"# record 1\n" + data, "the end that ldbsearch writes is not there"),
    ],
    ids=["empty", "within an entry", "no result", "no count"],
)
def test_a_directory_of_which_one_file_is_cut_is_incomplete_and_closes_nothing(directory, tmp_path, cut, reason):
    folder = tmp_path / "cut"
    shutil.copytree(directory, folder)
    path = folder / "sources/b.ldif"
    path.write_bytes(cut(path.read_bytes()))
    assert reason in _incomplete(folder, "ad")
    later = ("--as-of", "2026-11-09T06:00:00Z", "-q")
    assert [access_review(folder, *later, stage).code for stage in ("collect", "review")] == [1, 1]
    assert _leavers(folder) == _leavers(directory)


def test_a_directory_cut_between_entries_is_fewer_than_was_read_before_and_closes_nothing(directory, tmp_path):
    """Nothing in the file says so: the read before does, and a first read cannot know."""
    folder = tmp_path / "cut"
    shutil.copytree(directory, folder)
    path = folder / "sources/b.ldif"
    path.write_bytes(path.read_bytes().partition(b"dn: CN=u16,")[0])
    later = ("--as-of", "2026-11-09T06:00:00Z", "-q")
    assert [access_review(folder, *later, stage).code for stage in ("collect", "review")] == [1, 1]
    assert _leavers(folder) == _leavers(directory)


def test_a_leaver_cut_from_the_end_of_a_file_is_still_named_by_a_group_which_closes_nothing(directory, tmp_path):
    """One of 21 objects is as few as any day deletes; but a directory that deletes one takes it from its groups."""
    folder = tmp_path / "cut"
    shutil.copytree(directory, folder)
    source, whole = folder / "sources/b.ldif", (folder / "sources/b.ldif").read_bytes()
    source.write_bytes(whole.partition(b"dn: CN=u20,")[0])
    later = ("--as-of", "2026-11-09T06:00:00Z", "-q")
    assert [access_review(folder, *later, stage).code for stage in ("collect", "review")] == [0, 0]
    assert _leavers(folder) == _leavers(directory)


@pytest.mark.parametrize("cut", [None, 0, 20], ids=["missing", "empty", "cut"])
def test_a_tenant_without_its_groups_is_incomplete_and_the_run_goes_on(small, cut):
    pages = small / "sources/tenant"
    pages.mkdir()
    faulty_inputs.entra(pages, faulty_inputs.Company.usual())
    (small / "sources/entra.yaml").write_text("connector: entra\noptions: {recorded: tenant}\n")
    path = pages / "groups.json"
    data = path.read_bytes()
    path.unlink() if cut is None else path.write_bytes(data[:cut])
    assert "groups" in _incomplete(small, "entra")
    assert [access_review(small, *AT, "-q", stage).code for stage in ("collect", "review")] == [1, 1]


@pytest.mark.skipif(not PIPES, reason="no pipes here")
@pytest.mark.parametrize(
    "name", ["roles/templates/zz.yaml", "roles/policy.yaml", "sources/zz.yaml", "sources/people.csv"]
)
@pytest.mark.parametrize("kind", ["pipe", "endless", "circle"])
def test_what_is_no_file_is_not_waited_for(small, name, kind):
    path = small / name
    path.unlink(missing_ok=True)
    os.mkfifo(path) if kind == "pipe" else path.symlink_to({"endless": "/dev/zero", "circle": path.name}[kind])
    done = access_review(small, *AT, "check")
    # A template that cannot be read is a mistake; a source is incomplete.
    assert done.code == (1 if "people" in name else 2), done.err


def _bomb(path, inside):
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open(inside, "w") as file,
    ):
        for _ in range(80):
            file.write(b" " * 2**20)


@pytest.mark.parametrize(
    ("name", "source", "inside"),
    [
        ("big.zip", "connector: sharphound\noptions: {path: big.zip}\n", "20260101_users.json"),
        (
            "big.xlsx",
            "connector: roster\noptions: {path: big.xlsx, columns: {person: id, name: name}}\n",
            "xl/worksheets/sheet1.xml",
        ),
    ],
)
def test_a_zip_of_air_is_refused_before_it_costs_memory(small, name, source, inside):
    import resource

    _bomb(small / "sources" / name, inside)
    (small / "sources/big.yaml").write_text(source)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = access_review(small, *AT, "check")
    assert done.code == 2, done.err
    assert "unpacks to hundreds of times its size" in done.err, done.err
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 2**10


@pytest.mark.skipif(not PIPES, reason="no pipes here")
def test_evidence_is_made_of_no_file_without_end(directory, tmp_path):
    folder = tmp_path / "signed"
    shutil.copytree(directory, folder)
    signed = folder / "roles/approvals/standing-x.json"
    signed.parent.mkdir()
    signed.symlink_to("/dev/zero")
    made = access_review(folder, "evidence", "pack", "-o", str(tmp_path / "pack"), at=AUDITED_AT)
    assert (made.code, "standing-x.json cannot be read" in made.err) == (1, True), made.err
    assert {path.name for path in tmp_path.iterdir()} == {"signed"}


def test_what_is_larger_than_it_may_be_is_refused_by_its_size_and_not_by_reading_it(tmp_path):
    import tracemalloc

    with (tmp_path / "huge").open("wb") as huge:
        huge.truncate(2**36)
    tracemalloc.start()
    with pytest.raises(OSError, match="larger than 2048 MiB"):
        read_plain(tmp_path / "huge", 2**31)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.skipif(not PIPES, reason="no pipes here")
def test_whoever_looks_at_a_folder_of_odd_files_waits_for_none_and_is_told_of_each(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    os.mkfifo(folder / "pipe.csv")
    (folder / "endless.csv").symlink_to("/dev/zero")
    (folder / "nothing.csv").symlink_to("/nowhere")
    (folder / "circle.csv").symlink_to("circle.csv")
    (folder / "deep.json").write_text("[" * 100_000)
    with (folder / "huge.csv").open("wb") as huge:
        huge.truncate(2**33)
    _bomb(folder / "bomb.xlsx", "xl/worksheets/sheet1.xml")
    _bomb(folder / "bomb.zip", "20260101_users.json")
    looked = access_review(folder, "--json", "inspect", str(folder))
    assert looked.code == 0, looked.err
    told = {Path(one["file"]).name for one in looked.json["ignored"]}
    assert told == {path.name for path in folder.iterdir()}
    made = access_review(folder, "init", "--from", str(folder), str(tmp_path / "made"))
    assert (made.code, "none of these files can be a source" in made.err) == (2, True)
    assert access_review(folder, "inspect", str(folder / "endless.csv")).code == 0


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Return a company with a plan to disable a leaver, made once."""
    made = Company(tmp_path_factory.mktemp("attacks") / "company")
    made.leave(12, "2026-10-20")
    for stage in ("collect", "review"):
        assert made.run(stage, at="2026-11-02T07:00:00Z").code == 0
    said = made.run("plan", "--requested-by", "00007", "--rule", "leaver-active", at="2026-11-02T07:05:00Z")
    assert said.code == 0, said.err
    return made


@pytest.fixture
def company(planned, tmp_path):
    return planned.copy(tmp_path / "company")


@pytest.mark.skipif(os.name == "nt", reason="mode bits")
def test_a_key_that_others_may_read_signs_nothing(company):
    (company.folder / "key7").chmod(0o644)
    said = company.sign(7, "--request", at="2026-11-02T07:10:00Z")
    assert said.code == 1
    assert "key7 is open to others" in said.err
    assert "chmod 600" in said.err


def test_a_key_that_is_none_is_said_to_be_none(company):
    for text in (b"", b"\xff\x00 no key", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"):
        (company.folder / "key7").write_bytes(text)
        said = company.sign(7, "--request", at="2026-11-02T07:10:00Z")
        assert said.code == 1, said.err
        assert "key7 is no private key that can be read" in said.err
    missing = company.run("approve", "--by", "00007", "--key", str(company.folder), at="2026-11-02T07:10:00Z")
    assert missing.code == 1, missing.err


@pytest.mark.skipif(os.name == "nt", reason="mode bits")
def test_runs_that_others_may_open_are_not_signed(company):
    (company.folder / "runs").chmod(0o755)
    said = company.sign(7, "--request", at="2026-11-02T07:10:00Z")
    assert said.code == 1
    assert "runs is open to others" in said.err


def test_a_confirmation_of_a_change_that_nobody_planned_is_an_error(company):
    for person, words in ((7, ("--request",)), (8, ())):
        assert company.sign(person, *words, at="2026-11-02T07:10:00Z").code == 0
    assert company.run("apply", "--by", "00007", at="2026-11-02T07:20:00Z").code in {0, 4}
    said = company.run("verify", "--confirm", "nothing", "--by", "00007", at="2026-11-02T07:30:00Z")
    assert said.code == 2
    assert "the plan has no change 'nothing'" in said.err


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_an_interruption_is_one_line_and_130(small):
    code = (
        "import signal, os, threading\nfrom access_review import snapshot\nfrom access_review.cli import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # which is ignored behind a shell's &
        "snapshot.read_source = lambda *_: os.kill(os.getpid(), signal.SIGINT) or threading.Event().wait(30)\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "-C", str(small), "check"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.splitlines() == ["access-review: interrupted; the same command goes on with what was begun"]
