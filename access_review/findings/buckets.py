"""The digest of findings as a root over 65,536 buckets, so that a few findings that change cost a few buckets.

The digest of a finding is the SHA-256 of its values, as text, in a JSON array in the order of the columns. It is in the bucket
of the first four digits of its id, whose digest is the SHA-256 of those of its findings, one behind the other in the order of
their ids; a bucket without a finding has none. The root is the SHA-256 of the names of the columns, as a line, and of a line for
each bucket, in order: its four digits, a blank and the 64 of its digest.
"""

import hashlib
from collections.abc import Mapping

from access_review.engine import Engine
from access_review.engine.sql import identifier
from access_review.facts import FINDINGS

DIGITS = 4
"""So many digits of a finding are its bucket: two bytes."""

_VALUES = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in FINDINGS.schema.names)


def digested(name: str) -> str:
    """Return the SELECT of ``finding, digest`` from a table with the columns of ``facts.FINDINGS``."""
    return f"SELECT finding, sha256(CAST(to_json([{_VALUES}]) AS VARCHAR)) AS digest FROM {identifier(name)}"


def bucket_digests(engine: Engine, name: str, where: str = "", **params: object) -> dict[str, str]:
    """Return the digest of each bucket in a table ``(finding, digest)``."""
    sql = f"""
        SELECT substr(finding, 1, {DIGITS}) AS bucket, sha256(string_agg(digest, '' ORDER BY finding)) AS digest
        FROM {identifier(name)} {where} GROUP BY 1
    """
    found = engine.query(sql, **params)
    return dict(zip(found["bucket"].to_pylist(), found["digest"].to_pylist(), strict=True))


def root(buckets: Mapping[str, str]) -> str:
    """Return the digest of findings with these digests of buckets: ``sha256:`` and 64 hex digits."""
    hashed = hashlib.sha256((",".join(FINDINGS.schema.names) + "\n").encode())
    hashed.update("".join(f"{bucket} {buckets[bucket]}\n" for bucket in sorted(buckets)).encode())
    return "sha256:" + hashed.hexdigest()


def root_of(engine: Engine, name: str) -> str:
    """Return the digest of all findings in a table of an engine; ``digested_findings`` is made there."""
    engine.create("digested_findings", digested(name))
    return root(bucket_digests(engine, "digested_findings"))
