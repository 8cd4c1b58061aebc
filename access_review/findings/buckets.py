"""The digest of findings as a root over 65,536 buckets, so that a few findings that change cost a few buckets.

The digest of a finding is the SHA-256 of its values, as text, in a JSON array in the order of the columns. It is in the bucket
of the first four digits of its id, whose digest is the SHA-256 of those of its findings, one behind the other in the order of
their ids; a bucket without a finding has none. The root is the SHA-256 of the names of the columns, as a line, and of a line for
each bucket, in order: its four digits, a blank and the 64 of its digest.
"""

from access_review.engine import Engine
from access_review.engine.sql import identifier
from access_review.facts import FINDINGS

DIGITS = 4
"""So many digits of a finding are its bucket: two bytes."""

_VALUES = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in FINDINGS.schema.names)


def digested(name: str) -> str:
    """Return the SELECT of ``finding, bucket, digest`` from a table with the columns of ``facts.FINDINGS``."""
    digest = f"sha256(CAST(to_json([{_VALUES}]) AS VARCHAR))"
    return f"SELECT finding, substr(finding, 1, {DIGITS}) AS bucket, {digest} AS digest FROM {identifier(name)}"


def bucket_digests(name: str) -> str:
    """Return the SELECT of ``bucket, digest`` from a table ``(finding, bucket, digest)``."""
    return f"SELECT bucket, sha256(string_agg(digest, '' ORDER BY finding)) AS digest FROM {identifier(name)} GROUP BY bucket"


def root(engine: Engine, name: str) -> str:
    """Return the digest of findings with the digests of buckets in a table: ``sha256:`` and 64 hex digits."""
    lines = "coalesce(string_agg(concat(bucket, ' ', digest, chr(10)), '' ORDER BY bucket), '')"
    sql = f"SELECT sha256(concat(:names, chr(10), {lines})) AS digest FROM {identifier(name)}"
    (found,) = engine.rows(sql, names=",".join(FINDINGS.schema.names))
    return f"sha256:{found['digest']}"


def root_of(engine: Engine, name: str) -> str:
    """Return the digest of all findings in a table of an engine; two tables are made there."""
    engine.create("digested_findings", digested(name))
    engine.create("digested_buckets", bucket_digests("digested_findings"))
    return root(engine, "digested_buckets")
