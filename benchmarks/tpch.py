"""TPC-H's queries over append and key tables made by Flink, held against the answers that DuckDB publishes for them.

The data is made by the extension `tpch` of another DuckDB, whose package is fetched for the run: this project's own
DuckDB has no extension that must be downloaded.
"""

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.figure import Figure, Goal
from benchmarks.flinkmade import Execute, flink_batch
from benchmarks.stand import Stand
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.query import answer

SCALE = 0.1
_MADE_BY = ("duckdb==1.5.5", "duckdb-extension-tpch==1.5.5")
_MAKE = """
import duckdb, json, sys
from pathlib import Path
import duckdb_extension_tpch
folder, scale = Path(sys.argv[1]), float(sys.argv[2])
extension = next(Path(duckdb_extension_tpch.__file__).parent.rglob("tpch.duckdb_extension"))
connection = duckdb.connect()
connection.execute(f"LOAD '{extension}'")
connection.execute(f"CALL dbgen(sf = {scale})")
tables = {}
for (name,) in connection.sql("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall():
    tables[name] = {row[0]: row[1] for row in connection.sql(f"DESCRIBE {name}").fetchall()}
    connection.execute(f"COPY {name} TO '{folder}/{name}.csv' (HEADER false)")
    connection.execute(f"COPY {name} TO '{folder}/{name}.parquet' (COMPRESSION zstd)")
queries = dict(connection.sql("FROM tpch_queries()").fetchall())
published = "SELECT query_nr, answer FROM tpch_answers() WHERE scale_factor = ?"
answers = dict(connection.execute(published, [scale]).fetchall())
(folder / "made.json").write_text(json.dumps({"tables": tables, "queries": queries, "answers": answers}))
"""
_KEYS = {
    "customer": ("c_custkey",),
    "lineitem": ("l_orderkey", "l_linenumber"),
    "nation": ("n_nationkey",),
    "orders": ("o_orderkey",),
    "part": ("p_partkey",),
    "partsupp": ("ps_partkey", "ps_suppkey"),
    "region": ("r_regionkey",),
    "supplier": ("s_suppkey",),
}
_TYPES = {"VARCHAR": "STRING", "INTEGER": "INT"}


def measure(stand: Stand, rounds: int) -> list[Figure]:
    """For each kind of table: the wrong answers, and the time of all queries beside plain Parquet."""
    with flink_batch(stand, "tpch") as (stack, execute):
        stand.tell(f"tpch: data of scale {SCALE:g}")
        folder = stack.home / "tpch"
        made = _make(folder)
        figures = []
        for layer, key in (("dwd", False), ("dm", True)):
            stand.tell(f"tpch: {'key' if key else 'append'} tables")
            execute(f"CREATE DATABASE IF NOT EXISTS {layer}")
            for name, columns in made["tables"].items():
                _load(execute, folder, layer, name, columns, key=key)
            figures += _figures(stand, stack, folder, layer, made, rounds)
        return figures


