"""A number, list, date, null or endless text where a person, a time or a path is expected: said, never a traceback."""

import base64
import itertools
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785

from access_review.logbook import entries
from access_review.revoke import sshsig, statements
from access_review.revoke.statements import Statement, StatementKind
from access_review.store import files, keys, logbook, logged
from tests.support.workspaces import Company

pytestmark = pytest.mark.slow
MONDAY, LATER = "2026-10-26T06:00:00Z", "2026-10-26T09:00:00Z"
ODD: tuple[Any, ...] = (
    7,
    -1,
    2**53 - 1,
    0.5,
    True,
    None,
    "",
    " ",
    "x" * 200_000,
    [],
    ["00008"],
    {},
    {"a": {"b": []}},
    "\x00",
    "2026-13-45",
    "0001-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59-23:00",
)
FIELDS = ("kind", "digest", "person", "at", "reason", "role", "run", "workspace", "head", "format")


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    company = Company(tmp_path_factory.mktemp("odd") / "company")
    company.besides = [(12, "Payments")]
    company.write()
    assert company.run("audit", at=MONDAY).code == 0
    assert company.run("plan", "--requested-by", "00007", at="2026-10-26T06:05:00Z").code == 0
    return company


def forged(company, kind, field, value):
    """Sign, with a person's own key, a statement that says something odd."""
    log = logbook.read(company.folder)
    at = datetime(2026, 10, 26, 7, tzinfo=UTC)
    said = Statement(kind, "sha256:" + "0" * 64, "hr:person:00008", at, "", "approver", "", log.workspace, log.head)
    payload = rfc8785.dumps(said.payload() | {field: value})
    key = keys.private_key(company.folder / "key8")
    kind_of = statements.PAYLOAD_TYPE.encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind_of), kind_of, len(payload), payload)
    one = {"keyid": sshsig.public_line(key).fingerprint, "sig": base64.b64encode(sshsig.sign(key, message)).decode()}
    plain = {"payload": base64.b64encode(payload).decode(), "payloadType": statements.PAYLOAD_TYPE, "signatures": [one]}
    return json.dumps(plain).encode()


def test_odd_values_in_any_field_of_any_kind_of_signed_statement_are_passed_over(company, tmp_path):
    company = company.copy(tmp_path / "company")
    (plan,) = company.folder.glob("runs/*/plan")
    for number, (field, value) in enumerate(itertools.product(FIELDS, ODD)):
        data = forged(company, list(StatementKind)[number % len(StatementKind)], field, value)
        for folder in (company.folder / "roles/approvals", plan / "approvals"):
            files.write(folder / f"forged-{number}.json", data)
    lines = [
        entries.statement_signed(
            f"sha256:{n:064}",
            datetime(2026, 10, 26, 7, tzinfo=UTC),
            path.relative_to(company.folder / "runs").as_posix(),
            logbook.mark_of(path),
            kind="approval",
            about="",
            person="",
        )
        for n, path in enumerate(sorted((plan / "approvals").glob("*.json")))
    ]
    logged.append(company.folder, *lines, command="approve")
    key8 = ("--by", "00008", "--key", str(company.folder / "key8"))
    of = ("--run", plan.parent.name)
    for words, code in (
        (("apply", "--standing"), 4),
        (("approve", "--standing", *key8), 0),
        (("withdraw", "--standing", *key8, "--comment", "x"), 0),
        ((*of, "approve", "--request", "--by", "00007", "--key", str(company.folder / "key7")), 0),
        ((*of, "apply", "--by", "00007"), 4),
        ((*of, "withdraw", "--of", "plan", *key8, "--comment", "x"), 0),
        (("logbook", "--check"), 0),
        (("daily",), 4),
    ):
        done = company.run(*words, at=LATER)
        assert (done.code, "Traceback" in done.err) == (code, False), (words, done.err[-600:])


YAML = (
    "7",
    "-1",
    "0.5",
    "true",
    "null",
    "''",
    "2026-11-02",
    "[]",
    "[7]",
    "{}",
    "{a: {b: [1]}}",
    "!!binary aGk=",
    "&a [*a]",
    "'" + "x" * 100_000 + "'",
)
FILES = {
    "roles/policy.yaml": 'standing: {daily: 2, until: 2026-12-31, tell: ["00007"]}\nplan_valid: 24h\norganisation: X\n',
    "roles/approvers.yaml": 'approvers:\n  - {person: "00007", key: ssh-ed25519 AAAA, enrolled: x, until: 2027-01-01, may: [request]}\n  - {job: standing, key: ssh-ed25519 AAAB, enrolled: x}\n',
    "roles/waivers.yaml": "waivers:\n  - {waiver: W-2026-001, rule: leaver-active, subject: s, about: a, reason: r, asked_by: x, approver: y, ticket: t, expires: 2027-01-01}\n",
    "roles/wind-downs/one.yaml": "client: X\nexpected: 5\nsince: 2026-11-01\nuntil: 2026-11-20\nreason: r\n",
    "sources/ledger.yaml": "connector: table\noptions: {path: ledger.csv, table: grants}\nmatch:\n  - {on: [employee_id, person], certain: true}\naccept_fewer: 2026-11-03\nsame: [[a:b:c, d:e:f]]\n",
}


@pytest.mark.parametrize("name", FILES)
def test_odd_values_in_any_place_of_any_file_are_a_mistake_or_taken(company, tmp_path, name):
    company = company.copy(tmp_path / "company")
    text = FILES[name]
    path = company.folder / name
    path.parent.mkdir(exist_ok=True)
    places = [found.span(1) for found in re.finditer(r":\s*([^:{}\[\],\n]+|\[[^\]]*\]|\{[^}]*\})", text)]
    for start, end in places:
        for odd in YAML:
            path.write_text(text[:start] + odd + text[end:])
            done = company.run("waive", "list", at=LATER)
            assert done.code in {0, 2}, (odd[:40], done.err[-600:])
