"""Which kind of file a text is, from its beginning: LDIF, SharpHound, a page of Graph, JSON records, a table."""

import csv
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from access_review.connectors.tabular.drawn import is_drawn


class TextForm(StrEnum):
    """What a file is before anything in it is read."""

    LDIF = "ldif"
    SHARPHOUND = "sharphound"
    GRAPH = "graph"
    JSON_RECORDS = "json-records"
    DELIMITED = "delimited"
    PAIRS = "pairs"
    """Two values a line with blanks between, no header."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FormGuess:
    """The form of a file and what shows it."""

    form: TextForm
    because: str
    collection: str | None = None
    """Of Graph the collection (``users``), of SharpHound the kind of object, of JSON where the records are."""
    delimiter: str | None = None


_DELIMITERS = ",;\t|"
_MOST = 0.8  # lines with line breaks inside a cell do not agree

_GRAPH_MARKS: Mapping[str, tuple[frozenset[str], ...]] = {
    "users": (frozenset({"userPrincipalName"}),),
    "groups": (frozenset({"securityEnabled"}), frozenset({"groupTypes"}), frozenset({"mailEnabled"})),
    "roleDefinitions": (frozenset({"rolePermissions"}), frozenset({"templateId", "isBuiltIn"})),
    "roleAssignments": (frozenset({"principalId", "roleDefinitionId"}),),
    "signIns": (frozenset({"appDisplayName", "createdDateTime"}),),
    "oauth2PermissionGrants": (frozenset({"clientId", "consentType"}),),
    "servicePrincipals": (frozenset({"servicePrincipalType"}),),
    "applications": (frozenset({"appId", "signInAudience"}),),
    "subscribedSkus": (frozenset({"skuId", "prepaidUnits"}),),
}


def guess_form(head: str) -> FormGuess:
    """Guess from the first some thousand characters of a text; use :func:`guess_json` once JSON is parsed."""
    text = head.lstrip("\ufeff").lstrip()
    if text.startswith(("{", "[")):
        if '"meta"' in head and re.search(r'"(ObjectIdentifier|Properties)"', head):
            return FormGuess(TextForm.SHARPHOUND, "objects with Properties and meta")
        if "graph.microsoft.com" in head or '"@odata.' in head:
            return FormGuess(TextForm.GRAPH, "an answer of Microsoft Graph", _collection_in(head))
        return FormGuess(TextForm.JSON_RECORDS, "JSON")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if any(re.match(r"(?i)dn::? ", line) for line in lines[:20]) or text.lower().startswith("version: 1"):
        return FormGuess(TextForm.LDIF, "lines that begin with dn:")
    # The last line of a beginning may be cut.
    whole = lines[:-1][:50] or lines
    if lines and re.match(r'(?i)"?dn"?,(.*,)?"?(objectclass|samaccountname|member|memberof|cn|name)"?(,|$)', lines[0]):
        return FormGuess(TextForm.LDIF, "an export of csvde: the DN first")
    if is_drawn(whole):
        return FormGuess(TextForm.DELIMITED, "a list drawn with bars", None, "|")
    best = max(_DELIMITERS, key=lambda d: _agreement(whole, d))
    share, columns = _agreement(whole, best)
    if share >= _MOST and columns > 1:
        return FormGuess(TextForm.DELIMITED, f"{columns} columns", None, best)
    if whole and all(len(line.split()) == 2 for line in whole):
        return FormGuess(TextForm.PAIRS, "two values in each line")
    return FormGuess(TextForm.UNKNOWN, "neither LDIF nor JSON nor a table")


def _agreement(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """Return the share of the rows that have as many columns as most do, and how many; prose with commas has little.

    A cell may hold line breaks, as headings of a spreadsheet do; where most lines were one cell, a quote was never closed.
    """
    counts = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter))
    columns, rows = max(counts.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
    every = counts.total() if 2 * counts.total() >= len(lines) else len(lines)
    return (rows / every, columns) if columns > 1 else (0.0, columns)


def heading_line(lines: Sequence[str], delimiter: str) -> int:
    """Return the line where the headings begin: the first row that has as many columns as most rows have."""
    rows = csv.reader(lines, delimiter=delimiter)
    begins, widths = [1], []
    for row in rows:
        widths.append(len(row))
        begins.append(rows.line_num + 1)
    usual = Counter(width for width in widths if width > 1).most_common(1)
    return begins[widths.index(usual[0][0])] if usual else 1


def guess_json(value: Any) -> FormGuess:
    """Guess what parsed JSON is, and where its records are."""
    if isinstance(value, dict):
        meta = value.get("meta")
        if isinstance(meta, dict) and "type" in meta and "data" in value:
            return FormGuess(TextForm.SHARPHOUND, f"meta says {meta['type']}", str(meta["type"]))
        if "value" in value and isinstance(value["value"], list):
            context = str(value.get("@odata.context", ""))
            collection = _collection_in(context) or _collection_of(value["value"])
            if context or collection:
                return FormGuess(TextForm.GRAPH, context or f"records as {collection} have them", collection)
        if "@odata.context" in value:
            return FormGuess(TextForm.GRAPH, "one object of Microsoft Graph", _collection_in(value["@odata.context"]))
        lists = [k for k, v in value.items() if isinstance(v, list) and v and isinstance(v[0], dict)]
        if lists:
            most = max(lists, key=lambda k: len(value[k]))
            return FormGuess(TextForm.JSON_RECORDS, f"{len(value[most])} records under {most}", most)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        lowered = [{k[:1].lower() + k[1:]: None for k in record} for record in value[:20] if isinstance(record, dict)]
        alone = _collection_of(lowered)
        if alone and all("id" in record for record in lowered):
            return FormGuess(TextForm.GRAPH, f"objects of Microsoft Graph alone, as {alone} have them", alone)
        return FormGuess(TextForm.JSON_RECORDS, f"a list of {len(value)} records")
    return FormGuess(TextForm.UNKNOWN, "JSON without records")


def _collection_in(context: str) -> str | None:
    found = re.search(r"\$metadata#([A-Za-z0-9/]+)", context)
    return found[1].strip("/").rsplit("/", 1)[-1] or None if found else None


def _collection_of(records: Sequence[Any]) -> str | None:
    names = {key for record in records[:20] if isinstance(record, dict) for key in record}
    return next((c for c, marks in _GRAPH_MARKS.items() if any(mark <= names for mark in marks)), None)
