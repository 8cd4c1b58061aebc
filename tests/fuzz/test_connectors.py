"""Every connector reads whatever a file holds: no error but ours, no hang, no row lost without a line in ``problems``."""

import csv
import io
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from access_review import snapshot, workspace
from access_review.errors import AccessReviewError
from tests.connectors.damages import KINDS
from tests.connectors.faulty_inputs import DOMAIN
from tests.connectors.good_samples import SAMPLES
from tests.connectors.small_sources import AS_OF, Found, read
from tests.fuzz.keep_on import keep_on

WORDS = (
    *(
        "",
        " ",
        "\u00a0",
        "\u200b",
        "N/A",
        "-",
        "NULL",
        "0",
        "1.0",
        "1E5",
        "00123",
        "Null",
        "System.Object[]",
        "@{a=b}",
        "[object Object]",
    ),
    *(
        "2026-09-30",
        "2026-02-30",
        "0001-01-01",
        "1601-01-01",
        "9999-12-31",
        "99999-01-01",
        "/Date(99999999999999999)/",
        "-1",
    ),
    *(
        "9223372036854775807",
        "9" * 400,
        "true",
        "\u202eevil",
        "=1+1",
        "a;b",
        'a"b',
        "a\\,b",
        "CN=x,DC=y",
        "\ud7ff",
        "\uffff",
        "x" * 2000,
    ),
)
TOKENS = (
    *(
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\x80",
        b"\r",
        b"\n",
        b"\n\n",
        b"\n ",
        b'"',
        b",",
        b";",
        b":",
        b"::",
        b":<",
        b"{",
        b"}",
        b"[",
    ),
    *(
        b"]",
        b"null",
        b"NaN",
        b"1e999",
        b"-1",
        b"9" * 400,
        b"[" * 2000,
        b"dn:",
        b"member;range=0-*: ",
        b"changetype: modify\n",
        b"\\",
        b"\\2c",
    ),
    *(
        b"\\ud800",
        b'{"value":',
        b"sep=;\n",
        b"#TYPE x\n",
        b"result: 4 x\n",
        b"# numEntries: 5\n",
        b"version: 1\n",
        b"PK\x03\x04",
        b"PAR1",
    ),
)


@st.composite
def harm(draw: st.DrawFn) -> tuple[int, int, list[tuple[float, bytes, int]]]:
    """Draw which file is damaged, from which seed, and what is written into it besides."""
    written = st.tuples(st.floats(0, 1), st.sampled_from(TOKENS), st.integers(0, 40))
    return draw(st.integers(0, 2**31)), draw(st.integers(0, 5)), draw(st.lists(written, max_size=3))


@pytest.mark.sweep(share=1 / 2)
@pytest.mark.parametrize("name", SAMPLES)
def test_whatever_a_file_holds_is_read_or_refused(name, tmp_path):
    files = SAMPLES[name](tmp_path)
    whole = {path: path.read_bytes() for path in files}
    space = workspace.load(tmp_path)

    def is_read_or_refused(drawn: tuple[int, int, list[tuple[float, bytes, int]]]) -> None:
        number, which, tokens = drawn
        chance = random.Random(number)  # noqa: S311 - damages, not secrets
        path = files[which % len(files)]
        data = whole[path]
        if which % 2 == 0:
            data = chance.choice(KINDS[path.suffix])(data, chance)[0]
        for place, token, over in tokens:
            at = int(place * len(data))
            data = data[:at] + token + data[at + over :]
        path.write_bytes(data)
        try:
            snapshot.collect(space, AS_OF)
        except AccessReviewError:
            return
        finally:
            path.write_bytes(whole[path])

    keep_on(harm(), is_read_or_refused, examples=20, share=0.7 / len(SAMPLES))


