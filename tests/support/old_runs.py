"""Runs as versions before this one left them: formats of then, a source whose name is no longer accepted, no logbook."""

import hashlib
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import rfc8785

from access_review import artifacts, runs, store
from access_review.artifacts import MANIFEST, REVIEWED
from access_review.findings.sentences import every_sentence
from access_review.plan import record
from access_review.runs import Run
from access_review.store import files
from access_review.tables import Row, digest
from tests.support.workspaces import Company

NAME = "o'brien"
"""What the source is called in the old run that the workspace calls ``ledger`` now."""

# As they were: the columns of findings@1, in their order.
_TEXT = "finding rule subject about subject_name about_name person person_name client source severity rag"
FINDINGS_1 = pa.schema(
    [
        *((name, pa.string()) for name in _TEXT.split()),
        ("risk", pa.int64()),
        *((name, pa.string()) for name in ("reason", "risk_reasons", "remedy", "controls", "status", "waiver")),
        ("first_seen", pa.timestamp("us", "UTC")),
        ("closed_at", pa.timestamp("us", "UTC")),
    ]
)


def age(company: Company) -> Run:
    """Make of the only run of a company, planned, one of the version before; return it."""
    run = runs.find(company.folder)
    plan = artifacts.plan("plan")
    made = store.read(run, plan)
    for path in (run.folder / "snapshot").glob("*.parquet"):
        pq.write_table(_renamed(pq.read_table(path)), path)
    known = json.loads(_named((run.folder / MANIFEST.path).read_text()))
    for name, table in known["tables"].items():
        path = run.folder / "snapshot" / f"{name}.parquet"
        table |= {"digest": digest(pq.read_table(path)), "file": files.digest_of(path)}
    files.write(run.folder / MANIFEST.path, json.dumps(known).encode())
    sentences = every_sentence()
    shown = [sentences.shown(row) for row in pq.read_table(run.folder / "findings.parquet").to_pylist()]
    found = _renamed(pa.Table.from_pylist([_hashed(row) for row in shown], FINDINGS_1))
    pq.write_table(found, run.folder / "findings.parquet")
    (run.folder / "owners.parquet").unlink()
    reviewed = json.loads(_named((run.folder / REVIEWED.path).read_text()))
    for since in ("findings", "owners", "owners_file"):
        del reviewed[since]
    reviewed |= {"format": "access-review/review@1", "digest": digest(found), "file": ""}
    files.write(run.folder / REVIEWED.path, json.dumps(reviewed).encode())
    for path in sorted((run.folder / "sample").glob("*.json")):
        files.write(path, _named(path.read_text()).encode())
    body = json.loads(_named(record.write(replace(made, format=record.EARLIER)).decode()))
    del body["digest"]  # such a plan holds its own
    sealed = body | {"digest": "sha256:" + hashlib.sha256(rfc8785.dumps(body)).hexdigest()}
    files.write(run.folder / plan.path, rfc8785.dumps(sealed) + b"\n")
    (company.folder / "runs/logbook.jsonl").unlink()  # a new one takes what lies there as it is
    return run


def in_words(run: Run) -> None:
    """Write the findings of a run as ``findings@1`` has them, all else as it is."""
    sentences, path = every_sentence(), run.folder / "findings.parquet"
    shown = [sentences.shown(row) for row in pq.read_table(path).to_pylist()]
    found = pa.Table.from_pylist(shown, FINDINGS_1)
    pq.write_table(found, path)
    reviewed = json.loads((run.folder / REVIEWED.path).read_bytes())
    del reviewed["findings"]
    reviewed |= {"digest": digest(found), "file": files.digest_of(path)}
    files.write(run.folder / REVIEWED.path, json.dumps(reviewed).encode())


def _hashed(row: Row) -> Row:
    """Give a finding the id that it has under the name of then."""
    parts = (str(row["rule"]), _named(str(row["subject"])), _named(str(row["about"] or "")))
    return {**row, "finding": hashlib.sha256("\x1f".join(parts).encode()).hexdigest()}


def _named(text: str) -> str:
    return text.replace("ledger", NAME)


def _renamed(table: pa.Table) -> pa.Table:
    rows = [{name: _named(v) if isinstance(v, str) else v for name, v in row.items()} for row in table.to_pylist()]
    return pa.Table.from_pylist(rows, table.schema)
