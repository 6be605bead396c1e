"""One flow's SELECT as DuckDB SQL that gives the declared types, and what its form says about its rows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from headwater.compile.text import identifier
from headwater.duckdb_sql import translate
from headwater.flinksql import WindowTable, parse
from headwater.model import Flow, Model, TableName
from headwater.sqltype import SqlType

_FROM = re.compile(r"\bFROM\s*$", re.IGNORECASE)
_AGGREGATES = frozenset(
    (
        *("COUNT", "SUM", "AVG", "MIN", "MAX", "FIRST_VALUE", "LAST_VALUE", "LISTAGG", "COLLECT", "ARRAY_AGG"),
        *("STDDEV", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "VAR_POP", "VAR_SAMP"),
    )
)


@dataclass(frozen=True, slots=True)
class FlowSql:
    """A flow for DuckDB.

    Args:
        sql: Its SELECT, each column cast to what the table declares, in the order of the declaration; and `extra`.
        tree: As Flink's text was parsed.
        has_extra: The extra columns that were asked for are among them.
    """

    sql: str
    tree: exp.Expr
    has_extra: bool


def flow_sql(
    model: Model,
    flow: Flow,
    tables: Mapping[TableName, Mapping[str, SqlType]],
    extra: Mapping[str, SqlType] | None = None,
) -> FlowSql:
    """Translate a flow as the INSERT of its job runs it: with a CAST of every column to the declared type.

    Args:
        tables: The columns of every table that it reads.
        extra: Columns of its one table that are to be handed on, where the flow is plain enough.

    Raises HeadwaterError, with file, line and column, for what DuckDB is not known to run as Flink does.
    """
    translate(flow.sql, tables, flow.file)  # a refusal names the place in the author's own text
    text = flow.sql.strip().rstrip(";").rstrip()
    widened = _with_columns(text, tuple(extra)) if extra else None
    given = {output.name for output in flow.outputs}
    casts = [
        f"CAST({identifier(c.name)} AS {c.type}) AS {identifier(c.name)}" for c in model.columns if c.name in given
    ]
    casts += [identifier(name) for name in extra or ()] if widened else []
    translation = translate(f"SELECT {', '.join(casts)}\nFROM (\n{widened or text}\n) AS `flow`", tables, flow.file)
    return FlowSql(translation.sql, parse(text)[0], widened is not None)


def groups_by_key(model: Model, tree: exp.Expr) -> bool:
    """The flow gives one row for each key: what it groups by is among the columns of the key."""
    if _window_functions(tree) & {"CUMULATE", "SESSION"}:
        return False
    if not isinstance(tree, exp.Select) or not tree.args.get("group"):
        return False
    group = tree.args["group"]
    if any(value and part != "expressions" for part, value in group.args.items()):
        return False
    selected = {item.alias_or_name: (item.this if isinstance(item, exp.Alias) else item) for item in tree.expressions}
    keys = [selected[name] for name in model.key if name in selected]
    return all(any(_is_one_to_one(item, key) for key in keys) for item in group.expressions)


def touches_by_rows(model: Model, tree: exp.Expr) -> bool:
    """Which keys a changed row can touch is told by running the flow over that row alone.

    So it is where each row is taken by itself up to at most one grouping, whose groups are named by the key: no join,
    no window over rows, no session (which one row can join to another), no sub-query in an expression, no grouping over
    a grouping, no HAVING.
    """
    if "SESSION" in _window_functions(tree):
        return False
    for node in tree.walk():
        if isinstance(node, exp.Join | exp.Window | exp.Exists | exp.Intersect | exp.Except):
            return False
        if isinstance(node, exp.In) and node.args.get("query"):
            return False
        if isinstance(node, exp.Select) and (node.args.get("having") or node.args.get("qualify")):
            return False
        if isinstance(node, exp.Union) and node.args.get("distinct"):
            return False
    groupings = [select for select in tree.find_all(exp.Select) if _is_grouping(select)]
    if not groupings:
        return True
    (first, *others) = groupings
    return not others and first is tree and groups_by_key(model, tree)


def _window_functions(tree: exp.Expr) -> set[str]:
    return {node.name for node in tree.find_all(WindowTable)}


def _is_grouping(select: exp.Select) -> bool:
    if select.args.get("group") or select.args.get("distinct"):
        return True
    calls = (call for item in select.expressions for call in item.find_all(exp.Anonymous))
    return any(call.name.upper() in _AGGREGATES for call in calls)


def _is_one_to_one(grouped: exp.Expr, key: exp.Expr) -> bool:
    """A group is told by the key's column: it is the grouped expression, or a CAST of it that loses nothing."""
    if isinstance(key, exp.Cast) and _is_window_bound(key.this):
        key = key.this
    if key == grouped:
        return True
    # window_end is told by window_start.
    return _is_window_bound(key) and _is_window_bound(grouped)


def _is_window_bound(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name in ("window_start", "window_end", "window_time")


def _with_columns(text: str, columns: tuple[str, ...]) -> str | None:
    """The SELECT with further columns of its one table; None when it is not that plain."""
    (tree,) = parse(text)
    if not isinstance(tree, exp.Select) or tree.args.get("with_") or tree.args.get("joins"):
        return None
    source = tree.args["from_"].this if tree.args.get("from_") else None
    if not isinstance(source, exp.Table) or not isinstance(source.args.get("db"), exp.Identifier):
        return None
    if _is_grouping(tree):
        return None
    if any(isinstance(item, exp.Star) for item in tree.expressions):
        return text
    start = source.args["db"].meta.get("start")
    if start is None:
        return None
    found = _FROM.search(text[:start].rstrip("`"))
    if found is None:
        return None
    return f"{text[: found.start()].rstrip()},\n  {', '.join(map(identifier, columns))}\n{text[found.start() :]}"