CELL = st.one_of(st.sampled_from(WORDS), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
NAMES = ("login", "mail", "emp", "on", "used", "made", "role")
LISTED = {
    "path": "app.csv",
    "columns": dict(
        zip(("account", "mail", "employee_id", "enabled", "last_used", "created_at", "entitlement"), NAMES, strict=True)
    ),
    "enabled": {"yes": ["true"], "no": ["0"]},
    "dates": "%Y-%m-%d",
    "timezone": "UTC",
}
STAFF: dict[str, Any] = {
    "path": "hr.csv",
    "dates": "%Y-%m-%d",
    "timezone": "UTC",
    "left_at_means": "end-of-day",
    "statuses": {"active": ["true"], "left": ["0"]},
    "columns": {"person": "login", "name": "role", "mail": "mail", "status": "on", "starts": "made", "left_at": "used"},
}


def rows_of(cells: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([NAMES, *cells])
    return text.getvalue().encode()


def found_in(folder: Path, connector: str, options: Mapping[str, Any]) -> Found | None:
    try:
        return read(connector, folder, **options)
    except AccessReviewError:
        return None


def said(found: Found, *tables: str) -> str:
    """Return everything that was read into some tables, and every problem, as one text."""
    return json.dumps([found.get(table, []) for table in (*tables, "problems")], default=str, ensure_ascii=False)


@pytest.mark.parametrize("kind", ["table", "roster"])
def test_no_row_of_a_sheet_is_lost(kind, tmp_path):
    options = LISTED if kind == "table" else STAFF

    def nothing_is_lost(cells: list[list[str]]) -> None:
        numbered = [[f"id{n}" if row[0] == "x" * 2000 else row[0], *row[1:]] for n, row in enumerate(cells)]
        (tmp_path / str(options["path"])).write_bytes(rows_of(numbered))
        found = found_in(tmp_path, kind, options)
        if found is None:
            return
        read_of = {row["native_id"] for row in found.get("accounts" if kind == "table" else "people", [])}
        problems = "\n".join(row["locator"] for row in found.get("problems", []))
        for row in numbered:
            assert row[0] in read_of or f"{options['path']}:" in problems, row

    row = st.lists(CELL, min_size=len(NAMES), max_size=len(NAMES))
    keep_on(st.lists(row, min_size=1, max_size=6), nothing_is_lost, examples=60, share=0.05)


ATTRIBUTES = (
    "sAMAccountName",
    "objectSid",
    "objectGUID",
    "mail",
    "member",
    "memberOf",
    "primaryGroupID",
    "userAccountControl",
    "manager",
)
CLASSES = (
    "user",
    "group",
    "computer",
    "contact",
    "foreignSecurityPrincipal",
    "inetOrgPerson",
    "groupOfNames",
    "organizationalUnit",
)
# What holds no access is no object of ours, and needs no line.
NOT_OURS = {"organizationalUnit"}


def test_no_entry_of_a_directory_is_lost(tmp_path):
    def nothing_is_lost(entries: list[tuple[str, list[tuple[str, str]]]]) -> None:
        lines = []
        for number, (kind, values) in enumerate(entries):
            lines += [f"dn: CN=object{number}x,DC=home,DC=test", f"objectClass: {kind}"]
            lines += [f"{name}:: {_base64(value)}" for name, value in values]
            lines.append("")
        (tmp_path / "ad.ldif").write_text("\n".join(lines) + "\n")
        found = found_in(tmp_path, "ldap", {"recorded": ["ad.ldif"]})
        if found is None:
            return
        known = said(found, "accounts", "entitlements", "aliases").lower() + str(found.reasons)
        for number, (kind, _) in enumerate(entries):
            assert (
                kind in {*NOT_OURS, "foreignSecurityPrincipal", "contact"}
                or f"object{number}x" in known
                or "ad.ldif:" in known
            )

    value = st.tuples(st.sampled_from(ATTRIBUTES), CELL)
    entry = st.tuples(st.sampled_from(CLASSES), st.lists(value, max_size=6))
    keep_on(st.lists(entry, min_size=1, max_size=5), nothing_is_lost, examples=60, share=0.05)


def _base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), CELL),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(CELL, inner, max_size=3)),
    max_leaves=6,
)
USER_KEYS = (
    "userPrincipalName",
    "mail",
    "displayName",
    "accountEnabled",
    "createdDateTime",
    "signInActivity",
    "assignedLicenses",
    "licenseAssignmentStates",
    "proxyAddresses",
    "otherMails",
    "userType",
    "onPremisesSyncEnabled",
    "deletedDateTime",
)


def test_no_object_of_a_tenant_is_lost(tmp_path):
    folder = tmp_path / "tenant"
    (folder / "groups/g1").mkdir(parents=True)

    def nothing_is_lost(drawn: tuple[list[dict[str, Any]], Any, Any]) -> None:
        things, members, loose = drawn
        users = [{"id": f"user{n}x", **thing} for n, thing in enumerate(things)]
        for name, value in (
            ("users", users),
            ("groups", [{"id": "g1", "displayName": "Ops"}]),
            ("groups/g1/members", members),
        ):
            (folder / f"{name}.json").write_text(json.dumps({"value": value}))
        (folder / "groups/g1/owners.json").write_text(json.dumps(loose))
        found = found_in(tmp_path, "entra", {"recorded": "tenant"})
        if found is None:
            return
        known = said(found, "accounts")
        for number in range(len(users)):
            assert f"user{number}x" in known

    user = st.dictionaries(st.sampled_from(USER_KEYS), JUNK, max_size=6)
    member = st.one_of(JUNK, st.fixed_dictionaries({"id": CELL, "@odata.type": JUNK}))
    drawn = st.tuples(st.lists(user, max_size=4), st.one_of(JUNK, st.lists(member, max_size=4)), JUNK)
    keep_on(drawn, nothing_is_lost, examples=60, share=0.1)


PROPERTIES = (
    "name",
    "samaccountname",
    "email",
    "enabled",
    "whencreated",
    "lastlogon",
    "lastlogontimestamp",
    "sidhistory",
    "domain",
    "distinguishedname",
)


def test_no_object_of_a_collection_is_lost(tmp_path):
    (tmp_path / "bh").mkdir()

    def nothing_is_lost(drawn: tuple[list[dict[str, Any]], Any, list[Any]]) -> None:
        things, members, loose = drawn
        users = [
            {
                "ObjectIdentifier": f"{DOMAIN}-{5000 + n}",
                "Properties": thing,
                "PrimaryGroupSID": loose[0],
                "HasSIDHistory": loose[1],
            }
            for n, thing in enumerate(things)
        ]
        group = {"ObjectIdentifier": f"{DOMAIN}-1201", "Properties": {"name": "OPS@HOME.TEST"}, "Members": members}
        for kind, objects in (("users", users), ("groups", [group]), ("computers", [])):
            meta = {"version": 6, "type": kind, "count": len(objects)}
            (tmp_path / f"bh/{kind}.json").write_text(json.dumps({"data": objects, "meta": meta}))
        found = found_in(tmp_path, "sharphound", {"path": "bh"})
        if found is None:
            return
        known = said(found, "accounts")
        for number in range(len(users)):
            assert f"{DOMAIN}-{5000 + number}" in known or f"object {number + 1}" in known

    user = st.dictionaries(st.sampled_from(PROPERTIES), JUNK, max_size=6)
    loose = st.lists(JUNK, min_size=2, max_size=2)
    drawn = st.tuples(st.lists(user, max_size=4), st.one_of(JUNK, st.lists(JUNK, max_size=4)), loose)
    keep_on(drawn, nothing_is_lost, examples=60, share=0.1)
