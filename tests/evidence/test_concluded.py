"""What a pack says of its reviews is concluded from it: what was withheld, what was not evaluated, whose each account was."""

import hashlib
import json
import random
import re
import shutil
from typing import Any

import pyarrow.parquet as pq
import pytest

from access_review.review import RESTS_ON
from access_review.rules import ours
from access_review.stages.evidence_check import check_evidence
from access_review.stages.evidence_rederive import rederive_evidence
from access_review.store.snapshots import PARQUET
from tests.evidence import damages
from tests.evidence.conftest import TwoClients
from tests.evidence.verifiers import COMPILED, SECOND, second_here
from tests.support.workspaces import LEDGER

pytestmark = pytest.mark.slow

LOANS = LEDGER.replace("ledger.csv", "loans.csv")


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A pack of a week in which a source lost most of its rows, so that it is not believed, beside one that is whole."""
    made = TwoClients(tmp_path_factory.mktemp("short") / "w")
    (made.folder / "sources/loans.yaml").write_text(LOANS)
    rows = [f"l{number},Clerk,{number:05},yes" for number in range(1, 31)]
    (made.folder / "sources/loans.csv").write_text("\n".join(["login,role,employee,enabled", *rows]) + "\n")
    made.leave(3, "2026-11-01")
    assert made.run("--quiet", "audit", at="2026-11-02T06:00:00Z").code in {0, 3}
    (made.folder / "sources/loans.csv").write_text("\n".join(["login,role,employee,enabled", *rows[:9]]) + "\n")
    made.leave(6, "2026-11-08")
    assert made.run("--quiet", "audit", at="2026-11-09T06:00:00Z").code == 1, "something was not wholly read"
    to = tmp_path_factory.mktemp("packs") / "pack"
    packed = made.run("evidence", "pack", "--since", "20261102", "-o", str(to), at="2026-11-09T07:00:00Z")
    assert packed.code == 0, packed.err
    return to


def newest(pack):
    return max(pack.glob("runs/2026*"))


def test_what_is_withheld_follows_from_what_was_not_wholly_read(short):
    said = json.loads((newest(short) / "review.json").read_bytes())["rules"]["leaver-active"]
    assert (said["hits"], said["withheld"]) == (2, 2), (
        "of each leaver the account of the ledger is judged, that of loans not"
    )
    code, told = second_here(short)
    assert code == 0, told
    assert "leaver-active 2 and 2 withheld" in told
    assert re.search(r"nor the [1-9]\d* they withhold", told), told
    found = check_evidence(short)
    assert found.wrong == []
    assert any(re.search(r"\d+ findings withheld, since something was not wholly read", line) for line in found.said)
    assert [one.same for one in rederive_evidence(short)] == [True, True]


@pytest.mark.parametrize("more", [1, -1])
def test_no_finding_is_withheld_of_a_source_that_was_read_though_another_was_not(short, tmp_path, more):
    copy = damages.copied(short, tmp_path / "pack")
    path, rule = newest(copy) / "findings.parquet", "leaver-active"
    rows = pq.read_table(path)
    (out,) = (row for row in rows.to_pylist() if row["rule"] == rule and row["subject"] == "ledger:user:u3")
    review = path.with_name("review.json")
    said = json.loads(review.read_bytes())
    if more > 0:
        without(copy, path, {out["finding"]}, said)
        said["rules"][rule]["hits"] -= 1
    said["rules"][rule]["withheld"] += more
    damages.as_it_was_logged(copy, {review: damages.canonical(said)})
    code, told = second_here(copy)
    assert code == 1, told
    assert f"{newest(copy).name}/review.json: 2 of leaver-active are to be withheld" in told
    assert [one.same for one in rederive_evidence(copy)] == [True, False]


def without(pack, path, out, said):
    """Take findings out of both forms of a run's table, and say so in its review."""
    rows = pq.read_table(path)
    kept = rows.filter([row["finding"] not in out for row in rows.to_pylist()])
    pq.write_table(kept, pack / "made.parquet", **PARQUET)
    data = (pack / "made.parquet").read_bytes()
    (pack / "made.parquet").unlink()
    table = pack / f"tables/{path.parent.name}/findings.csv"
    head, *lines = table.read_bytes().splitlines(keepends=True)
    damages.put(table, head + b"".join(line for line in lines if line.split(b'"')[1].decode() not in out))
    said |= {"digest": digest(table), "file": "sha256:" + hashlib.sha256(data).hexdigest()}
    damages.as_it_was_logged(pack, {path: data})


