"""Files of a run: what is written is read back, what does not fit is refused by name, older files are still read."""

import hashlib
import io
import json
import os
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rfc8785

from access_review import artifacts, store
from access_review.artifacts import AUDIT, FRAME, MANIFEST, NOTIFIED, REVIEWED, STATE, Artifact, Notified, Reviewed
from access_review.audit.campaign import Campaign
from access_review.errors import ArtifactError, PlanRefused
from access_review.findings import Evaluation
from access_review.plan import record
from access_review.runs import Run
from access_review.sample.draw import SampleState, pledge
from access_review.sample.population import ReviewUnit, SamplingFrame
from access_review.scorecard.follow_up import FollowUp, FollowUpKind
from access_review.store import audits, files, follow_ups, hash_chain, notified
from access_review.store.recalled import read_again
from tests.support.fake_system import a_change, a_plan

AT = datetime(2026, 11, 2, 6, 0, 0, 5, tzinfo=UTC)
CAMPAIGN = Campaign("r", "2026-W45", AT)
KEY = b"k" * 32


def test_every_artifact_has_a_place_and_a_format_of_its_own():
    every = [value for value in vars(artifacts).values() if isinstance(value, Artifact)]
    here = [one for one in every if one is not artifacts.WATCHED]  # which has a folder of its own
    assert len({one.path for one in here}) == len(here) > 10
    assert len({one.format for one in every}) == len(every)


UNITS = tuple(
    ReviewUnit(
        f"hr:person:{n}", "person", {0: None, 1: "É", 2: '"units":[{'}.get(n % 7, "x" * n), ("c",), None, None, 1, n
    )
    for n in range(60)
)
FRAMED = FRAME.dump(SamplingFrame("r", UNITS)).decode()


@pytest.mark.parametrize("piece", [60, 64, 1000, 2**22])
def test_a_long_list_is_read_item_by_item_wherever_a_piece_of_the_file_ends(monkeypatch, piece):
    monkeypatch.setattr(artifacts, "_PIECE", piece)
    assert tuple(artifacts.each(FRAME, io.StringIO(FRAMED), "units", ReviewUnit, "p")) == UNITS
    other = json.dumps(json.loads(FRAMED), indent=1)
    assert tuple(artifacts.each(FRAME, io.StringIO(other), "units", ReviewUnit, "p")) == UNITS


@pytest.mark.parametrize(
    "damaged",
    [
        FRAMED[:-3],
        FRAMED[:500],
        FRAMED.replace('"run"', '"rum"'),
        FRAMED.replace("frame@1", "frame@2"),
        FRAMED.replace("},{", "},,{", 1),
        FRAMED.replace("},{", "}{", 1),
        FRAMED.replace('"units":[{', '"units":[,{'),
        FRAMED.replace("}]}", "},]}"),
        FRAMED.replace("}]}", '}],"units":[]}'),
        FRAMED.replace("}]}", "}]} more"),
        FRAMED.replace('"accounts":1', '"accounts":"one"', 1),
        FRAMED.replace('"name":"É"', '"name":"\\ud800"', 1),
        FRAMED.replace("{", "[", 1),
        "",
    ],
)
@pytest.mark.parametrize("piece", [64, 2**22])
def test_a_long_list_that_is_damaged_is_refused_as_the_whole_file_is(monkeypatch, damaged, piece):
    assert damaged != FRAMED
    monkeypatch.setattr(artifacts, "_PIECE", piece)
    with pytest.raises(ArtifactError, match=r"^p "):
        tuple(artifacts.each(FRAME, io.StringIO(damaged), "units", ReviewUnit, "p"))


