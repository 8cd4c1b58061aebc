"""Other ways to find who holds what beyond the roles, each giving the same rows as ours.

Each takes a snapshot's folder and what roles expect (role set, entitlement), and
writes account, entitlement and verdict of the flagged grants. They are what a careful
engineer would write with each library; none is made slow on purpose.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from access_review.graph import states


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where the inputs are: the snapshot's folder, and facts that every way takes as given.

    ``owners`` says which role set an account's person has, ``allowed`` what each role
    set expects, what it forbids left out, ``closure`` what each entitlement gives. Ours
    finds these itself, within the time measured; the others are handed them.
    """

    snapshot: Path
    facts: Path

    def table(self, name: str) -> Path:
        """Return the file of a table of the snapshot."""
        return self.snapshot / f"{name}.parquet"


def networkx_per_account(inputs: Inputs, out: Path) -> None:
    """Search from each account through one graph of accounts and groups, as a script does; no paths."""
    import networkx as nx

    named, role_set = _facts(inputs)
    counts = {
        entitlement
        for entitlement, effect in zip(*_columns(inputs.table("entitlements"), "entitlement", "effect"), strict=True)
        if effect not in ("restricts", "distribution")
    }
    graph = states(pq.read_table(inputs.table("nesting")))
    held: Mapping[str, list[str]] = defaultdict(list)
    for account, entitlement in zip(*_columns(inputs.table("grants"), "account", "entitlement"), strict=True):
        held[account].append(entitlement)
    rows: list[tuple[str, str, str]] = []
    for account, entitlements in held.items():
        if account not in role_set:
            continue
        expected = named[role_set[account]]
        graph.add_edges_from((account, (entitlement, False, False)) for entitlement in entitlements)
        reached = {state[0] for state in nx.descendants(graph, account)}
        graph.remove_node(account)
        if not reached <= expected:
            for entitlement in entitlements:
                if entitlement not in expected:
                    below = {entitlement} | {state[0] for state in nx.descendants(graph, (entitlement, False, False))}
                    rows.append((account, entitlement, "mixed" if below & counts & expected else "beyond"))
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, names=["account", "entitlement", "verdict"]), out)


def _facts(inputs: Inputs) -> tuple[Mapping[int, set[str]], Mapping[str, int]]:
    named: dict[int, set[str]] = defaultdict(set)
    for number, entitlement in zip(*_columns(inputs.facts / "allowed.parquet", "role_set", "entitlement"), strict=True):
        named[int(number)].add(entitlement)
    accounts, role_sets = _columns(inputs.facts / "owners.parquet", "account", "role_set")
    return named, dict(zip(accounts, map(int, role_sets), strict=True))


def _columns(path: Path, *names: str) -> list[list[str]]:
    table = pq.read_table(path, columns=list(names))
    return [table[name].to_pylist() for name in names]


def pandas_materialised(inputs: Inputs, out: Path) -> None:
    """Join every account to everything it reaches, then compare."""
    import pandas as pd

    owners = pd.read_parquet(inputs.facts / "owners.parquet")
    closure = pd.read_parquet(inputs.facts / "closure.parquet")
    allowed = pd.read_parquet(inputs.facts / "allowed.parquet").assign(named=True)
    effects = pd.read_parquet(inputs.table("entitlements"), columns=["entitlement", "effect"])
    grants = pd.read_parquet(inputs.table("grants"), columns=["account", "entitlement"]).merge(owners, on="account")
    effective = grants.merge(closure, on="entitlement").merge(
        allowed.rename(columns={"entitlement": "reached"}), on=["role_set", "reached"], how="left"
    )
    effective = effective.merge(effects.rename(columns={"entitlement": "reached"}), on="reached")
    effective["named"] = effective["named"].notna()
    effective["own"] = effective["named"] & (effective["entitlement"] == effective["reached"])
    effective["part"] = effective["named"] & ~effective["effect"].isin(["restricts", "distribution"])
    judged = effective.groupby(["account", "entitlement"], observed=True)[["own", "part"]].any().reset_index()
    flagged = judged[~judged["own"]]
    verdict = flagged["part"].map({True: "mixed", False: "beyond"})
    flagged[["account", "entitlement"]].assign(verdict=verdict).to_parquet(out, index=False)


def duckdb_materialised(inputs: Inputs, out: Path) -> None:
    """Keep every account with everything it reaches as a table, then compare: effective access as most would."""
    import duckdb

    database = duckdb.connect(config={"memory_limit": "14GB", "temp_directory": str(out.parent)})
    database.execute(
        f"""
        CREATE TABLE effective AS
        SELECT g.account, g.entitlement, c.reached, o.role_set
        FROM read_parquet('{inputs.table("grants")}') AS g
        JOIN read_parquet('{inputs.facts}/owners.parquet') AS o ON o.account = g.account
        JOIN read_parquet('{inputs.facts}/closure.parquet') AS c ON c.entitlement = g.entitlement
        """
    )
    database.execute(
        f"""
        COPY (
            SELECT account, entitlement, CASE WHEN part THEN 'mixed' ELSE 'beyond' END AS verdict
            FROM (
                SELECT f.account, f.entitlement,
                       bool_or(a.entitlement IS NOT NULL AND f.reached = f.entitlement) AS own,
                       bool_or(a.entitlement IS NOT NULL AND e.effect NOT IN ('restricts', 'distribution')) AS part
                FROM effective AS f
                JOIN read_parquet('{inputs.table("entitlements")}') AS e ON e.entitlement = f.reached
                LEFT JOIN read_parquet('{inputs.facts}/allowed.parquet') AS a
                  ON a.role_set = f.role_set AND a.entitlement = f.reached
                GROUP BY f.account, f.entitlement
            ) AS judged
            WHERE NOT own
        ) TO '{out}' (FORMAT parquet)
        """
    )


def polars_materialised(inputs: Inputs, out: Path) -> None:
    """Do the same with Polars' streaming engine."""
    import polars as pl

    grants = pl.scan_parquet(inputs.table("grants")).select("account", "entitlement")
    owners = pl.scan_parquet(inputs.facts / "owners.parquet")
    closure = pl.scan_parquet(inputs.facts / "closure.parquet")
    allowed = pl.scan_parquet(inputs.facts / "allowed.parquet")
    effects = pl.scan_parquet(inputs.table("entitlements")).select("entitlement", "effect")
    named = allowed.select("role_set", pl.col("entitlement").alias("reached"), pl.lit(value=True).alias("named"))
    counts = ~pl.col("effect").is_in(["restricts", "distribution"])
    judged = (
        grants.join(owners, on="account")
        .join(closure, on="entitlement")
        .join(named, on=["role_set", "reached"], how="left")
        .join(effects.rename({"entitlement": "reached"}), on="reached")
        .with_columns(pl.col("named").fill_null(value=False))
        .group_by("account", "entitlement")
        .agg(
            (pl.col("named") & (pl.col("entitlement") == pl.col("reached"))).any().alias("own"),
            (pl.col("named") & counts).any().alias("part"),
        )
        .filter(~pl.col("own"))
    )
    verdict = pl.when(pl.col("part")).then(pl.lit("mixed")).otherwise(pl.lit("beyond")).alias("verdict")
    judged.select("account", "entitlement", verdict).sink_parquet(out)


PEERS: Mapping[str, Callable[[Inputs, Path], None]] = {
    "networkx, per account": networkx_per_account,
    "pandas, materialised": pandas_materialised,
    "DuckDB, materialised": duckdb_materialised,
    "Polars, materialised": polars_materialised,
}
