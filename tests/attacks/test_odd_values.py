"""A number, list, date, null or endless text where a person, a time or a path is expected: said, never a traceback."""

import base64
import itertools
import json
import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import rfc8785
import ruamel.yaml

from access_review import workspace
from access_review.errors import WorkspaceError
from access_review.logbook import entries
from access_review.revoke import sshsig, statements
from access_review.revoke.statements import Statement, StatementKind
from access_review.store import files, keys, logbook, logged
from tests.support import sweep
from tests.support.example import REPOSITORY
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


YAML: tuple[Any, ...] = (
    7, -1, 0.5, True, None, "", " ", "x" * 100_000, [], [7], [[]], {}, {"a": {"b": [1]}}, {7: 7}, "2026-13-45",
    date(2026, 1, 1), 2**70, float("nan"), float("inf"), b"hi", "a\x07b", "../../etc/passwd", "P1D", "1e400", "0001-01-01",
    "9999-12-31T23:59:59-23:00", "\u202eabc", "*", "[", "(?P<", "{}", "%s",
)  # fmt: skip
Place = tuple[str | int, ...]

DECLARED = {
    "policy": "roles/policy.yaml",
    "checklist": "roles/checklist.yaml",
    "scorecard": "roles/scorecard.yaml",
    "approvers": "roles/approvers.yaml",
    "waivers": "roles/waivers.yaml",
    "separation": "roles/separation.yaml",
    "expectations": "roles/expectations.yaml",
    "wind-down": "roles/wind-downs/one.yaml",
    "template": "roles/templates/odd.yaml",
    "source": "sources/odd.yaml",
}
"""Every kind of file that a workspace declares, by its schema, and where one lies."""
SHARE = int(os.environ.get("ODD_VALUES", "120" if sweep.session().whole else "60"))
FOUND: tuple[tuple[str, Place, Any], ...] = (
    ("checklist", ("checkpoints", 0, "rules", 0), []),
    ("separation", ("pairs", 0, "a", 0), "x" * 100_000),
    ("template", ("may", 0), "x" * 100_000),
)
"""What once ended in a traceback, or was said back at its whole length."""


def places(kind: str) -> list[Place]:
    """Return where a value may stand in a file of a kind, by its schema: under names, and first in lists."""
    schema = json.loads((REPOSITORY / f"roles/schemas/{kind}.schema.json").read_text())

    def below(node: Any, at: Place) -> Iterator[Place]:
        if len(at) > 7:
            return
        node = schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
        for one in node.get("anyOf", ()):
            yield from below(one, at)
        inner = dict(node.get("properties", {}))
        if isinstance(more := node.get("additionalProperties"), dict):
            inner["any"] = more
        steps: list[tuple[str | int, Any]] = [*inner.items()]
        steps += [(0, node["items"])] if isinstance(node.get("items"), dict) else []
        for step, part in steps:
            yield (*at, step)
            yield from below(part, (*at, step))

    return sorted(set(below(schema, ())), key=str)


def standing_at(place: Place, value: Any) -> Any:
    for step in reversed(place):
        value = [value] if step == 0 else {step: value}
    return value


def test_odd_values_in_any_place_of_any_declared_file_are_a_mistake_with_its_place_or_taken(company, tmp_path):
    """A share of them, drawn anew by nobody: ``ODD_VALUES`` says how many of some 30,000."""
    folder = company.copy(tmp_path / "company").folder
    every = [(kind, place, odd) for kind in DECLARED for place in places(kind) for odd in YAML]
    drawn = random.Random(13).sample(every, min(SHARE, len(every)))  # noqa: S311 - which are tried, and no secret
    yaml = ruamel.yaml.YAML(typ="safe")
    for kind, place, odd in (*FOUND, *drawn):
        path = folder / DECLARED[kind]
        path.parent.mkdir(exist_ok=True)
        before = path.read_bytes() if path.exists() else None
        with path.open("w", encoding="utf-8") as file:
            yaml.dump(standing_at(place, odd), file)
        began = time.process_time()
        try:
            workspace.load(folder)
        except WorkspaceError as error:
            said = "\n".join((error.message, *map(str, error.mistakes)))
            assert DECLARED[kind] in said, (kind, place, odd)
            assert len(said) < 50_000, (kind, place, odd)
        except Exception as error:
            raise AssertionError(f"{kind} {place} {str(odd)[:60]!r}: {type(error).__name__}: {error}") from error
        assert time.process_time() - began < 5, (kind, place, odd)
        path.unlink() if before is None else path.write_bytes(before)
