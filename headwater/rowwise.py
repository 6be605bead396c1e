"""Whether a query works on each row by itself."""

from sqlglot import exp

from headwater.flinksql import WindowTable
from headwater.functions import RULES

# A clause or function that is not listed here counts as one that needs to see other rows.
_CLAUSES = frozenset({"expressions", "from_", "where", "with_"})
_OVER_ROWS = {
    *("COUNT", "APPROX_COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX", "FIRST_VALUE", "LAST_VALUE", "LAG", "LEAD"),
    *("STDDEV_POP", "STDDEV_SAMP", "STDDEV", "VAR_POP", "VAR_SAMP", "VARIANCE", "LISTAGG", "ARRAY_AGG", "COLLECT"),
    *("ROW_NUMBER", "RANK", "DENSE_RANK", "NTILE", "PERCENT_RANK", "CUME_DIST"),
}
_ROW_FUNCTIONS = RULES.keys() - _OVER_ROWS


def is_row_by_row(tree: exp.Expr) -> bool:
    """Each row that the query gives comes from one row that it reads: it only chooses, computes and unites."""
    return _is_plain_query(tree) and all(map(_is_plain, tree.walk()))


def _is_plain(node: exp.Expr) -> bool:
    if isinstance(node, exp.Select):
        return _is_plain_query(node) and isinstance(node.parent, exp.Subquery | exp.CTE | exp.Union | None)
    if isinstance(node, exp.Subquery):
        return isinstance(node.parent, exp.From | exp.Subquery | exp.CTE | exp.Union | None) and not node.args.get(
            "joins"
        )
    if isinstance(node, exp.From):
        return isinstance(node.this, exp.Table | exp.Subquery) and not isinstance(node.this, WindowTable)
    if isinstance(node, exp.Anonymous):
        return node.name.upper() in _ROW_FUNCTIONS
    return not isinstance(
        node, exp.Window | exp.AggFunc | exp.Join | exp.Lateral | exp.Unnest | exp.Values | exp.Exists
    )


def _is_plain_query(node: exp.Expr) -> bool:
    if isinstance(node, exp.Union):
        return not node.args.get("distinct") and not {"order", "limit", "offset"} & _given(node)
    return isinstance(node, exp.Subquery) or (isinstance(node, exp.Select) and _given(node) <= _CLAUSES)


def _given(node: exp.Expr) -> set[str]:
    return {name for name, value in node.args.items() if value}
