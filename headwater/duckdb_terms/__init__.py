"""Flink SQL expressions as DuckDB's: an allow list, typed, each construct with Flink's meaning or refused.

Where the engines differ is written at each rule. Sessions of both engines are in UTC. Sources: Flink's system functions
(https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/table/functions/systemfunctions/), runs of both.
"""

from headwater.duckdb_terms import aggregates, functions, operators

RULES = {**operators.RULES, **functions.RULES, **aggregates.RULES}