def test_what_is_written_is_read_back_by_its_owner_only(tmp_path):
    run = Run(tmp_path / "run")
    assert not store.has(run, AUDIT)
    store.write(run, AUDIT, CAMPAIGN)
    assert store.has(run, AUDIT)
    assert store.read(run, AUDIT) == CAMPAIGN
    assert (run.folder / AUDIT.path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "audit.json cannot be read"),
        ("[]", "audit.json has format None, not 'access-review/audit@1'"),
        ('{"format": "access-review/audit@2"}', "audit.json has format 'access-review/audit@2'"),
        ('{"format": "access-review/audit@1", "run": 1}', "audit.json (access-review/audit@1) is damaged: run: "),
        ('{"format": "access-review/audit@1", "week": "\\ud800"}', "audit.json cannot be read"),
        *(
            (f'{{"format": "access-review/audit@1", "run": "r", "week": "w", {field}}}', f"is damaged: {name}: ")
            for name, field in (
                ("opened_at", '"opened_at": "2026-11-02T06:00:00"'),
                ("opened_at", '"opened_at": "9999-12-31T23:59:59-23:00"'),
                ("opened_at", '"opened_at": NaN'),
                ("missed.u", '"opened_at": "2026-11-02T06:00:00Z", "missed": {"u": 9007199254740992}'),
            )
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path, text, said):
    run = Run(tmp_path)
    (tmp_path / AUDIT.path).write_text(text)
    with pytest.raises(ArtifactError) as refused:
        store.read(run, AUDIT)
    assert said in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    "said", ['{"until": "2026-11-02"}', '{"next_by": "soon"}', '{"value": NaN}', '{"value": 1e400}']
)
def test_a_record_of_the_check_list_that_says_no_moment_or_number_is_none(tmp_path, said):
    """Chained rightly, as whoever may write to the store can."""
    kept = FollowUp(FollowUpKind.ATTESTATION, "mfa", AT, "hr:person:1", {"note": "seen"})
    follow_ups.add(tmp_path, lambda _: kept, AT, "status")
    with closing(sqlite3.connect(tmp_path / "runs" / follow_ups.STORE)) as store_:
        store_.row_factory = sqlite3.Row
        (row,) = store_.execute("SELECT * FROM rows").fetchall()
        body = {name: row[name] for name in row.keys() if name != "digest"} | {"said": said}  # noqa: SIM118 - a row
        store_.execute("UPDATE rows SET said = ?, digest = ?", (said, hash_chain.row_digest(body)))
        store_.commit()
    (tmp_path / "runs/logbook.jsonl").unlink()
    with pytest.raises(ArtifactError, match="no record of the check list"):
        follow_ups.read(tmp_path)


def test_a_plan_with_a_time_without_a_zone_is_not_as_it_was_written():
    """The bytes are what this tool would write of it."""
    made = record.write(a_plan(a_change(1)))
    (was,) = re.findall(rb'"made_at":"([^"]*)"', made)
    with pytest.raises(PlanRefused, match=r"plan/plan\.json: the plan is not"):
        artifacts.plan("plan").load(made.replace(was, was.removesuffix(b"Z")))


def test_what_is_read_again_is_the_same_until_the_file_is_another(tmp_path):
    run, path = Run(tmp_path / "run"), tmp_path / "run" / AUDIT.path
    for week in ("2026-W45", "2026-W46", "2026-W47"):  # of one size, in one tick
        store.write(run, AUDIT, Campaign("r", week, AT))
        assert read_again(run, AUDIT).week == week
    os.utime(path, (1, 1))
    assert read_again(run, AUDIT).week == "2026-W47"
    path.write_bytes(path.read_bytes().replace(b"W47", b"W48"))
    os.utime(path, (1, 1))
    assert read_again(run, AUDIT).week == "2026-W48"
    path.unlink()
    with pytest.raises(ArtifactError):
        read_again(run, AUDIT)


def test_what_is_not_there_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(ArtifactError, match=r"audit\.json is not there") as refused:
        store.read(Run(tmp_path), AUDIT)
    assert str(tmp_path) in refused.value.hint


def test_a_review_lists_its_rules_by_name():
    reviewed = Reviewed("r", "sha256:s", "sha256:w", "sha256:d", (Evaluation("never-used", evaluated=True, hits=3),))
    plain = dict(REVIEWED.plain(reviewed))
    assert plain["rules"] == {"never-used": {"evaluated": True, "hits": 3, "withheld": 0, "reason": ""}}
    assert REVIEWED.load(REVIEWED.dump(reviewed)) == reviewed
    del plain["file"]
    assert REVIEWED.value(plain).file == "", "written before findings had the digest of their file"
    with pytest.raises(ArtifactError, match="damaged: it has not the shape"):
        REVIEWED.value({**plain, "rules": ["never-used"]})


