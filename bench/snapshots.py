"""Write a made-up company as a workspace with one collected run, as ``collect`` would have left it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from access_review import runs, snapshot
from access_review.engine import ParquetFile
from access_review.runs import Run
from access_review.store import snapshots
from access_review.tables import TABLES
from access_review.workspace import load
from bench.company import Company
from bench.tables import AS_OF, Tables

SOURCES = {
    "hr": "connector: roster\noptions:\n  path: people.csv\n  columns: {person: person, name: name}\n",
    "ad": "connector: ldap\noptions:\n  recorded: [directory.ldif]\nmatch:\n  - {on: [employee_id, person]}\n"
    "  - {on: [mail, mail], certain: false}\n",
    "entra": "connector: entra\noptions:\n  recorded: {users: users.json}\n  synced_from: ad\nmatch:\n"
    "  - {on: [employee_id, person]}\n  - {on: [principal_name, mail], certain: false}\n",
}


def workspace(folder: Path, company: Company, engine: str = "") -> None:
    """Write ``sources/`` and ``roles/``: a template for each role, a few toxic pairs, a policy."""
    for part in ("sources", "roles/templates"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name in ("people.csv", "directory.ldif", "users.json"):
        (folder / "sources" / name).touch()  # what a source reads must be there, though its run is drawn
    for name, text in SOURCES.items():
        (folder / f"sources/{name}.yaml").write_text(text)
    for role in range(company.size.roles):
        (folder / f"roles/templates/role-{role:04d}.yaml").write_text(_template(role))
    (folder / "roles/templates/all-staff.yaml").write_text("role: all-staff\nmust: [ad:group:All-Staff]\n")
    pairs = [
        {"pair": f"pair-{i}", "a": [f"ad:group:T{i:04d}-Group00"], "b": [f"ad:group:T{i + 1:04d}-Group01"]}
        for i in range(min(20, company.size.roles - 1))
    ]
    (folder / "roles/separation.yaml").write_text(json.dumps({"pairs": pairs}))
    (folder / "roles/policy.yaml").write_text(f"organisation: Norwind Outsourcing\n{engine}")


def _template(role: int) -> str:
    who = f'who: {{department: "Department {role // 10}", title: "Title {role:04d}"}}\n' if role % 2 else ""
    never = f"never: [ad:group:T{role + 3:04d}-Group05]\n" if role % 5 == 0 else ""
    return f"role: role-{role:04d}\n{who}extends: [all-staff]\nmay: [ad:group:T{role:04d}-*]\n{never}"


def write(folder: Path, company: Company, engine: str = "") -> Run:
    """Write the workspace and its run; a run that is there already is kept."""
    if found := runs.all_runs(folder):
        return found[-1]
    workspace(folder, company, engine)
    tables = Tables(company)
    with runs.building(folder) as partial:
        (partial / "snapshot").mkdir(mode=0o700)
        for name in TABLES:
            _write(partial / "snapshot" / f"{name}.parquet", name, tables.pieces(name))
        stored = snapshot.Stored({name: ParquetFile(partial / "snapshot" / f"{name}.parquet") for name in TABLES})
        made = snapshot.Snapshot(AS_OF, stored, snapshot.digest_of(AS_OF, stored))
        return snapshots.conclude(partial, made, load(folder))


def _write(path: Path, name: str, pieces: Iterator[pa.Table]) -> None:
    with pq.ParquetWriter(path, TABLES[name].schema, **snapshots.PARQUET) as writer:
        for piece in pieces:
            writer.write_table(piece)
    path.chmod(0o600)
