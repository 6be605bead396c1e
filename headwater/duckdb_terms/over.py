"""Functions over windows of rows: rankings, LAG and LEAD, aggregates with frames."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater.duckdb_terms.aggregates import AGGREGATES, aggregate
from headwater.duckdb_terms.times import micros
from headwater.duckdb_terms.typed import (
    BIGINT,
    DOUBLE,
    NESTED,
    Refused,
    Surroundings,
    Typed,
    arguments,
    as_type,
    common_type,
    whole,
)

_RANKINGS = {"ROW_NUMBER": BIGINT, "RANK": BIGINT, "DENSE_RANK": BIGINT, "PERCENT_RANK": DOUBLE, "CUME_DIST": DOUBLE}
_NEIGHBOURS = ("LAG", "LEAD")
_ENDS = ("FIRST_VALUE", "LAST_VALUE")


def _window(node: exp.Window, around: Surroundings) -> Typed:
    name = node.this.name.upper() if isinstance(node.this, exp.Anonymous) else ""
    if node.args.get("alias"):
        raise Refused(node, f"OVER {node.args['alias']}: no WINDOW of that name is there")
    if name in _RANKINGS or name in (*_NEIGHBOURS, "NTILE"):
        return _ranked(node, name, around)
    over = f" OVER ({_partition(node, around)}{_order(node, around)}{_frame(node)})"
    if name in _ENDS:
        return _end(node, name, around, over)
    bare = node.this.this if isinstance(node.this, exp.Filter) else node.this
    if bare.name.upper() not in AGGREGATES:
        raise Refused(node, f"{bare.name.upper() or bare.key.upper()} OVER a window of rows")
    if any(True for _ in bare.find_all(exp.Distinct)) and _frame(node):
        raise Refused(node, "DISTINCT over a frame")
    return aggregate(node.this, around, over)


def _ranked(node: exp.Window, name: str, around: Surroundings) -> Typed:
    """Numbers and neighbours of rows; Flink sorts NULL as the smallest value."""
    if node.args.get("spec"):
        raise Refused(node, f"{name} with a frame")
    order = _order(node, around)
    if not order:
        raise Refused(node, f"{name}() without ORDER BY gives any row")
    over = f"OVER ({_partition(node, around)}{order})"
    if name in _NEIGHBOURS:
        return _neighbour(node.this, name, around, over)
    if name == "NTILE":
        count = whole(arguments(node.this, 1)[0], 1, "the number of NTILE")
        return Typed(f"NTILE({count}) {over}", BIGINT)
    arguments(node.this, 0)
    return Typed(f"{name}() {over}", _RANKINGS[name])


def _neighbour(call: exp.Expr, name: str, around: Surroundings, over: str) -> Typed:
    given = arguments(call, 1, 3)
    value = around.expression(given[0])
    parts, kind = [value.sql], value.type
    if len(given) > 1:
        parts.append(str(whole(given[1], 0, f"the distance of {name}")))
    if len(given) > 2:
        default = around.expression(given[2])
        kind = common_type(given[::2], (value.type, default.type))
        parts = [as_type(call, value, kind), parts[1], as_type(call, default, kind)]
    return Typed(f"{name}({', '.join(parts)}) {over}", kind)


def _end(node: exp.Window, name: str, around: Surroundings, over: str) -> Typed:
    """FIRST_VALUE and LAST_VALUE leave NULLs out in Flink."""
    value = around.expression(arguments(node.this, 1)[0])
    return Typed(f"{name}({value.sql} IGNORE NULLS){over}", value.type)


def _partition(node: exp.Window, around: Surroundings) -> str:
    keys = around.all(node.args.get("partition_by") or ())
    for key in keys:
        if key.type.root in NESTED:
            raise Refused(node, f"PARTITION BY {key.type}")
    return f"PARTITION BY {', '.join(key.sql for key in keys)} " if keys else ""


def _order(node: exp.Window, around: Surroundings) -> str:
    order = node.args.get("order")
    return f"ORDER BY {', '.join(sort(item, around) for item in order.expressions)}" if order else ""


def sort(item: exp.Expr, around: Surroundings) -> str:
    """One item of ORDER BY, and where its NULLs go: Flink sorts NULL as the smallest value unless told otherwise."""
    value = around.expression(item.this)
    if value.type.root in NESTED:
        raise Refused(item, f"ORDER BY {value.type}")
    word = "DESC" if item.args.get("desc") else "ASC"
    return f"{value.sql} {word} NULLS {'FIRST' if item.args.get('nulls_first') else 'LAST'}"


def _frame(node: exp.Window) -> str:
    spec = node.args.get("spec")
    if spec is None:
        return ""
    if spec.args.get("exclude"):
        raise Refused(node, "EXCLUDE in a frame")
    kind = spec.text("kind").upper()
    if kind not in ("ROWS", "RANGE"):
        raise Refused(node, f"a frame of {kind}")
    start = _bound(node, kind, spec.args.get("start"), spec.text("start_side"))
    end = _bound(node, kind, spec.args["end"], spec.text("end_side")) if spec.args.get("end") else "CURRENT ROW"
    return f" {kind} BETWEEN {start} AND {end}"


def _bound(node: exp.Window, kind: str, value: exp.Expr | str | None, side: str) -> str:
    if isinstance(value, str):
        return f"{value} {side}".strip()
    if isinstance(value, exp.Interval) and kind == "RANGE":
        return f"INTERVAL '{micros(value)}' MICROSECOND {side}"
    if value is not None and kind == "ROWS":
        return f"{whole(value, 0, 'the bound of a frame')} {side}"
    raise Refused(node, f"a frame of {kind} with this bound")


RULES: Mapping[type[exp.Expr] | str, Callable[..., Typed]] = {exp.Window: _window}
