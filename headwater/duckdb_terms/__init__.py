"""Flink SQL expressions as DuckDB's: an allow list, typed, each construct with Flink's meaning or refused.

Where the engines differ is written at each rule. Sessions of both engines are in UTC. Sources: Flink's system functions
(https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/table/functions/systemfunctions/), runs of both.
"""

from headwater.duckdb_terms import aggregates, casts, nested, numbers, operators, over, texts, times

RULES = {
    **operators.RULES,
    **casts.RULES,
    **numbers.RULES,
    **texts.RULES,
    **times.RULES,
    **nested.RULES,
    **aggregates.RULES,
    **over.RULES,
}