def digest(path):
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_second_verifier_knows_what_its_rules_need():
    module: dict[str, Any] = {}
    exec(COMPILED, module)  # noqa: S102 - our own file
    for rule, needed in module["RULES"].items():
        known = ours()[rule]
        rests = {table for fact in known.needs for table in RESTS_ON.get(fact, (fact,))}
        assert {*needed.split()} == rests | ({"part:clock"} if known.timed else set()), rule
        assert set(known.whole) <= {"people", "assignments"}


def test_the_second_verifier_stays_short_enough_to_be_read():
    assert len(SECOND.read_text().splitlines()) < 1060


@pytest.mark.parametrize("said", ["counts", "owners", "rule"])
def test_what_a_review_says_beside_its_findings_is_concluded_again(pack, tmp_path, said):
    copy = shutil.copytree(pack[0], tmp_path / "pack")
    run = newest(copy)
    review = json.loads((run / "review.json").read_bytes())
    changes = {}
    if said == "counts":
        counts = json.loads((run / "counts.json").read_bytes())
        changes[run / "counts.json"] = damages.canonical(counts | {"grants_judged": counts["grants_judged"] + 1})
    elif said == "owners":
        rows = pq.read_table(run / "owners.parquet")
        changes[run / "owners.parquet"] = data = damages.parquet_of(copy, rows.slice(1))
        table = copy / f"tables/{run.name}/account_owners.csv"
        head, _, *lines = table.read_bytes().splitlines(keepends=True)
        damages.put(table, head + b"".join(lines))
        review |= {"owners": digest(table), "owners_file": "sha256:" + hashlib.sha256(data).hexdigest()}
    else:
        review["rules"]["access-unused"] |= {"reason": "no source provides people"}
    damages.as_it_was_logged(copy, changes | {run / "review.json": damages.canonical(review)})
    last = list(rederive_evidence(copy))[-1]
    assert (last.digest == last.known, last.same) == (True, False)
    assert re.search(
        {"counts": "counts.json", "owners": "owners.parquet", "rule": "access-unused"}[said], str(last.others)
    )


@pytest.mark.parametrize("kind", [damages.finding_withheld, damages.rule_not_evaluated, damages.finding_out])
def test_a_finding_is_not_talked_away(pack, tmp_path, kind):
    copy = damages.copied(pack[0], tmp_path / "pack")
    done = kind(copy, random.Random(1))  # noqa: S311 - chosen by a number, so that it happens again
    wrong = check_evidence(copy, [done.head]).wrong
    assert wrong, done
    assert done.is_named_in(wrong[0]), wrong
    code, told = second_here(copy, "--head", done.head)
    assert code == 1
    assert re.search(rf"WRONG .*{done.named}", told), told
    assert not all(one.same for one in rederive_evidence(copy))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (damages.proof_made_up, "no two reads apart show it"),
        (damages.batch_unapproved, "nobody had approved when it began"),
        (damages.aim_changed, "aims at rate 0.001, and roles/policy.yaml does not"),
        (damages.client_changed, "is no population that follows"),
    ],
)
def test_who_keeps_the_logbook_and_makes_all_else_fit_is_seen_by_the_second_verifier_too(pack, tmp_path, kind, said):
    copy = damages.copied(pack[0], tmp_path / "pack")
    done = kind(copy, random.Random(1))  # noqa: S311 - chosen by a number, so that it happens again
    (copy / "pack.dsse.json").unlink()  # nobody signs it, or its maker does anew
    head = done.head or pack[1]["head"]
    code, told = second_here(copy, "--head", head)
    wrong, *more = re.findall("WRONG .*", told)
    assert not more, told
    assert (code, said in wrong, done.is_named_in(wrong)) == (1, True, True), told
    assert check_evidence(copy, [head]).wrong or not all(one.same for one in rederive_evidence(copy))
