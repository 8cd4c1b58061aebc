"""A small company on disk for the batch through the command line: a roster, a list of who holds what, keys to sign with."""

import base64
import copy
import hashlib
import shutil
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.support.command import CommandResult, access_review, lay_out

HR = """\
connector: roster
options:
  path: people.csv
  timezone: Asia/Manila
  dates: "%Y-%m-%d"
  left_at_means: end-of-day
  statuses: {active: [Active], left: [Terminated]}
  columns: {person: id, name: name, status: status, left_at: last_day, department: department}
"""
LEDGER = """\
connector: table
options:
  path: ledger.csv
  table: grants
  columns: {account: login, entitlement: role, employee_id: employee, enabled: enabled}
  enabled: {yes: ["yes"], no: ["no"]}
  stable_id: true
match:
  - {on: [employee_id, person]}
"""
TEMPLATE = "role: clerk\nwho: {department: Finance}\nmay: [ledger:role:Viewer]\n"
POLICY = """\
engine: {threads: 1}
apply: {canary: 0, per_minute: 100000}
standing: {daily: 2, until: 2026-12-31, tell: ["00007"]}
"""
STAFF = 30


@cache
def key_of(person: int) -> tuple[bytes, str]:
    """Return the key with which a person signs, and its public part: the same in every company, so that runs can be shared."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"key of {person}".encode()).digest())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    first, *body, last = private.decode().splitlines()
    data = bytearray(base64.b64decode("".join(body)))
    data[_CHECKED] = bytes(8)
    text = base64.encodebytes(bytes(data)).decode()
    return f"{first}\n{text}{last}\n".encode(), key.public_key().public_bytes(
        Encoding.OpenSSH, PublicFormat.OpenSSH
    ).decode()


_CHECKED = slice(98, 106)
"""Where a number drawn at random stands twice in the file of an Ed25519 key, by which a wrong passphrase is seen."""


class Company:
    """The files of a company whose people are numbered; ``run`` runs the command at a time.

    That is asked for, or what the machine's clock says where the company lives ``by_machine``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.status: dict[int, tuple[str, str]] = {}
        self.disabled: set[int] = set()
        self.besides: list[tuple[int, str]] = []
        self.by_machine = False
        texts = {"sources/hr.yaml": HR, "sources/ledger.yaml": LEDGER, "roles/templates/clerk.yaml": TEMPLATE}
        lay_out(folder, {**texts, "roles/policy.yaml": POLICY})
        lines = ["approvers:"]
        for person in (7, 8, 9):
            private, public = key_of(person)
            (folder / f"key{person}").touch(mode=0o600)
            (folder / f"key{person}").write_bytes(private)
            (folder / f"key{person}").chmod(0o600)
            lines.append(f'  - {{person: "{person:05}", key: "{public}", enrolled: in person}}')
        (folder / "roles/approvers.yaml").write_text("\n".join(lines) + "\n")
        self.write()

    def copy(self, folder: Path) -> "Company":
        """Return the same company in another folder, its runs included."""
        made = copy.copy(self)
        made.folder = Path(shutil.copytree(self.folder, folder))
        made.status, made.disabled, made.besides = dict(self.status), set(self.disabled), list(self.besides)
        return made

    def write(self) -> None:
        """Write roster and list as they now are."""
        people = ["id,name,status,last_day,department"]
        held = ["login,role,employee,enabled"]
        for number in range(1, STAFF + 1):
            status, day = self.status.get(number, ("Active", ""))
            people.append(f"{number:05},Person {number},{status},{day},Finance")
            held.append(f"u{number},Viewer,{number:05},{'no' if number in self.disabled else 'yes'}")
        held += [f"u{n},{role},{n:05},{'no' if n in self.disabled else 'yes'}" for n, role in self.besides]
        (self.folder / "sources/people.csv").write_text("\n".join(people) + "\n")
        (self.folder / "sources/ledger.csv").write_text("\n".join(held) + "\n")

    def leave(self, number: int, day: str) -> None:
        """Let somebody leave, or say that they will."""
        self.status[number] = ("Terminated", day)
        self.write()

    def run(self, *words: str, at: str) -> CommandResult:
        """Run the command at a time; whoever carries a plan out signs with their key."""
        if "apply" in words and "--by" in words and "--key" not in words:
            words = (*words, "--key", str(self.folder / f"key{int(words[words.index('--by') + 1])}"))
        if self.by_machine:
            return access_review(self.folder, *words, at=at)
        return access_review(self.folder, "--as-of", at, *words)

    def sign(self, person: int, *words: str, at: str) -> CommandResult:
        """Sign with the key of a person."""
        return self.run("approve", "--by", f"{person:05}", "--key", str(self.folder / f"key{person}"), *words, at=at)

    def notices(self) -> list[str]:
        """Return the notices sent so far."""
        return [path.read_text() for path in sorted((self.folder / "runs/notices").glob("*.txt"))]