def test_a_manifest_of_before_has_no_digests_of_files():
    plain = {
        "format": MANIFEST.format,
        "tool": "0.1.0",
        "as_of": AT.isoformat(),
        "digest": "sha256:d",
        "previous": None,
        "workspace_digest": "sha256:w",
        "tables": {"people": {"rows": 1, "digest": "sha256:p"}},
        "sources": {"hr": {"connector": "roster", "complete": True, "verdicts": {}, "problems": {}}},
    }
    manifest = MANIFEST.value(plain)
    assert manifest.as_of == AT
    assert manifest.complete
    assert manifest.tables["people"].file == ""
    assert MANIFEST.plain(manifest)["as_of"] == AT.isoformat()


def test_the_secret_of_the_next_draw_is_kept_and_in_no_message(tmp_path):
    state = SampleState(pledge=pledge(KEY))
    assert audits.sample_state(tmp_path) == SampleState()
    audits.keep_sample_state(tmp_path, state, AT)
    path = tmp_path / "runs/state.json"
    assert audits.sample_state(tmp_path) == state
    assert path.stat().st_mode & 0o777 == 0o600
    plain = json.loads(path.read_text())
    assert plain["sample"]["format"] == "access-review/sample-state@1"
    for damaged in ({**plain["sample"], "reveals": KEY.hex()}, {**plain["sample"], "format": "x"}):
        files.write(path, artifacts.canonical({**plain, "sample": damaged}))
        with pytest.raises(ArtifactError) as refused:
            files.read(path, STATE)
        assert KEY.hex() not in refused.value.message + refused.value.hint
        assert refused.value.__cause__ is None


def test_the_moments_of_notices_keep_their_offset(tmp_path):
    sent = {"sha256:n": AT, "sha256:o": AT + timedelta(hours=1)}
    assert notified.read(tmp_path) == {}
    notified.write(tmp_path, sent)
    assert notified.read(tmp_path) == sent
    assert json.loads(NOTIFIED.dump(Notified(sent)))["told"]["sha256:n"] == AT.isoformat()


def test_a_plan_is_read_as_it_was_written_and_its_digest_is_that_of_the_bytes():
    kind, plan = artifacts.plan("leavers-tonight"), a_plan(a_change(1))
    assert kind.path == "leavers-tonight/plan.json"
    assert kind.load(kind.dump(plan)) == plan
    assert kind.dump(plan) == record.write(plan)
    assert kind.plain(plan) == json.loads(kind.dump(plan))
    data = kind.dump(plan)
    assert plan.digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert plan.digest.encode() not in data
    edited = kind.load(data.replace(plan.requested_by.encode(), b"hr:person:9"))
    assert (edited.requested_by, edited.digest != plan.digest) == ("hr:person:9", True)


@pytest.mark.parametrize("broken", [b" ", b"{}", b"[1]", b'{"format":"access-review/plan@2"}', b"[" * 9999])
def test_what_is_no_plan_of_this_tool_is_refused(broken):
    for data in (broken, record.write(a_plan(a_change(1))) + broken):
        with pytest.raises(PlanRefused):
            record.read(data)


def earlier(approvals=1):
    """Return a plan as the version before wrote it: it holds its own digest."""
    body: dict[str, Any] = {**record.plain(a_plan(a_change(1))), "format": record.EARLIER}
    for name in ("name", "systems", "inputs", "ahead"):
        del body[name]
    body["limits"]["approvals"] = approvals
    body["digest"] = "sha256:" + hashlib.sha256(rfc8785.dumps(body)).hexdigest()
    return rfc8785.dumps(body) + b"\n"


def test_a_plan_of_the_format_before_is_read_and_every_byte_of_it_must_be_as_it_was_sealed():
    plan = record.read(earlier())
    assert (plan.format, plan.inputs, plan.name) == (record.EARLIER, None, "")
    assert json.loads(record.write(plan))["digest"] == plan.digest
    for altered in (earlier(approvals=0), earlier().replace(b"hr:person:1001", b"hr:person:1002")):
        with pytest.raises(PlanRefused):
            record.read(altered)
