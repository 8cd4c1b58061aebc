"""Values and names in statements: what both engines share of SQL as text.

Statements are written once, in DuckDB's dialect kept to what Spark SQL has too, with
named parameters (``:name``). An engine that binds takes the values beside the statement
(:func:`prepare`); one that does not is given them as literals (:func:`bind`), which are
written in :func:`literal` and nowhere else.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from access_review.model import AsOf, Relation

# What stands in quotes is text, whatever it looks like; `::` is a cast.
_PARAMETER = re.compile(r"'(?:[^']|'')*'|(?<![:\w]):([a-z_]\w*)")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_LISTED = 50
"""More values than these are bound as one list."""

# Text, quoted names and remarks, in which FROM means nothing.
_ASIDE = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*""")
_CTE = re.compile(r"(?:\bWITH|,)\s*([A-Za-z_]\w*)\s+AS\s*\(", re.IGNORECASE)
# `extract(HOUR FROM s.at)` and `IS DISTINCT FROM t.role` have a dot behind the name, or DISTINCT before FROM.
_NAME = r"[A-Za-z_]\w*\b(?!\s*[.(])"
_SOURCES = re.compile(
    rf"(?<!DISTINCT )\b(?:FROM|JOIN)\s+({_NAME}(?:\s+AS\s+\w+)?(?:\s*,\s*{_NAME}(?:\s+AS\s+\w+)?)*)", re.IGNORECASE
)


Bound = str | bool | int | float | datetime | list[Any]
"""What a parameter of a statement is bound to; a list holds values of one of the other types."""


def identifier(name: str) -> str:
    """Return a name of a table or column, which may stand in a statement as it is; raises ``ValueError`` for others."""
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a table or column")
    return name


def json_path(name: str) -> str:
    """Return the JSON path of a member of an object, whatever it is called; it is bound, as any other value.

    Two names have no path in DuckDB, where ``"*"`` in quotes is every member still: they are a JSON pointer.
    """
    if name in {"", "*"}:
        return f"/{name}"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'$."{escaped}"'


def literal(value: Any, as_of: datetime) -> str:
    """Write a value as SQL; a sequence becomes a bracketed list for ``IN`` that is never empty.

    Raises ``TypeError`` for values that no column holds.
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return repr(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case AsOf():
            return literal(value.at(as_of), as_of)
        case datetime():
            return f"TIMESTAMPTZ '{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
        case Iterable():
            return "(" + (", ".join(literal(v, as_of) for v in value) or "NULL") + ")"
    raise TypeError(f"{type(value).__name__} cannot be written as SQL")


def bind(sql: str, params: Mapping[str, Any], as_of: datetime) -> str:
    """Fill in the named parameters of a statement; raises ``KeyError`` for one that is not given."""
    return _PARAMETER.sub(lambda match: literal(params[match[1]], as_of) if match[1] else match[0], sql)


def prepare(sql: str, params: Mapping[str, Any], as_of: datetime) -> tuple[str, Mapping[str, Bound]]:
    """Return a statement with ``$name`` for each parameter, and the values to bind; a sequence is bound item by item.

    Raises ``KeyError`` for a parameter that is not given.
    """
    values: dict[str, Bound] = {}

    def placed(name: str, value: Any) -> str:
        match value:
            case None:  # a parameter without a type is one of no column's
                return "NULL"
            case str() | bool() | int() | float() | datetime():
                values[name] = value
            case AsOf():
                values[name] = value.at(as_of)
            case Sequence() if len(value) > _LISTED:
                values[name] = list(value)
                return f"(SELECT unnest(${name}))"
            case Iterable():
                return "(" + (", ".join(placed(f"{name}_{i}", v) for i, v in enumerate(value)) or "NULL") + ")"
            case _:
                raise TypeError(f"{type(value).__name__} cannot be bound")
        return f"${name}"

    return _PARAMETER.sub(lambda match: placed(match[1], params[match[1]]) if match[1] else match[0], sql), values


def tables_read(sql: str) -> frozenset[str]:
    """Return the names of the tables that a statement of ours reads, without those it defines itself by ``WITH``."""
    plain = _ASIDE.sub("''", sql)
    names = (part.split()[0] for match in _SOURCES.finditer(plain) for part in match[1].split(","))
    return frozenset(names) - frozenset(_CTE.findall(plain))


def narrowed(source: str, ids: Mapping[str, str], kinds: Mapping[str, str]) -> str:
    """Return a SELECT in which ids are the numbers of their kind, and other columns of some type; ids of none are ``lost_…``."""
    # A join finds the number of an id several times faster than a cast to the enumeration does.
    joins = [
        f"LEFT JOIN {kind}_numbers AS n{i} ON n{i}.id = s.{column}" for i, (column, kind) in enumerate(ids.items())
    ]
    columns = [f"n{i}.number AS {column}" for i, column in enumerate(ids)]
    columns += [f"CAST(s.{column} AS {kind}) AS {column}" for column, kind in kinds.items()]
    replaced = f" REPLACE ({', '.join(columns)})" if columns else ""
    lost = "".join(f", n{i}.number IS NULL AND s.{column} IS NOT NULL AS lost_{column}" for i, column in enumerate(ids))
    return f"SELECT s.*{replaced}{lost} FROM ({source}) AS s {' '.join(joins)}"


def applied(relation: Relation, found: pa.Table) -> pa.Table:
    """Return what a relation is, given what its SELECT returned."""
    if relation.then is None:
        return found
    return pa.Table.from_pandas(relation.then(found.to_pandas()), preserve_index=False)
