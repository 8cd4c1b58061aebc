"""What tests of a live directory share: how it is named as a source, and what came of reading it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from access_review.connectors import Connector, Source
from access_review.connectors.ad import connector as ldap
from access_review.tables import TABLES, frame
from access_review.workspace import options_of
from tests.real.example_domain import READER
from tests.real.samba import Domain

Tables = Mapping[str, list[dict[str, Any]]]


def now() -> datetime:
    """Return the time: a live server has the clock of the machine."""
    return datetime.now(UTC)  # noqa: TID251


def options(domain: Domain, user: str | None = READER, **more: Any) -> dict[str, Any]:
    """Return the options of a source file for a domain."""
    return {
        "server": domain.url,
        "user": f"{user}@{domain.dns}" if user else None,
        "password": {"env": "TEST_AD_ADMIN" if user == "Administrator" else "TEST_AD_SERVICE"},
        "ca_file": str(domain.authority.file),
        **more,
    }


def connect(domain: Domain, folder: Path = Path("/"), user: str | None = READER, name: str = "ad", **more: Any) -> Any:
    """Open a domain as its source file would; tests look inside."""
    return connected(options(domain, user, **more), folder, name)


def connected(said: Mapping[str, Any], folder: Path = Path("/"), name: str = "ad") -> Any:
    """Open what the options of a source file say."""
    model = options_of(ldap.connect).model_validate(said)
    given = {name: getattr(model, name) for name in type(model).model_fields}
    return ldap.connect(Source(name, folder), **given)


def tables(connector: Connector, as_of: datetime | None = None) -> Tables:
    """Collect; every table is checked against its contract."""
    rows: dict[str, list[Any]] = defaultdict(list)
    for table, row in connector.collect(as_of or now()):
        rows[table].append(row)
    return {name: frame(name, rows[name]).to_pylist() for name in TABLES}


def verdicts(found: Tables) -> dict[str, str | None]:
    """Return the reason for being incomplete by subject, null for complete; provenance apart."""
    return {
        row["subject"]: None if row["complete"] else row["reason"]
        for row in found["completeness"]
        if row["subject"] != "part:provenance"
    }


def incomplete(found: Tables) -> dict[str, str]:
    """Return what is incomplete, with the reason."""
    return {subject: reason for subject, reason in verdicts(found).items() if reason is not None}


def named(found: Tables) -> dict[str, str]:
    """Return the name of every account and group by its id."""
    return {row["account"]: row["name"] for row in found["accounts"]} | {
        row["entitlement"]: row["name"] for row in found["entitlements"]
    }


def edges(found: Tables) -> set[tuple[str | None, str | None]]:
    """Return who is directly in what, by names where they are known."""
    names = named(found)
    pairs = [(row["account"], row["entitlement"]) for row in found["grants"]]
    pairs += [(row["child"], row["parent"]) for row in found["nesting"]]
    return {(names.get(member, member), names.get(group, group)) for member, group in pairs}


def without(found: Tables, *subjects: str) -> Tables:
    """Return the tables without the verdicts on some subjects."""
    kept: Sequence[dict[str, Any]] = [row for row in found["completeness"] if row["subject"] not in subjects]
    return {**found, "completeness": list(kept)}