def _make(folder: Path) -> dict:
    folder.mkdir(parents=True)
    site, script = folder / "site", folder / "make.py"
    script.write_text(_MAKE)
    fetch = [str(Path(sys.executable).with_name("uv")), "pip", "install", "-q", "--python", sys.executable]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    for command in ([*fetch, "--target", str(site), *_MADE_BY], [sys.executable, str(script), str(folder), str(SCALE)]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise HeadwaterError(
                f"TPC-H's data cannot be made: {done.stderr.strip().splitlines()[-1]}",
                next_command="connect this machine to a package registry, and run it again",
            )
    return json.loads((folder / "made.json").read_text())


def _load(execute: Execute, folder: Path, layer: str, name: str, columns: Mapping[str, str], *, key: bool) -> None:
    """Into an append table as it is; into a key table first with wrong values in a tenth of the rows, then right."""
    typed = ", ".join(f"{column} {_TYPES.get(kind, kind)}" for column, kind in columns.items())
    source = f"default_catalog.default_database.{name}"
    execute(
        f"CREATE TEMPORARY TABLE {source} ({typed}) WITH ('connector' = 'filesystem', 'format' = 'csv',"
        f" 'path' = 'file://{folder}/{name}.csv')"
    )
    if not key:
        execute(f"CREATE TABLE {layer}.{name} ({typed}) WITH ('bucket' = '-1')")
        execute(f"INSERT INTO {layer}.{name} SELECT * FROM {source}")
    else:
        keys = _KEYS[name]
        execute(
            f"CREATE TABLE {layer}.{name} ({typed}, PRIMARY KEY ({', '.join(keys)}) NOT ENFORCED)"
            " WITH ('bucket' = '2', 'write-only' = 'true')"
        )
        again = f"MOD({keys[0]}, 10) = 0"
        stale = [
            f"CASE WHEN {again} THEN CAST(NULL AS {_TYPES.get(kind, kind)}) ELSE {column} END"
            if column not in keys
            else column
            for column, kind in columns.items()
        ]
        execute(f"INSERT INTO {layer}.{name} SELECT {', '.join(stale)} FROM {source}")
        execute(f"INSERT INTO {layer}.{name} SELECT * FROM {source} WHERE {again}")
    execute(f"DROP TEMPORARY TABLE {source}")


def _figures(stand: Stand, stack: Stack, folder: Path, layer: str, made: dict, rounds: int) -> list[Figure]:
    queries = {number: _over(text, made["tables"], layer) for number, text in made["queries"].items()}
    wrong: list[str] = []
    ours: list[float] = []
    reference: list[float] = []
    kind = "key tables, uncompacted" if layer == "dm" else "append tables"
    for number in range(rounds + 1):
        stand.tell(f"tpch {kind}: " + (f"round {number} of {rounds}" if number else "a round that does not count"))
        begun = time.perf_counter()
        found = {query: answer(stack.lake, sql).rows for query, sql in queries.items()}
        between = time.perf_counter()
        _plain(folder, made)
        ended = time.perf_counter()
        if number:
            ours.append(between - begun)
            reference.append(ended - between)
        else:
            wrong = [query for query, rows in found.items() if not same(rows.rows, made["answers"][query])]
    said = f"scale {SCALE:g}, all {len(queries)} queries" + (f"; wrong: {', '.join(wrong)}" if wrong else "")
    return [
        Figure("tpch", f"answers that differ, {kind}", "answers", (len(wrong),), goal=Goal(0), note=said),
        Figure(
            "tpch", f"all queries, {kind}", "s", tuple(ours), tuple(reference), note=f"{said}; beside plain Parquet"
        ),
    ]


def _over(sql: str, tables: Mapping[str, object], layer: str) -> str:
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, dialect="duckdb")
    for table in tree.find_all(exp.Table):
        if table.name in tables:
            table.set("db", exp.to_identifier(layer))
    return tree.sql("duckdb")


def _plain(folder: Path, made: dict) -> None:
    import duckdb

    with duckdb.connect(":memory:") as connection:
        for name in made["tables"]:
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{folder}/{name}.parquet')")
        for sql in made["queries"].values():
            connection.sql(sql).fetchall()


def same(rows: Sequence[Sequence[object]], published: str) -> bool:
    """The rows are the published ones, in order, numbers to nine digits."""
    expected = list(csv.reader(io.StringIO(published), delimiter="|"))[1:]
    return len(rows) == len(expected) and all(
        len(row) == len(want) and all(_equal(cell, text) for cell, text in zip(row, want, strict=True))
        for row, want in zip(rows, expected, strict=True)
    )


def _equal(cell: object, text: str) -> bool:
    if str(cell) == text or (cell is None and text in ("", "NULL")):
        return True
    try:
        found, wanted = float(str(cell)), float(text)
    except ValueError:
        return False
    return abs(found - wanted) <= 1e-9 * max(abs(found), abs(wanted))
