"""Three weekly audits of a company with two clients, and their evidence as one pack."""

import csv
import re

import pytest

from tests.support.workspaces import Company


class TwoClients(Company):
    """The same people, of whom every third works for one client and the others for another."""

    def write(self):
        super().write()
        path = self.folder / "sources/ledger.csv"
        path.write_text(
            re.sub(r"(?m)^(u\d+),\w+,(\d+),no$", r"\1,,\2,no", path.read_text())
        )  # who is disabled holds nothing
        path = self.folder / "sources/people.csv"
        head, *rows = path.read_text().splitlines()
        clients = ("HARBOR" if int(row[:5]) % 3 == 0 else "QUAY" for row in rows)
        path.write_text("\n".join([head + ",client", *map(",".join, zip(rows, clients, strict=True))]) + "\n")
        source = self.folder / "sources/hr.yaml"
        if "client:" not in source.read_text():
            source.write_text(source.read_text().replace("{person: id", "{client: client, person: id"))


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """Lay out three weekly audits: people leave, a batch is signed and carried out, a week is answered and signed off."""
    made = TwoClients(tmp_path_factory.mktemp("company") / "w")
    policy = made.folder / "roles/policy.yaml"
    policy.write_text(
        policy.read_text() + "sampling: {tolerable: 0.2}\nclients: {HARBOR: {tolerable: 0.2, confidence: 0.9}}\n"
    )
    template = made.folder / "roles/templates/clerk.yaml"
    template.write_text(template.read_text() + "never: [ledger:role:Approver]\n")
    made.besides = [(4, "Payroll"), (5, "Approver")]
    made.leave(3, "2026-11-01")
    assert made.run("--quiet", "audit", at="2026-11-02T06:00:00Z").code in {0, 3}
    assert made.run("plan", "--requested-by", "00007", at="2026-11-02T06:05:00Z").code == 0
    request = ("approve", "--request", "--by", "00007", "--key", str(made.folder / "key7"))
    assert made.run(*request, at="2026-11-02T06:06:00Z").code == 0
    assert made.sign(8, at="2026-11-02T06:07:00Z").code == 0
    applied = made.run("apply", "--by", "00007", at="2026-11-02T06:08:00Z")
    assert applied.code == 0, applied.err
    signed = ("sign-off", "--yes", "--by", "00008", "--key", str(made.folder / "key8"))
    answer(made, "2026-11-03T06:00:00Z")
    ended = made.run(*signed, at="2026-11-04T06:00:00Z")
    assert ended.code == 0, ended.err
    made.disabled = {3}
    made.leave(6, "2026-11-08")
    for day in ("09", "16"):
        assert made.run("--quiet", "audit", at=f"2026-11-{day}T06:00:00Z").code in {0, 3}
        assert made.run("--quiet", "offboarding", at=f"2026-11-{day}T06:10:00Z").code in {0, 5}
    words = ("offboarding", "--certificates", str(made.folder / "certificates"))
    certified = made.run(
        "--json", *words, "--by", "00008", "--key", str(made.folder / "key8"), at="2026-11-16T06:30:00Z"
    )
    assert certified.json["signed"] == ["hr:person:00003"], certified.out + certified.err
    return made


def answer(made, at):
    """Answer every row of the work sheets: one is to be revoked."""
    for number, sheet in enumerate(sorted(made.folder.glob("runs/*/sample/*.csv"))):
        with sheet.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        names = {name.lower(): name for name in rows[0]}
        for place, row in enumerate(rows):
            row[names["decision"]] = "revoke" if number == place == 0 else "keep"
            own = any(value == "Person 9" for value in row.values())
            row[names["decided by"]], row[names["decided on"]] = "Person 10" if own else "Person 9", "2026-11-03"
        with sheet.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        read = made.run("decide", str(sheet), at=at)
        assert read.code == 0, read.err


@pytest.fixture(scope="module")
def pack(company, tmp_path_factory):
    to = tmp_path_factory.mktemp("packs") / "pack"
    words = ("--since", "20261102", "-o", str(to), "--zip", "--key", str(company.folder / "key8"))
    made = company.run("--json", "evidence", "pack", *words, at="2026-11-16T07:00:00Z")
    assert made.code == 0, made.err
    return to, made.json
