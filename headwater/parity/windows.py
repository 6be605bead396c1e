"""A windowed model's windows, as its columns show them, and which records may have come too late for one.

A watermark of a source is the greatest event time seen, less the lateness that it declares; a window drops records that
come when the watermark has passed its end (https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/concepts/time/).
When exactly the watermark moved on cannot be known afterwards. What can be known is which records were in time for
sure, because nothing that came before them was new enough to close their window; of the others the window took those
that came first, up to some moment, and none after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlglot import exp

from headwater.batchsql.flow import parse
from headwater.model import Model, TableName, Warehouse
from headwater.problem import HeadwaterError


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of one model.

    Args:
        end: The column that holds a window's end.
        start: The column that holds its start.
        source: The table whose rows the windows take.
        time_column: The column of it that they go by.
        lateness: How far behind the newest row the source's watermark is.
        passed_on: Columns of the key that are columns of the source, unchanged: key column → source column.
        unclear: Why late data cannot be told from wrong rows; "" when it can.
    """

    end: str
    start: str
    source: TableName
    time_column: str
    lateness: timedelta
    passed_on: Mapping[str, str]
    unclear: str = ""


def windows_of(declared: Warehouse, model: Model) -> Windows | None:
    """The model's windows; None when it has none.

    Windows over rows of several tables are final by the watermark alone, which is the least of all those tables.

    Raises HeadwaterError when rows do not show to which window they belong, or there are windows in several flows.
    """
    flows = [flow for flow in model.flows if flow.time_columns]
    if not flows:
        return None
    if len(model.flows) > 1 or len({table for table, _ in flows[0].time_columns}) < len(flows[0].time_columns):
        raise _refused(model, "it has windows in several flows or over several times")
    flow = flows[0]
    (tree,) = parse(flow.sql)
    if not isinstance(tree, exp.Select):
        raise _refused(model, "its windows are not in its outermost SELECT")
    columns: dict[str, str] = {}
    passed_on: dict[str, str] = {}
    for item in tree.expressions:
        bare = item.this if isinstance(item, exp.Alias) else item
        while isinstance(bare, exp.Cast):
            bare = bare.this
        if not isinstance(bare, exp.Column):
            continue
        if bare.name in ("window_start", "window_end"):
            columns[bare.name] = item.alias_or_name
        elif item.alias_or_name in model.key:
            passed_on[item.alias_or_name] = bare.name
    united = len(flow.time_columns) > 1
    if "window_end" not in columns or (len(columns) < 2 and not united):
        raise _refused(model, "its columns do not show both window_start and window_end")
    table, column = flow.time_columns[0]
    event_time = declared.model(table).event_time
    assert event_time is not None
    return Windows(
        columns["window_end"],
        columns.get("window_start", ""),
        table,
        column,
        event_time.lateness,
        passed_on,
        "its windows take rows of several tables" if united else "",
    )


def _refused(model: Model, why: str) -> HeadwaterError:
    return HeadwaterError(
        f"Which rows of {model.name} are final cannot be told: {why}",
        left="nothing was compared",
        next_command="select window_start and window_end, each in a column of its own",
    )
